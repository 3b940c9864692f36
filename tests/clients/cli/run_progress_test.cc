#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "clients/cli/outcome.h"
#include "clients/cli/renderers/registry.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "partnermetrics/v1/ingest_service.pb.h"
#include "tests/clients/cli/output_test_support.h"

namespace partnermetrics::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kFinal[] = R"pb(
  run {
    run_id: "crm-12"
    connector: "crm"
    state: RUN_STATE_PARTIAL
    started_at { seconds: 1000 }
    ended_at { seconds: 1075 }
    records_read: 1234
    records_emitted: 1200
    records_rejected: 4
    records_skipped: 30
    skipped { rule: "is_deleted" records: 10 }
    skipped { rule: "not_livemode" records: 20 }
    events { applied: 1000 unchanged: 200 superseded: 7 rejected: 3 unresolved: 5 parked: 2 }
    bytes_done: 2500000
    remarks { level: PROBLEM_LEVEL_WARNING where: "Account.csv:Tier__c" message: "unknown column" remedy: "map it" }
  }
)pb";

v1::RunConnectorResponse Progress(int64_t records, uint64_t bytes) {
  v1::RunConnectorResponse progress;
  progress.mutable_run()->set_connector("crm");
  progress.mutable_run()->set_state(v1::RUN_STATE_RUNNING);
  progress.mutable_run()->set_records_read(records);
  progress.mutable_run()->set_bytes_done(bytes);
  progress.mutable_run()->set_bytes_total(10000000);
  return progress;
}

// A run with three updates one second apart.
void ShowRun(TestScreen* test) {
  absl::Time now = absl::UnixEpoch();
  test->screen.now = [&now] { return now; };
  const auto renderer = NewRenderer("run_progress", test->screen);
  for (const auto& [records, bytes] : {std::pair(100, 1000000), {300, 2000000}, {500, 3000000}}) {
    ASSERT_TRUE(renderer->Print(Progress(records, static_cast<uint64_t>(bytes))).ok());
    now += absl::Seconds(1);
  }
  ASSERT_TRUE(renderer->Print(FromText<v1::RunConnectorResponse>(kFinal)).ok());
  renderer->Finish();
}

TEST(RunProgressTest, TheAccountingAddsUp) {
  TestScreen test;
  ShowRun(&test);
  EXPECT_EQ(test.out.str(), R"(Run crm-12 of crm: PARTIAL in 1m15s, 2.5 MB read
  records: 1,234 read = 1,200 emitted + 4 rejected + 30 skipped (10 is_deleted, 20 not_livemode)
  events:  1,210 = 1,000 applied + 200 unchanged + 7 superseded + 3 rejected
  5 applied events named no partner that was known by then (what is left: partnerctl partner unresolved)
  2 applied events wait for an exchange rate
  warning: Account.csv:Tier__c: unknown column; map it
  See the rejected records: partnerctl quarantine list --run-id crm-12
)");
}

TEST(RunProgressTest, WhatIsRejectedAgainIsSoughtUnderItsConnector) {
  auto final_progress = FromText<v1::RunConnectorResponse>(kFinal);
  final_progress.mutable_run()->set_records_rejected_again(3);
  TestScreen test;
  const auto renderer = NewRenderer("run_progress", test.screen);
  ASSERT_TRUE(renderer->Print(final_progress).ok());
  renderer->Finish();
  EXPECT_THAT(test.out.str(), HasSubstr("  3 rejected as in a run before, and known to quarantine since then\n"));
  EXPECT_THAT(test.out.str(), HasSubstr("partnerctl quarantine list --connector crm\n"));
}

TEST(RunProgressTest, ADifferenceIsSaid) {
  auto final_progress = FromText<v1::RunConnectorResponse>(kFinal);
  final_progress.mutable_run()->set_records_read(1240);
  TestScreen test;
  const auto renderer = NewRenderer("run_progress", test.screen);
  ASSERT_TRUE(renderer->Print(final_progress).ok());
  renderer->Finish();
  EXPECT_THAT(test.out.str(), HasSubstr("does not add up: 6 records are unaccounted for"));
}

