// Records of the log that runs consist of, and short runs that are written as a whole.
//
//   ASSIGN_OR_RETURN(ShortRun run, BeginShortRun(config, *program, v1::RUN_TRIGGER_REPLAY));
//   …
//   RETURN_IF_ERROR(EndShortRun(run, *program, std::move(end)));
#ifndef PARTNERMETRICS_SERVER_SYNC_RUN_RECORDS_H_
#define PARTNERMETRICS_SERVER_SYNC_RUN_RECORDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/programs.h"
#include "storage/event_log.h"

namespace partnermetrics {

storage::LogRecord MakeRunRecord(storage::RecordType type, const google::protobuf::Message& message);
// Who the log says appended a connector's records.
std::string ConnectorActor(absl::string_view connector);
std::string RunIdOf(absl::string_view connector, uint64_t sequence);

absl::Status WriteRunRecords(absl::string_view connector, ProgramRuntime& program,
                             std::vector<storage::LogRecord> records);

// A run beside the ordinary ones: it does not move the connector's state, unless it says so, and is not gone on with.
// In the log it has an end from the first moment on, which the real one replaces, so that no kill leaves it open.
struct ShortRun {
  std::string run_id;
  std::string connector;
  uint64_t sequence = 0;
  v1::RunTrigger trigger = v1::RUN_TRIGGER_UNSPECIFIED;
};

// FAILED_PRECONDITION (INTERRUPTED_RUN) when the connector's last run can still be gone on with: it no longer could
// afterwards. No other run may begin meanwhile.
absl::StatusOr<ShortRun> BeginShortRun(absl::string_view connector, ProgramRuntime& program, v1::RunTrigger trigger);

// Writes `before`, then the end, as one.
absl::Status EndShortRun(const ShortRun& run, ProgramRuntime& program, log::v1::RunEnd end,
                         std::vector<storage::LogRecord> before = {});

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_RUN_RECORDS_H_
