// What a run makes of pages, given to it directly, and how it goes on after it was interrupted.
#include "server/sync/run.h"

#include <gmock/gmock.h>

#include "tests/server/sync/run_fixture.h"

namespace partnermetrics {
namespace {

using connectors::ConnectorEnd;
using storage::RecordType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

TEST_F(RunTest, EveryRecordAndEventIsAccountedFor) {
  auto run = Begin();
  EXPECT_EQ(run->Snapshot().run_id(), "crm-000001");
  EXPECT_EQ(run->Snapshot().state(), v1::RUN_STATE_RUNNING);
  v1::EventBatch three;
  TestPage::AddDeal(three, "d2", 1);
  TestPage::AddDeal(three, "d3", -5);
  TestPage::AddDeal(three, "", 1);
  ASSERT_TRUE(TestPage()
                  .Deal("d1", 2)
                  .Events(three.SerializeAsString())
                  .Reject("bad_number", "d4,abc")
                  .Skip("test_mode")
                  .Deal("d1", 2)
                  .Deal("d1", 1, "older")
                  .Events("")  // a record that gives nothing
                  .State("s1")
                  .GiveTo(*run)
                  .ok());
  const v1::ConnectorRun ended = End(*run);
  EXPECT_EQ(ended.state(), v1::RUN_STATE_PARTIAL) << ended.error();
  EXPECT_EQ(ended.records_read(), 7);
  EXPECT_EQ(ended.records_emitted(), 5);
  EXPECT_EQ(ended.records_rejected(), 1);
  EXPECT_EQ(ended.records_skipped(), 1);
  ASSERT_THAT(ended.skipped(), SizeIs(1));
  EXPECT_EQ(ended.skipped(0).rule(), "test_mode");
  EXPECT_EQ(ended.events().applied(), 2);
  EXPECT_EQ(ended.events().unchanged(), 1);
  EXPECT_EQ(ended.events().superseded(), 1);
  EXPECT_EQ(ended.events().rejected(), 2);
  EXPECT_EQ(ended.position(), program().log().last_position());
  EXPECT_GE(ended.ended_at().seconds(), ended.started_at().seconds());
  EXPECT_THAT(Quarantine(), SizeIs(2)) << "a record goes to quarantine once, however many of its events are bad";
}

TEST_F(RunTest, EventsCarryTheServersProgrammeSourceAndPlace) {
  auto run = Begin();
  v1::EventBatch batch;
  TestPage::AddDeal(batch, "d1", 1);
  ASSERT_TRUE(TestPage().Skip("x").Events(batch.SerializeAsString()).State("s").GiveTo(*run).ok());
  End(*run);
  const std::vector<storage::LogRecord> events = Log(RecordType::kEvent);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].actor, "connector:crm");
  EXPECT_EQ(events[0].sequence, 1U);
  v1::Event event;
  ASSERT_TRUE(event.ParseFromString(events[0].payload));
  EXPECT_EQ(event.program(), "acme");
  EXPECT_EQ(event.source(), "crm-prod");
  EXPECT_EQ(event.origin().run_id(), "crm-000001");
  EXPECT_EQ(event.origin().file(), "deals.csv");
  EXPECT_EQ(event.origin().row(), 2U);
}

TEST_F(RunTest, RejectedRecordsStandInQuarantineWithPlaceReasonAndText) {
  auto run = Begin();
  v1::EventBatch bad;
  TestPage::AddDeal(bad, "d1", -1);
  ASSERT_TRUE(TestPage()
                  .Reject("bad_number", "d4,\xFC")
                  .Events(bad.SerializeAsString())
                  .Events("\xFF\xFF no events")
                  .GiveTo(*run)
                  .ok());
  EXPECT_EQ(End(*run).records_rejected(), 2);
  const std::vector<v1::QuarantinedRecord> records = Quarantine();
  ASSERT_THAT(records, SizeIs(3));

  EXPECT_EQ(records[0].connector(), "crm");
  EXPECT_EQ(records[0].origin().run_id(), "crm-000001");
  EXPECT_EQ(records[0].origin().file(), "deals.csv");
  EXPECT_EQ(records[0].origin().row(), 1U);
  EXPECT_EQ(records[0].field(), "Amount");
  EXPECT_EQ(records[0].reason(), "bad_number");
  EXPECT_EQ(records[0].message(), "the amount is no number");
  EXPECT_EQ(records[0].raw(), "") << "texts are shown one by one only";
  EXPECT_GT(records[0].rejected_at().seconds(), 0);
  const auto shown = GetQuarantinedRecord(*programs_, records[0].record());
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(shown->raw(), "d4,\uFFFD");

  EXPECT_EQ(records[1].field(), "revision");
  EXPECT_EQ(records[1].reason(), "out_of_range");
  EXPECT_EQ(records[1].origin().row(), 2U);
  EXPECT_EQ(records[2].reason(), "malformed_events");
}

