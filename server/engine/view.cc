// What readers see of an engine.
#include "absl/strings/str_cat.h"
#include "server/engine/engine.h"
#include "server/engine/partner_facts.h"
#include "server/engine/segment_table.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {

// Waits at the gate, so that a waiting applier comes before further readers.
Engine::View::View(Engine& engine) PM_NO_THREAD_SAFETY_ANALYSIS : engine_(engine) {
  MutexLock gate(&engine.gate_);
  engine.mutex_.lock_shared();
}

Engine::View::~View() PM_NO_THREAD_SAFETY_ANALYSIS {
  engine_.mutex_.unlock_shared();
}

const Header& Engine::View::header() const PM_NO_THREAD_SAFETY_ANALYSIS {
  return engine_.published_.header;
}

std::shared_ptr<const Catalog> Engine::View::catalog() const PM_NO_THREAD_SAFETY_ANALYSIS {
  return engine_.published_.catalog;
}

std::shared_ptr<const Incomplete> Engine::View::incomplete() const PM_NO_THREAD_SAFETY_ANALYSIS {
  return engine_.published_.incomplete;
}

absl::StatusOr<std::vector<log::v1::JobRecord>> Engine::View::Jobs() const {
  std::vector<log::v1::JobRecord> jobs;
  bool damaged = false;
  RETURN_IF_ERROR(ScanIndex(Index::kJob, "", [&](absl::string_view, absl::string_view value) {
    damaged = damaged || !jobs.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size()));
    return true;
  }));
  if (damaged) return absl::DataLossError("a stored job is damaged");
  return jobs;
}

absl::StatusOr<CellRow> Engine::View::Row(absl::string_view scope, const CompiledMeasure& measure) const {
  return engine_.cells_.Read(engine_.scopes_.Id(scope), engine_.measures_.Id(measure.id));
}

absl::StatusOr<std::vector<CellRow>> Engine::View::Rows(absl::string_view scope,
                                                        absl::Span<const absl::string_view> names) const {
  return engine_.cells_.Read(engine_.scopes_.Id(scope), engine_.measures_.Ids(names));
}

absl::StatusOr<std::map<std::string, CellRow>> Engine::View::SplitRows(absl::string_view scope,
                                                                       const CompiledMeasure& measure) const {
  ASSIGN_OR_RETURN(auto rows, engine_.cells_.ReadAll(engine_.scopes_.Id(scope), absl::StrCat(measure.id, "[")));
  std::map<std::string, CellRow> by_value;
  for (auto& [name, row] : rows) {
    by_value.emplace(name.substr(measure.id.size() + 1, name.size() - measure.id.size() - 2), std::move(row));
  }
  return by_value;
}

uint64_t Engine::View::ChangedScopes(uint64_t since, const std::function<void(const std::string& scope)>& visit) const {
  return engine_.cells_.ChangedSince(since, [&](uint32_t scope) { visit(engine_.scopes_.Name(scope)); });
}

absl::StatusOr<std::map<std::string, CellRow>> Engine::View::AllRows(absl::string_view scope) const {
  return engine_.cells_.ReadAll(engine_.scopes_.Id(scope), "");
}

absl::StatusOr<std::optional<StoredFact>> Engine::View::Fact(const FactId& id) const {
  ASSIGN_OR_RETURN(auto value, engine_.state_.Read(StateTable::kFacts, keys().Fact(id)));
  if (!value.has_value()) return std::optional<StoredFact>();
  ASSIGN_OR_RETURN(StoredFact fact, DecodeFact(*value));
  return std::optional<StoredFact>(std::move(fact));
}

absl::Status Engine::View::ScanFacts(int kind,
                                     const std::function<bool(const FactId&, const StoredFact&)>& visit) const {
  const std::string prefix = kind == 0 ? keys().program() : keys().FactKind(kind);
  absl::Status decoded;
  RETURN_IF_ERROR(
      engine_.state_.ReadScan(StateTable::kFacts, prefix, prefix, [&](absl::string_view key, absl::string_view value) {
        absl::StatusOr<StoredFact> fact = DecodeFact(value);
        decoded = fact.status();
        return decoded.ok() && visit(keys().ReadFactKey(key), *fact);
      }));
  return decoded;
}

absl::StatusOr<std::vector<AliasClaim>> Engine::View::Claims(const ReferenceKey& reference) const {
  ASSIGN_OR_RETURN(auto value, engine_.state_.Read(StateTable::kIndexes, keys().Of(Index::kAlias, reference)));
  if (!value.has_value()) return std::vector<AliasClaim>();
  return DecodeClaims(*value);
}

absl::Status Engine::View::ScanIndex(
    Index index, absl::string_view prefix,
    const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const {
  const std::string own = keys().Of(index);
  const std::string full = absl::StrCat(own, prefix);
  return engine_.state_.ReadScan(StateTable::kIndexes, full, full, [&](absl::string_view key, absl::string_view value) {
    return visit(key.substr(own.size()), value);
  });
}

absl::Status Engine::View::ScanCellScopes(const std::function<void(const std::string& scope)>& visit) const {
  std::string last;
  return engine_.store_.Scan(StateTable::kCells, keys().program(), keys().program(),
                             [&](absl::string_view key, absl::string_view) {
                               std::string scope = storage::ByteReader(key.substr(keys().program().size())).KeyString();
                               if (scope != last) visit(last = std::move(scope));
                               return true;
                             });
}

absl::StatusOr<std::optional<std::string>> Engine::View::IndexValue(Index index, absl::string_view name) const {
  return engine_.state_.Read(StateTable::kIndexes, keys().Of(index, name));
}

absl::StatusOr<SegmentSpans> Engine::View::SegmentsOf(absl::string_view partner_id) const {
  const auto read = [this](const std::string& key) { return engine_.state_.Read(StateTable::kIndexes, key); };
  return ReadSpans(keys(), catalog()->program(), catalog()->zone(), partner_id, read);
}

absl::StatusOr<std::set<FactId>> Engine::View::FactsOf(absl::string_view partner_id, const FactSchema& schema) const {
  const auto scan = [this](const std::string& prefix, const VisitIndex& visit) {
    return engine_.state_.ReadScan(StateTable::kIndexes, prefix, prefix, visit);
  };
  PartnerFactsReader reader(keys(), scan, [this](const FactId& id) { return Fact(id); });
  return reader.Find(partner_id, schema);
}

}  // namespace partnermetrics
