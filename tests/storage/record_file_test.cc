// No byte of a write-ahead log or manifest may change unnoticed, and every end that a crash leaves must pass.
#include "storage/record_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "absl/strings/str_cat.h"
#include "storage/database.h"
#include "storage/files.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics::storage {
namespace {

using testing::HasSubstr;

// The write-ahead log of a server that was killed, and its manifest.
class RecordFileTest : public testing::Test {
 protected:
  void SetUp() override {
    Database::Options options;
    options.data_dir = folder_.path() + "/data";
    options.memory_mb = 32;
    options.min_free_bytes = 0;
    auto database = Database::Open(options);
    ASSERT_TRUE(database.ok()) << database.status();
    EventLog* const log = *(*database)->Log("acme");
    std::mt19937_64 random(1);
    for (int i = 0; i < 60; ++i) {
      LogBatch batch;
      // Some are larger than a block of the file: they are stored in fragments.
      const size_t bytes = i % 20 == 7 ? 40'000 : random() % 300;
      batch.records.emplace_back().payload = std::string(bytes, static_cast<char>('a' + i % 26));
      ASSERT_TRUE(log->Append(batch).ok());
    }
    database->reset();
    for (const auto& file : std::filesystem::directory_iterator(LogFolder())) {
      if (file.path().extension() == ".log") wal_path_ = file.path();
    }
    wal_ = *ReadFile(wal_path_);
    ASSERT_GT(wal_.size(), 120'000u);
  }
  std::string LogFolder() const { return folder_.path() + "/data/log"; }

  TempDir folder_;
  std::string wal_path_, wal_;
};

TEST_F(RecordFileTest, WholeFilesPass) {
  EXPECT_TRUE(CheckRecords(wal_).ok()) << CheckRecords(wal_);
  EXPECT_TRUE(CheckRecordFiles(LogFolder()).ok()) << CheckRecordFiles(LogFolder());
  EXPECT_TRUE(CheckRecordFiles(folder_.path() + "/nothing").ok());
  EXPECT_TRUE(CheckRecords("").ok());
}

TEST_F(RecordFileTest, EveryTornEndPasses) {
  for (size_t bytes = 0; bytes <= wal_.size(); bytes += bytes < 5'000 ? 1 : 97) {
    const absl::Status status = CheckRecords(absl::string_view(wal_).substr(0, bytes));
    ASSERT_TRUE(status.ok()) << bytes << " bytes: " << status;
  }
  // Space that a file system had given but not filled.
  EXPECT_TRUE(CheckRecords(wal_ + std::string(10'000, '\0')).ok());
}

TEST_F(RecordFileTest, EveryChangedByteIsNoticed) {
  // All bytes of the first and last records, and some between.
  for (size_t at = 0; at < wal_.size(); at += at < 3'000 || at + 3'000 > wal_.size() ? 1 : 61) {
    for (const int flip : {0x01, 0x04, 0x80, 0xFF}) {
      std::string damaged = wal_;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      ASSERT_EQ(CheckRecords(damaged).code(), absl::StatusCode::kDataLoss) << "byte " << at << " ^ " << flip;
    }
  }
}

TEST_F(RecordFileTest, SaysWhichFileIsDamagedWhere) {
  wal_[5] = static_cast<char>(wal_[5] ^ 0x40);
  std::filesystem::resize_file(wal_path_, 0);
  ASSERT_TRUE(WriteFile(LogFolder(), std::filesystem::path(wal_path_).filename(), wal_).ok());
  const absl::Status status = CheckRecordFiles(LogFolder());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(wal_path_));
  EXPECT_THAT(std::string(status.message()), HasSubstr("at byte 0"));
}

}  // namespace
}  // namespace partnermetrics::storage
