#include "server/scoring/evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "server/scoring/display.h"
#include "server/scoring/target.h"

namespace partnermetrics {
namespace {

ScopeIndex ScopeAt(v1::ScopeKind level, ScopeIndex own) {
  switch (level) {
    case v1::SCOPE_KIND_BUSINESS:
      return kBusinessScope;
    case v1::SCOPE_KIND_DIRECT:
      return kDirectScope;
    case v1::SCOPE_KIND_PROGRAM:
      return kProgramScope;
    default:
      return own;
  }
}

void SetDate(Day day, v1::Date* date) {
  const absl::CivilDay civil = ToCivil(day);
  date->set_year(static_cast<int32_t>(civil.year()));
  date->set_month(civil.month());
  date->set_day(civil.day());
}

// Exact values that fit into the message.
void SetExact(Nanos nanos, v1::MetricValue& value) {
  const Nanos units = nanos / kNanosPerUnit;
  if (units > std::numeric_limits<int64_t>::max() || units < std::numeric_limits<int64_t>::min()) return;
  value.mutable_exact()->set_units(static_cast<int64_t>(units));
  value.mutable_exact()->set_nanos(static_cast<int32_t>(nanos % kNanosPerUnit));
}

}  // namespace

std::vector<RowKey> RowsNeeded(absl::Span<const CompiledMetric* const> metrics, absl::Span<const ScopeIndex> scopes) {
  std::vector<RowKey> rows;
  for (const CompiledMetric* metric : metrics) {
    for (const MeasureUse& use : metric->uses) {
      for (const ScopeIndex scope : scopes) rows.push_back({ScopeAt(use.level, scope), use.measure});
    }
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

Period PeriodOf(const Catalog& catalog, const CompiledMetric& metric, v1::WindowKind window, Day as_of) {
  return PeriodOf(window == v1::WINDOW_KIND_UNSPECIFIED ? metric.definition.window() : window, as_of,
                  catalog.fiscal_start_month());
}

Number Evaluator::Evaluate(const CompiledMetric& metric, ScopeIndex scope, const Period& period) const {
  Number number = Node(metric.formula, metric.formula.root(), {scope, period});
  if (number.has_value() && number.facts < metric.definition.min_sample()) {
    return Number::NoData(number.facts == 0 ? v1::NO_DATA_REASON_NO_FACTS : v1::NO_DATA_REASON_TOO_FEW, number.facts);
  }
  // Zero of something that no source reports is not zero.
  const bool is_reported =
      metric.uses.empty() || std::any_of(metric.uses.begin(), metric.uses.end(),
                                         [this](const MeasureUse& use) { return source_.IsReported(use.measure); });
  if (number.has_value() && !is_reported) return Number::NoData(v1::NO_DATA_REASON_NO_FACTS, 0);
  return number;
}

Number Evaluator::Node(const Formula& formula, int index, const Place& place) const {
  const FormulaNode& node = formula.nodes[static_cast<size_t>(index)];
  const auto operand = [&](size_t i) { return Node(formula, node.operands[i], place); };
  switch (node.op) {
    case FormulaOp::kConstant:
      return Number::Exact(node.constant);
    case FormulaOp::kMeasureSum:
    case FormulaOp::kMeasureCount:
    case FormulaOp::kAverage:
      return Measure(node.op, node.index, place);
    case FormulaOp::kMetric:
      return Evaluate(catalog_.metrics()[static_cast<size_t>(node.index)], place.scope, place.period);
    case FormulaOp::kTarget: {
      const auto target = TargetFact(catalog_.metrics()[static_cast<size_t>(node.index)], place);
      return target ? Number::Exact(*target, 1) : Number::NoData(v1::NO_DATA_REASON_NO_TARGET);
    }
    case FormulaOp::kAsOf:
      return Number::Exact(Nanos(place.period.last) * kNanosPerUnit);
    case FormulaOp::kDays:
      return Number::Exact(Nanos(place.period.last - place.period.first + 1) * kNanosPerUnit);
    case FormulaOp::kMonths: {
      const double months = MonthsIn(place.period);
      return months == std::floor(months) ? Number::Exact(Nanos(static_cast<int64_t>(months)) * kNanosPerUnit)
                                          : Number::Inexact(months);
    }
    case FormulaOp::kNegate:
      return Subtract(Number::Exact(0), operand(0));
    case FormulaOp::kAdd:
      return Add(operand(0), operand(1));
    case FormulaOp::kSubtract:
      return Subtract(operand(0), operand(1));
    case FormulaOp::kMultiply:
      return Multiply(operand(0), operand(1));
    case FormulaOp::kDivide:
      return Divide(operand(0), operand(1));
    case FormulaOp::kModulo:
      return Modulo(operand(0), operand(1));
    case FormulaOp::kEqual:
    case FormulaOp::kNotEqual:
    case FormulaOp::kLess:
    case FormulaOp::kLessEqual:
    case FormulaOp::kGreater:
    case FormulaOp::kGreaterEqual:
      return Comparison(formula, node, place);
    case FormulaOp::kNot:
    case FormulaOp::kAnd:
    case FormulaOp::kOr:
      return Logic(formula, node, place);
    case FormulaOp::kConditional: {
      const Number condition = operand(0);
      return condition.has_value() ? operand(condition.value != 0 ? 1 : 2) : condition;
    }
    case FormulaOp::kMin:
    case FormulaOp::kMax:
    case FormulaOp::kClamp:
      return Extreme(formula, node, place);
    case FormulaOp::kCoalesce:
      return Coalesce(formula, node, place);
    case FormulaOp::kPriorPeriod:
    case FormulaOp::kPriorYear:
      return Prior(formula, node, place);
    case FormulaOp::kStart: {
      Period before = place.period;
      before.last = before.whole_last = place.period.first - 1;
      return Node(formula, node.operands[0], {place.scope, before});
    }
    case FormulaOp::kToDate:
      return Node(formula, node.operands[0], {place.scope, YearToDate(place.period, catalog_.fiscal_start_month())});
    case FormulaOp::kAtLevel:
      break;
  }
  return Node(formula, node.operands[0], {ScopeAt(node.level, place.scope), place.period});
}

Number Evaluator::Measure(FormulaOp op, int index, const Place& place) const {
  const CompiledMeasure& measure = catalog_.measures()[static_cast<size_t>(index)];
  const RowKey row = {place.scope, index};
  const CellTotals totals = measure.is_flow() ? source_.Flow(row, place.period.first, place.period.last)
                                              : source_.Stock(row, place.period.last);
  if (totals.count == 0 && measure.sum_is_money &&
      source_.ParkedFacts(row, place.period.first, place.period.last) > 0) {
    return Number::NoData(v1::NO_DATA_REASON_RATE_MISSING);
  }
  const Number count = Number::Exact(Nanos(totals.count) * kNanosPerUnit, totals.count);
  if (op == FormulaOp::kMeasureCount) return count;
  const Number sum = Number::Exact(totals.sum, totals.count);
  return op == FormulaOp::kMeasureSum ? sum : Divide(sum, count);
}

Number Evaluator::Comparison(const Formula& formula, const FormulaNode& node, const Place& place) const {
  const Number a = Node(formula, node.operands[0], place);
  if (!a.has_value()) return a;
  const Number b = Node(formula, node.operands[1], place);
  if (!b.has_value()) return b;
  const int order = Compare(a, b);
  switch (node.op) {
    case FormulaOp::kEqual:
      return Number::Truth(order == 0);
    case FormulaOp::kNotEqual:
      return Number::Truth(order != 0);
    case FormulaOp::kLess:
      return Number::Truth(order < 0);
    case FormulaOp::kLessEqual:
      return Number::Truth(order <= 0);
    case FormulaOp::kGreater:
      return Number::Truth(order > 0);
    default:
      return Number::Truth(order >= 0);
  }
}

Number Evaluator::Logic(const Formula& formula, const FormulaNode& node, const Place& place) const {
  const Number left = Node(formula, node.operands[0], place);
  if (!left.has_value()) return left;
  const bool truth = left.value != 0;
  if (node.op == FormulaOp::kNot) return Number::Truth(!truth);
  const bool decided = node.op == FormulaOp::kOr ? truth : !truth;
  return decided ? left : Node(formula, node.operands[1], place);
}

Number Evaluator::Extreme(const Formula& formula, const FormulaNode& node, const Place& place) const {
  std::vector<Number> operands;
  for (const int operand : node.operands) {
    operands.push_back(Node(formula, operand, place));
    if (!operands.back().has_value()) return operands.back();
  }
  const auto less = [](const Number& a, const Number& b) { return Compare(a, b) < 0; };
  if (node.op == FormulaOp::kMin) return *std::min_element(operands.begin(), operands.end(), less);
  if (node.op == FormulaOp::kMax) return *std::max_element(operands.begin(), operands.end(), less);
  const Number& value = operands[0];
  return less(value, operands[1]) ? operands[1] : less(operands[2], value) ? operands[2] : value;
}

Number Evaluator::Coalesce(const Formula& formula, const FormulaNode& node, const Place& place) const {
  Number number;
  for (const int operand : node.operands) {
    number = Node(formula, operand, place);
    if (number.has_value()) break;
  }
  return number;
}

bool Evaluator::HasHistory(absl::Span<const MeasureUse> uses, ScopeIndex scope, const Period& period) const {
  return uses.empty() || std::any_of(uses.begin(), uses.end(), [&](const MeasureUse& use) {
           const std::optional<Day> first = source_.FirstDay({ScopeAt(use.level, scope), use.measure});
           return first && *first <= period.last;
         });
}

Number Evaluator::Prior(const Formula& formula, const FormulaNode& node, const Place& place) const {
  const Period prior = node.op == FormulaOp::kPriorYear ? PriorYear(place.period) : PriorPeriod(place.period);
  if (!HasHistory(catalog_.UsesOf(formula, node.operands[0]), place.scope, prior)) {
    return Number::NoData(v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  }
  return Node(formula, node.operands[0], {place.scope, prior});
}

std::optional<Nanos> Evaluator::TargetFact(const CompiledMetric& metric, const Place& place) const {
  const Period& period = place.period;
  auto target = source_.Target(metric.id(), place.scope, period.first, period.last, period.last);
  // While a calendar period runs, its target is that of the whole.
  if (!target && period.whole_last != period.last) {
    target = source_.Target(metric.id(), place.scope, period.first, period.whole_last, period.last);
  }
  return target;
}

v1::MetricValue Evaluator::Value(const MetricRequest& request) const {
  const v1::Metric& definition = request.metric->definition;
  v1::MetricValue value;
  value.set_metric_id(definition.id());
  *value.mutable_scope() = request.scope_proto;
  SetDate(request.period.first, value.mutable_window()->mutable_start_on());
  SetDate(request.period.last, value.mutable_window()->mutable_end_on());
  value.set_current_state(request.metric->current_state);

  const Number number = request.metric->HasLevel(request.scope_proto.kind())
                            ? Evaluate(*request.metric, request.scope, request.period)
                            : Number::NoData(v1::NO_DATA_REASON_WRONG_SCOPE);
  value.set_no_data(number.no_data);
  value.set_display(DisplayValue(number, definition.unit(), catalog_.program().currency_code()));
  value.set_facts(number.facts);
  if (number.has_value()) {
    value.set_value(number.value);
    if (number.exact) SetExact(*number.exact, value);
    if (number.numerator) value.set_numerator(*number.numerator);
    if (number.denominator) value.set_denominator(*number.denominator);
  }
  if (number.no_data == v1::NO_DATA_REASON_WRONG_SCOPE) return value;
  AddProvenance(request, value);
  AddTarget(request, value);
  if (request.compare) AddComparison(request, value);
  return value;
}

void Evaluator::AddProvenance(const MetricRequest& request, v1::MetricValue& value) const {
  int64_t fresh_at = 0, parked = 0;
  for (const MeasureUse& use : request.metric->uses) {
    const RowKey row = {ScopeAt(use.level, request.scope), use.measure};
    fresh_at = std::max(fresh_at, source_.FreshAtMicros(row));
    if (catalog_.measures()[static_cast<size_t>(use.measure)].sum_is_money) {
      parked += source_.ParkedFacts(row, request.period.first, request.period.last);
    }
  }
  value.set_parked_facts(parked);
  if (fresh_at == 0) return;
  value.mutable_fresh_at()->set_seconds(fresh_at / 1'000'000);
  value.mutable_fresh_at()->set_nanos(static_cast<int32_t>(fresh_at % 1'000'000 * 1'000));
}

void Evaluator::AddTarget(const MetricRequest& request, v1::MetricValue& value) const {
  const v1::Metric& definition = request.metric->definition;
  const auto target = TargetInForce(catalog_, definition, TargetFact(*request.metric, {request.scope, request.period}));
  if (!target) return;
  *value.mutable_target() = *target;
  if (!value.has_value()) return;
  value.set_target_position(PositionOf(*target, value.value()));
  if (const auto attainment = AttainmentOf(definition.direction(), *target, value.value())) {
    value.set_attainment(*attainment);
  }
}

void Evaluator::AddComparison(const MetricRequest& request, v1::MetricValue& value) const {
  const Period prior = PriorPeriod(request.period);
  if (!HasHistory(request.metric->uses, request.scope, prior)) return;
  const Number before = Evaluate(*request.metric, request.scope, prior);
  if (!before.has_value()) return;
  value.set_comparison(before.value);
  if (value.has_value() && before.value != 0)
    value.set_change((value.value() - before.value) / std::fabs(before.value));
}

}  // namespace partnermetrics
