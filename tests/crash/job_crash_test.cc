// A server that is killed in the middle of a job, again and again, while events come in: the job goes on, once, and
// ends with what a batch over the facts gives.
//
// PM_SEED repeats a run.
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "partnermetrics/v1/definitions_service.grpc.pb.h"
#include "partnermetrics/v1/ingest_service.grpc.pb.h"
#include "partnermetrics/v1/metric_service.grpc.pb.h"
#include "tests/storage/temp_dir.h"
#include "tests/support/child.h"
#include "tests/support/environment.h"
#include "tests/support/server_process.h"

namespace partnermetrics {
namespace {

constexpr int kDeals = 150'000;
constexpr int kBatch = 1'000;
constexpr int kKills = 8;

constexpr char kCatalog[] = R"pb(
  measures {
    id: "won"
    fact: "deal"
    kind: MEASURE_KIND_FLOW
    sum: "amount"
    at: "date(created_at)"
    where: "outcome == $OUTCOME"
  }
  metrics {
    id: "revenue"
    display_name: "Revenue"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    formula: "won.sum"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
)pb";

void WriteDefinitions(const std::string& folder, const std::string& zone, const std::string& outcome) {
  WriteFile(folder + "/program.textproto",
            absl::StrCat("id: 'jobs' display_name: 'Jobs' currency_code: 'USD' time_zone: '", zone,
                         "' segments { attribute: 'tier' membership: SEGMENT_MEMBERSHIP_AS_IS }"));
  WriteFile(folder + "/catalog.textproto", absl::StrReplaceAll(kCatalog, {{"$OUTCOME", outcome}}));
}

class JobCrashTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const uint64_t number = NumberFromEnvironment("PM_SEED", std::random_device()());
    std::cout << "PM_SEED=" << number << std::endl;
    random_.seed(number);
    WriteDefinitions(temp_.path(), "UTC", "WON");
    config::v1::ServerConfig config = TestConfig();
    config.clear_program_files();
    config.clear_catalog_paths();
    config.add_program_files(temp_.path() + "/program.textproto");
    config.add_catalog_paths(temp_.path() + "/catalog.textproto");
    server_ = std::make_unique<ServerProcess>(temp_.path(), config);
    ASSERT_TRUE(server_->Start().ok()) << server_->log();
  }

