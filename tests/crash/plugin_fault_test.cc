// Plugins that do the worst things, three times each, in the real server, which is then killed three times while they
// do (docs/promises.md, P7): the server keeps serving, the runs of other connectors go on, nothing acknowledged is
// lost, and the reason can be read. Each fault is a mode of the plugin "misbehave", or a plugin of its own.
//
// PM_FAULT_ROUNDS sets how often each fault is made and how often the server is killed during it, PM_FAULT_PAGES the
// tiny pages (1000000 for the full size), PM_FAULT_QUARANTINE_MB what a run may put into quarantine (400: ten million
// rejects in three runs), PM_SEED the seed.
#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "partnermetrics/v1/connector_service.grpc.pb.h"
#include "partnermetrics/v1/ingest_service.grpc.pb.h"
#include "tests/storage/temp_dir.h"
#include "tests/support/child.h"
#include "tests/support/environment.h"
#include "tests/support/server_process.h"

namespace partnermetrics {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr char kGood[] = "good";
constexpr int kGoodDeals = 200;
constexpr int64_t kTenMillion = 10'000'000;  // rejects of three runs; the export has more

constexpr char kNoRoom[] = "MiB that one run may put into quarantine";

struct Fault {
  std::string name;  // of the connector
  std::string plugin = "misbehave";
  std::string mode = {}, text = {};
  v1::RunState state = v1::RUN_STATE_FAILED;
  std::string reason = {};     // that the run, or its first record in quarantine, gives
  std::string or_reason = {};  // where either is true, whichever is noticed first
};

std::vector<Fault> Faults() {
  const std::string pages = std::to_string(NumberFromEnvironment("PM_FAULT_PAGES", 20'000));
  return {
      {.name = "wrong_magic", .plugin = "bad_magic", .reason = "connector magic"},
      {.name = "newer_version", .plugin = "bad_version", .reason = "version 7 of the connector ABI"},
      {.name = "older_version", .plugin = "old_version", .reason = "version 0 of the connector ABI"},
      {.name = "table_too_small", .plugin = "bad_size", .reason = "has 24 bytes"},
      {.name = "null_entry", .plugin = "bad_null", .reason = "NULL entry"},
      {.name = "missing_symbol", .plugin = "bad_name", .reason = "does not export"},
      {.name = "too_many_symbols", .plugin = "bad_exports", .reason = "another_symbol"},
      {.name = "page_too_large", .plugin = "big_page", .reason = "page"},
      {.name = "fails_in_open", .mode = "throw_in_open", .reason = "no way to open"},
      {.name = "exception", .mode = "throw", .reason = "something odd"},
      {.name = "segfault", .mode = "segfault", .reason = "Segmentation fault"},
      {.name = "abort", .mode = "abort", .reason = "Aborted"},
      {.name = "exit", .mode = "exit", .reason = "exit code 3"},
      {.name = "crash_after_page", .mode = "crash_after_page", .reason = "about to crash"},
      {.name = "endless_loop", .mode = "loop", .reason = "no sign of life"},
      {.name = "sleeps_in_close", .mode = "sleep_in_close", .reason = "no sign of life"},
      {.name = "closes_channel", .mode = "close_channel", .reason = "no sign of life", .or_reason = "exit code 75"},
      {.name = "memory", .mode = "memory", .reason = "it may use 512 MiB of memory"},
      {.name = "garbage", .mode = "garbage", .reason = "nonsense"},
      {.name = "lying_length", .mode = "lying_length", .reason = "nonsense"},
      {.name = "gigabyte", .mode = "gigabyte", .reason = "a frame claims"},
      {.name = "many_files", .mode = "many_files", .text = "deals.txt", .reason = "too many files open"},
      {.name = "fills_disk", .mode = "rejects", .text = absl::StrCat(kTenMillion, " 60000"), .reason = kNoRoom},
      {.name = "rejects", .mode = "rejects", .text = absl::StrCat(2 * kTenMillion, " 1"), .reason = kNoRoom},
      {.name = "other_source", .mode = "other_source", .state = v1::RUN_STATE_PARTIAL, .reason = "wrong_source"},
      {.name = "odd_events", .mode = "odd_events", .state = v1::RUN_STATE_PARTIAL, .reason = "record_id"},
      {.name = "tiny_pages", .mode = "tiny_pages", .text = pages, .state = v1::RUN_STATE_SUCCEEDED},
      {.name = "closes_streams", .mode = "close_streams", .state = v1::RUN_STATE_SUCCEEDED},
      {.name = "forks", .mode = "fork", .state = v1::RUN_STATE_SUCCEEDED},
      {.name = "writes_a_file", .mode = "write_file", .text = "/tmp/pm_fault", .state = v1::RUN_STATE_SUCCEEDED},
  };
}

class PluginFaultTest : public testing::Test {
 protected:
  void SetUp() override {
    config_.set_plugin_dir(PM_BINARY_DIR "/tests/plugins");
    config_.set_max_parallel_runs(4);
    config::v1::PluginLimits& limits = *config_.mutable_plugin_limits();
    limits.set_memory_mb(512);
    limits.set_cpu_seconds(60);
    limits.set_open_files(64);
    limits.set_stall_seconds(1);
    limits.set_quarantine_mb(quarantine_mb_);
    WriteDeals(kGoodDeals, 1);
    Add({.name = kGood, .mode = "deals"});
    for (const Fault& fault : faults_) Add(fault);
  }

  void Start() {
    server_ = std::make_unique<ServerProcess>(temp_.path(), config_);
    ASSERT_TRUE(server_->Start().ok()) << server_->log();
  }

  void Add(const Fault& fault) {
    config::v1::ConnectorInstance& connector = *config_.add_connectors();
    connector.set_name(fault.name);
    connector.set_plugin(fault.plugin);
    connector.set_directory(folder());
    connector.set_max_failures(3);
    for (const auto& [name, value] : {std::pair("mode", fault.mode), std::pair("text", fault.text)}) {
      if (value.empty()) continue;
      config::v1::Setting& setting = *connector.add_settings();
      setting.set_name(name);
      setting.set_value(value);
    }
  }

  std::string folder() const { return temp_.path() + "/exports"; }
  void WriteDeals(int count, int revision) {
    std::filesystem::create_directories(folder());
    WriteFile(folder() + "/deals.txt", absl::StrCat(count, " ", revision));
  }

  static std::unique_ptr<grpc::ClientContext> Call(std::chrono::seconds limit = std::chrono::seconds(120)) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + limit);
    return context;
  }

  // Nothing when the server went away meanwhile.
  std::optional<v1::ConnectorRun> Run(const std::string& connector, bool full = true) {
    const auto stub = v1::ConnectorService::NewStub(server_->channel());
    const auto context = Call();
    v1::RunConnectorRequest request;
    request.set_connector(connector);
    request.set_full(full);
    const auto reader = stub->RunConnector(context.get(), request);
    v1::RunConnectorResponse response;
    while (reader->Read(&response)) {
    }
    const grpc::Status status = reader->Finish();
    if (status.ok()) return response.run();
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE)
      ADD_FAILURE() << connector << ": " << status.error_message();
    return std::nullopt;
  }

