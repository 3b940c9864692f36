// Kills processes over a Database, hundreds of times, and looks at what is left (reliability: crash loop of the
// storage).
//
// A child process opens the folder, brings the state up to the log, appends batches and writes checkpoints, until it is
// killed: at one of RocksDB's own kill points, at one of ours, or by the clock; also while it opens. It reports each
// acknowledged append on a pipe. Then the parent opens the folder and checks it against a model:
//   - nothing acknowledged is missing, positions have no holes, no batch is there in part;
//   - the state is exactly that of one position, one at which a checkpoint was written, not after the log's end;
//   - going on from it gives the same as starting from nothing.
//
// PM_CRASH_KILLS sets the number of kills, PM_SEED the seed. (RocksDB draws its kills from the thread's id, so a seed
// gives the same plan but not the same kill.)
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"
#include "storage/bytes.h"
#include "storage/database.h"
#include "storage/status_macros.h"
#include "tests/crash/rocks_kill_point.h"
#include "tests/storage/temp_dir.h"
#include "tests/support/environment.h"

namespace partnermetrics::storage {
namespace {

constexpr int kKeys = 150;            // all dirty at most checkpoints
constexpr size_t kValueBytes = 8000;  // so a checkpoint has up to 1.2 MB in each of two tables: more than a memtable
constexpr int kKillsPerFolder = 30;

// --- The model: what a log means ---

// A record says which batch it belongs to and what to add to which key.
struct Change {
  uint64_t first = 0;  // position of the batch's first record
  uint64_t size = 0;   // records in the batch
  uint64_t key = 0;
  int64_t amount = 0;

  std::string Encode() const {
    std::string bytes;
    ByteWriter(&bytes).Varint(first).Varint(size).Varint(key).Zigzag(amount);
    return bytes;
  }
  static Change Decode(absl::string_view bytes) {
    ByteReader reader(bytes);
    Change change;
    change.first = reader.Varint();
    change.size = reader.Varint();
    change.key = reader.Varint();
    change.amount = reader.Zigzag();
    EXPECT_TRUE(reader.Finish("change").ok());
    return change;
  }
};

// Facts: the last position of each key. Cells: its sum. The index: how many records a key has had.
class Model {
 public:
  using Table = std::map<std::pair<StateTable, std::string>, std::string>;

  void Apply(uint64_t position, const Change& change) {
    position_ = position;
    const std::string key = absl::StrCat("key", change.key);
    Sums& sums = sums_[change.key];
    sums.sum += change.amount;
    ++sums.count;
    const std::string padding(kValueBytes, static_cast<char>('a' + position % 26));
    Set(StateTable::kFacts, key, absl::StrCat(position, " ", padding));
    Set(StateTable::kCells, key, absl::StrCat(sums.sum, " ", padding));
    Set(StateTable::kIndexes, key, absl::StrCat(sums.count));
    Set(StateTable::kMeta, "position", absl::StrCat(position));
  }

  absl::Status Load(const StateStore& state) {
    for (const StateTable table : {StateTable::kMeta, StateTable::kFacts, StateTable::kCells, StateTable::kIndexes}) {
      RETURN_IF_ERROR(state.Scan(table, "", "", [&](absl::string_view key, absl::string_view value) {
        rows_[{table, std::string(key)}] = std::string(value);
        return true;
      }));
    }
    for (const auto& [id, value] : rows_) {
      const auto& [table, key_text] = id;
      const auto number = std::strtoll(value.c_str(), nullptr, 10);
      if (table == StateTable::kMeta) {
        position_ = static_cast<uint64_t>(number);
        continue;
      }
      const uint64_t key = std::strtoull(key_text.c_str() + 3, nullptr, 10);
      if (table == StateTable::kCells) sums_[key].sum = number;
      if (table == StateTable::kIndexes) sums_[key].count = number;
    }
    return absl::OkStatus();
  }

  // Changes since the last checkpoint.
  std::vector<StateChange> TakeDirty() {
    std::vector<StateChange> changes;
    for (const auto& id : dirty_) {
      const auto& [key, value] = *rows_.try_emplace(id).first;
      changes.push_back({key.first, key.second, value});
    }
    dirty_.clear();
    return changes;
  }

  uint64_t position() const { return position_; }
  const Table& rows() const { return rows_; }

