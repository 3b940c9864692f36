// Shares of one whole in percent, rounded so that they add up to 100.
//
//   PercentShares({320, 210, 110, 30});   // 48, 31, 16, 5: plain rounding would give 48, 31, 16, 4
//
// By largest remainder: all are rounded down, and what is missing goes to those that lost the most; of equal ones to
// the first. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_REPORTS_SHARES_H_
#define PARTNERMETRICS_SERVER_REPORTS_SHARES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/base/civil.h"

namespace partnermetrics {

// Parts below zero have no share: they count as zero. All shares are zero when there is no whole.
std::vector<int32_t> PercentShares(absl::Span<const Nanos> parts);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_SHARES_H_
