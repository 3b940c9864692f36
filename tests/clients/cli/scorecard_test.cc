#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_split.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/renderers/unit_text.h"
#include "partnermetrics/v1/score_service.pb.h"
#include "tests/clients/cli/output_test_support.h"

namespace partnermetrics::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kCard[] = R"pb(
  program: "solar"
  partner_id: "salesforce:001"
  partner {
    name: "Müller Solar"
    tier: "Gold"
    manager: "Jo Doe"
    signed_on { year: 2023 month: 1 day: 15 }
  }
  as_of { year: 2024 month: 3 day: 31 }
  period: "Q1 2024 Performance"
  currency_code: "USD"
  coverage: 0.8
  unresolved_facts: 1203
  position: 4711
  groups {
    title: "Revenue performance"
    rows {
      metric { id: "revenue" display_name: "Revenue YTD" unit: METRIC_UNIT_MONEY direction: METRIC_DIRECTION_UP }
      value {
        value: 425000
        display: "$425K"
        target { min: 500000 }
        attainment: 0.85
        target_position: TARGET_POSITION_BELOW
        change: 0.15
      }
    }
    rows {
      metric { id: "pipeline" display_name: "Pipeline" unit: METRIC_UNIT_MONEY direction: METRIC_DIRECTION_UP }
      value {
        value: 1800000
        display: "$1.8M"
        target { min: 1500000 }
        attainment: 1.2
        target_position: TARGET_POSITION_MET
        change: -0.032
        current_state: true
      }
    }
    rows {
      metric { id: "share" display_name: "Partner-Sourced Share" unit: METRIC_UNIT_PERCENT }
      value {
        value: 0.5
        display: "50 %"
        target { min: 0.2 max: 0.4 }
        target_position: TARGET_POSITION_ABOVE
        change: 0
      }
    }
  }
  groups {
    title: "Operations"
    rows {
      metric { id: "response" display_name: "Response Time" unit: METRIC_UNIT_HOURS direction: METRIC_DIRECTION_DOWN }
      value {
        value: 18
        display: "18 h"
        target { max: 24 }
        attainment: 1.333
        target_position: TARGET_POSITION_MET
        change: -0.5
      }
    }
    rows {
      metric { id: "nps" display_name: "Partner NPS" unit: METRIC_UNIT_POINTS }
      value {
        no_data: NO_DATA_REASON_TOO_FEW
        display: "no data"
        target { min: 40 }
      }
    }
  }
)pb";

std::string Draw(const v1::Scorecard& card, bool color = false, int width = 0) {
  TestScreen test;
  test.screen.color = color;
  test.screen.width = width;
  EXPECT_TRUE(NewRenderer("scorecard", test.screen)->Print(card).ok());
  return test.out.str();
}

TEST(ScorecardTest, DrawsTheCard) {
  EXPECT_EQ(Draw(FromText<v1::Scorecard>(kCard)),
            R"(┌──────────────────────────────────────────────────────────────────────────────────────────────┐
│                               PARTNER SCORECARD: Müller Solar                                │
│                                     Q1 2024 Performance                                      │
├──────────────────────────────────────────────────────────────────────────────────────────────┤
│ Partner Tier: Gold                           │ Partner Since: Jan 2023                       │
│ Partner Manager: Jo Doe                      │ Metrics With Data: 80 %                       │
├──────────────────────────────────────────────────────────────────────────────────────────────┤
│                                                                                              │
│ REVENUE PERFORMANCE                                                                          │
│ ┌──────────────────────────────────────────────────────────────────────────────────────────┐ │
│ │ Metric                                     Target  Actual  Achieved              Change  │ │
│ │ Revenue YTD                                 $500K   $425K      85 %  ████████░░  ▲ 15 %  │ │
│ │ Pipeline *                                  $1.5M   $1.8M     120 %  ██████████  ▼ 3.2 % │ │
│ │ Partner-Sourced Share                 20 % – 40 %    50 %     above              = 0 %   │ │
│ └──────────────────────────────────────────────────────────────────────────────────────────┘ │
│                                                                                              │
│ OPERATIONS                                                                                   │
│ ┌──────────────────────────────────────────────────────────────────────────────────────────┐ │
│ │ Metric                                     Target  Actual  Achieved              Change  │ │
│ │ Response Time                              ≤ 24 h    18 h     133 %  ██████████  ▼ 50 %  │ │
│ │ Partner NPS                                    40  no data (too few)                     │ │
│ └──────────────────────────────────────────────────────────────────────────────────────────┘ │
│                                                                                              │
│ As of 2024-03-31 · position 4711                                                             │
│ * as known today: the value of a past window moves with what happened since                  │
│ Not counted: 1,203 facts whose partner is unknown (partnerctl partner unresolved)            │
└──────────────────────────────────────────────────────────────────────────────────────────────┘
)");
}

