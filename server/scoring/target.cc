#include "server/scoring/target.h"

#include <algorithm>
#include <set>

namespace partnermetrics {
namespace {

bool IsFor(const v1::MetricTarget& target, v1::ScopeKind level) {
  const auto& levels = target.levels();
  return levels.empty() || std::find(levels.begin(), levels.end(), level) != levels.end();
}

const v1::MetricTarget* FindTarget(const google::protobuf::RepeatedPtrField<v1::ProgramTarget>& targets,
                                   const std::string& metric, v1::ScopeKind level) {
  const auto target = std::find_if(targets.begin(), targets.end(), [&](const v1::ProgramTarget& known) {
    return known.metric() == metric && IsFor(known.target(), level);
  });
  return target == targets.end() ? nullptr : &target->target();
}

// `dead_ends` are days from which no way leads to the last one.
std::optional<Nanos> TileFrom(absl::Span<const StatedTarget> stated, Day first, Day last, std::set<Day>& dead_ends) {
  if (first > last) return first == last + 1 ? std::optional<Nanos>(0) : std::nullopt;  // exactly at the end, or beyond
  if (dead_ends.count(first) > 0) return std::nullopt;
  for (const StatedTarget& target : stated) {
    if (target.first != first || target.last < first) continue;
    if (const auto rest = TileFrom(stated, target.last + 1, last, dead_ends)) return target.value + *rest;
  }
  dead_ends.insert(first);
  return std::nullopt;
}

}  // namespace

std::optional<v1::MetricTarget> DefinedTarget(const Catalog& catalog, const v1::Metric& metric,
                                              const v1::TargetSet* set, v1::ScopeKind level) {
  for (; set != nullptr; set = catalog.FindTargetSet(set->falls_back_to())) {
    if (const auto* target = FindTarget(set->targets(), metric.id(), level)) return *target;
  }
  if (const auto* target = FindTarget(catalog.program().targets(), metric.id(), level)) return *target;
  if (metric.has_target() && IsFor(metric.target(), level)) return metric.target();
  return std::nullopt;
}

v1::MetricTarget TargetOfFact(const v1::Metric& metric, Nanos fact) {
  v1::MetricTarget target;
  SetBound(metric.direction(), NanosToDouble(fact), target);
  return target;
}

void SetBound(v1::MetricDirection direction, double value, v1::MetricTarget& target) {
  if (direction == v1::METRIC_DIRECTION_DOWN) {
    target.set_max(value);
  } else {
    target.set_min(value);
  }
}

std::optional<Nanos> TiledTarget(absl::Span<const StatedTarget> stated, Day first, Day last) {
  if (stated.empty() || first > last) return std::nullopt;
  std::set<Day> dead_ends;
  return TileFrom(stated, first, last, dead_ends);
}

std::optional<double> AttainmentOf(v1::MetricDirection direction, const v1::MetricTarget& target, double value) {
  if (target.has_min() && target.has_max()) return std::nullopt;
  if (direction == v1::METRIC_DIRECTION_DOWN) {
    if (!target.has_max() || target.max() <= 0 || value <= 0) return std::nullopt;
    return target.max() / value;
  }
  if (!target.has_min() || target.min() <= 0) return std::nullopt;
  return value / target.min();
}

v1::TargetPosition PositionOf(const v1::MetricTarget& target, double value) {
  const bool exclusive = target.exclusive();
  if (target.has_min() && (value < target.min() || (exclusive && value == target.min()))) {
    return v1::TARGET_POSITION_BELOW;
  }
  if (target.has_max() && (value > target.max() || (exclusive && value == target.max()))) {
    return v1::TARGET_POSITION_ABOVE;
  }
  return v1::TARGET_POSITION_MET;
}

}  // namespace partnermetrics
