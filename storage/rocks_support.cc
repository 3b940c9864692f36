#include "storage/rocks_support.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/cache.h"
#include "rocksdb/env.h"
#include "rocksdb/write_buffer_manager.h"
#include "spdlog/spdlog.h"

namespace partnermetrics::storage {
namespace {

// RocksDB's own log file must not be: with it the packaged library aborts the process when the disk is full.
class SpdlogLogger : public rocksdb::Logger {
 public:
  explicit SpdlogLogger(rocksdb::InfoLogLevel level) : Logger(level) {}

  using Logger::Logv;
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel()) return;
    char line[1024];
    std::vsnprintf(line, sizeof(line), format, arguments);
    if (absl::StrContains(line, "File Deletions")) return;  // a warning that every backup causes, of no interest
    spdlog::log(ToSpdlog(level), "rocksdb: {}", line);
  }
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments);
  }

 private:
  static spdlog::level::level_enum ToSpdlog(rocksdb::InfoLogLevel level) {
    switch (level) {
      case rocksdb::InfoLogLevel::DEBUG_LEVEL:
        return spdlog::level::debug;
      case rocksdb::InfoLogLevel::WARN_LEVEL:
        return spdlog::level::warn;
      case rocksdb::InfoLogLevel::ERROR_LEVEL:
      case rocksdb::InfoLogLevel::FATAL_LEVEL:
        return spdlog::level::err;
      default:
        return spdlog::level::info;
    }
  }
};

}  // namespace

bool IsDiskError(const rocksdb::Status& status) {
  if (status.IsIOError()) return !status.IsPathNotFound();
  // We ask for no direct I/O: so this is how RocksDB explains any error of opening CURRENT.
  return status.IsInvalidArgument() && (absl::StrContains(status.ToString(), "Direct I/O is not supported") ||
                                        absl::StrContains(status.ToString(), "options incompatible with filesystem"));
}

absl::Status FromRocks(const rocksdb::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(what, ": ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  const bool may_pass = IsDiskError(status) || status.IsIOError() || status.IsBusy() || status.IsTimedOut();
  if (may_pass || status.IsTryAgain()) return absl::UnavailableError(message);
  return absl::InternalError(message);
}

std::string ErrorListener::reason() const {
  MutexLock lock(&mutex_);
  return reason_;
}

void ErrorListener::Close(absl::string_view reason) {
  MutexLock lock(&mutex_);
  if (reason_.empty()) reason_ = std::string(reason);
  closed_.store(true, std::memory_order_release);
}

void ErrorListener::OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) {
  const std::string text = error->ToString();
  spdlog::error("{}: {} (severity {})", name_, text, static_cast<int>(error->severity()));
  if (error->severity() >= rocksdb::Status::Severity::kFatalError) Close(text);
}

void ErrorListener::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status /*error*/,
                                         bool* recover) {
  // RocksDB believes it has recovered from a failed append to the WAL, but when its memtables are empty it goes on with
  // the same WAL, and the packaged library aborts at the next append. RocksLog opens the instance anew instead.
  if (reason == rocksdb::BackgroundErrorReason::kWriteCallback) *recover = false;
}

void ErrorListener::OnIOError(const rocksdb::IOErrorInfo& info) {
  if (info.operation != rocksdb::FileOperationType::kAppend && absl::EndsWith(info.file_path, ".log")) {
    wal_sync_failed_.store(true, std::memory_order_release);
  }
}

std::shared_ptr<rocksdb::Logger> QuietLogger() {
  return std::make_shared<SpdlogLogger>(rocksdb::InfoLogLevel::WARN_LEVEL);
}

SharedMemory::SharedMemory(const DatabaseOptions& options) {
  const auto bytes = static_cast<size_t>(std::max<int64_t>(options.memory_mb, 8)) << 20;
  cache = rocksdb::NewLRUCache(bytes);
  // Write buffers count into the cache: the budget is for both.
  write_buffers = std::make_shared<rocksdb::WriteBufferManager>(bytes / 2, cache);
}

rocksdb::Options CommonOptions(const DatabaseOptions& options, const SharedMemory& memory,
                               std::shared_ptr<ErrorListener> listener) {
  rocksdb::Options rocks;
  if (options.env != nullptr) rocks.env = options.env;
  rocks.create_if_missing = true;
  rocks.create_missing_column_families = true;
  rocks.paranoid_checks = true;
  rocks.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  rocks.info_log = QuietLogger();
  rocks.listeners.push_back(std::move(listener));
  rocks.write_buffer_manager = memory.write_buffers;
  rocks.compression = rocksdb::kLZ4Compression;
  rocks.level_compaction_dynamic_level_bytes = true;
  rocks.max_background_jobs = 2;
  rocks.max_open_files = 256;
  rocks.bytes_per_sync = 1 << 20;
  rocks.stats_dump_period_sec = 0;
  rocks.stats_persist_period_sec = 0;
  return rocks;
}

rocksdb::BlockBasedTableOptions CommonTableOptions(const SharedMemory& memory) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = memory.cache;
  table.format_version = 5;
  table.block_size = 16 << 10;
  table.checksum = rocksdb::kXXH3;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  return table;
}

rocksdb::Status OpenedDb::Open(const rocksdb::Options& options, const std::string& path,
                               const std::vector<rocksdb::ColumnFamilyDescriptor>& families, OpenedDb* opened) {
  // RocksDB would log an error about the missing folder before it makes it.
  if (options.create_if_missing) options.env->CreateDirIfMissing(path).PermitUncheckedError();
  std::vector<rocksdb::ColumnFamilyDescriptor> all = {{rocksdb::kDefaultColumnFamilyName, options}};
  all.insert(all.end(), families.begin(), families.end());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, path, all, &handles, &db);
  if (!status.ok()) return status;
  opened->db_.reset(db);
  db->DestroyColumnFamilyHandle(handles[0]);
  opened->families_.assign(handles.begin() + 1, handles.end());
  return status;
}

absl::Status OpenedDb::Close() {
  if (db_ == nullptr) return absl::OkStatus();
  for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family);
  families_.clear();
  const rocksdb::Status status = db_->Close();
  db_.reset();
  return FromRocks(status, "close");
}

}  // namespace partnermetrics::storage
