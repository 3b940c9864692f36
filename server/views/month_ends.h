// The monthly roll-up of standings: of which metrics the ends of past months are kept before anybody asks for them.
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_VIEWS_MONTH_ENDS_H_
#define PARTNERMETRICS_SERVER_VIEWS_MONTH_ENDS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "partnermetrics/v1/catalog.pb.h"
#include "server/base/civil.h"

namespace partnermetrics {

// A year of months, and the one that the last of them is compared with.
inline constexpr int kRolledUpMonths = 13;

// The last days of the whole months before the day's own, the oldest first.
std::vector<Day> MonthEndsBefore(Day day);

// A metric in a window, as long as somebody asks for it.
struct MetricUse {
  std::string metric;
  v1::WindowKind window = v1::WINDOW_KIND_UNSPECIFIED;
  absl::Time used;            // the last time
  bool is_rolled_up = false;  // its month ends are kept already
};

// Those whose month ends are kept for so many partners, within a budget of values. Who has a place keeps it, so that
// metrics that are asked for in turns do not drive each other out; free places go to those that were used last.
std::vector<MetricUse> ChooseForRollUp(std::vector<MetricUse> uses, size_t partners);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_VIEWS_MONTH_ENDS_H_
