// Measures the real server from outside: a partnerd of the build folder, loaded over gRPC by this process, on the same
// machine. Nothing is asserted but that every event was applied.
//
//   bench_ingest --folder /var/tmp/bench --json results.json --deals 1000000
#include <grpcpp/client_context.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "storage/database.h"
#include "tests/bench/clients.h"
#include "tests/bench/load.h"
#include "tests/bench/measure.h"
#include "tests/support/server_process.h"

namespace partnermetrics::bench {
namespace {

constexpr auto kIdleRead = absl::Seconds(4);
constexpr int64_t kSampleEvents = 100'000;
// Clients that ask one call after the other fill the machine, and wait for each other: 16 of them always wait for the
// 15 others. These are loads under its limit.
constexpr double kCallRates[] = {500, 1'000, 2'000};

struct Flags {
  LoadOptions load;
  std::string folder;
  std::string json;
};

// What was measured, in order: printed as a table and written as JSON.
class Results {
 public:
  void Add(const std::string& name, double value, const std::string& unit) {
    std::cout << absl::StrFormat("  %-52s %14s %s", name, Number(value), unit) << std::endl;
    lines_.push_back(absl::StrFormat("  {\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"}", name, value, unit));
  }
  void Write(const std::string& path) const {
    std::ofstream file(path);
    file << "[\n" << absl::StrJoin(lines_, ",\n") << "\n]\n";
  }

 private:
  static std::string Number(double value) {
    return value >= 100 ? absl::StrFormat("%.0f", value) : absl::StrFormat("%.3g", value);
  }
  std::vector<std::string> lines_;
};

double Rate(int64_t events, absl::Duration elapsed) {
  return static_cast<double>(events) / absl::ToDoubleSeconds(elapsed);
}

v1::ServerStatus StatusOf(const ServerProcess& server) {
  grpc::ClientContext context;
  v1::ServerStatus status;
  const grpc::Status answer =
      v1::AdminService::NewStub(server.channel())->GetStatus(&context, v1::GetStatusRequest(), &status);
  if (!answer.ok()) Check(absl::InternalError(answer.error_message()));
  return status;
}

void CheckApplied(const SendResult& result, int64_t events) {
  if (result.applied == events && result.not_applied == 0) return;
  Check(absl::InternalError(absl::StrCat(result.applied, " of ", events, " events were applied")));
}

// What the log alone can do with such events: the ceiling of any ingest.
double LogRate(const Flags& flags) {
  const std::string folder = flags.folder + "/log";
  storage::DatabaseOptions options;
  options.data_dir = folder;
  auto database = storage::Database::Open(options);
  Check(database.status());
  auto log = (*database)->Log(kProgram);
  Check(log.status());
  const std::vector<std::string> events = SampleEvents(flags.load, kSampleEvents);
  const absl::Time start = absl::Now();
  for (size_t i = 0; i < events.size();) {
    storage::LogBatch batch;
    for (int n = 0; n < flags.load.batch && i < events.size(); ++n, ++i) {
      storage::LogRecord record;
      record.payload = events[i];
      record.actor = "service:crm";
      batch.records.push_back(std::move(record));
    }
    Check((*log)->Append(batch).status());
  }
  const double rate = Rate(kSampleEvents, absl::Now() - start);
  Check((*database)->Close());
  std::filesystem::remove_all(folder);
  return rate;
}

void ReportReads(const ReadResult& read, int clients, const std::string& when, Results& results) {
  const std::string name = absl::StrCat("GetScorecard, ", clients, clients == 1 ? " client, " : " clients, ", when);
  results.Add(name + ", p50", read.calls.Percentile(0.5) / 1'000, "ms");
  results.Add(name + ", p99", read.calls.Percentile(0.99) / 1'000, "ms");
  results.Add(name, Rate(static_cast<int64_t>(read.calls.size()), read.elapsed), "calls/s");
}

// Where the processors are shared by all, what a call takes of them says more than how long it waits for them.
void ReportReadCpu(const ReadResult& read, double server_seconds, Results& results) {
  const auto calls = static_cast<double>(read.calls.size());
  results.Add("  server's CPU per call", server_seconds * 1e6 / calls, "us");
  results.Add("  clients' CPU per call", read.cpu_seconds * 1e6 / calls, "us");
}

void MeasureIngest(const Flags& flags, ServerProcess& server, double log_rate, Results& results) {
  {
    const Load partners = PartnerLoad(flags.load);
    const SendResult sent = Send(server.address(), partners);
    CheckApplied(sent, partners.events);
    results.Add("partners", Rate(partners.events, sent.elapsed), "events/s");
  }
  const Load load = DealLoad(flags.load);
  const double cpu_before = CpuSeconds(server.pid());
  const uint64_t updates_before = StatusOf(server).programs(0).cell_updates();
  const SendResult sent = Send(server.address(), load);
  CheckApplied(sent, load.events);
  const double rate = Rate(load.events, sent.elapsed);
  results.Add("deals and corrections, durable and applied", rate, "events/s");
  results.Add("  events", static_cast<double>(load.events), "");
  results.Add("  bytes per event", static_cast<double>(load.bytes) / static_cast<double>(load.events), "bytes");
  results.Add("  server's CPU per event",
              (CpuSeconds(server.pid()) - cpu_before) * 1e6 / static_cast<double>(load.events), "us");
  results.Add("  cell updates per event",
              static_cast<double>(StatusOf(server).programs(0).cell_updates() - updates_before) /
                  static_cast<double>(load.events),
              "");
  results.Add("  batch acknowledged, p50", sent.batches.Percentile(0.5) / 1'000, "ms");
  results.Add("  batch acknowledged, p99", sent.batches.Percentile(0.99) / 1'000, "ms");
  results.Add("  share of the log's own rate", rate / log_rate, "");
}

void MeasureReads(const Flags& flags, ServerProcess& server, Results& results) {
  const auto read_idle = [&](const ReadLoad& load) {
    const absl::Time end = absl::Now() + kIdleRead;
    return ReadScorecards(server.address(), load, [end] { return absl::Now() >= end; });
  };
  const auto report_idle = [&](const ReadLoad& load, const std::string& when) {
    const double cpu_before = CpuSeconds(server.pid());
    ReadResult read = read_idle(load);
    ReportReads(read, load.clients, when, results);
    ReportReadCpu(read, CpuSeconds(server.pid()) - cpu_before, results);
    return read;
  };
  std::cout << "  (scorecards: every call is a first look, of a partner and a day not asked for before)" << std::endl;
  const ReadResult alone = report_idle({.clients = 1, .partners = flags.load.partners}, "idle");
  report_idle({.clients = 16, .partners = flags.load.partners}, "one call after the other");
  for (const double rate : kCallRates) {
    report_idle({.clients = 16, .partners = flags.load.partners, .calls_per_second = rate},
                absl::StrCat(rate, " calls/s together"));
  }
  const ReadResult past = read_idle({.clients = 1, .partners = flags.load.partners, .year = 2023});
  results.Add("  as of two years before, p50 against the latest",
              past.calls.Percentile(0.5) / alone.calls.Percentile(0.5), "");
  const int64_t corrections = std::max<int64_t>(1, flags.load.deals / 10);
  int round = 0;
  for (const int clients : {1, 16}) {
    const Load load = CorrectionLoad(flags.load, corrections, ++round);
    std::atomic<bool> sent_all = false;
    SendResult sent;
    std::thread sender([&] {
      sent = Send(server.address(), load);
      sent_all = true;
    });
    const ReadResult read = ReadScorecards(server.address(), {.clients = clients, .partners = flags.load.partners},
                                           [&] { return sent_all.load(); });
    sender.join();
    CheckApplied(sent, load.events);
    ReportReads(read, clients, "under ingest", results);
    results.Add(absl::StrCat("corrections beside ", clients, clients == 1 ? " reader" : " readers"),
                Rate(load.events, sent.elapsed), "events/s");
  }
}

void MeasureMemoryAndRestart(ServerProcess& server, Results& results) {
  results.Add("server's memory, resident", MemoryMb(server.pid(), "VmRSS"), "MiB");
  results.Add("server's memory, highest", MemoryMb(server.pid(), "VmHWM"), "MiB");
  const v1::ServerStatus before = StatusOf(server);
  results.Add("log on disk", static_cast<double>(before.log_bytes()) / (1 << 20), "MiB");
  results.Add("state on disk", static_cast<double>(before.state_bytes()) / (1 << 20), "MiB");
  server.Kill();
  const absl::Time start = absl::Now();
  Check(server.Start(absl::Minutes(10)));
  results.Add("ready after kill -9", absl::ToDoubleSeconds(absl::Now() - start), "s");
  const v1::ServerStatus after = StatusOf(server);
  if (after.programs(0).facts() != before.programs(0).facts()) Check(absl::DataLossError("facts are missing"));
}

void Run(const Flags& flags) {
  std::filesystem::remove_all(flags.folder);
  std::filesystem::create_directories(flags.folder);
  Results results;
  std::cout << std::thread::hardware_concurrency() << " processors, shared by server and client; " << flags.load.deals
            << " deals, " << flags.load.partners << " partners, " << flags.load.streams << " streams of batches of "
            << flags.load.batch << std::endl;
  const double log_rate = LogRate(flags);
  results.Add("log alone, one writer", log_rate, "events/s");
  ServerProcess server(flags.folder, TestConfig());
  Check(server.Start());
  MeasureIngest(flags, server, log_rate, results);
  MeasureReads(flags, server, results);
  MeasureMemoryAndRestart(server, results);
  Check(server.Stop());
  results.Write(flags.json);
  std::filesystem::remove_all(flags.folder);
}

}  // namespace
}  // namespace partnermetrics::bench

int main(int argc, char** argv) {
  partnermetrics::bench::Flags flags;
  CLI::App app("Measures throughput, latency and memory of the real server");
  app.add_option("--folder", flags.folder, "Folder for the data; emptied before and deleted after")->required();
  app.add_option("--json", flags.json, "File for the results")->required();
  app.add_option("--deals", flags.load.deals, "Deals")->capture_default_str();
  app.add_option("--corrections", flags.load.corrections, "Corrections as a share of the deals")->capture_default_str();
  app.add_option("--partners", flags.load.partners, "Partners")->capture_default_str();
  app.add_option("--batch", flags.load.batch, "Events per request")->capture_default_str();
  app.add_option("--streams", flags.load.streams, "Streams that send at a time")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  partnermetrics::bench::Run(flags);
  return 0;
}
