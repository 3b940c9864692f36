// Connectors of the test plugin "counter", which need no files, over a server's programmes.
#ifndef PARTNERMETRICS_TESTS_SERVER_SYNC_CONNECTORS_FIXTURE_H_
#define PARTNERMETRICS_TESTS_SERVER_SYNC_CONNECTORS_FIXTURE_H_

#include <gmock/gmock.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/sync/connectors.h"
#include "storage/mutex.h"
#include "tests/server/sync/program_fixture.h"

namespace partnermetrics {

using Settings = std::vector<std::pair<std::string, std::string>>;

inline ConnectorConfig Counter(const std::string& name, Settings settings) {
  ConnectorConfig config;
  config.name = name;
  config.plugin = "counter";
  config.directory = PM_TEST_DATA;
  config.settings = std::move(settings);
  return config;
}

inline std::unique_ptr<Connectors> MakeConnectors(Programs& programs, std::vector<ConnectorConfig> configs,
                                                  const std::string& plugin_dir = PM_BINARY_DIR "/tests/sync_plugins",
                                                  Connectors::Options options = {}) {
  options.connectors = std::move(configs);
  options.plugin_dir = plugin_dir;
  options.host_binary = PM_BINARY_DIR "/bin/partner-connector-host";
  options.tick = absl::InfiniteDuration();
  auto connectors = Connectors::Create(std::move(options), programs);
  EXPECT_TRUE(connectors.ok()) << connectors.status();
  return connectors.ok() ? *std::move(connectors) : nullptr;
}

// Waits for what an observer is told.
class Watch {
 public:
  RunObserver observer() {
    return [this](const v1::ConnectorRun& run) {
      MutexLock lock(&mutex_);
      last_ = run;
      changed_.notify_all();
      return true;
    };
  }
  v1::ConnectorRun AwaitEnd() {
    MutexLock lock(&mutex_);
    while (last_.state() == v1::RUN_STATE_UNSPECIFIED || last_.state() == v1::RUN_STATE_RUNNING ||
           last_.state() == v1::RUN_STATE_QUEUED) {
      changed_.wait(mutex_);
    }
    return last_;
  }
  v1::ConnectorRun last() {
    MutexLock lock(&mutex_);
    return last_;
  }
  void AwaitRecords(int64_t records) {
    MutexLock lock(&mutex_);
    while (last_.records_read() < records) changed_.wait(mutex_);
  }

 private:
  Mutex mutex_;
  std::condition_variable_any changed_;
  v1::ConnectorRun last_ PM_GUARDED_BY(mutex_);
};

class ConnectorsTest : public ProgramFixture {
 protected:
  void TearDown() override {
    connectors_.reset();
    programs_.reset();
  }

  void Configure(std::vector<ConnectorConfig> configs) {
    connectors_.reset();
    connectors_ = MakeConnectors(*programs_, std::move(configs), PM_BINARY_DIR "/tests/sync_plugins", options_);
    ASSERT_NE(connectors_, nullptr);
  }

  void RestartServer(std::vector<ConnectorConfig> configs) {
    connectors_.reset();
    programs_.reset();
    programs_ = OpenPrograms(folder_.path());
    ASSERT_NE(programs_, nullptr);
    Configure(std::move(configs));
  }

  v1::ConnectorRun RunToEnd(const std::string& connector, bool full = false) {
    return RunToEnd(connector, RunOptions{.full = full});
  }
  v1::ConnectorRun RunToEnd(const std::string& connector, RunOptions options) {
    Watch watch;
    const auto begun = connectors_->StartRun(connector, std::move(options), watch.observer());
    EXPECT_TRUE(begun.ok()) << begun.status();
    return begun.ok() ? watch.AwaitEnd() : v1::ConnectorRun();
  }

  std::vector<v1::ConnectorRun> Runs(const v1::ListRunsRequest& request = {}) {
    const auto list = connectors_->ListRuns(request);
    EXPECT_TRUE(list.ok()) << list.status();
    next_page_ = list->next_page_token();
    return {list->runs().begin(), list->runs().end()};
  }

  // Waits until no run goes on.
  void AwaitIdle() {
    while (!connectors_->OpenRuns().empty()) absl::SleepFor(absl::Milliseconds(1));
  }

  // Waits until the run of a connector has read so many; observers are told only now and then.
  void AwaitRecordsOf(const std::string& connector, int64_t records) {
    const auto has_read = [&](const v1::ConnectorRun& run) {
      return run.connector() == connector && run.records_read() >= records;
    };
    while (true) {
      const std::vector<v1::ConnectorRun> open = connectors_->OpenRuns();
      if (std::any_of(open.begin(), open.end(), has_read)) return;
      absl::SleepFor(absl::Milliseconds(1));
    }
  }

  // Every record from 1 to `last` gave one event, and one only.
  void ExpectEachOnce(int last) {
    const std::map<std::string, int> events = EventsByRecord();
    EXPECT_THAT(events, testing::SizeIs(last));
    EXPECT_THAT(events, testing::Each(testing::Pair(testing::_, 1)));
  }

  Connectors::Options options_;  // of the next Configure
  std::unique_ptr<Connectors> connectors_;
  std::string next_page_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_SYNC_CONNECTORS_FIXTURE_H_
