// Completion of partnerctl's command line in bash and zsh. A small script of the shell asks `partnerctl __complete` for
// what may stand at the cursor, so that it is always that of the installed commands.
//
//   partnerctl completion bash > /etc/bash_completion.d/partnerctl
//   Complete(Commands(), {"partner", "li"})   // {{"list", "Lists partners."}}
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_COMPLETION_H_
#define PARTNERMETRICS_CLIENTS_CLI_COMPLETION_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "clients/cli/command_table.h"

namespace partnermetrics::cli {

// Words of the command line that are no RPC.
inline constexpr absl::string_view kCompletionCommand = "completion";
inline constexpr absl::string_view kCompleteCommand = "__complete";
inline constexpr absl::string_view kShells[] = {"bash", "zsh"};

struct Candidate {
  std::string word;
  std::string help;  // One sentence; empty for values.
};

// What may stand in place of the last of `words`, which the command line has after the program's name. bash gives
// "--output=json" as three words, zsh as one; both are understood.
std::vector<Candidate> Complete(absl::Span<const Command> commands, std::vector<std::string> words);

// Candidates one a line, word and help with a tab between.
std::string CompletionText(absl::Span<const Command> commands, std::vector<std::string> words);

// The shell's script; empty for an unknown shell.
std::string CompletionScript(absl::string_view shell);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_COMPLETION_H_
