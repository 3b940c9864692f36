// Windows within formulas: other periods, windows of a metric's own, time to mature.
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

class WindowTest : public FormulaTest {
 protected:
  static constexpr v1::WindowKind kMonth = v1::WINDOW_KIND_MONTH_TO_DATE;
};

// Seen from the 30th of April, the 31st of March is in March; seen from the 29th, it is not yet there.
TEST_F(WindowTest, PriorPeriodsAreWholeCalendarPeriods) {
  Define(Metric("now", "won.sum") + Metric("before", "prior_period(won.sum)") +
         Metric("last_year", "prior_year(won.sum)"));
  Won(1, On(2023, 3, 1));
  Won(7, On(2024, 3, 31));
  Won(20, On(2024, 2, 29));
  EXPECT_EQ(Evaluate("before", On(2024, 4, 30), kProgramScope, kMonth).value, 7);
  EXPECT_EQ(Evaluate("before", On(2024, 4, 29), kProgramScope, kMonth).value, 0);
  EXPECT_EQ(Evaluate("before", On(2024, 3, 31), kProgramScope, kMonth).value, 20);
  EXPECT_EQ(Evaluate("before", On(2024, 3, 30), kProgramScope, kMonth).value, 20);
  EXPECT_EQ(Evaluate("before", On(2024, 3, 28), kProgramScope, kMonth).value, 0);
  EXPECT_EQ(Evaluate("last_year", On(2025, 2, 28), kProgramScope, kMonth).value, 20);
  EXPECT_EQ(Evaluate("last_year", On(2024, 2, 29), kProgramScope, kMonth).no_data,
            v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
}

TEST_F(WindowTest, StartAndToDate) {
  Define(Metric("at_start", "start(open.count)") + Metric("ever", "to_date(won.sum)") +
         Metric("ever_before", "prior_period(to_date(won.sum))") + Metric("average_ever", "to_date(avg(won))"));
  Open(5, On(2024, 3, 31), On(2024, 4, 1));
  Open(5, On(2024, 4, 1), On(2024, 5, 1));
  // The evening before the window: the first is open, the second is not.
  EXPECT_EQ(Evaluate("at_start", On(2024, 6, 30)).value, 1);
  EXPECT_EQ(Evaluate("at_start", On(2024, 5, 1), kProgramScope, kMonth).value, 1);
  EXPECT_EQ(Evaluate("at_start", On(2024, 6, 1), kProgramScope, kMonth).value, 0);
  Won(100, On(1999, 1, 1));
  Won(7, On(2024, 6, 30));
  EXPECT_EQ(Evaluate("ever", On(2024, 6, 30)).value, 117);
  EXPECT_EQ(Evaluate("ever", On(2024, 6, 29)).value, 110);
  EXPECT_EQ(Evaluate("ever_before", On(2024, 6, 30)).value, 100);
  EXPECT_EQ(Evaluate("average_ever", On(2024, 6, 30)).value, 117 / 4.0);
}

TEST_F(WindowTest, LengthsAndPace) {
  Define(Metric("day_count", "days(window)") + Metric("month_count", "months(window)") +
         Metric("share", "pace(window)") + Metric("day", "as_of"));
  const Day as_of = On(2024, 4, 15);
  EXPECT_EQ(Evaluate("day_count", as_of).value, 15);
  EXPECT_EQ(Evaluate("month_count", as_of).value, 0.5);
  EXPECT_EQ(Evaluate("share", as_of, kProgramScope, kMonth).value, 0.5);
  EXPECT_EQ(Evaluate("share", as_of).value, 15 / 91.0);
  EXPECT_EQ(Evaluate("share", On(2024, 6, 30)).value, 1);
  EXPECT_EQ(Evaluate("share", as_of, kProgramScope, v1::WINDOW_KIND_TRAILING_12_MONTHS).value, 1);
  EXPECT_EQ(Evaluate("day", as_of).value, as_of);
}

// Active partners are those with revenue in twelve months, whatever period is looked at.
TEST_F(WindowTest, AWindowOfTheMetricsOwn) {
  Define(Metric("active", "won.sum > 0 ? 1 : 0", "window: WINDOW_KIND_TRAILING_12_MONTHS own_window: true") +
         Metric("revenue", "won.sum") + Metric("both", "10 * revenue + active") +
         Metric("before", "prior_period(active)"));
  Won(5, On(2023, 7, 1));
  EXPECT_EQ(Evaluate("active", On(2024, 6, 30), kProgramScope, kMonth).value, 1);
  EXPECT_EQ(Evaluate("active", On(2024, 7, 1), kProgramScope, kMonth).value, 0);
  EXPECT_EQ(Evaluate("both", On(2024, 6, 30)).value, 1);
  EXPECT_EQ(Evaluate("both", On(2024, 7, 1)).value, 0);
  // As of the end of the quarter before.
  EXPECT_EQ(Evaluate("before", On(2024, 9, 30)).value, 1);
  EXPECT_EQ(Evaluate("before", On(2024, 12, 31)).value, 0);
  const v1::MetricValue value = Value("active", On(2024, 6, 30));
  EXPECT_EQ(value.window().start_on().year(), 2023);
  EXPECT_EQ(value.window().start_on().month(), 7);
}

// What began less than thirty days ago is not judged yet.
TEST_F(WindowTest, TimeToMature) {
  Define(Metric("rate", "won.count", "maturity_days: 30") + Metric("through", "2 * rate") +
         Metric("trailing", "won.count", "maturity_days: 30 window: WINDOW_KIND_TRAILING_30_DAYS"));
  Won(1, On(2024, 4, 15));
  Won(1, On(2024, 4, 16));
  EXPECT_EQ(Evaluate("rate", On(2024, 5, 15)).value, 1);
  EXPECT_EQ(Evaluate("rate", On(2024, 5, 16)).value, 2);
  EXPECT_EQ(Evaluate("through", On(2024, 5, 15)).value, 2);
  EXPECT_EQ(Evaluate("rate", On(2024, 4, 30)).no_data, v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  EXPECT_EQ(Evaluate("rate", On(2024, 5, 1)).value, 0);
  EXPECT_EQ(Evaluate("trailing", On(2024, 5, 15)).value, 1);
  EXPECT_EQ(Evaluate("trailing", On(2024, 6, 14)).value, 1);
  EXPECT_EQ(Evaluate("trailing", On(2024, 6, 15)).value, 0);
  // A past quarter is complete once its last day is thirty days ago.
  Won(1, On(2024, 6, 30));
  EXPECT_EQ(Evaluate("rate", On(2024, 7, 29), kProgramScope, v1::WINDOW_KIND_LAST_QUARTER).value, 2);
  EXPECT_EQ(Evaluate("rate", On(2024, 7, 30), kProgramScope, v1::WINDOW_KIND_LAST_QUARTER).value, 3);
  EXPECT_EQ(Value("rate", On(2024, 5, 15)).window().end_on().month(), 4);
  EXPECT_EQ(Refusal(Metric("x", "won.count", "maturity_days: -1")),
            "metric \"x\", maturity_days: maturity_days is 0 or more");
}

}  // namespace
}  // namespace partnermetrics
