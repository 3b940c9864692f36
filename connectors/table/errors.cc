// The errors of expressions inside the plugin. The server's own (server/base/errors.cc) carry google.rpc details, whose
// generated code a plugin must not have a second copy of; here the sentence is all that is needed.
#include "server/base/errors.h"

namespace partnermetrics {

absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message,
                       absl::string_view remedy) {
  return absl::Status(code, message);
}

}  // namespace partnermetrics
