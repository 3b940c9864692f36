// A metric's formula, checked: a tree over measures and other metrics that scoring evaluates.
//
//   ASSIGN_OR_RETURN(Formula formula, CompileFormula("100 * (promoters.count - detractors.count) / answers.count",
//   names));
//
// docs/metrics.md lists the language.
// Immutable after construction; any thread may use it.
#ifndef PARTNERMETRICS_SERVER_CATALOG_FORMULA_H_
#define PARTNERMETRICS_SERVER_CATALOG_FORMULA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "partnermetrics/v1/common.pb.h"
#include "server/base/civil.h"
#include "server/catalog/measure.h"
#include "server/expr/row_expression.h"

namespace partnermetrics {

// A measure that a metric reads, and where: in the scope asked for (SCOPE_KIND_UNSPECIFIED), in another one, or in that
// of every partner (SCOPE_KIND_PARTNER).
struct MeasureUse {
  int measure = 0;
  v1::ScopeKind level = v1::SCOPE_KIND_UNSPECIFIED;
  friend bool operator==(const MeasureUse& a, const MeasureUse& b) {
    return a.measure == b.measure && a.level == b.level;
  }
  friend bool operator<(const MeasureUse& a, const MeasureUse& b) {
    return a.level != b.level ? a.level < b.level : a.measure < b.measure;
  }
};

enum class FormulaOp : uint8_t {
  kConstant,
  kMeasureSum,    // m.sum
  kMeasureCount,  // m.count
  kAverage,       // avg(m)
  kMetric,
  kFirstDay,     // first_day(m, since)
  kDayReaching,  // day_reaching(m, amount, since)
  kPartner,      // an expression over the attributes of the scope's partner
  kTarget,       // target(metric)
  kAsOf,         // as_of: the last day, as a number
  kDays,         // days(window)
  kMonths,       // months(window)
  kPace,         // pace(window)
  kMeets,        // meets(a, b, …); the operands are metrics
  kNegate,
  kNot,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAnd,
  kOr,
  kConditional,
  kMin,
  kMax,
  kClamp,
  kCoalesce,
  kPriorPeriod,
  kPriorYear,
  kStart,
  kToDate,
  kAtLevel,
  kCountPartners,    // the condition, if there is one
  kSumPartners,      // the value, and the condition if there is one
  kAveragePartners,  // likewise
  kScore,            // a score of the programme; the operands are the metrics that it is made of
  kTier,             // the tier; likewise
};

struct FormulaNode {
  FormulaOp op = FormulaOp::kConstant;
  Nanos constant = 0;                                // kConstant
  int index = 0;                                     // of the measure, metric, partner expression or score
  v1::ScopeKind level = v1::SCOPE_KIND_UNSPECIFIED;  // kAtLevel
  bool forecast = false;                             // kTarget: not the quota
  bool counts = false;                               // kDayReaching: the count and not the sum
  uint32_t offset = 0;                               // in the formula's text, for messages
  std::vector<int> operands;                         // nodes
};

struct Formula {
  std::vector<FormulaNode> nodes;  // operands stand before their operator; the last is the root
  std::vector<RowExpression> partner_expressions;

  int root() const { return static_cast<int>(nodes.size()) - 1; }
};

// What formulas may name.
struct FormulaNames {
  absl::Span<const CompiledMeasure> measures;
  const absl::flat_hash_map<std::string, int>* measure_by_id = nullptr;
  const absl::flat_hash_map<std::string, int>* metric_by_id = nullptr;
};

// INVALID_ARGUMENT with the place, what is wrong and what would have fitted.
absl::StatusOr<Formula> CompileFormula(absl::string_view text, const FormulaNames& names,
                                       const TextLocator& locate = nullptr);

// Words that no metric and no measure may be named after.
bool IsFormulaWord(absl::string_view name);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_CATALOG_FORMULA_H_
