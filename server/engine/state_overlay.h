// The state as it is now: the last checkpoint on disk under what changed since.
//
// Changes lie in two layers. The applier writes into the batch layer, which nobody else sees; Publish() moves the batch
// into the dirty layer, which readers see, as a whole; a checkpoint writes the dirty layer to the store as one batch.
//
// Thread-safety: the methods of the applier are called by one thread; Read and ReadScan by any, under the lock of the
// engine (see Engine), so that several reads belong together.
#ifndef PARTNERMETRICS_SERVER_ENGINE_STATE_OVERLAY_H_
#define PARTNERMETRICS_SERVER_ENGINE_STATE_OVERLAY_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/state_store.h"

namespace partnermetrics {

using storage::StateTable;

class StateOverlay {
 public:
  using Visit = std::function<bool(absl::string_view key, absl::string_view value)>;

  explicit StateOverlay(storage::StateStore& store) : store_(store) {}

  // Applier: sees the batch, the dirty layer and the store.
  absl::StatusOr<std::optional<std::string>> Get(StateTable table, absl::string_view key) const;
  void Put(StateTable table, std::string key, std::string value);
  void Delete(StateTable table, std::string key);
  // Keys with the prefix, the batch included, in byte order.
  absl::Status Scan(StateTable table, absl::string_view prefix, const Visit& visit) const;

  // Moves the batch into the dirty layer. The caller holds the engine's lock for writing.
  void Publish();

  // Readers: see what is published.
  absl::StatusOr<std::optional<std::string>> Read(StateTable table, absl::string_view key) const;
  absl::Status ReadScan(StateTable table, absl::string_view prefix, absl::string_view from, const Visit& visit) const;

  // Adds the dirty layer to a checkpoint; after it is written ClearDirty() forgets it, under the lock for writing.
  void CollectDirty(std::vector<storage::StateChange>& changes) const;
  void ClearDirty();
  size_t dirty_bytes() const { return dirty_bytes_; }

 private:
  using Layer = absl::btree_map<std::string, std::optional<std::string>>;

  struct TableLayers {
    Layer batch;
    Layer dirty;
  };
  const TableLayers& layers(StateTable table) const { return tables_[static_cast<size_t>(table)]; }
  TableLayers& layers(StateTable table) { return tables_[static_cast<size_t>(table)]; }
  absl::Status Merge(StateTable table, const Layer& layer, absl::string_view prefix, absl::string_view from,
                     const Visit& visit) const;

  storage::StateStore& store_;
  TableLayers tables_[storage::kStateTables];
  size_t dirty_bytes_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_STATE_OVERLAY_H_
