// Which target is in force, and where a value stands against it.
#include "server/scoring/target.h"

#include "gmock/gmock.h"
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

using testing::HasSubstr;

constexpr Nanos kUnit = kNanosPerUnit;

class TargetInForceTest : public FormulaTest {
 protected:
  void Quota(Day first, Day last, int64_t value, bool forecast = false) {
    source_->SetTarget("revenue", kProgramScope, first, last, value * kUnit, forecast);
  }
  // Months and quarters of 2024.
  void OfMonth(int month, int64_t value) { Quota(On(2024, month, 1), AddMonths(On(2024, month, 1), 1) - 1, value); }
  void OfQuarter(int quarter, int64_t value) {
    const Day first = On(2024, 3 * quarter - 2, 1);
    Quota(first, AddMonths(first, 3) - 1, value);
  }
};

TEST_F(TargetInForceTest, QuotasAndForecasts) {
  Define(Metric("revenue", "won.sum") + Metric("quota", "target(revenue)") + Metric("same", "target(revenue, QUOTA)") +
         Metric("forecast", "target(revenue, FORECAST)"));
  const Day as_of = On(2024, 3, 31);
  EXPECT_EQ(Evaluate("forecast", as_of).no_data, v1::NO_DATA_REASON_NO_TARGET);
  OfQuarter(1, 100);
  EXPECT_EQ(Evaluate("forecast", as_of).no_data, v1::NO_DATA_REASON_NO_TARGET);
  Quota(On(2024, 1, 1), as_of, 80, /*forecast=*/true);
  EXPECT_EQ(Evaluate("quota", as_of).value, 100);
  EXPECT_EQ(Evaluate("same", as_of).value, 100);
  EXPECT_EQ(Evaluate("forecast", as_of).value, 80);
  EXPECT_EQ(Evaluate("quota", On(2024, 6, 30)).no_data, v1::NO_DATA_REASON_NO_TARGET);
  EXPECT_THAT(Refusal(Metric("x", "target(x, GOAL)")), HasSubstr("its kinds are QUOTA and FORECAST"));
  EXPECT_THAT(Refusal(Metric("x", "target(y)")), HasSubstr("unknown metric \"y\" (did you mean \"x\"?)"));
}

TEST_F(TargetInForceTest, FinerPeriodsThatTileTheWindow) {
  Define(Metric("revenue", "won.sum") + Metric("quota", "target(revenue)"));
  const Day as_of = On(2024, 3, 31);
  OfMonth(1, 10);
  OfMonth(3, 30);
  EXPECT_EQ(Evaluate("quota", as_of).no_data, v1::NO_DATA_REASON_NO_TARGET) << "February is missing";
  OfMonth(2, 20);
  EXPECT_EQ(Evaluate("quota", as_of).value, 60);
  // The quarter's own goes before the sum of its months.
  OfQuarter(1, 100);
  EXPECT_EQ(Evaluate("quota", as_of).value, 100);
  // Of a year: a quarter where there is one, else its months.
  for (const int month : {4, 5, 6}) OfMonth(month, 1);
  OfQuarter(3, 200);
  const v1::WindowKind year = v1::WINDOW_KIND_YEAR_TO_DATE;
  EXPECT_EQ(Evaluate("quota", On(2024, 12, 31), kProgramScope, year).no_data, v1::NO_DATA_REASON_NO_TARGET);
  OfQuarter(4, 300);
  EXPECT_EQ(Evaluate("quota", On(2024, 12, 31), kProgramScope, year).value, 603);
}

// While a period runs its target is that of the whole.
TEST_F(TargetInForceTest, RunningPeriods) {
  Define(Metric("revenue", "won.sum") + Metric("quota", "target(revenue)") +
         Metric("due", "target(revenue) * pace(window)"));
  for (const int month : {1, 2, 3}) OfMonth(month, 30);
  EXPECT_EQ(Evaluate("quota", On(2024, 2, 10)).value, 90);
  EXPECT_EQ(Evaluate("quota", On(2024, 2, 29)).value, 90);
  EXPECT_DOUBLE_EQ(Evaluate("due", On(2024, 2, 29)).value, 90 * 60 / 91.0);
  Quota(On(2024, 1, 1), On(2024, 2, 29), 55);
  EXPECT_EQ(Evaluate("quota", On(2024, 2, 29)).value, 55) << "stated for exactly these days";
}

// Averages of parts do not add up to that of the whole.
TEST_F(TargetInForceTest, OnlyWhatAddsUpIsTiled) {
  Define(Metric("revenue", "avg(won)") + Metric("quota", "target(revenue)"));
  for (const int month : {1, 2, 3}) OfMonth(month, 30);
  EXPECT_EQ(Evaluate("quota", On(2024, 3, 31)).no_data, v1::NO_DATA_REASON_NO_TARGET);
}