TEST(RunProgressTest, ATerminalLineIsRewritten) {
  TestScreen test;
  test.screen.err_is_terminal = true;
  ShowRun(&test);
  EXPECT_THAT(test.err.str(), Not(HasSubstr("\n")));
  EXPECT_THAT(test.err.str(),
              HasSubstr("\r\x1b[Kcrm ██████░░░░░░░░░░░░░░ 30 %  500 records  200 rec/s  3.0 MB of 10.0 MB"
                        "  7s left\r\x1b[K"));
}

TEST(RunProgressTest, WhereTheConnectorStandsIsShown) {
  TestScreen test;
  test.screen.err_is_terminal = true;
  v1::RunConnectorResponse progress = Progress(100, 1'000'000);
  progress.mutable_run()->mutable_progress()->set_done(3);
  progress.mutable_run()->mutable_progress()->set_total(10);
  progress.mutable_run()->mutable_progress()->set_unit("files");
  ASSERT_TRUE(NewRenderer("run_progress", test.screen)->Print(progress).ok());
  EXPECT_THAT(test.err.str(), HasSubstr("1.0 MB of 10.0 MB  3 of 10 files"));
}

TEST(RunProgressTest, ARunThatWaitsSaysSo) {
  TestScreen test;
  v1::RunConnectorResponse queued;
  queued.mutable_run()->set_connector("crm");
  queued.mutable_run()->set_state(v1::RUN_STATE_QUEUED);
  queued.mutable_run()->set_queue_position(2);
  ASSERT_TRUE(NewRenderer("run_progress", test.screen)->Print(queued).ok());
  EXPECT_EQ(test.err.str(), "crm waits until others have ended, 2 before it in the queue\n");
}

TEST(RunProgressTest, DeletedFactsAreSaid) {
  auto final_progress = FromText<v1::RunConnectorResponse>(kFinal);
  final_progress.mutable_run()->set_facts_deleted(1'234);
  TestScreen test;
  const auto renderer = NewRenderer("run_progress", test.screen);
  ASSERT_TRUE(renderer->Print(final_progress).ok());
  renderer->Finish();
  EXPECT_THAT(test.out.str(), HasSubstr("  1,234 facts deleted, which the complete export lacks\n"));
}

TEST(RunProgressTest, ElsewhereALineComesEveryTwoSeconds) {
  TestScreen test;
  ShowRun(&test);
  EXPECT_EQ(std::count(test.err.view().begin(), test.err.view().end(), '\n'), 2);
  EXPECT_THAT(test.err.str(), Not(HasSubstr("\x1b")));
  TestScreen quiet;
  quiet.screen.quiet = true;
  ShowRun(&quiet);
  EXPECT_EQ(quiet.err.str(), "");
}

TEST(OutcomeTest, ResponsesThatAreNoFullSuccess) {
  v1::RunConnectorResponse run;
  const std::pair<v1::RunState, int> states[] = {{v1::RUN_STATE_SUCCEEDED, 0},  {v1::RUN_STATE_RUNNING, 0},
                                                 {v1::RUN_STATE_PARTIAL, 9},    {v1::RUN_STATE_FAILED, 10},
                                                 {v1::RUN_STATE_CANCELLED, 10}, {v1::RUN_STATE_INTERRUPTED, 10}};
  for (const auto& [state, exit_code] : states) {
    run.mutable_run()->set_state(state);
    EXPECT_EQ(static_cast<int>(OutcomeOf(run)), exit_code);
  }
  EXPECT_EQ(OutcomeOf(v1::VerifyScopeResponse()), ExitCode::kCheckFailed);
  EXPECT_EQ(OutcomeOf(v1::CheckConnectorResponse()), ExitCode::kCheckFailed);
  EXPECT_EQ(OutcomeOf(FromText<v1::IngestEventsResponse>("counts { rejected: 1 }")), ExitCode::kPartial);
  EXPECT_EQ(OutcomeOf(FromText<v1::StreamEventsResponse>("counts { applied: 1 }")), ExitCode::kOk);
}

}  // namespace
}  // namespace partnermetrics::cli
