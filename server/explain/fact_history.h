// GetFactHistory: what the log says of one fact, revision by revision.
#ifndef PARTNERMETRICS_SERVER_EXPLAIN_FACT_HISTORY_H_
#define PARTNERMETRICS_SERVER_EXPLAIN_FACT_HISTORY_H_

#include "absl/status/status.h"
#include "google/protobuf/timestamp.pb.h"
#include "partnermetrics/v1/explain_service.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

absl::Status GetFactHistory(ProgramRuntime& program, const v1::GetFactHistoryRequest& request,
                            v1::GetFactHistoryResponse& response);

google::protobuf::Timestamp StoredAt(const storage::LogRecord& record);

v1::FactName ToName(const FactId& id);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPLAIN_FACT_HISTORY_H_
