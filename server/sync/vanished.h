// Facts that a complete export no longer has: what a full run stated is remembered, and at its end the rest of the
// source's facts of a kind are found, to be deleted.
//
//   SeenFacts seen;
//   seen.Add(event.id);          // for every event, also the unchanged ones
//   ASSIGN_OR_RETURN(Vanished vanished, FindVanished(*program, "crm", {"deal"}, seen, run_sequence));
//
// Values; one thread at a time.
#ifndef PARTNERMETRICS_SERVER_SYNC_VANISHED_H_
#define PARTNERMETRICS_SERVER_SYNC_VANISHED_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/status/statusor.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/engine/keys.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

class SeenFacts {
 public:
  void Add(const FactId& id) { seen_.insert(HashOf(id)); }
  bool Has(const FactId& id) const { return seen_.contains(HashOf(id)); }

 private:
  // 16 bytes a fact; that two share them all will not happen (about 1 in 10^23 for ten million facts).
  using Hash = std::pair<uint64_t, uint64_t>;
  static Hash HashOf(const FactId& id) { return {absl::HashOf(id), absl::HashOf(id.record_id, ~id.kind, id.source)}; }

  absl::flat_hash_set<Hash> seen_;
};

// Of one kind.
struct VanishedKind {
  std::string kind;
  int64_t facts = 0;               // of the source, not deleted before
  std::vector<v1::Event> deletes;  // for those that were not seen
};

// Facts that a later run than `sequence` stated are left alone. Readers and the writer wait while the facts are read.
absl::StatusOr<std::vector<VanishedKind>> FindVanished(ProgramRuntime& program, const std::string& source,
                                                       const std::vector<std::string>& kinds, const SeenFacts& seen,
                                                       uint64_t sequence);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_VANISHED_H_
