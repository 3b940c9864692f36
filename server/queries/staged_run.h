// GetStagedRun: what publishing a staged run would change, facts and metrics.
#ifndef PARTNERMETRICS_SERVER_QUERIES_STAGED_RUN_H_
#define PARTNERMETRICS_SERVER_QUERIES_STAGED_RUN_H_

#include "absl/status/statusor.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

class Connectors;

// Tries the run on a copy of the programme's state; takes memory and time as publishing it does, and holds up nobody.
absl::StatusOr<v1::StagedRun> LookAtStagedRun(Programs& programs, Connectors& connectors,
                                              const v1::GetStagedRunRequest& request);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_STAGED_RUN_H_