TEST_F(RunTest, AnInterruptedRunGoesOnFromItsLastPage) {
  auto run = Begin();
  ASSERT_TRUE(TestPage().Deal("d1").Reject("bad", "x").State("after 2").GiveTo(*run).ok());
  ASSERT_TRUE(TestPage().Deal("d2").GiveTo(*run).ok());  // without a state: it will be read again
  run.reset();                                           // as a kill does

  auto again = Begin();
  EXPECT_EQ(again->Snapshot().run_id(), "crm-000001");
  EXPECT_EQ(again->Snapshot().records_read(), 2);
  EXPECT_EQ(again->state(), "after 2");
  ASSERT_TRUE(TestPage().Deal("d2").Skip("rule").State("after 4").GiveTo(*again).ok());
  const v1::ConnectorRun ended = End(*again);
  EXPECT_EQ(ended.state(), v1::RUN_STATE_PARTIAL) << ended.error();
  EXPECT_EQ(ended.records_read(), 4);
  EXPECT_EQ(ended.records_emitted(), 2);
  EXPECT_EQ(ended.events().applied(), 1);
  EXPECT_EQ(ended.events().unchanged(), 1);
  EXPECT_THAT(EventsByRecord(), ElementsAre(Pair("d1", 1), Pair("d2", 1)));

  auto next = Begin();
  EXPECT_EQ(next->Snapshot().run_id(), "crm-000002");
  EXPECT_EQ(next->state(), "after 4");
  EXPECT_EQ(next->Snapshot().records_read(), 0);
}

TEST_F(RunTest, AnInterruptedRunGoesOnAfterARestart) {
  auto run = Begin();
  ASSERT_TRUE(TestPage().Deal("d1").State("after 1").GiveTo(*run).ok());
  run.reset();
  programs_.reset();
  programs_ = OpenPrograms(folder_.path());
  auto again = Begin();
  EXPECT_EQ(again->Snapshot().run_id(), "crm-000001");
  EXPECT_EQ(again->Snapshot().records_read(), 1);
  EXPECT_EQ(again->state(), "after 1");
}

TEST_F(RunTest, AFullRunBeginsFromScratchAlsoWhenItGoesOn) {
  auto first = Begin();
  ASSERT_TRUE(TestPage().Deal("d1").State("after 1").GiveTo(*first).ok());
  End(*first);
  auto full = Begin(/*full=*/true);
  EXPECT_EQ(full->Snapshot().run_id(), "crm-000002");
  EXPECT_EQ(full->state(), std::nullopt);
  full.reset();  // before its first page
  full = Begin();
  EXPECT_EQ(full->Snapshot().run_id(), "crm-000002");
  EXPECT_EQ(full->state(), std::nullopt) << "the state is the run's before it";
  ASSERT_TRUE(TestPage().Deal("d1").State("half").GiveTo(*full).ok());
  full.reset();
  full = Begin(/*full=*/true);
  EXPECT_EQ(full->Snapshot().run_id(), "crm-000002");
  EXPECT_EQ(full->state(), "half");
}

