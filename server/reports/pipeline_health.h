// Open business by stage, with shares that add up to 100 %.
//
//   const auto metrics = PipelineMetrics(catalog);                             // whose rows the source needs
//   v1::PipelineReport report = BuildPipelineHealth(catalog, source, request);
//
// For programmes that have it. What only the caller knows (position) stays empty. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_REPORTS_PIPELINE_HEALTH_H_
#define PARTNERMETRICS_SERVER_REPORTS_PIPELINE_HEALTH_H_

#include <vector>

#include "partnermetrics/v1/report_service.pb.h"
#include "server/reports/report_parts.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

std::vector<const CompiledMetric*> PipelineMetrics(const Catalog& catalog);

v1::PipelineReport BuildPipelineHealth(const Catalog& catalog, const MeasureSource& source,
                                       const ReportRequest& request);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_PIPELINE_HEALTH_H_
