#include "server/engine/state_overlay.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

namespace partnermetrics {
namespace {

// Memory of an entry besides its bytes.
constexpr size_t kEntryBytes = 64;

}  // namespace

absl::StatusOr<std::optional<std::string>> StateOverlay::Get(StateTable table, absl::string_view key) const {
  const auto& batch = layers(table).batch;
  if (const auto it = batch.find(key); it != batch.end()) return it->second;
  return Read(table, key);
}

void StateOverlay::Put(StateTable table, std::string key, std::string value) {
  layers(table).batch.insert_or_assign(std::move(key), std::move(value));
}

void StateOverlay::Delete(StateTable table, std::string key) {
  layers(table).batch.insert_or_assign(std::move(key), std::nullopt);
}

absl::StatusOr<std::optional<std::string>> StateOverlay::Read(StateTable table, absl::string_view key) const {
  const Layer& dirty = layers(table).dirty;
  if (const auto it = dirty.find(key); it != dirty.end()) return it->second;
  return store_.Get(table, key);
}

void StateOverlay::Publish() {
  for (TableLayers& table : tables_) {
    for (auto& [key, value] : table.batch) {
      dirty_bytes_ += key.size() + (value.has_value() ? value->size() : 0) + kEntryBytes;
      table.dirty.insert_or_assign(key, std::move(value));
    }
    table.batch.clear();
  }
}

absl::Status StateOverlay::Merge(StateTable table, const Layer& layer, absl::string_view prefix, absl::string_view from,
                                 const Visit& visit) const {
  auto at = layer.lower_bound(std::max(prefix, from));
  const auto in_layer = [&] { return at != layer.end() && absl::StartsWith(at->first, prefix); };
  bool more = true;
  const auto visit_layer = [&] {
    if (at->second.has_value()) more = visit(at->first, *at->second);
    ++at;
  };
  absl::Status status = store_.Scan(table, prefix, from, [&](absl::string_view key, absl::string_view value) {
    while (more && in_layer() && at->first < key) visit_layer();
    if (!more) return false;
    if (in_layer() && at->first == key) {
      visit_layer();
    } else {
      more = visit(key, value);
    }
    return more;
  });
  while (status.ok() && more && in_layer()) visit_layer();
  return status;
}

absl::Status StateOverlay::Scan(StateTable table, absl::string_view prefix, const Visit& visit) const {
  const TableLayers& layers = this->layers(table);
  // What lies above the store under this prefix is little: a scan is for lists, not for whole tables in a batch.
  Layer above;
  for (const Layer* layer : {&layers.dirty, &layers.batch}) {
    for (auto it = layer->lower_bound(prefix); it != layer->end() && absl::StartsWith(it->first, prefix); ++it) {
      above.insert_or_assign(it->first, it->second);
    }
  }
  return Merge(table, above, prefix, prefix, visit);
}

absl::Status StateOverlay::ReadScan(StateTable table, absl::string_view prefix, absl::string_view from,
                                    const Visit& visit) const {
  return Merge(table, layers(table).dirty, prefix, from, visit);
}

void StateOverlay::CollectDirty(std::vector<storage::StateChange>& changes) const {
  for (size_t i = 0; i < storage::kStateTables; ++i) {
    for (const auto& [key, value] : tables_[i].dirty) changes.push_back({static_cast<StateTable>(i), key, value});
  }
}

void StateOverlay::ClearDirty() {
  for (TableLayers& table : tables_) table.dirty.clear();
  dirty_bytes_ = 0;
}

}  // namespace partnermetrics
