// The flags that every command has: their names, help and choices. The command line is read and completed by this
// table, and the generator refuses a field that would hide one.
//
//   FindGlobalFlag("output")->choices   // table, json, csv
#ifndef PARTNERMETRICS_CLIENTS_CLI_GLOBAL_FLAGS_H_
#define PARTNERMETRICS_CLIENTS_CLI_GLOBAL_FLAGS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace partnermetrics::cli {

struct GlobalFlag {
  absl::string_view name;
  absl::string_view letter;                     // "o" for -o; empty: none.
  absl::string_view hint;                       // In place of the value; empty: it takes none.
  absl::Span<const absl::string_view> choices;  // Empty: any value.
  absl::string_view help;
};

inline constexpr absl::string_view kFormats[] = {"table", "json", "csv"};
inline constexpr absl::string_view kColorWhen[] = {"auto", "always", "never"};
inline constexpr GlobalFlag kGlobalFlags[] = {
    {"server", "", "HOST:PORT", {}, "Server, HOST:PORT"},
    {"output", "o", "FORMAT", kFormats, "Output: table, json (zero values are kept) or csv"},
    {"json", "", "JSON", {}, "The request as JSON, from @FILE, or from standard input with -; flags go over it"},
    {"timeout", "", "DURATION", {}, "Give up after this time: 30s, 2m (default 30s; streams: none)"},
    {"color", "", "WHEN", kColorWhen, "Colours: auto (on a terminal), always or never"},
    {"quiet", "q", "", {}, "Print neither progress nor remarks below tables"},
    {"version", "", "", {}, "Show the version"},
    {"help", "h", "", {}, "Show this help"},
};

// Null when no flag has the name.
constexpr const GlobalFlag* FindGlobalFlag(absl::string_view name) {
  for (const GlobalFlag& flag : kGlobalFlags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_GLOBAL_FLAGS_H_
