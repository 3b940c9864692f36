// Backups of a database that is written to, and what is restored from them.
#include "storage/backup_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/backup_manifest.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics::storage {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class BackupTest : public testing::Test {
 protected:
  void SetUp() override {
    database_ = OpenAt(folder_.path() + "/data");
    auto backups = BackupFolder::Open(BackupPath(), nullptr);
    ASSERT_TRUE(backups.ok()) << backups.status();
    backups_ = *std::move(backups);
  }
  static std::unique_ptr<Database> OpenAt(const std::string& path) {
    Database::Options options;
    options.data_dir = path;
    options.memory_mb = 32;
    options.min_free_bytes = 0;
    auto database = Database::Open(options);
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? *std::move(database) : nullptr;
  }
  std::string BackupPath() const { return folder_.path() + "/backups"; }
  std::string RestorePath() const { return folder_.path() + "/restored"; }
  EventLog& Log(const std::string& program = "acme") { return **database_->Log(program); }

  void Append(int records, const std::string& program = "acme") {
    for (int i = 0; i < records; ++i) {
      LogBatch batch;
      batch.records.emplace_back().payload = absl::StrCat("record ", Log(program).last_position() + 1);
      batch.personal.push_back({"ann", absl::StrCat("crm/lead/", i, "/lead.contact_name"), "Ann"});
      batch.quarantine.push_back({.value = "raw"});
      ASSERT_TRUE(Log(program).Append(batch).ok());
    }
  }
  void Checkpoint() {
    const std::string position = absl::StrCat(Log().last_position()), fact = absl::StrCat("as of ", position);
    const std::vector<StateChange> changes = {{StateTable::kMeta, "position", position},
                                              {StateTable::kFacts, "fact", fact}};
    ASSERT_TRUE(database_->state().WriteCheckpoint(changes).ok());
  }
  Backup Create(const BackupProgress& progress = [](BackupPhase, int64_t) { return true; }) {
    auto backup = backups_->Create(*database_, ++now_us_, backups_->Erasures()->size(), progress);
    EXPECT_TRUE(backup.ok()) << backup.status();
    return backup.value_or(Backup());
  }
  std::vector<uint64_t> Numbers() {
    std::vector<uint64_t> numbers;
    const absl::StatusOr<std::vector<Backup>> backups = backups_->List();
    for (const Backup& backup : *backups) numbers.push_back(backup.number);
    return numbers;
  }
  // The restored database must be a beginning of ours.
  void ExpectPrefix(Database& restored, uint64_t position) {
    EventLog& log = **restored.Log("acme");
    EXPECT_EQ(log.last_position(), position);
    uint64_t count = 0;
    EXPECT_TRUE(log.Read(0,
                         [&](const LogRecord& record) {
                           EXPECT_EQ(record.payload, absl::StrCat("record ", ++count));
                           return true;
                         })
                    .ok());
    EXPECT_EQ(count, position);
    const auto state = restored.state().Get(StateTable::kMeta, "position");
    ASSERT_TRUE(state.ok() && state->has_value()) << state.status();
    EXPECT_LE(std::stoull(**state), position) << "the state is ahead of the log";
    EXPECT_EQ(restored.state().Get(StateTable::kFacts, "fact").value(), absl::StrCat("as of ", **state));
    EXPECT_FALSE(restored.state_was_reset());
  }
  int64_t BytesOf(const std::string& folder) {
    int64_t bytes = 0;
    for (const auto& file : fs::recursive_directory_iterator(folder)) {
      if (file.is_regular_file()) bytes += static_cast<int64_t>(file.file_size());
    }
    return bytes;
  }

  TempDir folder_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<BackupFolder> backups_;
  int64_t now_us_ = 1'000'000;
};

TEST_F(BackupTest, RestoresWhatWasThere) {
  Append(10);
  Append(3, "other one");
  Checkpoint();
  std::set<BackupPhase> phases;
  const Backup backup = Create([&](BackupPhase phase, int64_t) { return phases.insert(phase), true; });
  EXPECT_EQ(phases.size(), 3u);
  EXPECT_EQ(backup.number, 1u);
  EXPECT_GT(backup.bytes, 0);
  EXPECT_THAT(backup.positions, ElementsAre(Pair("acme", 10), Pair("other one", 3)));
  Append(5);

  const absl::StatusOr<Backup> restored = RestoreBackup(BackupPath(), 0, RestorePath());
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->number, 1u);
  EXPECT_EQ(restored->positions, backup.positions);
  const auto copy = OpenAt(RestorePath());
  ExpectPrefix(*copy, 10);
  EXPECT_EQ((*copy->Log("other one"))->last_position(), 3u);
  int rows = 0;
  EXPECT_TRUE((*copy->Log("acme"))->ReadPersonal("ann", [&](const PersonalRow&) { return ++rows > 0; }).ok());
  EXPECT_EQ(rows, 10);
  // It goes on like any other.
  LogBatch batch;
  batch.records.emplace_back().payload = "more";
  EXPECT_EQ((*copy->Log("acme"))->Append(batch).value(), 11u);
}

