#include "server/catalog/calendar.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace partnermetrics {
namespace {

Day On(int year, int month, int day) {
  return ToDay(absl::CivilDay(year, month, day));
}
std::string Show(const Period& period) {
  return absl::StrCat(DayText(period.first), " ", DayText(period.last));
}

TEST(CalendarTest, Windows) {
  const Day as_of = On(2024, 5, 15);
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, as_of, 1)), "2024-05-01 2024-05-15");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, as_of, 1)), "2024-04-01 2024-05-15");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_YEAR_TO_DATE, as_of, 1)), "2024-01-01 2024-05-15");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_LAST_MONTH, as_of, 1)), "2024-04-01 2024-04-30");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_LAST_QUARTER, as_of, 1)), "2024-01-01 2024-03-31");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_LAST_YEAR, as_of, 1)), "2023-01-01 2023-12-31");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_TRAILING_30_DAYS, as_of, 1)), "2024-04-16 2024-05-15");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_TRAILING_3_MONTHS, as_of, 1)), "2024-02-16 2024-05-15");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_TRAILING_12_MONTHS, as_of, 1)), "2023-05-16 2024-05-15");
}

// A period that ends on the day itself has ended.
TEST(CalendarTest, LastPeriodsAtTheirEnd) {
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_LAST_MONTH, On(2024, 2, 29), 1)), "2024-02-01 2024-02-29");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_LAST_MONTH, On(2024, 2, 28), 1)), "2024-01-01 2024-01-31");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_LAST_QUARTER, On(2024, 3, 31), 1)), "2024-01-01 2024-03-31");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_LAST_YEAR, On(2024, 12, 31), 1)), "2024-01-01 2024-12-31");
}

TEST(CalendarTest, TrailingMonthsFromAMonthEndAreWholeMonths) {
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_TRAILING_3_MONTHS, On(2023, 2, 28), 1)), "2022-12-01 2023-02-28");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_TRAILING_12_MONTHS, On(2024, 2, 29), 1)), "2023-03-01 2024-02-29");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_TRAILING_3_MONTHS, On(2024, 5, 30), 1)), "2024-03-01 2024-05-30");
}

TEST(CalendarTest, FiscalYears) {
  // The fiscal year begins in February.
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_YEAR_TO_DATE, On(2024, 1, 31), 2)), "2023-02-01 2024-01-31");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_YEAR_TO_DATE, On(2024, 2, 1), 2)), "2024-02-01 2024-02-01");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 1, 15), 2)), "2023-11-01 2024-01-15");
  EXPECT_EQ(Show(PeriodOf(v1::WINDOW_KIND_LAST_YEAR, On(2024, 6, 1), 10)), "2022-10-01 2023-09-30");
}

// One looks at a period from its last day, or from a later one.
TEST(CalendarTest, AsOf) {
  const Day as_of = On(2024, 5, 15);
  EXPECT_EQ(PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, as_of, 1).as_of, as_of);
  EXPECT_EQ(PeriodOf(v1::WINDOW_KIND_TRAILING_30_DAYS, as_of, 1).as_of, as_of);
  EXPECT_EQ(PeriodOf(v1::WINDOW_KIND_LAST_QUARTER, as_of, 1).as_of, as_of);
  EXPECT_EQ(PeriodOf(v1::WINDOW_KIND_LAST_MONTH, On(2024, 5, 31), 1).as_of, On(2024, 5, 31));
  EXPECT_EQ(StepOf(v1::SERIES_STEP_MONTH, On(2024, 2, 1), as_of, 1, v1::WEEK_DAY_MONDAY).as_of, as_of);
  EXPECT_EQ(PriorPeriod(PeriodOf(v1::WINDOW_KIND_LAST_QUARTER, as_of, 1)).as_of, On(2024, 2, 15));
  EXPECT_EQ(PriorPeriod(PeriodOf(v1::WINDOW_KIND_TRAILING_30_DAYS, as_of, 1)).as_of, On(2024, 4, 15));
  EXPECT_EQ(PriorYear(PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, as_of, 1)).as_of, On(2023, 5, 15));
}

