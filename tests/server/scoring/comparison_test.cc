// Values beside those of the period or the year before.
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

constexpr v1::Comparison kPeriod = v1::COMPARISON_PREVIOUS_PERIOD;
constexpr v1::Comparison kYear = v1::COMPARISON_PREVIOUS_YEAR;

class ComparisonTest : public FormulaTest {
 protected:
  void SetUp() override {
    Define(Metric("revenue", "won.sum", "unit: METRIC_UNIT_MONEY") +
           Metric("share", "won.sum / 1000", "unit: METRIC_UNIT_PERCENT") +
           Metric("active", "won.count", "window: WINDOW_KIND_TRAILING_12_MONTHS own_window: true"));
  }
};

TEST_F(ComparisonTest, PeriodBefore) {
  Won(1000, On(2024, 3, 31));
  Won(1150, On(2024, 6, 30));
  const v1::MetricValue value = Value("revenue", On(2024, 6, 30), kPeriod);
  EXPECT_EQ(value.comparison(), 1000);
  EXPECT_EQ(value.comparison_display(), "$1K");
  EXPECT_EQ(value.delta(), 150);
  EXPECT_DOUBLE_EQ(value.change(), 0.15);
  EXPECT_EQ(value.delta_display(), "+$150 (+15 %)");
  EXPECT_EQ(value.comparison_window().start_on().month(), 1);
  EXPECT_EQ(value.comparison_window().end_on().day(), 31);
}

TEST_F(ComparisonTest, YearBefore) {
  Won(200, On(2023, 6, 30));
  Won(999, On(2024, 3, 31));
  Won(150, On(2024, 6, 30));
  const v1::MetricValue value = Value("revenue", On(2024, 6, 30), kYear);
  EXPECT_EQ(value.comparison(), 200);
  EXPECT_EQ(value.delta(), -50);
  EXPECT_EQ(value.change(), -0.25);
  EXPECT_EQ(value.delta_display(), "-$50 (-25 %)");
  EXPECT_EQ(value.comparison_window().start_on().year(), 2023);
}

TEST_F(ComparisonTest, NothingUnlessAsked) {
  Won(1, On(2024, 3, 31));
  const v1::MetricValue value = Value("revenue", On(2024, 6, 30));
  EXPECT_FALSE(value.has_comparison() || value.has_delta() || value.has_change() || value.has_comparison_window());
  EXPECT_EQ(value.delta_display() + value.comparison_display(), "");
}

TEST_F(ComparisonTest, BeforeTheFirstFact) {
  Won(1, On(2024, 5, 1));
  const v1::MetricValue value = Value("revenue", On(2024, 6, 30), kPeriod);
  EXPECT_FALSE(value.has_comparison() || value.has_delta());
  EXPECT_EQ(value.comparison_no_data(), v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  EXPECT_EQ(value.comparison_display(), "no data");
}

// From nothing there is a difference but no rate of change.
TEST_F(ComparisonTest, ZeroBefore) {
  Won(5, On(2023, 1, 1));
  Won(5, On(2024, 5, 1));
  const v1::MetricValue value = Value("revenue", On(2024, 6, 30), kPeriod);
  EXPECT_EQ(value.comparison(), 0);
  EXPECT_EQ(value.delta(), 5);
  EXPECT_FALSE(value.has_change());
  EXPECT_EQ(value.delta_display(), "+$5");
}

// The change of a negative value is of its magnitude: from -100 to -50 is up by half.
TEST_F(ComparisonTest, NegativeValues) {
  Won(-100, On(2024, 3, 1));
  Won(-50, On(2024, 6, 1));
  EXPECT_EQ(Value("revenue", On(2024, 6, 30), kPeriod).delta_display(), "+$50 (+50 %)");
  Won(-50, On(2024, 6, 2));
  EXPECT_EQ(Value("revenue", On(2024, 6, 30), kPeriod).delta_display(), "$0 (0 %)");
}

TEST_F(ComparisonTest, PercentagesDifferByPoints) {
  Won(200, On(2024, 3, 1));
  Won(180, On(2024, 6, 1));
  const v1::MetricValue value = Value("share", On(2024, 6, 30), kPeriod);
  EXPECT_NEAR(value.delta(), -0.02, 1e-12);
  EXPECT_EQ(value.delta_display(), "-2 pp (-10 %)");
}

TEST_F(ComparisonTest, NoDataNow) {
  Define(Metric("size", "avg(won)"));
  Won(200, On(2024, 3, 1));
  const v1::MetricValue value = Value("size", On(2024, 6, 30), kPeriod);
  EXPECT_EQ(value.comparison(), 200);
  EXPECT_FALSE(value.has_delta() || value.has_change());
}

// Twelve months are compared with the twelve before.
TEST_F(ComparisonTest, WindowsOfTheirOwn) {
  Won(1, On(2023, 6, 30));
  Won(1, On(2023, 7, 1));
  Won(1, On(2024, 6, 30));
  const v1::MetricValue value = Value("active", On(2024, 6, 30), kPeriod);
  EXPECT_EQ(value.value(), 2);
  EXPECT_EQ(value.comparison(), 1);
}

}  // namespace
}  // namespace partnermetrics
