#include "server/sync/run_records.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/errors.h"
#include "server/sync/run_history.h"

namespace partnermetrics {

storage::LogRecord MakeRunRecord(storage::RecordType type, const google::protobuf::Message& message) {
  storage::LogRecord record;
  record.type = type;
  record.payload = message.SerializeAsString();
  return record;
}

std::string ConnectorActor(absl::string_view connector) {
  return absl::StrCat("connector:", connector);
}

std::string RunIdOf(absl::string_view connector, uint64_t sequence) {
  return absl::StrFormat("%s-%06d", connector, sequence);
}

absl::Status WriteRunRecords(absl::string_view connector, ProgramRuntime& program,
                             std::vector<storage::LogRecord> records) {
  WriteRequest request;
  request.actor = ConnectorActor(connector);
  request.records = [&](const std::vector<EventResult>&) { return std::move(records); };
  return program.writer().Write(std::move(request), /*wait_for_room=*/true).status;
}

absl::StatusOr<ShortRun> BeginShortRun(absl::string_view connector, ProgramRuntime& program, v1::RunTrigger trigger) {
  ShortRun run;
  run.connector = std::string(connector);
  run.trigger = trigger;
  {
    Engine::View view(program.engine());
    ASSIGN_OR_RETURN(const ConnectorPoint point, ReadConnectorPoint(view, connector));
    if (point.last_run.has_value() && point.last_run->state() == v1::RUN_STATE_RUNNING) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "INTERRUPTED_RUN",
                       absl::StrCat("run ", point.last_run->run_id(), " was interrupted and can still be gone on with"),
                       absl::StrCat("run '", connector, "' to its end first"));
    }
    run.sequence = view.header().last_sequence + 1;
  }
  run.run_id = RunIdOf(connector, run.sequence);
  log::v1::RunBegin begin;
  begin.set_run_id(run.run_id);
  begin.set_connector(run.connector);
  begin.set_sequence(run.sequence);
  log::v1::RunEnd unfinished;
  unfinished.set_run_id(run.run_id);
  unfinished.set_trigger(trigger);
  unfinished.set_state(v1::RUN_STATE_FAILED);
  unfinished.set_error("the server ended before this was done; do it again");
  RETURN_IF_ERROR(WriteRunRecords(
      connector, program,
      {MakeRunRecord(storage::RecordType::kRunBegin, begin), MakeRunRecord(storage::RecordType::kRunEnd, unfinished)}));
  return run;
}

absl::Status EndShortRun(const ShortRun& run, ProgramRuntime& program, log::v1::RunEnd end,
                         std::vector<storage::LogRecord> before) {
  end.set_run_id(run.run_id);
  end.set_trigger(run.trigger);
  before.push_back(MakeRunRecord(storage::RecordType::kRunEnd, end));
  return WriteRunRecords(run.connector, program, std::move(before));
}

}  // namespace partnermetrics
