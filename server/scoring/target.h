// Values against their targets.
//
//   if (auto target = TargetInForce(catalog, metric, fact)) attainment = AttainmentOf(metric.direction(), *target,
//   value);
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SCORING_TARGET_H_
#define PARTNERMETRICS_SERVER_SCORING_TARGET_H_

#include <optional>

#include "partnermetrics/v1/catalog.pb.h"
#include "partnermetrics/v1/metric_service.pb.h"
#include "server/base/civil.h"
#include "server/catalog/catalog.h"

namespace partnermetrics {

// The target in force: that of a target fact, else of the programme, else of the catalogue; nothing when there is none.
std::optional<v1::MetricTarget> TargetInForce(const Catalog& catalog, const v1::Metric& metric,
                                              std::optional<Nanos> fact);

// value / target, or target / value when lower is better. Ranges, and targets that are not above zero, have none.
std::optional<double> AttainmentOf(v1::MetricDirection direction, const v1::MetricTarget& target, double value);

// Bounds belong to the target.
v1::TargetPosition PositionOf(const v1::MetricTarget& target, double value);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_TARGET_H_
