// No run stays "running" for ever: leases, limits, and what runs say about both.
#include <gmock/gmock.h>

#include "server/sync/quarantine.h"
#include "tests/server/sync/connectors_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class LeaseTest : public ConnectorsTest {};

// A thread that hangs: its observer does not come back until it is let go.
class Hang {
 public:
  RunObserver observer() {
    return [this](const v1::ConnectorRun&) {
      MutexLock lock(&mutex_);
      hangs_ = true;
      changed_.notify_all();
      while (!let_go_) changed_.wait(mutex_);
      return true;
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
  options_.lease = absl::Milliseconds(500);
  Configure({Counter("crm", {{"records", "100000"}, {"pause_ms", "30"}}), Counter("other", {{"records", "10"}})});
  Hang hang;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, hang.observer()).ok());
  hang.Await();
  connectors_->EndExpired(absl::Now());
  EXPECT_EQ(connectors_->GetRun("crm-000001")->state(), v1::RUN_STATE_RUNNING) << "it may still come back";
  absl::SleepFor(absl::Milliseconds(600));
  connectors_->EndExpired(absl::Now());
  const auto lost = connectors_->GetRun("crm-000001");
  EXPECT_EQ(lost->state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(lost->error(), HasSubstr("LEASE_EXPIRED"));
  EXPECT_EQ(connectors_->List()->connectors(0).consecutive_failures(), 1);
  EXPECT_EQ(RunToEnd("other").state(), v1::RUN_STATE_SUCCEEDED) << "others go on";
  const absl::Status refused = connectors_->StartRun("crm", {}, nullptr).status();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("still hangs"));

  const size_t events = EventsByRecord().size();
  hang.LetGo();
  while (!connectors_->StartRun("crm", {}, nullptr).ok()) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(connectors_->GetRun("crm-000001")->state(), v1::RUN_STATE_FAILED) << "what it did late has no effect";
  EXPECT_GE(EventsByRecord().size(), events);
}

TEST_F(LeaseTest, ASignOfLifeRenewsTheLease) {
  options_.lease = absl::Milliseconds(300);
  Configure({Counter("crm", {{"records", "60"}, {"page", "1"}, {"pause_ms", "15"}})});
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, watch.observer()).ok());
  v1::ConnectorRun seen;
  while (!connectors_->OpenRuns().empty()) {
    connectors_->EndExpired(absl::Now());
    for (const v1::ConnectorRun& run : connectors_->OpenRuns()) seen = run;
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_EQ(watch.AwaitEnd().state(), v1::RUN_STATE_SUCCEEDED) << watch.last().error();
  EXPECT_TRUE(seen.has_lease_until());
  EXPECT_GE(seen.lease_until().seconds(), seen.alive_at().seconds());
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
