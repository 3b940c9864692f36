// A real server in this process, on a free port, over a folder of its own; its clock stands at 2024-03-31, noon UTC,
// until a test sets it.
#ifndef PARTNERMETRICS_TESTS_SERVER_SERVICES_SERVER_FIXTURE_H_
#define PARTNERMETRICS_TESTS_SERVER_SERVICES_SERVER_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <atomic>

#include <memory>
#include <string>
#include <vector>

#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "partnermetrics/v1/connector_service.grpc.pb.h"
#include "partnermetrics/v1/ingest_service.grpc.pb.h"
#include "partnermetrics/v1/metric_service.grpc.pb.h"
#include "partnermetrics/v1/partner_service.grpc.pb.h"
#include "partnermetrics/v1/score_service.grpc.pb.h"
#include "server/services/server.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics {

// What a client reads from the details of an error.
struct ErrorInfo {
  std::string reason, remedy;
  std::vector<std::string> fields;  // "partner.name: must be given"
  bool retry = false;
};
ErrorInfo InfoOf(const grpc::Status& status);

class ServerTest : public testing::Test {
 protected:
  ServerTest();

  void Start();
  void Stop();
  absl::StatusOr<LoadedConfig> Config() const;
  // Writes a file into the test's folder and returns its path.
  std::string Write(const std::string& name, const std::string& text) const;
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::shared_ptr<grpc::Channel> Connect() const;

  // Ingests one request of the programme "acme" from the source "crm"; fails the test when the call fails.
  v1::IngestEventsResponse Ingest(const std::vector<v1::Event>& events,
                                  v1::ResultDetail detail = v1::RESULT_DETAIL_ALL);

  storage::TempDir folder_;
  std::atomic<int64_t> now_us_ = 1'711'886'400'000'000;  // noon of 31 March 2024; the server's threads read it
  std::string extra_config_;                             // more lines of the configuration file
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::IngestService::Stub> ingest_;
  std::unique_ptr<v1::PartnerService::Stub> partners_;
  std::unique_ptr<v1::MetricService::Stub> metrics_;
  std::unique_ptr<v1::ScoreService::Stub> scores_;
  std::unique_ptr<v1::ConnectorService::Stub> connectors_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
};

v1::Event PartnerEvent(const std::string& id, const std::string& name, const std::string& tier = "");
// A deal won by a partner of the source on a day of March 2024.
v1::Event WonDeal(const std::string& id, const std::string& partner, int64_t amount, int day);
v1::Date MakeDate(int year, int month, int day);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_SERVICES_SERVER_FIXTURE_H_
