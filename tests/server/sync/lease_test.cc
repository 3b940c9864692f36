// No run stays "running" for ever: leases, limits, and what runs say about both.
#include <gmock/gmock.h>

#include <google/protobuf/util/time_util.h>

#include "server/sync/known_rejects.h"
#include "server/sync/quarantine.h"
#include "server/sync/quarantine_edit.h"
#include "tests/server/sync/connectors_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class LeaseTest : public ConnectorsTest {};

// A thread that hangs: its observer does not come back until it is let go.
class Hang {
 public:
  // Tells `then` what it is told.
  RunObserver observer(RunObserver then) {
    return [this, then = std::move(then)](const v1::ConnectorRun& run) {
      {
        MutexLock lock(&mutex_);
        hangs_ = true;
        changed_.notify_all();
        while (!let_go_) changed_.wait(mutex_);
      }
      return then(run);
    };
  }
  void Await() {
    MutexLock lock(&mutex_);
    while (!hangs_) changed_.wait(mutex_);
  }
  void LetGo() {
    MutexLock lock(&mutex_);
    let_go_ = true;
    changed_.notify_all();
  }

 private:
  Mutex mutex_;
  std::condition_variable_any changed_;
  bool hangs_ PM_GUARDED_BY(mutex_) = false;
  bool let_go_ PM_GUARDED_BY(mutex_) = false;
};

TEST_F(LeaseTest, ARunThatHangsIsEndedWhenItsLeaseIsOver) {
  options_.lease = absl::Seconds(3);
  Configure({Counter("crm", {{"records", "100000"}, {"pause_ms", "30"}}), Counter("other", {{"records", "10"}})});
  Hang hang;
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, hang.observer(watch.observer())).ok());
  hang.Await();
  connectors_->EndExpired(absl::Now());
  EXPECT_EQ(connectors_->GetRun("crm-000001")->state(), v1::RUN_STATE_RUNNING) << "it may still come back";
  while (connectors_->GetRun("crm-000001")->state() == v1::RUN_STATE_RUNNING) {
    absl::SleepFor(absl::Milliseconds(20));
    connectors_->EndExpired(absl::Now());
  }
  const auto lost = connectors_->GetRun("crm-000001");
  EXPECT_EQ(lost->state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(lost->error(), HasSubstr("LEASE_EXPIRED"));
  EXPECT_EQ(connectors_->List()->connectors(0).consecutive_failures(), 1);
  EXPECT_EQ(RunToEnd("other").state(), v1::RUN_STATE_SUCCEEDED) << "others go on";
  const absl::Status refused = connectors_->StartRun("crm", {}, nullptr).status();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("still hangs"));

  const size_t events = EventsByRecord().size();
  hang.LetGo();
  EXPECT_THAT(watch.AwaitEnd().error(), HasSubstr("LEASE_EXPIRED")) << "who watches it hears of its end";
  while (!connectors_->StartRun("crm", {}, nullptr).ok()) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(connectors_->GetRun("crm-000001")->state(), v1::RUN_STATE_FAILED) << "what it did late has no effect";
  EXPECT_GE(EventsByRecord().size(), events);
}

TEST_F(LeaseTest, ASignOfLifeRenewsTheLease) {
  options_.lease = absl::Hours(1);
  Configure({Counter("crm", {{"records", "100000"}, {"page", "1"}, {"pause_ms", "5"}})});
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, watch.observer()).ok());
  const auto lease = [&] {
    const std::vector<v1::ConnectorRun> open = connectors_->OpenRuns();
    return open.empty() ? google::protobuf::Timestamp() : open.front().lease_until();
  };
  google::protobuf::Timestamp first = lease();
  while (first.seconds() == 0) first = lease();
  google::protobuf::Timestamp later = first;
  while (later <= first) later = lease();
  EXPECT_EQ(connectors_->GetRun("crm-000001")->state(), v1::RUN_STATE_RUNNING);
  ASSERT_TRUE(connectors_->CancelRun("crm").ok());
  EXPECT_EQ(watch.AwaitEnd().state(), v1::RUN_STATE_CANCELLED) << watch.last().error();
}