TEST(CalendarTest, EverythingToDate) {
  EXPECT_EQ(Show(ToDate(PeriodOf(v1::WINDOW_KIND_LAST_MONTH, On(2024, 5, 15), 1))), "0001-01-01 2024-04-30");
}

// Thirty days to mature: of the running quarter the older part, of past ones all, of trailing windows an earlier one.
TEST(CalendarTest, MaturityEndsAWindowEarlier) {
  const auto matured = [](v1::WindowKind kind, Day as_of) { return Matured(PeriodOf(kind, as_of, 1), 30); };
  EXPECT_EQ(Show(matured(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 5, 15))), "2024-04-01 2024-04-15");
  EXPECT_EQ(Show(matured(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 5, 1))), "2024-04-01 2024-04-01");
  EXPECT_EQ(Show(matured(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 4, 30))), "2024-04-01 2024-03-31");
  EXPECT_EQ(Show(matured(v1::WINDOW_KIND_LAST_QUARTER, On(2024, 5, 15))), "2024-01-01 2024-03-31");
  EXPECT_EQ(Show(matured(v1::WINDOW_KIND_LAST_QUARTER, On(2024, 4, 29))), "2024-01-01 2024-03-30");
  EXPECT_EQ(Show(matured(v1::WINDOW_KIND_TRAILING_3_MONTHS, On(2024, 5, 15))), "2024-01-16 2024-04-15");
  const Period once = matured(v1::WINDOW_KIND_TRAILING_3_MONTHS, On(2024, 5, 15));
  EXPECT_EQ(Show(Matured(once, 30)), Show(once));
}

TEST(CalendarTest, ElapsedShares) {
  EXPECT_DOUBLE_EQ(ElapsedShare(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, On(2024, 4, 15), 1)), 0.5);
  EXPECT_DOUBLE_EQ(ElapsedShare(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, On(2024, 4, 30), 1)), 1);
  EXPECT_DOUBLE_EQ(ElapsedShare(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, On(2024, 4, 1), 1)), 1.0 / 30);
  EXPECT_DOUBLE_EQ(ElapsedShare(PeriodOf(v1::WINDOW_KIND_TRAILING_30_DAYS, On(2024, 4, 15), 1)), 1);
}

// The 31st of March belongs to what April is compared with.
TEST(CalendarTest, PriorPeriodsKeepMonthEnds) {
  EXPECT_EQ(Show(PriorPeriod(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, On(2024, 4, 30), 1))), "2024-03-01 2024-03-31");
  EXPECT_EQ(Show(PriorPeriod(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, On(2024, 4, 29), 1))), "2024-03-01 2024-03-29");
  EXPECT_EQ(Show(PriorPeriod(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, On(2023, 3, 30), 1))), "2023-02-01 2023-02-28");
  EXPECT_EQ(Show(PriorPeriod(PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 5, 31), 1))), "2024-01-01 2024-02-29");
  EXPECT_EQ(Show(PriorPeriod(PeriodOf(v1::WINDOW_KIND_LAST_QUARTER, On(2024, 5, 31), 1))), "2023-10-01 2023-12-31");
  EXPECT_EQ(Show(PriorPeriod(PeriodOf(v1::WINDOW_KIND_TRAILING_30_DAYS, On(2024, 5, 31), 1))), "2024-04-02 2024-05-01");
  EXPECT_EQ(Show(PriorPeriod(PeriodOf(v1::WINDOW_KIND_TRAILING_3_MONTHS, On(2024, 5, 31), 1))),
            "2023-12-01 2024-02-29");
  EXPECT_EQ(Show(PriorYear(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, On(2024, 2, 29), 1))), "2023-02-01 2023-02-28");
  EXPECT_EQ(Show(PriorYear(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, On(2025, 2, 28), 1))), "2024-02-01 2024-02-29");
  EXPECT_EQ(Show(PriorYear(PeriodOf(v1::WINDOW_KIND_TRAILING_30_DAYS, On(2024, 3, 15), 1))), "2023-02-14 2023-03-15");
}

