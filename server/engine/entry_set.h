// Sets of entries that belong to an owner, sorted by their bytes. Most owners have few: the first entries are one
// value, and each later one has a key of its own, so that the thousandth entry costs what the tenth did.
#ifndef PARTNERMETRICS_SERVER_ENGINE_ENTRY_SET_H_
#define PARTNERMETRICS_SERVER_ENGINE_ENTRY_SET_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/engine/keys.h"
#include "server/engine/state_overlay.h"

namespace partnermetrics {

// Where the sets of one meaning are stored.
struct EntryTables {
  Index first;        // owner → the first entries
  Index later;        // owner, entry → nothing: the others; there are none while `first` has room
  size_t most_first;  // stored as one value; docs/formats.md
};
inline constexpr EntryTables kPartTables = {Index::kParts, Index::kLaterParts, 16};
inline constexpr EntryTables kWonDealTables = {Index::kWonDeals, Index::kLaterWonDeals, 4};

class EntrySets {
 public:
  EntrySets(const EntryTables& tables, const Keys& keys, StateOverlay& state)
      : tables_(tables), keys_(keys), state_(state) {}

  absl::StatusOr<std::optional<std::string>> First(const FactId& owner) const;
  // All of them, in order.
  absl::StatusOr<std::vector<std::string>> Read(const FactId& owner) const;
  // Takes one entry out and puts another in. Says whether the first was or is one of them.
  absl::StatusOr<bool> Change(const FactId& owner, absl::string_view out, absl::string_view in);

 private:
  absl::StatusOr<std::vector<std::string>> ReadFirst(const FactId& owner) const;
  absl::StatusOr<std::optional<std::string>> TakeNextLater(const FactId& owner);

  const EntryTables& tables_;
  const Keys& keys_;
  StateOverlay& state_;
};

// Reads a set where there is no overlay. `scan` visits the entries of an index under an owner: what follows the owner
// in their keys, and their values.
using VisitEntry = std::function<absl::Status(absl::string_view entry)>;
using ScanOwner =
    std::function<absl::Status(Index index, const std::function<bool(absl::string_view, absl::string_view)>& visit)>;
absl::Status ForEachEntry(const EntryTables& tables, const ScanOwner& scan, const VisitEntry& visit);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_ENTRY_SET_H_
