#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "clients/cli/renderers/registry.h"
#include "partnermetrics/v1/watch_service.pb.h"
#include "tests/clients/cli/output_test_support.h"

namespace partnermetrics::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

v1::WatchChangesResponse Answer(const std::string& text) {
  return FromText<v1::WatchChangesResponse>(text);
}

std::string Promotion(const std::string& token) {
  return R"pb(
           as_of { year: 2026 month: 4 day: 1 }
           position: 12
           resume_token: ")pb" +
         token + R"pb("
                      change {
                        partner_id: "crm:P1"
                        partner_name: "Sierra Networks"
                        kind: CHANGE_KIND_TIER
                        model_id: "partner_tier"
                        model_name: "Partner Tier"
                        from { id: "silver" value: 2 display: "Silver" }
                        to { id: "gold" value: 3 display: "Gold" }
                      }
  )pb";
}

constexpr char kPlace[] = R"pb(
  as_of { year: 2026 month: 4 day: 1 }
  position: 13
  resume_token: "xyz"
)pb";

TEST(WatchRendererTest, AChangeIsALine) {
  TestScreen test;
  const auto renderer = NewRenderer("watch", test.screen);
  ASSERT_TRUE(renderer->Print(Answer(Promotion("abc"))).ok());
  EXPECT_EQ(test.out.str(), "2026-04-01  Sierra Networks               Partner Tier              Silver → Gold\n");
}

TEST(WatchRendererTest, WhatCameAndWhatWent) {
  TestScreen test;
  const auto renderer = NewRenderer("watch", test.screen);
  v1::WatchChangesResponse answer = Answer(Promotion("abc"));
  answer.mutable_change()->clear_from();
  ASSERT_TRUE(renderer->Print(answer).ok());
  EXPECT_THAT(test.out.str(), HasSubstr("– → Gold\n"));
  answer.mutable_change()->mutable_from()->set_display("Gold");
  answer.mutable_change()->clear_to();
  ASSERT_TRUE(renderer->Print(answer).ok());
  EXPECT_THAT(test.out.str(), HasSubstr("Gold → –\n"));
}

TEST(WatchRendererTest, AStateHasNothingBefore) {
  TestScreen test;
  v1::WatchChangesResponse answer = Answer(Promotion(""));
  answer.mutable_change()->clear_from();
  ASSERT_TRUE(NewRenderer("watch", test.screen)->Print(answer).ok());
  EXPECT_EQ(test.out.str(), "2026-04-01  Sierra Networks               Partner Tier              Gold\n");
}

constexpr char kIntervention[] = R"pb(
  as_of { year: 2026 month: 4 day: 1 }
  position: 12
  resume_token: "abc"
  change {
    partner_id: "crm:P1"
    partner_name: "Sierra Networks"
    kind: CHANGE_KIND_INTERVENTION
    model_id: "quiet_portal"
    model_name: "Quiet portal"
    intervention {
      intervention_id: "quiet_portal/crm:P1/2026-04-01"
      severity: INTERVENTION_SEVERITY_LOW
      status: INTERVENTION_STATUS_OPEN
      event {
        on { year: 2026 month: 4 day: 1 }
        kind: INTERVENTION_EVENT_KIND_OPENED
        cause: "Logins 0 (≤ 0)"
      }
    }
  }
)pb";

TEST(WatchRendererTest, WhatHappensToAnInterventionIsALine) {
  v1::WatchChangesResponse answer = Answer(kIntervention);
  v1::InterventionChange& intervention = *answer.mutable_change()->mutable_intervention();
  const auto line = [&] {
    TestScreen test;
    EXPECT_TRUE(NewRenderer("watch", test.screen)->Print(answer).ok());
    return test.out.str();
  };
  const std::string head = "2026-04-01  Sierra Networks               Quiet portal              ";
  EXPECT_EQ(line(), head + "opened: Logins 0 (≤ 0)\n");
  intervention.set_was_id("quiet_portal/crm:P1/2026-03-30");
  EXPECT_EQ(line(), head + "opened, not as quiet_portal/crm:P1/2026-03-30: Logins 0 (≤ 0)\n");
  intervention.clear_was_id();
  intervention.mutable_event()->mutable_on()->set_day(2);  // told later, for a correction
  intervention.mutable_event()->set_kind(v1::INTERVENTION_EVENT_KIND_EVIDENCE);
  intervention.set_taken_back(true);
  EXPECT_EQ(line(), head + "taken back: evidence on 2026-04-02: Logins 0 (≤ 0)\n");
  intervention = FromText<v1::InterventionChange>(R"pb(
    event {
      on { year: 2026 month: 4 day: 1 }
      kind: INTERVENTION_EVENT_KIND_ASSIGNED
      assignee: "Bob"
      author: "Ada"
      cause: "he knows\nthem"
    }
  )pb");
  EXPECT_EQ(line(), head + "assigned to Bob: he knows\\nthem (Ada)\n");
  intervention.mutable_event()->clear_cause();
  EXPECT_EQ(line(), head + "assigned to Bob (Ada)\n");
  intervention.mutable_event()->Clear();
  intervention.mutable_event()->set_kind(v1::INTERVENTION_EVENT_KIND_WITHDRAWN);
  EXPECT_EQ(line(), head + "withdrawn\n");
}

TEST(WatchRendererTest, WhereItStandsComesOnceAndNotOnOut) {
  TestScreen test;
  const auto renderer = NewRenderer("watch", test.screen);
  ASSERT_TRUE(renderer->Print(Answer(kPlace)).ok());
  ASSERT_TRUE(renderer->Print(Answer(kPlace)).ok());
  EXPECT_THAT(test.out.str(), IsEmpty());
  EXPECT_EQ(test.err.str(), "2026-04-01 · position 13 · go on from here: --resume-token xyz\n");
}

}  // namespace
}  // namespace partnermetrics::cli
