// What reports have in common: dates and figures.
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_REPORTS_REPORT_PARTS_H_
#define PARTNERMETRICS_SERVER_REPORTS_REPORT_PARTS_H_

#include <string>
#include <vector>

#include "partnermetrics/v1/common.pb.h"
#include "partnermetrics/v1/report_service.pb.h"
#include "server/base/civil.h"
#include "server/catalog/catalog.h"
#include "server/scoring/evaluator.h"

namespace partnermetrics {

// What a report is about, and when.
struct ReportRequest {
  ScopeIndex scope = kProgramScope;
  v1::Scope scope_proto;
  Day as_of = 0;
  v1::WindowKind window = v1::WINDOW_KIND_UNSPECIFIED;  // unspecified: the report's own
  v1::Comparison comparison = v1::COMPARISON_UNSPECIFIED;
  const v1::TargetSet* target_set = nullptr;  // null: the one in force on the last day of each window
};

// The metrics of these ids, which the catalogue has, each once.
std::vector<const CompiledMetric*> MetricsNamed(const Catalog& catalog, const std::vector<std::string>& ids);

// The value of a metric; of its own window where the request has none.
v1::MetricValue ValueOf(const Catalog& catalog, const Evaluator& evaluator, const std::string& metric,
                        const ReportRequest& request);
v1::ReportFigure FigureOf(const Catalog& catalog, const Evaluator& evaluator, const std::string& metric,
                          const ReportRequest& request);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_REPORT_PARTS_H_
