// Calendar days as integers, and exact decimals: the two number forms that measures are made of.
//
// A day is the number of days since 1970-01-01. A decimal is an absl::int128 of billionths ("nanos"), the scale of
// money.
#ifndef PARTNERMETRICS_SERVER_BASE_CIVIL_H_
#define PARTNERMETRICS_SERVER_BASE_CIVIL_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace partnermetrics {

using Day = int32_t;
using Nanos = absl::int128;

inline constexpr int64_t kNanosPerUnit = 1'000'000'000;

inline Day ToDay(absl::CivilDay day) {
  return static_cast<Day>(day - absl::CivilDay(1970, 1, 1));
}
inline absl::CivilDay ToCivil(Day day) {
  return absl::CivilDay(1970, 1, 1) + day;
}
inline int YearOf(Day day) {
  return static_cast<int>(std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(day))).year());
}
inline Day YearStart(int year) {
  return ToDay(absl::CivilDay(year, 1, 1));
}

// "2026-03-31".
std::string DayText(Day day);

// The decimal without trailing zeros: "425000", "-0.5".
std::string NanosText(Nanos nanos);

inline double NanosToDouble(Nanos nanos) {
  return static_cast<double>(nanos) / 1e9;
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_BASE_CIVIL_H_
