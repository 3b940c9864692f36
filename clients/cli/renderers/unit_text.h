// Numbers in the unit of a metric, short enough for a card.
//
//   FormatInUnit(1500000, v1::METRIC_UNIT_MONEY, "USD")   // "$1.5M"
//   FormatInUnit(0.25, v1::METRIC_UNIT_PERCENT, "")       // "25 %"
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_RENDERERS_UNIT_TEXT_H_
#define PARTNERMETRICS_CLIENTS_CLI_RENDERERS_UNIT_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "partnermetrics/v1/catalog.pb.h"

namespace partnermetrics::cli {

std::string FormatInUnit(double value, v1::MetricUnit unit, absl::string_view currency);

// "$500K", "≤ 24 h", "20 % – 40 %"; empty without a target. A least value to reach is shown bare.
std::string FormatTarget(const v1::MetricTarget& target, v1::MetricUnit unit, absl::string_view currency);

// A share as a percentage with at most one decimal: "12.5 %".
std::string FormatPercent(double share);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_RENDERERS_UNIT_TEXT_H_
