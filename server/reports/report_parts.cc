#include "server/reports/report_parts.h"

#include <algorithm>

namespace partnermetrics {

std::vector<const CompiledMetric*> MetricsNamed(const Catalog& catalog, const std::vector<std::string>& ids) {
  std::vector<const CompiledMetric*> metrics;
  for (const std::string& id : ids) {
    const CompiledMetric* metric = catalog.FindMetric(id);
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) metrics.push_back(metric);
  }
  return metrics;
}

v1::MetricValue ValueOf(const Catalog& catalog, const Evaluator& evaluator, const std::string& metric,
                        const ReportRequest& request) {
  const CompiledMetric* found = catalog.FindMetric(metric);
  const Period period = PeriodOf(catalog, *found, request.window, request.as_of);
  return evaluator.Value({found, request.scope, request.scope_proto, period, request.comparison, request.target_set});
}

v1::ReportFigure FigureOf(const Catalog& catalog, const Evaluator& evaluator, const std::string& metric,
                          const ReportRequest& request) {
  const v1::Metric& definition = catalog.FindMetric(metric)->definition;
  v1::ReportFigure figure;
  figure.set_display_name(definition.display_name());
  figure.set_unit(definition.unit());
  figure.set_direction(definition.direction());
  *figure.mutable_value() = ValueOf(catalog, evaluator, metric, request);
  return figure;
}

}  // namespace partnermetrics
