// Limits of the plugin's process, put on it before the plugin is loaded.
#ifndef PARTNERMETRICS_CONNECTORS_HOST_CONFINE_H_
#define PARTNERMETRICS_CONNECTORS_HOST_CONFINE_H_

#include "absl/status/status.h"
#include "connectors/host/frames.h"

namespace partnermetrics::connectors {

// Limits memory, CPU time and open files, and takes from the process what reading files does not need: sockets, other
// programs and processes, writing files, new privileges. This stops mistakes and plain misuse; it is no sandbox for
// hostile code.
absl::Status ConfineProcess(const ConnectorLimits& limits);

}  // namespace partnermetrics::connectors

#endif  // PARTNERMETRICS_CONNECTORS_HOST_CONFINE_H_
