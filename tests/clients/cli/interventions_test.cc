#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "clients/cli/renderers/registry.h"
#include "partnermetrics/v1/intervention_service.pb.h"
#include "tests/clients/cli/output_test_support.h"

namespace partnermetrics::cli {
namespace {

using testing::HasSubstr;

TEST(InterventionsTest, ATableOfThem) {
  EXPECT_EQ(
      Draw<v1::ListInterventionsResponse>("interventions", R"pb(
        interventions {
          intervention_id: "r/p-1/2024-03-01"
          partner_id: "p-1"
          partner_name: "Apex\x1b[31m"
          display_name: "Low revenue"
          severity: INTERVENTION_SEVERITY_HIGH
          status: INTERVENTION_STATUS_OPEN
          cause: "Revenue $0 (< $100)"
          evidence {}
          evidence {}
          kpi {
            at_open { display: "$0" }
            now { display: "$5" }
          }
        }
        interventions {
          intervention_id: "r/p-2/2024-03-08"
          partner_id: "p-2"
          display_name: "Low revenue"
          severity: INTERVENTION_SEVERITY_LOW
          status: INTERVENTION_STATUS_RESOLVED
          assignee: "Bob"
          cause: "Revenue $9 (< $100)"
          kpi {
            at_open { display: "$9" }
            at_end { display: "$8" }
            now { display: "$300" }
            recovery: INTERVENTION_RECOVERY_RECOVERED
          }
        }
        total_size: 7
        as_of { year: 2024 month: 3 day: 31 }
        position: 12
      )pb"),
      "Partner       Signal       Severity  Status    Cause                   KPI then → now  Who  Id\n"
      "────────────────────────────────────────────────────────────────────────────────────────────────────────────\n"
      "Apex\\x1b[31m  Low revenue  high      open      Revenue $0 (< $100) +1  $0 → $5         –    "
      "r/p-1/2024-03-01\n"
      "p-2           Low revenue  low       resolved  Revenue $9 (< $100)     $9 → $8 → $300  Bob  "
      "r/p-2/2024-03-08\n"
      "\n"
      "2 of 7 interventions\n"
      "As of 2024-03-31 · position 12\n");
  EXPECT_THAT(Draw<v1::ListInterventionsResponse>("interventions", "as_of { year: 2024 month: 3 day: 31 }"),
              HasSubstr("No interventions.\n"));
}

TEST(InterventionsTest, ACardOfOne) {
  EXPECT_EQ(Draw<v1::Intervention>("intervention", R"pb(
              intervention_id: "r/p-1/2024-03-08"
              partner_name: "Apex"
              display_name: "Low revenue"
              severity: INTERVENTION_SEVERITY_HIGH
              status: INTERVENTION_STATUS_RESOLVED
              opened_on { year: 2024 month: 3 day: 8 }
              ended_on { year: 2024 month: 3 day: 20 }
              assignee: "Bob"
              cause: "Revenue $0 (< $100)"
              evidence {
                on { year: 2024 month: 3 day: 8 }
                since { year: 2024 month: 3 day: 1 }
                check { display_name: "Revenue" display: "$0" requirement_display: "< $100" }
              }
              possible_causes: "Disengagement"
              possible_causes: "market"
              recommended_actions: "QBR"
              kpi {
                display_name: "Revenue"
                at_open {
                  on { year: 2024 month: 3 day: 8 }
                  display: "$0"
                }
                at_end {
                  on { year: 2024 month: 3 day: 20 }
                  display: "$50"
                }
                now {
                  on { year: 2024 month: 3 day: 31 }
                  display: "$300"
                }
                recovery: INTERVENTION_RECOVERY_RECOVERED
              }
              history {
                on { year: 2024 month: 3 day: 20 }
                kind: INTERVENTION_EVENT_KIND_RESOLVED
                cause: "they sell again"
                author: "Bob"
              }
              history {
                on { year: 2024 month: 3 day: 9 }
                kind: INTERVENTION_EVENT_KIND_ASSIGNED
                author: "Ada"
                assignee: "Bob"
              }
              history {
                on { year: 2024 month: 3 day: 8 }
                kind: INTERVENTION_EVENT_KIND_OPENED
                cause: "Revenue $0 (< $100)"
              }
              as_of { year: 2024 month: 3 day: 31 }
              position: 12
            )pb"),
            "Low revenue · Apex\n"
            "resolved · high severity · opened 2024-03-08 · ended 2024-03-20 · assigned to Bob\n"
            "\n"
            "Why\n"
            "2024-03-08  Revenue  $0  < $100  met since 2024-03-01\n"
            "Possible causes: Disengagement, market\n"
            "What to do: QBR\n"
            "\n"
            "Revenue: did it help?\n"
            "at the opening  2024-03-08    $0\n"
            "at the end      2024-03-20   $50\n"
            "now             2024-03-31  $300  recovered\n"
            "\n"
            "History\n"
            "2024-03-20  resolved         they sell again (Bob)\n"
            "2024-03-09  assigned to Bob  (Ada)\n"
            "2024-03-08  opened           Revenue $0 (< $100)\n"
            "\n"
            "r/p-1/2024-03-08\n"
            "As of 2024-03-31 · position 12\n");
}

TEST(InterventionsTest, ACardOfOneThatWasWithdrawn) {
  const std::string card = Draw<v1::Intervention>("intervention", R"pb(
    display_name: "Low revenue"
    partner_id: "p-1"
    status: INTERVENTION_STATUS_WITHDRAWN
    opened_on { year: 2024 month: 3 day: 8 }
    cause: "Revenue $0 (< $100)"
    history { kind: INTERVENTION_EVENT_KIND_WITHDRAWN cause: "by what is known now there was no cause" }
  )pb");
  EXPECT_THAT(card, HasSubstr("was opened 2024-03-08"));
  EXPECT_THAT(card, HasSubstr("By what is known now there was no cause. Then: Revenue $0 (< $100)\n"));
  EXPECT_THAT(card, HasSubstr("–  withdrawn  by what is known now there was no cause\n"));
}

}  // namespace
}  // namespace partnermetrics::cli
