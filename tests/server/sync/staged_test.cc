// Runs that are read first, looked at, and then published or discarded.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "server/ingest/scratch.h"
#include "server/sync/quarantine.h"
#include "server/sync/staged_diff.h"
#include "tests/server/sync/connectors_fixture.h"

namespace partnermetrics {
namespace {

using storage::RecordType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class StagedTest : public ConnectorsTest {
 protected:
  v1::ConnectorRun StageRun(const std::string& connector = "crm", bool full = true) {
    return RunToEnd(connector, RunOptions{.full = full, .staged = true});
  }
  absl::StatusOr<v1::ConnectorRun> Publish(const std::string& run_id, bool allow_vanishing = false) {
    v1::PublishStagedRunRequest request;
    request.set_run_id(run_id);
    request.set_allow_vanishing(allow_vanishing);
    return connectors_->PublishStaged(request);
  }
  absl::StatusOr<v1::ConnectorRun> Discard(const std::string& run_id, const std::string& note = "") {
    v1::DiscardStagedRunRequest request;
    request.set_run_id(run_id);
    request.set_note(note);
    return connectors_->DiscardStaged(request);
  }
  // What publishing would change, without metrics.
  v1::StagedRun Look(const std::string& run_id) {
    v1::StagedRun shown;
    auto view = connectors_->ReadStaged(run_id);
    EXPECT_TRUE(view.ok()) << view.status();
    auto scratch = Scratch::Make(*programs_, program());
    EXPECT_TRUE(scratch.ok()) << scratch.status();
    if (!view.ok() || !scratch.ok()) return shown;
    std::vector<PreparedEvent> events = std::move(view->staged.content.events);
    std::move(view->deletes.begin(), view->deletes.end(), std::back_inserter(events));
    EXPECT_TRUE(TryStaged(std::move(events), view->staged.record.sequence(), **scratch, 2, shown).ok());
    for (v1::ConnectorProblem& remark : view->vanished.remarks) *shown.add_warnings() = std::move(remark);
    return shown;
  }
  int64_t Facts() {
    Engine::View view(program().engine());
    return view.header().facts;
  }
  std::string State() { return connectors_->GetCursor("crm")->state(); }
  std::vector<std::string> StagedFilesThere() {
    std::vector<std::string> files;
    std::error_code error;
    for (std::filesystem::directory_iterator file(folder_.path() + "/staged", error), end; !error && file != end;
         ++file) {
      files.push_back(file->path().string());
    }
    return files;
  }
  static std::map<std::string, std::string> FactsOf(Programs& programs) {
    std::map<std::string, std::string> facts;
    Engine::View view(programs.all().front()->engine());
    EXPECT_TRUE(view.ScanFacts(0,
                               [&](const FactId& id, const StoredFact& fact) {
                                 if (!fact.deleted) facts[id.record_id] = fact.fact;
                                 return true;
                               })
                    .ok());
    return facts;
  }
};

TEST_F(StagedTest, NothingOfARunCountsUntilItIsPublished) {
  Configure({Counter("crm", {{"records", "25"}, {"skip_every", "5"}})});
  const v1::ConnectorRun staged = StageRun();
  EXPECT_EQ(staged.state(), v1::RUN_STATE_STAGED) << staged.error();
  EXPECT_TRUE(staged.staged());
  EXPECT_EQ(staged.records_read(), 25);
  EXPECT_EQ(staged.events_staged(), 20);
  EXPECT_EQ(staged.events().applied(), 0);
  EXPECT_GT(staged.staged_until().seconds(), absl::ToUnixSeconds(absl::Now() + absl::Hours(24 * 6)));
  EXPECT_EQ(Facts(), 0);
  EXPECT_THAT(Log(RecordType::kEvent), IsEmpty());
  EXPECT_EQ(State(), "") << "a discarded run must leave the next one where this one began";
  EXPECT_EQ(connectors_->List()->connectors(0).staged_run_id(), staged.run_id());

  const auto published = Publish(staged.run_id());
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(published->events().applied(), 20);
  EXPECT_EQ(published->events_staged(), 0);
  EXPECT_EQ(published->records_skipped(), 5);
  EXPECT_EQ(published->plugin_version(), "2.0.0") << "what was known when it was read stays";
  EXPECT_EQ(Facts(), 20);
  EXPECT_EQ(State(), "25");
  EXPECT_THAT(StagedFilesThere(), IsEmpty());
  EXPECT_EQ(connectors_->List()->connectors(0).staged_run_id(), "");
  EXPECT_EQ(connectors_->List()->connectors(0).last_run().state(), v1::RUN_STATE_SUCCEEDED);
  ASSERT_THAT(Runs(), SizeIs(1));
  EXPECT_EQ(Runs()[0].state(), v1::RUN_STATE_SUCCEEDED);
}

TEST_F(StagedTest, APublishedRunLeavesWhatAnOrdinaryOneLeaves) {
  const ConnectorConfig crm = Counter("crm", {{"records", "40"}, {"reject_every", "7"}});
  Configure({crm});
  ASSERT_TRUE(Publish(StageRun().run_id()).ok());
  const storage::TempDir other_folder;
  const auto others = OpenPrograms(other_folder.path());
  const auto ordinary = MakeConnectors(*others, {crm});
  Watch watch;
  ASSERT_TRUE(ordinary->StartRun("crm", {}, watch.observer()).ok());
  EXPECT_EQ(watch.AwaitEnd().state(), v1::RUN_STATE_PARTIAL);
  EXPECT_EQ(FactsOf(*programs_), FactsOf(*others));
  EXPECT_EQ(connectors_->GetCursor("crm")->state(), ordinary->GetCursor("crm")->state());
}

TEST_F(StagedTest, WhatItWouldChangeIsShownFactByFact) {
  ConnectorConfig crm = Counter("crm", {{"records", "10"}});
  crm.delete_missing = true;
  crm.max_vanished_share = 0.5;
  Configure({crm});
  RunToEnd("crm");
  // Of the 10 deals 6 stay in the export with other names, 3 are new, …
  crm.settings = {{"records", "13"}, {"generation", "2"}, {"skip_every", "3"}};  // 3, 6, 9 and 12 are missing
  Configure({crm});
  const v1::ConnectorRun staged = StageRun();
  const v1::StagedRun shown = Look(staged.run_id());
  ASSERT_THAT(shown.facts(), SizeIs(1));
  const v1::StagedFacts& deals = shown.facts(0);
  EXPECT_EQ(deals.kind(), "deal");
  EXPECT_EQ(deals.added(), 2);    // 11, 13
  EXPECT_EQ(deals.changed(), 7);  // 1, 2, 4, 5, 7, 8, 10
  EXPECT_EQ(deals.deleted(), 3);  // 3, 6, 9
  EXPECT_EQ(deals.unchanged(), 0);
  ASSERT_THAT(deals.examples(), SizeIs(6)) << "two of each change";
  const v1::StagedFact& first = deals.examples(0);
  EXPECT_EQ(first.record_id(), "d1");
  EXPECT_EQ(first.change(), v1::STAGED_CHANGE_CHANGED);
  ASSERT_THAT(first.fields(), SizeIs(1));
  EXPECT_EQ(first.fields(0).field(), "name");
  EXPECT_EQ(first.fields(0).before(), "deal 1");
  EXPECT_EQ(first.fields(0).after(), "deal 1 again 2");
  EXPECT_EQ(Facts(), 10) << "looking changes nothing";

  const auto published = Publish(staged.run_id());
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->facts_deleted(), deals.deleted());
  EXPECT_EQ(published->events().applied(), deals.added() + deals.changed());
  EXPECT_EQ(Facts(), 9);
}

TEST_F(StagedTest, WhatIsKnownAlreadyIsShownAsUnchanged) {
  Configure({Counter("crm", {{"records", "10"}})});
  RunToEnd("crm");
  const v1::ConnectorRun staged = StageRun();
  const v1::StagedRun shown = Look(staged.run_id());
  ASSERT_THAT(shown.facts(), SizeIs(1));
  EXPECT_EQ(shown.facts(0).unchanged(), 10);
  EXPECT_THAT(shown.facts(0).examples(), IsEmpty());
  const size_t events = Log(RecordType::kEvent).size();
  ASSERT_TRUE(Publish(staged.run_id()).ok());
  EXPECT_THAT(Log(RecordType::kEvent), SizeIs(events));
}

TEST_F(StagedTest, AnExportThatLacksTooMuchDeletesNothingUnlessThatIsAllowed) {
  ConnectorConfig crm = Counter("crm", {{"records", "10"}});
  crm.delete_missing = true;
  Configure({crm});
  RunToEnd("crm");
  crm.settings = {{"records", "5"}};
  Configure({crm});
  v1::ConnectorRun staged = StageRun();
  const v1::StagedRun shown = Look(staged.run_id());
  EXPECT_EQ(shown.facts(0).deleted(), 0);
  ASSERT_THAT(shown.warnings(), SizeIs(1));
  EXPECT_THAT(shown.warnings(0).message(), HasSubstr("lacks 5 of 10 facts"));
  const auto guarded = Publish(staged.run_id());
  ASSERT_TRUE(guarded.ok()) << guarded.status();
  EXPECT_EQ(guarded->state(), v1::RUN_STATE_PARTIAL);
  EXPECT_EQ(Facts(), 10);

  staged = StageRun();
  const auto allowed = Publish(staged.run_id(), /*allow_vanishing=*/true);
  ASSERT_TRUE(allowed.ok()) << allowed.status();
  EXPECT_EQ(allowed->state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(allowed->facts_deleted(), 5);
  EXPECT_EQ(Facts(), 5);
}

TEST_F(StagedTest, OnlyAWholeReadingDeletes) {
  ConnectorConfig crm = Counter("crm", {{"records", "10"}});
  crm.delete_missing = true;
  crm.max_vanished_share = 1;
  Configure({crm});
  RunToEnd("crm");
  crm.settings = {{"records", "12"}};
  Configure({crm});
  const auto published = Publish(StageRun("crm", /*full=*/false).run_id());
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->records_read(), 2);
  EXPECT_EQ(Facts(), 12);
}

TEST_F(StagedTest, ADiscardedRunLeavesNoTraceButItsReason) {
  Configure({Counter("crm", {{"records", "10"}, {"reject_every", "5"}})});
  const v1::ConnectorRun staged = StageRun();
  const auto discarded = Discard(staged.run_id(), "last year's export");
  ASSERT_TRUE(discarded.ok()) << discarded.status();
  EXPECT_EQ(discarded->state(), v1::RUN_STATE_DISCARDED);
  EXPECT_EQ(discarded->error(), "discarded: last year's export");
  EXPECT_EQ(Facts(), 0);
  EXPECT_THAT(StagedFilesThere(), IsEmpty());
  EXPECT_THAT(ListQuarantine(*programs_, {})->records(), IsEmpty());
  EXPECT_TRUE(Discard(staged.run_id()).ok()) << "again";
  EXPECT_EQ(Publish(staged.run_id()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RunToEnd("crm").records_read(), 10) << "the next run begins where this one began";
}

TEST_F(StagedTest, RejectedRecordsEnterQuarantineWithThePublication) {
  Configure({Counter("crm", {{"records", "20"}, {"reject_every", "10"}})});
  const v1::ConnectorRun staged = StageRun();
  EXPECT_EQ(staged.records_rejected(), 2);
  EXPECT_THAT(ListQuarantine(*programs_, {})->records(), IsEmpty());
  const auto published = Publish(staged.run_id());
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->state(), v1::RUN_STATE_PARTIAL);
  const auto list = ListQuarantine(*programs_, {});
  ASSERT_THAT(list->records(), SizeIs(2));
  EXPECT_EQ(list->records(0).origin().run_id(), staged.run_id());
}

TEST_F(StagedTest, WhatIsInQuarantineAlreadyDoesNotEnterItAgain) {
  Configure({Counter("crm", {{"records", "20"}, {"reject_every", "10"}})});
  ASSERT_EQ(RunToEnd("crm").records_rejected(), 2);
  Configure({Counter("crm", {{"records", "30"}, {"reject_every", "10"}})});
  const v1::ConnectorRun staged = StageRun();
  EXPECT_EQ(staged.records_rejected(), 3);
  EXPECT_EQ(staged.records_rejected_again(), 0) << "not known before it is published";
  const auto published = Publish(staged.run_id());
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->state(), v1::RUN_STATE_PARTIAL);
  EXPECT_EQ(published->records_rejected(), 3);
  EXPECT_EQ(published->records_rejected_again(), 2);
  const auto list = ListQuarantine(*programs_, {});
  ASSERT_THAT(list->records(), SizeIs(3));
  EXPECT_EQ(list->records(2).origin().run_id(), staged.run_id());
  EXPECT_EQ(list->records(2).origin().row(), 30U);
}

