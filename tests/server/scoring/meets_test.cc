// meets(a, b, …): the share of metrics that meet their targets.
#include <gmock/gmock.h>

#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

using testing::HasSubstr;

class MeetsTest : public FormulaTest {
 protected:
  static std::string Three() {
    return Metric("revenue", "won.sum", "direction: METRIC_DIRECTION_UP target { min: 100 }") +
           Metric("size", "avg(won)", "direction: METRIC_DIRECTION_DOWN target { max: 60 }") +
           Metric("deals", "won.count") + Metric("one", "meets(revenue)") +
           Metric("kept", "meets(revenue, size, deals)");
  }
};

TEST_F(MeetsTest, IsTheShareOfThoseWithTargets) {
  Define(Three());
  Won(80, On(2024, 4, 1));
  EXPECT_EQ(Evaluate("kept", On(2024, 6, 30)).value, 0);
  Won(20, On(2024, 5, 1));
  const Number kept = Evaluate("kept", On(2024, 6, 30));
  EXPECT_EQ(kept.value, 1);
  EXPECT_EQ(kept.numerator, 2);
  EXPECT_EQ(kept.denominator, 2);  // the number of deals has no target
  Won(300, On(2024, 6, 30));
  EXPECT_EQ(Evaluate("kept", On(2024, 6, 30)).value, 0.5);
  EXPECT_EQ(Evaluate("one", On(2024, 6, 30)).value, 1);
}

TEST_F(MeetsTest, WhatHasNoDataIsLeftOut) {
  Define(Three());
  // No deal: nothing to average, and a revenue of zero.
  EXPECT_EQ(Evaluate("kept", On(2024, 6, 30)).denominator, 1);
  EXPECT_EQ(Evaluate("kept", On(2024, 6, 30)).value, 0);
}

TEST_F(MeetsTest, WithNothingToJudgeThereIsNoData) {
  Define(Metric("deals", "won.count") + Metric("size", "avg(won)", "target { max: 60 }") +
         Metric("no_target", "meets(deals)") + Metric("no_value", "meets(size, deals)"));
  EXPECT_EQ(Evaluate("no_target", On(2024, 6, 30)).no_data, v1::NO_DATA_REASON_NO_TARGET);
  EXPECT_EQ(Evaluate("no_value", On(2024, 6, 30)).no_data, v1::NO_DATA_REASON_NO_FACTS);
}

TEST_F(MeetsTest, ATargetThatAFactStatesGoesFirst) {
  Define(Three());
  Won(80, On(2024, 4, 1));
  source_->SetTarget("revenue", kProgramScope, On(2024, 4, 1), On(2024, 6, 30), Nanos(80) * kNanosPerUnit);
  EXPECT_EQ(Evaluate("one", On(2024, 6, 30)).value, 1);
}

TEST_F(MeetsTest, ATargetMayBeAnotherMetric) {
  Define(Metric("last_year", "prior_year(revenue)") +
         Metric("revenue", "won.sum", "direction: METRIC_DIRECTION_UP target { metric: 'last_year' }") +
         Metric("one", "meets(revenue)"));
  Won(50, On(2023, 4, 1));
  Won(49, On(2024, 4, 1));
  EXPECT_EQ(Evaluate("one", On(2024, 6, 30)).value, 0);
  Won(1, On(2024, 4, 1));
  EXPECT_EQ(Evaluate("one", On(2024, 6, 30)).value, 1);
}

TEST_F(MeetsTest, IsJudgedByTheTargetSetThatIsAskedFor) {
  Define(Metric("revenue", "won.sum", "direction: METRIC_DIRECTION_UP") + Metric("one", "meets(revenue)"),
         "target_sets { id: 'low' targets { metric: 'revenue' target { min: 10 } } }"
         "target_sets { id: 'high' starts_on { year: 2024 month: 6 day: 1 }"
         "              targets { metric: 'revenue' target { min: 20 } } }");
  Won(15, On(2024, 4, 1));
  EXPECT_EQ(Value("one", On(2024, 5, 31)).value(), 1);
  EXPECT_EQ(Value("one", On(2024, 6, 30)).value(), 0);
  EXPECT_EQ(Value("one", On(2024, 6, 30), v1::COMPARISON_UNSPECIFIED, "low").value(), 1);
}

TEST_F(MeetsTest, CountsPartnersThatMeetTheirs) {
  Define(Three() + Metric("achievers", "count_partners(meets(revenue) == 1)", "levels: [SCOPE_KIND_PROGRAM]"));
  Partner("name: 'A'");
  Partner("name: 'B'");
  Won(100, On(2024, 4, 1), 1);
  Won(99, On(2024, 4, 1), 2);
  EXPECT_EQ(Evaluate("achievers", On(2024, 6, 30)).value, 1);
}

TEST_F(MeetsTest, RefusesWhatIsNoMetric) {
  EXPECT_EQ(Refusal(Metric("x", "meets(won)")), R"(metric "x", formula: unknown metric "won" (there are: x))");
  EXPECT_THAT(Refusal(Metric("x", "meets()")), HasSubstr("meets is written meets(metric, metric, …)"));
  EXPECT_THAT(Refusal(Metric("a", "won.sum", "target { metric: 'b' }") + Metric("b", "1 + meets(a)")),
              HasSubstr("metrics go round in a circle: b → b"));
}

}  // namespace
}  // namespace partnermetrics
