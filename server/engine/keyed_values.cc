#include "server/engine/keyed_values.h"

#include <algorithm>
#include <cstdint>

namespace partnermetrics {
namespace {

using Entry = KeyedValues::Entry;

// Memory of an entry besides its bytes.
constexpr size_t kEntryBytes = 64;

bool IsBefore(const Entry* a, const Entry* b) {
  return a->first < b->first;
}

// The bytes behind the first `from` of a key as a number that is ordered like them.
uint64_t NumberAt(absl::string_view key, size_t from) {
  uint64_t number = 0;
  for (size_t i = from; i < from + sizeof(number); ++i) {
    number = number << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : uint8_t{0});
  }
  return number;
}

// Sorts entries whose keys are equal up to `from`. Keys have long beginnings in common, and each lies elsewhere in
// memory: they are compared by a number of the bytes that follow what is alike, and those where it is equal, again.
void Sort(absl::Span<const Entry*> entries, size_t from) {
  constexpr size_t kFew = 16;
  if (entries.size() <= kFew) return std::sort(entries.begin(), entries.end(), IsBefore);
  const absl::string_view any = entries.front()->first;
  size_t alike = any.size(), shortest = any.size();
  for (const Entry* entry : entries) {
    shortest = std::min(shortest, entry->first.size());
    const size_t most = std::min(alike, entry->first.size());
    size_t same = std::min(from, most);
    while (same < most && entry->first[same] == any[same]) ++same;
    alike = same;
  }
  // A key that is the beginning of all others has nothing behind it to be compared.
  if (alike == shortest) return std::sort(entries.begin(), entries.end(), IsBefore);
  struct Numbered {
    uint64_t number;
    const Entry* entry;
  };
  std::vector<Numbered> numbered;
  numbered.reserve(entries.size());
  for (const Entry* entry : entries) numbered.push_back({NumberAt(entry->first, alike), entry});
  std::sort(numbered.begin(), numbered.end(), [](const Numbered& a, const Numbered& b) { return a.number < b.number; });
  size_t begin = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    entries[i] = numbered[i].entry;
    if (i + 1 < entries.size() && numbered[i + 1].number == numbered[i].number) continue;
    if (i > begin) Sort(entries.subspan(begin, i + 1 - begin), alike + sizeof(uint64_t));
    begin = i + 1;
  }
}

// Both are sorted, and `few` are mostly fewer by far.
std::vector<const Entry*> Merged(const std::vector<const Entry*>& many, const std::vector<const Entry*>& few) {
  std::vector<const Entry*> merged;
  merged.reserve(many.size() + few.size());
  auto from = many.begin();
  for (const Entry* entry : few) {
    const auto to = std::lower_bound(from, many.end(), entry, IsBefore);
    merged.insert(merged.end(), from, to);
    merged.push_back(entry);
    from = to;
  }
  merged.insert(merged.end(), from, many.end());
  return merged;
}

}  // namespace

const KeyedValues::Value* KeyedValues::Find(absl::string_view key, size_t hash) const {
  const auto it = entries_.find(HashedKey{hash, key});
  return it == entries_.end() ? nullptr : &it->entry->second;
}

void KeyedValues::Set(std::string key, Value value) {
  const size_t hash = Hash(key);
  if (const auto it = entries_.find(HashedKey{hash, key}); it != entries_.end()) {
    it->entry->second = std::move(value);
    return;
  }
  const auto it = entries_.insert({hash, std::make_unique<Entry>(std::move(key), std::move(value))}).first;
  unsorted_.push_back(it->entry.get());
}

size_t KeyedValues::MoveTo(KeyedValues& to) {
  size_t bytes = 0;
  to.entries_.reserve(to.entries_.size() + entries_.size());
  // Onwards, never from the beginning again: that takes the longer the emptier a hash map has become.
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto node = entries_.extract(it++);
    Entry& entry = *node.value().entry;
    bytes += entry.first.size() + (entry.second.has_value() ? entry.second->size() : 0) + kEntryBytes;
    auto moved = to.entries_.insert(std::move(node));
    if (moved.inserted) {
      to.unsorted_.push_back(&entry);
    } else {
      moved.position->entry->second = std::move(entry.second);
    }
  }
  Clear();
  return bytes;
}

void KeyedValues::Clear() {
  entries_.clear();
  sorted_.clear();
  unsorted_.clear();
}

absl::Span<const Entry* const> KeyedValues::InOrder() const {
  MutexLock lock(&sorting_);
  if (!unsorted_.empty()) {
    Sort(absl::MakeSpan(unsorted_), 0);
    if (sorted_.empty()) {
      sorted_.swap(unsorted_);
    } else {
      sorted_ = Merged(sorted_, unsorted_);
      unsorted_.clear();
    }
  }
  return sorted_;
}

}  // namespace partnermetrics