TEST_F(RunTest, EventsUnderAnotherNameAreRefused) {
  auto run = Begin();
  v1::EventBatch batch;
  TestPage::AddDeal(batch, "d1", 1);
  TestPage::AddDeal(batch, "d2", 1);
  TestPage::AddDeal(batch, "d3", 1);
  batch.mutable_events(0)->set_program("other");
  batch.mutable_events(1)->set_source("spoofed");
  batch.mutable_events(2)->set_source("crm-prod");
  ASSERT_TRUE(TestPage().Events(batch.SerializeAsString()).State("s").GiveTo(*run).ok());
  const v1::ConnectorRun ended = End(*run);
  EXPECT_EQ(ended.events().rejected(), 2);
  EXPECT_EQ(ended.events().applied(), 1) << "its own name it may say";
  ASSERT_THAT(Quarantine(), SizeIs(1));
  EXPECT_EQ(Quarantine()[0].reason(), "wrong_program");
}

TEST_F(RunTest, AFullRunReplacesAnInterruptedOneThatIsNot) {
  auto run = Begin();
  ASSERT_TRUE(TestPage().Deal("d1").State("after 1").GiveTo(*run).ok());
  run.reset();
  auto full = Begin(/*full=*/true);
  EXPECT_EQ(full->Snapshot().run_id(), "crm-000002");
  EXPECT_EQ(full->state(), std::nullopt);
  Engine::View view(program().engine());
  const auto runs = ReadRuns(view);
  ASSERT_TRUE(runs.ok());
  ASSERT_THAT(*runs, SizeIs(2));
  EXPECT_EQ((*runs)[0].state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ((*runs)[0].counts().records_read(), 1);
  EXPECT_THAT((*runs)[0].error(), HasSubstr("another run began"));
}

TEST_F(RunTest, AnUnchangedExportAddsNothingButTheRun) {
  for (const bool full : {false, true}) {
    auto run = Begin(full);
    ASSERT_TRUE(TestPage().Deal("d1").Deal("d2").State("after 2").GiveTo(*run).ok());
    EXPECT_EQ(End(*run).state(), v1::RUN_STATE_SUCCEEDED);
  }
  EXPECT_THAT(EventsByRecord(), ElementsAre(Pair("d1", 1), Pair("d2", 1)));
  EXPECT_THAT(Log(RecordType::kRunBegin), SizeIs(2));
  EXPECT_THAT(Log(RecordType::kRunPage), SizeIs(2));
  EXPECT_THAT(Log(RecordType::kRunEnd), SizeIs(2));
}

TEST_F(RunTest, APageThatChangesNothingWritesNothing) {
  auto run = Begin();
  for (const char* state : {"s", "s", "t"}) ASSERT_TRUE(TestPage().State(state).GiveTo(*run).ok());
  End(*run);
  EXPECT_THAT(Log(RecordType::kRunPage), SizeIs(2));
}

TEST_F(RunTest, TooManyRejectedRecordsFailTheRunAfterTheirPageIsKept) {
  config_.max_rejected = 1;
  auto run = Begin();
  ASSERT_TRUE(TestPage().Reject("bad", "1").Deal("d1").GiveTo(*run).ok());
  const absl::Status status = TestPage().Reject("bad", "2").Deal("d2").State("s").GiveTo(*run);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("2 of 4 records were rejected"));
  EXPECT_THAT(Quarantine(), SizeIs(2));
  EXPECT_THAT(EventsByRecord(), SizeIs(2));
}

TEST_F(RunTest, TheShareOfRejectedRecordsCountsAfterAThousand) {
  config_.max_rejected_share = 0.1;
  auto run = Begin();
  TestPage page;
  for (int i = 0; i < 200; ++i) page.Reject("bad", "x");
  for (int i = 0; i < 799; ++i) page.Skip("rule");
  ASSERT_TRUE(page.GiveTo(*run).ok()) << "999 records are too few to judge";
  EXPECT_FALSE(TestPage().Skip("rule").GiveTo(*run).ok());
}

