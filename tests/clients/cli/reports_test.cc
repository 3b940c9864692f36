// Reports as partnerctl shows them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "clients/cli/renderers/columns.h"
#include "clients/cli/renderers/registry.h"
#include "partnermetrics/v1/explain_service.pb.h"
#include "partnermetrics/v1/report_service.pb.h"
#include "partnermetrics/v1/standings_service.pb.h"
#include "tests/clients/cli/output_test_support.h"

namespace partnermetrics::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

template <typename Message>
std::string Shown(const std::string& renderer, const std::string& text) {
  TestScreen screen;
  const auto printer = NewRenderer(renderer, screen.screen);
  EXPECT_TRUE(printer != nullptr && printer->Print(FromText<Message>(text)).ok());
  return screen.out.str();
}

TEST(ReportsTest, ServiceLevels) {
  EXPECT_EQ(Shown<v1::SlaReport>("sla", R"pb(
              title: "Operational SLA performance"
              period: "March 2024"
              as_of { year: 2024 month: 3 day: 31 }
              currency_code: "USD"
              rows {
                display_name: "Deal Reg Response"
                unit: METRIC_UNIT_HOURS
                value {
                  value: 18
                  display: "18 h"
                  target { max: 24 }
                }
                status: SLA_STATUS_MEET
                in_time { value: 1 display: "100 %" }
                open { value: 2 display: "2" }
                open_age { value: 20 display: "20 days" }
              }
              rows {
                display_name: "Support Resolution"
                unit: METRIC_UNIT_HOURS
                value {
                  value: 52
                  display: "52 h"
                  target { max: 48 }
                }
                status: SLA_STATUS_MISS
                open { value: 0 display: "0" }
                open_age { no_data: NO_DATA_REASON_NO_FACTS }
              }
              rows {
                display_name: "MDF Approval"
                unit: METRIC_UNIT_DAYS
                value {
                  no_data: NO_DATA_REASON_NO_FACTS
                  target { max: 5 }
                }
                status: SLA_STATUS_NO_DATA
              }
              compliance {
                value: 0.5
                display: "50 %"
                target { min: 0.9 }
                target_position: TARGET_POSITION_BELOW
              }
              met: 1
              missed: 1
              without_data: 1
              position: 7
            )pb"),
            R"(Operational SLA performance · March 2024

Metric                Target   Actual  Status  In time  Still open  Open for
────────────────────────────────────────────────────────────────────────────
Deal Reg Response     ≤ 24 h     18 h  ✓ MEET    100 %           2   20 days
Support Resolution    ≤ 48 h     52 h  ✗ MISS                    0
MDF Approval        ≤ 5 days  no data  –

Overall SLA compliance: 50 % (target 90 %) · 1 of 2 met, 1 without data
As of 2024-03-31 · position 7
)");
}

TEST(ReportsTest, Funnel) {
  EXPECT_EQ(Shown<v1::FunnelReport>("funnel", R"pb(
              title: "Partner enablement funnel"
              as_of { year: 2024 month: 3 day: 31 }
              steps { display_name: "Onboarded Partners" partners: 100 share: 1 reached: 100 }
              steps { display_name: "Completed Training" partners: 85 share: 0.85 conversion: 0.85 reached: 90 }
              steps { display_name: "Certified" partners: 0 share: 0 conversion: 0 }
              position: 7
            )pb"),
            R"(Partner enablement funnel · 2024-03-31

Step                Partners                                    Of all  Of the step before  Reached it at all
─────────────────────────────────────────────────────────────────────────────────────────────────────────────
Onboarded Partners       100  ████████████████████████████████   100 %
Completed Training        85  ███████████████████████████░░░░░    85 %                85 %                 90
Certified                  0  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░     0 %                 0 %
As of 2024-03-31 · position 7
)");
}

TEST(ReportsTest, Pipeline) {
  EXPECT_EQ(Shown<v1::PipelineReport>("pipeline", R"pb(
              title: "Pipeline"
              as_of { year: 2024 month: 3 day: 31 }
              stages {
                stage: "Discovery"
                share_percent: 60
                value { value: 2300000 display: "$2.3M" facts: 2 }
              }
              stages {
                stage: ""
                share_percent: 40
                value { value: 1500000 display: "$1.5M" facts: 1 }
              }
              total { value: 3800000 display: "$3.8M" }
              figures {
                display_name: "Velocity"
                value { no_data: NO_DATA_REASON_NO_FACTS }
              }
              position: 7
            )pb"),
            R"(Pipeline · 2024-03-31

Discovery   ██████████████████░░░░░░░░░░░░  60 %  $2.3M  2 deals
(no stage)  ████████████░░░░░░░░░░░░░░░░░░  40 %  $1.5M  1 deal
All stages: $3.8M

Velocity:  no data (no facts)
As of 2024-03-31 · position 7
)");
  EXPECT_THAT(Shown<v1::PipelineReport>("pipeline", "title: 'Pipeline'"), HasSubstr("Nothing is open."));
}

