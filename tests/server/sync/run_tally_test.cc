#include "server/sync/run_tally.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr EventResult kApplied = {Effect::kApplied, false, false};
constexpr EventResult kUnchanged = {Effect::kUnchanged, false, false};
constexpr EventResult kSuperseded = {Effect::kSuperseded, false, false};

RunTally Complete() {
  RunTally tally;
  tally.PageOf(5);
  tally.Emitted(3);
  tally.Emitted(1);
  tally.Rejected();
  tally.Skipped("not_livemode");
  tally.Skipped("deleted");
  tally.RefusedEvent();
  tally.Judged({{Effect::kApplied, true, true}, kUnchanged, kSuperseded});
  return tally;
}

TEST(RunTallyTest, CountsEverythingOnce) {
  const RunTally tally = Complete();
  const log::v1::RunCounts counts = tally.counts();
  EXPECT_EQ(counts.records_read(), 5);
  EXPECT_EQ(counts.records_emitted(), 2);
  EXPECT_EQ(counts.records_rejected(), 1);
  EXPECT_EQ(counts.records_skipped(), 2);
  EXPECT_THAT(counts.skipped_by_rule(), ElementsAre("deleted=1", "not_livemode=1"));
  EXPECT_EQ(counts.events_applied(), 1);
  EXPECT_EQ(counts.events_unchanged(), 1);
  EXPECT_EQ(counts.events_superseded(), 1);
  EXPECT_EQ(counts.events_rejected(), 1);
  EXPECT_EQ(counts.events_unresolved(), 1);
  EXPECT_EQ(counts.events_parked(), 1);
  EXPECT_EQ(tally.rejected(), 2);
  EXPECT_TRUE(tally.Check().ok()) << tally.Check();
}

TEST(RunTallyTest, GoesOnFromCounts) {
  RunTally tally(Complete().counts());
  tally.PageOf(1);
  tally.Skipped("deleted");
  EXPECT_TRUE(tally.Check().ok()) << tally.Check();
  EXPECT_THAT(tally.counts().skipped_by_rule(), ElementsAre("deleted=2", "not_livemode=1"));
}

TEST(RunTallyTest, TellsWhenRecordsAreMissing) {
  RunTally tally = Complete();
  tally.PageOf(1);
  EXPECT_EQ(tally.Check().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(tally.Check().message(), HasSubstr("records_read: 6"));
}

TEST(RunTallyTest, TellsWhenEventsAreMissing) {
  RunTally tally = Complete();
  tally.PageOf(1);
  tally.Emitted(2);
  tally.Judged({kApplied});
  EXPECT_EQ(tally.Check().code(), absl::StatusCode::kInternal);
  tally.Judged({{Effect::kNone, false, false}});
  EXPECT_EQ(tally.Check().code(), absl::StatusCode::kInternal) << "an event without effect is no outcome";
  tally.Judged({kApplied});
  EXPECT_TRUE(tally.Check().ok());
}

TEST(RunTallyTest, TellsWhenPartsExceedTheirWhole) {
  RunTally tally = Complete();
  tally.PageOf(1);
  tally.Emitted(2);
  tally.Judged({{Effect::kUnchanged, true, false}, {Effect::kUnchanged, true, false}});
  EXPECT_EQ(tally.Check().code(), absl::StatusCode::kInternal);
}

TEST(RunTallyTest, NoMoreIsRejectedAgainThanIsRejected) {
  RunTally tally = Complete();
  tally.RejectedAgain(2);
  EXPECT_TRUE(tally.Check().ok()) << tally.Check();
  EXPECT_EQ(tally.counts().records_rejected_again(), 2);
  tally.RejectedAgain(1);
  EXPECT_EQ(tally.Check().code(), absl::StatusCode::kInternal);
}

TEST(RunTallyTest, KeepsOnlySoManyRules) {
  RunTally tally;
  tally.PageOf(1'000);
  for (int i = 0; i < 1'000; ++i) tally.Skipped(absl::StrCat("rule", i));
  EXPECT_EQ(tally.counts().skipped_by_rule_size(), 101);
  EXPECT_THAT(tally.counts().skipped_by_rule(), testing::Contains("other=900"));
  EXPECT_TRUE(tally.Check().ok());
}

}  // namespace
}  // namespace partnermetrics
