// Facts that the server itself states when somebody decides something: they go the way of all events.
//
//   ASSIGN_OR_RETURN(const uint64_t position, StateOwnFacts(programs, program, "service:score", std::move(events)));
//
// Functions are free of state; callers let only one action run at a time.
#ifndef PARTNERMETRICS_SERVER_ACTIONS_OWN_FACTS_H_
#define PARTNERMETRICS_SERVER_ACTIONS_OWN_FACTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

// Writes the events, each as a new revision of its fact, and gives the position after them.
absl::StatusOr<uint64_t> StateOwnFacts(const Programs& programs, ProgramRuntime& program, absl::string_view actor,
                                       std::vector<v1::Event> events);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ACTIONS_OWN_FACTS_H_
