// A test over the whole path: a real partnerd with connectors over folders of the test, spoken to as clients do.
#ifndef PARTNERMETRICS_TESTS_END_TO_END_SERVER_FIXTURE_H_
#define PARTNERMETRICS_TESTS_END_TO_END_SERVER_FIXTURE_H_

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "partnermetrics/v1/connector_service.grpc.pb.h"
#include "partnermetrics/v1/ingest_service.grpc.pb.h"
#include "partnermetrics/v1/metric_service.grpc.pb.h"
#include "tests/storage/temp_dir.h"
#include "tests/support/child.h"
#include "tests/support/server_process.h"

namespace partnermetrics {

class ServerFixture : public ::testing::Test {
 protected:
  using Settings = std::map<std::string, std::string>;

  // Adds a connector of the plugin over a new folder, which is returned. Before Start.
  std::string AddConnector(const std::string& name, const std::string& plugin, const Settings& settings = {});
  void Start();
  // The server lived until the end of the test, and stops when asked.
  void TearDown() override;

  v1::ConnectorRun RunConnector(const std::string& name, bool full = false);
  std::vector<v1::QuarantinedRecord> Quarantine(const std::string& connector);
  // A metric over all time until the end of 2026, of the only programme unless one is named.
  v1::MetricValue Metric(const std::string& metric, v1::ScopeKind scope, const std::string& partner = "",
                         const std::string& program = "");
  // Of the only programme.
  v1::ProgramStatus Status();
  grpc::Status Ingest(const v1::IngestEventsRequest& request, v1::IngestEventsResponse& response);

  const std::string& folder() const { return temp_.path(); }
  ServerProcess& server() { return *server_; }
  config::v1::ServerConfig& config() { return config_; }

 private:
  storage::TempDir temp_;
  config::v1::ServerConfig config_ = TestConfig();
  std::unique_ptr<ServerProcess> server_;
};

// A call's context, with a deadline.
std::unique_ptr<grpc::ClientContext> Call();

// Exact text of a value: "2200000", "10542562.98"; "no data" without one.
std::string ExactText(const v1::MetricValue& value);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_END_TO_END_SERVER_FIXTURE_H_
