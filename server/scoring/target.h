// Values against their targets.
//
//   if (auto target = DefinedTarget(catalog, metric, set)) attainment = AttainmentOf(metric.direction(), *target,
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
#include "server/scoring/measure_source.h"

namespace partnermetrics {

// The target by definition: that of the target set or of those that it falls back to, else of the programme, else of
// the metric; of those alone that are for scopes of this kind. Nothing when there is none. `set` may be null.
std::optional<v1::MetricTarget> DefinedTarget(const Catalog& catalog, const v1::Metric& metric,
                                              const v1::TargetSet* set, v1::ScopeKind level);
// The target that a fact states.
v1::MetricTarget TargetOfFact(const v1::Metric& metric, Nanos fact);
// Makes the value the least that meets the target, or the greatest where lower is better.
void SetBound(v1::MetricDirection direction, double value, v1::MetricTarget& target);

// The sum of targets whose periods follow each other from `first` to `last` without gap or overlap, of long periods
// rather than short ones; nothing when there are no such. `stated` is ordered as MeasureSource::Targets gives it.
std::optional<Nanos> TiledTarget(absl::Span<const StatedTarget> stated, Day first, Day last);

// value / target, or target / value when lower is better. Ranges, and targets that are not above zero, have none.
std::optional<double> AttainmentOf(v1::MetricDirection direction, const v1::MetricTarget& target, double value);

// Bounds belong to the target, unless it is exclusive.
v1::TargetPosition PositionOf(const v1::MetricTarget& target, double value);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_TARGET_H_
