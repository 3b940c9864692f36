// What is done about records in quarantine: counted, discarded, marked after a replay. Their history stays with them.
//
//   ASSIGN_OR_RETURN(QuarantineFilter filter, OpenEntriesOf(programs, request));   // of a replay, or a discard
//   ASSIGN_OR_RETURN(int64_t discarded, DiscardQuarantine(programs, request));
//
// Thread-safe: edits of quarantine rows wait for each other, so that none undoes another.
#ifndef PARTNERMETRICS_SERVER_SYNC_QUARANTINE_EDIT_H_
#define PARTNERMETRICS_SERVER_SYNC_QUARANTINE_EDIT_H_

#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/programs.h"
#include "server/sync/quarantine.h"

namespace partnermetrics {

absl::StatusOr<v1::CountQuarantineResponse> CountQuarantine(const Programs& programs,
                                                            const v1::CountQuarantineRequest& request);
absl::StatusOr<v1::DiscardQuarantineResponse> DiscardQuarantine(const Programs& programs,
                                                                const v1::DiscardQuarantineRequest& request);

// Whether these are open. NOT_FOUND, else FAILED_PRECONDITION, names those that never were, and those that have left.
absl::Status CheckOpen(const Programs& programs, const std::set<uint64_t>& records);

// The open entries that a request to replay or discard names. INVALID_ARGUMENT when it names nothing; as CheckOpen when
// it names numbers.
template <typename Request>
absl::StatusOr<QuarantineFilter> OpenEntriesOf(const Programs& programs, const Request& request) {
  QuarantineFilter filter;
  filter.records = {request.records().begin(), request.records().end()};
  filter.connector = request.connector();
  filter.run_id = request.run_id();
  filter.reason = request.reason();
  filter.state = v1::QUARANTINE_STATE_OPEN;
  if (!request.all() && filter.records.empty() && filter.connector.empty() && filter.run_id.empty() &&
      filter.reason.empty()) {
    return InvalidField("records", "REQUIRED", "name records, a connector, a run or a reason, or set all");
  }
  RETURN_IF_ERROR(CheckOpen(programs, filter.records));
  return filter;
}

// A step that was taken about an entry of a programme.
struct QuarantineChange {
  v1::QuarantineState state = v1::QUARANTINE_STATE_OPEN;  // after it
  v1::QuarantineAction action = v1::QUARANTINE_ACTION_UNSPECIFIED;
  std::string run_id, message;
};

// Adds the steps to the histories of entries, by their own numbers. The text of an entry that leaves quarantine because
// it passed is erased: the record is in the log now. Entries that somebody else closed meanwhile stay as they are.
// Returns how many were changed.
absl::StatusOr<int64_t> ChangeQuarantine(storage::EventLog& log, const std::map<uint64_t, QuarantineChange>& changes,
                                         absl::Time now);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_QUARANTINE_EDIT_H_
