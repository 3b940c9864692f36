// Command line → what to call with which flags.
//
//   Invocation invocation = ParseCommandLine(Commands(), {"partner", "list", "-o", "json"});
//   if (invocation.usage_error) …  else if (invocation.command == nullptr) print invocation.text (help, version)
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_COMMAND_LINE_H_
#define PARTNERMETRICS_CLIENTS_CLI_COMMAND_LINE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "clients/cli/command_table.h"
#include "clients/cli/errors.h"
#include "clients/cli/request_builder.h"

namespace partnermetrics::cli {

// The flags that every command has.
struct GlobalOptions {
  std::string server = "127.0.0.1:7400";
  Format format = Format::kTable;
  std::optional<std::string> json;        // "{…}", "@file" or "-".
  std::optional<absl::Duration> timeout;  // Not given: 30 s, and none for streams.
  std::string color = "auto";
  bool quiet = false;
};

struct Invocation {
  GlobalOptions options;
  const Command* command = nullptr;  // Null: only `text` is wanted, or `usage_error` is set.
  std::vector<FlagValue> flags;
  std::string text;
  std::optional<CallError> usage_error;
};

// `args`: without the program's name. The result refers to `commands`.
Invocation ParseCommandLine(absl::Span<const Command> commands, const std::vector<std::string>& args);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_COMMAND_LINE_H_
