#include "server/engine/state_overlay.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

// Memory of an entry besides its bytes.
constexpr size_t kEntryBytes = 64;

using Value = StateOverlay::Value;

const Value& ValueOf(const Value& value) {
  return value;
}
const Value& ValueOf(const Value* value) {
  return *value;
}

// The bytes behind the first `from` of a key as a number that is ordered like them.
uint64_t NumberAt(absl::string_view key, size_t from) {
  uint64_t number = 0;
  for (size_t i = from; i < from + sizeof(number); ++i) {
    number = number << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : uint8_t{0});
  }
  return number;
}

// Appends the facts in the order of their keys, which are quicker to insert than scattered ones. The keys begin alike,
// and each lies elsewhere in memory: they are compared by a number of the bytes that follow, and only when that is
// equal as a whole.
void AppendSorted(const StateOverlay::Hashed& facts, std::vector<storage::StateChange>& changes) {
  if (facts.empty()) return;
  const absl::string_view any = facts.begin()->first;
  size_t alike = any.size();
  for (const auto& [key, value] : facts) {
    const size_t most = std::min(alike, key.size());
    alike = static_cast<size_t>(std::mismatch(any.begin(), any.begin() + most, key.begin()).first - any.begin());
  }
  struct Numbered {
    uint64_t number;
    const StateOverlay::Hashed::value_type* fact;
  };
  std::vector<Numbered> sorted;
  sorted.reserve(facts.size());
  for (const auto& fact : facts) sorted.push_back({NumberAt(fact.first, alike), &fact});
  std::sort(sorted.begin(), sorted.end(), [](const Numbered& a, const Numbered& b) {
    return a.number != b.number ? a.number < b.number : a.fact->first < b.fact->first;
  });
  for (const Numbered& next : sorted) changes.push_back({StateTable::kFacts, next.fact->first, next.fact->second});
}

// One layer's entries from `from` on, as far as they have the prefix.
template <typename Entries>
struct Cursor {
  Cursor(const Entries& entries, absl::string_view prefix, absl::string_view from)
      : prefix(prefix), at(entries.lower_bound(std::max(prefix, from))), end(entries.end()) {}
  bool Done() const { return at == end || !absl::StartsWith(at->first, prefix); }

  absl::string_view prefix;
  typename Entries::const_iterator at, end;
};

