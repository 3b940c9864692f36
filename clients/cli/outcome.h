// What a response that is no error says about success, as an exit code: a run may have ended in part, a check may have
// found problems. It does not depend on how the response is shown.
//
//   exit_code = std::max(exit_code, OutcomeOf(response));
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_OUTCOME_H_
#define PARTNERMETRICS_CLIENTS_CLI_OUTCOME_H_

#include <google/protobuf/message.h>

#include "clients/cli/errors.h"

namespace partnermetrics::cli {

ExitCode OutcomeOf(const google::protobuf::Message& response);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_OUTCOME_H_
