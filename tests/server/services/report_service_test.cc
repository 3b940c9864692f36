// Reports and standings over a server.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/report_service.grpc.pb.h"
#include "partnermetrics/v1/standings_service.grpc.pb.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kProgram[] = R"pb(
  id: "acme"
  display_name: "Acme partners"
  currency_code: "USD"
  time_zone: "America/New_York"
  reports {
    sla {
      compliance: "kept"
      rows { metric: "partner_revenue" }
    }
    funnels {
      id: "sales"
      steps { metric: "deals_won" }
      steps { display_name: "Rich" metric: "partner_revenue" at_least: 300 }
    }
    pipeline { stages_metric: "by_stage" stages: "Early" figures: "deals_won" }
    revenue { figures: "partner_revenue" split_metric: "credited" split_by: "tier" top_metric: "partner_revenue" }
  }
)pb";

constexpr char kMore[] = R"pb(
  measures {
    id: "staged"
    fact: "deal_stage"
    kind: MEASURE_KIND_STOCK
    sum: "amount"
    from: "date(entered_at)"
    until: "earliest(date(left_at), root.closed_on)"
    by: "stage"
  }
  measures {
    id: "shares"
    fact: "deal"
    kind: MEASURE_KIND_FLOW
    sum: "credited_amount"
    at: "closed_on"
    where: "outcome == WON && role in [SOURCED, INFLUENCED]"
  }
  metrics {
    id: "by_stage"
    display_name: "X"
    category: METRIC_CATEGORY_PIPELINE
    unit: METRIC_UNIT_MONEY
    window: WINDOW_KIND_QUARTER_TO_DATE
    formula: "staged.sum"
  }
  metrics {
    id: "credited"
    display_name: "X"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    window: WINDOW_KIND_QUARTER_TO_DATE
    formula: "shares.sum"
  }
  metrics {
    id: "kept"
    display_name: "X"
    category: METRIC_CATEGORY_OPERATIONAL
    unit: METRIC_UNIT_PERCENT
    window: WINDOW_KIND_MONTH_TO_DATE
    formula: "meets(partner_revenue)"
  }
  metrics {
    id: "against"
    display_name: "X"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_RATIO
    levels: SCOPE_KIND_PARTNER
    window: WINDOW_KIND_QUARTER_TO_DATE
    formula: "partner_revenue / at_level(PROGRAM, average_partners(partner_revenue))"
  }
)pb";

class ReportServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    Write("acme.textproto", kProgram);
    Write("more.textproto", kMore);
    extra_config_ = "catalog_paths: \"more.textproto\"";
    Start();
    reports_ = v1::ReportService::NewStub(Connect());
    standings_ = v1::StandingsService::NewStub(Connect());
    Ingest({PartnerEvent("P1", "Apex", "Gold"), PartnerEvent("P2", "Birch", "Silver"),
            PartnerEvent("P3", "Cedar", "Gold"), WonDeal("D1", "P1", 100, 1), WonDeal("D2", "P1", 200, 20),
            WonDeal("D3", "P2", 250, 31)});
  }

  // A deal won by two partners, with a share of a quarter and three quarters.
  static v1::Event SharedDeal() {
    v1::Event event = WonDeal("D9", "P1", 400, 5);
    event.mutable_deal()->mutable_attributions(0)->mutable_split()->set_nanos(250'000'000);
    v1::Attribution& second = *event.mutable_deal()->add_attributions();
    second.set_role(v1::ATTRIBUTION_ROLE_SOURCED);
    second.mutable_split()->set_nanos(750'000'000);
    second.add_partner_refs()->mutable_external()->set_id("P2");
    return event;
  }
  static v1::Event Stage(const std::string& id, const std::string& deal, const std::string& stage, int64_t amount) {
    v1::Event event;
    event.set_record_id(id);
    event.set_revision(1);
    event.mutable_deal_stage()->set_root_id(deal);
    event.mutable_deal_stage()->set_stage(stage);
    event.mutable_deal_stage()->mutable_amount()->set_units(amount);
    event.mutable_deal_stage()->mutable_entered_at()->set_seconds(1'709'251'200);  // 2024-03-01
    return event;
  }

  // "1 crm:P1 300".
  std::vector<std::string> Board(const v1::GetLeaderboardRequest& request) {
    grpc::ClientContext context;
    board_.Clear();
    const grpc::Status status = standings_->GetLeaderboard(&context, request, &board_);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> rows;
    for (const v1::LeaderboardRow& row : board_.rows()) {
      rows.push_back(absl::StrCat(row.rank(), " ", row.partner_id(), " ", row.value()));
    }
    return rows;
  }
  static v1::GetLeaderboardRequest Of(const std::string& metric) {
    v1::GetLeaderboardRequest request;
    request.set_metric_id(metric);
    return request;
  }

  std::unique_ptr<v1::ReportService::Stub> reports_;
  std::unique_ptr<v1::StandingsService::Stub> standings_;
  v1::Leaderboard board_;
};

