// The facts of a programme in the order of their keys, some at a time, while they change between these times and
// during them.
//
//   FactScan scan(state, keys.program());
//   RETURN_IF_ERROR(scan.Read(from, most));        // the next ones
//   for (;;) {
//     ASSIGN_OR_RETURN(const bool is_there, scan.Next());
//     if (!is_there) break;
//     Use(scan.key(), scan.value());               // may store facts
//   }
//   scan.Stored(key);                              // whoever stores a fact says so, at any time
//
// What changed since the last checkpoint is kept by hash, not in order: that is sorted once, and what is stored from
// then on is added to it. Memory: a step's facts, and the keys of about as many as are changed and not written yet.
//
// Thread-safety: none; it belongs to the applier.
#ifndef PARTNERMETRICS_SERVER_ENGINE_FACT_SCAN_H_
#define PARTNERMETRICS_SERVER_ENGINE_FACT_SCAN_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/engine/state_overlay.h"

namespace partnermetrics {

class FactScan {
 public:
  // `prefix`: of the keys of all facts that are asked for.
  FactScan(const StateOverlay& state, std::string prefix) : state_(state), prefix_(std::move(prefix)) {}

  // Reads up to `most` facts from the key `from` on; fewer: there are no more. What a call reads ends where the next
  // one begins, else it takes longer.
  absl::Status Read(std::string from, size_t most);

  // Goes to the next of those that were read, as it is now. False: there is none.
  absl::StatusOr<bool> Next();
  absl::string_view key() const { return KeyOf(at_ - 1); }
  absl::string_view value() const { return changed_value_.has_value() ? *changed_value_ : ValueOf(at_ - 1); }

  void Stored(absl::string_view key);

 private:
  struct Entry {
    size_t key, value, end;  // places in bytes_
  };
  absl::string_view KeyOf(size_t i) const {
    return absl::string_view(bytes_).substr(entries_[i].key, entries_[i].value - entries_[i].key);
  }
  absl::string_view ValueOf(size_t i) const {
    return absl::string_view(bytes_).substr(entries_[i].value, entries_[i].end - entries_[i].value);
  }
  void Gather(absl::string_view from);
  void Add(absl::string_view key, absl::string_view value);
  // Adds the first of ahead_, as it is now.
  absl::Status TakeAhead();

  const StateOverlay& state_;
  const std::string prefix_;
  std::optional<std::string> next_;     // where the next Read is expected to begin; unset: nothing is gathered
  absl::btree_set<std::string> ahead_;  // facts from next_ on that the store may have otherwise, or not at all
  size_t gathered_ = 0;                 // of these at the last Gather
  std::string bytes_;                   // of the facts that were read: keys and values
  std::vector<Entry> entries_;
  size_t at_ = 0;                               // behind the fact that Next went to
  absl::flat_hash_set<std::string> overtaken_;  // facts behind that, stored since they were read
  std::optional<std::string> changed_value_;    // of the fact that Next went to, if it is one of these
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_FACT_SCAN_H_
