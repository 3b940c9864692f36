// ExplainChange: two values of a metric, fact by fact, and why each fact counts otherwise. Both are taken apart as
// Explain does it: with one view when both are by today's knowledge, else over an engine that the log's beginning was
// replayed into.
#ifndef PARTNERMETRICS_SERVER_EXPLAIN_EXPLAIN_CHANGE_H_
#define PARTNERMETRICS_SERVER_EXPLAIN_EXPLAIN_CHANGE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "partnermetrics/v1/explain_service.pb.h"
#include "server/ingest/programs.h"
#include "server/queries/past_states.h"

namespace partnermetrics {

// The number of examples that a request asks for: at most 1,000; 0 means `fallback`.
absl::StatusOr<int> ReadExamples(int examples, int fallback = 10);

absl::Status ExplainChange(const Programs& programs, PastStates& states, ProgramRuntime& program,
                           const v1::ExplainChangeRequest& request, v1::ExplainChangeResponse& response);

// From a value as it was known then to one as it is known now, or was later; `then` is a past state.
absl::Status ExplainChangeBetween(const Programs& programs, const KnownProgram& then, const v1::ExplainRequest& earlier,
                                  const KnownProgram& now, const v1::ExplainRequest& later, int examples,
                                  v1::ExplainChangeResponse& response);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPLAIN_EXPLAIN_CHANGE_H_
