#include "storage/rocks_log.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/write_batch.h"
#include "storage/bytes.h"
#include "storage/record_codec.h"
#include "storage/record_file.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

constexpr size_t kMaxProgramIdBytes = 255;
constexpr size_t kReadaheadBytes = 1 << 20;
// More than an opening writes at once.
constexpr size_t kProbeBytes = 1 << 20;
// Bounds what opening after a crash has to read again.
constexpr uint64_t kMaxWalBytes = 64 << 20;

rocksdb::Options LogOptions(const DatabaseOptions& options, const SharedMemory& memory,
                            std::shared_ptr<ErrorListener> errors) {
  rocksdb::Options rocks = CommonOptions(options, memory, std::move(errors));
  // Refuses to open over a damaged WAL. The default would drop what comes after the damage and say nothing.
  rocks.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocks.track_and_verify_wals_in_manifest = true;
  rocks.max_total_wal_size = kMaxWalBytes;
  rocks.write_buffer_size = 32 << 20;
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(CommonTableOptions(memory)));
  return rocks;
}

// Iterates over the keys with a prefix.
class PrefixScan {
 public:
  PrefixScan(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::string prefix)
      : prefix_(std::move(prefix)), end_(PrefixEnd(prefix_)), end_slice_(end_) {
    rocksdb::ReadOptions read;
    read.readahead_size = kReadaheadBytes;
    read.fill_cache = false;
    if (!end_.empty()) read.iterate_upper_bound = &end_slice_;
    iterator_.reset(db.NewIterator(read, family));
  }

  rocksdb::Iterator* operator->() { return iterator_.get(); }
  absl::string_view key() const { return ToView(iterator_->key()); }
  absl::string_view key_rest() const { return key().substr(prefix_.size()); }
  absl::string_view value() const { return ToView(iterator_->value()); }

 private:
  const std::string prefix_;
  const std::string end_;
  const rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// False when the folder holds data files: then a missing CURRENT is damage, and creating a database over them would
// delete them.
absl::StatusOr<bool> MayCreate(rocksdb::Env* env, const std::string& path) {
  std::vector<std::string> files;
  const rocksdb::Status listed = env->GetChildren(path, &files);
  if (listed.IsNotFound() || listed.IsPathNotFound()) return true;
  RETURN_IF_ERROR(FromRocks(listed, absl::StrCat("the folder of the log in ", path, " cannot be read")));
  return std::none_of(files.begin(), files.end(), [](const std::string& file) {
    return absl::EndsWith(file, ".log") || absl::EndsWith(file, ".sst");
  });
}

absl::Status WriteFailed(LogInstance& instance, const rocksdb::Status& status) {
  // A full disk when appending leaves half a record at the end of the WAL: nothing is stored.
  if (status.IsNoSpace() && !instance.errors->closed() && !instance.errors->wal_sync_failed()) {
    instance.wal_torn = true;
    return absl::ResourceExhaustedError(absl::StrCat("the disk of the log is full: ", status.ToString()));
  }
  // Everything else may have reached the disk. A next batch would get the same positions, so there must be none before
  // the log is opened again and what it holds is known.
  instance.errors->Close(status.ToString());
  return absl::UnavailableError(
      absl::StrCat("it is unknown whether the batch is stored, an error of the disk came first: ", status.ToString()));
}

// What was deleted or replaced between the keys leaves the disk.
absl::Status EraseFromFiles(const LogInstance& instance, rocksdb::ColumnFamilyHandle* family, const std::string& begin,
                            const std::string& end) {
  // Flushing everything ends the WAL that holds the rows, compacting drops them from the tables.
  RETURN_IF_ERROR(FromRocks(instance.db().Flush(rocksdb::FlushOptions(), instance.opened.families()), "erase"));
  rocksdb::CompactRangeOptions compact;
  compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  const rocksdb::Slice first(begin);
  const rocksdb::Slice last(end);
  RETURN_IF_ERROR(FromRocks(instance.db().CompactRange(compact, family, &first, &last), "erase"));
  // A thread of RocksDB deletes the old files a moment later; listing the WALs waits for it.
  rocksdb::VectorLogPtr wals;
  return FromRocks(instance.db().GetSortedWalFiles(wals), "erase");
}

std::string ProgramPrefix(absl::string_view program_id) {
  std::string prefix;
  ByteWriter(&prefix).String(program_id);
  return prefix;
}

std::string NumberKeyOf(std::string prefix, uint64_t number) {
  ByteWriter(&prefix).KeyU64(number);
  return prefix;
}

}  // namespace

