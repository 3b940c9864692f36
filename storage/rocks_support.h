// What the log and the state have in common in how they use RocksDB.
#ifndef PARTNERMETRICS_STORAGE_ROCKS_SUPPORT_H_
#define PARTNERMETRICS_STORAGE_ROCKS_SUPPORT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/db.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"
#include "rocksdb/status.h"
#include "rocksdb/table.h"
#include "storage/database.h"
#include "storage/mutex.h"

namespace partnermetrics::storage {

inline rocksdb::Slice ToSlice(absl::string_view view) {
  return {view.data(), view.size()};
}
inline absl::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// RocksDB's status in our words: DATA_LOSS for damage, RESOURCE_EXHAUSTED for a full disk, UNAVAILABLE for I/O errors.
absl::Status FromRocks(const rocksdb::Status& status, absl::string_view what);

// Whether the disk did not do what it was asked: nothing is known to be wrong with the files.
bool IsDiskError(const rocksdb::Status& status);

// Remembers the errors of one RocksDB instance that its status codes do not tell.
class ErrorListener : public rocksdb::EventListener {
 public:
  explicit ErrorListener(std::string name) : name_(std::move(name)) {}

  // True after an error that RocksDB itself does not recover from.
  bool closed() const { return closed_.load(std::memory_order_acquire); }
  // The first such error.
  std::string reason() const;
  void Close(absl::string_view reason);

  // True when an I/O operation other than appending failed on a WAL: what was appended may be on disk or not.
  bool wal_sync_failed() const { return wal_sync_failed_.load(std::memory_order_acquire); }

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status error, bool* recover) override;
  bool ShouldBeNotifiedOnFileIO() override { return true; }
  void OnIOError(const rocksdb::IOErrorInfo& info) override;

 private:
  const std::string name_;  // "log" or "state", for messages
  std::atomic<bool> closed_{false};
  std::atomic<bool> wal_sync_failed_{false};
  mutable Mutex mutex_;
  std::string reason_ PM_GUARDED_BY(mutex_);
};

// A logger of ours for RocksDB, for warnings and errors.
std::shared_ptr<rocksdb::Logger> QuietLogger();

// Memory that both instances share.
struct SharedMemory {
  explicit SharedMemory(const DatabaseOptions& options);

  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
};

// Options that both instances have in common.
rocksdb::Options CommonOptions(const DatabaseOptions& options, const SharedMemory& memory,
                               std::shared_ptr<ErrorListener> listener);
rocksdb::BlockBasedTableOptions CommonTableOptions(const SharedMemory& memory);

// An open instance with its column families, in the order in which they were named ("default" not among them).
class OpenedDb {
 public:
  static rocksdb::Status Open(const rocksdb::Options& options, const std::string& path,
                              const std::vector<rocksdb::ColumnFamilyDescriptor>& families, OpenedDb* opened);
  OpenedDb() = default;
  ~OpenedDb() { Close().IgnoreError(); }
  OpenedDb(const OpenedDb&) = delete;
  OpenedDb& operator=(const OpenedDb&) = delete;

  bool is_open() const { return db_ != nullptr; }
  rocksdb::DB& db() const { return *db_; }
  const std::vector<rocksdb::ColumnFamilyHandle*>& families() const { return families_; }
  absl::Status Close();

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_ROCKS_SUPPORT_H_
