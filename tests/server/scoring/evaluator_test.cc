#include "server/scoring/evaluator.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace partnermetrics {
namespace {

Day On(int year, int month, int day) {
  return ToDay(absl::CivilDay(year, month, day));
}

// A flow of one fact of 10 on the first of every month since 2023, and a stock that grows by one of 5 on these days;
// in the business twice as much.
class MonthlySource : public MeasureSource {
 public:
  CellTotals Totals(const RowKey& row, const Period& period, const std::optional<std::string>&) const override {
    return row.measure == 0 ? Months(row, period.first, period.last, 10) : Months(row, On(2023, 1, 1), period.last, 5);
  }
  std::vector<std::string> SplitValues(const RowKey&) const override { return {}; }
  std::optional<Day> FirstDay(const RowKey&) const override { return On(2023, 1, 1); }
  void EachDay(const RowKey& row, Day first, Day last,
               absl::FunctionRef<bool(Day, const CellTotals&)> visit) const override {
    const int64_t amount = row.measure == 0 ? 10 : 5;
    const int64_t count = row.scope == kBusinessScope ? 2 : 1;
    for (absl::CivilMonth month(2023, 1); ToDay(absl::CivilDay(month)) <= last; ++month) {
      const Day day = ToDay(absl::CivilDay(month));
      if (day >= first && !visit(day, {count, Nanos(count * amount) * kNanosPerUnit})) return;
    }
  }
  std::vector<StatedTarget> Targets(absl::string_view metric, ScopeIndex, bool forecast, Day) const override {
    if (metric != "x") return {};
    return {{On(2024, 1, 1), On(2024, 12, 31), Nanos(forecast ? 200 : 300) * kNanosPerUnit}};
  }

 private:
  static CellTotals Months(const RowKey& row, Day first, Day last, int64_t amount) {
    CellTotals totals;
    for (absl::CivilMonth month(2023, 1); ToDay(absl::CivilDay(month)) <= last; ++month) {
      if (ToDay(absl::CivilDay(month)) >= first) ++totals.count;
    }
    if (row.scope == kBusinessScope) totals.count *= 2;
    totals.sum = Nanos(totals.count * amount) * kNanosPerUnit;
    return totals;
  }
};

// Counts what is asked for.
class CountingSource final : public ForwardingSource {
 public:
  using ForwardingSource::ForwardingSource;
  CellTotals Totals(const RowKey& row, const Period& period, const std::optional<std::string>& split) const override {
    ++reads;
    return source_.Totals(row, period, split);
  }
  mutable int reads = 0;
};

class EvaluatorTest : public testing::Test {
 protected:
  // A programme whose fiscal year begins in January, with a metric "x".
  static std::shared_ptr<const Catalog> Compile(const std::string& formula, const std::string& more = "") {
    v1::Catalog definitions;
    v1::Program program;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        absl::StrCat(
            R"pb(measures { id: "f" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" sum: "amount" }
                 measures { id: "s" fact: "deal" kind: MEASURE_KIND_STOCK from: "closed_on" sum: "amount" }
                 metrics { id: "x")pb",
            more, " formula: '", formula,
            "' display_name: 'X' category: METRIC_CATEGORY_REVENUE unit: METRIC_UNIT_COUNT "
            "window: WINDOW_KIND_MONTH_TO_DATE }"),
        &definitions));
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        "id: 'p' display_name: 'P' currency_code: 'USD' time_zone: 'UTC'", &program));
    auto catalog = Catalog::Compile(program, definitions);
    if (catalog.ok()) return *catalog;
    ADD_FAILURE() << catalog.status().message();
    return nullptr;
  }

  Number Evaluate(const std::string& formula, v1::WindowKind window = v1::WINDOW_KIND_QUARTER_TO_DATE,
                  Day as_of = On(2024, 6, 30), const std::string& more = "") {
    const auto catalog = Compile(formula, more);
    if (catalog == nullptr) return {};
    const CompiledMetric& metric = *catalog->FindMetric("x");
    return Evaluator(*catalog, source_).Evaluate(metric, kProgramScope, PeriodOf(*catalog, metric, window, as_of));
  }

  double Value(const std::string& formula) { return Evaluate(formula).value; }

  MonthlySource source_;
};

TEST_F(EvaluatorTest, MeasuresAndArithmetic) {
  EXPECT_EQ(Value("f.sum"), 30);
  EXPECT_EQ(Value("f.count"), 3);
  EXPECT_EQ(Value("avg(f)"), 10);
  EXPECT_EQ(Value("s.sum"), 90);
  EXPECT_EQ(Value("f.sum / 4 - -1"), 8.5);
  EXPECT_EQ(Value("f.sum % 7"), 2);
  EXPECT_EQ(Value("f.sum > 29 && !(f.count == 4) || 1 == 2 ? 1 : 0"), 1);
  EXPECT_EQ(Value("min(3, f.count, 5) + max(3, 7)"), 10);
  EXPECT_EQ(Value("clamp(f.sum, 0, 20) + clamp(f.sum, 40, 50) + clamp(f.sum, 0, 100)"), 90);
}