TEST(ReportsTest, Revenue) {
  EXPECT_EQ(Shown<v1::RevenueReport>("revenue", R"pb(
              title: "Partner revenue"
              period: "Q1 2024"
              as_of { year: 2024 month: 3 day: 31 }
              figures {
                display_name: "Sourced"
                direction: METRIC_DIRECTION_UP
                value { value: 2500000 display: "$2.5M" change: 0.15 }
              }
              split_by: "tier"
              groups { value: "Gold" share_percent: 95 display: "$2.4M" partners: 2 }
              groups { value: "Other" share_percent: 4 display: "$80K" partners: 1 }
              groups { value: "Other roles" share_percent: 1 display: "$20K" is_rest: true }
              top {
                rank: 1
                partner_id: "crm:1"
                name: "Acme"
                share: 0.5
                value { value: 1 display: "$1.2M" change: -0.1 }
              }
              position: 7
            )pb"),
            R"(Partner revenue · Q1 2024

Sourced:  $2.5M  ▲ 15 %

By tier
Gold         █████████████████████████████░  95 %  $2.4M  2 partners
Other        █░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   4 %   $80K  1 partner
Other roles  █░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   1 %   $20K

Top 1 partners
1.  Acme  $1.2M  50 %  ▼ 10 %
As of 2024-03-31 · position 7
)");
}

TEST(ReportsTest, Leaderboard) {
  EXPECT_EQ(Shown<v1::Leaderboard>("leaderboard", R"pb(
              display_name: "Partner Revenue"
              as_of { year: 2024 month: 3 day: 31 }
              window {
                start_on { year: 2024 month: 1 day: 1 }
                end_on { year: 2024 month: 3 day: 31 }
              }
              rows { rank: 9 partner_id: "crm:1" name: "Acme" value: 200 display: "$200" }
              rows { rank: 10 partner_id: "crm:2" value: 100 display: "$100" }
              ranked: 12
              without_value: 1
              position: 7
            )pb"),
            R"(Partner Revenue · 2024-01-01 to 2024-03-31

 9.  Acme   $200  ██████████████████████████████
10.  crm:2  $100  ███████████████░░░░░░░░░░░░░░░

12 partners with a value, 1 without one
As of 2024-03-31 · position 7
)");
}

TEST(ReportsTest, AnExplainedValue) {
  EXPECT_EQ(Shown<v1::ExplainResponse>("explanation", R"pb(
              value {
                metric_id: "win_rate"
                scope { kind: SCOPE_KIND_PARTNER partner_id: "crm:P" }
                window {
                  start_on { year: 2024 month: 1 day: 1 }
                  end_on { year: 2024 month: 3 day: 31 }
                }
                value: 0.75
                display: "75 %"
                numerator: 3
                denominator: 4
              }
              formula: "won.count / closed.count"
              terms {
                number: 1
                role: TERM_ROLE_NUMERATOR
                use: "won.count"
                scope { kind: SCOPE_KIND_PARTNER partner_id: "crm:P" }
                window {
                  start_on { year: 2024 month: 1 day: 1 }
                  end_on { year: 2024 month: 3 day: 31 }
                }
                count: 3
                sum { units: 500 }
              }
              measures { id: "won" fact: "deal" at: "closed_on" where: "outcome == WON" description: "Won deals." }
              position: 7
            )pb"),
            R"(win_rate: 75 %
partner:crm:P, 2024-01-01..2024-03-31
won.count / closed.count = 3 / 4

Term  Read       Role       Count  Sum  Days                    Scope
─────────────────────────────────────────────────────────────────────────────
   1  won.count  numerator      3  500  2024-01-01..2024-03-31  partner:crm:P

won: Won deals.
  deal, by closed_on, where outcome == WON
Position 7 · the facts of a term: metric facts --term N
)");
}

// The term first, then the columns in which a row says something.
TEST(ReportsTest, ContributionsOfATerm) {
  EXPECT_EQ(Shown<v1::ListContributionsResponse>("contributions", R"pb(
              contributions {
                fact { kind: "deal" source: "crm" record_id: "006A1" }
                counts_on { year: 2024 month: 2 day: 29 }
                count: 1
                sum { units: 500 }
                partner_ids: "crm:P"
                partner_ids: "crm:Q"
                role: ATTRIBUTION_ROLE_SOURCED
                origin { file: "Opportunity.csv" row: 7 }
              }
              contributions {
                fact { kind: "deal" source: "crm" record_id: "006A2" }
                counts_on { year: 2024 month: 3 day: 1 }
                count: 1
                partner_ids: "crm:P"
                role: ATTRIBUTION_ROLE_SOURCED
              }
              next_page_token: "abc"
              term {
                number: 1
                role: TERM_ROLE_AVERAGE
                use: "avg(won)"
                scope { kind: SCOPE_KIND_PROGRAM }
                window {
                  start_on { year: 2024 month: 1 day: 1 }
                  end_on { year: 2024 month: 3 day: 31 }
                }
                count: 3
                sum { units: 500 }
              }
              position: 7
            )pb"),
            R"(Term  Read      Role     Count  Sum  Days                    Scope
────────────────────────────────────────────────────────────────────
   1  avg(won)  average      3  500  2024-01-01..2024-03-31  program

Record  Kind  Source  Counts on   Count  Sum  Partners      Role     Read from
──────────────────────────────────────────────────────────────────────────────────────
006A1   deal  crm     2024-02-29      1  500  crm:P, crm:Q  sourced  Opportunity.csv:7
006A2   deal  crm     2024-03-01      1       crm:P         sourced
Position 7
There is more: add --page-token abc
)");
}

