// Scores, tiers, reviews, overrides and what-if, as callers meet them.
#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "partnermetrics/v1/explain_service.grpc.pb.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Gold asks for 200 of revenue in three months, Silver for 100.
constexpr char kProgram[] = R"pb(
  id: "acme"
  display_name: "Acme partners"
  currency_code: "USD"
  time_zone: "America/New_York"
  scorecard { title: "Revenue" metrics: "partner_revenue" metrics: "revenue_rank" }
  key_metrics: "deals_won"
  scores {
    id: "health"
    display_name: "Health"
    category: METRIC_CATEGORY_REVENUE
    components {
      title: "Revenue"
      weight: 3
      parts { metric: "partner_revenue" }
    }
    components {
      title: "Deals"
      weight: 1
      parts {
        metric: "deals_won"
        points { value: 0 points: 0 }
        points { value: 4 points: 100 }
      }
    }
    bands { id: "fine" display_name: "Fine" from: 50 action: "Maintain" }
    bands { id: "poor" display_name: "Poor" from: 0 action: "Intervene" }
  }
  scores {
    id: "standing"
    display_name: "Standing"
    category: METRIC_CATEGORY_REVENUE
    components {
      title: "Among the others"
      weight: 1
      parts {
        metric: "revenue_rank"
        points { value: 0 points: 0 }
        points { value: 2 points: 100 }
      }
    }
  }
  tiers {
    id: "partner_tier"
    display_name: "Tier"
    category: METRIC_CATEGORY_REVENUE
    levels {
      id: "gold"
      display_name: "Gold"
      requirements { metric: "partner_revenue" window: WINDOW_KIND_TRAILING_3_MONTHS min: 200 }
    }
    levels {
      id: "silver"
      display_name: "Silver"
      requirements { metric: "partner_revenue" window: WINDOW_KIND_TRAILING_3_MONTHS min: 100 }
    }
    levels { id: "bronze" display_name: "Bronze" }
    entry_level: "bronze"
  }
)pb";

