#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "partnermetrics/v1/period_service.pb.h"
#include "tests/clients/cli/output_test_support.h"

namespace partnermetrics::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kPeriod[] = R"pb(
  period {
    period_id: "quarter-2024-03-31"
    kind: PERIOD_KIND_QUARTER
    days {
      start_on { year: 2024 month: 1 day: 1 }
      end_on { year: 2024 month: 3 day: 31 }
    }
    closed_at { seconds: 1712044800 }
    closed_by: "ann"
    restatements: 1
    statements { stated_by: "ann" position: 12 scopes: 1 values: 1234 }
    statements {
      restatement: 1
      stated_at { seconds: 1712131200 }
      stated_by: "bob"
      reason: "a deal was found\x1b[31m"
      position: 15
      scopes: 2
      values: 2
    }
  }
)pb";

TEST(PeriodsTest, ACloseSaysWhatWasStated) {
  EXPECT_EQ(Draw<v1::ClosePeriodResponse>("period_close", kPeriod),
            "quarter-2024-03-31 · 2024-01-01..2024-03-31\n"
            "closed 2024-04-02T08:00:00Z by ann, restated once: 1,234 numbers of 1 scope as of position 12\n"
            "See them: partnerctl period show quarter-2024-03-31\n");
}

TEST(PeriodsTest, NumbersAsClosedAsRestatedAndNow) {
  EXPECT_EQ(Draw<v1::GetPeriodResponse>("period", std::string(kPeriod) + R"pb(
              scope { kind: SCOPE_KIND_PARTNER partner_id: "crm:P1" }
              values {
                metric_id: "partner_revenue"
                display_name: "Partner Revenue"
                closed { display: "$425K" }
                stated { restatement: 1 display: "$431K" }
                now { display: "$431K" }
              }
              values {
                metric_id: "gone_metric"
                closed { display: "3" }
                stated { display: "3" }
                now { gone: true display: "gone" }
                differs: true
              }
              values {
                metric_id: "new_metric"
                display_name: "New"
                now { display: "7" }
                differs: true
              }
              position: 17
            )pb"),
            "quarter-2024-03-31 · partner:crm:P1\n"
            "closed 2024-04-02T08:00:00Z by ann, restated once\n"
            "#1  2024-04-03T08:00:00Z  bob: a deal was found\\x1b[31m\n"
            "\n"
            "Metric           Closed  Restated    Now\n"
            "────────────────────────────────────────\n"
            "Partner Revenue   $425K  $431K #1  $431K\n"
            "gone_metric           3             gone\n"
            "New                   –                7\n"
            "Now: position 17\n");
  EXPECT_THAT(Draw<v1::GetPeriodResponse>("period", kPeriod), HasSubstr("No number is another"));
}

TEST(PeriodsTest, ARestatementThatWasOnlyLookedAtSaysHowToStateIt) {
  const std::string changes = std::string(kPeriod) + R"pb(
    changes {
      scope { kind: SCOPE_KIND_PROGRAM }
      metric_id: "partner_revenue"
      before { display: "$425K" }
      after { display: "$431K" }
    }
    values: 2
    scopes: 2
  )pb";
  EXPECT_EQ(Draw<v1::RestatePeriodResponse>("restatement", changes),
            "quarter-2024-03-31 · closed 2024-04-02T08:00:00Z by ann, restated once\n"
            "\n"
            "Scope    Metric           Stated    Now\n"
            "───────────────────────────────────────\n"
            "program  partner_revenue   $425K  $431K\n"
            "2 numbers of 2 scopes would be restated; the first are shown\n"
            "State them: partnerctl period restate quarter-2024-03-31 --apply --author NAME --reason TEXT\n");
  const std::string stated = Draw<v1::RestatePeriodResponse>("restatement", changes + "stated: true");
  EXPECT_THAT(stated, HasSubstr("2 numbers of 2 scopes restated"));
  EXPECT_THAT(stated, Not(HasSubstr("--apply")));
  EXPECT_THAT(Draw<v1::RestatePeriodResponse>("restatement", kPeriod),
              HasSubstr("All numbers are as they were last stated."));
}

}  // namespace
}  // namespace partnermetrics::cli