  // Acknowledged: it must be there for ever.
  void IngestOne() {
    v1::IngestEventsRequest request;
    request.set_program("partneros");
    request.set_source("journal");
    v1::Event& event = *request.add_events();
    event.set_record_id(absl::StrCat("j", ++journal_));
    event.set_revision(1);
    event.mutable_deal()->set_name("a deal");
    const auto context = Call();
    v1::IngestEventsResponse response;
    const grpc::Status status =
        v1::IngestService::NewStub(server_->channel())->IngestEvents(context.get(), request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.counts().applied(), 1);
  }

  v1::ProgramStatus Status() {
    const auto context = Call();
    v1::ServerStatus response;
    const grpc::Status status =
        v1::AdminService::NewStub(server_->channel())->GetStatus(context.get(), v1::GetStatusRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.programs_size() == 1 ? response.programs(0) : v1::ProgramStatus();
  }
  int64_t Facts() { return Status().facts(); }

  v1::Connector Shown(const std::string& connector) {
    const auto context = Call();
    v1::ListConnectorsResponse response;
    const grpc::Status status = v1::ConnectorService::NewStub(server_->channel())
                                    ->ListConnectors(context.get(), v1::ListConnectorsRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    for (const v1::Connector& one : response.connectors()) {
      if (one.connector() == connector) return one;
    }
    ADD_FAILURE() << "no connector " << connector;
    return {};
  }

  std::string FirstReject(const std::string& connector) {
    const auto context = Call();
    v1::ListQuarantineRequest request;
    request.set_connector(connector);
    request.set_page_size(1);
    v1::ListQuarantineResponse response;
    const grpc::Status status =
        v1::ConnectorService::NewStub(server_->channel())->ListQuarantine(context.get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.records().empty() ? "" : response.records(0).ShortDebugString();
  }

  void ExpectAsFault(const Fault& fault, const v1::ConnectorRun& run) {
    EXPECT_EQ(run.state(), fault.state) << fault.name << ": " << run.ShortDebugString();
    const std::string said = run.error().empty() && !fault.reason.empty() ? FirstReject(fault.name) : run.error();
    const std::string& other = fault.or_reason.empty() ? fault.reason : fault.or_reason;
    EXPECT_THAT(said, AnyOf(HasSubstr(fault.reason), HasSubstr(other))) << fault.name;
    EXPECT_EQ(run.records_read(), run.records_emitted() + run.records_rejected() + run.records_skipped())
        << run.ShortDebugString();
  }

  // The most that the server had.
  int64_t PeakMemoryMb() {
    const std::string status = ReadFile(absl::StrCat("/proc/", server_->pid(), "/status"));
    const size_t at = status.find_first_of("0123456789", status.find("VmHWM:"));
    int64_t kib = 0;
    EXPECT_TRUE(absl::SimpleAtoi(status.substr(at, status.find(' ', at) - at), &kib)) << status;
    return kib >> 10;
  }

  static int64_t FolderMb(const std::string& folder) {
    uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      std::error_code gone;
      if (entry.is_regular_file(gone)) bytes += entry.file_size(gone);
    }
    return static_cast<int64_t>(bytes >> 20);
  }

  bool Publish(const std::string& run_id) {
    const auto context = Call();
    v1::PublishStagedRunRequest request;
    request.set_run_id(run_id);
    v1::ConnectorRun run;
    return v1::ConnectorService::NewStub(server_->channel())->PublishStagedRun(context.get(), request, &run).ok();
  }

  const std::vector<Fault> faults_ = Faults();
  const int quarantine_mb_ = static_cast<int>(NumberFromEnvironment("PM_FAULT_QUARANTINE_MB", 8));
  config::v1::ServerConfig config_ = TestConfig();
  storage::TempDir temp_;
  std::unique_ptr<ServerProcess> server_;
  int journal_ = 0;
};

TEST_F(PluginFaultTest, EachFaultEndsItsOwnRunAndNothingElse) {
  Start();
  const uint64_t rounds = NumberFromEnvironment("PM_FAULT_ROUNDS", 3);
  int revision = 1;
  for (const Fault& fault : faults_) {
    SCOPED_TRACE(fault.name);
    for (uint64_t round = 0; round < rounds; ++round) {
      WriteDeals(kGoodDeals, ++revision);
      auto good = std::async(std::launch::async, [this] { return Run(kGood); });
      const auto run = Run(fault.name);
      IngestOne();
      const auto good_run = good.get();
      ASSERT_TRUE(server_->IsRunning()) << server_->log();
      ASSERT_TRUE(run.has_value());
      ASSERT_TRUE(good_run.has_value());
      ExpectAsFault(fault, *run);
      EXPECT_EQ(good_run->state(), v1::RUN_STATE_SUCCEEDED) << good_run->error();
      EXPECT_EQ(good_run->events().applied(), kGoodDeals) << "others go on";
    }
    const v1::Connector shown = Shown(fault.name);
    const bool failed = fault.state == v1::RUN_STATE_FAILED;
    EXPECT_EQ(shown.consecutive_failures(), failed ? static_cast<int>(rounds) : 0);
    EXPECT_EQ(shown.suspended(), failed && rounds >= 3);
    EXPECT_EQ(shown.last_run().state(), fault.state);
  }
  EXPECT_GE(Facts(), journal_ + kGoodDeals);
  ASSERT_TRUE(server_->Stop().ok()) << server_->log();
}

TEST_F(PluginFaultTest, AServerThatIsKilledDuringAFaultKeepsItsPromises) {
  const uint64_t seed = NumberFromEnvironment("PM_SEED", std::random_device()());
  std::cout << "PM_SEED=" << seed << std::endl;
  std::mt19937_64 random(seed);
  Start();
  const uint64_t rounds = NumberFromEnvironment("PM_FAULT_ROUNDS", 3);
  for (const Fault& fault : faults_) {
    SCOPED_TRACE(fault.name);
    uint64_t kills = 0;
    // When to kill, in microseconds from the call on: not before the run begins, nor after it has ended by itself. A
    // try that comes too early or too late moves the limits.
    int64_t least = 0, most = 100'000;
    for (int tries = 0; kills < rounds && tries < 100; ++tries) {
      IngestOne();
      const uint64_t before = Status().log_position();
      const int64_t after = least + static_cast<int64_t>(random() % static_cast<uint64_t>(most - least));
      auto run = std::async(std::launch::async, [&] { return Run(fault.name); });
      const bool ended = run.wait_for(std::chrono::microseconds(after)) == std::future_status::ready;
      if (!ended) server_->Kill();
      run.get();
      if (!ended) {
        ASSERT_TRUE(server_->Start().ok()) << server_->log();
      }
      const v1::ConnectorRun last = Shown(fault.name).last_run();
      EXPECT_NE(last.state(), v1::RUN_STATE_RUNNING) << "nothing runs for ever";
      EXPECT_GE(Status().facts(), journal_) << "what was acknowledged is there";
      if (Status().log_position() == before) {
        least = std::min((least + after) / 2, most - 1'000);
      } else if (last.state() != v1::RUN_STATE_INTERRUPTED) {
        most = std::max((most + after) / 2, least + 1'000);
      } else {
        EXPECT_THAT(last.error(), HasSubstr("the server ended during it"));
        ++kills;
      }
    }
    EXPECT_EQ(kills, rounds);
  }
  // Each goes on, or begins anew, to the end that it would have had.
  for (const Fault& fault : faults_) {
    SCOPED_TRACE(fault.name);
    const auto run = Run(fault.name, /*full=*/false);
    ASSERT_TRUE(run.has_value());
    if (fault.state == v1::RUN_STATE_FAILED) ExpectAsFault(fault, *run);
  }
  const auto good = Run(kGood);
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->state(), v1::RUN_STATE_SUCCEEDED) << good->error();
  ASSERT_TRUE(server_->Stop().ok()) << server_->log();
}

// Ten million of a run, run after run, each of which rejects again what the ones before it did: what one run may put
// into quarantine ends it, until what the connector may have open there ends all further ones.
TEST_F(PluginFaultTest, TenMillionRejectsTakeTheirRoomAndNoMore) {
  config_.mutable_plugin_limits()->set_open_quarantine_mb(quarantine_mb_ * 5 / 2);
  config_.mutable_plugin_limits()->set_stall_seconds(60);
  Start();
  ASSERT_EQ(Run(kGood)->state(), v1::RUN_STATE_SUCCEEDED);
  const int64_t memory = PeakMemoryMb();
  int64_t rejected = 0;
  absl::Duration slowest;
  v1::ConnectorRun run;
  int runs = 0;
  for (; runs < 5 && !absl::StrContains(run.error(), "replay or discard"); ++runs) {
    WriteDeals(kGoodDeals, runs + 2);
    auto bad = std::async(std::launch::async, [this] { return Run("rejects"); });
    auto good = std::async(std::launch::async, [this] { return Run(kGood); });
    while (bad.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
      const absl::Time begin = absl::Now();
      IngestOne();
      slowest = std::max(slowest, absl::Now() - begin);
    }
    EXPECT_EQ(good.get()->state(), v1::RUN_STATE_SUCCEEDED);
    run = *bad.get();
    EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
    EXPECT_THAT(run.error(), HasSubstr("MiB that"));
    rejected += run.records_rejected() - run.records_rejected_again();
  }
  EXPECT_EQ(runs, 3) << run.error();
  const int64_t grown = PeakMemoryMb() - memory;
  const int64_t disk = FolderMb(server_->data_dir());
  std::cout << rejected << " rejected; memory grew by " << grown << " MiB, the data folder has " << disk
            << " MiB, the slowest event of others took " << slowest << std::endl;
  EXPECT_LT(grown, 200);
  EXPECT_LT(disk, 5 * quarantine_mb_ + 100);

  v1::DiscardQuarantineRequest discard;
  discard.set_connector("rejects");
  discard.set_note("ten million");
  const auto context = Call(std::chrono::minutes(20));
  v1::DiscardQuarantineResponse discarded;
  ASSERT_TRUE(
      v1::ConnectorService::NewStub(server_->channel())->DiscardQuarantine(context.get(), discard, &discarded).ok());
  EXPECT_EQ(discarded.records(), rejected);
  EXPECT_LT(PeakMemoryMb() - memory, 300) << "whatever they are, they are changed part by part";
  ASSERT_TRUE(server_->Stop().ok()) << server_->log();
}

// A staged run is read, looked at and published while the server is killed at any moment: readers, also those after the
// restart, find everything of it or nothing.
TEST_F(PluginFaultTest, AStagedRunIsPublishedAsAWholeOrNotAtAll) {
  const uint64_t rounds = NumberFromEnvironment("PM_CRASH_KILLS", 12);
  const uint64_t seed = NumberFromEnvironment("PM_SEED", std::random_device()());
  std::cout << "PM_SEED=" << seed << std::endl;
  std::mt19937_64 random(seed);
  Start();
  constexpr int kMore = 2'000;
  int deals = 0;
  int published_before_the_kill = 0;
  for (uint64_t round = 1; round <= rounds; ++round) {
    SCOPED_TRACE(round);
    deals += kMore;
    WriteDeals(deals, 1);
    v1::RunConnectorRequest request;
    request.set_connector(kGood);
    request.set_stage(true);
    std::string run_id;
    {
      const auto context = Call();
      const auto reader = v1::ConnectorService::NewStub(server_->channel())->RunConnector(context.get(), request);
      v1::RunConnectorResponse response;
      while (reader->Read(&response)) {
      }
      ASSERT_TRUE(reader->Finish().ok());
      ASSERT_EQ(response.run().state(), v1::RUN_STATE_STAGED) << response.run().ShortDebugString();
      ASSERT_EQ(response.run().events_staged(), kMore) << "it goes on where the last one was published";
      run_id = response.run().run_id();
    }
    if (round % 4 == 1) {  // between the stage and the publication
      server_->Kill();
      ASSERT_TRUE(server_->Start().ok()) << server_->log();
      v1::GetStagedRunRequest look;
      look.set_run_id(run_id);
      const auto context = Call();
      v1::StagedRun shown;
      const grpc::Status status =
          v1::ConnectorService::NewStub(server_->channel())->GetStagedRun(context.get(), look, &shown);
      ASSERT_TRUE(status.ok()) << status.error_message();
      ASSERT_EQ(shown.facts_size(), 1);
      EXPECT_EQ(shown.facts(0).added(), kMore);
    }
    EXPECT_EQ(Facts(), deals - kMore) << "nothing of it counts yet";

    auto publication = std::async(std::launch::async, [&] { return Publish(run_id); });
    absl::SleepFor(absl::Microseconds(random() % 60'000));
    server_->Kill();
    const bool acknowledged = publication.get();
    ASSERT_TRUE(server_->Start().ok()) << server_->log();
    const int64_t facts = Facts();
    EXPECT_TRUE(facts == deals || (facts == deals - kMore && !acknowledged)) << facts << " of " << deals;
    if (facts == deals) ++published_before_the_kill;
    EXPECT_TRUE(Publish(run_id)) << "again, which is harmless";
    EXPECT_EQ(Facts(), deals);
    EXPECT_EQ(Shown(kGood).last_run().state(), v1::RUN_STATE_SUCCEEDED);
    EXPECT_TRUE(std::filesystem::is_empty(server_->data_dir() + "/staged"));
  }
  std::cout << published_before_the_kill << " of " << rounds << " were published when the server was killed"
            << std::endl;
}

}  // namespace
}  // namespace partnermetrics
