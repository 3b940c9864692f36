// Values as people read them.
//
//   DisplayValue(Number::Exact(425'000 * kNanosPerUnit), v1::METRIC_UNIT_MONEY, "USD");   // "$425K"
//
// Rounded half up, and only here: nothing is ever computed from what is displayed. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SCORING_DISPLAY_H_
#define PARTNERMETRICS_SERVER_SCORING_DISPLAY_H_

#include <string>

#include "absl/strings/string_view.h"
#include "partnermetrics/v1/catalog.pb.h"
#include "server/scoring/number.h"

namespace partnermetrics {

// "$1.5M", "85 %", "3.5x", "18 h", "12 days", "4.2", "no data".
std::string DisplayValue(const Number& number, v1::MetricUnit unit, absl::string_view currency);
// A difference of two such values, with its sign: "+$15K", "-2 pp" of percentages, "0".
std::string DisplayChange(const Number& change, v1::MetricUnit unit, absl::string_view currency);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_DISPLAY_H_
