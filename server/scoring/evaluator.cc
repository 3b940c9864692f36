#include "server/scoring/evaluator.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "server/scoring/score.h"
#include "server/scoring/target.h"
#include "server/scoring/tier.h"

namespace partnermetrics {
namespace {

template <typename T>
void SortUnique(std::vector<T>& values) {
  if (!std::is_sorted(values.begin(), values.end())) std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

Number FromAttribute(const Value& value) {
  switch (value.type) {
    case ValueType::kNull:
      return Number::NoData(v1::NO_DATA_REASON_NO_FACTS);
    case ValueType::kBool:
      return Number::Truth(value.integer != 0);
    case ValueType::kDecimal:
    case ValueType::kMoney:
      return Number::Exact(value.decimal, 1);
    default:
      return Number::Exact(Nanos(value.integer) * kNanosPerUnit, 1);
  }
}

// Whether a partner had signed by then. One whose day is not known counts from the beginning.
bool HasSigned(const FactRow* partner, Day day) {
  static const int slot = FactSchemas::Get().Find("partner")->Find("signed_on")->slot;
  if (partner == nullptr) return true;
  const std::vector<Partnership>& times = partner->partnerships();
  const Value& first = times.empty() ? (*partner)[slot] : times.front().signed_on;
  return first.is_null() || first.integer <= day;
}

}  // namespace

// The rows of every partner add up to those of the programme, where history and freshness are read.
ScopeIndex ScopeAt(v1::ScopeKind level, ScopeIndex own) {
  switch (level) {
    case v1::SCOPE_KIND_BUSINESS:
      return kBusinessScope;
    case v1::SCOPE_KIND_DIRECT:
      return kDirectScope;
    case v1::SCOPE_KIND_PROGRAM:
    case v1::SCOPE_KIND_PARTNER:
      return kProgramScope;
    default:
      return own;
  }
}

v1::ScopeKind LevelOf(ScopeIndex scope) {
  if (IsSegment(scope)) return v1::SCOPE_KIND_SEGMENT;
  switch (scope) {
    case kBusinessScope:
      return v1::SCOPE_KIND_BUSINESS;
    case kDirectScope:
      return v1::SCOPE_KIND_DIRECT;
    case kProgramScope:
      return v1::SCOPE_KIND_PROGRAM;
    default:
      return v1::SCOPE_KIND_PARTNER;
  }
}

Reads ReadsOf(const Catalog& catalog, absl::Span<const CompiledMetric* const> metrics,
              absl::Span<const ScopeIndex> scopes) {
  std::vector<const CompiledMetric*> all(metrics.begin(), metrics.end());
  for (const CompiledMetric* metric : metrics) {
    for (const int target : metric->target_metrics) all.push_back(&catalog.metrics()[static_cast<size_t>(target)]);
  }
  Reads reads;
  // Metrics share most of their measures: each is noted once.
  std::vector<std::vector<bool>> levels(v1::ScopeKind_ARRAYSIZE, std::vector<bool>(catalog.measures().size()));
  const auto note = [&](v1::ScopeKind level, int measure) {
    levels[static_cast<size_t>(level)][static_cast<size_t>(measure)] = true;
  };
  for (const CompiledMetric* metric : all) {
    reads.attributes |= metric->needs.attributes;
    reads.all_partners |= metric->needs.all;
    reads.partner_targets |= metric->needs.targets;
    reads.tiers |= metric->needs.tier;
    reads.partner_tiers |= metric->needs.tiers;
    for (const MeasureUse& use : metric->uses) {
      note(use.level, use.measure);
      // Since when the programme has facts decides from when on tiers are reviewed.
      if (metric->needs.tier) note(v1::SCOPE_KIND_PROGRAM, use.measure);
    }
  }
  std::vector<MeasureUse> uses;
  for (size_t level = 0; level < levels.size(); ++level) {
    for (size_t measure = 0; measure < levels[level].size(); ++measure) {
      if (levels[level][measure]) uses.push_back({static_cast<int>(measure), static_cast<v1::ScopeKind>(level)});
    }
  }
  for (const MeasureUse& use : uses) {
    if (use.level == v1::SCOPE_KIND_PARTNER) reads.partner_measures.push_back(use.measure);
    if (use.level != v1::SCOPE_KIND_UNSPECIFIED) reads.rows.push_back({ScopeAt(use.level, kProgramScope), use.measure});
  }
  for (const ScopeIndex scope : scopes) {
    for (const MeasureUse& use : uses) {
      if (use.level == v1::SCOPE_KIND_UNSPECIFIED) reads.rows.push_back({scope, use.measure});
    }
  }
  SortUnique(reads.rows);
  SortUnique(reads.partner_measures);
  return reads;
}

Reads ReadsOfEveryPartner(absl::Span<const CompiledMetric* const> metrics) {
  Reads reads;
  reads.all_partners = true;
  for (const CompiledMetric* metric : metrics) {
    reads.partner_targets |= metric->needs.target || metric->needs.targets;
    reads.partner_tiers |= metric->needs.tier || metric->needs.tiers;
    for (const MeasureUse& use : metric->uses) {
      if (use.level == v1::SCOPE_KIND_UNSPECIFIED || use.level == v1::SCOPE_KIND_PARTNER) {
        reads.partner_measures.push_back(use.measure);
      }
      // Of what goes over partners the history is read in the programme, and for tiers of everything.
      if (use.level != v1::SCOPE_KIND_UNSPECIFIED || metric->needs.tier) {
        reads.rows.push_back({ScopeAt(use.level, kProgramScope), use.measure});
      }
    }
  }
  SortUnique(reads.rows);
  SortUnique(reads.partner_measures);
  return reads;
}

bool ReadsOwnScopeOnly(const CompiledMetric& metric) {
  return !metric.needs.all && std::all_of(metric.uses.begin(), metric.uses.end(), [](const MeasureUse& use) {
    return use.level == v1::SCOPE_KIND_UNSPECIFIED;
  });
}

Reads Joined(Reads a, Reads b) {
  a.rows.insert(a.rows.end(), b.rows.begin(), b.rows.end());
  a.partner_measures.insert(a.partner_measures.end(), b.partner_measures.begin(), b.partner_measures.end());
  SortUnique(a.rows);
  SortUnique(a.partner_measures);
  a.attributes |= b.attributes;
  a.all_partners |= b.all_partners;
  a.targets |= b.targets;
  a.partner_targets |= b.partner_targets;
  a.tiers |= b.tiers;
  a.partner_tiers |= b.partner_tiers;
  return a;
}

Period PeriodOf(const Catalog& catalog, const CompiledMetric& metric, v1::WindowKind window, Day as_of) {
  const bool own = window == v1::WINDOW_KIND_UNSPECIFIED || metric.definition.own_window();
  return PeriodOf(own ? metric.definition.window() : window, as_of, catalog.fiscal_start_month());
}

Period Evaluator::PeriodFor(const CompiledMetric& metric, const Period& period) const {
  Period own = period;
  if (metric.definition.own_window()) {
    own = PeriodOf(metric.definition.window(), period.last, catalog_.fiscal_start_month());
    own.as_of = period.as_of;
  }
  return metric.definition.maturity_days() > 0 ? Matured(own, metric.definition.maturity_days()) : own;
}

Number Evaluator::Evaluate(const CompiledMetric& metric, ScopeIndex scope, const Period& period,
                           const v1::TargetSet* target_set) const {
  if (remembered_scope_ != scope) return EvaluateNow(metric, scope, period, target_set);
  const ValueKey key = {metric.index, period, target_set};
  if (const auto known = remembered_.find(key); known != remembered_.end()) return known->second;
  // Others are remembered meanwhile.
  const Number number = EvaluateNow(metric, scope, period, target_set);
  remembered_.emplace(key, number);
  return number;
}

Number Evaluator::EvaluateNow(const CompiledMetric& metric, ScopeIndex scope, const Period& period,
                              const v1::TargetSet* target_set) const {
  const Period own = PeriodFor(metric, period);
  if (own.first > own.last) return Number::NoData(v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  // Before the formula: a default in it must not take the place of a number that is being changed, or cannot be known.
  const bool is_known =
      source_.Knows(kProgramScope) ||
      (!metric.needs.all && std::all_of(metric.uses.begin(), metric.uses.end(), [&](const MeasureUse& use) {
        return source_.Knows(ScopeAt(use.level, scope));
      }));
  if (!is_known) return Number::NoData(v1::NO_DATA_REASON_NOT_AVAILABLE);
  const bool is_whole = std::all_of(metric.uses.begin(), metric.uses.end(), [&](const MeasureUse& use) {
    return source_.IsWhole({ScopeAt(use.level, scope), use.measure});
  });
  if (!is_whole) return Number::NoData(v1::NO_DATA_REASON_REBUILDING);
  Number number = Node(metric.formula, metric.formula.root(), {scope, own, target_set});
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
      return Evaluate(catalog_.metrics()[static_cast<size_t>(node.index)], place.scope, place.period, place.target_set);
    case FormulaOp::kTarget: {
      const CompiledMetric& metric = catalog_.metrics()[static_cast<size_t>(node.index)];
      const auto target =
          TargetFact(metric, {place.scope, PeriodFor(metric, place.period), place.target_set}, node.forecast);
      return target ? Number::Exact(*target, 1) : Number::NoData(v1::NO_DATA_REASON_NO_TARGET);
    }
    case FormulaOp::kFirstDay:
    case FormulaOp::kDayReaching:
      return DayOf(formula, node, place);
    case FormulaOp::kPartner:
      return Attribute(formula.partner_expressions[static_cast<size_t>(node.index)], place);
    case FormulaOp::kCountPartners:
    case FormulaOp::kSumPartners:
    case FormulaOp::kAveragePartners:
      return OverPartners(formula, node, place);
    case FormulaOp::kMeets:
      return Meets(formula, node, place);
    case FormulaOp::kScore:
      return EvaluateScore(*this, catalog_, catalog_.scores()[static_cast<size_t>(node.index)], place.scope,
                           place.period.last, place.target_set)
          .score;
    case FormulaOp::kTier:
      return Tier(*this, catalog_, source_, place.scope)
          .RankAt(place.period.last, tier_memos_ == nullptr ? nullptr : tier_memos_->Of(place.scope));
    case FormulaOp::kPace:
      return Number::Inexact(ElapsedShare(place.period));
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
      before.last = before.whole_last = before.as_of = place.period.first - 1;
      return Node(formula, node.operands[0], {place.scope, before, place.target_set});
    }
    case FormulaOp::kToDate:
      return Node(formula, node.operands[0], {place.scope, ToDate(place.period), place.target_set});
    case FormulaOp::kAtLevel:
      break;
  }
  return Node(formula, node.operands[0], {ScopeAt(node.level, place.scope), place.period, place.target_set});
}

Number Evaluator::Measure(FormulaOp op, int index, const Place& place) const {
  const CompiledMeasure& measure = catalog_.measures()[static_cast<size_t>(index)];
  const RowKey row = {place.scope, index};
  const CellTotals totals = source_.Totals(row, place.period, split_);
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

// What has no value or no target is left out, as in scores.
Number Evaluator::Meets(const Formula& formula, const FormulaNode& node, const Place& place) const {
  Number met = Number::Exact(0), judged = Number::Exact(0);
  std::optional<v1::NoDataReason> missing;
  for (const int operand : node.operands) {
    const int index = formula.nodes[static_cast<size_t>(operand)].index;
    const CompiledMetric& metric = catalog_.metrics()[static_cast<size_t>(index)];
    const Number number = Evaluate(metric, place.scope, place.period, place.target_set);
    const auto target = TargetAt(metric, {place.scope, PeriodFor(metric, place.period), place.target_set});
    const bool has_bound = target && (target->target.has_min() || target->target.has_max());
    if (!number.has_value() || !has_bound) {
      if (!missing) missing = number.has_value() ? v1::NO_DATA_REASON_NO_TARGET : number.no_data;
      continue;
    }
    judged = Add(judged, Number::Exact(kNanosPerUnit, 1));
    const bool is_met = PositionOf(target->target, number.value) == v1::TARGET_POSITION_MET;
    met = Add(met, Number::Exact(is_met ? kNanosPerUnit : 0, 1));
  }
  return judged.facts == 0 ? Number::NoData(*missing) : Divide(met, judged);
}

// As in CEL: one side that decides makes the other irrelevant, whether that has data or not.
Number Evaluator::Logic(const Formula& formula, const FormulaNode& node, const Place& place) const {
  const Number left = Node(formula, node.operands[0], place);
  if (node.op == FormulaOp::kNot) return left.has_value() ? Number::Truth(left.value == 0) : left;
  const bool deciding = node.op == FormulaOp::kOr;
  const auto decides = [&](const Number& side) { return side.has_value() && (side.value != 0) == deciding; };
  if (decides(left)) return left;
  const Number right = Node(formula, node.operands[1], place);
  return decides(right) || left.has_value() ? right : left;
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

bool Evaluator::HasHistory(absl::Span<const MeasureUse> uses, ScopeIndex scope, Day day) const {
  return uses.empty() || std::any_of(uses.begin(), uses.end(), [&](const MeasureUse& use) {
           const std::optional<Day> first = source_.FirstDay({ScopeAt(use.level, scope), use.measure});
           return first && *first <= day;
         });
}

Number Evaluator::Prior(const Formula& formula, const FormulaNode& node, const Place& place) const {
  const Period prior = node.op == FormulaOp::kPriorYear ? PriorYear(place.period) : PriorPeriod(place.period);
  const auto [uses, is_new] = prior_uses_.try_emplace(&node);
  if (is_new) uses->second = catalog_.UsesOf(formula, node.operands[0]);
  if (!HasHistory(uses->second, place.scope, prior.last)) {
    return Number::NoData(v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  }
  return Node(formula, node.operands[0], {place.scope, prior, place.target_set});
}

Number Evaluator::Attribute(const RowExpression& expression, const Place& place) const {
  const FactRow* partner = source_.Partner(place.scope);
  if (partner == nullptr) return Number::NoData(v1::NO_DATA_REASON_WRONG_SCOPE);
  const std::vector<Partnership>& times = partner->partnerships();
  if (times.empty()) return FromAttribute(expression.Evaluate({partner, nullptr, &catalog_.zone()}));
  // The days of the time that had begun last.
  const auto time = std::find_if(times.rbegin(), times.rend() - 1, [&](const Partnership& begun) {
    return begun.begin().is_null() || begun.begin().integer <= place.period.last;
  });
  FactRow then = *partner;
  then.Show(*time);
  return FromAttribute(expression.Evaluate({&then, nullptr, &catalog_.zone()}));
}

Number Evaluator::DayOf(const Formula& formula, const FormulaNode& node, const Place& place) const {
  const bool reaching = node.op == FormulaOp::kDayReaching;
  Number amount;
  if (reaching) {
    amount = Node(formula, node.operands[0], place);
    if (!amount.has_value()) return amount;
  }
  const Number since = Node(formula, node.operands.back(), place);
  if (!since.has_value()) return since;
  const Day last = place.period.last;
  // Days beyond all dates make an empty range.
  const auto first = static_cast<Day>(std::clamp(std::ceil(since.value), -1e6, last + 1.0));
  const CompiledMeasure& measure = catalog_.measures()[static_cast<size_t>(node.index)];
  const RowKey row = {place.scope, node.index};
  CellTotals total;
  std::optional<Day> found;
  const auto reached = [&] {
    if (!reaching) return total.count > 0;
    const Number so_far = node.counts ? Number::Exact(Nanos(total.count) * kNanosPerUnit) : Number::Exact(total.sum);
    return Compare(so_far, amount) >= 0;
  };
  // A stock may stand there from before.
  if (!measure.is_flow() && first <= last) {
    Period until = place.period;
    until.first = until.last = until.as_of = first;
    total = source_.Totals(row, until, split_);
    if (reached()) found = first;
  }
  const Day next = measure.is_flow() ? first : first + 1;
  source_.EachDay(row, next, last, [&](Day day, const CellTotals& change) {
    if (found) return false;
    total.count += change.count;
    total.sum += change.sum;
    if (reached()) found = day;
    return true;
  });
  return found ? Number::Exact(Nanos(*found) * kNanosPerUnit, 1) : Number::NoData(v1::NO_DATA_REASON_NO_FACTS);
}

Number Evaluator::OverPartners(const Formula& formula, const FormulaNode& node, const Place& place) const {
  const ScopeIndex segment = IsSegment(place.scope) ? place.scope : kProgramScope;
  const auto [it, is_new] = over_partners_.try_emplace(
      OverPartnersKey(&node, segment, place.period.first, place.period.last, place.period.as_of, place.target_set));
  if (is_new) it->second = OverEach(formula, node, source_.Partners(), place);
  return it->second;
}

// A partner for whom the condition has no data does not count, as a fact whose `where` is null.
Number Evaluator::OverEach(const Formula& formula, const FormulaNode& node, absl::Span<const ScopeIndex> partners,
                           const Place& place) const {
  const bool counts = node.op == FormulaOp::kCountPartners;
  const size_t condition = counts ? 0 : 1;
  Number sum = Number::Exact(0);
  std::optional<Number> missing;  // why the first of those that were asked for has no value
  int64_t with_value = 0;
  for (const ScopeIndex partner : partners) {
    if (!HasSigned(source_.Partner(partner), place.period.last)) continue;
    if (IsSegment(place.scope) && !source_.InSegment(place.scope, partner, place.period.last)) continue;
    const Place own = {partner, place.period, place.target_set};
    if (node.operands.size() > condition) {
      const Number fits = Node(formula, node.operands[condition], own);
      if (!fits.has_value() || fits.value == 0) continue;
    }
    if (!counts) {
      const Number value = Node(formula, node.operands[0], own);
      if (!value.has_value()) {
        if (!missing) missing = value;
        continue;
      }
      sum = Add(sum, value);
    }
    ++with_value;
  }
  if (with_value == 0 && missing) return *missing;
  const Number count = Number::Exact(Nanos(with_value) * kNanosPerUnit, with_value);
  if (counts) return count;
  sum.facts = with_value;
  return node.op == FormulaOp::kSumPartners ? sum : Divide(sum, count);
}

std::optional<Nanos> Evaluator::TargetFact(const CompiledMetric& metric, const Place& place, bool forecast,
                                           bool* whole) const {
  const Period& period = place.period;
  const auto stated = source_.Targets(metric.id(), place.scope, forecast, period.last);
  for (const Day last : {period.last, period.whole_last}) {
    if (whole != nullptr) *whole = last != period.last;
    for (const StatedTarget& target : stated) {
      if (target.first == period.first && target.last == last) return target.value;
    }
  }
  // While a calendar period runs, its target is that of the whole. Only what adds up can be made of parts.
  return metric.accumulates ? TiledTarget(stated, period.first, period.whole_last) : std::nullopt;
}

}  // namespace partnermetrics
