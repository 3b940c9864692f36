// Names of the flags that every command has, so that the generator can refuse a field that would hide one.
#ifndef PARTNERMETRICS_CLIENTS_CLI_GLOBAL_FLAGS_H_
#define PARTNERMETRICS_CLIENTS_CLI_GLOBAL_FLAGS_H_

#include "absl/strings/string_view.h"

namespace partnermetrics::cli {

inline constexpr absl::string_view kGlobalFlags[] = {"server", "output", "json",    "timeout",
                                                     "color",  "quiet",  "version", "help"};

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_GLOBAL_FLAGS_H_
