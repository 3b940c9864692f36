// A server's programmes over a folder of the test, which can be closed, as a stop does, and opened again.
#ifndef PARTNERMETRICS_TESTS_SERVER_SYNC_PROGRAM_FIXTURE_H_
#define PARTNERMETRICS_TESTS_SERVER_SYNC_PROGRAM_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/ingest/programs.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics {

inline std::unique_ptr<Programs> OpenPrograms(const std::string& data_dir) {
  Programs::Options options;
  options.database.data_dir = data_dir;
  options.database.memory_mb = 32;
  options.database.min_free_bytes = 0;
  options.clock = [] { return absl::Now(); };
  v1::Program& program = *options.definitions.emplace_back().mutable_program();
  program.set_id("acme");
  program.set_display_name("Acme");
  program.set_currency_code("USD");
  program.set_time_zone("UTC");
  absl::StatusOr<std::unique_ptr<Programs>> programs = Programs::Open(std::move(options));
  EXPECT_TRUE(programs.ok()) << programs.status();
  return programs.ok() ? *std::move(programs) : nullptr;
}

class ProgramFixture : public testing::Test {
 protected:
  void SetUp() override {
    programs_ = OpenPrograms(folder_.path());
    ASSERT_NE(programs_, nullptr);
  }

  ProgramRuntime& program() { return *programs_->all().front(); }

  std::vector<storage::LogRecord> Log(storage::RecordType type) {
    std::vector<storage::LogRecord> records;
    EXPECT_TRUE(program()
                    .log()
                    .Read(0,
                          [&](const storage::LogRecord& record) {
                            if (record.type == type) records.push_back(record);
                            return true;
                          })
                    .ok());
    return records;
  }

  // How many events of each record the log holds.
  std::map<std::string, int> EventsByRecord() {
    std::map<std::string, int> events;
    for (const storage::LogRecord& record : Log(storage::RecordType::kEvent)) {
      v1::Event event;
      EXPECT_TRUE(event.ParseFromString(record.payload));
      ++events[event.record_id()];
    }
    return events;
  }

  const storage::TempDir folder_;
  std::unique_ptr<Programs> programs_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_SYNC_PROGRAM_FIXTURE_H_
