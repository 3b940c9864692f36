#include "server/engine/state_overlay.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

using Entry = KeyedValues::Entry;

// One layer's entries from `from` on, as far as they have the prefix.
struct Cursor {
  Cursor(absl::Span<const Entry* const> entries, absl::string_view prefix, absl::string_view from)
      : prefix(prefix),
        at(std::lower_bound(entries.begin(), entries.end(), std::max(prefix, from),
                            [](const Entry* entry, absl::string_view key) { return entry->first < key; })),
        end(entries.end()) {}
  bool Done() const { return at == end || !absl::StartsWith((*at)->first, prefix); }
  absl::string_view key() const { return (*at)->first; }
  const StateOverlay::Value& value() const { return (*at)->second; }

  absl::string_view prefix;
  absl::Span<const Entry*const>::const_iterator at, end;
};

// Visits what the layers and the store hold, in the order of the keys. Of one key's values the last layer's counts.
absl::Status MergeCursors(const storage::StateStore& store, StateTable table, std::vector<Cursor> cursors,
                          absl::string_view prefix, absl::string_view from, const StateOverlay::Visit& visit) {
  // The cursor with the smallest key; of equal ones the last.
  const auto first = [&] {
    Cursor* least = nullptr;
    for (Cursor& cursor : cursors) {
      if (!cursor.Done() && (least == nullptr || cursor.key() <= least->key())) least = &cursor;
    }
    return least;
  };
  bool more = true;
  const auto visit_layer = [&](const Cursor& cursor) {
    const absl::string_view key = cursor.key();
    if (const StateOverlay::Value& value = cursor.value(); value.has_value()) more = visit(key, *value);
    for (Cursor& other : cursors) {
      if (!other.Done() && other.key() == key) ++other.at;
    }
  };
  Cursor* least = first();
  absl::Status status = store.Scan(table, prefix, from, [&](absl::string_view key, absl::string_view value) {
    for (; more && least != nullptr && least->key() < key; least = first()) visit_layer(*least);
    if (!more) return false;
    if (least != nullptr && least->key() == key) {
      visit_layer(*least);
      least = first();
    } else {
      more = visit(key, value);
    }
    return more;
  });
  for (; status.ok() && more && least != nullptr; least = first()) visit_layer(*least);
  return status;
}

}  // namespace

size_t StateOverlay::Layer::MoveTo(Layer& to) {
  size_t bytes = 0;
  for (size_t i = 0; i < tables.size(); ++i) bytes += tables[i].MoveTo(to.tables[i]);
  return bytes;
}

void StateOverlay::Layer::Clear() {
  for (KeyedValues& table : tables) table.Clear();
}

bool StateOverlay::Layer::Empty() const {
  return std::all_of(tables.begin(), tables.end(), [](const KeyedValues& table) { return table.empty(); });
}

absl::StatusOr<std::optional<std::string>> StateOverlay::Get(StateTable table, absl::string_view key) const {
  return Find({batch_.get(), sealed_.get(), dirty_.get(), frozen_.get()}, table, key);
}

void StateOverlay::Put(StateTable table, std::string key, std::string value) {
  (*batch_)[table].Set(std::move(key), std::move(value));
}

void StateOverlay::Delete(StateTable table, std::string key) {
  (*batch_)[table].Set(std::move(key), std::nullopt);
}

absl::StatusOr<std::optional<std::string>> StateOverlay::Read(StateTable table, absl::string_view key) const {
  return Find({dirty_.get(), frozen_.get()}, table, key);
}

absl::StatusOr<std::optional<std::string>> StateOverlay::Find(std::initializer_list<const Layer*> layers,
                                                              StateTable table, absl::string_view key) const {
  const size_t hash = KeyedValues::Hash(key);
  for (const Layer* layer : layers) {
    if (const Value* value = (*layer)[table].Find(key, hash); value != nullptr) return *value;
  }
  return store_.Get(table, key);
}

void StateOverlay::Seal() {
  std::swap(batch_, sealed_);
}

void StateOverlay::Publish() {
  dirty_bytes_ += sealed_->MoveTo(*dirty_);
}

void StateOverlay::Discard() {
  batch_->Clear();
  sealed_->Clear();
}

absl::Status StateOverlay::Merge(StateTable table, absl::Span<const Layer* const> layers, absl::string_view prefix,
                                 absl::string_view from, const Visit& visit) const {
  std::vector<Cursor> cursors;
  for (const Layer* layer : layers) cursors.emplace_back((*layer)[table].InOrder(), prefix, from);
  return MergeCursors(store_, table, std::move(cursors), prefix, from, visit);
}

absl::Status StateOverlay::ScanStoredFacts(absl::string_view prefix, absl::string_view from, const Visit& visit) const {
  return store_.Scan(StateTable::kFacts, prefix, from, visit);
}

void StateOverlay::ForEachChangedFact(absl::FunctionRef<void(absl::string_view key)> visit) const {
  for (const Layer* layer : {frozen_.get(), dirty_.get(), sealed_.get(), batch_.get()}) {
    (*layer)[StateTable::kFacts].ForEach([&](const Entry& entry) { visit(entry.first); });
  }
}

absl::Status StateOverlay::Scan(StateTable table, absl::string_view prefix, absl::string_view from,
                                const Visit& visit) const {
  const Layer* const layers[] = {frozen_.get(), dirty_.get(), sealed_.get(), batch_.get()};
  return Merge(table, layers, prefix, from, visit);
}

absl::Status StateOverlay::ReadScan(StateTable table, absl::string_view prefix, absl::string_view from,
                                    const Visit& visit) const {
  const Layer* const layers[] = {frozen_.get(), dirty_.get()};
  return Merge(table, layers, prefix, from, visit);
}

void StateOverlay::Freeze() {
  if (frozen_->Empty()) {
    std::swap(frozen_, dirty_);
  } else {
    dirty_->MoveTo(*frozen_);  // the last checkpoint failed
  }
  dirty_bytes_ = 0;
}

void StateOverlay::CollectFrozen(StateTable table, std::vector<storage::StateChange>& changes) const {
  for (const Entry* entry : (*frozen_)[table].InOrder()) changes.push_back({table, entry->first, entry->second});
}

std::unique_ptr<StateOverlay::Layer> StateOverlay::DropFrozen() {
  return std::exchange(frozen_, std::make_unique<Layer>());
}

}  // namespace partnermetrics
