// Segments as callers see them: queries, series, what goes over partners, explanations, verification.
#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "tests/server/services/explain_fixture.h"

namespace partnermetrics {
namespace {

class SegmentsServiceTest : public ExplainServiceTest {
 protected:
  void SetUp() override {
    ExplainServiceTest::SetUp();
    Ingest({Partner("P1", "Silver", 0), Partner("P2", "Gold", 0), Deal("1", "P1", 10), Deal("2", "P1", 70),
            Deal("3", "P2", 10), Deal("4", "P2", 70)});
    // From 1 March on.
    Ingest({Partner("P1", "Gold", 60, 2)});
  }

  static v1::Event Partner(const std::string& id, const std::string& tier, int since, int64_t revision = 1) {
    v1::Event event = NewEvent(id, revision);
    v1::Partner& partner = *event.mutable_partner();
    partner.set_name(id);
    partner.set_tier(tier);
    partner.set_region("EMEA");
    *partner.mutable_signed_on() = DayOf(0);
    *partner.mutable_attributes_since_on() = DayOf(since);
    return event;
  }
  // Won for 100 on a day.
  static v1::Event Deal(const std::string& id, const std::string& partner, int day) {
    v1::Event event = NewEvent(id);
    v1::Deal& deal = *event.mutable_deal();
    SetReference(*deal.add_attributions()->add_partner_refs(), partner);
    deal.mutable_attributions(0)->set_role(v1::ATTRIBUTION_ROLE_SOURCED);
    deal.set_outcome(v1::DEAL_OUTCOME_WON);
    deal.mutable_amount()->set_units(100);
    *deal.mutable_closed_on() = DayOf(day);
    return event;
  }
  v1::ExplainRequest OnMarch31(const std::string& metric, const v1::Scope& scope) {
    auto request = Ask<v1::ExplainRequest>(metric, scope);
    *request.mutable_as_of() = MakeDate(2024, 3, 31);
    return request;
  }
  grpc::Status Refused(const v1::Scope& scope) {
    v1::QueryMetricsRequest query;
    *query.add_scopes() = scope;
    grpc::ClientContext context;
    v1::QueryMetricsResponse response;
    return metrics_->QueryMetrics(&context, query, &response);
  }
};

TEST_F(SegmentsServiceTest, AQueryGivesTheNumbersOfASegment) {
  const v1::MetricValue gold = Query(OnMarch31("partner_revenue", SegmentOf("tier", "gold")));
  EXPECT_EQ(gold.exact().units(), 300);
  EXPECT_EQ(gold.scope().segment().value(), "Gold") << "as the sources write it";
  EXPECT_EQ(Query(OnMarch31("partner_revenue", SegmentOf("tier", "Silver"))).exact().units(), 100);
  EXPECT_EQ(Query(OnMarch31("partner_revenue", SegmentOf("region", "EMEA"))).exact().units(), 400);
}

TEST_F(SegmentsServiceTest, WhatGoesOverPartnersGoesOverThoseOfTheSegmentOnTheDay) {
  auto request = OnMarch31("active", SegmentOf("tier", "Gold"));
  EXPECT_EQ(Query(request).value(), 2);
  EXPECT_THAT(Explain(request).terms(), SizeIs(1));
  EXPECT_EQ(Query(OnMarch31("active", SegmentOf("tier", "Silver"))).value(), 0);
  *request.mutable_as_of() = MakeDate(2024, 2, 1);
  EXPECT_EQ(Query(request).value(), 1);
}

TEST_F(SegmentsServiceTest, FactsBehindASegmentsNumberAreThoseOfItsPartnersThen) {
  v1::ListContributionsRequest request;
  ASSERT_TRUE(request.ParseFromString(OnMarch31("credited_sum", SegmentOf("tier", "Gold")).SerializeAsString()));
  const auto facts = Facts(request);
  EXPECT_THAT(Records(facts), ElementsAre("2 1 100", "3 1 100", "4 1 100"));
  EXPECT_EQ(facts[0].role(), v1::ATTRIBUTION_ROLE_SOURCED);
  EXPECT_EQ(facts[0].share().units(), 1);
}

TEST_F(SegmentsServiceTest, UnknownSegmentsAreNamed) {
  const ErrorInfo attribute = InfoOf(Refused(SegmentOf("teir", "Gold")));
  EXPECT_EQ(attribute.reason, "UNKNOWN_SEGMENT");
  EXPECT_THAT(Refused(SegmentOf("teir", "Gold")).error_message(), testing::HasSubstr("did you mean \"tier\"?"));
  EXPECT_THAT(Refused(SegmentOf("tier", "Goldd")).error_message(), testing::HasSubstr("did you mean \"Gold\"?"));
}

TEST_F(SegmentsServiceTest, ASegmentIsVerified) {
  v1::VerifyScopeRequest request;
  *request.mutable_scope() = SegmentOf("tier", "Gold");
  grpc::ClientContext context;
  v1::VerifyScopeResponse response;
  const grpc::Status status = admin_->VerifyScope(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.ok());
  EXPECT_GT(response.cells(), 0);
}

}  // namespace
}  // namespace partnermetrics
