#include "server/sync/run_history.h"

#include <utility>

#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"
#include "server/sync/run_tally.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

using google::protobuf::util::TimeUtil;

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the stored ", what, " is damaged"));
}

}  // namespace

absl::StatusOr<ConnectorPoint> ReadConnectorPoint(const Engine::View& view, absl::string_view connector) {
  ConnectorPoint point;
  ASSIGN_OR_RETURN(auto stored_cursor, view.IndexValue(Index::kRunState, connector));
  if (!stored_cursor.has_value()) return point;
  log::v1::ConnectorCursor cursor;
  if (!cursor.ParseFromString(*stored_cursor)) return Damaged("state of a connector");
  // Empty: it was set back to the start.
  if (!cursor.state().empty()) point.state = cursor.state();
  ASSIGN_OR_RETURN(auto stored_run, view.IndexValue(Index::kRun, cursor.run_id()));
  if (!stored_run.has_value()) return point;
  if (!point.last_run.emplace().ParseFromString(*stored_run)) return Damaged("run");
  return point;
}

absl::StatusOr<std::vector<log::v1::RunRecord>> ReadRuns(const Engine::View& view) {
  std::vector<log::v1::RunRecord> runs;
  absl::Status status;
  RETURN_IF_ERROR(view.ScanIndex(Index::kRun, "", [&](absl::string_view, absl::string_view value) {
    if (!runs.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size()))) status = Damaged("run");
    return status.ok();
  }));
  RETURN_IF_ERROR(status);
  return runs;
}

absl::StatusOr<std::optional<log::v1::RunEnd>> ReadRunEnd(const storage::EventLog& log,
                                                          const log::v1::RunRecord& record) {
  std::optional<log::v1::RunEnd> end;
  if (record.ended_at_us() == 0) return end;
  ASSIGN_OR_RETURN(const storage::LogRecord stored, log.Get(record.position()));
  if (stored.type != storage::RecordType::kRunEnd || !end.emplace().ParseFromString(stored.payload)) {
    return Damaged("end of a run");
  }
  return end;
}

void ShowEnd(const log::v1::RunEnd& end, bool with_log, v1::ConnectorRun& run) {
  run.set_trigger(static_cast<v1::RunTrigger>(end.trigger()));
  run.set_plugin_version(end.plugin_version());
  run.set_plugin_sha256(end.plugin_sha256());
  if (end.cpu_us() != 0) *run.mutable_cpu_time() = TimeUtil::MicrosecondsToDuration(end.cpu_us());
  run.set_peak_memory_bytes(end.peak_memory_bytes());
  run.set_facts_deleted(end.facts_deleted());
  run.set_peak_open_files(end.peak_open_files());
  if (end.has_limits()) ShowLimits(end.limits(), *run.mutable_limits());
  if (run.state() == v1::RUN_STATE_STAGED) {
    *run.mutable_staged_until() = TimeUtil::MicrosecondsToTimestamp(end.staged_until_us());
  }
  if (with_log) ShowLogLines(end, run);
}

v1::ConnectorRun QueuedRun(absl::string_view connector, size_t behind) {
  v1::ConnectorRun run;
  run.set_connector(std::string(connector));
  run.set_state(v1::RUN_STATE_QUEUED);
  run.set_queue_position(static_cast<int32_t>(behind));
  return run;
}

void ShowLogLines(const log::v1::RunEnd& end, v1::ConnectorRun& run) {
  for (const log::v1::RunLogLine& stored : end.log()) {
    v1::RunLogLine& line = *run.add_log();
    *line.mutable_logged_at() = TimeUtil::MicrosecondsToTimestamp(stored.at_us());
    line.set_level(ToProblemLevel(stored.level()));
    line.set_message(stored.message());
  }
}

v1::ConnectorRun ToConnectorRun(const log::v1::RunRecord& record, bool live) {
  v1::ConnectorRun run;
  run.set_run_id(record.run_id());
  run.set_connector(record.connector());
  run.set_state(static_cast<v1::RunState>(record.state()));
  *run.mutable_started_at() = TimeUtil::MicrosecondsToTimestamp(record.started_at_us());
  if (record.ended_at_us() != 0) *run.mutable_ended_at() = TimeUtil::MicrosecondsToTimestamp(record.ended_at_us());
  ShowCounts(record.counts(), run);
  run.set_error(record.error());
  if (record.state() == v1::RUN_STATE_RUNNING && !live) {
    run.set_state(v1::RUN_STATE_INTERRUPTED);
    run.set_error(absl::StrCat("the server ended during it; the next run goes on ",
                               record.staged() ? "where it began" : "from its last page"));
  }
  *run.mutable_remarks() = record.remarks();
  *run.mutable_schema_changes() = record.schema_changes();
  run.set_columns_changed(record.columns_changed());
  run.set_position(record.position());
  run.set_full(record.full());
  run.set_staged(record.staged());
  if (record.ended_at_us() != 0) {
    *run.mutable_duration() = TimeUtil::MicrosecondsToDuration(record.ended_at_us() - record.started_at_us());
  }
  return run;
}

void ShowLimits(const log::v1::RunLimits& limits, v1::RunLimits& shown) {
  shown.set_memory_bytes(limits.memory_bytes());
  shown.set_cpu_seconds(limits.cpu_seconds());
  shown.set_open_files(limits.open_files());
  *shown.mutable_stall_timeout() = TimeUtil::MicrosecondsToDuration(limits.stall_us());
  *shown.mutable_idle_timeout() = TimeUtil::MicrosecondsToDuration(limits.idle_us());
  shown.set_quarantine_bytes(limits.quarantine_bytes());
}

void ShowCounts(const log::v1::RunCounts& counts, v1::ConnectorRun& run) {
  run.set_records_read(counts.records_read());
  run.set_records_emitted(counts.records_emitted());
  run.set_records_rejected(counts.records_rejected());
  run.set_records_rejected_again(counts.records_rejected_again());
  run.set_records_skipped(counts.records_skipped());
  run.clear_skipped();
  for (const std::string& entry : counts.skipped_by_rule()) {
    auto [rule, records] = ParseSkipped(entry);
    v1::SkippedByRule& skipped = *run.add_skipped();
    skipped.set_rule(std::move(rule));
    skipped.set_records(records);
  }
  v1::IngestCounts& events = *run.mutable_events();
  events.set_applied(counts.events_applied());
  events.set_unchanged(counts.events_unchanged());
  events.set_superseded(counts.events_superseded());
  events.set_rejected(counts.events_rejected());
  events.set_unresolved(counts.events_unresolved());
  events.set_parked(counts.events_parked());
  run.set_bytes_done(counts.bytes_done());
  run.set_events_staged(counts.events_staged());
}

}  // namespace partnermetrics