// Visits what the layers and the store hold, in the order of the keys. Of one key's values the last layer's counts.
template <typename Entries>
absl::Status MergeCursors(const storage::StateStore& store, StateTable table, std::vector<Cursor<Entries>> cursors,
                          absl::string_view prefix, absl::string_view from, const StateOverlay::Visit& visit) {
  // The cursor with the smallest key; of equal ones the last.
  const auto first = [&] {
    Cursor<Entries>* least = nullptr;
    for (Cursor<Entries>& cursor : cursors) {
      if (!cursor.Done() && (least == nullptr || cursor.at->first <= least->at->first)) least = &cursor;
    }
    return least;
  };
  bool more = true;
  const auto visit_layer = [&](const Cursor<Entries>& cursor) {
    const absl::string_view key = cursor.at->first;
    if (const Value& value = ValueOf(cursor.at->second); value.has_value()) more = visit(key, *value);
    for (Cursor<Entries>& other : cursors) {
      if (!other.Done() && other.at->first == key) ++other.at;
    }
  };
  Cursor<Entries>* least = first();
  absl::Status status = store.Scan(table, prefix, from, [&](absl::string_view key, absl::string_view value) {
    for (; more && least != nullptr && least->at->first < key; least = first()) visit_layer(*least);
    if (!more) return false;
    if (least != nullptr && least->at->first == key) {
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

const StateOverlay::Value* StateOverlay::Layer::Find(StateTable table, absl::string_view key) const {
  if (table == StateTable::kFacts) {
    const auto it = facts.find(key);
    return it == facts.end() ? nullptr : &it->second;
  }
  const Ordered& entries = others[static_cast<size_t>(table)];
  const auto it = entries.find(key);
  return it == entries.end() ? nullptr : &it->second;
}

void StateOverlay::Layer::Set(StateTable table, std::string key, Value value) {
  if (table == StateTable::kFacts) {
    facts.insert_or_assign(std::move(key), std::move(value));
  } else {
    others[static_cast<size_t>(table)].insert_or_assign(std::move(key), std::move(value));
  }
}

void StateOverlay::Layer::Clear() {
  facts.clear();
  for (Ordered& table : others) table.clear();
}

bool StateOverlay::Layer::Empty() const {
  return facts.empty() && std::all_of(std::begin(others), std::end(others), [](const Ordered& t) { return t.empty(); });
}

absl::StatusOr<std::optional<std::string>> StateOverlay::Get(StateTable table, absl::string_view key) const {
  if (const Value* value = batch_.Find(table, key); value != nullptr) return *value;
  if (const Value* value = sealed_.Find(table, key); value != nullptr) return *value;
  return Read(table, key);
}

void StateOverlay::Put(StateTable table, std::string key, std::string value) {
  batch_.Set(table, std::move(key), std::move(value));
}

void StateOverlay::Delete(StateTable table, std::string key) {
  batch_.Set(table, std::move(key), std::nullopt);
}

absl::StatusOr<std::optional<std::string>> StateOverlay::Read(StateTable table, absl::string_view key) const {
  if (const Value* value = dirty_.Find(table, key); value != nullptr) return *value;
  if (const Value* value = frozen_.Find(table, key); value != nullptr) return *value;
  return store_.Get(table, key);
}

size_t StateOverlay::Layer::MoveTo(Layer& to) {
  size_t bytes = 0;
  const auto move = [&bytes](auto entry, auto& into) {
    const Value& value = entry.mapped();
    bytes += entry.key().size() + (value.has_value() ? value->size() : 0) + kEntryBytes;
    into.insert_or_assign(std::move(entry.key()), std::move(entry.mapped()));
  };
  // Onwards, never from the beginning again: that takes the longer the emptier a hash map has become.
  for (auto it = facts.begin(); it != facts.end();) move(facts.extract(it++), to.facts);
  for (size_t i = 0; i < storage::kStateTables; ++i) {
    while (!others[i].empty()) move(others[i].extract(others[i].begin()), to.others[i]);
  }
  Clear();
  return bytes;
}

void StateOverlay::Seal() {
  std::swap(batch_, sealed_);
}

void StateOverlay::Publish() {
  dirty_bytes_ += sealed_.MoveTo(dirty_);
}

void StateOverlay::Discard() {
  batch_.Clear();
  sealed_.Clear();
}

absl::Status StateOverlay::Merge(StateTable table, absl::Span<const Layer* const> layers, absl::string_view prefix,
                                 absl::string_view from, const Visit& visit) const {
  if (table != StateTable::kFacts) {
    std::vector<Cursor<Ordered>> cursors;
    for (const Layer* layer : layers) cursors.emplace_back(layer->others[static_cast<size_t>(table)], prefix, from);
    return MergeCursors(store_, table, std::move(cursors), prefix, from, visit);
  }
  // Scans of facts are rare and read them all.
  using Sorted = absl::btree_map<absl::string_view, const Value*>;
  Sorted sorted;
  for (const Layer* layer : layers) {
    for (const auto& [key, value] : layer->facts) sorted.insert_or_assign(key, &value);
  }
  return MergeCursors(store_, table, std::vector<Cursor<Sorted>>{{sorted, prefix, from}}, prefix, from, visit);
}

absl::Status StateOverlay::ScanStoredFacts(absl::string_view prefix, absl::string_view from, const Visit& visit) const {
  return store_.Scan(StateTable::kFacts, prefix, from, visit);
}

void StateOverlay::ForEachChangedFact(absl::FunctionRef<void(absl::string_view key)> visit) const {
  for (const Layer* layer : {&frozen_, &dirty_, &sealed_, &batch_}) {
    for (const auto& [key, value] : layer->facts) visit(key);
  }
}

absl::Status StateOverlay::Scan(StateTable table, absl::string_view prefix, absl::string_view from,
                                const Visit& visit) const {
  const Layer* const layers[] = {&frozen_, &dirty_, &sealed_, &batch_};
  return Merge(table, layers, prefix, from, visit);
}

absl::Status StateOverlay::ReadScan(StateTable table, absl::string_view prefix, absl::string_view from,
                                    const Visit& visit) const {
  const Layer* const layers[] = {&frozen_, &dirty_};
  return Merge(table, layers, prefix, from, visit);
}

void StateOverlay::Freeze() {
  if (frozen_.Empty()) {
    std::swap(frozen_, dirty_);
  } else {
    dirty_.MoveTo(frozen_);  // the last checkpoint failed
  }
  dirty_bytes_ = 0;
}

void StateOverlay::CollectFrozen(std::vector<storage::StateChange>& changes) const {
  AppendSorted(frozen_.facts, changes);
  for (size_t i = 0; i < storage::kStateTables; ++i) {
    for (const auto& [key, value] : frozen_.others[i]) changes.push_back({static_cast<StateTable>(i), key, value});
  }
}

void StateOverlay::DropFrozen(Layer& dropped) {
  dropped = std::exchange(frozen_, Layer());
}

}  // namespace partnermetrics
