// Explain and ListContributions: the value from scoring, the facts behind it from the engine, their records from the
// log. The value and all facts are read under one view, which holds the applier up: some 0.3 s for each 100,000 facts
// of the measures' kinds.
#ifndef PARTNERMETRICS_SERVER_EXPLAIN_EXPLAIN_QUERY_H_
#define PARTNERMETRICS_SERVER_EXPLAIN_EXPLAIN_QUERY_H_

#include "absl/status/status.h"
#include "partnermetrics/v1/explain_service.pb.h"
#include "server/ingest/programs.h"
#include "server/queries/past_states.h"

namespace partnermetrics {

absl::Status Explain(const Programs& programs, Engine& engine, const v1::ExplainRequest& request,
                     v1::ExplainResponse& response);
absl::Status ListContributions(const Programs& programs, const KnownProgram& known,
                               const v1::ListContributionsRequest& request, v1::ListContributionsResponse& response);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPLAIN_EXPLAIN_QUERY_H_
