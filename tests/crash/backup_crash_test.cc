// Backups of the real server while clients write, some of them cut off by kill -9, and restores of all that are listed.
//
// A listed backup must restore to a beginning of the log that ends where it says, and the server must verify on it.
// What an interrupted backup left must never be listed, and must not stand in the way of the next one.
//
// PM_BACKUPS sets the number of backups, PM_SEED the seed.
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "storage/backup_folder.h"
#include "storage/database.h"
#include "tests/crash/deal_client.h"
#include "tests/storage/temp_dir.h"
#include "tests/support/child.h"
#include "tests/support/environment.h"
#include "tests/support/server_process.h"

namespace partnermetrics {
namespace {

namespace fs = std::filesystem;

constexpr char kProgram[] = "partneros";
constexpr auto kCallLimit = std::chrono::seconds(120);

// The backup; nothing when the server went away.
std::optional<v1::BackupInfo> MakeBackup(const std::string& address) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
  const auto stub = v1::AdminService::NewStub(ConnectTo(address));
  const auto reader = stub->Backup(&context, v1::BackupRequest());
  v1::BackupResponse response;
  while (reader->Read(&response)) {
  }
  const grpc::Status status = reader->Finish();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) return std::nullopt;
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.phase(), v1::BACKUP_PHASE_DONE);
  return response.backup();
}

void ExpectVerified(ServerProcess& server) {
  grpc::ClientContext context;
  v1::VerifyScopeRequest request;
  request.set_program(kProgram);
  v1::VerifyScopeResponse response;
  const grpc::Status status = v1::AdminService::NewStub(server.channel())->VerifyScope(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.ok()) << response.DebugString();
  EXPECT_GT(response.facts(), 0);
}

std::vector<std::string> LogOf(const std::string& data_dir) {
  std::vector<std::string> records;
  storage::DatabaseOptions options;
  options.data_dir = data_dir;
  options.memory_mb = 64;
  const auto database = storage::Database::Open(options);
  EXPECT_TRUE(database.ok()) << database.status();
  if (!database.ok()) return records;
  EXPECT_FALSE((*database)->state_was_reset());
  const auto log = (*database)->Log(kProgram);
  EXPECT_TRUE((*log)
                  ->Read(0,
                         [&](const storage::LogRecord& record) {
                           records.push_back(absl::StrCat(record.appended_at_us, " ", record.payload));
                           return true;
                         })
                  .ok());
  return records;
}

class BackupCrashTest : public ::testing::Test {
 protected:
  BackupCrashTest() {
    config_ = TestConfig();
    config_.set_backup_dir(backups());
    config_.set_unsafe_no_sync(false);
  }
  std::string backups() const { return temp_.path() + "/backups"; }
  CommandResult Restore(uint64_t number, const std::string& data_dir) {
    return RunCommand(
        {PartnerdPath(), "--restore", backups(), "--backup", absl::StrCat(number), "--data-dir", data_dir});
  }

  storage::TempDir temp_;
  config::v1::ServerConfig config_;
};

