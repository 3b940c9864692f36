#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "clients/cli/renderers/registry.h"
#include "partnermetrics/v1/score_service.pb.h"
#include "tests/clients/cli/output_test_support.h"

namespace partnermetrics::cli {
namespace {

using testing::HasSubstr;

TEST(ScoresTest, AScoreWithItsComponents) {
  EXPECT_EQ(Draw<v1::GetScoresResponse>("scores", R"pb(
              scores {
                model_id: "health"
                display_name: "Health Score"
                as_of { year: 2024 month: 3 day: 31 }
                score: 79
                most: 100
                band { id: "healthy" display_name: "HEALTHY" action: "Maintain" }
                coverage: 0.8
                previous_on { year: 2023 month: 12 day: 31 }
                previous: 74
                change: 5
                trend: SCORE_TREND_IMPROVING
                components {
                  title: "Revenue"
                  weight: 3
                  weight_in_force: 0.75
                  points: 85
                  contribution: 63.75
                  coverage: 1
                  parts { metric_id: "revenue" display_name: "Revenue" value: 425000 display: "$425K" points: 85 }
                }
                components {
                  title: "Pipeline"
                  weight: 1
                  weight_in_force: 0.25
                  points: 61
                  contribution: 15.25
                  coverage: 1
                  parts { metric_id: "pipeline" display_name: "Pipeline" value: 3 display: "3x" points: 61 }
                }
                components {
                  title: "Satisfaction"
                  weight: 1
                  parts { metric_id: "nps" display_name: "NPS" no_data: NO_DATA_REASON_TOO_FEW }
                }
              }
              position: 7
            )pb"),
            R"(Health Score: 79 of 100  ████████████████░░░░  HEALTHY
Maintain · ▲ 5 since 2023-12-31 · data for 80 %

Component     Points              Weight   Adds  From
──────────────────────────────────────────────────────────────────────
Revenue           85  █████████░    75 %  63.75  Revenue $425K
Pipeline          61  ██████░░░░    25 %  15.25  Pipeline 3x
Satisfaction       –                   –         NPS no data (too few)

As of 2024-03-31 · position 7
)");
}

constexpr char kTier[] = R"pb(
  partner_name: "Acme"
  position: 7
  model {
    levels { id: "gold" display_name: "Gold" }
    levels { id: "silver" display_name: "Silver" }
  }
  standing {
    as_of { year: 2024 month: 3 day: 10 }
    tier: "silver"
    tier_name: "Silver"
    rank: 1
    computed_tier: "silver"
    qualified_tier: "silver"
    status: TIER_STATUS_PROBATION
    violations: 1
    max_violations: 3
    since_on { year: 2024 month: 1 day: 1 }
    next_review_on { year: 2024 month: 3 day: 31 }
    gates {
      check {
        metric_id: "aging"
        display_name: "Aging"
        value: 0.12
        display: "12 %"
        requirement_display: "< 15 %"
        met: true
        margin: 0.03
        margin_display: "+3 pp"
      }
      tier: "silver"
      tier_name: "Silver"
      binding: true
    }
    next_tier: "gold"
    next_tier_name: "Gold"
    gap {
      check { display_name: "Aging" display: "12 %" requirement_display: "< 5 %" }
      text: "4 fewer of both"
    }
    risk {
      check { display_name: "Aging" requirement_display: "< 15 %" }
      fails_on { year: 2024 month: 3 day: 19 }
      fails_at_review: true
      text: "not met from 2024-03-19 on"
    }
    history {
      on { year: 2024 month: 1 day: 1 }
      from: "gold"
      to: "silver"
      cause: TIER_CAUSE_RELEGATION
      reason: "short of Gold"
      author: "Ada"
    }
  }
)pb";

TEST(ScoresTest, ATierWithWhatDecidesWhatIsMissingAndWhatThreatens) {
  EXPECT_EQ(Draw<v1::GetTierResponse>("tier", kTier),
            R"(Acme: Silver
probation · since 2024-01-01 · next review 2024-03-31 · violations: 1 of 3

Metric  Value  Asks for     Margin  Alone would be
─────────────────────────────────────────────────────
Aging    12 %    < 15 %  ✓   +3 pp  Silver  ◀ decides

Missing for Gold
Aging  12 %  < 5 %  4 fewer of both

What could cost the tier
Aging  < 15 %  not met from 2024-03-19 on

History
2024-01-01  Gold → Silver  relegation  short of Gold (Ada)

As of 2024-03-10 · position 7
)");
}

TEST(ScoresTest, AnOverrideSaysWhoAndWhy) {
  const std::string text = Draw<v1::GetTierResponse>("tier", R"pb(
    partner_name: "Acme"
    model {
      levels { id: "gold" display_name: "Gold" }
      levels { id: "silver" display_name: "Silver" }
    }
    standing {
      tier: "gold"
      computed_tier: "silver"
      qualified_tier: "silver"
      status: TIER_STATUS_ACTIVE
      override { tier: "gold" author: "Ada" reason: "strategic" }
    }
  )pb");
  EXPECT_THAT(text, HasSubstr("Acme: Gold"));
  EXPECT_THAT(text, HasSubstr("Given by Ada: strategic; reviews gave Silver"));
}

TEST(ScoresTest, WhatIfShowsBothSides) {
  EXPECT_EQ(Draw<v1::WhatIfResponse>("what_if", R"pb(
              values {
                display_name: "Revenue"
                before { value: 1 display: "$1" }
                after { value: 2 display: "$2" }
              }
              scores {
                before {
                  display_name: "Health"
                  score: 59.5
                  band { display_name: "Watch" }
                }
                after {
                  display_name: "Health"
                  score: 80
                  band { display_name: "Healthy" }
                }
              }
              tier_before { rank: 0 }
              tier_after { rank: 1 tier_name: "Silver" }
              position: 7
            )pb"),
            R"(What             Is     Would be
──────────────────────────────────
Revenue          $1  →  $2
Health   59.5 Watch  →  80 Healthy
Tier           none  →  Silver

Nothing was written · position 7
)");
}

}  // namespace
}  // namespace partnermetrics::cli
