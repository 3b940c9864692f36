// QueryMetrics over a server: what goes over partners, comparisons and targets.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;

std::string Metric(const std::string& id, const std::string& formula, const std::string& level) {
  return absl::StrCat("metrics { id: '", id, "' display_name: 'X' category: METRIC_CATEGORY_REVENUE ",
                      "unit: METRIC_UNIT_COUNT window: WINDOW_KIND_QUARTER_TO_DATE levels: [SCOPE_KIND_", level,
                      "] formula: '", formula, "' }\n");
}

class MetricQueryTest : public ServerTest {
 protected:
  void SetUp() override {
    Write("acme.textproto", R"pb(
      id: "acme"
      display_name: "Acme partners"
      currency_code: "USD"
      time_zone: "America/New_York"
      dashboard { title: "All" metrics: "partner_revenue" metrics: "gold_revenue" }
      scorecard { title: "All" metrics: "against_others" metrics: "days_to_first_deal" }
      target_sets {
        id: "first"
        targets {
          metric: "partner_revenue"
          target { min: 100 }
        }
      }
      target_sets {
        id: "second"
        starts_on { year: 2024 month: 3 day: 15 }
        targets {
          metric: "partner_revenue"
          target { min: 314 }
        }
      }
    )pb");
    Write("more.textproto",
          Metric("gold_revenue", "sum_partners(partner_revenue, partner.tier == \"Gold\")", "PROGRAM") +
              Metric("active", "count_partners(partner_revenue > 0)", "PROGRAM") +
              Metric("beating_quota", "count_partners(partner_revenue > target(partner_revenue))", "PROGRAM") +
              Metric("against_others",
                     "partner_revenue / at_level(PROGRAM, average_partners(partner_revenue, partner_revenue > 0))",
                     "PARTNER") +
              Metric("days_to_first_deal", "first_day(won, partner.signed_on) - partner.signed_on", "PARTNER") +
              Metric("attained", "partner_revenue / target(partner_revenue, FORECAST)", "PROGRAM"));
    extra_config_ = "catalog_paths: \"more.textproto\"";
    Start();
    v1::Event apex = PartnerEvent("P1", "Apex", "Gold"), birch = PartnerEvent("P2", "Birch", "Silver");
    *apex.mutable_partner()->mutable_signed_on() = MakeDate(2024, 2, 28);
    *birch.mutable_partner()->mutable_signed_on() = MakeDate(2024, 3, 10);
    Ingest({apex, birch, WonDeal("D1", "P1", 100, 5), WonDeal("D2", "P1", 50, 20), WonDeal("D3", "P2", 7, 20)});
  }

