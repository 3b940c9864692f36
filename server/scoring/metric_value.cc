// A metric's value with everything that it comes with; formulas are evaluated in evaluator.cc.
#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "server/scoring/display.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/target.h"

namespace partnermetrics {
namespace {

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

void SetRange(const Period& period, v1::DateRange* range) {
  SetDate(period.first, range->mutable_start_on());
  SetDate(period.last, range->mutable_end_on());
}

}  // namespace

v1::MetricValue Evaluator::Value(const MetricRequest& asked) const {
  MetricRequest request = asked;
  request.period = PeriodFor(*asked.metric, asked.period);
  const v1::Metric& definition = request.metric->definition;
  v1::MetricValue value;
  value.set_metric_id(definition.id());
  *value.mutable_scope() = request.scope_proto;
  SetRange(request.period, value.mutable_window());
  value.set_current_state(request.metric->current_state);

  const Number number = request.metric->HasLevel(request.scope_proto.kind())
                            ? Evaluate(*request.metric, request.scope, asked.period)
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
  if (request.comparison != v1::COMPARISON_UNSPECIFIED) AddComparison(asked, number, value);
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
  const v1::TargetSet* set =
      request.target_set != nullptr ? request.target_set : catalog_.TargetSetAt(request.period.last);
  if (set != nullptr) value.set_target_set(set->id());
  bool whole = true;
  const auto fact = TargetFact(*request.metric, {request.scope, request.period}, /*forecast=*/false, &whole);
  auto target = fact ? TargetOfFact(definition, *fact) : DefinedTarget(catalog_, definition, set);
  if (!target) return;
  if (!target->metric().empty()) {
    const Number other = Evaluate(*catalog_.FindMetric(target->metric()), request.scope, request.period);
    if (other.has_value()) SetBound(definition.direction(), other.value, *target);
  }
  *value.mutable_target() = *target;
  if (!value.has_value() || (!target->has_min() && !target->has_max())) return;
  value.set_target_position(PositionOf(*target, value.value()));
  if (const auto attainment = AttainmentOf(definition.direction(), *target, value.value())) {
    value.set_attainment(*attainment);
  }
  if (!fact || whole) AddPace(request, *target, value);
}

// What adds up over a period is expected to do so evenly.
void Evaluator::AddPace(const MetricRequest& request, const v1::MetricTarget& target, v1::MetricValue& value) const {
  const bool under_way = request.period.last < request.period.whole_last;
  if (!under_way || !request.metric->accumulates || target.has_min() == target.has_max()) return;
  const double elapsed = ElapsedShare(request.period);
  v1::MetricTarget by_now = target;
  if (target.has_min()) by_now.set_min(target.min() * elapsed);
  if (target.has_max()) by_now.set_max(target.max() * elapsed);
  value.set_elapsed(elapsed);
  value.set_expected(target.has_min() ? by_now.min() : by_now.max());
  value.set_pace_position(PositionOf(by_now, value.value()));
}

// The periods before are those of what was asked for: a metric with a window of its own takes it from their ends.
void Evaluator::AddComparison(const MetricRequest& asked, const Number& number, v1::MetricValue& value) const {
  const v1::Metric& definition = asked.metric->definition;
  const Period prior =
      asked.comparison == v1::COMPARISON_PREVIOUS_YEAR ? PriorYear(asked.period) : PriorPeriod(asked.period);
  SetRange(PeriodFor(*asked.metric, prior), value.mutable_comparison_window());
  const Number before = HasHistory(asked.metric->uses, asked.scope, prior)
                            ? Evaluate(*asked.metric, asked.scope, prior)
                            : Number::NoData(v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  value.set_comparison_no_data(before.no_data);
  const std::string& currency = catalog_.program().currency_code();
  value.set_comparison_display(DisplayValue(before, definition.unit(), currency));
  if (!before.has_value()) return;
  value.set_comparison(before.value);
  if (!number.has_value()) return;
  const Number delta = Subtract(number, before);
  value.set_delta(delta.value);
  value.set_delta_display(DisplayChange(delta, definition.unit(), currency));
  if (before.value == 0) return;
  value.set_change(delta.value / std::fabs(before.value));
  absl::StrAppend(value.mutable_delta_display(), " (", value.change() > 0 ? "+" : "",
                  DisplayValue(Number::Inexact(value.change()), v1::METRIC_UNIT_PERCENT, currency), ")");
}

}  // namespace partnermetrics
