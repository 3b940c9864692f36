// The table of service levels: target, actual, and whether it is met.
//
//   const auto metrics = SlaMetrics(catalog);                                         // whose rows the source needs
//   v1::SlaReport report = BuildSlaTable(catalog, source, {.as_of = day, …});
//
// For programmes that have one. What only the caller knows (position) stays empty. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_REPORTS_SLA_TABLE_H_
#define PARTNERMETRICS_SERVER_REPORTS_SLA_TABLE_H_

#include <vector>

#include "partnermetrics/v1/report_service.pb.h"
#include "server/reports/report_parts.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

std::vector<const CompiledMetric*> SlaMetrics(const Catalog& catalog);

// All rows are of one window: that of the request, else that of the metric for the compliance.
v1::SlaReport BuildSlaTable(const Catalog& catalog, const MeasureSource& source, const ReportRequest& request);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_SLA_TABLE_H_
