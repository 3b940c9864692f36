// Errors of the disk: what callers are told, and what is there after reopening.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <random>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/database.h"
#include "tests/storage/fault_file_system.h"
#include "tests/storage/temp_dir.h"
#include "tests/support/environment.h"

namespace partnermetrics::storage {
namespace {

using Error = FaultFileSystem::Error;
using Op = FaultFileSystem::Op;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

class FaultTest : public testing::Test {
 protected:
  FaultTest() : files_(std::make_shared<FaultFileSystem>()), env_(files_) {}

  Database::Options Options() {
    Database::Options options;
    options.data_dir = folder_.path() + "/data";
    options.memory_mb = 32;
    options.min_free_bytes = 10 << 20;
    options.env = &env_;
    return options;
  }
  absl::Status TryOpen() {
    database_.reset();
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(Options());
    if (!database.ok()) return database.status();
    database_ = *std::move(database);
    const absl::StatusOr<EventLog*> log = database_->Log("acme");
    if (!log.ok()) return log.status();
    log_ = *log;
    return absl::OkStatus();
  }
  void Open() {
    const absl::Status status = TryOpen();
    ASSERT_TRUE(status.ok()) << status;
  }
  absl::Status Append(const std::string& payload) {
    LogBatch batch;
    batch.records.resize(1);
    batch.records[0].payload = payload;
    return log_->Append(batch).status();
  }
  std::vector<std::string> Payloads() {
    std::vector<std::string> payloads;
    const absl::Status status = log_->Read(0, [&](const LogRecord& record) {
      payloads.push_back(record.payload);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(log_->last_position(), payloads.size());
    return payloads;
  }
  // Appends until it works again.
  ::testing::AssertionResult HealsWithin(std::chrono::seconds limit, const std::string& payload) {
    const auto end = std::chrono::steady_clock::now() + limit;
    absl::Status status;
    while (std::chrono::steady_clock::now() < end) {
      status = Append(payload);
      if (status.ok()) return ::testing::AssertionSuccess();
      if (status.code() != absl::StatusCode::kResourceExhausted) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return ::testing::AssertionFailure() << status;
  }

  TempDir folder_;
  std::shared_ptr<FaultFileSystem> files_;
  FaultEnv env_;
  std::unique_ptr<Database> database_;
  EventLog* log_ = nullptr;
};

TEST_F(FaultTest, FullDiskOnAppendIsRefusedAndHeals) {
  Open();
  ASSERT_TRUE(Append("before").ok());
  files_->FailForGood(Op::kAny, "", Error::kNoSpace);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Append("refused").code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(Payloads(), ElementsAre("before"));
  }
  files_->Heal();
  EXPECT_TRUE(HealsWithin(std::chrono::seconds(10), "after"));
  EXPECT_THAT(Payloads(), ElementsAre("before", "after"));
  ASSERT_TRUE(Append("last").ok());
  Open();
  EXPECT_THAT(Payloads(), ElementsAre("before", "after", "last"));
}

TEST_F(FaultTest, FullDiskOnTheFirstAppend) {
  Open();
  files_->FailNext(Op::kAppend, ".log", Error::kNoSpace);
  EXPECT_EQ(Append("refused").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(HealsWithin(std::chrono::seconds(10), "first"));
  Open();
  EXPECT_THAT(Payloads(), ElementsAre("first"));
}

TEST_F(FaultTest, LowFreeSpaceIsRefusedBeforeTheDiskIsFull) {
  Open();
  ASSERT_TRUE(Append("before").ok());
  files_->set_free_bytes((10 << 20) - 1);
  const absl::Status status = Append("refused");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Free some space"));
  // The reserve is for the state.
  const std::vector<StateChange> changes = {{StateTable::kMeta, "position", "1"}};
  EXPECT_TRUE(database_->state().WriteCheckpoint(changes).ok());
  files_->set_free_bytes(10 << 20);
  EXPECT_TRUE(Append("after").ok());
  EXPECT_THAT(Payloads(), ElementsAre("before", "after"));
}

TEST_F(FaultTest, IoErrorOnAppendClosesTheLogForWriting) {
  Open();
  ASSERT_TRUE(Append("before").ok());
  files_->FailNext(Op::kAppend, ".log", Error::kIo);
  EXPECT_EQ(Append("lost").code(), absl::StatusCode::kUnavailable);
  for (int i = 0; i < 3; ++i) {
    const absl::Status status = Append("refused");
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("restart the server"));
    EXPECT_EQ(log_->ErasePersonal({{"ann", "name", ""}}).code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(log_->ReplaceQuarantine({{1, "x"}}).code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_THAT(Payloads(), ElementsAre("before"));
  Open();
  EXPECT_THAT(Payloads(), ElementsAre("before"));
  EXPECT_TRUE(Append("after").ok());
}

TEST_F(FaultTest, FailedSyncIsUnknownAndTheRecordMayBeThere) {
  for (const Error error : {Error::kIo, Error::kNoSpace}) {
    Open();
    ASSERT_TRUE(Append("before").ok());
    const size_t count = Payloads().size();
    files_->FailNext(Op::kSync, ".log", error);
    const absl::Status status = Append("unknown");
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_EQ(Append("refused").code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(Payloads().size(), count);
    Open();
    EXPECT_THAT(Payloads().size(), AnyOf(count, count + 1));
    EXPECT_TRUE(Append("after").ok());
    EXPECT_EQ(Payloads().back(), "after");
  }
}

TEST_F(FaultTest, FullDiskWhenACheckpointIsWritten) {
  Open();
  ASSERT_TRUE(Append("before").ok());
  files_->FailForGood(Op::kAny, ".sst", Error::kNoSpace);
  const std::vector<StateChange> changes = {{StateTable::kFacts, "a", "b"}};
  EXPECT_EQ(database_->state().WriteCheckpoint(changes).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Append("log goes on").ok());
  files_->Heal();
  absl::Status written = absl::UnknownError("");
  for (int i = 0; i < 500 && !written.ok(); ++i) {
    written = database_->state().WriteCheckpoint(changes);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(written.ok()) << written;
  Open();
  EXPECT_EQ(database_->state().Get(StateTable::kFacts, "a").value(), "b");
  EXPECT_THAT(Payloads(), ElementsAre("before", "log goes on"));
}

// Fails the k-th operation for every k until the scenario gets through, once alone and once with all that follow. What
// was answered must be true: accepted records are there in order, refused ones are not, unknown ones may be.
class EveryFaultTest : public FaultTest, public testing::WithParamInterface<std::tuple<Error, int64_t>> {
 protected:
  struct Answers {
    std::vector<std::string> accepted;
    std::vector<std::string> refused;
  };

  void Run(Answers* answers) {
    if (!TryOpen().ok()) return;
    for (int i = 0; i < 24; ++i) {
      const std::string payload = absl::StrCat("record ", i);
      const absl::Status status = Append(payload);
      if (status.ok()) answers->accepted.push_back(payload);
      if (status.code() == absl::StatusCode::kResourceExhausted ||
          status.code() == absl::StatusCode::kFailedPrecondition) {
        answers->refused.push_back(payload);
      }
      if (i % 8 == 7) {
        const std::string fact(100'000, 'x'), position = absl::StrCat(log_->last_position());
        const std::vector<StateChange> changes = {{StateTable::kMeta, "position", position},
                                                  {StateTable::kFacts, "a", fact}};
        database_->state().WriteCheckpoint(changes).IgnoreError();
      }
    }
    database_->Close().IgnoreError();
  }

  void Check(const Answers& answers) {
    files_->Heal();
    Open();
    const std::vector<std::string> payloads = Payloads();
    auto at = payloads.begin();
    for (const std::string& accepted : answers.accepted) {
      at = std::find(at, payloads.end(), accepted);
      ASSERT_NE(at, payloads.end()) << accepted << " is lost";
    }
    for (const std::string& refused : answers.refused) EXPECT_THAT(payloads, testing::Not(testing::Contains(refused)));
    ASSERT_TRUE(Append("after").ok());
    const auto position = database_->state().Get(StateTable::kMeta, "position");
    ASSERT_TRUE(position.ok()) << position.status();
    if (position->has_value()) {
      EXPECT_LE(std::stoul(**position), payloads.size());
      EXPECT_TRUE(database_->state().Get(StateTable::kFacts, "a").value().has_value());
    }
    database_.reset();
    std::filesystem::remove_all(Options().data_dir);
  }
};

TEST_P(EveryFaultTest, AnswersAreTrue) {
  const auto [error, times] = GetParam();
  int runs = 0;
  for (bool through = false; !through; ++runs) {
    SCOPED_TRACE(absl::StrCat("fault ", runs));
    files_->FailNext(Op::kAny, "", error, runs, times);
    Answers answers;
    Run(&answers);
    through = files_->failures() == 0;
    ASSERT_NO_FATAL_FAILURE(Check(answers));
  }
  std::cout << runs << " runs\n";
  EXPECT_GT(runs, 48);  // 24 appends and 24 syncs at least
}

// By kind of error, and how often it comes.
INSTANTIATE_TEST_SUITE_P(, EveryFaultTest,
                         testing::Combine(testing::Values(Error::kIo, Error::kNoSpace),
                                          testing::Values(int64_t{1}, std::numeric_limits<int64_t>::max())),
                         [](const auto& info) {
                           const bool io = std::get<0>(info.param) == Error::kIo;
                           return absl::StrCat(io ? "EIO" : "ENOSPC",
                                               std::get<1>(info.param) == 1 ? "Once" : "ForGood");
                         });

// Cuts the power at random moments: nothing that was accepted may be missing, and the state is a whole checkpoint.
TEST_F(FaultTest, PowerLoss) {
  const uint64_t seed = NumberFromEnvironment("PM_SEED", std::random_device{}());
  std::cout << "PM_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  std::vector<std::string> accepted;
  int number = 0;
  for (int cut = 0; cut < 60; ++cut) {
    Open();
    const std::vector<std::string> payloads = Payloads();
    ASSERT_GE(payloads.size(), accepted.size()) << "after cut " << cut;
    ASSERT_TRUE(std::equal(accepted.begin(), accepted.end(), payloads.begin())) << "after cut " << cut;
    accepted = payloads;
    const auto position = database_->state().Get(StateTable::kMeta, "position");
    const auto copy = database_->state().Get(StateTable::kFacts, "a");
    ASSERT_TRUE(position.ok() && copy.ok()) << position.status() << copy.status();
    EXPECT_EQ(copy->has_value() ? copy->value().substr(100'000) : "", position->value_or(""));
    for (uint64_t steps = random() % 30; steps > 0; --steps) {
      const std::string payload = absl::StrCat("record ", ++number);
      ASSERT_TRUE(Append(payload).ok());
      accepted.push_back(payload);
      if (random() % 4 == 0) {
        const std::string position = absl::StrCat(accepted.size());
        const std::string fact = std::string(100'000, 'x') + position;
        const std::vector<StateChange> changes = {{StateTable::kMeta, "position", position},
                                                  {StateTable::kFacts, "a", fact}};
        ASSERT_TRUE(database_->state().WriteCheckpoint(changes).ok());
      }
    }
    files_->CutPower();
    database_.reset();
    files_->DropUnsynced();
  }
  EXPECT_GT(accepted.size(), 200u);
}

}  // namespace
}  // namespace partnermetrics::storage
