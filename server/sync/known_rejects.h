// Rejected records of a connector that are in quarantine already: what is rejected again, at the same place with the
// same text for the same reason, does not come there twice, neither while the first one is open nor after it was
// discarded. One that passed a replay is forgotten.
//
//   ASSIGN_OR_RETURN(KnownRejects known, KnownRejects::Read(log, config.name, run_id));
//   RETURN_IF_ERROR(known.LeaveOut(request.quarantine, tally));   // the new ones are left, and known from now on
//
// The rows alone say what is known, and they are durable together with their page: a run that goes on after a kill
// knows exactly those of the pages that it wrote.
//
// Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_SYNC_KNOWN_REJECTS_H_
#define PARTNERMETRICS_SERVER_SYNC_KNOWN_REJECTS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/sync/run_tally.h"
#include "storage/event_log.h"

namespace partnermetrics {

class KnownRejects {
 public:
  // Of many the newest 14 million are known, in 8 bytes each and 20 MB beside them.
  static constexpr size_t kPart = 7 << 17, kParts = 16;

  // What a run finds when it first rejects anything.
  static absl::StatusOr<KnownRejects> Read(const storage::EventLog& log, absl::string_view connector,
                                           absl::string_view run_id, size_t part = kPart);

  // Takes the known ones out of the rows. The tally counts those that are from before the run, and the rows that are
  // left.
  absl::Status LeaveOut(std::vector<storage::QuarantineRow>& rows, RunTally& tally);

  // What the connector's open entries take, as they are counted for a run (RunCounts.quarantine_bytes).
  uint64_t open_bytes() const { return open_bytes_; }

 private:
  explicit KnownRejects(size_t part) : part_(part) {}

  bool Has(uint64_t hash) const;
  void Add(uint64_t hash);

  // Fingerprints, in the last bit whether they are of this run. A part that is full is sorted: that takes the least
  // room.
  size_t part_;
  absl::flat_hash_set<uint64_t> newest_;
  std::deque<std::vector<uint64_t>> sorted_;
  uint64_t open_bytes_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_KNOWN_REJECTS_H_
