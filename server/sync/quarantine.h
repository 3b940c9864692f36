// Records that a connector rejected or the server refused, kept with their place, reason and text.
//
// Each programme numbers its own entries. To people an entry has one number on the whole server: the entry's own, plus
// 2^48 times the programme's place in the configuration (so with one programme they are the same).
#ifndef PARTNERMETRICS_SERVER_SYNC_QUARANTINE_H_
#define PARTNERMETRICS_SERVER_SYNC_QUARANTINE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/host/frames.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/programs.h"
#include "storage/event_log.h"

namespace partnermetrics {

inline constexpr size_t kMaxRawBytes = size_t{64} << 10;

// Why a record goes to quarantine.
struct Rejection {
  absl::string_view field, reason, message;
};

// The row of a record. By its fingerprint it is known when it is rejected again (known_rejects.h).
storage::QuarantineRow MakeQuarantineRow(absl::string_view connector, const v1::Origin& origin, absl::string_view raw,
                                         const Rejection& rejection, const Pseudonymiser& pseudonymiser,
                                         absl::Time now);

// Which entries are meant: those that fit every field that is set.
struct QuarantineFilter {
  std::set<uint64_t> records;  // numbers that people know them by
  std::string connector, run_id, reason;
  v1::QuarantineState state = v1::QUARANTINE_STATE_UNSPECIFIED;  // unspecified: open
};

struct FoundEntry {
  size_t program;  // its place in the configuration
  uint64_t own_number, number;
  log::v1::QuarantineEntry& entry;
};

v1::QuarantineState StateOf(const log::v1::QuarantineEntry& entry);

// The entry of a row's value. DATA_LOSS, with the number, when it is damaged.
absl::Status ParseEntry(const std::string& value, uint64_t number, log::v1::QuarantineEntry& entry);

// Calls `visit` with the entries that are meant and whose number is greater than `after`, by number, until it returns
// false.
absl::Status VisitQuarantine(const Programs& programs, const QuarantineFilter& filter, uint64_t after,
                             const std::function<bool(const FoundEntry&)>& visit);

// Looks at the entries of a programme after `after` and replaces those that `edit` changed, batch by batch. One edit
// at a time.
enum class QuarantineEdit { kKeep, kReplace, kStop };
absl::Status EditQuarantine(storage::EventLog& log, uint64_t after,
                            const std::function<QuarantineEdit(uint64_t own_number, log::v1::QuarantineEntry&)>& edit);

// Changes the entries that are meant, however many, in all programmes.
absl::Status ChangeMeant(const Programs& programs, const QuarantineFilter& filter,
                         const std::function<void(log::v1::QuarantineEntry&)>& change);

// The entry of a number that people know; nothing when there is none.
absl::StatusOr<std::optional<log::v1::QuarantineEntry>> FindEntry(const Programs& programs, uint64_t record);

absl::StatusOr<v1::ListQuarantineResponse> ListQuarantine(const Programs& programs,
                                                          const v1::ListQuarantineRequest& request);
// The next entries, with their raw text, for an export: about a megabyte of them. Nothing at the end.
absl::StatusOr<std::vector<v1::QuarantinedRecord>> ExportQuarantine(const Programs& programs,
                                                                    const v1::ExportQuarantineRequest& request,
                                                                    uint64_t after);
absl::StatusOr<v1::QuarantinedRecord> GetQuarantinedRecord(const Programs& programs, uint64_t record);

// Erases the raw text of the entries from before then, for good; the entries stay. Returns of how many. Once `stopping`
// it ends soon, with the rest undone.
absl::StatusOr<int64_t> ExpireQuarantine(storage::EventLog& log, absl::Time rejected_before,
                                         const std::atomic<bool>& stopping);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_QUARANTINE_H_