constexpr char kCatalog[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "outcome == WON" }
  metrics {
    id: "partner_revenue"
    display_name: "Partner Revenue"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    direction: METRIC_DIRECTION_UP
    formula: "won.sum"
    window: WINDOW_KIND_QUARTER_TO_DATE
    target { min: 400 }
  }
  metrics {
    id: "deals_won"
    display_name: "Deals Won"
    category: METRIC_CATEGORY_PIPELINE
    unit: METRIC_UNIT_COUNT
    formula: "won.count"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
  metrics {
    id: "revenue_rank"
    display_name: "Revenue against the Average"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_RATIO
    levels: SCOPE_KIND_PARTNER
    formula: "partner_revenue / at_level(PROGRAM, average_partners(partner_revenue))"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
  metrics {
    id: "revenue_share"
    display_name: "Share of the Business"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_RATIO
    levels: SCOPE_KIND_PARTNER
    formula: "partner_revenue / at_level(BUSINESS, partner_revenue)"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
  metrics {
    id: "direct_ratio"
    display_name: "Against Direct Sales"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_RATIO
    levels: SCOPE_KIND_PARTNER
    formula: "partner_revenue / at_level(DIRECT, partner_revenue)"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
)pb";

v1::Event Signed(const std::string& id, const std::string& name) {
  v1::Event event = PartnerEvent(id, name);
  *event.mutable_partner()->mutable_signed_on() = MakeDate(2023, 1, 1);
  return event;
}

v1::Event Won(const std::string& id, const std::string& partner, int64_t amount, const v1::Date& day) {
  v1::Event event = WonDeal(id, partner, amount, 1);
  *event.mutable_deal()->mutable_closed_on() = day;
  return event;
}

class ScoreServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    Write("acme.textproto", kProgram);
    Write("catalog.textproto", kCatalog);
    Start();
    // Apex won 250 before the last review and 200 since, Birch 40.
    Ingest({Signed("P1", "Apex"), Signed("P2", "Birch"), Won("D0", "P2", 1, MakeDate(2023, 1, 1)),
            Won("D1", "P1", 250, MakeDate(2023, 11, 5)), Won("D2", "P1", 200, MakeDate(2024, 3, 5)),
            Won("D3", "P2", 40, MakeDate(2024, 3, 5))});
  }

  template <typename Request, typename Response>
  using Method = grpc::Status (v1::ScoreService::Stub::*)(grpc::ClientContext*, const Request&, Response*);
  template <typename Request, typename Response>
  grpc::Status Call(Method<Request, Response> method, const std::string& text, Response* response) {
    Request request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
    grpc::ClientContext context;
    return (scores_.get()->*method)(&context, request, response);
  }
  v1::GetTierResponse Tier(const std::string& partner) {
    v1::GetTierResponse response;
    const auto status = Call(&v1::ScoreService::Stub::GetTier, absl::StrCat("partner_id: '", partner, "'"), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::ReviewTiersResponse Review(const std::string& text) {
    v1::ReviewTiersResponse response;
    const auto status = Call(&v1::ScoreService::Stub::ReviewTiers, text, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::WhatIfResponse WhatIf(const std::string& text) {
    v1::WhatIfResponse response;
    const auto status = Call(&v1::ScoreService::Stub::WhatIf, "partner_id: 'Apex' " + text, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::Scorecard Card(const std::string& text) {
    v1::Scorecard card;
    const auto status = Call(&v1::ScoreService::Stub::GetScorecard, text, &card);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return card;
  }
};

TEST_F(ScoreServiceTest, ScoresComeWithTheirComponents) {
  v1::GetScoresResponse response;
  const auto status = Call(&v1::ScoreService::Stub::GetScores, "partner_id: 'Apex'", &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.scores_size(), 2);
  const v1::Score& score = response.scores(0);
  EXPECT_EQ(score.score(), (3 * 50 + 1 * 25) / 4.0);  // 200 of 400, one deal of four
  EXPECT_EQ(score.band().display_name(), "Poor");
  EXPECT_EQ(score.band().action(), "Intervene");
  EXPECT_EQ(score.components(0).weight_in_force(), 0.75);
  EXPECT_EQ(score.scope().partner_id(), "crm:P1");
  EXPECT_GT(response.position(), 0u);
  const auto unknown = Call(&v1::ScoreService::Stub::GetScores, "partner_id: 'Apex' model_ids: 'heath'", &response);
  EXPECT_THAT(InfoOf(unknown).fields, ElementsAre("model_ids: there is no score 'heath' (did you mean \"health\"?)"));
}

TEST_F(ScoreServiceTest, ScorecardsBeginWithKeyMetricsScoresAndTier) {
  const v1::Scorecard card = Card("partner_id: 'Apex'");
  ASSERT_EQ(card.key_rows_size(), 1);
  EXPECT_EQ(card.key_rows(0).metric().id(), "deals_won");
  ASSERT_EQ(card.scores_size(), 2);
  EXPECT_EQ(card.scores(0).model_id(), "health");
  EXPECT_EQ(card.tier().tier_name(), "Gold");  // by the review of December
  const v1::Scorecard program = Card("");
  EXPECT_THAT(program.scores(), IsEmpty());
  EXPECT_FALSE(program.has_tier());
}

TEST_F(ScoreServiceTest, APartnersOwnViewSaysNothingOfOthers) {
  Ingest({WonDeal("D9", "nobody", 5, 5)});
  EXPECT_EQ(Card("partner_id: 'Apex'").groups(0).rows_size(), 2);
  EXPECT_EQ(Card("partner_id: 'Apex'").unresolved_facts(), 1);
  v1::Scorecard view;
  ASSERT_TRUE(Call(&v1::ScoreService::Stub::GetPartnerView, "partner_id: 'crm:P1'", &view).ok());
  ASSERT_EQ(view.groups(0).rows_size(), 1);
  EXPECT_EQ(view.groups(0).rows(0).metric().id(), "partner_revenue");
  EXPECT_EQ(view.groups(0).rows(0).value().value(), 200);
  // Of what compares it with others a score tells the points alone.
  EXPECT_EQ(Card("partner_id: 'Apex'").scores(1).components(0).parts(0).value(), 200 / 120.0);
  EXPECT_TRUE(view.scores(1).has_score());
  EXPECT_FALSE(view.scores(1).components(0).parts(0).has_value());
  EXPECT_EQ(view.scores(1).components(0).parts(0).display(), "");
  EXPECT_EQ(view.tier().tier(), "gold");
  EXPECT_EQ(view.unresolved_facts(), 0);
  EXPECT_THAT(view.DebugString(), testing::Not(HasSubstr("Birch")));
  const auto by_name = Call(&v1::ScoreService::Stub::GetPartnerView, "partner_id: 'Apex'", &view);
  EXPECT_EQ(by_name.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ScoreServiceTest, TiersComeWithGapRiskAndHistory) {
  const v1::GetTierResponse apex = Tier("Apex");
  EXPECT_EQ(apex.partner_name(), "Apex");
  EXPECT_EQ(apex.standing().tier(), "gold");
  EXPECT_EQ(apex.standing().history_size(), 2);
  EXPECT_EQ(apex.standing().risk(0).text(), "anything less would cost it");
  const v1::GetTierResponse birch = Tier("Birch");
  EXPECT_EQ(birch.standing().tier(), "bronze");
  EXPECT_EQ(birch.standing().next_tier(), "silver");
  EXPECT_EQ(birch.standing().gap(0).text(), "$60 more");
  EXPECT_EQ(birch.standing().next_review_on().day(), 31);
}

TEST_F(ScoreServiceTest, ADryRunTellsWhoMovesAndWritesNothing) {
  const v1::ReviewTiersResponse review = Review("");
  EXPECT_EQ(review.reviewed_on().month(), 12);
  EXPECT_EQ(review.reviewed(), 2);
  EXPECT_EQ(review.promoted(), 1);
  EXPECT_FALSE(review.applied());
  ASSERT_EQ(review.decisions_size(), 1);
  EXPECT_EQ(review.decisions(0).partner_name(), "Apex");
  EXPECT_EQ(review.decisions(0).decision().previous_tier(), "bronze");
  EXPECT_EQ(review.decisions(0).decision().tier(), "gold");
  EXPECT_EQ(review.decisions(0).decision().reason(), "meets all that Gold asks for");
  EXPECT_EQ(Review("").position(), review.position());
  EXPECT_FALSE(Tier("Apex").standing().history(0).recorded());
}

TEST_F(ScoreServiceTest, WhatAReviewRunDecidedStandsAgainstCorrections) {
  const v1::ReviewTiersResponse review = Review("apply: true author: 'Ada'");
  EXPECT_TRUE(review.applied());
  v1::Event corrected = Won("D1", "P1", 90, MakeDate(2023, 11, 5));
  corrected.set_revision(2);
  Ingest({corrected});
  const v1::TierStanding standing = Tier("Apex").standing();
  EXPECT_EQ(standing.tier(), "gold");
  EXPECT_TRUE(standing.history(0).recorded());
  EXPECT_EQ(standing.history(0).author(), "Ada");
  // The dry run of today tells what the facts say by now.
  EXPECT_EQ(Review("include_unchanged: true partner_ids: 'Apex'").decisions(0).decision().tier(), "bronze");
  Stop();
  Start();
  EXPECT_EQ(Tier("Apex").standing().tier(), "gold");
}

TEST_F(ScoreServiceTest, ReviewsAreRefusedWithoutAuthorBetweenPeriodsAndBeforeTheirEnd) {
  v1::ReviewTiersResponse response;
  const auto refusal = [&](const std::string& text) {
    return InfoOf(Call(&v1::ScoreService::Stub::ReviewTiers, text, &response)).fields;
  };
  EXPECT_THAT(refusal("apply: true"), ElementsAre("author: must say who applies the review"));
  EXPECT_THAT(refusal("reviewed_on { year: 2023 month: 12 day: 30 }"),
              ElementsAre("reviewed_on: reviews look back from the last day of a period, such as 2023-09-30 or "
                          "2023-12-31"));
  EXPECT_THAT(refusal("apply: true author: 'Ada' reviewed_on { year: 2024 month: 3 day: 31 }"),
              ElementsAre("reviewed_on: a review can be applied once its period is over"));
}

TEST_F(ScoreServiceTest, OverridesGoBeforeTheComputedTierUntilTheyEnd) {
  v1::GetTierResponse response;
  const std::string set = "partner_id: 'Birch' tier: 'gold' author: 'Ada' reason: 'strategic' ";
  ASSERT_TRUE(
      Call(&v1::ScoreService::Stub::SetTierOverride, set + "starts_on { year: 2024 month: 3 day: 1 }", &response).ok());
  EXPECT_EQ(response.standing().tier(), "gold");
  EXPECT_EQ(response.standing().computed_tier(), "bronze");
  EXPECT_EQ(response.standing().override().reason(), "strategic");
  EXPECT_EQ(response.standing().history(0).cause(), v1::TIER_CAUSE_OVERRIDE);
  // Another one takes its place, on this day and for good.
  ASSERT_TRUE(Call(&v1::ScoreService::Stub::SetTierOverride,
                   "partner_id: 'Birch' tier: 'silver' author: 'Bob' reason: 'enough'", &response)
                  .ok());
  EXPECT_EQ(response.standing().tier(), "silver");
  ASSERT_TRUE(Call(&v1::ScoreService::Stub::EndTierOverride, "partner_id: 'Birch'", &response).ok());
  EXPECT_EQ(response.standing().tier(), "bronze");
  EXPECT_FALSE(response.standing().has_override());
  // One that is yet to begin is shown as of its first day.
  ASSERT_TRUE(
      Call(&v1::ScoreService::Stub::SetTierOverride,
           "partner_id: 'Apex' tier: 'silver' author: 'Bob' reason: 'x' starts_on { year: 2024 month: 5 day: 1 }",
           &response)
          .ok());
  EXPECT_EQ(response.standing().tier(), "silver");
  EXPECT_EQ(Tier("Apex").standing().tier(), "gold");
  const auto none = Call(&v1::ScoreService::Stub::EndTierOverride, "partner_id: 'Birch'", &response);
  EXPECT_EQ(InfoOf(none).reason, "NO_OVERRIDE");
  const auto unknown = Call(&v1::ScoreService::Stub::SetTierOverride,
                            "partner_id: 'Birch' tier: 'god' author: 'Ada' reason: 'x'", &response);
  EXPECT_THAT(InfoOf(unknown).fields, ElementsAre("tier: there is no tier 'god' (did you mean \"gold\"?)"));
}

constexpr char kDeal[] = "outcome: DEAL_OUTCOME_WON amount { units: 100 } closed_on { year: 2024 month: 3 day: 20 } ";

TEST_F(ScoreServiceTest, WhatIfAddsReplacesAndTakesAwayFacts) {
  const uint64_t position = Card("partner_id: 'Apex'").position();
  const std::string more = absl::StrCat("facts { deal { ", kDeal, " } }");
  v1::WhatIfResponse response = WhatIf(more);
  ASSERT_GE(response.values_size(), 1);
  std::map<std::string, std::pair<double, double>> values;
  for (const v1::WhatIfValue& value : response.values()) {
    values[value.metric_id()] = {value.before().value(), value.after().value()};
  }
  EXPECT_EQ(values["partner_revenue"], std::make_pair(200.0, 300.0));
  EXPECT_EQ(values["deals_won"], std::make_pair(1.0, 2.0));
  EXPECT_EQ(response.scores(0).after().score(), (3 * 75 + 1 * 50) / 4.0);
  EXPECT_EQ(response.scores(0).after().band().display_name(), "Fine");

  response = WhatIf(
      absl::StrCat("metric_ids: 'partner_revenue' facts { source: 'crm' record_id: 'D2' deal { ", kDeal, " } }"));
  EXPECT_EQ(response.values(0).after().value(), 100);
  response = WhatIf("metric_ids: 'partner_revenue' facts { source: 'crm' record_id: 'D2' deleted: true deal {} }");
  EXPECT_EQ(response.values(0).after().value(), 0);
  response = WhatIf("facts { source: 'crm' record_id: 'D1' deleted: true deal {} }");
  EXPECT_EQ(response.tier_before().tier(), "gold");
  EXPECT_EQ(response.tier_after().tier(), "bronze");

  EXPECT_EQ(Card("partner_id: 'Apex'").position(), position);
  EXPECT_EQ(Card("partner_id: 'Apex'").groups(0).rows(0).value().value(), 200);
}

// What is supposed is what would be: ingesting the fact gives the same.
TEST_F(ScoreServiceTest, WhatIfIsWhatThenIs) {
  const v1::WhatIfResponse supposed = WhatIf(absl::StrCat("facts { deal { ", kDeal, " } }"));
  Ingest({Won("D4", "P1", 100, MakeDate(2024, 3, 20))});
  v1::GetScoresResponse scores;
  ASSERT_TRUE(Call(&v1::ScoreService::Stub::GetScores, "partner_id: 'Apex'", &scores).ok());
  EXPECT_EQ(supposed.scores(0).after().SerializeAsString(), scores.scores(0).SerializeAsString());
  EXPECT_EQ(supposed.tier_after().SerializeAsString(), Tier("Apex").standing().SerializeAsString());
}

// The business is what its parts add up to: Apex has 200 of it, Birch 40, and 300 were sold without a partner.
TEST_F(ScoreServiceTest, WhatIfCountsInTheWholeToo) {
  v1::Event first = Won("D8", "P1", 100, MakeDate(2024, 3, 6)), second = Won("D9", "P1", 200, MakeDate(2024, 3, 6));
  first.mutable_deal()->clear_attributions();
  second.mutable_deal()->clear_attributions();
  Ingest({first, second});
  const auto values = [&](const std::string& facts) {
    const v1::WhatIfResponse response = WhatIf("metric_ids: 'revenue_share' metric_ids: 'direct_ratio' " + facts);
    return std::make_pair(response.values(0).after().value(), response.values(1).after().value());
  };
  EXPECT_EQ(values(""), std::make_pair(200.0 / 540, 200.0 / 300));
  EXPECT_EQ(values(absl::StrCat("facts { deal { ", kDeal, " } }")), std::make_pair(300.0 / 640, 300.0 / 300));
  EXPECT_EQ(values("facts { source: 'crm' record_id: 'D2' deleted: true deal {} }"), std::make_pair(0.0, 0.0));
  // It was Apex that sold it.
  EXPECT_EQ(values(absl::StrCat("facts { source: 'crm' record_id: 'D8' deal { ", kDeal, " } }")),
            std::make_pair(300.0 / 540, 300.0 / 200));
}

TEST_F(ScoreServiceTest, WhatIfTakesOtherTargetsWeightsAndThresholds) {
  EXPECT_EQ(WhatIf("targets { metric: 'partner_revenue' target { min: 200 } }").scores(0).after().score(),
            (3 * 100 + 25) / 4.0);
  EXPECT_EQ(WhatIf("weights { model_id: 'health' component: 'Deals' weight: 3 }").scores(0).after().score(),
            (50 + 25) / 2.0);
  const std::string harder =
      "thresholds { tier: 'gold' requirement { metric: 'partner_revenue' window: WINDOW_KIND_TRAILING_3_MONTHS"
      " min: 251 } }";
  EXPECT_EQ(WhatIf(harder).tier_after().tier(), "silver");
  v1::WhatIfResponse response;
  const auto refused =
      Call(&v1::ScoreService::Stub::WhatIf,
           "partner_id: 'Apex' weights { model_id: 'health' component: 'Dales' weight: 1 }", &response);
  EXPECT_THAT(InfoOf(refused).fields, ElementsAre("weights[0]: there is no component 'Dales' of a score 'health'"));
}

TEST_F(ScoreServiceTest, ScoresAndTiersAreExplained) {
  const auto explain = v1::ExplainService::NewStub(Connect());
  const auto ask = [&](const std::string& metric) {
    v1::ExplainRequest request;
    request.set_metric_id(metric);
    request.mutable_scope()->set_kind(v1::SCOPE_KIND_PARTNER);
    request.mutable_scope()->set_partner_id("Apex");
    v1::ExplainResponse response;
    grpc::ClientContext context;
    const grpc::Status status = explain->Explain(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  };
  const v1::ExplainResponse health = ask("health");
  double sum = 0;
  for (const v1::ScoreComponentValue& component : health.score().components()) sum += component.contribution();
  EXPECT_EQ(health.value().value(), sum);
  ASSERT_EQ(health.terms_size(), 2);
  EXPECT_EQ(health.terms(0).use(), "won.sum");
  EXPECT_EQ(health.terms(0).sum().units(), 200);
  EXPECT_EQ(health.terms(0).window().start_on().month(), 1);
  EXPECT_EQ(health.terms(1).use(), "won.count");
  const v1::ExplainResponse tier = ask("partner_tier");
  EXPECT_EQ(tier.value().display(), "Gold");
  EXPECT_EQ(tier.tier().gates(0).check().margin(), 0);
  EXPECT_EQ(tier.tier().history_size(), 2);
}

using NoScoresTest = ServerTest;
TEST_F(NoScoresTest, AProgrammeWithoutTiersSaysSo) {
  Start();
  Ingest({PartnerEvent("P1", "Apex")});
  v1::GetTierRequest request;
  request.set_partner_id("Apex");
  v1::GetTierResponse response;
  grpc::ClientContext context;
  EXPECT_EQ(InfoOf(scores_->GetTier(&context, request, &response)).reason, "NO_TIERS");
}

}  // namespace
}  // namespace partnermetrics