TEST(ScorecardTest, EveryLineHasTheSameWidth) {
  for (const int width : {0, 60, 80, 200}) {
    const std::string card = Draw(FromText<v1::Scorecard>(kCard), false, width);
    const int expected = DisplayWidth(card.substr(0, card.find('\n')));
    for (const absl::string_view line : absl::StrSplit(card, '\n', absl::SkipEmpty())) {
      EXPECT_EQ(DisplayWidth(line), expected) << line;
    }
  }
}

TEST(ScorecardTest, ColoursShowTargetsAndDirections) {
  const std::string card = Draw(FromText<v1::Scorecard>(kCard), true);
  EXPECT_THAT(card, HasSubstr("\x1b[33m    85 %\x1b[0m"));  // Near the target.
  EXPECT_THAT(card, HasSubstr("\x1b[32m   120 %\x1b[0m"));  // Met.
  EXPECT_THAT(card, HasSubstr("\x1b[32m▼ 50 %"));           // Lower is better here.
  EXPECT_THAT(card, HasSubstr("\x1b[31m▼ 3.2 %"));          // But not there.
  EXPECT_THAT(card, HasSubstr("\x1b[2mno data (too few)"));
}

TEST(ScorecardTest, ScoresTierAndKeyMetricsComeFirst) {
  const std::string card = Draw(FromText<v1::Scorecard>(R"pb(
    partner_id: "p"
    partner { name: "P" tier: "as the source states it" }
    tier { tier: "gold" tier_name: "Gold" status: TIER_STATUS_PROBATION }
    scores {
      display_name: "Health"
      score: 79
      most: 100
      band { display_name: "HEALTHY" }
      trend: SCORE_TREND_IMPROVING
      coverage: 0.8
    }
    scores { display_name: "Engagement" }
    key_rows {
      metric { id: "revenue" display_name: "Revenue" }
      value { value: 1 display: "$1" }
    }
  )pb"));
  EXPECT_THAT(card, HasSubstr("Partner Tier: Gold (probation)"));
  EXPECT_THAT(card, HasSubstr("│ Health         79  ████████░░  HEALTHY, improving (data for 80 %)"));
  EXPECT_THAT(card, HasSubstr("│ Engagement  no data"));
  EXPECT_LT(card.find("KEY METRICS"), card.find("No metrics are on this scorecard."));
}

TEST(ScorecardTest, ProgrammeTotals) {
  const std::string card = Draw(FromText<v1::Scorecard>(R"pb(program: "solar" program_name: "Solar Partners")pb"));
  EXPECT_THAT(card, HasSubstr("PROGRAMME TOTALS: Solar Partners"));
  EXPECT_THAT(card, HasSubstr("No metrics are on this scorecard."));
  EXPECT_THAT(card, Not(HasSubstr("Partner Tier")));
}

TEST(UnitTextTest, NumbersInTheirUnit) {
  EXPECT_EQ(FormatInUnit(1500000, v1::METRIC_UNIT_MONEY, "USD"), "$1.5M");
  EXPECT_EQ(FormatInUnit(999999, v1::METRIC_UNIT_MONEY, "EUR"), "€1M");
  EXPECT_EQ(FormatInUnit(-62000, v1::METRIC_UNIT_MONEY, "CHF"), "-CHF 62K");
  EXPECT_EQ(FormatInUnit(12.5, v1::METRIC_UNIT_MONEY, "USD"), "$12.5");
  EXPECT_EQ(FormatInUnit(2.5e9, v1::METRIC_UNIT_MONEY, "USD"), "$2.5B");
  EXPECT_EQ(FormatInUnit(850000, v1::METRIC_UNIT_MONEY_PER_MONTH, "USD"), "$850K/month");
  EXPECT_EQ(FormatInUnit(0.25, v1::METRIC_UNIT_PERCENT, ""), "25 %");
  EXPECT_EQ(FormatInUnit(3.5, v1::METRIC_UNIT_RATIO, ""), "3.5x");
  EXPECT_EQ(FormatInUnit(14, v1::METRIC_UNIT_DAYS, ""), "14 days");
  EXPECT_EQ(FormatInUnit(1, v1::METRIC_UNIT_DAYS, ""), "1 day");
  EXPECT_EQ(FormatInUnit(18, v1::METRIC_UNIT_HOURS, ""), "18 h");
  EXPECT_EQ(FormatInUnit(12345, v1::METRIC_UNIT_COUNT, ""), "12,345");
  EXPECT_EQ(FormatInUnit(-40, v1::METRIC_UNIT_POINTS, ""), "-40");
  EXPECT_EQ(FormatInUnit(-0.001, v1::METRIC_UNIT_COUNT, ""), "0");
}

}  // namespace
}  // namespace partnermetrics::cli
