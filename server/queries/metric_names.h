// The metric that people mean.
#ifndef PARTNERMETRICS_SERVER_QUERIES_METRIC_NAMES_H_
#define PARTNERMETRICS_SERVER_QUERIES_METRIC_NAMES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/catalog/catalog.h"

namespace partnermetrics {

// The metric of that id. INVALID_ARGUMENT with the ids that are most like it when there is none; `field` names the id
// in the request.
absl::StatusOr<const CompiledMetric*> ReadMetric(const Catalog& catalog, const std::string& id,
                                                 absl::string_view field);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_METRIC_NAMES_H_
