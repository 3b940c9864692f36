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
