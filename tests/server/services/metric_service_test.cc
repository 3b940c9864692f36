#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class MetricServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    Start();
    Ingest({PartnerEvent("P1", "Apex"), PartnerEvent("P2", "Birch"), WonDeal("D1", "P1", 100, 5),
            WonDeal("D2", "P1", 50, 20), WonDeal("D3", "P2", 7, 20)});
  }

  grpc::Status Query(const v1::QueryMetricsRequest& request, v1::QueryMetricsResponse* response) {
    grpc::ClientContext context;
    return metrics_->QueryMetrics(&context, request, response);
  }

  std::vector<double> Values(const v1::QueryMetricsRequest& request) {
    v1::QueryMetricsResponse response;
    const grpc::Status status = Query(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<double> values;
    for (const auto& value : response.values()) values.push_back(value.has_value() ? value.value() : -1);
    return values;
  }

  grpc::Status Card(const v1::GetScorecardRequest& request, v1::Scorecard* card) {
    grpc::ClientContext context;
    return scores_->GetScorecard(&context, request, card);
  }
};

TEST_F(MetricServiceTest, ShowsAScorecardFromEventsToNumbers) {
  v1::GetScorecardRequest request;
  request.set_partner_id("Apex");
  v1::Scorecard card;
  const grpc::Status status = Card(request, &card);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(card.partner_id(), "crm:P1");
  EXPECT_EQ(card.partner().name(), "Apex");
  EXPECT_EQ(card.as_of().month(), 3);
  EXPECT_EQ(card.as_of().day(), 31);
  EXPECT_GT(card.position(), 0u);
  ASSERT_EQ(card.groups_size(), 1);
  ASSERT_EQ(card.groups(0).rows_size(), 2);
  EXPECT_EQ(card.groups(0).rows(0).value().exact().units(), 150);
  EXPECT_EQ(card.groups(0).rows(1).value().value(), 2);
  EXPECT_TRUE(card.groups(0).rows(0).value().has_fresh_at());

  v1::Scorecard totals;
  ASSERT_TRUE(Card({}, &totals).ok());
  EXPECT_EQ(totals.groups(0).rows(0).value().exact().units(), 157);

  request.set_partner_id("nobody");
  EXPECT_EQ(Card(request, &card).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(MetricServiceTest, KnowsNothingOfWhatComesAfterAsOf) {
  v1::GetScorecardRequest request;
  request.set_partner_id("crm:P1");
  *request.mutable_as_of() = MakeDate(2024, 3, 10);
  v1::Scorecard card;
  ASSERT_TRUE(Card(request, &card).ok());
  EXPECT_EQ(card.groups(0).rows(0).value().exact().units(), 100);
  *request.mutable_as_of() = MakeDate(2024, 2, 30);
  EXPECT_THAT(InfoOf(Card(request, &card)).fields, ElementsAre("as_of: is 2024-02-30, which is no day"));
}

TEST_F(MetricServiceTest, WaitsForAPosition) {
  const v1::IngestEventsResponse written = Ingest({WonDeal("D4", "P1", 1'000, 21)});
  v1::GetScorecardRequest request;
  request.set_partner_id("crm:P1");
  request.set_min_position(written.position());
  v1::Scorecard card;
  ASSERT_TRUE(Card(request, &card).ok());
  EXPECT_GE(card.position(), written.position());
  EXPECT_EQ(card.groups(0).rows(0).value().exact().units(), 1'150);
  request.set_min_position(written.position() + 1'000'000);
  const grpc::Status status = Card(request, &card);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(InfoOf(status).reason, "POSITION_NOT_REACHED");
}

TEST_F(MetricServiceTest, QueriesMetricsByScopeAndWindow) {
  v1::QueryMetricsRequest request;
  request.add_metric_ids("partner_revenue");
  EXPECT_THAT(Values(request), ElementsAre(157));
  request.add_scopes()->set_kind(v1::SCOPE_KIND_BUSINESS);
  request.add_scopes()->set_kind(v1::SCOPE_KIND_DIRECT);
  request.add_partner_ids("Birch");
  request.add_partner_ids("crm:P1");
  request.add_metric_ids("deals_won");
  EXPECT_THAT(Values(request), ElementsAre(157, 3, 0, 0, 7, 1, 150, 2));
  *request.mutable_window_start_on() = MakeDate(2024, 3, 6);
  EXPECT_THAT(Values(request), ElementsAre(57, 2, 0, 0, 7, 1, 50, 1));
}

TEST_F(MetricServiceTest, QueriesSeries) {
  v1::QueryMetricsRequest request;
  request.add_metric_ids("partner_revenue");
  request.set_step(v1::SERIES_STEP_MONTH);
  EXPECT_THAT(Values(request), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 157));
  request.set_step(v1::SERIES_STEP_DAY);
  *request.mutable_series_start_on() = MakeDate(2024, 3, 19);
  *request.mutable_as_of() = MakeDate(2024, 3, 21);
  EXPECT_THAT(Values(request), ElementsAre(0, 57, 0));
  *request.mutable_series_start_on() = MakeDate(2024, 3, 22);
  v1::QueryMetricsResponse response;
  EXPECT_THAT(InfoOf(Query(request, &response)).fields, ElementsAre("series_start_on: must not be after as_of"));
}

TEST_F(MetricServiceTest, LimitsAQuery) {
  v1::QueryMetricsRequest request;
  request.set_step(v1::SERIES_STEP_DAY);
  *request.mutable_series_start_on() = MakeDate(1990, 1, 1);
  v1::QueryMetricsResponse response;
  const grpc::Status status = Query(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(InfoOf(status).reason, "TOO_MANY");
  EXPECT_THAT(status.error_message(), HasSubstr("at most 20000"));
}

TEST_F(MetricServiceTest, SuggestsMetrics) {
  v1::QueryMetricsRequest request;
  request.add_metric_ids("partner_revenu");
  v1::QueryMetricsResponse response;
  EXPECT_THAT(InfoOf(Query(request, &response)).fields,
              ElementsAre("metric_ids: there is no metric 'partner_revenu' (did you mean \"partner_revenue\"?)"));
}

TEST_F(MetricServiceTest, PrefersTheTargetThatWasStatedLast) {
  v1::Event target;
  target.set_record_id("T1");
  target.set_revision(1);
  target.mutable_target()->set_metric("partner_revenue");
  target.mutable_target()->set_kind(v1::TARGET_KIND_QUOTA);
  *target.mutable_target()->mutable_period_start_on() = MakeDate(2024, 1, 1);
  *target.mutable_target()->mutable_period_end_on() = MakeDate(2024, 3, 31);
  target.mutable_target()->mutable_value()->set_units(200);
  v1::Event later = target;
  later.set_record_id("T0");
  *later.mutable_target()->mutable_stated_on() = MakeDate(2024, 3, 15);
  later.mutable_target()->mutable_value()->set_units(314);
  Ingest({target, later});
  v1::QueryMetricsRequest request;
  request.add_metric_ids("partner_revenue");
  v1::QueryMetricsResponse response;
  ASSERT_TRUE(Query(request, &response).ok());
  EXPECT_EQ(response.values(0).target().min(), 314);
  EXPECT_EQ(response.values(0).attainment(), 0.5);
  *request.mutable_as_of() = MakeDate(2024, 3, 10);
  response.Clear();
  ASSERT_TRUE(Query(request, &response).ok());
  EXPECT_EQ(response.values(0).target().min(), 200);
}

TEST_F(MetricServiceTest, ListsDefinitions) {
  v1::ListMetricsResponse list;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(metrics_->ListMetrics(&context, {}, &list).ok());
  }
  ASSERT_EQ(list.metrics_size(), 2);
  EXPECT_EQ(list.metrics(0).id(), "partner_revenue");
  v1::GetMetricRequest get;
  get.set_metric_id("deals_won");
  v1::GetMetricResponse metric;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(metrics_->GetMetric(&context, get, &metric).ok());
  }
  ASSERT_EQ(metric.measures_size(), 1);
  EXPECT_EQ(metric.measures(0).id(), "won");
  get.set_metric_id("nothing");
  grpc::ClientContext context;
  EXPECT_EQ(metrics_->GetMetric(&context, get, &metric).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(MetricServiceTest, VerifiesWhatItServes) {
  for (const v1::ScopeKind kind : {v1::SCOPE_KIND_UNSPECIFIED, v1::SCOPE_KIND_PROGRAM, v1::SCOPE_KIND_PARTNER}) {
    v1::VerifyScopeRequest request;
    if (kind != v1::SCOPE_KIND_UNSPECIFIED) request.mutable_scope()->set_kind(kind);
    if (kind == v1::SCOPE_KIND_PARTNER) request.mutable_scope()->set_partner_id("crm:P1");
    grpc::ClientContext context;
    v1::VerifyScopeResponse response;
    const grpc::Status status = admin_->VerifyScope(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(response.ok());
    EXPECT_EQ(response.facts(), 5);
    EXPECT_GT(response.cells(), 0);
  }
}

}  // namespace
}  // namespace partnermetrics