 private:
  struct Sums {
    int64_t sum = 0;
    int64_t count = 0;
  };
  void Set(StateTable table, std::string key, std::string value) {
    const std::pair<StateTable, std::string> id{table, std::move(key)};
    rows_[id] = std::move(value);
    dirty_.insert(id);
  }

  uint64_t position_ = 0;
  std::map<uint64_t, Sums> sums_;
  Table rows_;
  std::set<Table::key_type> dirty_;
};

std::string PersonalSubject(uint64_t first) {
  return absl::StrCat("batch", first);
}

Database::Options DatabaseOptionsFor(const std::string& folder) {
  Database::Options options;
  options.data_dir = folder;
  options.memory_mb = 8;  // memtables of 1 MiB
  options.min_free_bytes = 0;
  return options;
}

// --- The child ---

struct Plan {
  uint64_t seed = 0;
  int rocks_odds = 0;         // of RocksDB's kill points; 0: none
  bool rare_places = false;   // leave out the places that every append passes
  int own_odds = 0;           // of our kill points
  bool kill_opening = false;  // kill points are live while opening too
};

void Report(int pipe, char what, uint64_t position) {
  std::string message;
  ByteWriter(&message).Byte(static_cast<uint8_t>(what)).Fixed64(position);
  if (write(pipe, message.data(), message.size()) != static_cast<ssize_t>(message.size())) _exit(3);
}

LogBatch RandomBatch(std::mt19937_64& random, uint64_t last_position) {
  LogBatch batch;
  const uint64_t size = random() % 8 + 1;
  for (uint64_t i = 0; i < size; ++i) {
    const Change change{last_position + 1, size, random() % kKeys, static_cast<int64_t>(random() % 2001) - 1000};
    LogRecord record;
    record.payload = change.Encode();
    batch.records.push_back(std::move(record));
  }
  batch.personal.push_back({PersonalSubject(last_position + 1), "name", "someone"});
  batch.quarantine.push_back({.record = 0, .value = absl::StrCat(last_position + 1)});
  return batch;
}

absl::Status RunChild(const std::string& folder, const Plan& plan, int pipe) {
  std::mt19937_64 random(plan.seed);
  rocksdb::KillPoint* const kill_point = rocksdb::KillPoint::GetInstance();
  if (plan.rare_places) kill_point->rocksdb_kill_exclude_prefixes = {"WritableFileWriter::"};
  if (plan.kill_opening) kill_point->rocksdb_kill_odds = plan.rocks_odds;
  Database::Options options = DatabaseOptionsFor(folder);
  if (plan.own_odds > 0) {
    options.kill_point = [&](absl::string_view) {
      if (random() % static_cast<uint64_t>(plan.own_odds) == 0) raise(SIGKILL);
    };
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::Open(options));
  ASSIGN_OR_RETURN(EventLog* const log, database->Log("acme"));
  kill_point->rocksdb_kill_odds = plan.rocks_odds;

  Model model;
  RETURN_IF_ERROR(model.Load(database->state()));
  RETURN_IF_ERROR(log->Read(model.position(), [&](const LogRecord& record) {
    model.Apply(record.position, Change::Decode(record.payload));
    return true;
  }));
  while (true) {
    for (uint64_t batches = random() % 60 + 1; batches > 0; --batches) {
      LogBatch batch = RandomBatch(random, log->last_position());
      ASSIGN_OR_RETURN(const uint64_t position, log->Append(batch));
      Report(pipe, 'a', position);
      for (const LogRecord& record : batch.records) model.Apply(record.position, Change::Decode(record.payload));
    }
    Report(pipe, 'c', model.position());  // before: it may be there or not
    const std::vector<StateChange> dirty = model.TakeDirty();
    RETURN_IF_ERROR(database->state().WriteCheckpoint(dirty));
  }
}

// --- The parent ---

struct Tally {
  int kills = 0;
  int own_end = 0;  // the child ended itself, with an error: never right
  std::map<std::string, int> places;
};

class Crasher {
 public:
  explicit Crasher(std::mt19937_64& random) : random_(random) {}

