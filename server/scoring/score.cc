#include "server/scoring/score.h"

#include <algorithm>
#include <cmath>

#include "server/scoring/display.h"
#include "server/scoring/proto_values.h"
#include "server/scoring/target.h"

namespace partnermetrics {
namespace {

constexpr int kTrendMonths = 3;
constexpr double kBillion = 1e9;

double ToBillionths(double value) {
  return std::round(value * kBillion) / kBillion;
}

// The mean of what has points, and the share of each.
struct Mean {
  double points = 0, weight = 0;

  void Add(const std::optional<double>& more, double own) {
    if (!more) return;
    points += *more * own;
    weight += own;
  }
  std::optional<double> value() const {
    return weight > 0 ? std::optional<double>(ToBillionths(points / weight)) : std::nullopt;
  }
  double ShareOf(const std::optional<double>& own_points, double own) const { return own_points ? own / weight : 0; }
};

ScorePartResult EvaluatePart(const Evaluator& evaluator, const Catalog& catalog, const CompiledScore& score,
                             const CompiledScorePart& part, ScopeIndex scope, Day as_of,
                             const v1::TargetSet* target_set) {
  const CompiledMetric& metric = catalog.metrics()[static_cast<size_t>(part.metric)];
  ScorePartResult result;
  const Period period = PeriodOf(catalog, metric, part.definition->window(), as_of);
  result.period = evaluator.PeriodFor(metric, period);
  result.value = evaluator.Evaluate(metric, scope, period, target_set);
  result.no_data = result.value.no_data;
  const auto& table = part.definition->points();
  if (table.empty()) result.target = evaluator.TargetByNow(metric, scope, period, target_set);
  if (!result.value.has_value()) return result;
  if (!table.empty()) {
    result.points = ToBillionths(PointsOf(table, result.value.value));
  } else if (result.target && (result.target->has_min() || result.target->has_max())) {
    const double share = ReachedShare(metric.definition.direction(), *result.target, result.value.value);
    result.points = ToBillionths(score.least + share * (score.most - score.least));
  } else {
    result.no_data = v1::NO_DATA_REASON_NO_TARGET;
  }
  return result;
}

ScoreComponentResult EvaluateComponent(const Evaluator& evaluator, const Catalog& catalog, const CompiledScore& score,
                                       const CompiledScoreComponent& component, ScopeIndex scope, Day as_of,
                                       const v1::TargetSet* target_set) {
  ScoreComponentResult result;
  Mean mean;
  double all = 0;
  result.parts.reserve(component.parts.size());
  for (const CompiledScorePart& part : component.parts) {
    result.parts.push_back(EvaluatePart(evaluator, catalog, score, part, scope, as_of, target_set));
    mean.Add(result.parts.back().points, part.weight);
    all += part.weight;
  }
  for (size_t i = 0; i < result.parts.size(); ++i) {
    result.parts[i].weight_in_force = mean.ShareOf(result.parts[i].points, component.parts[i].weight);
  }
  result.points = mean.value();
  result.coverage = mean.weight / all;
  return result;
}

void FillPart(const Catalog& catalog, const CompiledScorePart& part, const ScorePartResult& result,
              v1::ScorePartValue& proto) {
  const v1::Metric& metric = catalog.metrics()[static_cast<size_t>(part.metric)].definition;
  proto.set_metric_id(metric.id());
  proto.set_display_name(metric.display_name());
  SetRange(result.period, proto.mutable_window());
  if (result.value.has_value()) proto.set_value(result.value.value);
  proto.set_no_data(result.no_data);
  proto.set_display(DisplayValue(result.value, metric.unit(), catalog.program().currency_code()));
  if (result.target) *proto.mutable_target() = *result.target;
  if (result.points) proto.set_points(*result.points);
  proto.set_weight_in_force(result.weight_in_force);
}

void FillComponent(const Catalog& catalog, const CompiledScoreComponent& component, const ScoreComponentResult& result,
                   v1::ScoreComponentValue& proto) {
  proto.set_title(component.definition->title());
  proto.set_weight(component.definition->weight());
  proto.set_weight_in_force(result.weight_in_force);
  proto.set_coverage(result.coverage);
  if (result.points) {
    proto.set_points(*result.points);
    proto.set_contribution(ToBillionths(*result.points * result.weight_in_force));
  }
  for (size_t i = 0; i < result.parts.size(); ++i) {
    FillPart(catalog, component.parts[i], result.parts[i], *proto.add_parts());
  }
}

v1::ScoreTrend TrendOf(double change, double stable_points) {
  if (std::fabs(change) <= stable_points) return v1::SCORE_TREND_STABLE;
  return change > 0 ? v1::SCORE_TREND_IMPROVING : v1::SCORE_TREND_DECLINING;
}

}  // namespace

double PointsOf(const google::protobuf::RepeatedPtrField<v1::ScorePoint>& table, double value) {
  const auto above =
      std::find_if(table.begin(), table.end(), [value](const v1::ScorePoint& point) { return point.value() >= value; });
  if (above == table.begin()) return above->points();
  if (above == table.end()) return table.rbegin()->points();
  const v1::ScorePoint& below = *(above - 1);
  return below.points() +
         (value - below.value()) * (above->points() - below.points()) / (above->value() - below.value());
}

double ReachedShare(v1::MetricDirection direction, const v1::MetricTarget& target, double value) {
  if (PositionOf(target, value) == v1::TARGET_POSITION_MET) return 1;
  return std::clamp(AttainmentOf(direction, target, value).value_or(0), 0.0, 1.0);
}

ScoreResult EvaluateScore(const Evaluator& evaluator, const Catalog& catalog, const CompiledScore& score,
                          ScopeIndex scope, Day as_of, const v1::TargetSet* target_set) {
  ScoreResult result;
  Mean mean;
  double all = 0, covered = 0;
  int64_t with_data = 0;
  result.components.reserve(score.components.size());
  v1::NoDataReason missing = v1::NO_DATA_REASON_NO_FACTS;
  for (const CompiledScoreComponent& component : score.components) {
    result.components.push_back(EvaluateComponent(evaluator, catalog, score, component, scope, as_of, target_set));
    const ScoreComponentResult& added = result.components.back();
    const double weight = component.definition->weight();
    mean.Add(added.points, weight);
    all += weight;
    covered += weight * added.coverage;
    if (added.points) ++with_data;
    if (with_data == 0) missing = added.parts.front().no_data;
  }
  for (size_t i = 0; i < result.components.size(); ++i) {
    ScoreComponentResult& component = result.components[i];
    component.weight_in_force = mean.ShareOf(component.points, score.components[i].definition->weight());
  }
  result.coverage = covered / all;
  const std::optional<double> points = mean.value();
  if (!points) {
    result.score = Number::NoData(missing);
  } else if (result.coverage < score.definition->min_coverage()) {
    result.score = Number::NoData(v1::NO_DATA_REASON_TOO_FEW, with_data);
  } else {
    result.score = Number::Exact(static_cast<Nanos>(std::llround(*points * kBillion)), with_data);
  }
  return result;
}

v1::Score ScoreOf(const Evaluator& evaluator, const Catalog& catalog, const CompiledScore& score, ScopeIndex scope,
                  const v1::Scope& scope_proto, Day as_of, const v1::TargetSet* target_set) {
  const CompiledMetric& metric = catalog.metrics()[static_cast<size_t>(score.metric)];
  v1::Score proto;
  proto.set_model_id(metric.id());
  proto.set_display_name(metric.definition.display_name());
  *proto.mutable_scope() = scope_proto;
  SetDate(as_of, proto.mutable_as_of());
  proto.set_least(score.least);
  proto.set_most(score.most);
  const ScoreResult now = EvaluateScore(evaluator, catalog, score, scope, as_of, target_set);
  proto.set_coverage(now.coverage);
  proto.set_no_data(now.score.no_data);
  for (size_t i = 0; i < now.components.size(); ++i) {
    FillComponent(catalog, score.components[i], now.components[i], *proto.add_components());
  }
  if (!now.score.has_value()) return proto;
  proto.set_score(now.score.value);
  if (const v1::ScoreBand* band = score.BandOf(now.score.value); band != nullptr) *proto.mutable_band() = *band;

  const Day before = AddMonths(as_of, -kTrendMonths);
  SetDate(before, proto.mutable_previous_on());
  if (!evaluator.HasHistory(metric.uses, scope, before)) return proto;
  const Number previous = EvaluateScore(evaluator, catalog, score, scope, before, target_set).score;
  if (!previous.has_value()) return proto;
  proto.set_previous(previous.value);
  proto.set_change(Subtract(now.score, previous).value);
  proto.set_trend(TrendOf(proto.change(), score.stable_points));
  return proto;
}

}  // namespace partnermetrics
