// Runs the tests' plugins in processes of their own over a folder of the test.
#ifndef PARTNERMETRICS_TESTS_CONNECTORS_HOST_PROCESS_FIXTURE_H_
#define PARTNERMETRICS_TESTS_CONNECTORS_HOST_PROCESS_FIXTURE_H_

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/host/connector_process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace partnermetrics::connectors {

// Keeps what a plugin said.
class Recorder : public ConnectorHandler {
 public:
  struct Record {
    std::string events, raw, file, reject, skip, field, message;
    std::uint64_t row;
  };

  absl::Status OnPage(const Page& page) override {
    ++pages;
    for (const RecordView& r : page.records) {
      records.push_back({std::string(r.events), std::string(r.raw), std::string(r.file), std::string(r.reject),
                         std::string(r.skip), std::string(r.field), std::string(r.message), r.row});
    }
    states.push_back(page.state ? std::optional<std::string>(*page.state) : std::nullopt);
    return on_page ? on_page() : absl::OkStatus();
  }
  absl::Status OnComplete(const std::string& kind) override {
    complete.push_back(kind);
    return absl::OkStatus();
  }
  void OnProgress(const Progress& p) override { progress[p.unit] = p; }
  void OnLog(const LogLine& line) override { log += line.message + "\n"; }
  void OnProblem(const Problem& p) override { problems.push_back(p); }
  void OnColumns(const Columns& c) override { columns.push_back(c); }

  std::function<absl::Status()> on_page;
  int pages = 0;
  std::vector<Record> records;
  std::vector<std::optional<std::string>> states;
  std::vector<std::string> complete;
  std::map<std::string, Progress> progress;  // the last one by unit
  std::string log;
  std::vector<Problem> problems;
  std::vector<Columns> columns;
};

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) { std::ofstream(folder_ + "/" + name) << text; }

  ConnectorProcessOptions Options(const std::string& plugin) const {
    ConnectorProcessOptions options;
    options.host_binary = PM_BINARY_DIR "/bin/partner-connector-host";
    options.plugin = PM_BINARY_DIR "/tests/plugins/" + plugin + ".so";
    options.directory = folder_;
    return options;
  }

  const std::string folder_ = testing::TempDir() + "/process_test_" + std::to_string(::getpid());
};

}  // namespace partnermetrics::connectors

#endif  // PARTNERMETRICS_TESTS_CONNECTORS_HOST_PROCESS_FIXTURE_H_
