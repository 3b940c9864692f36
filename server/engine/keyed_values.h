// Values by key: found by hash, and in the order of the keys for who asks for that.
//
//   values.Set("b", "2");
//   values.Set("a", std::nullopt);                       // deleted
//   for (const auto* entry : values.InOrder()) …         // a, b
//
// Few keys are ever asked for in order: the first who asks has them sorted, and those that come later are added then.
//
// Thread-safety: methods that are const may be called at a time, the others by one thread and alone.
#ifndef PARTNERMETRICS_SERVER_ENGINE_KEYED_VALUES_H_
#define PARTNERMETRICS_SERVER_ENGINE_KEYED_VALUES_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "storage/mutex.h"

namespace partnermetrics {

class KeyedValues {
 public:
  using Value = std::optional<std::string>;  // nothing: deleted
  using Entry = std::pair<const std::string, Value>;

  bool empty() const { return entries_.empty(); }
  // In no order.
  void ForEach(absl::FunctionRef<void(const Entry& entry)> visit) const {
    for (const Slot& slot : entries_) visit(*slot.entry);
  }

  // Who looks into several of these hashes the key once.
  static size_t Hash(absl::string_view key) { return absl::HashOf(key); }
  const Value* Find(absl::string_view key, size_t hash) const;
  void Set(std::string key, Value value);
  // Leaves nothing here. Gives about the bytes of memory moved.
  size_t MoveTo(KeyedValues& to);
  void Clear();

  // All entries by key, for as long as nothing changes.
  absl::Span<const Entry* const> InOrder() const;

 private:
  // An entry with the hash of its key, so that a table that grows or is moved into another reads no keys.
  struct Slot {
    size_t hash;
    std::unique_ptr<Entry> entry;
  };
  struct HashedKey {
    size_t hash;
    absl::string_view key;
  };
  struct SlotHash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the library asks for this name
    template <typename S>
    size_t operator()(const S& slot) const {
      return slot.hash;
    }
  };
  struct SlotEqual {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the library asks for this name
    static absl::string_view KeyOf(const Slot& slot) { return slot.entry->first; }
    static absl::string_view KeyOf(const HashedKey& key) { return key.key; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return a.hash == b.hash && KeyOf(a) == KeyOf(b);
    }
  };

  absl::flat_hash_set<Slot, SlotHash, SlotEqual> entries_;
  mutable Mutex sorting_;  // among those who ask for the order
  mutable std::vector<const Entry*> sorted_;
  mutable std::vector<const Entry*> unsorted_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_KEYED_VALUES_H_
