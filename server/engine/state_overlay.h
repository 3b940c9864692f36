// The state as it is now: the last checkpoint on disk under what changed since.
//
// Changes lie in layers. The applier writes into the batch layer, which nobody else sees; Seal() puts the batch aside,
// while it is made durable, and the next one begins above it; Publish() moves the sealed batch into the dirty layer,
// which readers see, as a whole; a checkpoint freezes the dirty layer and writes it to the store as one batch, while a
// new dirty layer grows above it.
//
// Thread-safety: the methods of the applier are called by one thread; Read and ReadScan by any, under the lock of the
// engine (see Engine), so that several reads belong together. A frozen layer does not change: whoever writes it to the
// store needs no lock.
#ifndef PARTNERMETRICS_SERVER_ENGINE_STATE_OVERLAY_H_
#define PARTNERMETRICS_SERVER_ENGINE_STATE_OVERLAY_H_

#include <array>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/engine/keyed_values.h"
#include "storage/state_store.h"

namespace partnermetrics {

using storage::StateTable;

class StateOverlay {
 public:
  using Visit = std::function<bool(absl::string_view key, absl::string_view value)>;
  using Value = KeyedValues::Value;
  // What changed in one span of time.
  struct Layer {
    std::array<KeyedValues, storage::kStateTables> tables;

    KeyedValues& operator[](StateTable table) { return tables[static_cast<size_t>(table)]; }
    const KeyedValues& operator[](StateTable table) const { return tables[static_cast<size_t>(table)]; }
    // Gives about the bytes moved.
    size_t MoveTo(Layer& to);
    bool Empty() const;
    void Clear();
  };

  explicit StateOverlay(storage::StateStore& store) : store_(store) {}

  // Applier: sees the batch, the sealed one, what is published and the store.
  absl::StatusOr<std::optional<std::string>> Get(StateTable table, absl::string_view key) const;
  void Put(StateTable table, std::string key, std::string value);
  void Delete(StateTable table, std::string key);
  // Keys with the prefix, from `from` on, the batch included, in byte order.
  absl::Status Scan(StateTable table, absl::string_view prefix, absl::string_view from, const Visit& visit) const;

  // Facts as the store has them, and the keys of those that changed since, the batch included, in no order and maybe
  // more than once: what a scan that goes on while they change is made of (see FactScan).
  absl::Status ScanStoredFacts(absl::string_view prefix, absl::string_view from, const Visit& visit) const;
  void ForEachChangedFact(absl::FunctionRef<void(absl::string_view key)> visit) const;

  // Ends the batch. No other may be sealed and not published.
  void Seal();
  // Moves the sealed batch into the dirty layer. The caller holds the engine's lock for writing.
  void Publish();
  // Forgets what is not published.
  void Discard();

  // Readers: see what is published.
  absl::StatusOr<std::optional<std::string>> Read(StateTable table, absl::string_view key) const;
  absl::Status ReadScan(StateTable table, absl::string_view prefix, absl::string_view from, const Visit& visit) const;

  // A checkpoint: Freeze under the lock for writing, CollectFrozen without any; after it is written DropFrozen, again
  // under the lock. One at a time. One that could not be written stays frozen: the next Freeze adds to it. The changes
  // are in the order of their keys and point into the frozen layer.
  void Freeze();
  void CollectFrozen(StateTable table, std::vector<storage::StateChange>& changes) const;
  std::unique_ptr<Layer> DropFrozen();
  size_t dirty_bytes() const { return dirty_bytes_; }

 private:
  // The value in the first of the layers that has the key, or else in the store.
  absl::StatusOr<std::optional<std::string>> Find(std::initializer_list<const Layer*> layers, StateTable table,
                                                  absl::string_view key) const;
  // The store's entries under those of the layers, of which later ones come first.
  absl::Status Merge(StateTable table, absl::Span<const Layer* const> layers, absl::string_view prefix,
                     absl::string_view from, const Visit& visit) const;

  storage::StateStore& store_;
  std::unique_ptr<Layer> batch_ = std::make_unique<Layer>();
  std::unique_ptr<Layer> sealed_ = std::make_unique<Layer>();
  std::unique_ptr<Layer> dirty_ = std::make_unique<Layer>();
  std::unique_ptr<Layer> frozen_ = std::make_unique<Layer>();
  size_t dirty_bytes_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_STATE_OVERLAY_H_
