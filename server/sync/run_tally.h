// The accounting of a run: every record and every event is counted exactly once, in two ways that must agree.
//
//   RunTally tally(record.counts());        // goes on from what an interrupted run has counted
//   tally.Emitted(2);                       // a record that gave two events
//   tally.RefusedEvent();                   // the server refuses one of them
//   tally.Judged({result});                 // what becomes of the other
//   RETURN_IF_ERROR(tally.Check());
//
// Thread-compatible; a copy is cheap.
#ifndef PARTNERMETRICS_SERVER_SYNC_RUN_TALLY_H_
#define PARTNERMETRICS_SERVER_SYNC_RUN_TALLY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/ingest/writer.h"

namespace partnermetrics {

class RunTally {
 public:
  RunTally() = default;
  explicit RunTally(const log::v1::RunCounts& counts);

  // A page with so many records came.
  void PageOf(size_t records) { counts_.set_records_read(counts_.records_read() + static_cast<int64_t>(records)); }
  // One of its records was emitted with so many events, rejected, or skipped by a rule.
  void Emitted(int events);
  void Rejected() { counts_.set_records_rejected(counts_.records_rejected() + 1); }
  void Skipped(absl::string_view rule);

  // So many good events are kept apart until the run is published; then it is judged what becomes of them.
  void Staged(size_t events) { counts_.set_events_staged(counts_.events_staged() + static_cast<int64_t>(events)); }
  void Published();
  // These records went into quarantine.
  void Quarantined(const std::vector<storage::QuarantineRow>& rows);
  // So many rejected records were there already, since a run before.
  void RejectedAgain(int64_t records) {
    counts_.set_records_rejected_again(counts_.records_rejected_again() + records);
  }

  // The server refuses an event of an emitted record.
  void RefusedEvent() { counts_.set_events_rejected(counts_.events_rejected() + 1); }
  // What became of the others.
  void Judged(const std::vector<EventResult>& events);
  // Takes what became of all events so far from another tally of the run: pages are prepared before that is known.
  void TakeJudged(const RunTally& other);

  void set_bytes_done(uint64_t bytes) { counts_.set_bytes_done(bytes); }
  uint64_t bytes_done() const { return counts_.bytes_done(); }

  log::v1::RunCounts counts() const;
  // Records rejected by the connector and events refused by the server.
  int64_t rejected() const { return counts_.records_rejected() + counts_.events_rejected(); }
  // INTERNAL with all figures when they do not add up.
  absl::Status Check() const;

 private:
  log::v1::RunCounts counts_;  // without skipped_by_rule
  std::map<std::string, int64_t, std::less<>> skipped_;
  int64_t events_ = 0;  // of emitted records
};

// A rule and its records, of an entry of RunCounts::skipped_by_rule.
std::pair<std::string, int64_t> ParseSkipped(absl::string_view entry);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_RUN_TALLY_H_
