#include "server/catalog/calendar.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace partnermetrics {
namespace {

constexpr const char* kMonthNames[] = {"January", "February", "March",     "April",   "May",      "June",
                                       "July",    "August",   "September", "October", "November", "December"};

// Months since the beginning of year 0. Every window begins here, several times a value: civil types would step through
// years for each of them.
using Month = int;

std::chrono::year_month_day DateOf(Day day) {
  return std::chrono::sys_days(std::chrono::days(day));
}
Month MonthOf(const std::chrono::year_month_day& date) {
  return static_cast<int>(date.year()) * 12 + static_cast<int>(static_cast<unsigned>(date.month())) - 1;
}
Month MonthOf(Day day) {
  return MonthOf(DateOf(day));
}
int MonthOfYear(Month month) {
  return ((month % 12) + 12) % 12;
}
int YearOfMonth(Month month) {
  return (month - MonthOfYear(month)) / 12;
}
int DayOfMonth(Day day) {
  return static_cast<int>(static_cast<unsigned>(DateOf(day).day()));
}
Day FirstDayOf(Month month) {
  const std::chrono::year year(YearOfMonth(month));
  const std::chrono::month of_year(static_cast<unsigned>(MonthOfYear(month)) + 1);
  return static_cast<Day>(std::chrono::sys_days(year / of_year / 1).time_since_epoch().count());
}
Day LastDayOf(Month month) {
  return FirstDayOf(month + 1) - 1;
}
// The day of that number in the month, or its last one.
Day OnMonth(Month month, int day) {
  return std::min(LastDayOf(month), FirstDayOf(month) + day - 1);
}
bool IsMonthEnd(Day day) {
  return DayOfMonth(day + 1) == 1;
}

// The first month of the fiscal period of `months` (1, 3, 6 or 12) that contains the month.
Month FiscalStart(Month month, int months, int fiscal_start_month) {
  return month - MonthOfYear(month - (fiscal_start_month - 1)) % months;
}

// The calendar period of `months` that contains `last`, up to it.
Period ToDate(Day last, int months, int fiscal_start_month) {
  const Month start = FiscalStart(MonthOf(last), months, fiscal_start_month);
  return {FirstDayOf(start), last, LastDayOf(start + (months - 1)), months, 0, false, last};
}

// The last whole calendar period that ended on or before `as_of`.
Period LastWhole(Day as_of, int months, int fiscal_start_month) {
  Period period = ToDate(as_of, months, fiscal_start_month);
  if (period.whole_last > as_of) period = ToDate(period.first - 1, months, fiscal_start_month);
  period.as_of = as_of;
  return period;
}

Day TrailingStart(Day last, int months, int days) {
  return months > 0 ? AddMonths(last, -months) + 1 : last - days + 1;
}

Period Trailing(Day last, int months, int days) {
  return {TrailingStart(last, months, days), last, last, months, days, true, last};
}

Period ShiftMonths(const Period& period, int months) {
  Period shifted = period;
  shifted.last = AddMonths(period.last, months);
  shifted.whole_last = AddMonths(period.whole_last, months);
  shifted.as_of = AddMonths(period.as_of, months);
  if (period.trailing) {
    shifted.first = TrailingStart(shifted.last, period.months, period.days);
  } else {
    shifted.first = OnMonth(MonthOf(period.first) + months, DayOfMonth(period.first));
  }
  return shifted;
}

int WeekStartOffset(Day day, v1::WeekDay week_start) {
  const int first = week_start == v1::WEEK_DAY_SUNDAY ? 6 : week_start == v1::WEEK_DAY_SATURDAY ? 5 : 0;
  return (static_cast<int>(absl::GetWeekday(ToCivil(day))) - first + 7) % 7;  // absl::Weekday begins with Monday
}

}  // namespace

Day AddMonths(Day day, int months) {
  return OnMonth(MonthOf(day) + months, IsMonthEnd(day) ? 31 : DayOfMonth(day));
}

Period PeriodOf(v1::WindowKind kind, Day as_of, int fiscal_start_month) {
  switch (kind) {
    case v1::WINDOW_KIND_MONTH_TO_DATE:
      return ToDate(as_of, 1, fiscal_start_month);
    case v1::WINDOW_KIND_QUARTER_TO_DATE:
      return ToDate(as_of, 3, fiscal_start_month);
    case v1::WINDOW_KIND_YEAR_TO_DATE:
      return ToDate(as_of, 12, fiscal_start_month);
    case v1::WINDOW_KIND_LAST_MONTH:
      return LastWhole(as_of, 1, fiscal_start_month);
    case v1::WINDOW_KIND_LAST_QUARTER:
      return LastWhole(as_of, 3, fiscal_start_month);
    case v1::WINDOW_KIND_LAST_YEAR:
      return LastWhole(as_of, 12, fiscal_start_month);
    case v1::WINDOW_KIND_TRAILING_3_MONTHS:
      return Trailing(as_of, 3, 0);
    case v1::WINDOW_KIND_TRAILING_12_MONTHS:
      return Trailing(as_of, 12, 0);
    default:
      return Trailing(as_of, 0, 30);
  }
}

