#include "server/scoring/target.h"

namespace partnermetrics {

std::optional<v1::MetricTarget> TargetInForce(const Catalog& catalog, const v1::Metric& metric,
                                              std::optional<Nanos> fact) {
  if (fact) {
    v1::MetricTarget target;
    if (metric.direction() == v1::METRIC_DIRECTION_DOWN) {
      target.set_max(NanosToDouble(*fact));
    } else {
      target.set_min(NanosToDouble(*fact));
    }
    return target;
  }
  for (const v1::ProgramTarget& target : catalog.program().targets()) {
    if (target.metric() == metric.id()) return target.target();
  }
  if (metric.has_target()) return metric.target();
  return std::nullopt;
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
  if (target.has_min() && value < target.min()) return v1::TARGET_POSITION_BELOW;
  if (target.has_max() && value > target.max()) return v1::TARGET_POSITION_ABOVE;
  return v1::TARGET_POSITION_MET;
}

}  // namespace partnermetrics
