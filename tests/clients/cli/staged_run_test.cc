#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/cli/renderers/registry.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "tests/clients/cli/output_test_support.h"

namespace partnermetrics::cli {
namespace {

using testing::HasSubstr;

constexpr char kStaged[] = R"pb(
  run { run_id: "crm-000012" connector: "crm" records_read: 1234 records_rejected: 1 events_staged: 1200 }
  facts {
    kind: "deal"
    added: 12
    changed: 3
    deleted: 1
    unchanged: 1184
    examples {
      record_id: "d1"
      change: STAGED_CHANGE_CHANGED
      fields { field: "name" before: "old" after: "new\x1b[2J" }
      fields { field: "stage" after: "won" }
    }
    examples { record_id: "d2" change: STAGED_CHANGE_DELETED }
  }
  metrics { metric_id: "revenue" display_name: "Revenue" before: "$1.2M" after: "$1.4M" }
  metrics_unchanged: 12
  rejects {
    origin { file: "deals.csv" row: 7 }
    field: "Amount"
    reason: "bad_number"
    message: "is no number"
  }
  unresolved: 2
  position: 99
)pb";

TEST(StagedRunRendererTest, ShowsWhatWouldChangeAndHowToGoOn) {
  TestScreen test;
  const auto renderer = NewRenderer("staged_run", test.screen);
  ASSERT_NE(renderer, nullptr);
  ASSERT_TRUE(renderer->Print(FromText<v1::StagedRun>(kStaged)).ok());
  renderer->Finish();
  const std::string text = test.out.str();
  EXPECT_THAT(text, HasSubstr("1,234 records read, 1,200 events wait"));
  EXPECT_THAT(text, HasSubstr("deal      12        3        1      1,184"));
  EXPECT_THAT(text, HasSubstr("~ deal d1  name: old → new\\x1b[2J, stage: (nothing) → won"));
  EXPECT_THAT(text, HasSubstr("- deal d2\n"));
  EXPECT_THAT(text, HasSubstr("Revenue  $1.2M  →  $1.4M"));
  EXPECT_THAT(text, HasSubstr("12 of the dashboard would stay"));
  EXPECT_THAT(text, HasSubstr("deals.csv:7 Amount: bad_number: is no number"));
  EXPECT_THAT(text, HasSubstr("partnerctl connector staged publish crm-000012"));
}

}  // namespace
}  // namespace partnermetrics::cli
