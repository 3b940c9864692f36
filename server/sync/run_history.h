// Runs as the state keeps them, and as services show them.
#ifndef PARTNERMETRICS_SERVER_SYNC_RUN_HISTORY_H_
#define PARTNERMETRICS_SERVER_SYNC_RUN_HISTORY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/engine/engine.h"
#include "storage/event_log.h"

namespace partnermetrics {

// Where a connector stands.
struct ConnectorPoint {
  std::optional<log::v1::RunRecord> last_run;
  std::optional<std::string> state;  // of the plugin, after the last durable page
};

absl::StatusOr<ConnectorPoint> ReadConnectorPoint(const Engine::View& view, absl::string_view connector);

// All runs of a programme, in the order of their ids.
absl::StatusOr<std::vector<log::v1::RunRecord>> ReadRuns(const Engine::View& view);

// How the run ended, with all that the state does not keep; nothing while it has no end.
absl::StatusOr<std::optional<log::v1::RunEnd>> ReadRunEnd(const storage::EventLog& log,
                                                          const log::v1::RunRecord& record);
// Puts what a run's end says into the run; the lines of its log with `with_log` alone.
void ShowEnd(const log::v1::RunEnd& end, bool with_log, v1::ConnectorRun& run);

// The lines of its log alone.
void ShowLogLines(const log::v1::RunEnd& end, v1::ConnectorRun& run);

// A run that waits, behind so many others.
v1::ConnectorRun QueuedRun(absl::string_view connector, size_t behind);

// The run for people. `live`: it goes on in this process; otherwise a run without end was interrupted.
v1::ConnectorRun ToConnectorRun(const log::v1::RunRecord& record, bool live);

// Limits for people.
void ShowLimits(const log::v1::RunLimits& limits, v1::RunLimits& shown);

// Puts counts into the run.
void ShowCounts(const log::v1::RunCounts& counts, v1::ConnectorRun& run);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_RUN_HISTORY_H_