TEST_F(TargetInForceTest, WhatAddsUp) {
  const std::string own = "window: WINDOW_KIND_YEAR_TO_DATE own_window: true";
  Define(Metric("a", "won.sum - 2 * won.count") + Metric("b", "at_level(BUSINESS, a) / 4") + Metric("c", "open.sum") +
         Metric("d", "won.sum / won.count") + Metric("e", "won.sum + 1") + Metric("f", "prior_year(won.sum)") +
         Metric("g", "a", own) + Metric("h", "g + a") + Metric("i", "sum_partners(a)", "levels: [SCOPE_KIND_PROGRAM]"));
  std::string adds_up;
  for (const CompiledMetric& metric : catalog_->metrics()) {
    if (metric.accumulates) adds_up += metric.id();
  }
  EXPECT_EQ(adds_up, "abgi");
}

TEST(TiledTargetTest, TriesOtherWays) {
  // The longest first tile leads nowhere.
  const StatedTarget stated[] = {{0, 5, 100}, {0, 2, 1}, {3, 9, 2}, {6, 8, 100}};
  EXPECT_EQ(TiledTarget(stated, 0, 9), Nanos(3));
  EXPECT_EQ(TiledTarget(stated, 0, 8), Nanos(200));
  EXPECT_EQ(TiledTarget(stated, 1, 9), std::nullopt);
  EXPECT_EQ(TiledTarget(stated, 0, 10), std::nullopt);
  EXPECT_EQ(TiledTarget({}, 0, 0), std::nullopt);
  EXPECT_EQ(TiledTarget({}, 1, 0), std::nullopt);
}

// The two versions of a document: the newer is the default from its day on, and falls back to the older.
TEST_F(TargetInForceTest, TargetSets) {
  Define(Metric("nps", "won.sum", "target { min: 30 } direction: METRIC_DIRECTION_UP") +
             Metric("growth", "won.sum", "target { min: 5 }") + Metric("other", "won.sum", "target { min: 1 }"),
         R"pb(
           target_sets {
             id: "v1"
             targets {
               metric: "nps"
               target { min: 40 }
             }
             targets {
               metric: "growth"
               target { min: 10 max: 20 }
             }
           }
           target_sets {
             id: "v2"
             starts_on { year: 2024 month: 2 day: 1 }
             falls_back_to: "v1"
             targets {
               metric: "nps"
               target { min: 50 }
             }
           }
         )pb");
  Won(45, On(2024, 1, 15));
  EXPECT_EQ(Value("nps", On(2024, 1, 31)).target().min(), 40);
  EXPECT_EQ(Value("nps", On(2024, 1, 31)).target_set(), "v1");
  EXPECT_EQ(Value("nps", On(2024, 1, 31)).target_position(), v1::TARGET_POSITION_MET);
  EXPECT_EQ(Value("nps", On(2024, 2, 1)).target().min(), 50);
  EXPECT_EQ(Value("nps", On(2024, 2, 1)).target_set(), "v2");
  EXPECT_EQ(Value("nps", On(2024, 2, 1)).target_position(), v1::TARGET_POSITION_BELOW);
  // Asked for by name, whatever the day.
  EXPECT_EQ(Value("nps", On(2024, 2, 1), v1::COMPARISON_UNSPECIFIED, "v1").target().min(), 40);
  EXPECT_EQ(Value("nps", On(2024, 1, 1), v1::COMPARISON_UNSPECIFIED, "v2").target().min(), 50);
  EXPECT_EQ(Value("growth", On(2024, 2, 1)).target().max(), 20) << "of the older set";
  EXPECT_EQ(Value("other", On(2024, 2, 1)).target().min(), 1) << "of the metric";
  // A fact goes before all.
  source_->SetTarget("nps", kProgramScope, On(2024, 1, 1), On(2024, 3, 31), 60 * kUnit);
  EXPECT_EQ(Value("nps", On(2024, 2, 1)).target().min(), 60);
}

// What is asked of one partner is not asked of all together.
TEST_F(TargetInForceTest, IsForTheScopesItNames) {
  Define(Metric("wins", "won.count", "target { min: 3 levels: SCOPE_KIND_PARTNER } direction: METRIC_DIRECTION_UP"),
         R"pb(
           target_sets {
             id: "v1"
             starts_on { year: 2024 month: 2 day: 1 }
             targets {
               metric: "wins"
               target { min: 400 levels: SCOPE_KIND_PROGRAM }
             }
           }
         )pb");
  Partner("name: 'A'");
  Won(1, On(2024, 1, 15), 1);
  const auto of_partner = [&](Day as_of) {
    return Value("wins", as_of, v1::COMPARISON_UNSPECIFIED, "", kFirstPartnerScope);
  };
  EXPECT_FALSE(Value("wins", On(2024, 1, 31)).has_target());
  EXPECT_EQ(Value("wins", On(2024, 1, 31)).target_position(), v1::TARGET_POSITION_UNSPECIFIED);
  EXPECT_EQ(of_partner(On(2024, 1, 31)).target().min(), 3);
  EXPECT_EQ(Value("wins", On(2024, 2, 1)).target().min(), 400);
  EXPECT_EQ(of_partner(On(2024, 2, 1)).target().min(), 3) << "the set has none for partners";
}