TEST_F(ReportServiceTest, SlaTable) {
  v1::SlaReport report;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(reports_->GetSlaTable(&context, v1::GetSlaTableRequest(), &report).ok());
  }
  EXPECT_EQ(report.rows(0).display_name(), "Partner Revenue");
  EXPECT_EQ(report.rows(0).value().value(), 550);
  EXPECT_EQ(report.rows(0).status(), v1::SLA_STATUS_NO_DATA);  // it has no target
  EXPECT_EQ(report.compliance().no_data(), v1::NO_DATA_REASON_NO_TARGET);
  EXPECT_EQ(report.position(), 7u);  // the definitions and six events

  v1::Event quota;
  quota.set_record_id("Q");
  quota.set_revision(1);
  v1::Target& target = *quota.mutable_target();
  target.set_metric("partner_revenue");
  target.set_kind(v1::TARGET_KIND_QUOTA);
  *target.mutable_period_start_on() = MakeDate(2024, 3, 1);
  *target.mutable_period_end_on() = MakeDate(2024, 3, 31);
  target.mutable_value()->set_units(550);
  Ingest({quota});
  grpc::ClientContext context;
  ASSERT_TRUE(reports_->GetSlaTable(&context, v1::GetSlaTableRequest(), &report).ok());
  EXPECT_EQ(report.rows(0).status(), v1::SLA_STATUS_MEET);
  EXPECT_EQ(report.compliance().value(), 1);
}

TEST_F(ReportServiceTest, Funnel) {
  grpc::ClientContext context;
  v1::FunnelReport report;
  ASSERT_TRUE(reports_->GetFunnel(&context, v1::GetFunnelRequest(), &report).ok());
  EXPECT_EQ(report.steps(0).partners(), 2);
  EXPECT_EQ(report.steps(1).partners(), 1);
  EXPECT_EQ(report.steps(1).display_name(), "Rich");
  EXPECT_EQ(report.steps(1).conversion(), 0.5);

  v1::GetFunnelRequest unknown;
  unknown.set_funnel_id("other");
  grpc::ClientContext second;
  const grpc::Status status = reports_->GetFunnel(&second, unknown, &report);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(InfoOf(status).remedy, "the programme has: sales");
}

TEST_F(ReportServiceTest, PipelineHealth) {
  v1::Event open = WonDeal("D7", "P1", 10, 1);
  open.mutable_deal()->set_outcome(v1::DEAL_OUTCOME_OPEN);
  open.mutable_deal()->clear_closed_on();
  Ingest({open, Stage("S1", "D7", "Late", 900), Stage("S2", "D7", "Early", 100)});
  v1::PipelineReport report;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(reports_->GetPipelineHealth(&context, v1::GetPipelineHealthRequest(), &report).ok());
  }
  ASSERT_EQ(report.stages_size(), 2);
  EXPECT_EQ(report.stages(0).stage(), "Early");
  EXPECT_EQ(report.stages(0).share_percent(), 10);
  EXPECT_EQ(report.stages(1).value().value(), 900);
  EXPECT_EQ(report.figures(0).value().value(), 3);

  v1::GetPipelineHealthRequest of_partner;
  of_partner.set_partner_id("Birch");
  grpc::ClientContext context;
  ASSERT_TRUE(reports_->GetPipelineHealth(&context, of_partner, &report).ok());
  EXPECT_EQ(report.partner_id(), "crm:P2");
  EXPECT_EQ(report.stages_size(), 0);
}

// Each partner is credited with its share; a ranking has each deal in full.
TEST_F(ReportServiceTest, RevenueIsSplitByShares) {
  Ingest({SharedDeal()});
  grpc::ClientContext context;
  v1::RevenueReport report;
  ASSERT_TRUE(reports_->GetRevenueDashboard(&context, v1::GetRevenueDashboardRequest(), &report).ok());
  EXPECT_EQ(report.figures(0).value().value(), 950);
  ASSERT_EQ(report.groups_size(), 2);
  EXPECT_EQ(report.groups(0).value(), "Silver");
  EXPECT_EQ(report.groups(0).amount().units(), 550);
  EXPECT_EQ(report.groups(1).amount().units(), 400);
  EXPECT_EQ(report.groups(0).share_percent() + report.groups(1).share_percent(), 100);
  ASSERT_EQ(report.top_size(), 2);
  EXPECT_EQ(report.top(0).partner_id(), "crm:P1");
  EXPECT_EQ(report.top(0).name(), "Apex");
  EXPECT_EQ(report.top(0).value().value(), 700);
  EXPECT_EQ(report.top(1).value().value(), 650);
}

