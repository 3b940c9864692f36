// What metrics of partners read besides the partners' own facts: of the business, of the programme and of its direct
// part. A view has to know when it changes, since it concerns every partner.
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_VIEWS_BUSINESS_PRINT_H_
#define PARTNERMETRICS_SERVER_VIEWS_BUSINESS_PRINT_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/engine/engine.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

// Which rows a metric reads there, its targets among them, and not since when the programme has facts.
std::vector<RowKey> BusinessRowsOf(const Catalog& catalog, const CompiledMetric& metric);

// A number that changes with these rows, and with the facts that wait for a rate there.
absl::StatusOr<uint64_t> BusinessPrint(const Engine::View& view, absl::Span<const RowKey> rows);
// Likewise with the targets that are stated there, of any metric.
absl::StatusOr<uint64_t> BusinessTargetsPrint(const Engine::View& view);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_VIEWS_BUSINESS_PRINT_H_
