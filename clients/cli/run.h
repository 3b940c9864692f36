// Runs partnerctl: reads the command line, makes the request, calls, shows the answer.
//
//   return RunPartnerctl(Commands(), args, environment);
//
// Uses the given streams only, so that tests run it whole. One call at a time.
#ifndef PARTNERMETRICS_CLIENTS_CLI_RUN_H_
#define PARTNERMETRICS_CLIENTS_CLI_RUN_H_

#include <istream>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "clients/cli/command_table.h"
#include "clients/cli/text_layout.h"
#include "clients/cli/value_text.h"

namespace partnermetrics::cli {

struct Environment {
  std::istream* in;
  Screen screen;  // color: as "auto" decides it.
  CallTime time;
};

// The exit code.
int RunPartnerctl(absl::Span<const Command> commands, const std::vector<std::string>& args,
                  const Environment& environment);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_RUN_H_
