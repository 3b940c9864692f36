// Errors as callers meet them: a canonical code, a sentence, and details (field, reason, remedy) that any client
// decodes.
//
//   return InvalidField("deal.amount.nanos", "OUT_OF_RANGE", "nanos must lie between -999,999,999 and 999,999,999");
//
// Details travel as a google.rpc payload of absl::Status and become trailers of the gRPC answer.
#ifndef PARTNERMETRICS_SERVER_BASE_ERRORS_H_
#define PARTNERMETRICS_SERVER_BASE_ERRORS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "storage/status_macros.h"

namespace partnermetrics {

struct FieldError {
  std::string field;        // path of the field in the request
  std::string reason;       // UPPER_SNAKE_CASE
  std::string description;  // what is wrong and what would be right
};

// An error with a reason for programs and a remedy for people.
absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message,
                       absl::string_view remedy = "");

// INVALID_ARGUMENT with the fields at fault (at most 30 are kept, so that details stay under 4 KB).
absl::Status InvalidFields(const std::vector<FieldError>& errors);
absl::Status InvalidField(absl::string_view field, absl::string_view reason, absl::string_view description);

// RESOURCE_EXHAUSTED or UNAVAILABLE that may be retried after a while.
absl::Status RetryLater(absl::StatusCode code, absl::string_view reason, absl::string_view message, int retry_ms);

// The serialised google.rpc.Status with the details of `status`; empty when it has none.
std::string ErrorDetails(const absl::Status& status);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_BASE_ERRORS_H_
