// A server with a programme whose measures are of every kind, and what tests ask ExplainService.
#ifndef PARTNERMETRICS_TESTS_SERVER_SERVICES_EXPLAIN_FIXTURE_H_
#define PARTNERMETRICS_TESTS_SERVER_SERVICES_EXPLAIN_FIXTURE_H_

#include <gmock/gmock.h>
#include <map>
#include <random>
#include <string>
#include <vector>
#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "partnermetrics/v1/explain_service.grpc.pb.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Every kind of measure, with what makes them hard: roles, shares, parts with fields of their root, ends, keys, values
// that split.
inline constexpr char kMeasures[] = R"pb(
  measures { id: "deals" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" }
  measures {
    id: "won_influenced"
    fact: "deal"
    kind: MEASURE_KIND_FLOW
    sum: "amount"
    at: "closed_on"
    where: "outcome == WON && role == INFLUENCED"
  }
  measures { id: "credited" fact: "deal" kind: MEASURE_KIND_FLOW sum: "credited_amount" at: "closed_on" }
  measures {
    id: "pipeline"
    fact: "deal"
    kind: MEASURE_KIND_STOCK
    sum: "amount"
    from: "date(created_at)"
    until: "closed_on"
  }
  measures {
    id: "stages"
    fact: "deal_stage"
    kind: MEASURE_KIND_STOCK
    sum: "amount"
    from: "date(entered_at)"
    until: "date(left_at)"
    where: "root.outcome != LOST && root.role == SOURCED"
  }
  measures { id: "refunded" fact: "refund" kind: MEASURE_KIND_FLOW sum: "amount" at: "date(refunded_at)" }
  measures { id: "costs" fact: "cost" kind: MEASURE_KIND_FLOW sum: "amount" at: "incurred_on" }
  measures { id: "latest_cost" fact: "cost" kind: MEASURE_KIND_LATEST sum: "amount" at: "incurred_on" }
  measures { id: "signed" fact: "partner" kind: MEASURE_KIND_STOCK from: "signed_on" until: "terminated_on" }
  measures {
    id: "won_later"
    fact: "deal"
    kind: MEASURE_KIND_COHORT
    sum: "amount"
    at: "date(created_at)"
    then: "closed_on"
  }
  measures {
    id: "billed_customers"
    fact: "invoice"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_ANY
    key: "customer_id"
    at: "date(issued_at)"
  }
  measures {
    id: "last_bills"
    fact: "invoice"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_LAST
    key: "customer_id"
    sum: "amount"
    at: "date(issued_at)"
  }
  measures {
    id: "staged_deals"
    fact: "deal_stage"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_ANY
    key: "root_id"
    from: "date(entered_at)"
    until: "date(left_at)"
  }
  measures {
    id: "staged_value"
    fact: "deal_stage"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_LAST
    key: "root_id"
    sum: "amount"
    from: "date(entered_at)"
    until: "date(left_at)"
  }
  measures { id: "by_outcome" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" by: "outcome" }
  measures {
    id: "bills_by_number"
    fact: "invoice"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_ANY
    key: "customer_id"
    at: "date(issued_at)"
    by: "number"
  }
)pb";

inline const std::vector<std::string>& MeasureIds() {
  static const auto* const ids = new std::vector<std::string>{
      "deals",        "won_influenced", "credited",        "pipeline",        "stages",     "refunded",
      "costs",        "latest_cost",    "signed",          "won_later",       "last_bills", "staged_value",
      "staged_deals", "by_outcome",     "bills_by_number", "billed_customers"};
  return *ids;
}

inline std::string Metric(const std::string& id, const std::string& formula, const std::string& more = "") {
  return absl::StrCat("metrics { id: '", id, "' display_name: 'X' category: METRIC_CATEGORY_REVENUE ",
                      "unit: METRIC_UNIT_COUNT window: WINDOW_KIND_QUARTER_TO_DATE formula: '", formula, "' ", more,
                      "}\n");
}

inline double ToDouble(const v1::Decimal& decimal) {
  return static_cast<double>(decimal.units()) + decimal.nanos() / 1e9;
}

inline v1::Scope ScopeOf(v1::ScopeKind kind, const std::string& partner = "") {
  v1::Scope scope;
  scope.set_kind(kind);
  scope.set_partner_id(partner);
  return scope;
}

inline v1::Scope SegmentOf(const std::string& attribute, const std::string& value) {
  v1::Scope scope = ScopeOf(v1::SCOPE_KIND_SEGMENT);
  scope.mutable_segment()->set_attribute(attribute);
  scope.mutable_segment()->set_value(value);
  return scope;
}

inline void SetReference(v1::PartnerReference& reference, const std::string& partner) {
  reference.mutable_external()->set_source("crm");
  reference.mutable_external()->set_id(partner);
}

inline v1::Event NewEvent(const std::string& id, int64_t revision = 1) {
  v1::Event event;
  event.set_record_id(id);
  event.set_revision(revision);
  return event;
}

// Days are counted from 1 January 2024.
inline v1::Date DayOf(int offset) {
  const absl::CivilDay day = absl::CivilDay(2024, 1, 1) + offset;
  return MakeDate(static_cast<int>(day.year()), day.month(), day.day());
}
inline void SetNoon(google::protobuf::Timestamp& at, int offset) {
  at.set_seconds(1'704'067'200 + int64_t{offset} * 86'400 + 64'800);
}

class ExplainServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    std::string catalog = kMeasures;
    for (const std::string& id : MeasureIds()) {
      catalog += Metric(id + "_count", id + ".count");
    }
    for (const char* id :
         {"won_influenced", "credited", "pipeline", "stages", "latest_cost", "won_later", "last_bills", "by_outcome"}) {
      catalog += Metric(absl::StrCat(id, "_sum"), absl::StrCat(id, ".sum"));
    }
    catalog += Metric("win_rate", "won.count / deals.count") + Metric("average_deal", "avg(deals)") +
               Metric("growth", "deals.sum / prior_period(deals.sum) - 1") +
               Metric("total", "partner_revenue + costs.sum", "levels: [SCOPE_KIND_PROGRAM, SCOPE_KIND_PARTNER]") +
               Metric("share", "partner_revenue / at_level(PROGRAM, partner_revenue)", "levels: [SCOPE_KIND_PARTNER]") +
               Metric("active", "count_partners(partner_revenue > 0)", "levels: [SCOPE_KIND_PROGRAM]") +
               Metric("average_revenue", "average_partners(partner_revenue, partner_revenue > 0)",
                      "levels: [SCOPE_KIND_PROGRAM]") +
               Metric("gold_share", "sum_partners(partner_revenue, partner.tier == \"Gold\") / partner_revenue",
                      "levels: [SCOPE_KIND_PROGRAM]") +
               Metric("active_in_year", "count_partners(partner_revenue > 0)",
                      "own_window: true levels: [SCOPE_KIND_PROGRAM]") +
               Metric("active_before", "prior_year(active_in_year)", "levels: [SCOPE_KIND_PROGRAM]") +
               Metric("year", "deals.sum", "own_window: true") + Metric("of_year", "won.sum / year") +
               Metric("first", "first_day(won, date(\"2024-03-01\"))") +
               Metric("rest", "coalesce(avg(won), costs.sum)");
    Write("more.textproto", catalog);
    extra_config_ += "\ncatalog_paths: \"more.textproto\"";
    Start();
    explain_ = v1::ExplainService::NewStub(Connect());
  }

  template <typename Request>
  Request Ask(const std::string& metric, const v1::Scope& scope = ScopeOf(v1::SCOPE_KIND_PROGRAM)) {
    Request request;
    request.set_metric_id(metric);
    *request.mutable_scope() = scope;
    return request;
  }
  v1::ExplainResponse Explain(const v1::ExplainRequest& request) {
    grpc::ClientContext context;
    v1::ExplainResponse response;
    const grpc::Status status = explain_->Explain(&context, request, &response);
    EXPECT_TRUE(status.ok()) << request.ShortDebugString() << ": " << status.error_message();
    return response;
  }
  v1::ExplainResponse Explain(const std::string& metric, const v1::Scope& scope = ScopeOf(v1::SCOPE_KIND_PROGRAM)) {
    return Explain(Ask<v1::ExplainRequest>(metric, scope));
  }
  // All pages.
  std::vector<v1::Contribution> Facts(v1::ListContributionsRequest request) {
    std::vector<v1::Contribution> facts;
    do {
      grpc::ClientContext context;
      v1::ListContributionsResponse response;
      const grpc::Status status = explain_->ListContributions(&context, request, &response);
      EXPECT_TRUE(status.ok()) << request.ShortDebugString() << ": " << status.error_message();
      if (!status.ok()) break;
      facts.insert(facts.end(), response.contributions().begin(), response.contributions().end());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return facts;
  }
  std::vector<v1::Contribution> Facts(const std::string& metric, int term = 1,
                                      const v1::Scope& scope = ScopeOf(v1::SCOPE_KIND_PROGRAM)) {
    auto request = Ask<v1::ListContributionsRequest>(metric, scope);
    request.set_term(term);
    return Facts(request);
  }
  std::vector<std::string> Records(const std::vector<v1::Contribution>& facts) {
    std::vector<std::string> records;
    for (const v1::Contribution& fact : facts) {
      records.push_back(absl::StrCat(fact.fact().record_id(), " ", fact.count(), " ", ToDouble(fact.sum())));
    }
    return records;
  }
  v1::MetricValue Query(const v1::ExplainRequest& request) {
    v1::QueryMetricsRequest query;
    query.add_metric_ids(request.metric_id());
    *query.add_scopes() = request.scope();
    if (request.has_as_of()) *query.mutable_as_of() = request.as_of();
    query.set_window(request.window());
    grpc::ClientContext context;
    v1::QueryMetricsResponse response;
    const grpc::Status status = metrics_->QueryMetrics(&context, query, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.values(0);
  }
  v1::GetFactHistoryResponse History(const std::string& kind, const std::string& source, const std::string& record) {
    v1::GetFactHistoryRequest request;
    request.set_kind(kind);
    request.set_source(source);
    request.set_record_id(record);
    grpc::ClientContext context;
    v1::GetFactHistoryResponse response;
    const grpc::Status status = explain_->GetFactHistory(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  std::unique_ptr<v1::ExplainService::Stub> explain_;
};

inline v1::Event Invoice(const std::string& id, const std::string& customer, int day, int64_t amount) {
  v1::Event event = NewEvent(id);
  event.mutable_invoice()->set_customer_id(customer);
  SetReference(*event.mutable_invoice()->add_partner_refs(), "P1");
  SetNoon(*event.mutable_invoice()->mutable_issued_at(), day);
  event.mutable_invoice()->mutable_amount()->set_units(amount);
  return event;
}

inline v1::Event Stage(const std::string& id, const std::string& deal, int from, int until, int64_t amount) {
  v1::Event event = NewEvent(id);
  v1::DealStage& stage = *event.mutable_deal_stage();
  stage.set_root_id(deal);
  stage.set_stage("Proposal");
  SetNoon(*stage.mutable_entered_at(), from);
  if (until > from) SetNoon(*stage.mutable_left_at(), until);
  stage.mutable_amount()->set_units(amount);
  return event;
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_SERVICES_EXPLAIN_FIXTURE_H_