absl::StatusOr<uint64_t> LastNumber(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                                    absl::string_view program_id) {
  const std::string prefix = ProgramPrefix(program_id);
  PrefixScan scan(db, family, prefix);
  scan->SeekForPrev(NumberKeyOf(prefix, ~uint64_t{0}));
  RETURN_IF_ERROR(FromRocks(scan->status(), "find the end of the log"));
  if (!scan->Valid() || !absl::StartsWith(scan.key(), prefix)) return 0;
  ByteReader reader(scan.key_rest());
  const uint64_t number = reader.KeyU64();
  RETURN_IF_ERROR(reader.Finish("log key"));
  return number;
}

// --- RocksLog ---

absl::StatusOr<std::unique_ptr<RocksLog>> RocksLog::Open(const DatabaseOptions& options, const std::string& path,
                                                         const SharedMemory& memory) {
  std::unique_ptr<RocksLog> log(new RocksLog(options, path, memory));
  MutexLock lock(&log->mutex_);
  ASSIGN_OR_RETURN(log->instance_, log->OpenInstance());
  return log;
}

absl::StatusOr<RocksLog::Instance> RocksLog::OpenInstance() const {
  if (const absl::Status records = CheckRecordFiles(path_); !records.ok()) return DoesNotOpen(records.message());
  auto instance = std::make_shared<LogInstance>();
  rocksdb::Options rocks = LogOptions(options_, memory_, instance->errors);
  ASSIGN_OR_RETURN(rocks.create_if_missing, MayCreate(rocks.env, path_));
  const rocksdb::ColumnFamilyOptions family(rocks);
  const rocksdb::Status status =
      OpenedDb::Open(rocks, path_, {{kEventsFamily, family}, {kPersonalFamily, family}, {kQuarantineFamily, family}},
                     &instance->opened);
  if (status.ok()) return instance;
  if (IsDiskError(status)) {
    return FromRocks(status, absl::StrCat("the log in ", path_, " cannot be opened now; nothing is lost by that"));
  }
  return DoesNotOpen(status.ToString());
}

absl::Status RocksLog::DoesNotOpen(absl::string_view why) const {
  return absl::DataLossError(
      absl::StrCat("the log in ", path_, " does not open: ", why,
                   ". Bytes on disk are missing or have changed since they were written, so accepted events may be "
                   "lost; nothing was repaired or deleted. Copy the folder away, check the disk, and restore the "
                   "newest backup."));
}

