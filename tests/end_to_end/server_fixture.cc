#include "tests/end_to_end/server_fixture.h"

#include <chrono>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace partnermetrics {
namespace {

constexpr auto kCallLimit = std::chrono::seconds(120);

void SetDate(int year, int month, int day, v1::Date* date) {
  date->set_year(year);
  date->set_month(month);
  date->set_day(day);
}

}  // namespace

std::unique_ptr<grpc::ClientContext> Call() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + kCallLimit);
  return context;
}

std::string ExactText(const v1::MetricValue& value) {
  if (!value.has_exact()) return "no data";
  if (value.exact().nanos() == 0) return absl::StrCat(value.exact().units());
  std::string text = absl::StrFormat("%d.%09d", value.exact().units(), value.exact().nanos());
  while (text.back() == '0') text.pop_back();
  return text;
}

std::string ServerFixture::AddConnector(const std::string& name, const std::string& plugin, const Settings& settings) {
  config::v1::ConnectorInstance& connector = *config_.add_connectors();
  connector.set_name(name);
  connector.set_plugin(plugin);
  connector.set_directory(absl::StrCat(folder(), "/exports/", name));
  for (const auto& [setting, value] : settings) {
    config::v1::Setting& one = *connector.add_settings();
    one.set_name(setting);
    one.set_value(value);
  }
  std::filesystem::create_directories(connector.directory());
  return connector.directory();
}

void ServerFixture::Start() {
  server_ = std::make_unique<ServerProcess>(folder(), config_);
  const absl::Status started = server_->Start();
  ASSERT_TRUE(started.ok()) << started;
}

void ServerFixture::TearDown() {
  if (server_ == nullptr || !server_->IsRunning()) {
    ADD_FAILURE() << "the server is not there any more";
    return;
  }
  const absl::Status stopped = server_->Stop();
  EXPECT_TRUE(stopped.ok()) << stopped;
}

v1::ConnectorRun ServerFixture::RunConnector(const std::string& name, bool full) {
  const auto context = Call();
  const auto stub = v1::ConnectorService::NewStub(server_->channel());
  v1::RunConnectorRequest request;
  request.set_connector(name);
  request.set_full(full);
  const auto reader = stub->RunConnector(context.get(), request);
  v1::RunConnectorResponse response;
  while (reader->Read(&response)) {
  }
  const grpc::Status status = reader->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  const v1::ConnectorRun& run = response.run();
  EXPECT_EQ(run.records_read(), run.records_emitted() + run.records_rejected() + run.records_skipped())
      << run.DebugString();
  return run;
}

std::vector<v1::QuarantinedRecord> ServerFixture::Quarantine(const std::string& connector) {
  const auto stub = v1::ConnectorService::NewStub(server_->channel());
  std::vector<v1::QuarantinedRecord> records;
  v1::ListQuarantineRequest request;
  request.set_connector(connector);
  do {
    const auto context = Call();
    v1::ListQuarantineResponse response;
    const grpc::Status status = stub->ListQuarantine(context.get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    for (const v1::QuarantinedRecord& listed : response.records()) {
      const auto get_context = Call();
      v1::GetQuarantinedRecordRequest get;
      get.set_record(listed.record());
      const grpc::Status got = stub->GetQuarantinedRecord(get_context.get(), get, &records.emplace_back());
      EXPECT_TRUE(got.ok()) << got.error_message();
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return records;
}

v1::MetricValue ServerFixture::Metric(const std::string& metric, v1::ScopeKind scope, const std::string& partner,
                                      const std::string& program) {
  const auto context = Call();
  v1::QueryMetricsRequest request;
  request.set_program(program);
  request.add_metric_ids(metric);
  request.add_scopes()->set_kind(scope);
  request.mutable_scopes(0)->set_partner_id(partner);
  SetDate(2026, 12, 31, request.mutable_as_of());
  SetDate(1990, 1, 1, request.mutable_window_start_on());
  v1::QueryMetricsResponse response;
  const grpc::Status status =
      v1::MetricService::NewStub(server_->channel())->QueryMetrics(context.get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.values_size() == 1 ? response.values(0) : v1::MetricValue();
}

v1::ProgramStatus ServerFixture::Status() {
  const auto context = Call();
  v1::ServerStatus response;
  const grpc::Status status =
      v1::AdminService::NewStub(server_->channel())->GetStatus(context.get(), v1::GetStatusRequest(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.programs_size() == 1 ? response.programs(0) : v1::ProgramStatus();
}

grpc::Status ServerFixture::Ingest(const v1::IngestEventsRequest& request, v1::IngestEventsResponse& response) {
  const auto context = Call();
  return v1::IngestService::NewStub(server_->channel())->IngestEvents(context.get(), request, &response);
}

}  // namespace partnermetrics
