// QueryMetrics: metrics times scopes times periods.
#ifndef PARTNERMETRICS_SERVER_SERVICES_METRIC_QUERY_H_
#define PARTNERMETRICS_SERVER_SERVICES_METRIC_QUERY_H_

#include "absl/status/status.h"
#include "partnermetrics/v1/metric_service.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

absl::Status QueryMetrics(const Programs& programs, ProgramRuntime& program, const v1::QueryMetricsRequest& request,
                          v1::QueryMetricsResponse& response);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_METRIC_QUERY_H_