absl::StatusOr<EventLog*> RocksLog::Program(absl::string_view program_id) {
  if (program_id.empty() || program_id.size() > kMaxProgramIdBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a program id has 1 to ", kMaxProgramIdBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const Instance instance, ForReading());
  MutexLock lock(&mutex_);
  if (const auto found = programs_.find(program_id); found != programs_.end()) return found->second.get();
  auto program = std::make_unique<RocksEventLog>(*this, program_id);
  RETURN_IF_ERROR(program->Recover(*instance));
  return programs_.emplace(std::string(program_id), std::move(program)).first->second.get();
}

absl::Status RocksLog::Use(const std::function<absl::Status(rocksdb::DB&)>& use) {
  ASSIGN_OR_RETURN(const Instance instance, ForReading());
  return use(instance->db());
}

std::vector<std::string> RocksLog::programs() const {
  MutexLock lock(&mutex_);
  std::vector<std::string> programs;
  for (const auto& [id, program] : programs_) programs.push_back(id);
  return programs;
}

absl::Status RocksLog::Close() {
  MutexLock lock(&mutex_);
  if (instance_ == nullptr) return absl::OkStatus();
  const bool sync = !options_.sync && !instance_->errors->closed() && !instance_->wal_torn;
  absl::Status synced = sync ? FromRocks(instance_->db().SyncWAL(), "sync the log") : absl::OkStatus();
  absl::Status closed = instance_->opened.Close();
  instance_.reset();
  return synced.ok() ? closed : synced;
}

absl::StatusOr<RocksLog::Instance> RocksLog::ForReading() const {
  MutexLock lock(&mutex_);
  if (instance_ == nullptr) return absl::UnavailableError("the log is closed");
  return instance_;
}

absl::StatusOr<RocksLog::Instance> RocksLog::ForWriting() {
  RETURN_IF_ERROR(CheckSpace());
  MutexLock lock(&mutex_);
  if (instance_ == nullptr || instance_->wal_torn) RETURN_IF_ERROR(Reopen());
  if (instance_->errors->closed()) {
    return absl::FailedPreconditionError(absl::StrCat("the log takes no writes since an error of the disk (",
                                                      instance_->errors->reason(),
                                                      "); restart the server once that is solved"));
  }
  return instance_;
}

rocksdb::FileSystem& RocksLog::files() const {
  return *(options_.env != nullptr ? options_.env : rocksdb::Env::Default())->GetFileSystem();
}

absl::Status RocksLog::CheckSpace() const {
  uint64_t free_bytes = 0;
  const rocksdb::Status status = files().GetFreeSpace(path_, rocksdb::IOOptions(), &free_bytes, nullptr);
  if (status.ok() && free_bytes < static_cast<uint64_t>(std::max<int64_t>(options_.min_free_bytes, 0))) {
    return absl::ResourceExhaustedError(absl::StrCat("the disk of ", path_, " has ", free_bytes >> 20,
                                                     " MiB left; the log stops at ", options_.min_free_bytes >> 20,
                                                     " MiB. Free some space; no restart is needed."));
  }
  return absl::OkStatus();
}

absl::Status RocksLog::Reopen() {
  // Two instances cannot have the files open at once, so the readers of the old one must have finished. We do not wait
  // for them: the caller of an append may itself be one.
  if (instance_ != nullptr && instance_.use_count() > 1) {
    return absl::ResourceExhaustedError("the disk was full; the log is being read and opens again right after");
  }
  // Should opening fail, nothing could be read either; so not before the disk takes what opening writes.
  const std::string probe = path_ + ".probe";
  const rocksdb::Status room = rocksdb::WriteStringToFile(&files(), std::string(kProbeBytes, '\0'), probe, true);
  files().DeleteFile(probe, rocksdb::IOOptions(), nullptr).PermitUncheckedError();
  RETURN_IF_ERROR(FromRocks(room, absl::StrCat("the disk of ", path_, " is still full")));
  instance_.reset();
  ASSIGN_OR_RETURN(Instance instance, OpenInstance());
  for (const auto& [id, program] : programs_) {
    ASSIGN_OR_RETURN(const bool as_known, program->EndsAsKnown(*instance));
    if (!as_known) instance->errors->Close(absl::StrCat("a batch of ", id, " is stored that was answered as refused"));
  }
  instance_ = std::move(instance);
  return absl::OkStatus();
}

absl::Status RocksLog::Write(LogInstance& instance, rocksdb::WriteBatch* batch) {
  rocksdb::WriteOptions write;
  write.sync = options_.sync;
  if (options_.kill_point) options_.kill_point("append:before_write");
  const rocksdb::Status status = instance.db().Write(write, batch);
  if (options_.kill_point) options_.kill_point("append:after_write");
  return status.ok() ? absl::OkStatus() : WriteFailed(instance, status);
}

// --- RocksEventLog ---

RocksEventLog::RocksEventLog(RocksLog& store, absl::string_view program_id)
    : store_(store), program_id_(program_id), prefix_(ProgramPrefix(program_id)) {}

std::string RocksEventLog::NumberKey(uint64_t number) const {
  return NumberKeyOf(prefix_, number);
}

std::string RocksEventLog::SubjectPrefix(absl::string_view subject) const {
  std::string key = prefix_;
  ByteWriter(&key).KeyString(subject);
  return key;
}

absl::Status RocksEventLog::Damaged(const absl::Status& status, absl::string_view what) const {
  return absl::DataLossError(
      absl::StrCat("log of program ", program_id_, ", ", what, ": ", status.message(), "; restore it from a backup"));
}

absl::Status RocksEventLog::Recover(const LogInstance& instance) {
  ASSIGN_OR_RETURN(last_position_, LastNumber(instance.db(), instance.events(), program_id_));
  ASSIGN_OR_RETURN(last_quarantine_, LastNumber(instance.db(), instance.quarantine(), program_id_));
  return absl::OkStatus();
}

absl::StatusOr<bool> RocksEventLog::EndsAsKnown(const LogInstance& instance) const {
  ASSIGN_OR_RETURN(const uint64_t position, LastNumber(instance.db(), instance.events(), program_id_));
  ASSIGN_OR_RETURN(const uint64_t quarantine, LastNumber(instance.db(), instance.quarantine(), program_id_));
  return position == last_position_ && quarantine == last_quarantine_;
}

absl::StatusOr<uint64_t> RocksEventLog::Append(LogBatch& batch) {
  if (batch.records.empty() && batch.personal.empty() && batch.quarantine.empty()) return last_position();
  ASSIGN_OR_RETURN(const std::shared_ptr<LogInstance> log, store_.ForWriting());
  rocksdb::WriteBatch writes;
  uint64_t position = last_position();
  for (LogRecord& record : batch.records) {
    record.position = ++position;
    const std::string key = NumberKey(position);
    writes.Put(log->events(), key, EncodeRecord(key, record));
  }
  for (const PersonalRow& row : batch.personal) {
    const std::string key = SubjectPrefix(row.subject) + row.key;
    writes.Put(log->personal(), key, EncodeRow(key, row.value));
  }
  uint64_t number = last_quarantine_;
  for (QuarantineRow& row : batch.quarantine) {
    row.record = ++number;
    const std::string key = NumberKey(number);
    writes.Put(log->quarantine(), key, EncodeRow(key, row.value));
  }
  RETURN_IF_ERROR(store_.Write(*log, &writes));
  last_position_.store(position, std::memory_order_release);
  last_quarantine_ = number;
  return position;
}

absl::Status RocksEventLog::Read(uint64_t after, const std::function<bool(const LogRecord&)>& visit) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<LogInstance> log, store_.ForReading());
  PrefixScan scan(log->db(), log->events(), prefix_);
  uint64_t position = after;
  for (scan->Seek(NumberKey(after + 1)); scan->Valid(); scan->Next()) {
    ++position;
    const std::string expected = NumberKey(position);
    if (scan.key() != expected) {
      return Damaged(absl::DataLossError("the record is missing"), absl::StrCat("position ", position));
    }
    absl::StatusOr<LogRecord> record = DecodeRecord(expected, scan.value());
    if (!record.ok()) return Damaged(record.status(), absl::StrCat("position ", position));
    record->position = position;
    if (!visit(*record)) return absl::OkStatus();
  }
  return FromRocks(scan->status(), "read the log");
}

