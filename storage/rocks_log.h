// The logs of all programmes in one RocksDB instance with a WAL, and each programme's EventLog.
//
// Column families: events (program, position → record), personal (program, subject, key → row), quarantine (program,
// number → row). docs/formats.md has the grammar.
#ifndef PARTNERMETRICS_STORAGE_ROCKS_LOG_H_
#define PARTNERMETRICS_STORAGE_ROCKS_LOG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "storage/database.h"
#include "storage/event_log.h"
#include "storage/mutex.h"
#include "storage/rocks_support.h"

namespace partnermetrics::storage {

class RocksLog;

// Names of the column families of a log.
inline constexpr char kEventsFamily[] = "events";
inline constexpr char kPersonalFamily[] = "personal";
inline constexpr char kQuarantineFamily[] = "quarantine";

// The last position, or number of a quarantined record, of a programme in a column family; 0: none.
absl::StatusOr<uint64_t> LastNumber(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, absl::string_view program_id);

// The log's RocksDB instance, from one opening to the next.
struct LogInstance {
  rocksdb::ColumnFamilyHandle* events() const { return opened.families()[0]; }
  rocksdb::ColumnFamilyHandle* personal() const { return opened.families()[1]; }
  rocksdb::ColumnFamilyHandle* quarantine() const { return opened.families()[2]; }
  rocksdb::DB& db() const { return opened.db(); }

  const std::shared_ptr<ErrorListener> errors = std::make_shared<ErrorListener>("log");
  std::atomic<bool> wal_torn{false};  // an append failed half-way: it must be opened anew before the next
  OpenedDb opened;
};

// One programme's part of a RocksLog.
class RocksEventLog : public EventLog {
 public:
  RocksEventLog(RocksLog& store, absl::string_view program_id);

  // Finds the ends of the log. Before anything else.
  absl::Status Recover(const LogInstance& instance);
  // Whether the ends on disk are those we know.
  absl::StatusOr<bool> EndsAsKnown(const LogInstance& instance) const;

  absl::StatusOr<uint64_t> Append(LogBatch& batch) override;
  uint64_t last_position() const override { return last_position_.load(std::memory_order_acquire); }
  absl::Status Read(uint64_t after, const std::function<bool(const LogRecord&)>& visit) const override;
  absl::StatusOr<LogRecord> Get(uint64_t position) const override;
  absl::Status ReadPersonal(absl::string_view subject,
                            const std::function<bool(const PersonalRow&)>& visit) const override;
  absl::Status ReadAllPersonal(absl::string_view after_subject, absl::string_view after_key,
                               const std::function<bool(const PersonalRow&)>& visit) const override;
  absl::Status ErasePersonal(absl::Span<const PersonalRow> rows) override;
  absl::Status ReadQuarantine(uint64_t after, const std::function<bool(const QuarantineRow&)>& visit) const override;
  absl::Status ReplaceQuarantine(absl::Span<const QuarantineRow> rows) override;

 private:
  std::string NumberKey(uint64_t number) const;
  std::string SubjectPrefix(absl::string_view subject) const;
  // Personal rows whose keys begin with `prefix` and stand behind `after`.
  absl::Status ScanPersonal(const std::string& prefix, const std::string& after,
                            const std::function<bool(const PersonalRow&)>& visit) const;
  absl::Status Damaged(const absl::Status& status, absl::string_view what) const;

  RocksLog& store_;
  const std::string program_id_;
  const std::string prefix_;  // of all keys of the programme
  std::atomic<uint64_t> last_position_{0};
  std::atomic<uint64_t> last_quarantine_{0};
};

class RocksLog {
 public:
  // DATA_LOSS when it is damaged. Nothing is repaired or deleted. `memory` must outlive the log.
  static absl::StatusOr<std::unique_ptr<RocksLog>> Open(const DatabaseOptions& options, const std::string& path,
                                                        const SharedMemory& memory);

  absl::StatusOr<EventLog*> Program(absl::string_view program_id);
  absl::Status Use(const std::function<absl::Status(rocksdb::DB&)>& use);
  std::vector<std::string> programs() const;
  absl::Status Close();

 private:
  friend class RocksEventLog;
  using Instance = std::shared_ptr<LogInstance>;

  RocksLog(const DatabaseOptions& options, std::string path, const SharedMemory& memory)
      : options_(options), path_(std::move(path)), memory_(memory) {}

  absl::StatusOr<Instance> OpenInstance() const;
  absl::Status DoesNotOpen(absl::string_view why) const;
  absl::StatusOr<Instance> ForReading() const;
  // The instance when the log takes writes and the disk has room.
  absl::StatusOr<Instance> ForWriting();
  rocksdb::FileSystem& files() const;
  absl::Status CheckSpace() const;
  absl::Status Reopen() PM_REQUIRES(mutex_);

  // Writes the batch as one, durably. Errors as EventLog::Append.
  absl::Status Write(LogInstance& instance, rocksdb::WriteBatch* batch);

  const DatabaseOptions options_;
  const std::string path_;
  const SharedMemory& memory_;
  mutable Mutex mutex_;
  Instance instance_ PM_GUARDED_BY(mutex_);  // null when closed
  std::map<std::string, std::unique_ptr<RocksEventLog>, std::less<>> programs_ PM_GUARDED_BY(mutex_);
};

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_ROCKS_LOG_H_