TEST(CalendarTest, ExplicitPeriods) {
  EXPECT_EQ(Show(PriorPeriod(ExplicitPeriod(On(2024, 3, 1), On(2024, 4, 30)))), "2024-01-01 2024-02-29");
  EXPECT_EQ(Show(PriorPeriod(ExplicitPeriod(On(2024, 3, 10), On(2024, 3, 19)))), "2024-02-29 2024-03-09");
  EXPECT_EQ(Show(PriorYear(ExplicitPeriod(On(2024, 2, 29), On(2024, 3, 19)))), "2023-02-28 2023-03-19");
}

TEST(CalendarTest, Steps) {
  const auto weeks = StepsBetween(v1::SERIES_STEP_WEEK, On(2024, 5, 1), On(2024, 5, 14), 1, v1::WEEK_DAY_UNSPECIFIED);
  ASSERT_EQ(weeks.size(), 3u);
  EXPECT_EQ(Show(weeks[0]), "2024-04-29 2024-05-05");
  EXPECT_EQ(Show(weeks[2]), "2024-05-13 2024-05-14");
  EXPECT_EQ(Show(StepOf(v1::SERIES_STEP_WEEK, On(2024, 5, 1), On(2025, 1, 1), 1, v1::WEEK_DAY_SUNDAY)),
            "2024-04-28 2024-05-04");
  EXPECT_EQ(Show(StepOf(v1::SERIES_STEP_WEEK, On(2024, 5, 1), On(2025, 1, 1), 1, v1::WEEK_DAY_SATURDAY)),
            "2024-04-27 2024-05-03");
  const auto months = StepsBetween(v1::SERIES_STEP_MONTH, On(2024, 1, 31), On(2024, 3, 10), 1, v1::WEEK_DAY_MONDAY);
  ASSERT_EQ(months.size(), 3u);
  EXPECT_EQ(Show(months[1]), "2024-02-01 2024-02-29");
  EXPECT_EQ(Show(PriorPeriod(months[2])), "2024-02-01 2024-02-10");
  EXPECT_EQ(Show(StepOf(v1::SERIES_STEP_DAY, On(2024, 5, 1), On(2025, 1, 1), 1, v1::WEEK_DAY_MONDAY)),
            "2024-05-01 2024-05-01");
  EXPECT_TRUE(StepsBetween(v1::SERIES_STEP_YEAR, On(2025, 1, 1), On(2024, 1, 1), 1, v1::WEEK_DAY_MONDAY).empty());
}

TEST(CalendarTest, LengthInMonths) {
  EXPECT_DOUBLE_EQ(MonthsIn(PeriodOf(v1::WINDOW_KIND_TRAILING_3_MONTHS, On(2024, 5, 15), 1)), 3);
  EXPECT_DOUBLE_EQ(MonthsIn(PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 6, 30), 1)), 3);
  EXPECT_DOUBLE_EQ(MonthsIn(PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 5, 31), 1)), 2);
  EXPECT_DOUBLE_EQ(MonthsIn(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, On(2024, 4, 15), 1)), 0.5);
}

TEST(CalendarTest, PeriodsInWords) {
  EXPECT_EQ(PeriodText(PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 2, 10), 1), 1), "Q1 2024");
  EXPECT_EQ(PeriodText(PeriodOf(v1::WINDOW_KIND_MONTH_TO_DATE, On(2024, 2, 10), 1), 1), "February 2024");
  EXPECT_EQ(PeriodText(PeriodOf(v1::WINDOW_KIND_LAST_YEAR, On(2024, 2, 10), 1), 1), "2023");
  EXPECT_EQ(PeriodText(PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 2, 10), 2), 2), "Q1 FY2025");
  EXPECT_EQ(PeriodText(PeriodOf(v1::WINDOW_KIND_YEAR_TO_DATE, On(2024, 1, 10), 2), 2), "FY2024");
  EXPECT_EQ(PeriodText(PeriodOf(v1::WINDOW_KIND_TRAILING_30_DAYS, On(2024, 5, 15), 1), 1), "2024-04-16 to 2024-05-15");
  EXPECT_EQ(PeriodText(ExplicitPeriod(On(2024, 2, 1), On(2024, 2, 29)), 1), "February 2024");
}

}  // namespace
}  // namespace partnermetrics