absl::StatusOr<LogRecord> RocksEventLog::Get(uint64_t position) const {
  if (position == 0 || position > last_position()) {
    return absl::NotFoundError(absl::StrCat("the log has no position ", position));
  }
  const std::string key = NumberKey(position);
  std::string value;
  ASSIGN_OR_RETURN(const std::shared_ptr<LogInstance> log, store_.ForReading());
  const rocksdb::Status status = log->db().Get(rocksdb::ReadOptions(), log->events(), key, &value);
  if (status.IsNotFound()) {
    return Damaged(absl::DataLossError("the record is missing"), absl::StrCat("position ", position));
  }
  RETURN_IF_ERROR(FromRocks(status, "read the log"));
  absl::StatusOr<LogRecord> record = DecodeRecord(key, value);
  if (!record.ok()) return Damaged(record.status(), absl::StrCat("position ", position));
  record->position = position;
  return record;
}

absl::Status RocksEventLog::ReadPersonal(absl::string_view subject,
                                         const std::function<bool(const PersonalRow&)>& visit) const {
  const std::string prefix = SubjectPrefix(subject);
  return ScanPersonal(prefix, prefix, visit);
}

absl::Status RocksEventLog::ReadAllPersonal(absl::string_view after_subject, absl::string_view after_key,
                                            const std::function<bool(const PersonalRow&)>& visit) const {
  return ScanPersonal(prefix_, absl::StrCat(SubjectPrefix(after_subject), after_key), visit);
}

