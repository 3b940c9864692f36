// Kills the real server at random moments while clients write and a connector runs, and looks at what is left
// (docs/promises.md, P1 to P5).
//
// Four clients send batches of deals with corrections, deletions, repetitions and late versions, by single calls and by
// streams, and keep a journal. A fifth runs the Salesforce connector over a generated export, into a programme of its
// own. The server is killed with SIGKILL at a random moment, every fifth time again while it recovers, and started anew
// on the same folder. In every life the clients first see that what was acknowledged before is there, then settle what
// was unknown. In the end the numbers of every scope equal those of the journals, the server's own verification finds
// nothing, and the connector's programme equals that of a server that was never killed.
//
// PM_CRASH_KILLS sets the number of kills, PM_SEED the seed.
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "partnermetrics/v1/connector_service.grpc.pb.h"
#include "partnermetrics/v1/metric_service.grpc.pb.h"
#include "tests/crash/deal_client.h"
#include "tests/storage/temp_dir.h"
#include "tests/support/child.h"
#include "tests/support/environment.h"
#include "tests/support/server_process.h"

namespace partnermetrics {
namespace {

constexpr char kDeals[] = "partneros";
constexpr char kImports[] = "imports";
constexpr char kConnector[] = "salesforce";
constexpr int kExportedPartners = 200, kExportedDeals = 5'000;
constexpr auto kCallLimit = std::chrono::seconds(120);

std::unique_ptr<grpc::ClientContext> Call() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + kCallLimit);
  return context;
}

std::string Padded(int number) {
  const std::string digits = std::to_string(number);
  return std::string(9 - digits.size(), '0') + digits;
}

// A Salesforce export as Data Loader writes it: partners, and deals of which some have faults.
void WriteExport(const std::string& folder) {
  std::filesystem::create_directories(folder);
  std::string accounts = "Id,Name,Type,Website,CreatedDate,SystemModstamp\n";
  for (int i = 0; i < kExportedPartners; ++i) {
    absl::StrAppend(&accounts, "001A00", Padded(i), ",Partner ", i, ",Reseller,www.partner", i,
                    ".example,2022-01-10T00:00:00.000Z,2024-05-01T00:00:00.000Z\n");
  }
  std::string deals =
      "Id,AccountId,Name,StageName,Amount,CloseDate,IsClosed,IsWon,Partner__c,CreatedDate,SystemModstamp\n";
  for (int i = 0; i < kExportedDeals; ++i) {
    const bool won = i % 3 != 0;
    const std::string amount = i % 500 == 7 ? "a lot" : absl::StrCat(1'000 + i * 37 % 90'000, ".", 10 + i % 90);
    absl::StrAppend(&deals, "006A00", Padded(i), ",001B00", Padded(i % 900), ",\"Deal ", i, "\",",
                    won ? "Closed Won" : "Proposal", ",", amount, ",2024-0", 1 + i % 9, "-1", i % 10,
                    won ? ",1,1," : ",0,0,",
                    i % 4 == 0 ? std::string() : absl::StrCat("001A00", Padded(i % kExportedPartners)),
                    ",2023-06-01T00:00:00.000Z,2024-10-01T00:00:00.000Z\n");
  }
  WriteFile(folder + "/Account.csv", accounts);
  WriteFile(folder + "/Opportunity.csv", deals);
}

// Programmes: that of the clients, and a copy for the connector.
config::v1::ServerConfig CrashConfig(const std::string& folder) {
  config::v1::ServerConfig config = TestConfig();
  const std::string program = folder + "/imports.textproto";
  WriteFile(program, absl::StrReplaceAll(ReadFile(config.program_files(0)),
                                         {{"id: \"partneros\"", absl::StrCat("id: \"", kImports, "\"")}}));
  config.add_program_files(program);
  config::v1::ConnectorInstance& connector = *config.add_connectors();
  connector.set_name(kConnector);
  connector.set_plugin("salesforce_export");
  connector.set_program(kImports);
  connector.set_directory(folder + "/export");
  WriteExport(connector.directory());
  return config;
}