TEST_F(LeaseTest, ARunSaysWhatItMayUseAndWhatItUsed) {
  options_.limits.memory_bytes = uint64_t{1} << 30;
  options_.limits.open_files = 100;
  Configure({Counter("crm", {{"records", "20"}, {"page", "1"}, {"pause_ms", "80"}})});
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, watch.observer()).ok());
  v1::ConnectorRun live;
  while (live.peak_memory_bytes() == 0 && !connectors_->OpenRuns().empty()) {
    for (const v1::ConnectorRun& run : connectors_->OpenRuns()) live = run;
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_GT(live.peak_memory_bytes(), uint64_t{1} << 20) << "while it goes on";
  EXPECT_GT(live.peak_open_files(), 0U);
  watch.AwaitEnd();
  const auto run = connectors_->GetRun("crm-000001");
  EXPECT_EQ(run->limits().memory_bytes(), uint64_t{1} << 30);
  EXPECT_EQ(run->limits().open_files(), 100U);
  EXPECT_EQ(run->limits().stall_timeout().seconds(), 120);
  EXPECT_GT(run->peak_memory_bytes(), uint64_t{1} << 20);
  EXPECT_GT(run->peak_open_files(), 0U);
  EXPECT_LE(run->peak_open_files(), 100U);
}

TEST_F(LeaseTest, ARunThatFillsQuarantineFails) {
  options_.max_quarantine_bytes = 20'000;
  Configure({Counter("crm", {{"records", "100000"}, {"reject_every", "1"}})});
  const v1::ConnectorRun run = RunToEnd("crm");
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(run.error(), HasSubstr("that one run may put into quarantine"));
  EXPECT_LT(run.records_rejected(), 1'000);
  v1::ListQuarantineRequest all;
  all.set_page_size(1'000);
  EXPECT_THAT(ListQuarantine(*programs_, all)->records(), SizeIs(static_cast<size_t>(run.records_rejected())));
}

TEST_F(LeaseTest, RunsTogetherLeaveNoMoreOpenInQuarantineThanOneConnectorMay) {
  options_.max_open_quarantine_bytes = 40'000;
  int64_t rejected = 0;
  v1::ConnectorRun run;
  for (int i = 1; i < 10 && run.state() != v1::RUN_STATE_FAILED; ++i) {
    Configure({Counter("crm", {{"records", absl::StrCat(i * 120)}, {"reject_every", "1"}}),
               Counter("other", {{"records", "10"}, {"reject_every", "1"}})});
    run = RunToEnd("crm");
    rejected += run.records_rejected();
  }
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(run.error(), HasSubstr("replay or discard them"));
  EXPECT_LT(run.records_rejected(), 120);
  EXPECT_GE(rejected, 120);
  EXPECT_LE(KnownRejects::Read(program().log(), "crm", "")->open_bytes(), options_.max_open_quarantine_bytes);
  EXPECT_EQ(RunToEnd("other").state(), v1::RUN_STATE_PARTIAL) << "others have room of their own";

  v1::DiscardQuarantineRequest discard;
  discard.set_connector("crm");
  discard.set_note("known");
  EXPECT_EQ(DiscardQuarantine(*programs_, discard)->records(), rejected) << "a page without room left nothing";
  EXPECT_EQ(RunToEnd("crm").state(), v1::RUN_STATE_PARTIAL) << "it reads what it could not before";
}

TEST_F(LeaseTest, EventsForAnotherSourceAreRefusedByName) {
  Configure({Counter("crm", {{"records", "3"}, {"source", "billing"}})});
  const v1::ConnectorRun run = RunToEnd("crm");
  EXPECT_EQ(run.state(), v1::RUN_STATE_PARTIAL);
  EXPECT_EQ(run.events().rejected(), 3);
  const auto list = ListQuarantine(*programs_, {});
  ASSERT_THAT(list->records(), SizeIs(3));
  EXPECT_EQ(list->records(0).field(), "source");
  EXPECT_EQ(list->records(0).reason(), "wrong_source");
  EXPECT_THAT(list->records(0).message(), HasSubstr("'billing'"));
  Engine::View view(program().engine());
  EXPECT_EQ(view.header().facts, 0);
}

}  // namespace
}  // namespace partnermetrics