TEST_F(EvaluatorTest, OtherTimesAndScopes) {
  EXPECT_EQ(Value("prior_period(s.sum)"), 75);
  EXPECT_EQ(Value("prior_year(s.sum)"), 30);
  EXPECT_EQ(Value("prior_period(prior_period(prior_period(s.sum)))"), 45);
  EXPECT_EQ(Value("start(s.sum)"), 75);
  EXPECT_EQ(Value("to_date(f.sum)"), 180);
  EXPECT_EQ(Value("f.sum / at_level(BUSINESS, f.sum)"), 0.5);
  EXPECT_EQ(Value("days(window)"), 91);
  EXPECT_EQ(Value("f.count / months(window)"), 1);
  EXPECT_EQ(Value("as_of"), On(2024, 6, 30));
}

TEST_F(EvaluatorTest, NoData) {
  EXPECT_EQ(Evaluate("prior_year(prior_year(f.sum))").no_data, v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  EXPECT_EQ(Evaluate("1 + prior_year(prior_year(f.sum)) > 0 ? 1 : 2").no_data, v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  EXPECT_EQ(Evaluate("max(1, f.sum / (f.count - 3))").no_data, v1::NO_DATA_REASON_DIVISION_BY_ZERO);
  EXPECT_EQ(Evaluate("f.sum / 0").no_data, v1::NO_DATA_REASON_NO_FACTS);
  EXPECT_EQ(Value("coalesce(f.sum / 0, target(x), 7)"), 7);
  EXPECT_EQ(Evaluate("target(x)").no_data, v1::NO_DATA_REASON_NO_TARGET);
  // The target of the year that is running.
  EXPECT_EQ(Evaluate("f.sum / target(x)", v1::WINDOW_KIND_YEAR_TO_DATE).value, 0.2);
}

TEST_F(EvaluatorTest, TooFewFacts) {
  const v1::WindowKind quarter = v1::WINDOW_KIND_QUARTER_TO_DATE;
  EXPECT_EQ(Evaluate("avg(f)", quarter, On(2024, 6, 30), "min_sample: 3").value, 10);
  EXPECT_EQ(Evaluate("avg(f)", quarter, On(2024, 6, 30), "min_sample: 4").no_data, v1::NO_DATA_REASON_TOO_FEW);
  // The sample of a quotient is its denominator's.
  EXPECT_EQ(Evaluate("s.sum / f.count", quarter, On(2024, 6, 30), "min_sample: 4").no_data, v1::NO_DATA_REASON_TOO_FEW);
}

TEST_F(EvaluatorTest, RemembersTheValuesOfOneScope) {
  const auto catalog = Compile("f.sum");
  const CompiledMetric& metric = *catalog->FindMetric("x");
  const Period quarter = PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 6, 30), 1);
  const CountingSource source(source_);
  Evaluator evaluator(*catalog, source);
  evaluator.RememberValuesOf(kProgramScope);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(evaluator.Evaluate(metric, kProgramScope, quarter).value, 30);
  EXPECT_EQ(source.reads, 1);
  // Of other scopes nothing is kept: there may be any number of them.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(evaluator.Evaluate(metric, kBusinessScope, quarter).value, 60);
  EXPECT_EQ(source.reads, 4);
}

// Two periods of the same days are not the same: everything that a value depends on tells apart what is remembered.
TEST_F(EvaluatorTest, RemembersByAllThatAValueDependsOn) {
  const Period quarter = PeriodOf(v1::WINDOW_KIND_QUARTER_TO_DATE, On(2024, 5, 31), 1);
  std::vector<Period> periods(8, quarter);
  periods[1].first -= 31;
  periods[2].last += 1;
  periods[3].whole_last -= 10;
  periods[4].months = 0;
  periods[5].months = 0;
  periods[5].days = 40;
  periods[6].trailing = true;
  periods[7].as_of += 20;
  for (const auto& [formula, more] :
       std::vector<std::pair<std::string, std::string>>{{"f.sum", ""},
                                                        {"pace(window)", ""},
                                                        {"months(window)", ""},
                                                        {"days(window)", ""},
                                                        {"prior_period(days(window) + 100 * months(window))", ""},
                                                        {"days(window)", "maturity_days: 30"}}) {
    const auto catalog = Compile(formula, more);
    ASSERT_NE(catalog, nullptr);
    const CompiledMetric& metric = *catalog->FindMetric("x");
    Evaluator remembering(*catalog, source_);
    remembering.RememberValuesOf(kProgramScope);
    for (size_t i = 0; i < periods.size(); ++i) {
      const Number fresh = Evaluator(*catalog, source_).Evaluate(metric, kProgramScope, periods[i]);
      EXPECT_EQ(remembering.Evaluate(metric, kProgramScope, periods[i]).value, fresh.value) << formula << " " << i;
    }
  }
}

}  // namespace
}  // namespace partnermetrics
