#include "server/reports/roll_up.h"

#include <gmock/gmock.h>

#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(GroupOfTest, IsEverybodyBelow) {
  const Parents parents = {{"b", "a"}, {"c", "a"}, {"d", "b"}, {"x", "y"}};
  EXPECT_THAT(GroupOf(parents, "a"), ElementsAre(Pair("a", 0), Pair("b", 1), Pair("d", 2), Pair("c", 1)));
  EXPECT_THAT(GroupOf(parents, "b"), ElementsAre(Pair("b", 0), Pair("d", 1)));
  EXPECT_THAT(GroupOf(parents, "d"), ElementsAre(Pair("d", 0)));
}

TEST(GroupOfTest, CirclesEnd) {
  const Parents parents = {{"a", "b"}, {"b", "a"}, {"c", "c"}};
  EXPECT_THAT(GroupOf(parents, "a"), ElementsAre(Pair("a", 0), Pair("b", 1)));
  EXPECT_THAT(GroupOf(parents, "c"), ElementsAre(Pair("c", 0)));
}

class RollUpTest : public FormulaTest {
 protected:
  v1::RollUpRule Rule(const std::string& metric) { return RollUpRuleOf(*catalog_, *catalog_->FindMetric(metric)); }
};

TEST_F(RollUpTest, EveryMetricHasItsRule) {
  const std::string partner = "levels: [SCOPE_KIND_PARTNER]";
  Define(Metric("revenue", "won.sum") + Metric("size", "avg(won) / days(window)") +
         Metric("against", "revenue / direct(won.sum)") + Metric("age", "as_of - partner.signed_on", partner) +
         Metric("coverage", "open.sum / target(revenue)") + Metric("first", "first_day(won, 0)") +
         Metric("through", "1 + age", partner) +
         Metric("place", "revenue / at_level(PROGRAM, average_partners(revenue))", partner) +
         Metric("all", "won.sum", "levels: [SCOPE_KIND_PROGRAM]"));
  for (const char* metric : {"revenue", "size", "against"}) EXPECT_EQ(Rule(metric), v1::ROLL_UP_RULE_ADD_UP) << metric;
  for (const char* metric : {"age", "coverage", "first", "through", "place", "all"}) {
    EXPECT_EQ(Rule(metric), v1::ROLL_UP_RULE_NONE) << metric;
  }
}

// A rate of a group is that of all its facts, not the average of its partners' rates.
TEST_F(RollUpTest, FormulasAreEvaluatedOverTheSums) {
  Define(Metric("revenue", "won.sum") + Metric("size", "avg(won)") +
         Metric("growth", "revenue - prior_period(revenue)"));
  Won(30, On(2024, 4, 1), 1);
  Won(90, On(2024, 4, 1), 2);
  Won(30, On(2024, 4, 1), 2);
  Won(7, On(2024, 4, 1), 3);
  Won(10, On(2024, 2, 1), 2);
  const ScopeIndex scope = kFirstPartnerScope + 9;
  const GroupSource group(*source_, {kFirstPartnerScope, kFirstPartnerScope + 1}, scope);
  const auto value = [&](const std::string& metric) {
    const CompiledMetric& found = *catalog_->FindMetric(metric);
    return Evaluator(*catalog_, group)
        .Evaluate(found, scope, PeriodOf(*catalog_, found, v1::WINDOW_KIND_UNSPECIFIED, On(2024, 6, 30)))
        .value;
  };
  EXPECT_EQ(value("revenue"), 150);
  EXPECT_EQ(value("size"), 50);
  EXPECT_EQ(value("growth"), 140);
}

}  // namespace
}  // namespace partnermetrics