Period FiscalPeriodOf(Day day, int months, int fiscal_start_month) {
  Period period = ToDate(day, months, fiscal_start_month);
  period.last = period.as_of = period.whole_last;
  return period;
}

Period ExplicitPeriod(Day first, Day last) {
  const bool whole_months = DayOfMonth(first) == 1 && IsMonthEnd(last);
  const int months = whole_months ? MonthOf(last) - MonthOf(first) + 1 : 0;
  return {first, last, last, months, whole_months ? 0 : last - first + 1, false, last};
}

Period StepOf(v1::SeriesStep step, Day day, Day as_of, int fiscal_start_month, v1::WeekDay week_start) {
  const int months = step == v1::SERIES_STEP_MONTH ? 1 : step == v1::SERIES_STEP_QUARTER ? 3 : 12;
  Period period;
  if (step == v1::SERIES_STEP_DAY) {
    period = {day, day, day, 0, 1};
  } else if (step == v1::SERIES_STEP_WEEK) {
    const Day first = day - WeekStartOffset(day, week_start);
    period = {first, first + 6, first + 6, 0, 7};
  } else {
    period = ToDate(day, months, fiscal_start_month);
    period.last = period.whole_last;
  }
  period.last = std::min(period.last, as_of);
  period.as_of = as_of;
  return period;
}

std::vector<Period> StepsBetween(v1::SeriesStep step, Day first, Day as_of, int fiscal_start_month,
                                 v1::WeekDay week_start) {
  std::vector<Period> steps;
  for (Day day = first; day <= as_of; day = steps.back().whole_last + 1) {
    steps.push_back(StepOf(step, day, as_of, fiscal_start_month, week_start));
  }
  return steps;
}

double MonthsIn(const Period& period) {
  if (period.months > 0 && period.last == period.whole_last) return period.months;
  double months = 0;
  for (Month month = MonthOf(period.first); FirstDayOf(month) <= period.last; ++month) {
    const Day first = std::max(period.first, FirstDayOf(month)), last = std::min(period.last, LastDayOf(month));
    months += static_cast<double>(last - first + 1) / (LastDayOf(month) - FirstDayOf(month) + 1);
  }
  return months;
}

Period PriorPeriod(const Period& period) {
  if (period.months > 0) return ShiftMonths(period, -period.months);
  Period shifted = period;
  shifted.first -= period.days;
  shifted.last -= period.days;
  shifted.whole_last -= period.days;
  shifted.as_of -= period.days;
  return shifted;
}

Period PriorYear(const Period& period) {
  return ShiftMonths(period, -12);
}

Period ToDate(const Period& period) {
  const Day beginning = ToDay(absl::CivilDay(1, 1, 1));
  return {beginning, period.last, period.last, 0, period.last - beginning + 1, false, period.as_of};
}

Period Matured(const Period& period, int days) {
  Period matured = period;
  matured.last = std::min(period.last, period.as_of - days);
  if (period.trailing) {
    matured.first = TrailingStart(matured.last, period.months, period.days);
    matured.whole_last = matured.last;
  }
  return matured;
}

double ElapsedShare(const Period& period) {
  return static_cast<double>(period.last - period.first + 1) / (period.whole_last - period.first + 1);
}

std::string PeriodText(const Period& period, int fiscal_start_month) {
  const Month start = MonthOf(period.first);
  const bool calendar = !period.trailing && DayOfMonth(period.first) == 1 && IsMonthEnd(period.whole_last) &&
                        MonthOf(period.whole_last) - start + 1 == period.months &&
                        FiscalStart(start, std::max(period.months, 1), fiscal_start_month) == start;
  if (!calendar || (period.months != 1 && period.months != 3 && period.months != 12)) {
    return absl::StrCat(DayText(period.first), " to ", DayText(period.last));
  }
  if (period.months == 1) return absl::StrCat(kMonthNames[MonthOfYear(start)], " ", YearOfMonth(start));
  const int since_start = MonthOfYear(start - (fiscal_start_month - 1));
  const Month year_end = start + (11 - since_start);
  const std::string year = absl::StrCat(fiscal_start_month == 1 ? "" : "FY", YearOfMonth(year_end));
  return period.months == 12 ? year : absl::StrCat("Q", since_start / 3 + 1, " ", year);
}

}  // namespace partnermetrics