absl::Status RocksEventLog::ScanPersonal(const std::string& prefix, const std::string& after,
                                         const std::function<bool(const PersonalRow&)>& visit) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<LogInstance> log, store_.ForReading());
  PrefixScan scan(log->db(), log->personal(), prefix);
  for (scan->Seek(after); scan->Valid(); scan->Next()) {
    if (scan.key() == after) continue;
    absl::StatusOr<std::string> value = DecodeRow(scan.key(), scan.value());
    if (!value.ok()) return Damaged(value.status(), "a personal row");
    ByteReader key(scan.key().substr(prefix_.size()));
    PersonalRow row{key.KeyString(), "", *std::move(value)};
    row.key = std::string(key.Raw(key.remaining()));
    RETURN_IF_ERROR(key.Finish("key of a personal row"));
    if (!visit(row)) return absl::OkStatus();
  }
  return FromRocks(scan->status(), "read personal rows");
}

absl::Status RocksEventLog::ErasePersonal(absl::Span<const PersonalRow> rows) {
  if (rows.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::shared_ptr<LogInstance> log, store_.ForWriting());
  rocksdb::WriteBatch writes;
  std::vector<std::string> keys;
  for (const PersonalRow& row : rows) {
    keys.push_back(SubjectPrefix(row.subject) + row.key);
    writes.Delete(log->personal(), keys.back());
  }
  RETURN_IF_ERROR(store_.Write(*log, &writes));
  const auto [first, last] = std::minmax_element(keys.begin(), keys.end());
  return EraseFromFiles(*log, log->personal(), *first, *last);
}

absl::Status RocksEventLog::ReadQuarantine(uint64_t after,
                                           const std::function<bool(const QuarantineRow&)>& visit) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<LogInstance> log, store_.ForReading());
  PrefixScan scan(log->db(), log->quarantine(), prefix_);
  for (scan->Seek(NumberKey(after + 1)); scan->Valid(); scan->Next()) {
    ByteReader number(scan.key_rest());
    QuarantineRow row{.record = number.KeyU64(), .value = {}};
    absl::StatusOr<std::string> value = DecodeRow(scan.key(), scan.value());
    if (!value.ok()) return Damaged(value.status(), absl::StrCat("quarantine record ", row.record));
    row.value = *std::move(value);
    if (!visit(row)) return absl::OkStatus();
  }
  return FromRocks(scan->status(), "read the quarantine");
}

absl::Status RocksEventLog::ReplaceQuarantine(absl::Span<const QuarantineRow> rows) {
  if (rows.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::shared_ptr<LogInstance> log, store_.ForWriting());
  rocksdb::WriteBatch writes;
  uint64_t first = rows.front().record;
  uint64_t last = first;
  for (const QuarantineRow& row : rows) {
    if (row.record == 0 || row.record > last_quarantine_) {
      return absl::NotFoundError(absl::StrCat("the quarantine has no record ", row.record));
    }
    const std::string key = NumberKey(row.record);
    writes.Put(log->quarantine(), key, EncodeRow(key, row.value));
    first = std::min(first, row.record);
    last = std::max(last, row.record);
  }
  RETURN_IF_ERROR(store_.Write(*log, &writes));
  return EraseFromFiles(*log, log->quarantine(), NumberKey(first), NumberKey(last));
}

}  // namespace partnermetrics::storage
