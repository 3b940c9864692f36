// Measures a connector alone: partner-connector-host reads an export with the plugin, and what it hands over is counted
// and dropped. So this is the speed at which a connector can feed the server, and the memory that it needs for that.
//
//   bench_connectors --folder /var/tmp/bench --deals 200000             a Salesforce export, made up in the folder
//   bench_connectors --plugin stripe_billing --data exports/stripe      any plugin on any folder
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
#include "tests/bench/salesforce_feed.h"

namespace partnermetrics::bench {
namespace {

namespace fs = std::filesystem;

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
  std::cout << absl::StrFormat("  %-40s %14.*f %s", name, value < 100 ? 2 : 0, value, unit) << std::endl;
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
  return Measure(flags);
}

}  // namespace
}  // namespace partnermetrics::bench

int main(int argc, char** argv) {
  return partnermetrics::bench::Main(argc, argv);
}
