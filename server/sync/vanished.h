// Facts that a complete export no longer has: what a full run stated is remembered, and at its end the rest of the
// source's facts of a kind are found, to be deleted.
//
//   SeenFacts seen;
//   seen.Add(event.id);          // for every event, also the unchanged ones
//   ASSIGN_OR_RETURN(VanishedJudgement judged, JudgeVanished(*program, config, {.kinds = {"deal"}, .seen = &seen}));
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
#include "partnermetrics/v1/connector.pb.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/engine/keys.h"
#include "server/ingest/programs.h"
#include "server/sync/connector_config.h"

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

// What becomes of the facts that a complete export lacks.
struct VanishedJudgement {
  std::vector<v1::Event> deletes;
  std::vector<v1::ConnectorProblem> remarks;  // why there are no deletes when there could be
  bool too_many = false;                      // of a kind: none of its facts is deleted
};

// What is known of the run that read the export.
struct CompleteReading {
  std::vector<std::string> kinds;   // of which the run stated every fact
  const SeenFacts* seen = nullptr;  // null: it did not read everything at one go
  bool rejected = false;            // some records
  bool allow_vanishing = false;     // however many they are
  uint64_t sequence = 0;
};

// Deletes nothing by guess: not after a run that read only a part, or rejected records, and not more of a kind than the
// connector's share unless that is allowed.
absl::StatusOr<VanishedJudgement> JudgeVanished(ProgramRuntime& program, const ConnectorConfig& config,
                                                const CompleteReading& reading);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_VANISHED_H_
