// The state in a RocksDB instance of its own: no WAL, each checkpoint is flushed, all column families together, so that
// what is on disk is always one whole checkpoint.
#ifndef PARTNERMETRICS_STORAGE_ROCKS_STATE_H_
#define PARTNERMETRICS_STORAGE_ROCKS_STATE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "storage/database.h"
#include "storage/rocks_support.h"
#include "storage/state_store.h"

namespace partnermetrics::storage {

class RocksState : public StateStore {
 public:
  // Does not open it. `memory` must outlive the state.
  RocksState(const DatabaseOptions& options, std::string path, const SharedMemory& memory);

  // Opens what is on disk; one that does not open because of its content is discarded. Then was_reset() is true.
  absl::Status Open();
  absl::Status Discard(absl::string_view reason);
  bool was_reset() const { return was_reset_; }
  absl::Status Use(const std::function<absl::Status(rocksdb::DB&)>& use) { return use(opened_.db()); }
  absl::Status Close() { return opened_.Close(); }

  absl::StatusOr<std::optional<std::string>> Get(StateTable table, absl::string_view key) const override;
  absl::Status Scan(StateTable table, absl::string_view prefix, absl::string_view from,
                    const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const override;
  std::unique_ptr<StateSnapshot> Snapshot() const override;
  absl::Status WriteCheckpoint(absl::Span<const StateChange> changes) override;

 private:
  friend class RocksSnapshot;

  rocksdb::Status TryOpen();
  absl::Status Scan(const rocksdb::Snapshot* snapshot, StateTable table, absl::string_view prefix,
                    absl::string_view from,
                    const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const;
  // The status in our words. Damage is noted on disk: what is damaged cannot heal by opening it again, so the next
  // opening discards the state.
  absl::Status Checked(const rocksdb::Status& status, absl::string_view what) const;
  // Moves the files aside, then deletes them: a crash on the way leaves no half of a state behind.
  absl::Status DeleteFiles(absl::string_view reason);
  rocksdb::ColumnFamilyHandle* family(StateTable table) const { return opened_.families()[static_cast<size_t>(table)]; }
  void KillPoint(absl::string_view name) const {
    if (options_.kill_point) options_.kill_point(name);
  }

  const DatabaseOptions options_;
  const std::string path_;
  const std::string damaged_path_;
  const SharedMemory& memory_;
  OpenedDb opened_;
  bool was_reset_ = false;
};

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_ROCKS_STATE_H_