TEST_F(BackupTest, BackupsUnderLoadAreBeginnings) {
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) {
      Append(20);
      Checkpoint();
    }
  });
  while (Log().last_position() < 100) std::this_thread::yield();
  std::vector<Backup> made;
  for (int i = 0; i < 10; ++i) made.push_back(Create());
  done = true;
  writer.join();
  for (const Backup& backup : made) {
    EXPECT_TRUE(backups_->Verify(backup).ok());
    ASSERT_TRUE(RestoreBackup(BackupPath(), backup.number, RestorePath()).ok());
    ExpectPrefix(*OpenAt(RestorePath()), backup.positions[0].second);
    fs::remove_all(RestorePath());
  }
}

TEST_F(BackupTest, SharesWhatDidNotChange) {
  const std::string noise = [] {
    std::string bytes;
    for (uint32_t i = 0, x = 1; i < 1'000'000; ++i)
      bytes += static_cast<char>((x = x * 1'664'525 + 1'013'904'223) >> 24);
    return bytes;
  }();
  LogBatch batch;
  batch.records.emplace_back().payload = noise;
  ASSERT_TRUE(Log().Append(batch).ok());
  Create();
  const int64_t first = BytesOf(BackupPath());
  EXPECT_GT(first, 1'000'000);
  Append(1);
  Create();
  Append(1);
  Create();
  EXPECT_LT(BytesOf(BackupPath()), first + 200'000);
  // The last one that holds a file takes it along.
  const std::vector<Backup> backups = *backups_->List();
  ASSERT_TRUE(backups_->Delete(backups[0]).ok());
  ASSERT_TRUE(backups_->Delete(backups[1]).ok());
  EXPECT_THAT(Numbers(), ElementsAre(3));
  EXPECT_TRUE(backups_->Verify(backups[2]).ok());
  ASSERT_TRUE(backups_->Delete(backups[2]).ok());
  EXPECT_THAT(Numbers(), IsEmpty());
  EXPECT_LT(BytesOf(BackupPath()), 10'000);
}

TEST_F(BackupTest, AStoppedBackupIsNotThere) {
  Append(1);
  Create();
  Append(1);
  for (const BackupPhase stop_at : {BackupPhase::kState, BackupPhase::kLog, BackupPhase::kVerifying}) {
    const auto stopped =
        backups_->Create(*database_, 1, 0, [&](BackupPhase phase, int64_t) { return phase != stop_at; });
    EXPECT_EQ(stopped.status().code(), absl::StatusCode::kCancelled);
    EXPECT_THAT(Numbers(), ElementsAre(1));
  }
  EXPECT_EQ(Create().number, 2u);
  // Its leftovers are gone: two backups of RocksDB's in each part.
  for (const char* part : {"/log/meta", "/state/meta"}) {
    EXPECT_EQ(std::distance(fs::directory_iterator(BackupPath() + part), fs::directory_iterator()), 2) << part;
  }
}

TEST_F(BackupTest, DamageIsFoundAndRefused) {
  Append(50);
  Checkpoint();
  const Backup backup = Create();
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(BackupPath())) {
    const std::string path = entry.path().string();
    if (!entry.is_regular_file() || entry.file_size() == 0 || absl::EndsWith(path, "LOCK")) continue;
    // What is not needed to restore.
    if (absl::EndsWith(path, "FORMAT") || absl::StrContains(path, "/LATEST")) continue;
    const std::string whole = *ReadFile(path);
    std::string damaged = whole;
    damaged[whole.size() / 2] = static_cast<char>(damaged[whole.size() / 2] ^ 0x10);
    ASSERT_TRUE(WriteFile(entry.path().parent_path(), entry.path().filename(), damaged).ok());
    const absl::Status restored = RestoreBackup(BackupPath(), backup.number, RestorePath()).status();
    EXPECT_FALSE(restored.ok()) << path;
    EXPECT_FALSE(restored.message().empty());
    const absl::StatusOr<std::vector<Backup>> listed = backups_->List();
    ASSERT_TRUE(listed.ok() && listed->size() == 1);
    EXPECT_EQ(backups_->Verify(listed->front()).code(), absl::StatusCode::kDataLoss) << path;
    if (fs::exists(RestorePath())) {
      Database::Options options;
      options.data_dir = RestorePath();
      EXPECT_EQ(Database::Open(options).status().code(), absl::StatusCode::kFailedPrecondition);
      fs::remove_all(RestorePath());
    }
    ASSERT_TRUE(WriteFile(entry.path().parent_path(), entry.path().filename(), whole).ok());
    ++files;
  }
  EXPECT_GE(files, 8);
  EXPECT_TRUE(RestoreBackup(BackupPath(), backup.number, RestorePath()).ok());
}

TEST_F(BackupTest, TheNewestGoodOneIsChosen) {
  Append(2);
  Checkpoint();
  Create();
  Append(1);
  Create();
  ASSERT_TRUE(WriteFile(BackupPath(), ManifestName(2), "half a manif").ok());
  EXPECT_NE((*backups_->List())[1].damage, "");
  EXPECT_EQ(RestoreBackup(BackupPath(), 0, RestorePath()).value().number, 1u);
  fs::remove_all(RestorePath());
  EXPECT_EQ(RestoreBackup(BackupPath(), 2, RestorePath()).status().code(), absl::StatusCode::kDataLoss);
  // Without its manifest it is no backup any more, and its parts go.
  ASSERT_TRUE(backups_->Delete((*backups_->List())[1]).ok());
  EXPECT_EQ(Create().number, 2u);
  EXPECT_EQ(RestoreBackup(BackupPath(), 0, RestorePath()).value().number, 2u);
}

TEST_F(BackupTest, OnlyAnEmptyFolderIsFilled) {
  Append(1);
  Create();
  fs::create_directories(RestorePath());
  ASSERT_TRUE(WriteFile(RestorePath(), "something", "else").ok());
  const absl::Status status = RestoreBackup(BackupPath(), 0, RestorePath()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("not empty"));
  fs::remove(RestorePath() + "/something");
  EXPECT_TRUE(RestoreBackup(BackupPath(), 0, RestorePath()).ok());
  EXPECT_EQ(RestoreBackup(BackupPath(), 7, folder_.path() + "/other").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(RestoreBackup(folder_.path() + "/nowhere", 0, folder_.path() + "/other").ok(), false);
}

TEST_F(BackupTest, TheKeyForPseudonymsIsPartOfIt) {
  Append(1);
  ASSERT_TRUE(WriteFile(folder_.path() + "/data", kKeyFile, "a key of secret bytes", true).ok());
  ASSERT_TRUE(WriteFile(folder_.path() + "/data", kKeyCheckFile, "which key\n").ok());
  const Backup backup = Create();
  ASSERT_TRUE(RestoreBackup(BackupPath(), 0, RestorePath()).ok());
  EXPECT_EQ(ReadFile(RestorePath() + "/" + kKeyFile), "a key of secret bytes");
  EXPECT_EQ(ReadFile(RestorePath() + "/" + kKeyCheckFile), "which key\n");
  EXPECT_EQ(fs::status(RestorePath() + "/" + kKeyFile).permissions() & fs::perms::all,
            fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(WriteFile(BackupPath(), KeyName(backup.number), "a key of secret bytez").ok());
  EXPECT_EQ(backups_->Verify(backup).code(), absl::StatusCode::kDataLoss);
}

TEST_F(BackupTest, ErasuresSinceTheBackupWaitInTheRestoredFolder) {
  Append(1);
  ASSERT_TRUE(backups_->RecordErasure({.erased_at_us = 1, .program = "acme", .subject = "~before"}).ok());
  const Backup backup = Create();
  EXPECT_EQ(backup.erasures, 1u);
  ASSERT_TRUE(backups_->RecordErasure({.erased_at_us = 2, .program = "acme", .subject = "~a ~b"}).ok());
  ASSERT_TRUE(RestoreBackup(BackupPath(), 0, RestorePath()).ok());
  const absl::StatusOr<std::vector<Erasure>> pending = PendingErasures(RestorePath());
  ASSERT_TRUE(pending.ok() && pending->size() == 1) << pending.status();
  EXPECT_EQ(pending->front().number, 2u);
  EXPECT_EQ(pending->front().program, "acme");
  EXPECT_EQ(pending->front().subject, "~a ~b");
  ASSERT_TRUE(ClearPendingErasures(RestorePath()).ok());
  EXPECT_THAT(*PendingErasures(RestorePath()), IsEmpty());

  // A list that cannot be read is no empty list.
  ASSERT_TRUE(WriteFile(BackupPath(), kErasuresFile, "damaged").ok());
  fs::remove_all(RestorePath());
  EXPECT_EQ(RestoreBackup(BackupPath(), 0, RestorePath()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(fs::exists(RestorePath()));
}

TEST_F(BackupTest, OneProcessAtATime) {
  EXPECT_EQ(BackupFolder::Open(BackupPath(), nullptr).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(BackupFolder::Open(folder_.path() + "/data", nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(BackupManifestTest, ReadsBackWhatItWrote) {
  Backup backup;
  backup.number = 12;
  backup.created_at_us = 1'700'000'000'000'000;
  backup.log_id = 3;
  backup.state_id = 4;
  backup.bytes = 5;
  backup.erasures = 6;
  backup.key_checksum = 7;
  backup.key_check = "a line\nof text";
  backup.positions = {{"acme", 8}, {std::string("a \n\\\0b", 6), 9}};
  const std::string text = EncodeManifest(backup);
  const absl::StatusOr<Backup> read = DecodeManifest(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(EncodeManifest(*read), text);
  EXPECT_EQ(read->positions, backup.positions);
  for (size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(DecodeManifest(damaged).ok()) << at;
    EXPECT_FALSE(DecodeManifest(text.substr(0, at)).ok()) << at;
  }
  const std::string newer = Seal("partnermetrics backup\nformat 2\ncompatible 2\n");
  EXPECT_EQ(DecodeManifest(newer).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace partnermetrics::storage
