// The programme that a request names, at the position that it waits for, as it was known when it says so.
//
//   ASSIGN_OR_RETURN(const KnownProgram known, ReadKnownProgram(backend_, request));
//   Engine::View view(known.engine());
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SERVICES_KNOWN_PROGRAM_H_
#define PARTNERMETRICS_SERVER_SERVICES_KNOWN_PROGRAM_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/errors.h"
#include "server/queries/past_states.h"
#include "server/services/backend.h"

namespace partnermetrics {

template <typename Request>
absl::StatusOr<KnownProgram> ReadKnownProgram(const Backend& backend, const Request& request) {
  ASSIGN_OR_RETURN(ProgramRuntime * program, backend.ProgramAt(request.program(), request.min_position()));
  if (!request.has_known_on()) return KnownProgram(*program);
  ASSIGN_OR_RETURN(std::shared_ptr<Scratch> past,
                   backend.past().KnownOn(*program, request.known_on(), OnlyPartnerOf(request)));
  return KnownProgram(*program, std::move(past));
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_KNOWN_PROGRAM_H_
