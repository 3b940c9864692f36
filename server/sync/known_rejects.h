// Rejected records of a connector that are in quarantine already: what is rejected again, at the same place with the
// same text for the same reason, does not come there twice, neither while the first one is open nor after it was
// discarded. One that passed a replay is forgotten.
//
//   ASSIGN_OR_RETURN(KnownRejects known, KnownRejects::Read(log, config.name, run_id));
//   ASSIGN_OR_RETURN(int64_t again, known.LeaveOut(request.quarantine));   // the new ones are left, and known from now
//   on
//
// The rows alone say what is known, and they are durable together with their page: a run that goes on after a kill
// knows exactly those of the pages that it wrote.
//
// Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_SYNC_KNOWN_REJECTS_H_
#define PARTNERMETRICS_SERVER_SYNC_KNOWN_REJECTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/event_log.h"

namespace partnermetrics {

// A set of hashes in 8 bytes each and an eighth more.
class HashSet {
 public:
  HashSet() : shards_(kShards) {}

  bool Has(uint64_t hash) const;
  // Must not have it.
  void Add(uint64_t hash);
  size_t size() const { return size_; }

 private:
  static constexpr int kShardBits = 12;
  static constexpr size_t kShards = size_t{1} << kShardBits;

  static size_t ShardOf(uint64_t hash) { return static_cast<size_t>(hash >> (64 - kShardBits)); }

  std::vector<std::vector<uint64_t>> shards_;  // by their first bits, so that few are moved for a new one; sorted
  size_t size_ = 0;
};

class KnownRejects {
 public:
  // So many of the newest are known at least, and twice as many at most: about 140 MB.
  static constexpr size_t kLeast = size_t{8} << 20;

  // What a run finds when it first rejects anything.
  static absl::StatusOr<KnownRejects> Read(const storage::EventLog& log, absl::string_view connector,
                                           absl::string_view run_id, size_t least = kLeast);

  // Takes the known ones out of the rows. Returns how many of them are from before the run.
  absl::StatusOr<int64_t> LeaveOut(std::vector<storage::QuarantineRow>& rows);

  // What the connector's open entries take, as they are counted for a run (RunCounts.quarantine_bytes).
  uint64_t open_bytes() const { return open_bytes_; }

 private:
  explicit KnownRejects(size_t least) : least_(least) {}

  bool Has(uint64_t hash) const { return newer_.Has(hash) || older_.Has(hash); }
  void Add(uint64_t hash);

  size_t least_;
  HashSet newer_, older_;  // fingerprints, in the last bit whether they are of this run
  uint64_t open_bytes_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_KNOWN_REJECTS_H_
