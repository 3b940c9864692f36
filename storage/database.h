// The data folder of one server: the log of every programme and the state, open.
//
//   Database::Options options;
//   options.data_dir = "/var/lib/partnermetrics";
//   ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(options));
//   ASSIGN_OR_RETURN(EventLog* log, database->Log("acme"));
//   StateStore& state = database->state();
//
// The log is never deleted or repaired by itself; a state that cannot be opened is dropped and starts empty, since it
// can be rebuilt from the log. Whether the state fits the log is for its owner to find out, from the position it keeps
// in it.
//
// Thread-safety: Log() may be called from any thread; see EventLog and StateStore for these. DiscardState() and Close()
// need that nobody uses the state, or anything at all.
#ifndef PARTNERMETRICS_STORAGE_DATABASE_H_
#define PARTNERMETRICS_STORAGE_DATABASE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/event_log.h"
#include "storage/state_store.h"

namespace rocksdb {
class DB;
class Env;
}  // namespace rocksdb

namespace partnermetrics::storage {

struct DatabaseOptions {
  std::string data_dir;
  // For caches and write buffers together.
  int64_t memory_mb = 512;
  // Wait for the disk on every append. Without, the last seconds may be lost in a power failure, not in a crash.
  bool sync = true;
  // Appends are refused when the disk has less left: room for the state and for compaction.
  int64_t min_free_bytes = int64_t{256} << 20;
  // Where RocksDB does its I/O; null: the system's files. Must outlive the database. For fault tests.
  rocksdb::Env* env = nullptr;
  // Called with its name at each place where a crash is of interest: "append:before_write". For crash tests.
  std::function<void(absl::string_view)> kill_point;
};

class Database {
 public:
  using Options = DatabaseOptions;

  // FAILED_PRECONDITION: another process has the folder open, or its format is newer. DATA_LOSS: the log is damaged.
  // Messages say what an operator can do.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const Options& options);

  virtual ~Database() = default;

  // The log of a programme; the same object for the same id, until Close(). The id has 1 to 255 bytes.
  virtual absl::StatusOr<EventLog*> Log(absl::string_view program_id) = 0;

  // The same object for as long as the database lives, across DiscardState().
  virtual StateStore& state() = 0;

  // Makes the state empty: for a state that is damaged, of another format, or that does not fit the log.
  virtual absl::Status DiscardState(absl::string_view reason) = 0;

  // Whether the state was discarded since the folder was opened, by Open() itself or by DiscardState().
  virtual bool state_was_reset() const = 0;

  // Lends the RocksDB instance of the state, or of the log, and keeps it open meanwhile. For backups.
  virtual absl::Status WithState(const std::function<absl::Status(rocksdb::DB&)>& use) = 0;
  virtual absl::Status WithLog(const std::function<absl::Status(rocksdb::DB&)>& use) = 0;
  // The programmes whose log was asked for.
  virtual std::vector<std::string> programs() const = 0;
  virtual const Options& options() const = 0;

  // Bytes on disk.
  virtual int64_t log_bytes() const = 0;
  virtual int64_t state_bytes() const = 0;

  // Closes everything. Afterwards nothing of this database may be used. Destroyed without it, the folder is as after a
  // crash of the process: nothing appended is lost, the state stands at its last checkpoint.
  virtual absl::Status Close() = 0;
};

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_DATABASE_H_
