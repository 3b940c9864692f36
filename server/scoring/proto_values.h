// Days, periods and exact numbers in answers. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SCORING_PROTO_VALUES_H_
#define PARTNERMETRICS_SERVER_SCORING_PROTO_VALUES_H_

#include <chrono>

#include "partnermetrics/v1/common.pb.h"
#include "server/base/civil.h"
#include "server/catalog/calendar.h"

namespace partnermetrics {

inline void SetDate(Day day, v1::Date* date) {
  const std::chrono::year_month_day civil = std::chrono::sys_days(std::chrono::days(day));
  date->set_year(static_cast<int>(civil.year()));
  date->set_month(static_cast<int32_t>(static_cast<unsigned>(civil.month())));
  date->set_day(static_cast<int32_t>(static_cast<unsigned>(civil.day())));
}

inline v1::Date ToDate(Day day) {
  v1::Date date;
  SetDate(day, &date);
  return date;
}

// Of a date that exists, as those of facts and definitions do.
inline Day ToDay(const v1::Date& date) {
  return ToDay(absl::CivilDay(date.year(), date.month(), date.day()));
}

inline v1::Decimal ToDecimal(Nanos nanos) {
  v1::Decimal decimal;
  decimal.set_units(static_cast<int64_t>(nanos / kNanosPerUnit));
  decimal.set_nanos(static_cast<int32_t>(nanos % kNanosPerUnit));
  return decimal;
}

inline Nanos ToNanos(const v1::Decimal& decimal) {
  return Nanos(decimal.units()) * kNanosPerUnit + decimal.nanos();
}

inline void SetRange(const Period& period, v1::DateRange* range) {
  SetDate(period.first, range->mutable_start_on());
  SetDate(period.last, range->mutable_end_on());
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_PROTO_VALUES_H_
