#include "server/scoring/number.h"

#include "gtest/gtest.h"
#include "server/scoring/display.h"
#include "server/scoring/target.h"

namespace partnermetrics {
namespace {

Number Of(double value) {
  return Number::Inexact(value);
}
Number Units(int64_t units, int64_t facts = 1) {
  return Number::Exact(Nanos(units) * kNanosPerUnit, facts);
}

TEST(NumberTest, SumsStayExact) {
  const Number tenth = Number::Exact(kNanosPerUnit / 10, 1);
  Number sum = Number::Exact(0);
  for (int i = 0; i < 10; ++i) sum = Add(sum, tenth);
  EXPECT_EQ(*sum.exact, kNanosPerUnit);
  EXPECT_EQ(sum.facts, 10);
  EXPECT_EQ(*Multiply(Units(12), tenth).exact, kNanosPerUnit * 12 / 10);
  EXPECT_FALSE(Multiply(tenth, tenth).exact.has_value());
  EXPECT_EQ(*Modulo(Units(7), Units(3)).exact, kNanosPerUnit);
  EXPECT_EQ(Compare(Multiply(Units(3), tenth), Number::Exact(300'000'000)), 0);
}

TEST(NumberTest, QuotientsRememberWhatTheyAreOf) {
  const Number rate = Divide(Units(4, 4), Units(5, 5));
  EXPECT_EQ(rate.value, 0.8);
  EXPECT_EQ(*rate.numerator, 4);
  EXPECT_EQ(*rate.denominator, 5);
  EXPECT_EQ(rate.facts, 5);
  EXPECT_FALSE(rate.exact.has_value());
}

TEST(NumberTest, NoDataPassesThrough) {
  const Number none = Divide(Units(1), Units(0, 0));
  EXPECT_EQ(none.no_data, v1::NO_DATA_REASON_NO_FACTS);
  EXPECT_EQ(Divide(Units(1), Units(0, 2)).no_data, v1::NO_DATA_REASON_DIVISION_BY_ZERO);
  for (const Number& result : {Add(none, Units(1)), Subtract(Units(1), none), Multiply(none, none),
                               Divide(Units(0), none), Modulo(none, Units(1))}) {
    EXPECT_EQ(result.no_data, v1::NO_DATA_REASON_NO_FACTS);
  }
}

TEST(DisplayTest, Money) {
  const auto money = [](double value, const char* currency = "USD") {
    return DisplayValue(Of(value), v1::METRIC_UNIT_MONEY, currency);
  };
  EXPECT_EQ(money(0), "$0");
  EXPECT_EQ(money(12.5), "$12.50");
  EXPECT_EQ(money(999), "$999");
  EXPECT_EQ(money(1'000), "$1K");
  EXPECT_EQ(money(1'250), "$1.3K");
  EXPECT_EQ(money(70'833.33), "$71K");
  EXPECT_EQ(money(425'000), "$425K");
  EXPECT_EQ(money(425'500), "$426K");
  EXPECT_EQ(money(999'499), "$999K");
  EXPECT_EQ(money(999'500), "$1M");
  EXPECT_EQ(money(1'500'000), "$1.5M");
  EXPECT_EQ(money(1'250'000), "$1.3M");
  EXPECT_EQ(money(6'700'000'000.0), "$6.7B");
  EXPECT_EQ(money(-425'000), "-$425K");
  EXPECT_EQ(money(425'000, "EUR"), "€425K");
  EXPECT_EQ(money(425'000, "CHF"), "CHF 425K");
  EXPECT_EQ(DisplayValue(Of(850'000), v1::METRIC_UNIT_MONEY_PER_MONTH, "USD"), "$850K/month");
}

TEST(DisplayTest, OtherUnits) {
  const auto show = [](double value, v1::MetricUnit unit) { return DisplayValue(Of(value), unit, "USD"); };
  EXPECT_EQ(show(0.85, v1::METRIC_UNIT_PERCENT), "85 %");
  EXPECT_EQ(show(1.142473, v1::METRIC_UNIT_PERCENT), "114 %");
  EXPECT_EQ(show(0.042, v1::METRIC_UNIT_PERCENT), "4.2 %");
  EXPECT_EQ(show(0.0, v1::METRIC_UNIT_PERCENT), "0 %");
  EXPECT_EQ(show(0.145, v1::METRIC_UNIT_PERCENT), "15 %");
  EXPECT_EQ(show(-0.3, v1::METRIC_UNIT_PERCENT), "-30 %");
  EXPECT_EQ(show(3.5, v1::METRIC_UNIT_RATIO), "3.5x");
  EXPECT_EQ(show(18, v1::METRIC_UNIT_HOURS), "18 h");
  EXPECT_EQ(show(3.5, v1::METRIC_UNIT_HOURS), "3.5 h");
  EXPECT_EQ(show(1, v1::METRIC_UNIT_DAYS), "1 day");
  EXPECT_EQ(show(12, v1::METRIC_UNIT_DAYS), "12 days");
  EXPECT_EQ(show(4.25, v1::METRIC_UNIT_RATING), "4.3");
  EXPECT_EQ(show(4, v1::METRIC_UNIT_RATING), "4.0");
  EXPECT_EQ(show(1234567, v1::METRIC_UNIT_COUNT), "1,234,567");
  EXPECT_EQ(show(-1234.56, v1::METRIC_UNIT_COUNT), "-1,234.6");
  EXPECT_EQ(show(-35.897, v1::METRIC_UNIT_POINTS), "-35.9");
  EXPECT_EQ(DisplayValue(Number::NoData(v1::NO_DATA_REASON_TOO_FEW), v1::METRIC_UNIT_COUNT, "USD"), "no data");
}

v1::MetricTarget Target(std::optional<double> min, std::optional<double> max) {
  v1::MetricTarget target;
  if (min) target.set_min(*min);
  if (max) target.set_max(*max);
  return target;
}

TEST(TargetTest, AttainmentKnowsItsDirection) {
  EXPECT_DOUBLE_EQ(*AttainmentOf(v1::METRIC_DIRECTION_UP, Target(500, {}), 425), 0.85);
  EXPECT_DOUBLE_EQ(*AttainmentOf(v1::METRIC_DIRECTION_DOWN, Target({}, 24), 18), 24.0 / 18);
  EXPECT_FALSE(AttainmentOf(v1::METRIC_DIRECTION_IN_RANGE, Target(3, 4), 3.5).has_value());
  EXPECT_FALSE(AttainmentOf(v1::METRIC_DIRECTION_UP, Target(0, {}), 5).has_value());
  EXPECT_FALSE(AttainmentOf(v1::METRIC_DIRECTION_DOWN, Target({}, 24), 0).has_value());
}

TEST(TargetTest, BoundsBelongToTheTarget) {
  EXPECT_EQ(PositionOf(Target(3, 4), 3), v1::TARGET_POSITION_MET);
  EXPECT_EQ(PositionOf(Target(3, 4), 4), v1::TARGET_POSITION_MET);
  EXPECT_EQ(PositionOf(Target(3, 4), 2.99), v1::TARGET_POSITION_BELOW);
  EXPECT_EQ(PositionOf(Target(3, 4), 4.01), v1::TARGET_POSITION_ABOVE);
  EXPECT_EQ(PositionOf(Target({}, 24), 24), v1::TARGET_POSITION_MET);
}

}  // namespace
}  // namespace partnermetrics
