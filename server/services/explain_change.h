// ExplainChange: two values of a metric, fact by fact, and why each fact counts otherwise. Both are taken apart as
// Explain does it: with one view when both are by today's knowledge, else over an engine that the log's beginning was
// replayed into.
#ifndef PARTNERMETRICS_SERVER_SERVICES_EXPLAIN_CHANGE_H_
#define PARTNERMETRICS_SERVER_SERVICES_EXPLAIN_CHANGE_H_

#include "absl/status/status.h"
#include "partnermetrics/v1/explain_service.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

absl::Status ExplainChange(const Programs& programs, ProgramRuntime& program, const v1::ExplainChangeRequest& request,
                           v1::ExplainChangeResponse& response);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_EXPLAIN_CHANGE_H_
