// A file system for RocksDB that fails on demand and can lose what was not synced.
//
//   auto files = std::make_shared<FaultFileSystem>();
//   FaultEnv env(files);
//   files->FailNext(FaultFileSystem::Op::kSync, ".log", FaultFileSystem::Error::kIo);
//
// Thread-safe.
#ifndef PARTNERMETRICS_TESTS_STORAGE_FAULT_FILE_SYSTEM_H_
#define PARTNERMETRICS_TESTS_STORAGE_FAULT_FILE_SYSTEM_H_

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "storage/mutex.h"

namespace partnermetrics::storage {

class FaultFileSystem : public rocksdb::FileSystemWrapper {
 public:
  // kAny: all that write. kRead: all that read, opening a file for it, its size and the listing of folders included.
  enum class Op { kAny, kAppend, kSync, kOpen, kRename, kRead };
  enum class Error { kIo, kNoSpace };

  FaultFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultFileSystem"; }

  // Fails `times` operations on files whose name ends in `suffix`, after `skip` that succeed. A failing append writes
  // half of its bytes first: disks do.
  void FailNext(Op op, const std::string& suffix, Error error, int64_t skip = 0, int64_t times = 1);
  void FailForGood(Op op, const std::string& suffix, Error error, int64_t skip = 0) {
    FailNext(op, suffix, error, skip, std::numeric_limits<int64_t>::max());
  }
  void Heal() { FailNext(Op::kAny, "", Error::kIo, 0, 0); }
  int64_t failures() const;
  // How many operations are still to succeed before one fails.
  int64_t skips_left() const;
  void set_free_bytes(uint64_t bytes);

  // From now on nothing reaches the disk and everything fails, as when the power goes.
  void CutPower();
  // With the database destroyed: cuts each file back to what was synced of it.
  void DropUnsynced();

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                      rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus GetChildren(const std::string& folder, const rocksdb::IOOptions& options,
                                std::vector<std::string>* names, rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options, uint64_t* bytes,
                                rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus FileExists(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, uint64_t* bytes,
                                 rocksdb::IODebugContext* context) override;

 private:
  friend class FaultFile;
  friend class FaultSequentialFile;
  friend class FaultRandomAccessFile;

  // The error of this operation, or OK.
  rocksdb::IOStatus Check(Op op, const std::string& name);
  void NoteSynced(const std::string& name, uint64_t bytes);

  mutable partnermetrics::Mutex mutex_;
  Op op_ PM_GUARDED_BY(mutex_) = Op::kAny;
  std::string suffix_ PM_GUARDED_BY(mutex_);
  Error error_ PM_GUARDED_BY(mutex_) = Error::kIo;
  int64_t skip_ PM_GUARDED_BY(mutex_) = 0;
  int64_t times_ PM_GUARDED_BY(mutex_) = 0;
  int64_t failures_ PM_GUARDED_BY(mutex_) = 0;
  bool power_ PM_GUARDED_BY(mutex_) = true;
  uint64_t free_bytes_ PM_GUARDED_BY(mutex_) = uint64_t{1} << 40;
  std::map<std::string, uint64_t> synced_ PM_GUARDED_BY(mutex_);
};

// An Env with this file system, and a clock that does not make tests wait: RocksDB sleeps a second after a failed
// flush.
class FaultEnv : public rocksdb::EnvWrapper {
 public:
  explicit FaultEnv(const std::shared_ptr<FaultFileSystem>& files);
};

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_TESTS_STORAGE_FAULT_FILE_SYSTEM_H_