  // States the partner of all deals.
  void StatePartner(const std::string& tier, int revision) {
    v1::IngestEventsRequest request;
    request.set_program("jobs");
    request.set_source("crm");
    v1::Event& event = *request.add_events();
    event.set_record_id("P");
    event.set_revision(revision);
    event.mutable_partner()->set_name("Apex");
    event.mutable_partner()->set_tier(tier);
    grpc::ClientContext context;
    v1::IngestEventsResponse response;
    const grpc::Status status =
        v1::IngestService::NewStub(server_->channel())->IngestEvents(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  // Deals first..first+count, each in a state that follows from its number and revision.
  void Ingest(int first, int count, int revision) {
    const auto stub = v1::IngestService::NewStub(server_->channel());
    for (int at = first; at < first + count; at += kBatch) {
      v1::IngestEventsRequest request;
      request.set_program("jobs");
      request.set_source("crm");
      for (int i = at; i < std::min(at + kBatch, first + count); ++i) {
        v1::Event& event = *request.add_events();
        event.set_record_id(absl::StrCat("D", i));
        event.set_revision(revision);
        v1::Deal& deal = *event.mutable_deal();
        deal.set_outcome((i + revision) % 2 == 0 ? v1::DEAL_OUTCOME_WON : v1::DEAL_OUTCOME_LOST);
        deal.mutable_amount()->set_currency_code("USD");
        deal.mutable_amount()->set_units(revision);
        deal.mutable_created_at()->set_seconds(1'700'000'000 + i * 600);
        deal.add_attributions()->add_partner_refs()->mutable_external()->set_id("P");
      }
      grpc::ClientContext context;
      v1::IngestEventsResponse response;
      const grpc::Status status = stub->IngestEvents(&context, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
    }
  }

  uint64_t Activate() {
    const auto stub = v1::DefinitionsService::NewStub(server_->channel());
    grpc::ClientContext check_context, context;
    v1::CheckDefinitionsResponse check;
    grpc::Status status = stub->CheckDefinitions(&check_context, {}, &check);
    EXPECT_TRUE(status.ok()) << status.error_message();
    v1::ActivateDefinitionsRequest request;
    request.set_definitions_hash(check.definitions_hash());
    v1::ActivateDefinitionsResponse response;
    status = stub->ActivateDefinitions(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.job();
  }

  v1::ListJobsResponse Jobs() {
    grpc::ClientContext context;
    v1::ListJobsResponse jobs;
    const grpc::Status status = v1::AdminService::NewStub(server_->channel())->ListJobs(&context, {}, &jobs);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return jobs;
  }

  void Wait() {
    grpc::ClientContext context;
    const auto reader = v1::AdminService::NewStub(server_->channel())->WaitForJobs(&context, {});
    for (v1::Job job; reader->Read(&job);) {
    }
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  void ExpectVerified(int facts) {
    grpc::ClientContext context;
    v1::VerifyScopeResponse response;
    const grpc::Status status = v1::AdminService::NewStub(server_->channel())->VerifyScope(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(response.ok()) << response.DebugString();
    EXPECT_EQ(response.facts(), facts);
  }

  // Kills the server a moment from now and starts it anew.
  void KillSoon() {
    absl::SleepFor(absl::Milliseconds(random_() % 40));
    server_->Kill();
    ASSERT_TRUE(server_->Start().ok()) << server_->log();
  }

  std::mt19937_64 random_;
  storage::TempDir temp_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(JobCrashTest, AJobThatIsKilledGoesOnAndEndsWithWhatABatchGives) {
  Ingest(0, kDeals, 1);

  uint64_t number = 0;
  int opened = 1, midway = 0;
  bool is_open = false;
  for (int kill = 0; kill < kKills && !HasFailure(); ++kill) {
    if (!is_open) {
      // All days and the measure itself change.
      const bool is_first = ++opened % 2 == 0;
      WriteDefinitions(temp_.path(), is_first ? "America/New_York" : "UTC", is_first ? "LOST" : "WON");
      number = Activate();
    }
    KillSoon();
    const v1::ListJobsResponse jobs = Jobs();
    ASSERT_EQ(jobs.jobs_size(), opened) << "a start begins no job a second time";
    const auto job = std::find_if(jobs.jobs().begin(), jobs.jobs().end(),
                                  [number](const v1::Job& listed) { return listed.number() == number; });
    ASSERT_NE(job, jobs.jobs().end());
    is_open = job->state() == v1::JOB_STATE_RUNNING;
    midway += is_open && job->done() > 0 ? 1 : 0;
    // Deals on both sides of the place that is reached.
    Ingest(static_cast<int>(random_() % (kDeals - 2 * kBatch)), 2 * kBatch, kill + 2);
  }
  std::cout << midway << " of " << kKills << " starts found the job in the middle" << std::endl;
  EXPECT_GT(midway, 0) << "no kill hit the job";
  Wait();
  ExpectVerified(kDeals);
  ASSERT_TRUE(server_->Stop().ok()) << server_->log();
}

TEST_F(JobCrashTest, APartnerThatMovesAgainAndAgainEndsInItsSegment) {
  StatePartner("Gold", 1);
  Ingest(0, kDeals, 1);
  int midway = 0;
  for (int kill = 0; kill < kKills && !HasFailure(); ++kill) {
    // Mostly while the move before is under way.
    StatePartner(kill % 3 == 0 ? "Gold" : absl::StrCat("Silver ", kill), kill + 2);
    KillSoon();
    const v1::ListJobsResponse jobs = Jobs();
    midway += std::any_of(jobs.jobs().begin(), jobs.jobs().end(), [](const v1::Job& job) {
      return job.kind() == v1::JOB_KIND_PARTNER && job.state() == v1::JOB_STATE_RUNNING;
    });
    Ingest(static_cast<int>(random_() % (kDeals - 2 * kBatch)), 2 * kBatch, kill + 2);
  }
  std::cout << midway << " of " << kKills << " starts found a job in the middle" << std::endl;
  EXPECT_GT(midway, 0) << "no kill hit a job";
  Wait();
  ExpectVerified(kDeals + 1);
  ASSERT_TRUE(server_->Stop().ok()) << server_->log();
}

}  // namespace
}  // namespace partnermetrics
