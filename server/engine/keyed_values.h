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
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "storage/mutex.h"

namespace partnermetrics {

class KeyedValues {
 public:
  using Value = std::optional<std::string>;  // nothing: deleted
  using Map = absl::node_hash_map<std::string, Value>;
  using Entry = Map::value_type;

  bool empty() const { return map_.empty(); }
  // In no order.
  Map::const_iterator begin() const { return map_.begin(); }
  Map::const_iterator end() const { return map_.end(); }

  // Who looks into several of these hashes the key once.
  static size_t Hash(absl::string_view key) { return Map::hasher()(key); }
  const Value* Find(absl::string_view key, size_t hash) const;
  void Set(std::string key, Value value);
  // Leaves nothing here. Gives about the bytes of memory moved.
  size_t MoveTo(KeyedValues& to);
  void Clear();

  // All entries by key, for as long as nothing changes.
  absl::Span<const Entry* const> InOrder() const;

 private:
  Map map_;
  mutable Mutex sorting_;  // among those who ask for the order
  mutable std::vector<const Entry*> sorted_;
  mutable std::vector<const Entry*> unsorted_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_KEYED_VALUES_H_
