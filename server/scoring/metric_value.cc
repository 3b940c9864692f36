// A metric's value with everything that it comes with; formulas are evaluated in evaluator.cc.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "server/scoring/display.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/proto_values.h"
#include "server/scoring/target.h"

namespace partnermetrics {
namespace {

// Exact values that fit into the message.
void SetExact(Nanos nanos, v1::MetricValue& value) {
  const Nanos units = nanos / kNanosPerUnit;
  if (units > std::numeric_limits<int64_t>::max() || units < std::numeric_limits<int64_t>::min()) return;
  value.mutable_exact()->set_units(static_cast<int64_t>(units));
  value.mutable_exact()->set_nanos(static_cast<int32_t>(nanos % kNanosPerUnit));
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
                            ? Evaluate(*request.metric, request.scope, asked.period, request.target_set)
                            : Number::NoData(v1::NO_DATA_REASON_WRONG_SCOPE);
  value.set_no_data(number.no_data);
  value.set_display(Display(*request.metric, number));
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

std::string Evaluator::Display(const CompiledMetric& metric, const Number& number) const {
  const bool is_tier = metric.definition.unit() == v1::METRIC_UNIT_TIER && catalog_.tiers() != nullptr;
  if (!is_tier || !number.has_value()) {
    return DisplayValue(number, metric.definition.unit(), catalog_.program().currency_code());
  }
  const std::string& name = catalog_.tiers()->NameOf(static_cast<int>(number.value));
  return name.empty() ? "none" : name;
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
  *value.mutable_fresh_at() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(fresh_at);
}

std::optional<Evaluator::TargetInForce> Evaluator::TargetAt(const CompiledMetric& metric, const Place& place) const {
  const v1::TargetSet* set = place.target_set != nullptr ? place.target_set : catalog_.TargetSetAt(place.period.last);
  bool whole = true;
  const auto fact = TargetFact(metric, place, /*forecast=*/false, &whole);
  auto target = fact ? TargetOfFact(metric.definition, *fact)
                     : DefinedTarget(catalog_, metric.definition, set, LevelOf(place.scope));
  if (!target) return std::nullopt;
  if (!target->metric().empty()) {
    const Number other = Evaluate(*catalog_.FindMetric(target->metric()), place.scope, place.period, place.target_set);
    if (other.has_value()) SetBound(metric.definition.direction(), other.value, *target);
  }
  return TargetInForce{*std::move(target), fact && !whole};
}

void Evaluator::AddTarget(const MetricRequest& request, v1::MetricValue& value) const {
  const v1::TargetSet* set =
      request.target_set != nullptr ? request.target_set : catalog_.TargetSetAt(request.period.last);
  if (set != nullptr) value.set_target_set(set->id());
  auto in_force = TargetAt(*request.metric, {request.scope, request.period, request.target_set});
  if (!in_force) return;
  v1::MetricTarget& target = *value.mutable_target();
  target = std::move(in_force->target);
  if (!value.has_value() || (!target.has_min() && !target.has_max())) return;
  value.set_target_position(PositionOf(target, value.value()));
  if (const auto attainment = AttainmentOf(request.metric->definition.direction(), target, value.value())) {
    value.set_attainment(*attainment);
  }
  if (!in_force->for_part) AddPace(request, target, value);
}

// What adds up over a period is expected to do so evenly.
std::optional<v1::MetricTarget> Evaluator::Paced(const CompiledMetric& metric, const Period& period,
                                                 const v1::MetricTarget& target) {
  const bool under_way = period.last < period.whole_last;
  if (!under_way || !metric.accumulates || target.has_min() == target.has_max()) return std::nullopt;
  const double elapsed = ElapsedShare(period);
  v1::MetricTarget by_now = target;
  if (target.has_min()) by_now.set_min(target.min() * elapsed);
  if (target.has_max()) by_now.set_max(target.max() * elapsed);
  return by_now;
}

void Evaluator::AddPace(const MetricRequest& request, const v1::MetricTarget& target, v1::MetricValue& value) const {
  const auto by_now = Paced(*request.metric, request.period, target);
  if (!by_now) return;
  value.set_elapsed(ElapsedShare(request.period));
  value.set_expected(by_now->has_min() ? by_now->min() : by_now->max());
  value.set_pace_position(PositionOf(*by_now, value.value()));
}

std::optional<v1::MetricTarget> Evaluator::TargetByNow(const CompiledMetric& metric, ScopeIndex scope,
                                                       const Period& period, const v1::TargetSet* target_set) const {
  const Period own = PeriodFor(metric, period);
  const auto in_force = TargetAt(metric, {scope, own, target_set});
  if (!in_force) return std::nullopt;
  const auto by_now = in_force->for_part ? std::nullopt : Paced(metric, own, in_force->target);
  return by_now ? by_now : in_force->target;
}

// The periods before are those of what was asked for: a metric with a window of its own takes it from their ends.
void Evaluator::AddComparison(const MetricRequest& asked, const Number& number, v1::MetricValue& value) const {
  const v1::Metric& definition = asked.metric->definition;
  const Period prior =
      asked.comparison == v1::COMPARISON_PREVIOUS_YEAR ? PriorYear(asked.period) : PriorPeriod(asked.period);
  SetRange(PeriodFor(*asked.metric, prior), value.mutable_comparison_window());
  const Number before = HasHistory(asked.metric->uses, asked.scope, prior.last)
                            ? Evaluate(*asked.metric, asked.scope, prior, asked.target_set)
                            : Number::NoData(v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  value.set_comparison_no_data(before.no_data);
  const std::string& currency = catalog_.program().currency_code();
  value.set_comparison_display(Display(*asked.metric, before));
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
