#include "server/services/backend.h"

#include "server/base/errors.h"

namespace partnermetrics {
namespace {

constexpr absl::Duration kPositionTimeout = absl::Seconds(5);

}  // namespace

absl::Status Backend::Ready() const {
  switch (phase_.load()) {
    case Phase::kStarting:
      return RetryLater(absl::StatusCode::kUnavailable, "STARTING",
                        "the server is starting: it replays its log; try again a little later", 1'000);
    case Phase::kStopping:
      return RetryLater(absl::StatusCode::kUnavailable, "STOPPING", "the server is stopping", 1'000);
    case Phase::kServing:
      break;
  }
  return absl::OkStatus();
}

absl::StatusOr<ProgramRuntime*> Backend::ProgramAt(absl::string_view program, uint64_t min_position) const {
  ASSIGN_OR_RETURN(ProgramRuntime * runtime, programs_->Find(program));
  if (min_position > 0) RETURN_IF_ERROR(runtime->writer().WaitFor(min_position, kPositionTimeout));
  return runtime;
}

}  // namespace partnermetrics
