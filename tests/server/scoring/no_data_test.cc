// No data passes through every operator and function of formulas, with its reason.
#include <set>

#include "absl/strings/str_replace.h"
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

// # stands for a number that has no data.
constexpr const char* kPassing[] = {
    "-#",
    "# + 1",
    "1 + #",
    "# - 1",
    "1 - #",
    "# * 2",
    "2 * #",
    "# / 2",
    "2 / #",
    "# % 2",
    "2 % #",
    "# == 1 ? 1 : 0",
    "1 == # ? 1 : 0",
    "# != 1 ? 1 : 0",
    "1 != # ? 1 : 0",
    "# < 1 ? 1 : 0",
    "1 < # ? 1 : 0",
    "# <= 1 ? 1 : 0",
    "1 <= # ? 1 : 0",
    "# > 1 ? 1 : 0",
    "1 > # ? 1 : 0",
    "# >= 1 ? 1 : 0",
    "1 >= # ? 1 : 0",
    "!(# > 1) ? 1 : 0",
    "# > 1 && 1 > 0 ? 1 : 0",
    "1 > 0 && # > 1 ? 1 : 0",
    "# > 1 || 1 < 0 ? 1 : 0",
    "1 < 0 || # > 1 ? 1 : 0",
    "1 > 0 ? # : 1",
    "1 < 0 ? 1 : #",
    "min(#, 1)",
    "min(1, #)",
    "max(#, 1)",
    "max(1, #)",
    "clamp(#, 0, 1)",
    "clamp(1, #, 2)",
    "clamp(1, 0, #)",
    "coalesce(#, #)",
    "prior_period(#)",
    "prior_year(#)",
    "start(#)",
    "to_date(#)",
    "at_level(BUSINESS, #)",
    "direct(#)",
    "first_day(won, #)",
    "day_reaching(won, #, 0)",
    "day_reaching(won, 1, #)",
    "sum_partners(#)",
    "average_partners(#)",
    "nothing",
};

// What has a value all the same.
constexpr struct {
  const char* formula;
  double value;
} kDecided[] = {
    {"coalesce(#, 7)", 7},
    {"coalesce(7, #)", 7},
    {"1 < 0 && # > 1 ? 1 : 0", 0},
    {"# > 1 && 1 < 0 ? 1 : 0", 0},
    {"1 > 0 || # > 1 ? 1 : 0", 1},
    {"# > 1 || 1 > 0 ? 1 : 0", 1},
    {"1 > 0 ? 1 : #", 1},
    {"1 < 0 ? # : 1", 1},
    // A partner for whom the condition has no data does not count.
    {"count_partners(# > 1)", 0},
    {"sum_partners(1, # > 1)", 0},
};

class NoDataTest : public FormulaTest {
 protected:
  Number Formula(const std::string& formula, const std::string& hole) {
    const bool over_partners = formula.find("_partners(") != std::string::npos;
    Define(
        Metric("aim", "won.sum") + Metric("nothing", hole) +
        Metric("x", absl::StrReplaceAll(formula, {{"#", hole}}), over_partners ? "levels: [SCOPE_KIND_PROGRAM]" : ""));
    Partner("name: 'A'");
    Won(10, On(2024, 5, 1));
    for (const FormulaNode& node : catalog_->FindMetric("x")->formula.nodes) ops_.insert(node.op);
    return Evaluate("x", On(2024, 6, 30));
  }

  std::set<FormulaOp> ops_;
};

TEST_F(NoDataTest, PassesThroughEverything) {
  for (const char* formula : kPassing) {
    EXPECT_EQ(Formula(formula, "target(aim)").no_data, v1::NO_DATA_REASON_NO_TARGET) << formula;
  }
}

TEST_F(NoDataTest, OnlyWhatDoesNotDependOnItHasAValue) {
  for (const auto& [formula, value] : kDecided) {
    const Number number = Formula(formula, "target(aim)");
    EXPECT_EQ(number.no_data, v1::NO_DATA_REASON_UNSPECIFIED) << formula;
    EXPECT_EQ(number.value, value) << formula;
  }
}

// An operator that is added must be added here.
TEST_F(NoDataTest, TheTableHasEveryOperator) {
  for (const char* formula : kPassing) Formula(formula, "target(aim)");
  for (const auto& decided : kDecided) Formula(decided.formula, "target(aim)");
  const auto takes_operands = [](FormulaOp op) {
    return op >= FormulaOp::kNegate || op == FormulaOp::kFirstDay || op == FormulaOp::kDayReaching ||
           op == FormulaOp::kMetric;
  };
  for (int i = 0; i <= static_cast<int>(FormulaOp::kAveragePartners); ++i) {
    const auto op = static_cast<FormulaOp>(i);
    EXPECT_TRUE(!takes_operands(op) || ops_.count(op) == 1) << i;
  }
}

TEST_F(NoDataTest, FewFactsAreNoData) {
  Define(Metric("two", "avg(won)", "min_sample: 2") + Metric("three", "avg(won)", "min_sample: 3") +
         Metric("through", "1 + three"));
  EXPECT_EQ(Evaluate("two", On(2024, 6, 30)).no_data, v1::NO_DATA_REASON_NO_FACTS);
  Won(10, On(2024, 5, 1));
  EXPECT_EQ(Evaluate("two", On(2024, 6, 30)).no_data, v1::NO_DATA_REASON_TOO_FEW);
  Won(20, On(2024, 5, 2));
  EXPECT_EQ(Evaluate("two", On(2024, 6, 30)).value, 15);
  EXPECT_EQ(Evaluate("through", On(2024, 6, 30)).no_data, v1::NO_DATA_REASON_TOO_FEW);
}

}  // namespace
}  // namespace partnermetrics
