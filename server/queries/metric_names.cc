#include "server/queries/metric_names.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"

namespace partnermetrics {

absl::StatusOr<const CompiledMetric*> ReadMetric(const Catalog& catalog, const std::string& id,
                                                 absl::string_view field) {
  if (const CompiledMetric* metric = catalog.FindMetric(id); metric != nullptr) return metric;
  std::vector<std::string> names;
  for (const CompiledMetric& known : catalog.metrics()) names.push_back(known.id());
  return InvalidField(field, "UNKNOWN_METRIC",
                      absl::StrCat("there is no metric '", id, "'", SuggestNames(id, std::move(names))));
}

}  // namespace partnermetrics
