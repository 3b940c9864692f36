// Finds commands and flags of the generated tables by name.
#ifndef PARTNERMETRICS_TESTS_CLIENTS_CLI_TABLE_OF_H_
#define PARTNERMETRICS_TESTS_CLIENTS_CLI_TABLE_OF_H_

#include <cstdlib>
#include <iostream>

#include "clients/cli/command_table.h"

namespace partnermetrics::cli {

// The commands of proto/toy/v1/toy_service.proto.
absl::Span<const Command> ToyCommands();

inline const Command& CommandOf(absl::Span<const Command> commands, absl::string_view words) {
  for (const Command& command : commands) {
    if (command.words == words) return command;
  }
  std::cerr << "no command " << words << "\n";
  std::abort();
}

inline const Flag* FindFlag(const Command& command, absl::string_view name) {
  for (const Flag& flag : command.flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_TESTS_CLIENTS_CLI_TABLE_OF_H_