std::optional<v1::ConnectorRun> RunConnector(v1::ConnectorService::Stub& stub, bool full) {
  const auto context = Call();
  v1::RunConnectorRequest request;
  request.set_connector(kConnector);
  request.set_full(full);
  const auto reader = stub.RunConnector(context.get(), request);
  v1::RunConnectorResponse response;
  while (reader->Read(&response)) {
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return std::nullopt;
  return response.run();
}

// Runs the connector in every life of the server, again from the start once it came through.
class ImportClient {
 public:
  explicit ImportClient(CurrentServer& server) : server_(server) {}
  void Run() {
    int life = 0;
    while (const auto next = server_.WaitForNext(life)) {
      life = next->number;
      const auto stub = v1::ConnectorService::NewStub(ConnectTo(next->address));
      while (!finishing_) {
        const auto run = RunConnector(*stub, completed_ > 0);
        if (!run.has_value()) {
          ++interrupted_;
          break;
        }
        // When the server was killed between the end of the first run and its answer, there is nothing left to read.
        const bool was_read = completed_ == 0 && run->records_read() == 0;
        EXPECT_EQ(run->state(), was_read ? v1::RUN_STATE_SUCCEEDED : v1::RUN_STATE_PARTIAL) << run->ShortDebugString();
        ++completed_;
      }
      if (finishing_) return;
    }
  }
  void Finish() { finishing_ = true; }
  int interrupted() const { return interrupted_; }

 private:
  CurrentServer& server_;
  std::atomic<bool> finishing_ = false;
  int completed_ = 0, interrupted_ = 0;
};

v1::QueryMetricsResponse Query(ServerProcess& server, v1::QueryMetricsRequest request) {
  const auto context = Call();
  request.mutable_as_of()->set_year(2025);
  request.mutable_as_of()->set_month(6);
  request.mutable_as_of()->set_day(30);
  request.mutable_window_start_on()->set_year(2000);
  request.mutable_window_start_on()->set_month(1);
  request.mutable_window_start_on()->set_day(1);
  v1::QueryMetricsResponse response;
  const grpc::Status status =
      v1::MetricService::NewStub(server.channel())->QueryMetrics(context.get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

// The exact values of metrics in one scope, in hundredths, 0 where there is no fact.
std::vector<int64_t> Cents(ServerProcess& server, v1::ScopeKind kind, const std::string& partner,
                           const std::vector<std::string>& metrics, uint64_t min_position) {
  v1::QueryMetricsRequest request;
  request.set_program(kDeals);
  request.set_min_position(min_position);
  v1::Scope& scope = *request.add_scopes();
  scope.set_kind(kind);
  scope.set_partner_id(partner);
  for (const std::string& metric : metrics) request.add_metric_ids(metric);
  std::vector<int64_t> cents;
  const v1::QueryMetricsResponse response = Query(server, request);
  for (const v1::MetricValue& value : response.values()) {
    EXPECT_TRUE(value.has_exact() || value.no_data() == v1::NO_DATA_REASON_NO_FACTS) << value.ShortDebugString();
    cents.push_back(value.exact().units() * 100 + value.exact().nanos() / 10'000'000);
  }
  return cents;
}

void ExpectNumbers(ServerProcess& server, const ExpectedNumbers& expected, uint64_t position) {
  using Values = std::vector<int64_t>;
  EXPECT_EQ(Cents(server, v1::SCOPE_KIND_BUSINESS, "", {"total_revenue"}, position),
            Values{expected.business_won.cents});
  EXPECT_EQ(Cents(server, v1::SCOPE_KIND_DIRECT, "", {"total_revenue"}, position), Values{expected.direct_won.cents});
  const std::vector<std::string> metrics = {"deals_closed", "partner_revenue", "open_deals", "partner_pipeline"};
  const auto values = [](const DealSums& won, const DealSums& open) {
    return Values{won.deals * 100, won.cents, open.deals * 100, open.cents};
  };
  EXPECT_EQ(Cents(server, v1::SCOPE_KIND_PROGRAM, "", metrics, position),
            values(expected.program_won, expected.program_open));
  for (int partner = 0; partner < kCrashPartners; ++partner) {
    const auto of = [&](const std::map<int, DealSums>& sums) {
      const auto it = sums.find(partner);
      return it == sums.end() ? DealSums() : it->second;
    };
    const std::string id = absl::StrCat(kCrashSource, ":", CrashPartnerId(partner));
    EXPECT_EQ(Cents(server, v1::SCOPE_KIND_PARTNER, id, metrics, position),
              values(of(expected.partner_won), of(expected.partner_open)))
        << id;
  }
}

void ExpectVerified(ServerProcess& server, const std::string& program) {
  const auto context = Call();
  v1::VerifyScopeRequest request;
  request.set_program(program);
  v1::VerifyScopeResponse response;
  const grpc::Status status =
      v1::AdminService::NewStub(server.channel())->VerifyScope(context.get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.ok()) << response.DebugString();
  EXPECT_GT(response.cells(), 0);
}

v1::ProgramStatus StatusOf(ServerProcess& server, const std::string& program) {
  const auto context = Call();
  v1::ServerStatus response;
  const grpc::Status status =
      v1::AdminService::NewStub(server.channel())->GetStatus(context.get(), v1::GetStatusRequest(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  for (const v1::ProgramStatus& one : response.programs()) {
    if (one.program() == program) return one;
  }
  ADD_FAILURE() << "no programme " << program;
  return {};
}

std::vector<v1::ConnectorRun> Runs(ServerProcess& server) {
  const auto stub = v1::ConnectorService::NewStub(server.channel());
  std::vector<v1::ConnectorRun> runs;
  v1::ListRunsRequest request;
  request.set_connector(kConnector);
  do {
    const auto context = Call();
    v1::ListRunsResponse response;
    const grpc::Status status = stub->ListRuns(context.get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    runs.insert(runs.end(), response.runs().begin(), response.runs().end());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return runs;
}

// All metrics of the programme and of some partners, without what depends on when and after how many attempts the facts
// came.
std::string ImportedNumbers(ServerProcess& server) {
  std::string text;
  v1::QueryMetricsRequest request;
  request.set_program(kImports);
  for (const v1::ScopeKind kind : {v1::SCOPE_KIND_BUSINESS, v1::SCOPE_KIND_DIRECT, v1::SCOPE_KIND_PROGRAM}) {
    request.add_scopes()->set_kind(kind);
  }
  for (int i = 0; i < kExportedPartners; i += 9) request.add_partner_ids(absl::StrCat("partner", i, ".example"));
  v1::QueryMetricsResponse response = Query(server, request);
  for (v1::MetricValue& value : *response.mutable_values()) {
    value.clear_fresh_at();
    absl::StrAppend(&text, value.ShortDebugString(), "\n");
  }
  const v1::ProgramStatus status = StatusOf(server, kImports);
  absl::StrAppend(&text, status.facts(), " facts, ", status.partners(), " partners, ", status.unresolved_facts(),
                  " unresolved");
  return text;
}

void IngestPartners(ServerProcess& server) {
  v1::IngestEventsRequest request;
  request.set_program(kDeals);
  request.set_source(kCrashSource);
  for (int i = 0; i < kCrashPartners; ++i) {
    v1::Event& event = *request.add_events();
    event.set_record_id(CrashPartnerId(i));
    event.set_revision(1);
    event.mutable_partner()->set_name(absl::StrCat("Partner ", i));
  }
  const auto context = Call();
  v1::IngestEventsResponse response;
  const grpc::Status status =
      v1::IngestService::NewStub(server.channel())->IngestEvents(context.get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.counts().applied(), kCrashPartners);
}

class ServerCrashTest : public ::testing::Test {
 protected:
  // Kills and starts the server as often as asked for. Ends with a server that lives.
  void KillAndStart(ServerProcess& server, CurrentServer& current, uint64_t kills, std::mt19937_64& random) {
    const auto random_ms = [&](uint64_t from, uint64_t to) {
      return absl::Milliseconds(from + random() % (to - from));
    };
    for (uint64_t kill = 1; kill <= kills && !HasFailure(); ++kill) {
      absl::SleepFor(random_ms(50, 800));
      ASSERT_TRUE(server.IsRunning()) << "the server ended by itself:\n" << server.log();
      current.Went();
      server.Kill();
      if (kill % 5 == 4) {  // the fifth hits a server that recovers
        server.Spawn();
        absl::SleepFor(random_ms(0, 150));
        server.Kill();
        ++kill;
      }
      const absl::Time started = absl::Now();
      ASSERT_TRUE(server.Start().ok()) << server.log();
      slowest_start_ = std::max(slowest_start_, absl::Now() - started);
      current.Came(server.address());
    }
  }

  absl::Duration slowest_start_;
};

TEST_F(ServerCrashTest, KeepsItsPromises) {
  const uint64_t kills = NumberFromEnvironment("PM_CRASH_KILLS", 50);
  const uint64_t seed = NumberFromEnvironment("PM_SEED", std::random_device()());
  std::cout << "PM_CRASH_KILLS=" << kills << " PM_SEED=" << seed << std::endl;
  std::mt19937_64 random(seed);

  storage::TempDir temp;
  const config::v1::ServerConfig config = CrashConfig(temp.path());
  ServerProcess server(temp.path(), config);
  ASSERT_TRUE(server.Start().ok()) << server.log();
  IngestPartners(server);

  CurrentServer current;
  std::vector<std::unique_ptr<DealClient>> clients;
  for (int i = 0; i < 4; ++i) {
    const auto way = i % 2 == 0 ? DealClient::Way::kUnary : DealClient::Way::kStream;
    clients.push_back(std::make_unique<DealClient>(i, way, seed, current));
  }
  ImportClient importer(current);
  std::vector<std::thread> threads;
  for (const auto& client : clients) threads.emplace_back([&client] { client->Run(); });
  threads.emplace_back([&importer] { importer.Run(); });

  current.Came(server.address());
  KillAndStart(server, current, kills, random);
  for (const auto& client : clients) client->Finish();
  importer.Finish();
  if (HasFailure()) current.End();
  for (std::thread& thread : threads) thread.join();
  ASSERT_FALSE(HasFailure());

  ExpectedNumbers expected;
  uint64_t position = 0;
  int64_t acknowledged = 0, settled = 0;
  for (const auto& client : clients) {
    client->AddTo(expected);
    position = std::max(position, client->last_position());
    acknowledged += client->acknowledged_events();
    settled += client->settled_batches();
  }
  ExpectNumbers(server, expected, position);
  const v1::ProgramStatus status = StatusOf(server, kDeals);
  EXPECT_EQ(status.facts(), expected.live_deals + kCrashPartners);
  EXPECT_EQ(status.conflicts(), 0);
  EXPECT_EQ(status.log_position(), status.applied_position());
  ExpectVerified(server, kDeals);

  // The connector: everything again changes nothing, and its facts are those of a server that was never killed.
  const auto run = RunConnector(*v1::ConnectorService::NewStub(server.channel()), /*full=*/true);
  ASSERT_TRUE(run.has_value());
  storage::TempDir calm_temp;
  ServerProcess calm(calm_temp.path(), CrashConfig(calm_temp.path()));
  ASSERT_TRUE(calm.Start().ok()) << calm.log();
  const auto calm_run = RunConnector(*v1::ConnectorService::NewStub(calm.channel()), /*full=*/true);
  ASSERT_TRUE(calm_run.has_value());
  EXPECT_EQ(run->state(), calm_run->state());
  EXPECT_EQ(run->records_read(), calm_run->records_read());
  EXPECT_EQ(run->records_rejected(), calm_run->records_rejected());
  EXPECT_EQ(ImportedNumbers(server), ImportedNumbers(calm));
  ExpectVerified(server, kImports);

  int64_t applied = 0;
  const std::vector<v1::ConnectorRun> runs = Runs(server);
  for (const v1::ConnectorRun& one : runs) {
    EXPECT_EQ(one.records_read(), one.records_emitted() + one.records_rejected() + one.records_skipped())
        << one.ShortDebugString();
    EXPECT_NE(one.state(), v1::RUN_STATE_FAILED) << one.ShortDebugString();
    applied += one.events().applied();
  }
  EXPECT_EQ(applied, calm_run->events().applied()) << "each fact is applied by one run";

  // A clean stop and another start change nothing.
  ASSERT_TRUE(server.Stop().ok()) << server.log();
  ASSERT_TRUE(server.Start().ok()) << server.log();
  ExpectNumbers(server, expected, position);

  std::cout << acknowledged << " events acknowledged, " << settled << " batches of unknown outcome settled, "
            << runs.size() << " connector runs, " << importer.interrupted() << " times interrupted, slowest start "
            << absl::FormatDuration(slowest_start_) << std::endl;
}

}  // namespace
}  // namespace partnermetrics
