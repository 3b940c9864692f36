#include "storage/rocks_state.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/snapshot.h"
#include "rocksdb/write_batch.h"
#include "spdlog/spdlog.h"
#include "storage/bytes.h"
#include "storage/files.h"
#include "storage/record_file.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

constexpr int64_t kMostMemtableBytes = 64 << 20;

rocksdb::Options StateOptions(const DatabaseOptions& options, const SharedMemory& memory) {
  rocksdb::Options rocks = CommonOptions(options, memory, std::make_shared<ErrorListener>("state"));
  // Without a WAL the families would come back from a crash at different checkpoints if each was flushed alone.
  rocks.atomic_flush = true;
  rocks.avoid_flush_during_shutdown = true;  // what is not flushed is of a checkpoint that failed
  // What a checkpoint writes is soon merged with the next ones': packing it before is wasted work.
  rocks.compression_per_level = {rocksdb::kNoCompression, rocksdb::kLZ4Compression};
  // A checkpoint that is larger is one batch, and flushed as a whole, all the same.
  rocks.write_buffer_size = static_cast<size_t>(std::min((options.memory_mb << 20) / 8, kMostMemtableBytes));
  return rocks;
}

std::vector<rocksdb::ColumnFamilyDescriptor> StateFamilies(const rocksdb::Options& rocks, const SharedMemory& memory) {
  rocksdb::BlockBasedTableOptions table = CommonTableOptions(memory);
  rocksdb::ColumnFamilyOptions family(rocks);
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // Most facts and index entries that are looked up are new: a filter answers for them without reading.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.optimize_filters_for_memory = true;
  rocksdb::ColumnFamilyOptions looked_up(rocks);
  looked_up.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  looked_up.memtable_whole_key_filtering = true;
  looked_up.memtable_prefix_bloom_size_ratio = 0.05;
  return {{"meta", family}, {"facts", looked_up}, {"cells", family}, {"indexes", looked_up}};
}

// True when opening again later would not help: the files themselves are at fault.
bool IsContentError(const rocksdb::Status& status) {
  if (IsDiskError(status)) return false;
  return status.IsCorruption() || status.IsInvalidArgument() || status.IsNotSupported() || status.IsPathNotFound() ||
         status.IsNotFound();
}

}  // namespace

RocksState::RocksState(const DatabaseOptions& options, std::string path, const SharedMemory& memory)
    : options_(options), path_(std::move(path)), damaged_path_(path_ + ".damaged"), memory_(memory) {}

rocksdb::Status RocksState::TryOpen() {
  if (const absl::Status records = CheckRecordFiles(path_); !records.ok()) {
    return rocksdb::Status::Corruption(std::string(records.message()));
  }
  const rocksdb::Options rocks = StateOptions(options_, memory_);
  return OpenedDb::Open(rocks, path_, StateFamilies(rocks, memory_), &opened_);
}

absl::Status RocksState::Open() {
  if (const auto damage = ReadFile(damaged_path_); damage.has_value()) RETURN_IF_ERROR(DeleteFiles(*damage));
  rocksdb::Status status = TryOpen();
  if (IsContentError(status)) {
    RETURN_IF_ERROR(DeleteFiles(status.ToString()));
    status = TryOpen();
  }
  return FromRocks(status, absl::StrCat("open the state in ", path_));
}

absl::Status RocksState::Discard(absl::string_view reason) {
  opened_.Close().IgnoreError();  // its errors do not matter any more
  RETURN_IF_ERROR(DeleteFiles(reason));
  return FromRocks(TryOpen(), absl::StrCat("open the state in ", path_));
}

