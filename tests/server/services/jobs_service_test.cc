// Definitions brought into force on a running server, and the jobs behind them, as callers meet them.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "partnermetrics/v1/definitions_service.grpc.pb.h"
#include "partnermetrics/v1/explain_service.grpc.pb.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// More deals than are taken over at once.
constexpr int kDeals = 24'000;

constexpr char kMeasures[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "$WON" }
  measures { id: "deals" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" }
  metrics {
    id: "partner_revenue"
    display_name: "Partner Revenue"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    formula: "coalesce(won.sum, 0)"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
  metrics {
    id: "deals_won"
    display_name: "Deals"
    category: METRIC_CATEGORY_PIPELINE
    unit: METRIC_UNIT_COUNT
    formula: "deals.count"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
)pb";

std::string Catalog(const std::string& won) {
  return absl::StrReplaceAll(kMeasures, {{"$WON", won}});
}

class JobsServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    Write("catalog.textproto", Catalog("outcome == WON"));
    Start();
    definitions_ = v1::DefinitionsService::NewStub(Connect());
  }

  void IngestDeals() {
    Ingest({PartnerEvent("P1", "Partner")});
    std::vector<v1::Event> deals;
    for (int i = 0; i < kDeals; ++i) {
      deals.push_back(WonDeal(absl::StrCat("D", i), "P1", 10, 1 + i % 28));
      if (deals.size() < 1'000) continue;
      Ingest(deals, v1::RESULT_DETAIL_UNSPECIFIED);
      deals.clear();
    }
  }

  v1::CheckDefinitionsResponse CheckDefinitions() {
    grpc::ClientContext context;
    v1::CheckDefinitionsResponse response;
    const grpc::Status status = definitions_->CheckDefinitions(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status Activate(const std::string& hash, v1::ActivateDefinitionsResponse& response) {
    grpc::ClientContext context;
    v1::ActivateDefinitionsRequest request;
    request.set_definitions_hash(hash);
    return definitions_->ActivateDefinitions(&context, request, &response);
  }
  std::vector<v1::Job> Wait(uint64_t number) {
    grpc::ClientContext context;
    v1::WaitForJobsRequest request;
    request.set_number(number);
    const auto reader = admin_->WaitForJobs(&context, request);
    std::vector<v1::Job> jobs;
    for (v1::Job job; reader->Read(&job);) jobs.push_back(job);
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return jobs;
  }
  v1::MetricValue Value(const std::string& metric) {
    grpc::ClientContext context;
    v1::QueryMetricsRequest request;
    request.add_scopes()->set_kind(v1::SCOPE_KIND_PROGRAM);
    request.add_metric_ids(metric);
    v1::QueryMetricsResponse response;
    const grpc::Status status = metrics_->QueryMetrics(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.values_size() == 1 ? response.values(0) : v1::MetricValue();
  }
  // Asks why a metric's value is another one than as of the day before the deals.
  grpc::Status Change(const std::string& metric, v1::ExplainChangeResponse& response) {
    grpc::ClientContext context;
    v1::ExplainChangeRequest request;
    request.set_metric_id(metric);
    *request.mutable_since() = MakeDate(2023, 12, 31);
    request.set_examples(1);
    return v1::ExplainService::NewStub(Connect())->ExplainChange(&context, request, &response);
  }
  grpc::Status Verify(v1::VerifyScopeResponse& response) {
    grpc::ClientContext context;
    return admin_->VerifyScope(&context, {}, &response);
  }

  std::unique_ptr<v1::DefinitionsService::Stub> definitions_;
};

TEST_F(JobsServiceTest, FilesThatSayWhatIsInForceDifferInNothing) {
  const v1::CheckDefinitionsResponse check = CheckDefinitions();
  EXPECT_THAT(check.differences(), IsEmpty());
  EXPECT_EQ(check.definitions_hash(), check.active_hash());
}

TEST_F(JobsServiceTest, MistakesInTheFilesAreToldWithTheirPlaceAndChangeNothing) {
  Write("catalog.textproto", Catalog("outcome == WUN"));
  grpc::ClientContext context;
  v1::CheckDefinitionsResponse response;
  const grpc::Status status = definitions_->CheckDefinitions(&context, {}, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("catalog.textproto:2:"));
}

TEST_F(JobsServiceTest, WhatWouldChangeIsShownAndThenBroughtIntoForceByAJob) {
  IngestDeals();
  EXPECT_EQ(Value("partner_revenue").value(), 10.0 * kDeals);
  Write("catalog.textproto", Catalog("outcome == LOST"));
  const v1::CheckDefinitionsResponse check = CheckDefinitions();
  ASSERT_EQ(check.differences_size(), 1);
  EXPECT_EQ(check.differences(0).kind(), v1::DEFINITION_KIND_MEASURE);
  EXPECT_EQ(check.differences(0).id(), "won");
  EXPECT_EQ(check.differences(0).action(), v1::DEFINITION_ACTION_CHANGED);
  EXPECT_THAT(check.metrics_without_value(), ElementsAre("partner_revenue"));
  EXPECT_EQ(check.facts(), kDeals + 2) << "deals, the partner's record and the partner";
  EXPECT_EQ(Value("partner_revenue").value(), 10.0 * kDeals) << "looking changes nothing";

  v1::ActivateDefinitionsResponse activated;
  ASSERT_TRUE(Activate(check.definitions_hash(), activated).ok());
  EXPECT_FALSE(activated.in_force());
  // The job goes on meanwhile: what can be said is that no value is half, and none half explained.
  v1::ExplainChangeResponse change;
  if (const grpc::Status status = Change("partner_revenue", change); !status.ok()) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr("a job is changing what the metric counts"));
  }
  EXPECT_TRUE(Change("deals_won", change).ok()) << "the job has nothing to do with it";
  const v1::MetricValue revenue = Value("partner_revenue");
  const bool is_whole = revenue.has_value() && (revenue.value() == 10.0 * kDeals || revenue.value() == 0);
  EXPECT_TRUE(is_whole || revenue.no_data() == v1::NO_DATA_REASON_REBUILDING) << revenue.DebugString();
  EXPECT_EQ(Value("deals_won").value(), kDeals);

  const std::vector<v1::Job> jobs = Wait(activated.job());
  ASSERT_FALSE(jobs.empty());
  EXPECT_EQ(jobs.back().state(), v1::JOB_STATE_DONE);
  EXPECT_EQ(jobs.back().kind(), v1::JOB_KIND_DEFINITIONS);
  EXPECT_EQ(jobs.back().percent(), 100);
  EXPECT_EQ(Value("partner_revenue").value(), 0.0);
  v1::VerifyScopeResponse verified;
  ASSERT_TRUE(Verify(verified).ok());
  EXPECT_TRUE(verified.ok());
  EXPECT_EQ(CheckDefinitions().active_hash(), check.definitions_hash());
}

TEST_F(JobsServiceTest, OtherFilesThanThoseThatWereCheckedAreNotBroughtIntoForce) {
  Write("catalog.textproto", Catalog("outcome == LOST"));
  const std::string hash = CheckDefinitions().definitions_hash();
  Write("catalog.textproto", Catalog("true"));
  v1::ActivateDefinitionsResponse activated;
  const grpc::Status status = Activate(hash, activated);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(InfoOf(status).reason, "NOT_THOSE_CHECKED");
}

TEST_F(JobsServiceTest, ARestartGoesOnWithAJobAndBeginsNoSecondOne) {
  IngestDeals();
  Write("catalog.textproto", Catalog("outcome == LOST"));
  v1::ActivateDefinitionsResponse activated;
  ASSERT_TRUE(Activate(CheckDefinitions().definitions_hash(), activated).ok());
  Stop();
  Start();
  Wait(0);
  grpc::ClientContext context;
  v1::ListJobsResponse jobs;
  ASSERT_TRUE(admin_->ListJobs(&context, {}, &jobs).ok());
  ASSERT_EQ(jobs.jobs_size(), 2) << "the first definitions and these";
  EXPECT_EQ(jobs.jobs(0).number(), activated.job());
  EXPECT_EQ(jobs.jobs(0).state(), v1::JOB_STATE_DONE);
  EXPECT_EQ(Value("partner_revenue").value(), 0.0);
}

TEST_F(JobsServiceTest, NobodyWaitsForAJobThatIsNotThere) {
  grpc::ClientContext context;
  v1::WaitForJobsRequest request;
  request.set_number(4'711);
  const auto reader = admin_->WaitForJobs(&context, request);
  v1::Job job;
  EXPECT_FALSE(reader->Read(&job));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(Wait(0), IsEmpty()) << "no job is open";
}

}  // namespace
}  // namespace partnermetrics