TEST(ReportsTest, ATermThatCountsNothing) {
  EXPECT_EQ(Shown<v1::ListContributionsResponse>("contributions", R"pb(
              term {
                number: 2
                use: "count_partners"
                scope { kind: SCOPE_KIND_PROGRAM }
                value: 0
              }
              position: 7
            )pb"),
            R"(Term  Read            Role  Count  Sum  Days  Scope
─────────────────────────────────────────────────────
   2  count_partners            0             program

Nothing is counted there.
Position 7
)");
}

TEST(ReportsTest, DistributionOfTiers) {
  EXPECT_EQ(Shown<v1::Distribution>("distribution", R"pb(
              display_name: "Tier"
              unit: METRIC_UNIT_COUNT
              as_of { year: 2024 month: 3 day: 31 }
              buckets { from: 2 to: 2 display_name: "Gold" }
              buckets { from: 1 to: 1 partners: 2 display_name: "Silver" }
              spread { partners: 2 with_value: 2 min: 1 p25: 1 median: 1 p75: 1 max: 1 mean: 1 }
              position: 7
            )pb"),
            R"(Tier · 2024-03-31

Gold    ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0
Silver  ██████████████████████████████  2
As of 2024-03-31 · position 7
)");
}

TEST(ReportsTest, Distribution) {
  EXPECT_EQ(Shown<v1::Distribution>("distribution", R"pb(
              display_name: "Deals"
              unit: METRIC_UNIT_COUNT
              as_of { year: 2024 month: 3 day: 31 }
              buckets { from: 0 to: 5 partners: 2 }
              buckets { from: 5 to: 10 partners: 1 }
              spread { partners: 4 with_value: 3 min: 0 p25: 1 median: 2 p75: 6 max: 10 mean: 4 }
              groups {
                value: "Gold"
                spread { partners: 1 }
              }
              position: 7
            )pb"),
            R"(Deals · 2024-03-31

0  to 5   ██████████████████████████████  2
5  to 10  ███████████████░░░░░░░░░░░░░░░  1

      Partners  With value  Min  25 %  Median  75 %  Max  Mean
──────────────────────────────────────────────────────────────
All          4           3    0     1       2     6   10     4
Gold         1           0
As of 2024-03-31 · position 7
)");
}

TEST(ReportsTest, Group) {
  EXPECT_EQ(Shown<v1::GroupReport>("group", R"pb(
              as_of { year: 2024 month: 3 day: 31 }
              members { partner_id: "crm:D" name: "Distributor" }
              members { partner_id: "crm:R" depth: 1 }
              rows {
                display_name: "Revenue"
                rule: ROLL_UP_RULE_ADD_UP
                value { value: 300 display: "$300" }
                own { value: 100 display: "$100" }
              }
              rows {
                display_name: "Age"
                rule: ROLL_UP_RULE_NONE
                own { no_data: NO_DATA_REASON_NO_FACTS }
              }
              rows {
                display_name: "CSAT"
                rule: ROLL_UP_RULE_ADD_UP
                value { no_data: NO_DATA_REASON_NO_FACTS }
                own { no_data: NO_DATA_REASON_NO_FACTS }
              }
              position: 7
            )pb"),
            R"(Group of partners · 2024-03-31

Distributor
  └ crm:R

Metric     Group  Head alone  Rule
─────────────────────────────────────────────────
Revenue     $300        $100  added up
Age            –     no data  of one partner only
CSAT     no data     no data  added up
As of 2024-03-31 · position 7
)");
}

TEST(ReportsTest, NamesCannotSteerTheTerminal) {
  const std::string shown = Shown<v1::RevenueReport>(
      "revenue", "title: 'T\\033[2J' top { rank: 1 name: 'A\\033[31m' value { value: 1 display: '$1' } }");
  EXPECT_THAT(shown, Not(HasSubstr("\033")));
}

TEST(ColumnsTest, NarrowScreensCutTheFirstColumn) {
  TestScreen screen;
  screen.screen.width = 20;
  Columns columns({Align::kLeft, Align::kRight});
  columns.Add({{"A long name of something"}, {"12345"}});
  columns.Draw(screen.screen);
  EXPECT_EQ(screen.out.str(), "A long name …  12345\n");
}

TEST(BarTest, IsFullOnlyWhenAllIsThere) {
  EXPECT_EQ(Bar(1, 4), "████");
  EXPECT_EQ(Bar(0.99, 4), "███░");
  EXPECT_EQ(Bar(0.01, 4), "█░░░");
  EXPECT_EQ(Bar(0, 4), "░░░░");
  EXPECT_EQ(Bar(1.5, 4), "████");
}

}  // namespace
}  // namespace partnermetrics::cli
