// The civil day of an instant in a time zone.
//
//   Day day = CivilDayOf(micros, zone);
//
// Time-zone look-ups cost a microsecond, so each thread remembers where days begin. Any thread may call it.
#ifndef PARTNERMETRICS_SERVER_EXPR_CIVIL_DAY_H_
#define PARTNERMETRICS_SERVER_EXPR_CIVIL_DAY_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/base/civil.h"

namespace partnermetrics {

// `micros` counts from 1970-01-01T00:00:00Z.
Day CivilDayOf(int64_t micros, const absl::TimeZone& zone);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPR_CIVIL_DAY_H_