  v1::QueryMetricsResponse Query(const v1::QueryMetricsRequest& request) {
    grpc::ClientContext context;
    v1::QueryMetricsResponse response;
    const grpc::Status status = metrics_->QueryMetrics(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  std::vector<double> Values(const v1::QueryMetricsRequest& request) {
    const v1::QueryMetricsResponse response = Query(request);
    std::vector<double> values;
    for (const auto& value : response.values()) values.push_back(value.has_value() ? value.value() : -1);
    return values;
  }
  ErrorInfo Refused(const v1::QueryMetricsRequest& request) {
    grpc::ClientContext context;
    v1::QueryMetricsResponse response;
    return InfoOf(metrics_->QueryMetrics(&context, request, &response));
  }

  v1::Event Target(const std::string& id, const std::string& partner, int64_t value, v1::TargetKind kind) {
    v1::Event event;
    event.set_record_id(id);
    event.set_revision(1);
    v1::Target& target = *event.mutable_target();
    if (!partner.empty()) {
      target.add_partner_refs()->mutable_external()->set_source("crm");
      target.mutable_partner_refs(0)->mutable_external()->set_id(partner);
    }
    target.set_metric("partner_revenue");
    target.set_kind(kind);
    *target.mutable_period_start_on() = MakeDate(2024, 1, 1);
    *target.mutable_period_end_on() = MakeDate(2024, 3, 31);
    target.mutable_value()->set_units(value);
    return event;
  }
};

TEST_F(MetricQueryTest, GoesOverPartners) {
  v1::QueryMetricsRequest request;
  request.add_metric_ids("gold_revenue");
  request.add_metric_ids("active");
  EXPECT_THAT(Values(request), ElementsAre(150, 2));
  *request.mutable_as_of() = MakeDate(2024, 3, 9);
  EXPECT_THAT(Values(request), ElementsAre(100, 1));
  // One more deal of another partner, and a change of tier.
  v1::Event birch = PartnerEvent("P2", "Birch", "Gold");
  birch.set_revision(2);
  Ingest({birch, PartnerEvent("P3", "Cedar", "Gold"), WonDeal("D4", "P3", 1'000, 6)});
  EXPECT_THAT(Values(request), ElementsAre(1'100, 2));
  request.clear_as_of();
  EXPECT_THAT(Values(request), ElementsAre(1'157, 3));
}

// Of each field what the best source says.
TEST_F(MetricQueryTest, PartnersOfSeveralSourcesCountOnce) {
  grpc::ClientContext context;
  v1::UpdatePartnerRequest update;
  update.set_partner_id("crm:P1");
  update.mutable_partner()->set_tier("Silver");
  v1::PartnerEntity entity;
  ASSERT_TRUE(partners_->UpdatePartner(&context, update, &entity).ok());
  v1::QueryMetricsRequest request;
  request.add_metric_ids("gold_revenue");
  request.add_metric_ids("active");
  EXPECT_THAT(Values(request), ElementsAre(0, 2));
}

TEST_F(MetricQueryTest, PartnersAreComparedWithTheOthers) {
  v1::QueryMetricsRequest request;
  request.add_metric_ids("against_others");
  request.add_metric_ids("days_to_first_deal");
  request.add_partner_ids("Birch");
  request.add_partner_ids("Apex");
  EXPECT_THAT(Values(request), ElementsAre(7 / 78.5, 10, 150 / 78.5, 6));
  // Where no partner is named these metrics mean nothing.
  request.clear_partner_ids();
  EXPECT_EQ(Query(request).values(0).no_data(), v1::NO_DATA_REASON_WRONG_SCOPE);

  v1::GetScorecardRequest card;
  card.set_partner_id("Apex");
  grpc::ClientContext context;
  v1::Scorecard scorecard;
  ASSERT_TRUE(scores_->GetScorecard(&context, card, &scorecard).ok());
  EXPECT_EQ(scorecard.groups(0).rows(0).value().value(), 150 / 78.5);
}

TEST_F(MetricQueryTest, TargetsOfEveryPartner) {
  v1::QueryMetricsRequest request;
  request.add_metric_ids("beating_quota");
  request.add_metric_ids("attained");
  EXPECT_THAT(Values(request), ElementsAre(0, -1));
  Ingest({Target("T1", "P1", 149, v1::TARGET_KIND_QUOTA), Target("T2", "P2", 8, v1::TARGET_KIND_QUOTA),
          Target("T3", "", 314, v1::TARGET_KIND_FORECAST)});
  EXPECT_THAT(Values(request), ElementsAre(1, 0.5));
}

// Sums over partners are those of the programme, as all facts of these have one.
TEST_F(MetricQueryTest, ManyPartners) {
  constexpr int kPartners = 1'000;
  std::vector<v1::Event> events;
  for (int i = 0; i < kPartners; ++i) {
    const std::string id = absl::StrCat("M", i);
    events.push_back(PartnerEvent(id, id, "Gold"));
    events.push_back(WonDeal(absl::StrCat("E", id), id, 1 + i % 7, 1 + i % 28));
  }
  Ingest(events, v1::RESULT_DETAIL_NONE);
  v1::QueryMetricsRequest request;
  for (const char* id : {"partner_revenue", "gold_revenue", "active"}) request.add_metric_ids(id);
  const std::vector<double> values = Values(request);
  EXPECT_EQ(values[0], values[1] + 7);
  EXPECT_EQ(values[2], kPartners + 2);
}

TEST_F(MetricQueryTest, ComparesWhenAsked) {
  v1::QueryMetricsRequest request;
  request.add_metric_ids("partner_revenue");
  request.set_window(v1::WINDOW_KIND_TRAILING_30_DAYS);
  *request.mutable_as_of() = MakeDate(2024, 4, 10);
  EXPECT_FALSE(Query(request).values(0).has_comparison_window());
  request.set_comparison(v1::COMPARISON_PREVIOUS_PERIOD);
  v1::MetricValue value = Query(request).values(0);
  EXPECT_EQ(value.value(), 57);
  EXPECT_EQ(value.comparison(), 100);
  EXPECT_EQ(value.delta(), -43);
  EXPECT_EQ(value.change(), -0.43);
  EXPECT_EQ(value.delta_display(), "-$43 (-43 %)");
  request.clear_comparison();
  request.set_compare(true);
  EXPECT_EQ(Query(request).values(0).comparison(), 100);
  request.set_comparison(v1::COMPARISON_PREVIOUS_YEAR);
  value = Query(request).values(0);
  EXPECT_EQ(value.comparison_no_data(), v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  *request.mutable_as_of() = MakeDate(2025, 3, 20);
  EXPECT_EQ(Query(request).values(0).comparison(), 157);
  request.set_comparison(static_cast<v1::Comparison>(99));
  EXPECT_THAT(Refused(request).fields, ElementsAre("comparison: is no comparison"));
}

TEST_F(MetricQueryTest, TargetSets) {
  v1::QueryMetricsRequest request;
  request.add_metric_ids("partner_revenue");
  EXPECT_EQ(Query(request).values(0).target().min(), 314);
  EXPECT_EQ(Query(request).values(0).target_set(), "second");
  request.set_target_set("first");
  EXPECT_EQ(Query(request).values(0).target().min(), 100);
  request.clear_target_set();
  *request.mutable_as_of() = MakeDate(2024, 3, 14);
  EXPECT_EQ(Query(request).values(0).target_set(), "first");
  // The quarter runs: 74 of its 91 days.
  EXPECT_DOUBLE_EQ(Query(request).values(0).elapsed(), 74 / 91.0);
  EXPECT_EQ(Query(request).values(0).pace_position(), v1::TARGET_POSITION_MET);
  v1::GetScorecardRequest card;
  card.set_target_set("first");
  card.set_comparison(v1::COMPARISON_PREVIOUS_YEAR);
  *card.mutable_as_of() = MakeDate(2025, 3, 31);
  grpc::ClientContext context;
  v1::Scorecard scorecard;
  ASSERT_TRUE(scores_->GetScorecard(&context, card, &scorecard).ok());
  EXPECT_EQ(scorecard.groups(0).rows(0).value().target().min(), 100);
  EXPECT_EQ(scorecard.groups(0).rows(0).value().comparison(), 157);
  request.set_target_set("firts");
  EXPECT_THAT(Refused(request).fields,
              ElementsAre("target_set: there is no target set 'firts' (did you mean \"first\"?)"));
}

}  // namespace
}  // namespace partnermetrics
