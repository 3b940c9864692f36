// What happened to an intervention, in words.
//
//   FormatWhat(event)   // "assigned to Bob", "snoozed until 2026-04-20"
//   FormatWhy(event)    // "Engagement Score 38.8 (< 60)", "went through all rejections (Ada)"
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_RENDERERS_INTERVENTION_TEXT_H_
#define PARTNERMETRICS_CLIENTS_CLI_RENDERERS_INTERVENTION_TEXT_H_

#include <string>

#include "partnermetrics/v1/intervention_service.pb.h"

namespace partnermetrics::cli {

std::string FormatWhat(const v1::InterventionEvent& event);

// The cause and who did it; empty when there is nothing to say.
std::string FormatWhy(const v1::InterventionEvent& event);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_RENDERERS_INTERVENTION_TEXT_H_
