// What is due when, told by hand: no clock, no thread, no folder.
#include "server/sync/scheduler.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SchedulerTest : public testing::Test {
 protected:
  void Add(const std::string& every, bool watch = false, Scheduler::Past past = {}) {
    Scheduler::Plan plan;
    plan.schedule = *Schedule::Parse(every, "");
    plan.watch = watch;
    plan.max_failures = 3;
    scheduler_.Add("crm", plan, std::move(past), now_);
  }

  // What is due after so long.
  std::vector<v1::RunTrigger> After(absl::Duration pause) {
    now_ += pause;
    std::vector<v1::RunTrigger> due;
    for (const Scheduler::Due& one : scheduler_.TakeDue(
             now_, {[this](const std::string&) { return folder_; }, [this](const std::string&) { return build_; }})) {
      due.push_back(one.trigger);
    }
    return due;
  }

  void End(v1::RunState state) { scheduler_.Ended("crm", state, now_, build_); }

  Scheduler scheduler_;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  uint64_t folder_ = 1;
  std::string build_ = "build 1";
};

TEST_F(SchedulerTest, RunsAtOnceAndThenAsOftenAsAsked) {
  Add("1h");
  EXPECT_THAT(After(absl::ZeroDuration()), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
  EXPECT_THAT(After(absl::Hours(5)), IsEmpty()) << "it still runs";
  End(v1::RUN_STATE_SUCCEEDED);
  EXPECT_THAT(After(absl::Minutes(59)), IsEmpty());
  EXPECT_THAT(After(absl::Minutes(1)), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
}

TEST_F(SchedulerTest, WithoutAScheduleItIsNeverDue) {
  Add("");
  EXPECT_THAT(After(absl::Hours(10'000)), IsEmpty());
  EXPECT_EQ(scheduler_.StatusOf("crm").schedule, "");
}

TEST_F(SchedulerTest, ARunOfACallerCountsToo) {
  Add("1h", false, {.last_end = now_});
  After(absl::Minutes(30));
  scheduler_.Began("crm");
  EXPECT_THAT(After(absl::Hours(1)), IsEmpty());
  End(v1::RUN_STATE_PARTIAL);
  EXPECT_THAT(After(absl::Minutes(59)), IsEmpty());
  EXPECT_THAT(After(absl::Minutes(1)), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
}

TEST_F(SchedulerTest, ATimeMissedWhileTheServerWasDownIsMadeUpForOnce) {
  Add("1h", false, {.last_end = now_ - absl::Hours(100)});
  EXPECT_THAT(After(absl::ZeroDuration()), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
  End(v1::RUN_STATE_SUCCEEDED);
  EXPECT_THAT(After(absl::Minutes(1)), IsEmpty());
}

TEST_F(SchedulerTest, AnInterruptedRunGoesOnAtOnce) {
  Add("24h", false, {.interrupted = true, .last_end = now_});
  EXPECT_THAT(After(absl::ZeroDuration()), ElementsAre(v1::RUN_TRIGGER_RESUME));
}

TEST_F(SchedulerTest, FailuresAreTriedAgainLaterAndLaterUntilItIsSuspended) {
  Add("24h", false, {.last_end = now_ - absl::Hours(24)});
  EXPECT_THAT(After(absl::ZeroDuration()), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
  End(v1::RUN_STATE_FAILED);
  EXPECT_THAT(After(absl::Seconds(59)), IsEmpty());
  EXPECT_THAT(After(absl::Seconds(1)), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
  End(v1::RUN_STATE_FAILED);
  EXPECT_THAT(After(absl::Seconds(119)), IsEmpty());
  EXPECT_EQ(scheduler_.StatusOf("crm").next, now_ + absl::Seconds(1));
  EXPECT_EQ(scheduler_.StatusOf("crm").failures, 2);
  EXPECT_THAT(After(absl::Seconds(1)), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
  End(v1::RUN_STATE_FAILED);
  EXPECT_TRUE(scheduler_.StatusOf("crm").suspended);
  EXPECT_THAT(After(absl::Hours(1'000)), IsEmpty());
}

TEST_F(SchedulerTest, ARunThatDoesNotFailEndsTheRow) {
  Add("24h", false, {.last_end = now_, .failures = 2});
  EXPECT_THAT(After(absl::Minutes(2)), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
  End(v1::RUN_STATE_PARTIAL);
  EXPECT_EQ(scheduler_.StatusOf("crm").failures, 0);
  EXPECT_EQ(scheduler_.StatusOf("crm").next, now_ + absl::Hours(24));
}

TEST_F(SchedulerTest, ACancelledRunIsNoFailure) {
  Add("1h");
  After(absl::ZeroDuration());
  End(v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(scheduler_.StatusOf("crm").failures, 0);
  EXPECT_THAT(After(absl::Minutes(59)), IsEmpty());
}

TEST_F(SchedulerTest, SuspensionEndsByHand) {
  Add("1h", false, {.last_end = now_, .failures = 3, .failed_build = build_});
  EXPECT_THAT(After(absl::Hours(2)), IsEmpty());
  scheduler_.Resume("crm", now_);
  EXPECT_FALSE(scheduler_.StatusOf("crm").suspended);
  EXPECT_THAT(After(absl::Hours(1)), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
}

TEST_F(SchedulerTest, AnotherBuildOfThePluginGetsOneTry) {
  Add("1h", false, {.last_end = now_, .failures = 3, .failed_build = build_});
  EXPECT_THAT(After(absl::Hours(2)), IsEmpty());
  build_ = "build 2";
  EXPECT_THAT(After(absl::ZeroDuration()), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
  End(v1::RUN_STATE_FAILED);
  EXPECT_TRUE(scheduler_.StatusOf("crm").suspended);
  EXPECT_THAT(After(absl::Hours(2)), IsEmpty());
}

TEST_F(SchedulerTest, AFolderIsReadOnceItsFilesKeepStill) {
  Add("", /*watch=*/true);
  EXPECT_EQ(scheduler_.StatusOf("crm").schedule, "watch");
  EXPECT_THAT(After(absl::ZeroDuration()), IsEmpty());
  folder_ = 2;  // a file comes in
  EXPECT_THAT(After(absl::Seconds(25)), IsEmpty());
  folder_ = 3;  // and grows
  EXPECT_THAT(After(absl::Seconds(25)), IsEmpty());
  EXPECT_THAT(After(absl::Seconds(25)), IsEmpty());
  EXPECT_THAT(After(absl::Seconds(10)), ElementsAre(v1::RUN_TRIGGER_WATCH));
  End(v1::RUN_STATE_SUCCEEDED);
  EXPECT_THAT(After(absl::Hours(10)), IsEmpty()) << "nothing new";
  folder_ = 4;
  EXPECT_THAT(After(absl::Seconds(10)), IsEmpty());
  EXPECT_THAT(After(absl::Seconds(30)), ElementsAre(v1::RUN_TRIGGER_WATCH));
}

TEST_F(SchedulerTest, WhatComesDuringARunIsReadAfterIt) {
  Add("", /*watch=*/true);
  After(absl::ZeroDuration());
  EXPECT_THAT(After(absl::Seconds(30)), ElementsAre(v1::RUN_TRIGGER_WATCH));
  folder_ = 2;
  EXPECT_THAT(After(absl::Seconds(60)), IsEmpty());
  End(v1::RUN_STATE_SUCCEEDED);
  EXPECT_THAT(After(absl::ZeroDuration()), IsEmpty());
  EXPECT_THAT(After(absl::Seconds(30)), ElementsAre(v1::RUN_TRIGGER_WATCH));
}

TEST_F(SchedulerTest, AFolderThatCannotBeReadIsNotDue) {
  Add("", /*watch=*/true);
  folder_ = 0;
  EXPECT_THAT(After(absl::Hours(1)), IsEmpty());
  EXPECT_THAT(After(absl::Hours(1)), IsEmpty());
}

TEST_F(SchedulerTest, WhatWasRefusedIsTriedAgainAMinuteLater) {
  Add("1h");
  EXPECT_THAT(After(absl::ZeroDuration()), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
  scheduler_.Refused("crm", now_);
  EXPECT_THAT(After(absl::Seconds(59)), IsEmpty());
  EXPECT_THAT(After(absl::Seconds(1)), ElementsAre(v1::RUN_TRIGGER_SCHEDULE));
}

}  // namespace
}  // namespace partnermetrics
