#include "server/views/business_print.h"

#include <algorithm>
#include <string>

#include "absl/hash/hash.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/engine/resolution.h"
#include "server/scoring/evaluator.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

const char* NameOf(ScopeIndex scope) {
  return scope == kBusinessScope ? kBusinessName : scope == kDirectScope ? kDirectName : kProgramName;
}

void Add(const RowKey& key, absl::string_view name, const CellRow& row, uint64_t& print) {
  row.ForEachCell([&](absl::string_view entry, const DayCell& cell) {
    print = absl::HashOf(print, key, name, entry, cell.day, cell.count, absl::Int128High64(cell.sum),
                         absl::Int128Low64(cell.sum));
  });
}

}  // namespace

std::vector<RowKey> BusinessRowsOf(const Catalog& catalog, const CompiledMetric& metric) {
  std::vector<RowKey> rows;
  const auto add = [&rows](const CompiledMetric& read) {
    for (const MeasureUse& use : read.uses) {
      if (use.level != v1::SCOPE_KIND_UNSPECIFIED) rows.push_back({ScopeAt(use.level, kProgramScope), use.measure});
    }
  };
  add(metric);
  for (const int target : metric.target_metrics) add(catalog.metrics()[static_cast<size_t>(target)]);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

absl::StatusOr<uint64_t> BusinessPrint(const Engine::View& view, absl::Span<const RowKey> rows) {
  uint64_t print = 0;
  for (const RowKey& key : rows) {
    const CompiledMeasure& measure = view.catalog()->measures()[static_cast<size_t>(key.measure)];
    const std::string parked = ParkedRowName(measure.id);
    ASSIGN_OR_RETURN(const std::vector<CellRow> cells, view.Rows(NameOf(key.scope), {measure.id, parked}));
    Add(key, "", cells[0], print);
    Add(key, parked, cells[1], print);
    if (measure.by == nullptr) continue;
    ASSIGN_OR_RETURN(const auto split, view.SplitRows(NameOf(key.scope), measure));
    for (const auto& [value, row] : split) Add(key, value, row, print);
  }
  return print;
}

absl::StatusOr<uint64_t> BusinessTargetsPrint(const Engine::View& view) {
  uint64_t print = 0;
  if (!view.header().fresh_at_us.contains(v1::Event::kTargetFieldNumber)) return print;
  for (const ScopeIndex scope : {kBusinessScope, kDirectScope, kProgramScope}) {
    std::string prefix;
    storage::ByteWriter(&prefix).KeyString(NameOf(scope));
    RETURN_IF_ERROR(view.ScanIndex(Index::kTarget, prefix, [&print](absl::string_view key, absl::string_view value) {
      print = absl::HashOf(print, key, value);
      return true;
    }));
  }
  return print;
}

}  // namespace partnermetrics