  // Runs a child until it is dead.
  void Kill(const std::string& folder, const std::string& output, Tally* tally) {
    const Plan plan = RandomPlan();
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      ExecChild(folder, output, plan, ends[1]);
    }
    close(ends[1]);
    // Not all plans are sure to kill, so the clock always does in the end.
    const bool by_clock = plan.rocks_odds == 0 && plan.own_odds == 0;
    ReadReports(ends[0], child, std::chrono::microseconds(by_clock ? 1000 + random_() % 60'000 : 400'000));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
      ++tally->kills;
    } else {
      ++tally->own_end;
    }
    NotePlace(output, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? "own kill point or clock" : "other", tally);
  }

  // What is left must be what was promised.
  void Check(const std::string& folder) {
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(DatabaseOptionsFor(folder));
    ASSERT_TRUE(database.ok()) << database.status();
    EXPECT_FALSE((*database)->state_was_reset());
    const absl::StatusOr<EventLog*> log = (*database)->Log("acme");
    ASSERT_TRUE(log.ok()) << log.status();
    EXPECT_GE((*log)->last_position(), acknowledged_) << "acknowledged records are lost";

    Model on_disk;
    ASSERT_TRUE(on_disk.Load((*database)->state()).ok());
    const uint64_t checkpoint = on_disk.position();
    EXPECT_LE(checkpoint, (*log)->last_position()) << "the state is ahead of the log";
    EXPECT_TRUE(checkpoint == 0 || checkpoints_.count(checkpoint) > 0) << checkpoint << " was no checkpoint";

    Model model;
    std::vector<uint64_t> batches;
    uint64_t batch_end = 0;
    bool state_checked = checkpoint == 0 && on_disk.rows().empty();
    const absl::Status read = (*log)->Read(0, [&](const LogRecord& record) {
      const Change change = Change::Decode(record.payload);
      if (record.position > batch_end) {
        EXPECT_EQ(change.first, record.position) << "a batch is torn";
        batches.push_back(change.first);
        batch_end = change.first + change.size - 1;
      }
      model.Apply(record.position, change);
      if (record.position == checkpoint) {
        EXPECT_TRUE(model.rows() == on_disk.rows()) << "the state is not that of position " << checkpoint;
        state_checked = true;
      }
      if (record.position > checkpoint) on_disk.Apply(record.position, change);
      return true;
    });
    EXPECT_TRUE(read.ok()) << read;
    EXPECT_TRUE(state_checked);
    EXPECT_EQ(model.position(), (*log)->last_position());
    EXPECT_EQ(batch_end, (*log)->last_position()) << "the last batch is torn";
    EXPECT_TRUE(model.rows() == on_disk.rows()) << "going on from the state differs";
    CheckRowsBeside(**log, batches);
    acknowledged_ = (*log)->last_position();
    position_ = acknowledged_;
  }

  uint64_t position() const { return position_; }
  void NewFolder() {
    acknowledged_ = 0;
    checkpoints_.clear();
  }

 private:
  Plan RandomPlan() {
    Plan plan;
    plan.seed = random_();
    plan.kill_opening = random_() % 3 == 0;
    switch (random_() % 5) {
      case 0:  // in the midst of appending
        plan.rocks_odds = static_cast<int>(20 + random_() % 600);
        break;
      case 1:  // tables, manifest, folders
        plan.rocks_odds = static_cast<int>(1 + random_() % 30);
        plan.rare_places = true;
        break;
      case 2:
        plan.own_odds = static_cast<int>(2 + random_() % 300);
        break;
      case 3:
        plan.rocks_odds = static_cast<int>(300 + random_() % 3000);
        plan.own_odds = static_cast<int>(100 + random_() % 300);
        break;
      default:  // by the clock
        break;
    }
    return plan;
  }

  [[noreturn]] static void ExecChild(const std::string& folder, const std::string& output, const Plan& plan, int pipe) {
    // RocksDB says on stdout where it kills.
    if (freopen(output.c_str(), "w", stdout) == nullptr) _exit(4);
    const std::vector<std::string> arguments = {"storage_crash_test",
                                                "--child",
                                                folder,
                                                absl::StrCat(plan.seed),
                                                absl::StrCat(plan.rocks_odds),
                                                absl::StrCat(plan.rare_places ? 1 : 0),
                                                absl::StrCat(plan.own_odds),
                                                absl::StrCat(plan.kill_opening ? 1 : 0),
                                                absl::StrCat(pipe)};
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv("/proc/self/exe", argv.data());
    _exit(5);
  }

