// Records that a connector rejected or the server refused, kept with their place, reason and text.
//
// Each programme numbers its own entries. To people an entry has one number on the whole server: the entry's own, plus
// 2^48 times the programme's place in the configuration (so with one programme they are the same).
#ifndef PARTNERMETRICS_SERVER_SYNC_QUARANTINE_H_
#define PARTNERMETRICS_SERVER_SYNC_QUARANTINE_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/host/frames.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/programs.h"
#include "storage/event_log.h"

namespace partnermetrics {

inline constexpr size_t kMaxRawBytes = size_t{64} << 10;

// Why a record goes to quarantine.
struct Rejection {
  absl::string_view field, reason, message;
};

// The row of a record.
storage::QuarantineRow MakeQuarantineRow(absl::string_view connector, const v1::Origin& origin, absl::string_view raw,
                                         const Rejection& rejection, absl::Time now);

absl::StatusOr<v1::ListQuarantineResponse> ListQuarantine(const Programs& programs,
                                                          const v1::ListQuarantineRequest& request);
absl::StatusOr<v1::QuarantinedRecord> GetQuarantinedRecord(const Programs& programs, uint64_t record);

// Erases the raw text of the entries from before then, for good; the entries stay. Returns of how many. Once `stopping`
// it ends soon, with the rest undone.
absl::StatusOr<int64_t> ExpireQuarantine(storage::EventLog& log, absl::Time rejected_before,
                                         const std::atomic<bool>& stopping);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_QUARANTINE_H_