// What belongs to a partner that only delivered is in no group, but in a line of its own.
TEST_F(ReportServiceTest, SharesOfRolesThatDoNotCountMakeRevenueWhole) {
  v1::Event shared = SharedDeal();
  shared.mutable_deal()->mutable_attributions(1)->set_role(v1::ATTRIBUTION_ROLE_FULFILLED);
  Ingest({shared});
  grpc::ClientContext context;
  v1::RevenueReport report;
  ASSERT_TRUE(reports_->GetRevenueDashboard(&context, v1::GetRevenueDashboardRequest(), &report).ok());
  ASSERT_EQ(report.groups_size(), 3);
  const v1::RevenueGroup& rest = report.groups(2);
  EXPECT_EQ(rest.value(), "Other roles");
  EXPECT_TRUE(rest.is_rest());
  EXPECT_EQ(rest.amount().units(), 300);
  EXPECT_EQ(rest.partners(), 0);
  int64_t amount = 0;
  int32_t shares = 0;
  for (const v1::RevenueGroup& group : report.groups()) {
    amount += group.amount().units();
    shares += group.share_percent();
  }
  EXPECT_EQ(amount, report.figures(0).value().exact().units());
  EXPECT_EQ(shares, 100);
}

// Won 100 as Silver and 30 as Gold, by what its source stated and by the tier in force.
TEST_F(ReportServiceTest, RevenueIsSplitByTheTierOfTheWinsDay) {
  Stop();
  Write("acme.textproto", absl::StrCat(kProgram, R"pb(
          segments { attribute: "tier" membership: SEGMENT_MEMBERSHIP_AS_WAS }
          tiers {
            id: "partner_tier"
            display_name: "Tier"
            category: METRIC_CATEGORY_REVENUE
            levels { id: "gold" display_name: "Gold" }
            levels {
              id: "silver"
              display_name: "Silver"
              requirements { metric: "partner_revenue" max: 1000000 }
            }
            entry_level: "silver"
          }
        )pb"));
  Start();
  reports_ = v1::ReportService::NewStub(Connect());
  const auto groups = [&](const std::string& split_by) {
    v1::GetRevenueDashboardRequest request;
    request.set_split_by(split_by);
    grpc::ClientContext context;
    v1::RevenueReport report;
    const grpc::Status status = reports_->GetRevenueDashboard(&context, request, &report);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> texts;
    for (const v1::RevenueGroup& group : report.groups()) {
      texts.push_back(absl::StrCat(group.value(), " ", group.amount().units(), " of ", group.partners()));
    }
    return texts;
  };
  EXPECT_THAT(groups(""), ElementsAre("Gold 300 of 1", "Silver 250 of 1"));
  // P2 was promoted on 15 March; its source says so only now.
  v1::Event before = PartnerEvent("P2", "Birch", "Silver"), promoted = PartnerEvent("P2", "Birch", "Gold");
  before.set_revision(2);
  *before.mutable_partner()->mutable_attributes_since_on() = MakeDate(2023, 1, 1);
  promoted.set_revision(3);
  *promoted.mutable_partner()->mutable_attributes_since_on() = MakeDate(2024, 3, 15);
  Ingest({before, promoted, WonDeal("D4", "P2", 50, 14)});
  EXPECT_THAT(groups(""), ElementsAre("Gold 550 of 2", "Silver 50 of 1"));

  EXPECT_THAT(groups("partner_tier"), ElementsAre("Silver 600 of 2"));
  v1::SetTierOverrideRequest set;
  set.set_partner_id("P1");
  set.set_tier("gold");
  set.set_author("Ada");
  set.set_reason("strategic");
  *set.mutable_starts_on() = MakeDate(2024, 3, 20);
  grpc::ClientContext context;
  v1::GetTierResponse tier;
  ASSERT_TRUE(scores_->SetTierOverride(&context, set, &tier).ok());
  EXPECT_THAT(groups("partner_tier"), ElementsAre("Silver 400 of 2", "Gold 200 of 1"));
}

TEST_F(ReportServiceTest, WhatIsNotConfiguredSaysSo) {
  Stop();
  Write("acme.textproto",
        "id: 'acme' display_name: 'Acme' currency_code: 'USD' time_zone: 'UTC' scorecard { title: 'X' }");
  Start();
  reports_ = v1::ReportService::NewStub(Connect());
  grpc::ClientContext context;
  v1::SlaReport report;
  const grpc::Status status = reports_->GetSlaTable(&context, v1::GetSlaTableRequest(), &report);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("the programme 'acme' has no table of service levels"));
  EXPECT_THAT(InfoOf(status).remedy, HasSubstr("reports { sla"));
}