  void ReadReports(int pipe, pid_t child, std::chrono::microseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    std::string received;
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd waiting = {pipe, POLLIN, 0};
      if (poll(&waiting, 1, std::max(0, static_cast<int>(left.count()))) == 0) kill(child, SIGKILL);
      char buffer[4096];
      const ssize_t got = read(pipe, buffer, sizeof(buffer));
      if (got <= 0) break;
      received.append(buffer, static_cast<size_t>(got));
    }
    ByteReader reports(received);
    while (reports.remaining() >= 9) {
      const uint8_t what = reports.Byte();
      const uint64_t position = reports.Fixed64();
      if (what == 'a') acknowledged_ = position;
      if (what == 'c') checkpoints_.insert(position);
    }
  }

  static void NotePlace(const std::string& output, const std::string& otherwise, Tally* tally) {
    std::ifstream file(output);
    std::string place = otherwise;
    for (std::string line; std::getline(file, line);) {
      if (line.rfind("Crashing at ", 0) == 0) place = line.substr(12);
    }
    ++tally->places[place];
  }

  // A batch's personal and quarantine rows come and go with its records.
  static void CheckRowsBeside(const EventLog& log, const std::vector<uint64_t>& batches) {
    std::vector<uint64_t> quarantined;
    EXPECT_TRUE(log.ReadQuarantine(0,
                                   [&](const QuarantineRow& row) {
                                     EXPECT_EQ(row.record, quarantined.size() + 1);
                                     quarantined.push_back(std::strtoull(row.value.c_str(), nullptr, 10));
                                     return true;
                                   })
                    .ok());
    EXPECT_EQ(quarantined, batches);
    const uint64_t next = log.last_position() + 1;
    for (const uint64_t first : {batches.empty() ? next : batches.back(), next}) {
      int rows = 0;
      EXPECT_TRUE(log.ReadPersonal(PersonalSubject(first), [&](const PersonalRow&) { return ++rows > 0; }).ok());
      EXPECT_EQ(rows, first == next ? 0 : 1);
    }
  }

  std::mt19937_64& random_;
  uint64_t acknowledged_ = 0;
  uint64_t position_ = 0;
  std::set<uint64_t> checkpoints_;
};

TEST(StorageCrashTest, NothingAcknowledgedIsLost) {
  const auto kills = static_cast<int>(NumberFromEnvironment("PM_CRASH_KILLS", 600));
  const uint64_t seed = NumberFromEnvironment("PM_SEED", std::random_device{}());
  std::cout << "PM_CRASH_KILLS=" << kills << " PM_SEED=" << seed << std::endl;
  std::mt19937_64 random(seed);
  Crasher crasher(random);
  Tally tally;
  uint64_t records = 0;
  while (tally.kills < kills) {
    const TempDir folder;
    crasher.NewFolder();
    for (int i = 0; i < kKillsPerFolder && tally.kills < kills; ++i) {
      SCOPED_TRACE(absl::StrCat("after kill ", tally.kills + 1));
      crasher.Kill(folder.path() + "/data", folder.path() + "/output", &tally);
      ASSERT_EQ(tally.own_end, 0) << "the child ended by an error of its own";
      crasher.Check(folder.path() + "/data");
      ASSERT_FALSE(HasFailure());
    }
    records += crasher.position();
  }
  std::cout << records << " records; killed at:\n";
  for (const auto& [place, count] : tally.places) std::cout << "  " << count << " × " << place << "\n";
  // The loop is worth nothing when the kill points do not work: with another library, say.
  if (kills >= 100) {
    EXPECT_GE(tally.places.size(), 6u);
  }
}

}  // namespace

int ChildMain(char** arguments) {
  spdlog::set_level(spdlog::level::err);
  const auto number = [&](int i) { return std::strtoull(arguments[i], nullptr, 10); };
  Plan plan;
  plan.seed = number(3);
  plan.rocks_odds = static_cast<int>(number(4));
  plan.rare_places = number(5) != 0;
  plan.own_odds = static_cast<int>(number(6));
  plan.kill_opening = number(7) != 0;
  const absl::Status status = RunChild(arguments[2], plan, static_cast<int>(number(8)));
  std::cerr << "child: " << status << std::endl;
  return 1;
}

}  // namespace partnermetrics::storage

int main(int argc, char** argv) {
  if (argc == 9 && std::strcmp(argv[1], "--child") == 0) return partnermetrics::storage::ChildMain(argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