TEST_F(StagedTest, PublishingTwiceChangesNothing) {
  Configure({Counter("crm", {{"records", "10"}})});
  const v1::ConnectorRun staged = StageRun();
  const auto first = Publish(staged.run_id());
  const uint64_t position = program().log().last_position();
  const auto second = Publish(staged.run_id());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->ShortDebugString(), first->ShortDebugString());
  EXPECT_EQ(program().log().last_position(), position);
  EXPECT_EQ(Discard(staged.run_id()).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(StagedTest, OnlyAStagedRunCanBePublished) {
  Configure({Counter("crm", {{"records", "10"}})});
  const v1::ConnectorRun ordinary = RunToEnd("crm");
  const absl::Status refused = Publish(ordinary.run_id()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("it is RUN_STATE_SUCCEEDED"));
  EXPECT_EQ(Publish("crm-000099").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Publish("").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(StagedTest, WhileARunIsStagedNoOtherOfItsConnectorBegins) {
  Configure({Counter("crm", {{"records", "10"}}), Counter("other", {{"records", "10"}})});
  const v1::ConnectorRun staged = StageRun();
  const absl::Status refused = connectors_->StartRun("crm", {}, nullptr).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(staged.run_id() + " of 'crm' waits to be published"));
  v1::ResetCursorRequest reset;
  reset.set_connector("crm");
  EXPECT_EQ(connectors_->ResetCursor(reset).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RunToEnd("other").state(), v1::RUN_STATE_SUCCEEDED) << "others go on";
  ASSERT_TRUE(Publish(staged.run_id()).ok());
  EXPECT_EQ(RunToEnd("crm").state(), v1::RUN_STATE_SUCCEEDED);
}

TEST_F(StagedTest, AStagedRunSurvivesARestart) {
  Configure({Counter("crm", {{"records", "10"}})});
  const v1::ConnectorRun staged = StageRun();
  RestartServer({Counter("crm", {{"records", "10"}})});
  EXPECT_EQ(connectors_->List()->connectors(0).staged_run_id(), staged.run_id());
  EXPECT_EQ(connectors_->GetRun(staged.run_id())->state(), v1::RUN_STATE_STAGED);
  EXPECT_EQ(connectors_->GetRun(staged.run_id())->staged_until().seconds(), staged.staged_until().seconds());
  EXPECT_EQ(Look(staged.run_id()).facts(0).added(), 10);
  ASSERT_TRUE(Publish(staged.run_id()).ok());
  ExpectEachOnce(10);
  RestartServer({Counter("crm", {{"records", "10"}})});
  EXPECT_EQ(connectors_->GetRun(staged.run_id())->state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(Facts(), 10);
}

TEST_F(StagedTest, ReadersSeeAllOfAPublicationOrNothing) {
  Configure({Counter("crm", {{"records", "3000"}, {"page", "500"}})});
  const v1::ConnectorRun staged = StageRun();
  std::atomic<bool> published = false;
  std::thread reader([&] {
    while (!published) {
      const int64_t facts = Facts();
      EXPECT_TRUE(facts == 0 || facts == 3'000) << facts;
    }
  });
  ASSERT_TRUE(Publish(staged.run_id()).ok());
  published = true;
  reader.join();
  EXPECT_EQ(Facts(), 3'000);
}

TEST_F(StagedTest, OneThatWasInterruptedBeginsAgainAsAStagedOne) {
  ConnectorConfig crm = Counter("crm", {{"records", "50"}, {"hold_at", "35"}});
  crm.schedule = *Schedule::Parse("24h", "");
  Configure({crm});
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {.staged = true}, watch.observer()).ok());
  AwaitRecordsOf("crm", 30);
  connectors_->Stop();
  crm.settings = {{"records", "50"}};
  RestartServer({crm});
  EXPECT_THAT(StagedFilesThere(), IsEmpty()) << "half a file is of no use";
  ASSERT_THAT(Runs(), SizeIs(1));
  EXPECT_EQ(Runs()[0].state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_THAT(Runs()[0].error(), HasSubstr("goes on where it began"));
  connectors_->RunDue(absl::Now() + absl::Seconds(1));
  AwaitIdle();
  ASSERT_THAT(Runs(), SizeIs(1));
  EXPECT_EQ(Runs()[0].state(), v1::RUN_STATE_STAGED) << Runs()[0].error();
  EXPECT_EQ(Runs()[0].records_read(), 50);
  EXPECT_EQ(Facts(), 0);
  ASSERT_EQ(Publish(Runs()[0].run_id()).status(), absl::OkStatus());
  ExpectEachOnce(50);
}

TEST_F(StagedTest, AnOrdinaryRunReplacesAnInterruptedStagedOne) {
  Configure({Counter("crm", {{"records", "50"}, {"hold_at", "35"}})});
  ASSERT_TRUE(connectors_->StartRun("crm", {.staged = true}, nullptr).ok());
  AwaitRecordsOf("crm", 30);
  RestartServer({Counter("crm", {{"records", "50"}})});
  EXPECT_EQ(RunToEnd("crm").run_id(), "crm-000002");
  ExpectEachOnce(50);
  EXPECT_EQ(connectors_->GetRun("crm-000001")->state(), v1::RUN_STATE_CANCELLED);
}

TEST_F(StagedTest, AFailedOneLeavesNothing) {
  Configure({Counter("crm", {{"records", "50"}, {"crash_at", "35"}})});
  const v1::ConnectorRun run = StageRun();
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(StagedFilesThere(), IsEmpty());
  EXPECT_EQ(connectors_->List()->connectors(0).staged_run_id(), "");
  EXPECT_EQ(State(), "");
}

TEST_F(StagedTest, OneThatIsTooLargeFailsAndSaysWhatToDo) {
  options_.max_staged_bytes = 2'000;
  Configure({Counter("crm", {{"records", "500"}})});
  const v1::ConnectorRun run = StageRun();
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(run.error(), HasSubstr("a staged run may read at most"));
  EXPECT_THAT(StagedFilesThere(), IsEmpty());
}

TEST_F(StagedTest, OneThatNobodyPublishesExpiresWhenItWasAnnounced) {
  options_.keep_staged = absl::Hours(48);
  Configure({Counter("crm", {{"records", "10"}})});
  const v1::ConnectorRun staged = StageRun();
  const absl::Time until = absl::FromUnixSeconds(staged.staged_until().seconds());
  connectors_->EndExpired(until - absl::Minutes(1));
  EXPECT_EQ(connectors_->GetRun(staged.run_id())->state(), v1::RUN_STATE_STAGED);
  connectors_->EndExpired(until + absl::Minutes(1));
  const auto run = connectors_->GetRun(staged.run_id());
  EXPECT_EQ(run->state(), v1::RUN_STATE_DISCARDED);
  EXPECT_THAT(run->error(), HasSubstr("nobody published it in time"));
  EXPECT_THAT(StagedFilesThere(), IsEmpty());
  EXPECT_EQ(RunToEnd("crm").state(), v1::RUN_STATE_SUCCEEDED);
}

TEST_F(StagedTest, OneWhoseFileIsGoneIsDiscardedAtTheStart) {
  Configure({Counter("crm", {{"records", "10"}})});
  const v1::ConnectorRun staged = StageRun();
  ASSERT_THAT(StagedFilesThere(), SizeIs(1));
  std::filesystem::remove(StagedFilesThere()[0]);
  RestartServer({Counter("crm", {{"records", "10"}})});
  EXPECT_EQ(connectors_->GetRun(staged.run_id())->state(), v1::RUN_STATE_DISCARDED);
  EXPECT_THAT(connectors_->GetRun(staged.run_id())->error(), HasSubstr("is not in this data folder"));
}

TEST_F(StagedTest, OneOfAConnectorThatIsGoneIsDiscardedAtTheStart) {
  Configure({Counter("crm", {{"records", "10"}})});
  const v1::ConnectorRun staged = StageRun();
  RestartServer({Counter("other", {{"records", "1"}})});
  EXPECT_EQ(connectors_->GetRun(staged.run_id())->state(), v1::RUN_STATE_DISCARDED);
  EXPECT_THAT(StagedFilesThere(), IsEmpty());
}

TEST_F(StagedTest, ADamagedFilePublishesNothing) {
  Configure({Counter("crm", {{"records", "10"}})});
  const v1::ConnectorRun staged = StageRun();
  {
    std::fstream file(StagedFilesThere()[0], std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(200);
    file.put('?');
  }
  const absl::Status refused = Publish(staged.run_id()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kDataLoss) << refused;
  EXPECT_EQ(Facts(), 0);
  EXPECT_TRUE(Discard(staged.run_id()).ok());
}

TEST_F(StagedTest, AnErasureLeavesNothingStaged) {
  Configure({Counter("crm", {{"records", "10"}}), Counter("slow", {{"records", "50"}, {"hold_at", "35"}})});
  const v1::ConnectorRun staged = StageRun();
  ASSERT_TRUE(connectors_->StartRun("slow", {.staged = true}, nullptr).ok());
  AwaitRecordsOf("slow", 30);
  ASSERT_TRUE(connectors_->DropStaged(program()).ok());
  EXPECT_THAT(StagedFilesThere(), IsEmpty());
  EXPECT_THAT(connectors_->GetRun(staged.run_id())->error(), HasSubstr("stage it again"));
  EXPECT_EQ(connectors_->GetRun("slow-000002")->state(), v1::RUN_STATE_CANCELLED);
}

TEST_F(StagedTest, ACopyOfTheStateIsNobodyElses) {
  Configure({Counter("crm", {{"records", "10"}})});
  RunToEnd("crm");
  auto scratch = Scratch::Make(*programs_, program());
  ASSERT_TRUE(scratch.ok()) << scratch.status();
  RunToEnd("crm", /*full=*/true);
  ConnectorConfig next = Counter("crm", {{"records", "12"}, {"generation", "2"}});
  Configure({next});
  RunToEnd("crm", /*full=*/true);
  EXPECT_EQ(Facts(), 12);
  Engine::View copy((*scratch)->engine());
  EXPECT_EQ(copy.header().facts, 10) << "what came later is not in it";
}

}  // namespace
}  // namespace partnermetrics
