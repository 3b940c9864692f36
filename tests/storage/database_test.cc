#include "storage/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/data_folder.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics::storage {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::string FileContent(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

void SetFileContent(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

std::map<std::string, std::string> AllFiles(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files[entry.path().string()] = FileContent(entry.path());
  }
  return files;
}

std::vector<fs::path> FilesEndingIn(const fs::path& folder, const std::string& end) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (absl::EndsWith(entry.path().string(), end)) files.push_back(entry.path());
  }
  return files;
}

LogRecord Event(const std::string& payload) {
  LogRecord record;
  record.appended_at_us = 123;
  record.sequence = 4;
  record.actor = "service:test";
  record.payload = payload;
  return record;
}

std::vector<std::string> Payloads(const EventLog& log, uint64_t after = 0) {
  std::vector<std::string> payloads;
  const absl::Status status = log.Read(after, [&](const LogRecord& record) {
    EXPECT_EQ(record.position, after + payloads.size() + 1);
    payloads.push_back(record.payload);
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  return payloads;
}

std::vector<std::string> Personal(const EventLog& log, const std::string& subject) {
  std::vector<std::string> rows;
  EXPECT_TRUE(log.ReadPersonal(subject,
                               [&](const PersonalRow& row) {
                                 EXPECT_EQ(row.subject, subject);
                                 rows.push_back(row.key + "=" + row.value);
                                 return true;
                               })
                  .ok());
  return rows;
}

class DatabaseTest : public testing::Test {
 protected:
  Database::Options Options() const {
    Database::Options options;
    options.data_dir = folder_.path() + "/data";
    options.memory_mb = 32;
    options.min_free_bytes = 0;
    return options;
  }
  fs::path DataDir() const { return Options().data_dir; }

  void Open() {
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(Options());
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
  }
  void Reopen() {
    ASSERT_TRUE(database_->Close().ok());
    database_.reset();
    Open();
  }
  absl::Status OpenError() {
    database_.reset();
    return Database::Open(Options()).status();
  }
  EventLog& Log(const std::string& program = "acme") {
    const absl::StatusOr<EventLog*> log = database_->Log(program);
    EXPECT_TRUE(log.ok()) << log.status();
    return **log;
  }
  uint64_t Append(const std::vector<std::string>& payloads, const std::string& program = "acme") {
    LogBatch batch;
    for (const std::string& payload : payloads) batch.records.push_back(Event(payload));
    const absl::StatusOr<uint64_t> position = Log(program).Append(batch);
    EXPECT_TRUE(position.ok()) << position.status();
    return position.value_or(0);
  }
  std::string State(StateTable table, const std::string& key) {
    const auto value = database_->state().Get(table, key);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.ok() ? value->value_or("(none)") : "(error)";
  }

  TempDir folder_;
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseTest, RecordsAreReadAsAppended) {
  Open();
  LogBatch batch;
  batch.records.push_back(Event("one"));
  batch.records.push_back({.position = 99,
                           .type = RecordType::kRunEnd,
                           .appended_at_us = -5,
                           .sequence = 77,
                           .actor = "connector:x",
                           .payload = std::string("a\0b", 3)});
  EXPECT_EQ(Log().Append(batch).value(), 2u);
  EXPECT_EQ(batch.records[0].position, 1u);
  EXPECT_EQ(batch.records[1].position, 2u);

  Reopen();
  EXPECT_EQ(Log().last_position(), 2u);
  const absl::StatusOr<LogRecord> record = Log().Get(2);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->position, 2u);
  EXPECT_EQ(record->type, RecordType::kRunEnd);
  EXPECT_EQ(record->appended_at_us, -5);
  EXPECT_EQ(record->sequence, 77u);
  EXPECT_EQ(record->actor, "connector:x");
  EXPECT_EQ(record->payload, std::string("a\0b", 3));
  EXPECT_EQ(Log().Get(0).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Log().Get(3).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DatabaseTest, PositionsGoOnAfterReopening) {
  Open();
  EXPECT_EQ(Log().last_position(), 0u);
  EXPECT_EQ(Append({}), 0u);
  EXPECT_EQ(Append({"a", "b"}), 2u);
  Reopen();
  EXPECT_EQ(Append({"c"}), 3u);
  Reopen();
  EXPECT_THAT(Payloads(Log()), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Payloads(Log(), 2), ElementsAre("c"));
  EXPECT_THAT(Payloads(Log(), 3), ElementsAre());
}

TEST_F(DatabaseTest, ReadStopsWhenAsked) {
  Open();
  Append({"a", "b", "c"});
  int seen = 0;
  EXPECT_TRUE(Log().Read(0, [&](const LogRecord&) { return ++seen < 2; }).ok());
  EXPECT_EQ(seen, 2);
}

TEST_F(DatabaseTest, ProgramsShareNothing) {
  Open();
  const std::string long_id(255, 'x');
  const std::vector<std::string> programs = {"a", "aa", "b", std::string("a\0", 2), long_id};
  for (const std::string& program : programs) Append({program + "1", program + "2"}, program);
  Reopen();
  for (const std::string& program : programs) {
    EXPECT_EQ(Log(program).last_position(), 2u);
    EXPECT_THAT(Payloads(Log(program)), ElementsAre(program + "1", program + "2"));
  }
  EXPECT_EQ(&Log("a"), &Log("a"));
  EXPECT_EQ(Log("never used").last_position(), 0u);
  EXPECT_EQ(database_->Log("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(database_->Log(long_id + "x").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DatabaseTest, QuarantineIsNumbered) {
  Open();
  LogBatch batch;
  batch.quarantine = {{.record = 0, .value = "bad row"}, {.record = 0, .value = "worse row"}};
  EXPECT_EQ(Log().Append(batch).value(), 0u);
  EXPECT_EQ(batch.quarantine[1].record, 2u);
  Reopen();
  LogBatch more;
  more.quarantine = {{.record = 0, .value = "third"}};
  ASSERT_TRUE(Log().Append(more).ok());
  std::vector<std::string> rows;
  ASSERT_TRUE(Log()
                  .ReadQuarantine(1,
                                  [&](const QuarantineRow& row) {
                                    rows.push_back(absl::StrCat(row.record, " ", row.value));
                                    return true;
                                  })
                  .ok());
  EXPECT_THAT(rows, ElementsAre("2 worse row", "3 third"));
}

TEST_F(DatabaseTest, ErasedPersonalDataIsGoneFromTheFiles) {
  Open();
  LogBatch batch;
  batch.records.push_back(Event("contact changed"));
  batch.personal = {{"ann", "contact/1/name", "Ann Secretperson"},
                    {"ann", "contact/1/email", "ann@example.com"},
                    {"anna", "contact/2/name", "Anna Remains"}};
  ASSERT_TRUE(Log().Append(batch).ok());
  EXPECT_THAT(Personal(Log(), "ann"),
              ElementsAre("contact/1/email=ann@example.com", "contact/1/name=Ann Secretperson"));
  const auto files_with = [&](const std::string& text) {
    int count = 0;
    for (const auto& [name, content] : AllFiles(DataDir().string())) count += absl::StrContains(content, text) ? 1 : 0;
    return count;
  };
  Reopen();  // into table files
  EXPECT_GT(files_with("Secretperson"), 0);
  ASSERT_TRUE(Log().Append(batch).ok());  // and into the WAL
  ASSERT_TRUE(Log().ErasePersonal({{"ann", "contact/1/email", ""}, {"ann", "contact/1/name", ""}}).ok());
  EXPECT_THAT(Personal(Log(), "ann"), ElementsAre());
  EXPECT_THAT(Personal(Log(), "anna"), ElementsAre("contact/2/name=Anna Remains"));
  EXPECT_EQ(Log().last_position(), 2u);
  Reopen();
  EXPECT_THAT(Personal(Log(), "ann"), ElementsAre());
  EXPECT_THAT(Personal(Log(), "anna"), ElementsAre("contact/2/name=Anna Remains"));
  EXPECT_EQ(files_with("Secretperson"), 0);
  EXPECT_GT(files_with("Anna Remains"), 0);
  EXPECT_EQ(Payloads(Log()).size(), 2u);
}

TEST_F(DatabaseTest, ReplacedQuarantineIsGoneFromTheFiles) {
  Open();
  LogBatch batch;
  batch.quarantine = {{.record = 0, .value = "Secretperson 1"},
                      {.record = 0, .value = "Remaining 2"},
                      {.record = 0, .value = "Secretperson 3"}};
  const auto files_with = [&](const std::string& text) {
    int count = 0;
    for (const auto& [name, content] : AllFiles(DataDir().string())) count += absl::StrContains(content, text) ? 1 : 0;
    return count;
  };
  const auto values = [&](const std::string& program) {
    std::vector<std::string> values;
    const auto add = [&](const QuarantineRow& row) {
      values.push_back(absl::StrCat(row.record, " ", row.value));
      return true;
    };
    EXPECT_TRUE(Log(program).ReadQuarantine(0, add).ok());
    return values;
  };
  ASSERT_TRUE(Log("a").Append(batch).ok());
  Reopen();  // into table files
  EXPECT_GT(files_with("Secretperson"), 0);
  ASSERT_TRUE(Log("a").Append(batch).ok());  // and into the WAL
  LogBatch other;
  other.quarantine = {{.record = 0, .value = "of b"}};
  ASSERT_TRUE(Log("b").Append(other).ok());

  EXPECT_EQ(Log("a").ReplaceQuarantine({{6, "new"}, {7, "new"}}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Log("a").ReplaceQuarantine({{0, "new"}}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(values("a").back(), "6 Secretperson 3");
  EXPECT_TRUE(Log("a").ReplaceQuarantine({}).ok());
  ASSERT_TRUE(Log("a").ReplaceQuarantine({{6, "new"}, {1, "new"}, {3, "new"}, {4, "new"}}).ok());
  EXPECT_EQ(files_with("Secretperson"), 0);
  for (int opening = 0; opening < 2; ++opening) {
    EXPECT_THAT(values("a"), ElementsAre("1 new", "2 Remaining 2", "3 new", "4 new", "5 Remaining 2", "6 new"));
    EXPECT_THAT(values("b"), ElementsAre("1 of b"));
    Reopen();
  }
  EXPECT_EQ(files_with("Secretperson"), 0);
  ASSERT_TRUE(Log("a").Append(other).ok());
  EXPECT_EQ(other.quarantine[0].record, 7u);
}

TEST_F(DatabaseTest, ReadersSeeWholeBatchesWhileAppending) {
  Open();
  EventLog& log = Log();
  std::atomic<bool> done{false};
  std::thread reader([&] {
    uint64_t most = 0;
    while (!done) {
      uint64_t count = 0;
      EXPECT_TRUE(log.Read(0, [&](const LogRecord&) { return ++count > 0; }).ok());
      EXPECT_EQ(count % 3, 0u);
      EXPECT_GE(count, most);
      EXPECT_EQ(log.last_position() % 3, 0u);
      most = count;
    }
  });
  for (int i = 0; i < 200; ++i) Append({"a", "b", "c"});
  done = true;
  reader.join();
  EXPECT_EQ(log.last_position(), 600u);
}

TEST_F(DatabaseTest, StateIsReadAsWritten) {
  Open();
  const std::vector<StateChange> changes = {
      {StateTable::kMeta, "position", "7"}, {StateTable::kFacts, "b1", "x"},
      {StateTable::kFacts, "b2", "y"},      {StateTable::kFacts, absl::string_view("b\xFF\xFF", 3), "z"},
      {StateTable::kFacts, "c", "w"},       {StateTable::kCells, "b1", "cell"}};
  ASSERT_TRUE(database_->state().WriteCheckpoint(changes).ok());
  const std::vector<StateChange> removal = {{StateTable::kFacts, "b2", std::nullopt}};
  ASSERT_TRUE(database_->state().WriteCheckpoint(removal).ok());
  Reopen();
  EXPECT_FALSE(database_->state_was_reset());
  EXPECT_EQ(State(StateTable::kMeta, "position"), "7");
  EXPECT_EQ(State(StateTable::kFacts, "b2"), "(none)");
  EXPECT_EQ(State(StateTable::kCells, "b1"), "cell");

  const auto keys = [&](const std::string& prefix, const std::string& from) {
    std::vector<std::string> found;
    EXPECT_TRUE(database_->state()
                    .Scan(StateTable::kFacts, prefix, from,
                          [&](absl::string_view key, absl::string_view) {
                            found.emplace_back(key);
                            return true;
                          })
                    .ok());
    return found;
  };
  EXPECT_THAT(keys("b", ""), ElementsAre("b1", "b\xFF\xFF"));
  EXPECT_THAT(keys("b", "b2"), ElementsAre("b\xFF\xFF"));
  EXPECT_THAT(keys("b", "c"), ElementsAre());
  EXPECT_THAT(keys("", ""), ElementsAre("b1", "b\xFF\xFF", "c"));
  EXPECT_THAT(keys("b\xFF\xFF", ""), ElementsAre("b\xFF\xFF"));
  EXPECT_GT(database_->log_bytes(), 0);
  EXPECT_GT(database_->state_bytes(), 0);
}

TEST_F(DatabaseTest, ACheckpointIsDurableAndOfSeveralChangesOfAKeyTheLastCounts) {
  Open();
  const std::vector<StateChange> changes = {{StateTable::kMeta, "position", "1"},
                                            {StateTable::kCells, "a", "old"},
                                            {StateTable::kCells, "a", "new"},
                                            {StateTable::kCells, "b", "old"},
                                            {StateTable::kCells, "b", std::nullopt}};
  ASSERT_TRUE(database_->state().WriteCheckpoint(changes).ok());
  database_.reset();  // as after a crash: nothing is written on the way out
  Open();
  EXPECT_EQ(State(StateTable::kMeta, "position"), "1");
  EXPECT_EQ(State(StateTable::kCells, "a"), "new");
  EXPECT_EQ(State(StateTable::kCells, "b"), "(none)");
}

TEST_F(DatabaseTest, DiscardedStateIsEmptyAndUsable) {
  Open();
  Append({"a"});
  StateStore& state = database_->state();
  const std::vector<StateChange> changes = {{StateTable::kMeta, "position", "1"}};
  ASSERT_TRUE(state.WriteCheckpoint(changes).ok());
  EXPECT_FALSE(database_->state_was_reset());
  ASSERT_TRUE(database_->DiscardState("ahead of the log").ok());
  EXPECT_TRUE(database_->state_was_reset());
  EXPECT_EQ(State(StateTable::kMeta, "position"), "(none)");
  ASSERT_TRUE(state.WriteCheckpoint(changes).ok());
  EXPECT_FALSE(fs::exists(DataDir() / "state.discarded"));
  Reopen();
  EXPECT_EQ(State(StateTable::kMeta, "position"), "1");
  EXPECT_THAT(Payloads(Log()), ElementsAre("a"));
}

TEST_F(DatabaseTest, StateThatDoesNotOpenIsDiscardedAndTheLogIsNot) {
  for (const std::string damage : {"CURRENT lost", "CURRENT damaged", "table lost", "table cut"}) {
    Open();
    Append({damage});
    const std::vector<StateChange> changes = {{StateTable::kFacts, "a", "b"}};
    ASSERT_TRUE(database_->state().WriteCheckpoint(changes).ok());
    ASSERT_TRUE(database_->Close().ok());
    database_.reset();

    const fs::path state = DataDir() / "state";
    const std::vector<fs::path> tables = FilesEndingIn(state, ".sst");
    ASSERT_FALSE(tables.empty());
    if (damage == "CURRENT damaged") SetFileContent(state / "CURRENT", "MANIFEST-999999\n");
    if (damage == "CURRENT lost") fs::remove(state / "CURRENT");
    if (damage == "table lost") fs::remove(tables[0]);
    if (damage == "table cut") fs::resize_file(tables[0], fs::file_size(tables[0]) / 2);

    Open();
    EXPECT_TRUE(database_->state_was_reset()) << damage;
    EXPECT_EQ(State(StateTable::kFacts, "a"), "(none)") << damage;
    EXPECT_EQ(Payloads(Log()).back(), damage);
    database_.reset();
  }
}

TEST_F(DatabaseTest, SecondOpeningIsRefused) {
  Open();
  const absl::Status status = Database::Open(Options()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("in use by process ", getpid())));
  Reopen();  // free again after Close
}

TEST_F(DatabaseTest, SecondProcessIsRefusedUntilTheFirstEnds) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  // The child only takes the lock: a process forked from this one cannot run RocksDB's threads.
  const pid_t child = fork();
  if (child == 0) {
    const auto folder = DataFolder::Open(Options().data_dir);
    const char answer = folder.ok() ? 'y' : 'n';
    if (write(ready[1], &answer, 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("in use by process ", child)));
  EXPECT_THAT(std::string(status.message()), HasSubstr("Stop that process"));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  Open();
}

TEST_F(DatabaseTest, NewerFormatIsRefusedAndUntouched) {
  Open();
  Append({"a"});
  ASSERT_TRUE(database_->Close().ok());
  database_.reset();
  SetFileContent(DataDir() / "FORMAT", FormatFileContent(kFolderFormat + 2, kFolderFormat + 1));
  const auto before = AllFiles(DataDir().string());
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Start a newer version"));
  EXPECT_EQ(AllFiles(DataDir().string()), before);

  // A newer format that says we may open it.
  SetFileContent(DataDir() / "FORMAT", FormatFileContent(kFolderFormat + 2, kFolderFormat));
  Open();
  EXPECT_THAT(Payloads(Log()), ElementsAre("a"));
}

// As docs/formats.md shows it.
TEST_F(DatabaseTest, FormatFileNeverChanges) {
  Open();
  EXPECT_EQ(FileContent(DataDir() / "FORMAT"), "partnermetrics data folder\nformat 1\ncompatible 1\ncrc32 2ec04e9b\n");
}

TEST_F(DatabaseTest, DamagedOrMissingFormatIsRefused) {
  Open();
  Append({"a"});
  ASSERT_TRUE(database_->Close().ok());
  database_.reset();
  const std::string format = FileContent(DataDir() / "FORMAT");
  for (size_t i = 0; i < format.size(); ++i) {
    std::string damaged = format;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    SetFileContent(DataDir() / "FORMAT", damaged);
    EXPECT_EQ(OpenError().code(), absl::StatusCode::kDataLoss) << i;
  }
  fs::remove(DataDir() / "FORMAT");
  EXPECT_EQ(OpenError().code(), absl::StatusCode::kDataLoss);
  SetFileContent(DataDir() / "FORMAT", format);
  Open();
  EXPECT_THAT(Payloads(Log()), ElementsAre("a"));
}

// Leaves a log whose records stand in the WAL alone, as after a crash.
class DamagedLogTest : public DatabaseTest {
 protected:
  void WriteWal(int records) {
    Open();
    for (int i = 0; i < records; ++i) Append({absl::StrCat("record ", i, std::string(100, 'x'))});
    database_.reset();
    for (const fs::path& path : FilesEndingIn(DataDir() / "log", ".log")) {
      if (fs::file_size(path) > 0) wal_ = path;
    }
    ASSERT_FALSE(wal_.empty());
    const std::string content = FileContent(wal_);
    ASSERT_THAT(content, HasSubstr(absl::StrCat("record ", records - 1)));
  }

  fs::path wal_;
};

TEST_F(DamagedLogTest, UndamagedWalOpens) {
  WriteWal(50);
  Open();
  EXPECT_EQ(Payloads(Log()).size(), 50u);
}

TEST_F(DamagedLogTest, FlippedByteInTheMiddleIsRefused) {
  WriteWal(50);
  std::string content = FileContent(wal_);
  const size_t middle = content.find("record 25");
  content[middle] = static_cast<char>(content[middle] ^ 0x10);
  SetFileContent(wal_, content);
  for (int i = 0; i < 2; ++i) {  // and again: refusing changes nothing
    const absl::Status status = OpenError();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("restore the newest backup"));
    EXPECT_EQ(FileContent(wal_), content);
  }
}

TEST_F(DamagedLogTest, TornTailIsAccepted) {
  WriteWal(50);
  std::string content = FileContent(wal_);
  content.resize(content.find("record 49") + 20);
  SetFileContent(wal_, content);
  Open();
  EXPECT_EQ(Log().last_position(), 49u);
  EXPECT_EQ(Payloads(Log()).size(), 49u);
  EXPECT_EQ(Append({"next"}), 50u);
  Reopen();
  EXPECT_EQ(Payloads(Log()).back(), "next");
}

TEST_F(DamagedLogTest, LostCurrentIsRefusedAndNothingDeleted) {
  WriteWal(5);
  fs::remove(DataDir() / "log" / "CURRENT");
  EXPECT_EQ(OpenError().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(fs::exists(wal_));
}

TEST_F(DamagedLogTest, LostManifestIsRefused) {
  WriteWal(5);
  for (const fs::directory_entry& entry : fs::directory_iterator(DataDir() / "log")) {
    if (absl::StartsWith(entry.path().filename().string(), "MANIFEST")) fs::remove(entry.path());
  }
  const absl::Status status = OpenError();
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(fs::exists(wal_)) << status;
}

}  // namespace
}  // namespace partnermetrics::storage