absl::Status RocksState::DeleteFiles(absl::string_view reason) {
  spdlog::warn("the state in {} is discarded and will be rebuilt from the log: {}", path_, std::string(reason));
  const std::string aside = path_ + ".discarded";
  std::error_code error;
  std::filesystem::remove_all(aside, error);
  if (!error) std::filesystem::rename(path_, aside, error);
  if (error) return absl::InternalError(absl::StrCat("cannot discard the state in ", path_, ": ", error.message()));
  std::filesystem::remove(damaged_path_, error);
  std::filesystem::remove_all(aside, error);  // else the next time
  was_reset_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> RocksState::Get(StateTable table, absl::string_view key) const {
  std::string value;
  const rocksdb::Status status = opened_.db().Get(rocksdb::ReadOptions(), family(table), ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  RETURN_IF_ERROR(Checked(status, "read the state"));
  return value;
}

absl::Status RocksState::Checked(const rocksdb::Status& status, absl::string_view what) const {
  if (status.IsCorruption() && !ReadFile(damaged_path_).has_value()) {
    spdlog::error("the state in {} is damaged; it is rebuilt at the next start: {}", path_, status.ToString());
    const std::filesystem::path path(damaged_path_);
    WriteFile(path.parent_path().string(), path.filename().string(), status.ToString()).IgnoreError();
  }
  return FromRocks(status, what);
}

// What stands at one sequence number of RocksDB's.
class RocksSnapshot : public StateSnapshot {
 public:
  explicit RocksSnapshot(const RocksState& state)
      : state_(state), snapshot_(std::make_unique<rocksdb::ManagedSnapshot>(&state.opened_.db())) {}

  absl::Status Scan(StateTable table, absl::string_view prefix, absl::string_view from,
                    const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const override {
    return state_.Scan(snapshot_->snapshot(), table, prefix, from, visit);
  }

 private:
  const RocksState& state_;
  const std::unique_ptr<rocksdb::ManagedSnapshot> snapshot_;
};

std::unique_ptr<StateSnapshot> RocksState::Snapshot() const {
  return std::make_unique<RocksSnapshot>(*this);
}

absl::Status RocksState::Scan(StateTable table, absl::string_view prefix, absl::string_view from,
                              const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const {
  return Scan(nullptr, table, prefix, from, visit);
}

absl::Status RocksState::Scan(const rocksdb::Snapshot* snapshot, StateTable table, absl::string_view prefix,
                              absl::string_view from,
                              const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const {
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Slice end_slice(end);
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  if (!end.empty()) read.iterate_upper_bound = &end_slice;
  const std::unique_ptr<rocksdb::Iterator> iterator(opened_.db().NewIterator(read, family(table)));
  for (iterator->Seek(ToSlice(std::max(prefix, from))); iterator->Valid(); iterator->Next()) {
    if (!visit(ToView(iterator->key()), ToView(iterator->value()))) return absl::OkStatus();
  }
  return Checked(iterator->status(), "read the state");
}

absl::Status RocksState::WriteCheckpoint(absl::Span<const StateChange> changes) {
  // A batch that grows by doubling is copied again and again, each time to fresh memory.
  size_t bytes = 0;
  constexpr size_t kOverhead = 16;  // of a change: its kind, table and sizes
  for (const StateChange& change : changes) bytes += kOverhead + change.key.size() + change.value.value_or("").size();
  rocksdb::WriteBatch batch(bytes);
  for (const StateChange& change : changes) {
    if (change.value.has_value()) {
      batch.Put(family(change.table), ToSlice(change.key), ToSlice(*change.value));
    } else {
      batch.Delete(family(change.table), ToSlice(change.key));
    }
  }
  rocksdb::WriteOptions write;
  write.disableWAL = true;
  KillPoint("checkpoint:before_write");
  rocksdb::Status status = opened_.db().Write(write, &batch);
  KillPoint("checkpoint:before_flush");
  if (status.ok()) status = opened_.db().Flush(rocksdb::FlushOptions(), opened_.families());
  KillPoint("checkpoint:after_flush");
  return Checked(status, "write a checkpoint");
}

}  // namespace partnermetrics::storage