TEST_F(TargetInForceTest, RefusesLevelsThatTheMetricDoesNotHave) {
  EXPECT_THAT(
      Refusal(Metric("x", "won.sum", "levels: SCOPE_KIND_PROGRAM target { min: 1 levels: SCOPE_KIND_PARTNER }")),
      HasSubstr("metric \"x\", target.levels: \"x\" is not defined for SCOPE_KIND_PARTNER"));
}

TEST_F(TargetInForceTest, RefusesBadTargetSets) {
  const auto refusal = [](const std::string& sets) { return Refusal(Metric("x", "won.sum"), sets); };
  EXPECT_THAT(refusal("target_sets { id: 'A' }"), HasSubstr("target_sets[0].id: an id is written in snake_case"));
  EXPECT_THAT(refusal("target_sets { id: 'a' } target_sets { id: 'a' starts_on { year: 2024 month: 1 day: 1 } }"),
              HasSubstr("target_sets[1].id: this id is defined twice"));
  EXPECT_THAT(refusal("target_sets { id: 'a' } target_sets { id: 'b' }"),
              HasSubstr("target_sets[1].starts_on: another set comes into force on the same day"));
  EXPECT_THAT(refusal("target_sets { id: 'a' starts_on { year: 2024 month: 2 day: 30 } }"),
              HasSubstr("target_sets[0].starts_on: this is no day"));
  EXPECT_THAT(refusal("target_sets { id: 'set_a' falls_back_to: 'set_b' }"),
              HasSubstr("falls_back_to: unknown target set \"set_b\" (did you mean \"set_a\"?)"));
  EXPECT_THAT(refusal("target_sets { id: 'a' falls_back_to: 'b' } "
                      "target_sets { id: 'b' falls_back_to: 'a' starts_on { year: 2024 month: 1 day: 1 } }"),
              HasSubstr("target sets fall back to each other in a circle"));
  EXPECT_THAT(refusal("target_sets { id: 'a' targets { metric: 'y' target { min: 1 } } }"),
              HasSubstr("target_sets[0].targets[0].metric: unknown metric \"y\" (did you mean \"x\"?)"));
}

TEST_F(TargetInForceTest, AnotherMetricAsTheTarget) {
  Define(Metric("size", "avg(won)", "target { metric: 'direct_size' } direction: METRIC_DIRECTION_UP") +
         Metric("direct_size", "direct(avg(won))") +
         Metric("cost", "won.sum", "target { metric: 'cost_before' } direction: METRIC_DIRECTION_DOWN") +
         Metric("cost_before", "prior_year(won.sum) * 0.9"));
  Won(60, On(2024, 2, 1), 1);
  v1::MetricValue value = Value("size", On(2024, 3, 31));
  EXPECT_EQ(value.target().metric(), "direct_size");
  EXPECT_FALSE(value.target().has_min() || value.has_attainment()) << "no direct deal yet";
  EXPECT_EQ(value.target_position(), v1::TARGET_POSITION_UNSPECIFIED);
  Won(80, On(2024, 2, 1), 0);
  value = Value("size", On(2024, 3, 31));
  EXPECT_EQ(value.target().min(), 80);
  EXPECT_EQ(value.attainment(), 0.75);
  EXPECT_EQ(value.target_position(), v1::TARGET_POSITION_BELOW);
  // A trend: ten percent less than a year ago.
  Won(50, On(2023, 2, 1), 1);
  value = Value("cost", On(2024, 3, 31));
  EXPECT_DOUBLE_EQ(value.target().max(), 45);
  EXPECT_EQ(value.target_position(), v1::TARGET_POSITION_ABOVE);
  // What the target reads is read.
  const CompiledMetric* size[] = {catalog_->FindMetric("size")};
  const ScopeIndex scopes[] = {kProgramScope};
  const auto rows = ReadsOf(*catalog_, size, scopes).rows;
  EXPECT_THAT(rows, testing::Contains(RowKey{kDirectScope, catalog_->FindMeasure("won")->index}));
}

