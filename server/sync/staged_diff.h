// What publishing a staged run would change, tried on a copy of the programme's state.
//
//   ASSIGN_OR_RETURN(auto scratch, Scratch::Make(programs, *program));
//   RETURN_IF_ERROR(TryStaged(std::move(events), run_sequence, *scratch, /*examples=*/3, shown));
//   Engine::View after(scratch->engine());     // as if the run was published
//
// A function free of state.
#ifndef PARTNERMETRICS_SERVER_SYNC_STAGED_DIFF_H_
#define PARTNERMETRICS_SERVER_SYNC_STAGED_DIFF_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/scratch.h"

namespace partnermetrics {

// Applies the events to the copy and puts facts by kind, with so many examples of each kind and change, and the number
// of unresolved ones into `shown`.
absl::Status TryStaged(std::vector<PreparedEvent> events, uint64_t sequence, Scratch& scratch, int examples,
                       v1::StagedRun& shown);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_STAGED_DIFF_H_
