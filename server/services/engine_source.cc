#include "server/services/engine_source.h"

#include <algorithm>
#include <utility>

#include "partnermetrics/v1/selling.pb.h"
#include "server/base/errors.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

std::string ScopeName(ScopeIndex scope, const std::vector<std::string>& partners) {
  switch (scope) {
    case kBusinessScope:
      return kBusinessName;
    case kDirectScope:
      return kDirectName;
    case kProgramScope:
      return kProgramName;
    default:
      return PartnerScope(partners[static_cast<size_t>(scope - kFirstPartnerScope)]);
  }
}

}  // namespace

absl::StatusOr<EngineSource> EngineSource::Collect(const Engine::View& view, std::vector<RowKey> rows,
                                                   const std::vector<std::string>& partners) {
  EngineSource source;
  source.header_ = view.header();
  source.catalog_ = view.catalog();
  source.keys_ = std::move(rows);
  source.rows_.reserve(source.keys_.size());
  std::optional<ScopeIndex> scope;
  std::string name;
  for (const RowKey& key : source.keys_) {
    if (scope != key.scope) {
      scope = key.scope;
      name = ScopeName(key.scope, partners);
      RETURN_IF_ERROR(source.CollectTargets(view, key.scope, name));
    }
    ASSIGN_OR_RETURN(auto row, view.Row(name, source.catalog_->measures()[static_cast<size_t>(key.measure)]));
    source.rows_.push_back(std::move(row));
    if (source.header_.parked_facts == 0) continue;
    ASSIGN_OR_RETURN(auto parked, view.ParkedRow(name, source.catalog_->measures()[static_cast<size_t>(key.measure)]));
    source.parked_rows_.push_back(std::move(parked));
  }
  return source;
}

absl::Status EngineSource::CollectTargets(const Engine::View& view, ScopeIndex scope, absl::string_view name) {
  std::string prefix;
  storage::ByteWriter(&prefix).KeyString(name);
  RETURN_IF_ERROR(view.ScanIndex(Index::kTarget, prefix, [&](absl::string_view key, absl::string_view value) {
    storage::ByteReader key_reader(key);
    key_reader.KeyString();
    const std::string metric = key_reader.KeyString();
    const auto kind = static_cast<int>(key_reader.Fixed32());
    if (kind != v1::TARGET_KIND_QUOTA && kind != v1::TARGET_KIND_UNSPECIFIED) return true;
    const Day first = key_reader.KeyI32();
    const Day last = key_reader.KeyI32();
    storage::ByteReader reader(value);
    StatedTarget target;
    target.value = reader.Int128();
    const bool stated = reader.Bool();
    const auto stated_on = static_cast<Day>(reader.Zigzag());
    target.stated_on = stated ? stated_on : first;
    targets_[{scope, metric, {first, last}}].push_back(target);
    return true;
  }));
  // Of several the one stated last counts; among those of one day the keys' order decides, as the scan gives it.
  for (auto& [key, targets] : targets_) {
    std::stable_sort(targets.begin(), targets.end(),
                     [](const StatedTarget& a, const StatedTarget& b) { return a.stated_on < b.stated_on; });
  }
  return absl::OkStatus();
}

const CellRow* EngineSource::Find(const Rows& rows, const RowKey& row) const {
  const auto it = std::lower_bound(keys_.begin(), keys_.end(), row);
  return it != keys_.end() && *it == row && !rows.empty() ? &rows[static_cast<size_t>(it - keys_.begin())] : nullptr;
}

int64_t EngineSource::ParkedFacts(const RowKey& row, Day first, Day last) const {
  const CellRow* cells = Find(parked_rows_, row);
  if (cells == nullptr) return 0;
  const bool is_flow = catalog_->measures()[static_cast<size_t>(row.measure)].is_flow();
  return (is_flow ? cells->Range(first, last) : cells->UpTo(last)).count;
}

CellTotals EngineSource::Flow(const RowKey& row, Day first, Day last) const {
  const CellRow* cells = Find(rows_, row);
  if (cells == nullptr || first > last) return {};
  const CellRow::Totals totals = cells->Range(first, last);
  return {totals.count, totals.sum};
}

CellTotals EngineSource::Stock(const RowKey& row, Day as_of) const {
  const CellRow* cells = Find(rows_, row);
  if (cells == nullptr) return {};
  const CellRow::Totals totals = cells->UpTo(as_of);
  return {totals.count, totals.sum};
}

std::optional<Day> EngineSource::FirstDay(const RowKey& row) const {
  const CellRow* cells = Find(rows_, row);
  return cells == nullptr ? std::nullopt : cells->FirstDay();
}

std::optional<Nanos> EngineSource::Target(absl::string_view metric, ScopeIndex scope, Day first, Day last,
                                          Day as_of) const {
  const auto it = targets_.find({scope, std::string(metric), {first, last}});
  if (it == targets_.end()) return std::nullopt;
  std::optional<Nanos> known;
  for (const StatedTarget& target : it->second) {
    if (target.stated_on <= as_of) known = target.value;
  }
  return known;
}

int64_t EngineSource::FreshAtMicros(const RowKey& row) const {
  const auto it = header_.fresh_at_us.find(catalog_->measures()[static_cast<size_t>(row.measure)].fact->kind());
  return it == header_.fresh_at_us.end() ? 0 : it->second;
}

}  // namespace partnermetrics