TEST_F(TargetInForceTest, RefusesBadMetricsAsTargets) {
  const auto refusal = [](const std::string& fields) {
    return Refusal(Metric("x", "won.sum", fields) + Metric("money", "won.sum", "unit: METRIC_UNIT_MONEY") +
                   Metric("y", "won.sum"));
  };
  EXPECT_EQ(refusal("target { metric: 'y' }"), "accepted");
  EXPECT_THAT(refusal("target { metric: 'z' }"), HasSubstr("metric \"x\", target.metric: unknown metric \"z\""));
  EXPECT_THAT(refusal("target { metric: 'x' }"), HasSubstr("a metric cannot be its own target"));
  EXPECT_THAT(refusal("target { metric: 'y' min: 1 }"), HasSubstr("a target needs min, max or both, or a metric"));
  EXPECT_THAT(refusal("target { metric: 'y' } direction: METRIC_DIRECTION_IN_RANGE"),
              HasSubstr("a range needs min and max"));
  EXPECT_THAT(refusal("target { metric: 'money' }"), HasSubstr("is in METRIC_UNIT_MONEY, \"x\" in METRIC_UNIT_COUNT"));
}

TEST_F(TargetInForceTest, RangesHaveAPositionAndNoAttainment) {
  Define(Metric("x", "won.sum", "target { min: 10 max: 20 } direction: METRIC_DIRECTION_IN_RANGE"));
  const Day as_of = On(2024, 3, 31);
  Won(9, On(2024, 1, 1));
  EXPECT_EQ(Value("x", as_of).target_position(), v1::TARGET_POSITION_BELOW);
  Won(1, On(2024, 1, 1));
  EXPECT_EQ(Value("x", as_of).target_position(), v1::TARGET_POSITION_MET);
  Won(10, On(2024, 1, 1));
  EXPECT_EQ(Value("x", as_of).target_position(), v1::TARGET_POSITION_MET);
  EXPECT_FALSE(Value("x", as_of).has_attainment());
  Won(1, On(2024, 1, 1));
  EXPECT_EQ(Value("x", as_of).target_position(), v1::TARGET_POSITION_ABOVE);
  EXPECT_FALSE(Value("x", On(2024, 2, 1)).has_elapsed()) << "a range has no pace";
}

TEST_F(TargetInForceTest, ExclusiveBounds) {
  v1::MetricTarget target;
  target.set_min(4);
  target.set_max(5);
  EXPECT_EQ(PositionOf(target, 4), v1::TARGET_POSITION_MET);
  EXPECT_EQ(PositionOf(target, 5), v1::TARGET_POSITION_MET);
  target.set_exclusive(true);
  EXPECT_EQ(PositionOf(target, 4), v1::TARGET_POSITION_BELOW);
  EXPECT_EQ(PositionOf(target, 4.001), v1::TARGET_POSITION_MET);
  EXPECT_EQ(PositionOf(target, 5), v1::TARGET_POSITION_ABOVE);
}

// Half of April is half of its target.
TEST_F(TargetInForceTest, PaceWhileAPeriodIsUnderWay) {
  const std::string month = "window: WINDOW_KIND_MONTH_TO_DATE ";
  Define(Metric("revenue", "won.sum", month + "target { min: 100 }") +
         Metric("cost", "won.sum", month + "target { max: 100 } direction: METRIC_DIRECTION_DOWN") +
         Metric("size", "avg(won)", month + "target { min: 100 }"));
  Won(49, On(2024, 4, 2));
  v1::MetricValue value = Value("revenue", On(2024, 4, 15));
  EXPECT_EQ(value.elapsed(), 0.5);
  EXPECT_EQ(value.expected(), 50);
  EXPECT_EQ(value.pace_position(), v1::TARGET_POSITION_BELOW);
  EXPECT_EQ(value.target_position(), v1::TARGET_POSITION_BELOW);
  EXPECT_EQ(Value("cost", On(2024, 4, 15)).pace_position(), v1::TARGET_POSITION_MET);
  Won(2, On(2024, 4, 2));
  EXPECT_EQ(Value("revenue", On(2024, 4, 15)).pace_position(), v1::TARGET_POSITION_MET);
  EXPECT_EQ(Value("cost", On(2024, 4, 15)).pace_position(), v1::TARGET_POSITION_ABOVE);
  EXPECT_FALSE(Value("revenue", On(2024, 4, 30)).has_elapsed()) << "the month is over";
  EXPECT_FALSE(Value("size", On(2024, 4, 15)).has_elapsed()) << "an average does not add up";
  // A target for exactly these days is not under way.
  Quota(On(2024, 4, 1), On(2024, 4, 15), 60);
  EXPECT_FALSE(Value("revenue", On(2024, 4, 15)).has_elapsed());
  EXPECT_EQ(Value("revenue", On(2024, 4, 15)).attainment(), 51 / 60.0);
}

}  // namespace
}  // namespace partnermetrics
