// A run of a connector in a real server that is killed (kill -9) again and again while several of its pages are under
// way: each time it goes on, and in the end every record of the export was read, counted and applied exactly once.
//
// PM_CRASH_KILLS sets how often it is killed, PM_SEED the seed.
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <optional>
#include <random>
#include <string>

#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "partnermetrics/v1/connector_service.grpc.pb.h"
#include "tests/storage/temp_dir.h"
#include "tests/support/environment.h"
#include "tests/support/server_process.h"

namespace partnermetrics {
namespace {

// In 4,000 pages, behind each of which the plugin sleeps for a millisecond: however fast the machine, there is time for
// several kills.
constexpr int64_t kDeals = 40'000;

// Nothing when the server went away meanwhile.
std::optional<v1::ConnectorRun> RunToEnd(ServerProcess& server) {
  grpc::ClientContext context;
  v1::RunConnectorRequest request;
  request.set_connector("crm");
  const auto reader = v1::ConnectorService::NewStub(server.channel())->RunConnector(&context, request);
  v1::RunConnectorResponse response;
  while (reader->Read(&response)) {
  }
  const grpc::Status status = reader->Finish();
  if (status.ok()) return response.run();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  return std::nullopt;
}

int64_t Facts(ServerProcess& server) {
  grpc::ClientContext context;
  v1::ServerStatus response;
  const grpc::Status status =
      v1::AdminService::NewStub(server.channel())->GetStatus(&context, v1::GetStatusRequest(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.programs_size() == 1 ? response.programs(0).facts() : -1;
}

TEST(RunCrashTest, ARunThatIsKilledAgainAndAgainAppliesEveryRecordOnce) {
  const uint64_t seed = NumberFromEnvironment("PM_SEED", std::random_device()());
  std::cout << "PM_SEED=" << seed << std::endl;
  std::mt19937_64 random(seed);
  const storage::TempDir temp;
  const std::string folder = temp.path() + "/exports";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/deals.txt") << kDeals << " 1";

  config::v1::ServerConfig config = TestConfig();
  config.set_plugin_dir(PM_BINARY_DIR "/tests/plugins");
  config::v1::ConnectorInstance& connector = *config.add_connectors();
  connector.set_name("crm");
  connector.set_plugin("misbehave");
  connector.set_directory(folder);
  config::v1::Setting& mode = *connector.add_settings();
  mode.set_name("mode");
  mode.set_value("deals");
  ServerProcess server(temp.path(), config);
  ASSERT_TRUE(server.Start().ok()) << server.log();

  const uint64_t most_kills = NumberFromEnvironment("PM_CRASH_KILLS", 5);
  uint64_t kills = 0;
  std::optional<v1::ConnectorRun> run;
  while (!run.has_value()) {
    auto running = std::async(std::launch::async, [&] { return RunToEnd(server); });
    const auto after = std::chrono::milliseconds(100 + random() % 500);
    if (kills < most_kills && running.wait_for(after) == std::future_status::timeout) {
      server.Kill();
      ++kills;
    }
    run = running.get();
    if (!run.has_value()) {
      ASSERT_TRUE(server.Start().ok()) << server.log();
    }
  }
  EXPECT_GT(kills, 0U) << "it was over too soon";
  EXPECT_EQ(run->run_id(), "crm-000001") << "it went on";
  EXPECT_EQ(run->state(), v1::RUN_STATE_SUCCEEDED) << run->error();
  EXPECT_EQ(run->records_read(), kDeals);
  EXPECT_EQ(run->records_emitted(), kDeals);
  EXPECT_EQ(run->events().applied(), kDeals);
  EXPECT_EQ(run->events().unchanged(), 0);
  EXPECT_EQ(Facts(server), kDeals);
  ASSERT_TRUE(server.Stop().ok()) << server.log();
}

}  // namespace
}  // namespace partnermetrics
