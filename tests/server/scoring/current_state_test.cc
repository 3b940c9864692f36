// A metric over a measure that looks ahead says so.
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

TEST_F(FormulaTest, ValuesOfMeasuresAsKnownTodaySayThatTheyAre) {
  Define(absl::StrCat("measures { id: 'registered' fact: 'deal' kind: MEASURE_KIND_FLOW at: 'closed_on' ",
                      "where: 'has(registered_on)' current_state: true } ", Metric("registrations", "registered.count"),
                      Metric("share", "registrations / won.count"), Metric("wins", "won.count")));
  Won(100, On(2024, 2, 1));
  EXPECT_TRUE(Value("registrations", On(2024, 3, 31)).current_state());
  EXPECT_TRUE(Value("share", On(2024, 3, 31)).current_state());
  EXPECT_FALSE(Value("wins", On(2024, 3, 31)).current_state());
}

}  // namespace
}  // namespace partnermetrics
