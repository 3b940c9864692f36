// The state: tables of bytes that views of the log are kept in. Written only by checkpoints; can always be rebuilt.
//
// Thread-safety: one thread writes; any thread may read at any time.
#ifndef PARTNERMETRICS_STORAGE_STATE_STORE_H_
#define PARTNERMETRICS_STORAGE_STATE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace partnermetrics::storage {

// Tables of the state: column families. The numbers are stored and never change.
enum class StateTable : uint8_t {
  kMeta = 0,     // position, formats, counters
  kFacts = 1,    // fact key → current content, revision, resolution
  kCells = 2,    // scope, measure, year → counts and sums by day
  kIndexes = 3,  // partners, aliases, references, runs
};
inline constexpr int kStateTables = 4;

// A change of one key; without a value the key is deleted. Points to bytes that the caller keeps.
struct StateChange {
  StateTable table = StateTable::kMeta;
  absl::string_view key;
  std::optional<absl::string_view> value;
};

// The state as it stood at one moment, for reading it at leisure while it goes on.
class StateSnapshot {
 public:
  virtual ~StateSnapshot() = default;

  // As StateStore::Scan.
  virtual absl::Status Scan(StateTable table, absl::string_view prefix, absl::string_view from,
                            const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const = 0;
};

class StateStore {
 public:
  virtual ~StateStore() = default;

  // The value, or nothing when the key does not exist.
  virtual absl::StatusOr<std::optional<std::string>> Get(StateTable table, absl::string_view key) const = 0;

  // Calls `visit` with the keys that start with `prefix` and are not before `from`, in byte order, until it returns
  // false.
  virtual absl::Status Scan(StateTable table, absl::string_view prefix, absl::string_view from,
                            const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const = 0;

  // The state after the last checkpoint. It must end before the state is closed or discarded.
  virtual std::unique_ptr<StateSnapshot> Snapshot() const = 0;

  // Writes all changes, or none: a checkpoint. Of several changes of one key the last counts; sorted ones are quickest.
  // Durable when it returns. One that failed may be seen all the same while the process lives, or later be durable with
  // the next one.
  virtual absl::Status WriteCheckpoint(absl::Span<const StateChange> changes) = 0;
};

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_STATE_STORE_H_
