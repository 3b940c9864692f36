// Measures a connector, alone and end to end. Alone: partner-connector-host reads an export with the plugin, and what
// it hands over is counted and dropped; so this is the speed at which a connector can feed the server, and the memory
// that it needs for that. End to end: a run of a real server, until all of it is durable and applied; and a full run
// after it, which meets nothing new.
//
//   bench_connectors --folder /var/tmp/bench --deals 200000             a Salesforce export, made up in the folder
//   bench_connectors --plugin stripe_billing --data exports/stripe      any plugin on any folder
#include <grpcpp/client_context.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "connectors/host/connector_process.h"
#include "google/protobuf/util/time_util.h"
#include "partnermetrics/v1/connector_service.grpc.pb.h"
#include "tests/bench/measure.h"
#include "tests/bench/salesforce_feed.h"
#include "tests/support/server_process.h"

namespace partnermetrics::bench {
namespace {

namespace fs = std::filesystem;
using google::protobuf::util::TimeUtil;

struct Flags {
  std::string folder = PM_BINARY_DIR "/bench/data";
  std::string plugin = "salesforce_export";
  std::string data;
  int64_t deals = 200'000;
  std::vector<std::string> settings;
};

// Counts what the plugin hands over.
class Counter : public connectors::ConnectorHandler {
 public:
  absl::Status OnPage(const connectors::Page& page) override {
    ++pages;
    for (const auto& record : page.records) {
      ++records;
      emitted += record.events.empty() ? 0 : 1;
      bytes += record.events.size();
    }
    return absl::OkStatus();
  }

  int64_t pages = 0, records = 0, emitted = 0;
  std::uint64_t bytes = 0;
};

std::uint64_t SizeOf(const std::string& folder) {
  std::uint64_t size = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) size += entry.file_size();
  }
  return size;
}

void Print(const std::string& name, double value, const std::string& unit) {
  std::cout << absl::StrFormat("  %-45s %14.*f %s", name, value < 100 ? 2 : 0, value, unit) << std::endl;
}

int Measure(const Flags& flags) {
  connectors::ConnectorProcessOptions options = {
      .host_binary = PM_BINARY_DIR "/bin/partner-connector-host",
      .plugin = absl::StrFormat("%s/lib/partnermetrics/connectors/%s.so", PM_BINARY_DIR, flags.plugin),
      .directory = flags.data};
  for (const std::string& setting : flags.settings) {
    options.settings.emplace_back(absl::StrSplit(setting, absl::MaxSplits('=', 1)));
  }
  Counter counter;
  connectors::ConnectorProcess process(options);
  const absl::Time begin = absl::Now();
  const connectors::ConnectorEnd end = process.Read(std::nullopt, &counter);
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  if (!end.ok()) {
    std::cerr << end.Text() << std::endl;
    return 1;
  }
  const double megabytes = static_cast<double>(SizeOf(flags.data)) / 1e6;
  Print("records", static_cast<double>(counter.records), "");
  Print("records with events", static_cast<double>(counter.emitted), "");
  Print("size of the export", megabytes, "MB");
  Print("time", seconds, "s");
  Print("CPU time of the plugin", absl::ToDoubleSeconds(end.cpu_time), "s");
  Print("records per second", static_cast<double>(counter.records) / seconds, "/s");
  Print("megabytes per second", megabytes / seconds, "MB/s");
  Print("most memory of the plugin's process", static_cast<double>(end.peak_memory_bytes) / 1e6, "MB");
  return 0;
}

// A run of a server's connector to its end.
void Run(ServerProcess& server, bool full, const std::string& name) {
  grpc::ClientContext context;
  v1::RunConnectorRequest request;
  request.set_connector("bench");
  request.set_full(full);
  const double server_before = CpuSeconds(server.pid()), machine_before = MachineCpuSeconds();
  const absl::Time begin = absl::Now();
  const auto reader = v1::ConnectorService::NewStub(server.channel())->RunConnector(&context, request);
  v1::RunConnectorResponse response;
  while (reader->Read(&response)) {
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  if (const grpc::Status status = reader->Finish(); !status.ok()) Check(absl::InternalError(status.error_message()));
  const v1::ConnectorRun& run = response.run();
  if (run.state() != v1::RUN_STATE_SUCCEEDED) Check(absl::InternalError(run.ShortDebugString()));
  const auto records = static_cast<double>(run.records_read());
  const double plugin_cpu = static_cast<double>(TimeUtil::DurationToMicroseconds(run.cpu_time())) / 1e6;
  const double server_cpu = CpuSeconds(server.pid()) - server_before;
  const double other_cpu = MachineCpuSeconds() - machine_before - server_cpu - plugin_cpu;
  Print(name + ", records per second", records / seconds, "/s");
  Print("  events per second", static_cast<double>(run.records_emitted()) / seconds, "/s");
  Print("  time", seconds, "s");
  Print("  CPU time of the plugin for a record", plugin_cpu / records * 1e6, "us");
  Print("  CPU time of the server for a record", server_cpu / records * 1e6, "us");
  // Figures of a machine that has other work to do are not those of an idle one.
  Print("  CPUs that others took meanwhile", other_cpu / seconds, "");
}

void MeasureEndToEnd(const Flags& flags) {
  const std::string folder = flags.folder + "/end_to_end";
  fs::remove_all(folder);
  fs::create_directories(folder);
  config::v1::ServerConfig config = TestConfig();
  config.set_plugin_dir(PM_BINARY_DIR "/lib/partnermetrics/connectors");
  config::v1::ConnectorInstance& connector = *config.add_connectors();
  connector.set_name("bench");
  connector.set_plugin(flags.plugin);
  connector.set_directory(fs::absolute(flags.data));
  for (const std::string& setting : flags.settings) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(setting, absl::MaxSplits('=', 1));
    config::v1::Setting& added = *connector.add_settings();
    added.set_name(parts.first);
    added.set_value(parts.second);
  }
  {
    ServerProcess server(folder, config);
    Check(server.Start());
    Run(server, /*full=*/false, "end to end");
    Run(server, /*full=*/true, "end to end, nothing new");
    Print("server's memory, highest", MemoryMb(server.pid(), "VmHWM"), "MiB");
    Check(server.Stop());
  }
  fs::remove_all(folder);
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures how fast a connector reads, and the memory that it needs.");
  app.add_option("--folder", flags.folder, "Where the export is made");
  app.add_option("--deals", flags.deals, "Deals of the export that is made")->check(CLI::PositiveNumber);
  app.add_option("--plugin", flags.plugin, "The plugin");
  app.add_option("--data", flags.data, "A folder to read in place of one that is made")->check(CLI::ExistingDirectory);
  app.add_option("--settings", flags.settings, "Settings of the plugin: name=value …");
  CLI11_PARSE(app, argc, argv);
  if (flags.data.empty()) {
    flags.data = flags.folder + "/salesforce_" + std::to_string(flags.deals);
    if (!fs::exists(flags.data)) WriteSalesforceFeed(flags.data, flags.deals);
  }
  std::cout << flags.plugin << " on " << flags.data << std::endl;
  if (const int failed = Measure(flags); failed != 0) return failed;
  MeasureEndToEnd(flags);
  return 0;
}

}  // namespace
}  // namespace partnermetrics::bench

int main(int argc, char** argv) {
  return partnermetrics::bench::Main(argc, argv);
}
