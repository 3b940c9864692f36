// Other definitions: the part of FactApplier that takes facts and partners over to them, one by one.
#include <utility>

#include "server/engine/fact_applier.h"
#include "server/engine/fact_kinds.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
Generation& FactApplier::GenerationOf(const FactId& id) {
  if (next_ == nullptr) return *now_;
  return keys_.Fact(id) <= migrated_.fact ? *next_ : *now_;
}

Generation& FactApplier::GenerationOf(const std::string& partner_id) {
  if (next_ == nullptr) return *now_;
  return keys_.Of(Index::kPartner, partner_id) <= migrated_.partner ? *next_ : *now_;
}

void FactApplier::BeginMigration(std::shared_ptr<const Catalog> catalog, uint64_t position, MigrationPlace place) {
  change_ = DefinitionsChange(now_->catalog.get(), *catalog);
  next_ = std::make_unique<Generation>(keys_, state_, measure_names_, std::move(catalog), position);
  migrated_ = std::move(place);
  scan_.emplace(state_, keys_.program());
}

void FactApplier::EndMigration() {
  now_ = std::exchange(next_, nullptr);
  scan_.reset();
}

absl::StatusOr<int64_t> FactApplier::Migrate(int64_t most, Header& header) {
  if (most == 0) return 0;
  ASSIGN_OR_RETURN(const int64_t facts, MigrateFacts(most, header));
  if (facts == most) return facts;
  ASSIGN_OR_RETURN(const int64_t partners, MigratePartners(most - facts));
  return facts + partners;
}

absl::StatusOr<int64_t> FactApplier::MigrateFacts(int64_t most, Header& header) {
  // From the key behind the last one.
  std::string from = keys_.program();
  if (!migrated_.fact.empty()) from = migrated_.fact + '\0';
  RETURN_IF_ERROR(scan_->Read(std::move(from), static_cast<size_t>(most)));
  int64_t facts = 0;
  for (;; ++facts) {
    ASSIGN_OR_RETURN(const bool is_there, scan_->Next());
    if (!is_there) return facts;
    migrated_.fact.assign(scan_->key().data(), scan_->key().size());
    const FactId id = keys_.ReadFactKey(migrated_.fact);
    if (!change_.resolves && !change_.kinds.contains(id.kind)) continue;
    RETURN_IF_ERROR(DecodeFact(scan_->value(), scanned_));
    RETURN_IF_ERROR(change_.resolves ? MigrateFact(id, scanned_, header) : CountChange(id, scanned_));
  }
}

absl::Status FactApplier::MigrateFact(const FactId& id, const StoredFact& before, Header& header) {
  if (before.deleted) return absl::OkStatus();
  const FactSchema& schema = SchemaOf(id);
  const std::optional<FactId> root_id = RootOf(id, schema, before.fact);
  ASSIGN_OR_RETURN(const std::optional<StoredFact> root, GetRoot(root_id));
  ASSIGN_OR_RETURN(Resolution resolution, ResolvePartners(*next_, id, schema, before, root_id, OrNull(root)));
  if (change_.converts) {
    RETURN_IF_ERROR(ResolveMoney(*next_, schema, before.fact, resolution));
  } else {
    resolution.rates = before.resolution.rates;
    resolution.parked = before.resolution.parked;
  }
  if (!change_.counts && resolution == before.resolution) return CountChange(id, before);
  StoredFact after = before;
  after.resolution = std::move(resolution);
  return Replace(id, &before, after, *now_, header);
}

absl::Status FactApplier::CountChange(const FactId& id, const StoredFact& fact) {
  if (!change_.kinds.contains(id.kind)) return absl::OkStatus();
  if (fact.deleted || fact.resolution.waiting || id.kind == PartnerKind()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<StoredFact> root, GetRoot(RootOf(id, SchemaOf(id), fact.fact)));
  return CountChange(id, fact, OrNull(root));
}

absl::Status FactApplier::CountChange(const FactId& id, const StoredFact& fact, const StoredFact* root) {
  const auto count = [&](Generation& by, int sign, const DefinitionsChange::Side& side) -> absl::Status {
    if (side.any_measures) RETURN_IF_ERROR(CountCells(by, id, fact, root, sign, {&side.measures, nullptr, true}));
    if (!side.any_segments) return absl::OkStatus();
    return CountCells(by, id, fact, root, sign, {&side.others, &side.segments, false});
  };
  RETURN_IF_ERROR(count(*now_, -1, change_.before));
  return count(*next_, +1, change_.after);
}

absl::StatusOr<int64_t> FactApplier::MigratePartners(int64_t most) {
  const std::string prefix = keys_.Of(Index::kPartner);
  std::vector<std::string> keys;
  RETURN_IF_ERROR(state_.Scan(StateTable::kIndexes, prefix,
                              migrated_.partner.empty() ? prefix : migrated_.partner + '\0',
                              [&](absl::string_view key, absl::string_view) {
                                if (static_cast<int64_t>(keys.size()) == most) return false;
                                keys.emplace_back(key);
                                return true;
                              }));
  for (std::string& key : keys) {
    const std::string partner = storage::ByteReader(absl::string_view(key).substr(prefix.size())).KeyString();
    const FactId id{PartnerKind(), "", partner};
    ASSIGN_OR_RETURN(const std::optional<StoredFact> before, EntityOf(*now_, partner));
    migrated_.partner = std::move(key);
    if (!change_.counts) {
      if (change_.kinds.contains(PartnerKind())) RETURN_IF_ERROR(CountChange(id, *before, nullptr));
      continue;
    }
    RETURN_IF_ERROR(CountCells(*now_, id, *before, nullptr, -1, CountFilter()));
    ASSIGN_OR_RETURN(const std::optional<StoredFact> after, EntityOf(*next_, partner));
    RETURN_IF_ERROR(CountCells(*next_, id, *after, nullptr, +1, CountFilter()));
  }
  return static_cast<int64_t>(keys.size());
}

}  // namespace partnermetrics