TEST_F(ReportServiceTest, BadRequestsNameTheField) {
  v1::GetRevenueDashboardRequest request;
  request.set_split_by("colour");
  grpc::ClientContext context;
  v1::RevenueReport report;
  const grpc::Status status = reports_->GetRevenueDashboard(&context, request, &report);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(InfoOf(status).fields, ElementsAre(HasSubstr("split_by: is no name or enum of a partner")));
}

// A distributor with a reseller that has one below it.
TEST_F(ReportServiceTest, GroupsAddUpWhatIsBelow) {
  v1::Event second = PartnerEvent("P2", "Birch"), third = PartnerEvent("P3", "Cedar");
  second.set_revision(2);
  second.mutable_partner()->set_parent_id("P1");
  third.set_revision(2);
  third.mutable_partner()->set_parent_id("P2");
  Ingest({second, third, WonDeal("D6", "P3", 50, 6), SharedDeal()});
  v1::GetGroupReportRequest request;
  request.set_partner_id("Apex");
  for (const char* metric : {"partner_revenue", "deals_won", "credited", "against"}) request.add_metric_ids(metric);
  v1::GroupReport report;
  {
    grpc::ClientContext context;
    const grpc::Status status = reports_->GetGroupReport(&context, request, &report);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  ASSERT_EQ(report.members_size(), 3);
  EXPECT_EQ(report.members(0).name(), "Apex");
  EXPECT_EQ(report.members(2).partner_id(), "crm:P3");
  EXPECT_EQ(report.members(2).depth(), 2);
  // The deal of two of them counts for each, and its shares once.
  EXPECT_EQ(report.rows(0).rule(), v1::ROLL_UP_RULE_ADD_UP);
  EXPECT_EQ(report.rows(0).value().value(), 700 + 650 + 50);
  EXPECT_EQ(report.rows(0).own().value(), 700);
  EXPECT_EQ(report.rows(2).rule(), v1::ROLL_UP_RULE_ADD_SHARES);
  EXPECT_EQ(report.rows(2).value().value(), 300 + 250 + 50 + 400);
  EXPECT_EQ(report.rows(3).rule(), v1::ROLL_UP_RULE_NONE);
  EXPECT_FALSE(report.rows(3).value().has_value());
  EXPECT_TRUE(report.rows(3).own().has_value());

  request.set_partner_id("Cedar");
  grpc::ClientContext context;
  ASSERT_TRUE(reports_->GetGroupReport(&context, request, &report).ok());
  EXPECT_EQ(report.members_size(), 1);
  EXPECT_EQ(report.rows(0).value().value(), 50);
}

TEST_F(ReportServiceTest, LeaderboardsFollowTheFacts) {
  EXPECT_THAT(Board(Of("partner_revenue")), ElementsAre("1 crm:P1 300", "2 crm:P2 250", "3 crm:P3 0"));
  EXPECT_EQ(board_.ranked(), 3);
  EXPECT_EQ(board_.rows(0).name(), "Apex");
  // A correction, a new deal, a new partner, a deleted one.
  v1::Event corrected = WonDeal("D1", "P1", 10, 1), gone = PartnerEvent("P2", "Birch");
  corrected.set_revision(2);
  gone.set_revision(2);
  gone.set_deleted(true);
  Ingest({corrected, WonDeal("D5", "P3", 500, 2), PartnerEvent("P4", "Doric", "Gold"), gone});
  EXPECT_THAT(Board(Of("partner_revenue")), ElementsAre("1 crm:P3 500", "2 crm:P1 210", "3 crm:P4 0"));
  EXPECT_EQ(board_.position(), 11u);  // four more
}

TEST_F(ReportServiceTest, LeaderboardsOfSegmentsAndAroundAPartner) {
  v1::GetLeaderboardRequest request = Of("partner_revenue");
  const v1::Scope gold = [] {
    v1::Scope scope;
    scope.set_kind(v1::SCOPE_KIND_SEGMENT);
    scope.mutable_segment()->set_attribute("tier");
    scope.mutable_segment()->set_value("gold");
    return scope;
  }();
  *request.add_segments() = gold;
  EXPECT_THAT(Board(request), ElementsAre("1 crm:P1 300", "2 crm:P3 0"));
  request.clear_segments();
  request.set_around("Birch");
  request.set_limit(1);
  EXPECT_THAT(Board(request), ElementsAre("2 crm:P2 250"));
  // Another tier: the partner moves without a new deal.
  v1::Event moved = PartnerEvent("P2", "Birch", "Gold");
  moved.set_revision(2);
  v1::Label& label = *moved.mutable_partner()->add_labels();
  label.set_key("vertical");
  label.set_value("Banks");
  Ingest({moved});
  request = Of("partner_revenue");
  *request.add_segments() = gold;
  EXPECT_THAT(Board(request), ElementsAre("1 crm:P1 300", "2 crm:P2 250", "3 crm:P3 0"));
  v1::Scope& banks = *request.add_segments();
  banks.set_kind(v1::SCOPE_KIND_SEGMENT);
  banks.mutable_segment()->set_attribute("label.vertical");
  banks.mutable_segment()->set_value("Banks");
  EXPECT_THAT(Board(request), ElementsAre("1 crm:P2 250"));
}

TEST_F(ReportServiceTest, LeaderboardsOfOtherDaysAndWindows) {
  v1::GetLeaderboardRequest request = Of("partner_revenue");
  *request.mutable_as_of() = MakeDate(2024, 3, 19);
  EXPECT_THAT(Board(request), ElementsAre("1 crm:P1 100", "2 crm:P2 0", "3 crm:P3 0"));
  *request.mutable_as_of() = MakeDate(2024, 4, 1);
  EXPECT_THAT(Board(request), ElementsAre("1 crm:P1 0", "2 crm:P2 0", "3 crm:P3 0"));
  request.set_window(v1::WINDOW_KIND_LAST_QUARTER);
  EXPECT_THAT(Board(request), ElementsAre("1 crm:P1 300", "2 crm:P2 250", "3 crm:P3 0"));
}

// A partner's place among the others changes with the others.
TEST_F(ReportServiceTest, LeaderboardsOfWhatComparesPartners) {
  Board(Of("against"));
  EXPECT_NEAR(board_.rows(0).value(), 300 / (550 / 3.0), 1e-12);
  Ingest({WonDeal("D6", "P3", 50, 6)});
  Board(Of("against"));
  EXPECT_NEAR(board_.rows(0).value(), 300 / 200.0, 1e-12);
}

TEST_F(ReportServiceTest, LeaderboardsRefuseWhatTheyDoNotKnow) {
  const auto refusal = [&](const v1::GetLeaderboardRequest& request) {
    grpc::ClientContext context;
    const grpc::Status status = standings_->GetLeaderboard(&context, request, &board_);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return absl::StrCat(status.error_message(), " ", testing::PrintToString(InfoOf(status).fields));
  };
  EXPECT_THAT(refusal(Of("partner_revenu")), HasSubstr("(did you mean \"partner_revenue\"?)"));
  v1::GetLeaderboardRequest request = Of("partner_revenue");
  request.add_segments()->set_kind(v1::SCOPE_KIND_SEGMENT);
  request.mutable_segments(0)->mutable_segment()->set_attribute("colour");
  EXPECT_THAT(refusal(request), HasSubstr("'colour' is no attribute of a partner"));
  request.mutable_segments(0)->set_kind(v1::SCOPE_KIND_PARTNER);
  EXPECT_THAT(refusal(request), HasSubstr("must be segments, such as segment:tier=Gold"));
  request = Of("partner_revenue");
  request.set_limit(1001);
  EXPECT_THAT(refusal(request), HasSubstr("must be between 0 and 1000"));
}

TEST_F(ReportServiceTest, Distribution) {
  v1::GetDistributionRequest request;
  request.set_metric_id("partner_revenue");
  request.set_group_by("tier");
  grpc::ClientContext context;
  v1::Distribution distribution;
  ASSERT_TRUE(standings_->GetDistribution(&context, request, &distribution).ok());
  EXPECT_EQ(distribution.spread().with_value(), 3);
  EXPECT_EQ(distribution.spread().median(), 250);
  ASSERT_EQ(distribution.groups_size(), 2);
  EXPECT_EQ(distribution.groups(0).value(), "Gold");
  EXPECT_EQ(distribution.groups(0).spread().mean(), 150);
}

}  // namespace
}  // namespace partnermetrics