TEST_F(BackupCrashTest, EveryListedBackupIsABeginning) {
  const uint64_t rounds = NumberFromEnvironment("PM_BACKUPS", 10);
  const uint64_t seed = NumberFromEnvironment("PM_SEED", std::random_device()());
  std::cout << "PM_BACKUPS=" << rounds << " PM_SEED=" << seed << std::endl;
  std::mt19937_64 random(seed);
  ServerProcess server(temp_.path(), config_);
  ASSERT_TRUE(server.Start().ok()) << server.log();
  CurrentServer current;
  std::vector<std::unique_ptr<DealClient>> clients;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    const auto way = i % 2 == 0 ? DealClient::Way::kUnary : DealClient::Way::kStream;
    clients.push_back(std::make_unique<DealClient>(i, way, seed, current));
  }
  for (const auto& client : clients) threads.emplace_back([&client] { client->Run(); });
  current.Came(server.address());

  std::vector<v1::BackupInfo> made;
  int killed = 0;
  for (uint64_t round = 1; round <= rounds && !HasFailure(); ++round) {
    absl::SleepFor(absl::Milliseconds(200));
    if (round % 3 != 0) {
      const auto backup = MakeBackup(server.address());
      ASSERT_TRUE(backup.has_value()) << server.log();
      made.push_back(*backup);
      continue;
    }
    std::optional<v1::BackupInfo> backup;
    std::thread caller([&, address = server.address()] { backup = MakeBackup(address); });
    absl::SleepFor(absl::Milliseconds(random() % 120));
    current.Went();
    server.Kill();
    caller.join();
    if (backup.has_value()) made.push_back(*backup);
    killed += backup.has_value() ? 0 : 1;
    ASSERT_TRUE(server.Start().ok()) << server.log();
    current.Came(server.address());
  }
  for (const auto& client : clients) client->Finish();
  if (HasFailure()) current.End();
  for (std::thread& thread : threads) thread.join();
  ASSERT_FALSE(HasFailure());
  ASSERT_TRUE(server.Stop().ok()) << server.log();

  // Acknowledged backups are listed; a kill may have hit after the manifest was written and before the answer.
  const std::vector<storage::Backup> listed = *(*storage::BackupFolder::Open(backups(), nullptr))->List();
  EXPECT_GE(listed.size(), made.size());
  EXPECT_LE(listed.size(), made.size() + static_cast<size_t>(killed));
  std::cout << listed.size() << " backups, " << killed << " killed" << std::endl;

  const std::vector<std::string> original = LogOf(server.data_dir());
  ASSERT_GT(original.size(), 100u);
  for (const storage::Backup& backup : listed) {
    SCOPED_TRACE(absl::StrCat("backup ", backup.number));
    const std::string folder = absl::StrCat(temp_.path(), "/restored", backup.number);
    fs::create_directories(folder);
    const CommandResult restored = Restore(backup.number, folder + "/data");
    ASSERT_EQ(restored.exit_code, 0) << restored.err;
    const std::vector<std::string> log = LogOf(folder + "/data");
    ASSERT_EQ(backup.positions.size(), 1u);
    ASSERT_EQ(log.size(), backup.positions[0].second);
    ASSERT_LE(log.size(), original.size());
    EXPECT_TRUE(std::equal(log.begin(), log.end(), original.begin()));
    if (&backup == &listed.back() || random() % 4 == 0) {
      config::v1::ServerConfig config = TestConfig();
      ServerProcess copy(folder, config);
      ASSERT_TRUE(copy.Start().ok()) << copy.log();
      ExpectVerified(copy);
      ASSERT_TRUE(copy.Stop().ok()) << copy.log();
    }
    fs::remove_all(folder);
  }
}

TEST_F(BackupCrashTest, ADamagedBackupIsRefused) {
  ServerProcess server(temp_.path(), config_);
  ASSERT_TRUE(server.Start().ok()) << server.log();
  ASSERT_TRUE(MakeBackup(server.address()).has_value());
  // A drill while the server goes on: its folder of backups is only read.
  EXPECT_EQ(Restore(1, temp_.path() + "/drill").exit_code, 0);
  EXPECT_EQ(Restore(1, temp_.path() + "/drill").exit_code, 1) << "the folder is not empty any more";
  EXPECT_EQ(Restore(2, temp_.path() + "/other").exit_code, 1) << "there is none";

  fs::path largest;
  for (const auto& file : fs::directory_iterator(backups() + "/log/shared_checksum")) {
    if (largest.empty() || file.file_size() > fs::file_size(largest)) largest = file.path();
  }
  std::string content = ReadFile(largest);
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 2);
  WriteFile(largest, content);
  const CommandResult refused = Restore(1, temp_.path() + "/damaged");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("Corruption"), std::string::npos) << refused.err;
  const CommandResult listed =
      RunCommand({PartnerctlPath(), "--server", server.address(), "backup", "list", "--verify"});
  EXPECT_EQ(listed.exit_code, 0);
  EXPECT_NE(listed.out.find("damaged"), std::string::npos) << listed.out;
}

}  // namespace
}  // namespace partnermetrics
