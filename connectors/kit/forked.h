// Runs a function in a process of its own: a crash, an endless loop or an exit of a plugin is then an answer like any
// other.
//
//   ForkedResult result = RunForked(absl::Seconds(60), [] { return std::string("fine"); });
#ifndef PARTNERMETRICS_CONNECTORS_KIT_FORKED_H_
#define PARTNERMETRICS_CONNECTORS_KIT_FORKED_H_

#include <functional>
#include <string>

#include "absl/time/time.h"

namespace partnermetrics::kit {

struct ForkedResult {
  std::string answer;  // what the function returned
  std::string error;   // why there is no answer: "the plugin crashed: Segmentation fault (signal 11)"
  std::string output;  // what the process wrote to stdout and stderr
};

ForkedResult RunForked(absl::Duration limit, const std::function<std::string()>& function);

}  // namespace partnermetrics::kit

#endif  // PARTNERMETRICS_CONNECTORS_KIT_FORKED_H_
