// Reads records in quarantine again, from where they were read: the plugin reads its source from the start, and of its
// records those at the places of the entries are taken as an ordinary run takes them. The rest is passed over, and the
// state that the next run goes on from stays.
//
//   Replay replay(config, programs, *program, run, entries);
//   ConnectorEnd end = process.Read(std::nullopt, &replay);
//   ASSIGN_OR_RETURN(v1::ReplayResult result, replay.Finish(end));
//
// A place is a file and a row: a record that was corrected there, or reads well with other settings, passes. In a file
// that was replaced by another the place may hold another record; that one is in the export too, so that taking it is
// right in any case, and the faulty one comes into quarantine again when it is read.
//
// Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_SYNC_REPLAY_H_
#define PARTNERMETRICS_SERVER_SYNC_REPLAY_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/host/connector_process.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/programs.h"
#include "server/sync/connector_config.h"
#include "server/sync/quarantine_edit.h"
#include "server/sync/record_events.h"
#include "server/sync/run_records.h"
#include "server/sync/run_tally.h"

namespace partnermetrics {

// An entry to read again.
struct ReplayEntry {
  uint64_t own_number = 0;
  std::string file;
  uint64_t row = 0;
};

class Replay : public connectors::ConnectorHandler {
 public:
  Replay(const ConnectorConfig& config, Programs& programs, ProgramRuntime& program, const ShortRun& run,
         const std::vector<ReplayEntry>& entries);

  absl::Status OnPage(const connectors::Page& page) override;

  // Writes the end of the run and what became of each entry. When the plugin failed before all were found, only those
  // that passed until then are marked.
  absl::StatusOr<v1::ReplayResult> Finish(const connectors::ConnectorEnd& end);

 private:
  using Place = std::pair<std::string, uint64_t>;  // file and row

  void Take(const connectors::RecordView& record, const std::vector<uint64_t>& entries, RunTally& tally,
            WriteRequest& request);
  void Mark(const std::vector<uint64_t>& entries, v1::QuarantineAction action, const std::string& message);

  const ConnectorConfig& config_;
  Programs& programs_;
  ProgramRuntime& program_;
  const ShortRun run_;
  const RecordReader reader_;
  std::map<Place, std::vector<uint64_t>> wanted_;  // not found yet
  RunTally tally_;
  std::map<uint64_t, QuarantineChange> changes_;
  bool found_all_ = false;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_REPLAY_H_
