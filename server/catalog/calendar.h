// Periods of time: the windows of metrics, the periods before them, and the steps of series.
//
//   Period quarter = PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, as_of, /*fiscal_start_month=*/1);
//   Period before = PriorPeriod(quarter);
//
// Shifting by months keeps month ends: the month to 30 April is compared with the whole of March, the 31st included.
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_CATALOG_CALENDAR_H_
#define PARTNERMETRICS_SERVER_CATALOG_CALENDAR_H_

#include <string>
#include <vector>

#include "partnermetrics/v1/catalog.pb.h"
#include "partnermetrics/v1/common.pb.h"
#include "partnermetrics/v1/metric_service.pb.h"
#include "server/base/civil.h"

namespace partnermetrics {

struct Period {
  Day first = 0;
  Day last = 0;        // stocks are read at its end
  Day whole_last = 0;  // end of the whole calendar period; after `last` when that is still running
  int months = 0;      // length in calendar months, or 0 when `days` counts
  int days = 0;
  bool trailing = false;  // ends with any day: its start follows from its end
  Day as_of = 0;          // the day from which one looks at it: the last one or later

  friend bool operator==(const Period& a, const Period& b) { return a.first == b.first && a.last == b.last; }
};

// The day `months` later (or earlier): the last day of a month leads to the last day of a month.
Day AddMonths(Day day, int months);

// The window of `kind` as of a day. `kind` is specified.
Period PeriodOf(v1::WindowKind kind, Day as_of, int fiscal_start_month);
// The whole period of so many months (1, 3, 6 or 12) of the fiscal year that contains the day.
Period FiscalPeriodOf(Day day, int months, int fiscal_start_month);
// first..last: in months when these are whole months, else in days.
Period ExplicitPeriod(Day first, Day last);
// The period of one step that contains `day`, cut off after `as_of`, from which one looks at it.
Period StepOf(v1::SeriesStep step, Day day, Day as_of, int fiscal_start_month, v1::WeekDay week_start);
// The steps from the one that contains `first` to the one that contains `as_of`.
std::vector<Period> StepsBetween(v1::SeriesStep step, Day first, Day as_of, int fiscal_start_month,
                                 v1::WeekDay week_start);

// Length in months: whole for windows made of months, else the shares of the months that it touches.
double MonthsIn(const Period& period);

Period PriorPeriod(const Period& period);
Period PriorYear(const Period& period);
// Everything up to the period's last day.
Period ToDate(const Period& period);
// The period without the days that are less than `days` before its as-of day; trailing ones keep their length. It ends
// before it begins when nothing remains.
Period Matured(const Period& period, int days);
// The part of the whole calendar period that has elapsed by its last day, above 0 and at most 1.
double ElapsedShare(const Period& period);

// "Q1 2024", "March 2024", "2024", else "2024-01-15 to 2024-02-14". Fiscal years that do not begin in January are named
// by the year in which they end: "Q1 FY2025".
std::string PeriodText(const Period& period, int fiscal_start_month);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_CATALOG_CALENDAR_H_