TEST_F(RunTest, AFailureSaysWhereWhatAndWhatToDo) {
  auto run = Begin();
  run->OnProblem({PM_WARNING, "Account.csv:Foo__c", "an unknown column", "map it"});
  run->OnProblem({PM_WARNING, "Account.csv:Foo__c", "an unknown column", "map it"});
  ConnectorEnd end;
  end.outcome = ConnectorEnd::Outcome::kCrashed;
  end.where = "Account.csv";
  end.message = "the plugin crashed";
  end.remedy = "report this";
  end.last_output = "free(): invalid pointer\n";
  const v1::ConnectorRun ended = End(*run, end);
  EXPECT_EQ(ended.state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(ended.error(), "Account.csv: the plugin crashed; report this; its last output: free(): invalid pointer");
  ASSERT_THAT(ended.remarks(), SizeIs(1));
  EXPECT_EQ(ended.remarks(0).level(), v1::PROBLEM_LEVEL_WARNING);
  EXPECT_EQ(ended.remarks(0).where(), "Account.csv:Foo__c");
}

TEST_F(RunTest, AStateThatThePluginRefusesAsksForAFullRun) {
  auto run = Begin();
  ConnectorEnd end;
  end.outcome = ConnectorEnd::Outcome::kFailed;
  end.code = PM_BAD_STATE;
  end.message = "the state is of version 1";
  EXPECT_THAT(End(*run, end).error(), HasSubstr("run it in full"));
}

TEST_F(RunTest, AccountingThatDoesNotAddUpFailsTheRun) {
  auto run = Begin();
  log::v1::RunCounts lost;
  lost.set_records_read(3);
  run.reset();
  // A page record whose counts lack records, as a bug would write it.
  WriteRequest request;
  request.records = [&](const std::vector<EventResult>&) {
    log::v1::RunPage page;
    page.set_run_id("crm-000001");
    page.set_state("s");
    *page.mutable_counts() = lost;
    storage::LogRecord record;
    record.type = RecordType::kRunPage;
    record.payload = page.SerializeAsString();
    return std::vector<storage::LogRecord>{record};
  };
  ASSERT_TRUE(program().writer().Write(std::move(request)).status.ok());
  auto again = Begin();
  const v1::ConnectorRun ended = End(*again);
  EXPECT_EQ(ended.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(ended.error(), HasSubstr("does not add up"));
}

TEST_F(RunTest, ACancelledRunIsInterruptedOnlyWhenTheServerStops) {
  ConnectorEnd cancelled;
  cancelled.outcome = ConnectorEnd::Outcome::kCancelled;
  cancelled.message = "the run was cancelled";
  auto run = Begin();
  run->Finish(cancelled, /*stopping=*/true);
  EXPECT_EQ(run->Snapshot().state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_THAT(Log(RecordType::kRunEnd), SizeIs(0));
  run = Begin();
  EXPECT_EQ(run->Snapshot().run_id(), "crm-000001");
  EXPECT_EQ(End(*run, cancelled).state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(Begin()->Snapshot().run_id(), "crm-000002");
}

TEST_F(RunTest, ObserversSeeTheEndAndNotTooMuchBefore) {
  int seen = 0;
  v1::ConnectorRun last;
  auto run = Begin(false, [&](const v1::ConnectorRun& snapshot) {
    ++seen;
    last = snapshot;
    return true;
  });
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(TestPage().Deal(absl::StrCat("d", i)).State(absl::StrCat(i)).GiveTo(*run).ok());
    run->OnProgress({static_cast<uint64_t>(i), 100, "bytes"});
  }
  EXPECT_LT(seen, 50);
  End(*run);
  EXPECT_EQ(last.state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(last.records_read(), 100);
  EXPECT_EQ(last.bytes_done(), 99U);
  EXPECT_EQ(last.bytes_total(), 100U);
}

TEST_F(RunTest, AConnectorsOwnUnitStandsBesideTheBytes) {
  auto run = Begin();
  run->OnProgress({500, 2'000, "bytes"});
  run->OnProgress({3, 10, "files"});
  EXPECT_EQ(run->Snapshot().bytes_done(), 500U);
  EXPECT_EQ(run->Snapshot().bytes_total(), 2'000U);
  EXPECT_EQ(run->Snapshot().progress().done(), 3U);
  EXPECT_EQ(run->Snapshot().progress().total(), 10U);
  EXPECT_EQ(run->Snapshot().progress().unit(), "files");
}

TEST_F(RunTest, TheEndOfTheLogStaysWithTheRun) {
  options_.trigger = v1::RUN_TRIGGER_SCHEDULE;
  options_.plugin_sha256 = "abc";
  auto run = Begin();
  connectors::Hello hello;
  hello.version = "3.1";
  run->OnHello(hello);
  run->OnLog({PM_DEBUG, "noise"});
  for (int i = 1; i <= 60; ++i) run->OnLog({i == 60 ? PM_WARNING : PM_INFO, absl::StrCat("line ", i)});
  ConnectorEnd end;
  end.cpu_time = absl::Milliseconds(1'500);
  end.peak_memory_bytes = 5 << 20;
  const v1::ConnectorRun ended = End(*run, end);
  EXPECT_EQ(ended.plugin_version(), "3.1");
  EXPECT_EQ(ended.plugin_sha256(), "abc");
  EXPECT_EQ(ended.trigger(), v1::RUN_TRIGGER_SCHEDULE);
  EXPECT_EQ(ended.cpu_time().seconds(), 1);
  EXPECT_EQ(ended.peak_memory_bytes(), 5U << 20);
  EXPECT_TRUE(ended.has_duration());
  EXPECT_EQ(ended.log_size(), 0) << "lists do without it";

  ConnectorPoint point;
  {
    Engine::View view(program().engine());
    point = *ReadConnectorPoint(view, "crm");
  }
  const auto stored = ReadRunEnd(program().log(), *point.last_run);
  ASSERT_TRUE(stored.ok() && stored->has_value()) << stored.status();
  v1::ConnectorRun shown;
  ShowEnd(**stored, /*with_log=*/true, shown);
  ASSERT_EQ(shown.log_size(), 50) << "the last lines";
  EXPECT_EQ(shown.log(0).message(), "line 11");
  EXPECT_EQ(shown.log(49).message(), "line 60");
  EXPECT_EQ(shown.log(49).level(), v1::PROBLEM_LEVEL_WARNING);
}

TEST_F(RunTest, ARunThatGoesOnSaysWhenItsPluginWasLastAlive) {
  auto run = Begin();
  EXPECT_GE(run->Snapshot().alive_at().seconds(), run->Snapshot().started_at().seconds());
  EXPECT_GE(run->Snapshot().duration().seconds(), 0);
  EXPECT_FALSE(End(*run).has_alive_at());
}

// Runs over an export that is complete each time; what it lacks was deleted at the source.
class VanishedTest : public RunTest {
 protected:
  VanishedTest() {
    config_.delete_missing = true;
    config_.max_vanished_share = 0.5;
  }

  v1::ConnectorRun RunOver(const TestPage& page, bool complete = true) {
    auto run = Begin(/*full=*/true);
    EXPECT_TRUE(page.GiveTo(*run).ok());
    EXPECT_TRUE(!complete || run->OnComplete("deal").ok());
    return End(*run);
  }

  bool IsThere(const std::string& record) {
    Engine::View view(program().engine());
    const FactId id = {static_cast<int>(v1::Event::kDeal), "crm-prod", record};
    const auto fact = view.Fact(id);
    return fact.ok() && fact->has_value() && !(*fact)->deleted;
  }
};

TEST_F(VanishedTest, WhatACompleteExportLacksIsDeleted) {
  EXPECT_EQ(RunOver(TestPage().Deal("a").Deal("b").Deal("c")).facts_deleted(), 0);
  const v1::ConnectorRun run = RunOver(TestPage().Deal("a").Deal("c"));
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED) << run.error();
  EXPECT_EQ(run.facts_deleted(), 1);
  EXPECT_FALSE(IsThere("b"));
  EXPECT_TRUE(IsThere("a") && IsThere("c"));
  EXPECT_EQ(RunOver(TestPage().Deal("a").Deal("c")).facts_deleted(), 0) << "it is gone already";
}

TEST_F(VanishedTest, ARecordThatComesBackIsThereAgain) {
  RunOver(TestPage().Deal("a").Deal("b"));
  RunOver(TestPage().Deal("a"));
  ASSERT_FALSE(IsThere("b"));
  RunOver(TestPage().Deal("a").Deal("b"));
  EXPECT_TRUE(IsThere("b")) << "at the same revision";
}

TEST_F(VanishedTest, AnIncompleteRunDeletesNothing) {
  RunOver(TestPage().Deal("a").Deal("b"));
  EXPECT_EQ(RunOver(TestPage().Deal("a"), /*complete=*/false).facts_deleted(), 0);
  // Failed before its end.
  auto failed = Begin(/*full=*/true);
  ASSERT_TRUE(failed->OnComplete("deal").ok());
  ConnectorEnd end;
  end.outcome = ConnectorEnd::Outcome::kFailed;
  EXPECT_EQ(End(*failed, end).facts_deleted(), 0);
  // A rejected record may be the one that is missing.
  const v1::ConnectorRun rejected = RunOver(TestPage().Deal("a").Reject("bad_date", "b,x"));
  EXPECT_EQ(rejected.facts_deleted(), 0);
  ASSERT_THAT(rejected.remarks(), SizeIs(1));
  EXPECT_THAT(rejected.remarks(0).remedy(), HasSubstr("were rejected"));
  // One that goes on does not know what it stated before.
  auto run = Begin(/*full=*/true);
  ASSERT_TRUE(TestPage().Deal("a").State("after a").GiveTo(*run).ok());
  run.reset();
  run = Begin(/*full=*/true);
  ASSERT_TRUE(run->OnComplete("deal").ok());
  EXPECT_EQ(End(*run).facts_deleted(), 0);
  EXPECT_TRUE(IsThere("b"));
}

TEST_F(VanishedTest, ARunThatReadsOnlyWhatIsNewDeletesNothing) {
  RunOver(TestPage().Deal("a").Deal("b").State("s"));
  auto run = Begin(/*full=*/false);
  ASSERT_TRUE(run->OnComplete("deal").ok());
  EXPECT_EQ(End(*run).facts_deleted(), 0);
  EXPECT_TRUE(IsThere("a") && IsThere("b"));
}

TEST_F(VanishedTest, TooManyAtATimeAreARefusalThatAPersonCanLift) {
  RunOver(TestPage().Deal("a").Deal("b").Deal("c"));
  const v1::ConnectorRun guarded = RunOver(TestPage().Deal("a"));
  EXPECT_EQ(guarded.state(), v1::RUN_STATE_PARTIAL);
  EXPECT_EQ(guarded.facts_deleted(), 0);
  ASSERT_THAT(guarded.remarks(), SizeIs(1));
  EXPECT_EQ(guarded.remarks(0).level(), v1::PROBLEM_LEVEL_ERROR);
  EXPECT_THAT(guarded.remarks(0).message(), HasSubstr("lacks 2 of 3 facts"));
  EXPECT_TRUE(IsThere("b") && IsThere("c"));
  options_.allow_vanishing = true;
  EXPECT_EQ(RunOver(TestPage().Deal("a")).facts_deleted(), 2);
}

TEST_F(VanishedTest, WhatALaterRunStatedStays) {
  RunOver(TestPage().Deal("a").Deal("b").Deal("c"));
  auto slow = Begin(/*full=*/true);
  ASSERT_TRUE(TestPage().Deal("a").Deal("b").GiveTo(*slow).ok());
  config_.name = "crm-live";  // of the same source
  auto live = Begin(/*full=*/false);
  ASSERT_TRUE(TestPage().Deal("c", 2).Deal("d").GiveTo(*live).ok());
  End(*live);
  ASSERT_TRUE(slow->OnComplete("deal").ok());
  EXPECT_EQ(End(*slow).facts_deleted(), 0);
  EXPECT_TRUE(IsThere("c") && IsThere("d"));
}

TEST_F(VanishedTest, FactsOfOtherSourcesAndConnectorsStay) {
  RunOver(TestPage().Deal("a"));
  config_.name = "billing";
  config_.source = "billing";
  EXPECT_EQ(RunOver(TestPage().Deal("z")).facts_deleted(), 0);
  EXPECT_TRUE(IsThere("a"));
}

TEST_F(RunTest, AnObserverThatLeavesIsCalledNoMore) {
  int seen = 0;
  auto run = Begin(false, [&](const v1::ConnectorRun&) {
    ++seen;
    return false;
  });
  absl::SleepFor(absl::Milliseconds(250));
  ASSERT_TRUE(TestPage().Deal("d1").GiveTo(*run).ok());
  End(*run);
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace partnermetrics
