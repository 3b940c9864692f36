// Where a connector goes on: looked at, tried out and changed.
//
//   ASSIGN_OR_RETURN(v1::ConnectorCursor cursor, ReadCursor(*program, "crm"));
//   RETURN_IF_ERROR(WriteCursor(*program, "crm", ""));        // from the start
//
//   ReadingPlan plan(config, programs, *program);               // what would a run from a state read?
//   ConnectorEnd end = process.Read(state, &plan);              // nothing is written
//   plan.Show(response);
#ifndef PARTNERMETRICS_SERVER_SYNC_CURSOR_H_
#define PARTNERMETRICS_SERVER_SYNC_CURSOR_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "connectors/host/connector_process.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/programs.h"
#include "server/sync/connector_config.h"
#include "server/sync/record_events.h"

namespace partnermetrics {

// The cursor of a state, which need not be text.
void PutState(absl::string_view state, v1::ConnectorCursor& cursor);
// A state as a caller gives it.
absl::StatusOr<std::string> StateOf(const v1::SetCursorRequest& request);

absl::StatusOr<v1::ConnectorCursor> ReadCursor(ProgramRuntime& program, absl::string_view connector);

// Writes a run that reads nothing and leaves the state; empty: from the start. FAILED_PRECONDITION (INTERRUPTED_RUN)
// while the last run can be gone on with. No other run may begin meanwhile.
absl::Status WriteCursor(ProgramRuntime& program, absl::string_view connector, const std::string& state);
// The same, and the state stays.
absl::Status KeepCursor(ProgramRuntime& program, absl::string_view connector);

// Counts what a run would read, and writes nothing.
class ReadingPlan : public connectors::ConnectorHandler {
 public:
  ReadingPlan(const ConnectorConfig& config, Programs& programs, ProgramRuntime& program)
      : program_(program), reader_(config, programs, program, "") {}

  absl::Status OnPage(const connectors::Page& page) override;
  void Show(v1::ChangeCursorResponse& response) const;

 private:
  // Whether the events of a record all say what is known.
  absl::StatusOr<bool> Unchanged(const Engine::View& view, const connectors::RecordView& record) const;

  ProgramRuntime& program_;
  const RecordReader reader_;
  int64_t records_ = 0, unchanged_ = 0;
  std::map<std::string, int64_t> files_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_CURSOR_H_
