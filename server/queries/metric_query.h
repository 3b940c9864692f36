// QueryMetrics: metrics times scopes times periods.
#ifndef PARTNERMETRICS_SERVER_QUERIES_METRIC_QUERY_H_
#define PARTNERMETRICS_SERVER_QUERIES_METRIC_QUERY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "partnermetrics/v1/metric_service.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

// The target set of a request; null when it names none. INVALID_ARGUMENT with those that there are.
absl::StatusOr<const v1::TargetSet*> ReadTargetSet(const Catalog& catalog, const std::string& id);

absl::Status QueryMetrics(const Programs& programs, Engine& engine, const v1::QueryMetricsRequest& request,
                          v1::QueryMetricsResponse& response);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_METRIC_QUERY_H_
