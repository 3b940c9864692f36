#include "server/engine/fact_applier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/engine/engine.h"
#include "server/engine/fact_kinds.h"
#include "server/engine/id_list.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

// Bounds the memory of resolved mentions.
constexpr size_t kMostMentioned = 50'000;

}  // namespace

FactApplier::FactApplier(const Keys& keys, StateOverlay& state, CellTable& cells, AliasTable& aliases, Interner& scopes,
                         Interner& measures)
    : keys_(keys),
      state_(state),
      cells_(cells),
      aliases_(aliases),
      parts_(kPartTables, keys, state),
      won_deals_(kWonDealTables, keys, state),
      scopes_(scopes),
      measure_names_(measures),
      business_(scopes.Id(kBusinessName)),
      direct_(scopes.Id(kDirectName)),
      program_(scopes.Id(kProgramName)),
      now_(std::make_unique<Generation>(keys, state)),
      segment_moves_(keys, state) {
  for (const FactSchema* schema : FactSchemas::Get().all()) {
    const FactSchema* root = schema->root_schema();
    if (root == nullptr) continue;
    if (is_root_.size() <= static_cast<size_t>(root->kind())) is_root_.resize(static_cast<size_t>(root->kind()) + 1);
    is_root_[static_cast<size_t>(root->kind())] = true;
  }
}

void FactApplier::SetDefinitions(std::shared_ptr<const Catalog> catalog, uint64_t position) {
  now_ = catalog == nullptr ? std::make_unique<Generation>(keys_, state_)
                            : std::make_unique<Generation>(keys_, state_, measure_names_, std::move(catalog), position);
  next_ = nullptr;
  scan_.reset();
}

FactRow& FactApplier::Row(const FactSchema& schema) {
  auto& row = rows_[schema.kind()];
  if (row == nullptr) row = std::make_unique<FactRow>(schema);
  return *row;
}

absl::StatusOr<std::optional<StoredFact>> FactApplier::Get(const FactId& id) const {
  ASSIGN_OR_RETURN(auto value, state_.Get(StateTable::kFacts, keys_.Fact(id)));
  if (!value.has_value()) return std::optional<StoredFact>();
  ASSIGN_OR_RETURN(StoredFact fact, DecodeFact(*value));
  return std::optional<StoredFact>(std::move(fact));
}

void FactApplier::Store(const FactId& id, const StoredFact& fact) {
  std::string key = keys_.Fact(id);
  if (scan_.has_value()) scan_->Stored(key);
  if (segment_scan_.has_value()) segment_scan_->Stored(key);
  state_.Put(StateTable::kFacts, std::move(key), EncodeFact(fact));
}

absl::StatusOr<Applied> FactApplier::Apply(const EventView& event, FactVersion version, uint64_t position,
                                           int64_t stored_at_us, Header& header) {
  now_->segments.Trim();
  if (next_ != nullptr) next_->segments.Trim();
  const FactId id{event.schema->kind(), std::string(event.source), std::string(event.record_id)};
  const absl::string_view content = event.deleted ? absl::string_view() : event.fact;
  ASSIGN_OR_RETURN(std::optional<StoredFact> before, Get(id));

  Applied applied;
  applied.effect = Effect::kApplied;
  StoredFact after;
  if (before.has_value()) {
    applied.effect = JudgeVersion(before->version, before->fact, before->deleted, version, content, event.deleted);
    if (applied.effect == Effect::kUnchanged) return applied;
    const bool superseded = applied.effect == Effect::kSuperseded;
    state_.Put(StateTable::kIndexes, keys_.History(id, superseded ? position : before->position), "");
    if (superseded) return applied;
  }
  after.version = version;
  after.position = position;
  after.deleted = event.deleted;
  after.fact = std::string(content);

  if (before.has_value() && before->deleted == after.deleted && before->fact == after.fact) {
    after.resolution = before->resolution;  // only the version is higher
    Store(id, after);
  } else {
    if (before.has_value() && before->version == version) ++header.conflicts;
    const std::optional<FactId> root_id = RootOf(id, *event.schema, after.fact);
    ASSIGN_OR_RETURN(const std::optional<StoredFact> root, GetRoot(root_id));
    ASSIGN_OR_RETURN(after.resolution, Resolve(GenerationOf(id), id, *event.schema, after, root_id, OrNull(root)));
    if (id.kind == PartnerKind()) {
      RETURN_IF_ERROR(ReplacePartner(id, before, after, stored_at_us, header));
    } else if (id.kind == RateKind()) {
      RETURN_IF_ERROR(ReplaceRate(id, before, after, header));
    } else {
      RETURN_IF_ERROR(Replace(id, OrNull(before), after, GenerationOf(id), header));
    }
  }
  applied.unresolved = after.resolution.unresolved;
  applied.parked = after.resolution.parked;
  return applied;
}

std::optional<FactId> FactApplier::RootOf(const FactId& id, const FactSchema& schema, absl::string_view fact) {
  const FactSchema* root = schema.root_schema();
  if (root == nullptr || fact.empty()) return std::nullopt;
  FactRow& row = Row(schema);
  FieldError error;
  if (!row.Decode(fact, "", &error) || row[schema.root_slot()].is_null()) return std::nullopt;
  return FactId{root->kind(), id.source, std::string(row[schema.root_slot()].text)};
}

absl::StatusOr<std::optional<StoredFact>> FactApplier::GetRoot(const std::optional<FactId>& root_id) const {
  if (!root_id.has_value()) return std::optional<StoredFact>();
  return Get(*root_id);
}

absl::StatusOr<Resolution> FactApplier::Resolve(Generation& by, const FactId& id, const FactSchema& schema,
                                                const StoredFact& fact, const std::optional<FactId>& root_id,
                                                const StoredFact* root) {
  if (fact.deleted) return Resolution();
  ASSIGN_OR_RETURN(Resolution resolution, ResolvePartners(by, id, schema, fact, root_id, root));
  RETURN_IF_ERROR(ResolveMoney(by, schema, fact.fact, resolution));
  return resolution;
}

absl::StatusOr<Resolution> FactApplier::ResolvePartners(Generation& by, const FactId& id, const FactSchema& schema,
                                                        const StoredFact& fact, const std::optional<FactId>& root_id,
                                                        const StoredFact* root) {
  Resolution resolution;
  if (root_id.has_value() && (root == nullptr || root->deleted)) {
    resolution.waiting = true;
  } else if (root_id.has_value()) {
    resolution = root->resolution;
  } else {
    ASSIGN_OR_RETURN(const Mentioned* mentioned, ResolveMentioned(by, schema, fact.fact));
    if (mentioned->nobody && (schema.inherits_from_customer() || id.kind == CustomerKind())) {
      ASSIGN_OR_RETURN(resolution, Inherit(by, id, schema, fact.fact));
    } else {
      resolution = mentioned->resolution;
    }
  }
  return resolution;
}

absl::StatusOr<const Mentioned*> FactApplier::ResolveMentioned(Generation& by, const FactSchema& schema,
                                                               absl::string_view fact) {
  mention_bytes_.clear();
  AppendMentionBytes(schema, fact, mention_bytes_);
  if (const auto it = by.mentioned.find(mention_bytes_); it != by.mentioned.end()) return &it->second;
  const std::vector<PartnerMention> mentions = ReadMentions(schema, fact);
  Mentioned mentioned;
  mentioned.nobody = mentions.empty();
  ASSIGN_OR_RETURN(mentioned.resolution,
                   ResolveMentions(mentions, [&](const ReferenceKey& key) -> absl::StatusOr<std::string> {
                     if (by.IsShared(key)) return std::string();
                     return aliases_.Lookup(key);
                   }));
  if (by.mentioned.size() >= kMostMentioned) by.mentioned.clear();
  return &(by.mentioned[mention_bytes_] = std::move(mentioned));
}

absl::StatusOr<std::vector<FactId>> FactApplier::PartsOf(const FactId& root, bool is_new, const Header& header) const {
  const auto kind = static_cast<size_t>(root.kind);
  if (kind >= is_root_.size() || !is_root_[kind]) return std::vector<FactId>();
  // Most roots are new, and most come before their parts.
  if (is_new && header.waiting_parts == 0) return std::vector<FactId>();
  ASSIGN_OR_RETURN(const std::vector<std::string> entries, parts_.Read(root));
  std::vector<FactId> parts;
  for (const std::string& entry : entries) {
    ASSIGN_OR_RETURN(parts.emplace_back(), DecodeId(entry));
  }
  return parts;
}

absl::Status FactApplier::Replace(const FactId& id, const StoredFact* before, const StoredFact& after, Generation& from,
                                  Header& header) {
  const FactSchema& schema = SchemaOf(id);
  Generation& to = GenerationOf(id);
  ASSIGN_OR_RETURN(std::vector<FactId> part_ids, PartsOf(id, before == nullptr, header));
  std::vector<Part> parts;
  for (FactId& part_id : part_ids) {
    ASSIGN_OR_RETURN(auto part, Get(part_id));
    parts.push_back({std::move(part_id), *part, *part});
  }

  if (before == nullptr || before->fact != after.fact) {
    const absl::string_view before_content = before == nullptr ? absl::string_view() : before->fact;
    IndexReferences(id, schema, before_content, after.fact);
    IndexCustomer(id, schema, before_content, after.fact);
    RETURN_IF_ERROR(IndexPart(id, schema, before_content, after.fact));
  }
  if (before == nullptr || before->fact != after.fact || &from != &to) {
    if (before != nullptr) IndexMoney(from, id, schema, *before, false);
    IndexMoney(to, id, schema, after, true);
  }
  if (before == nullptr || !(*before == after)) Store(id, after);
  for (Part& part : parts) {
    ASSIGN_OR_RETURN(part.after.resolution,
                     Resolve(GenerationOf(part.id), part.id, SchemaOf(part.id), part.after, id, &after));
    if (!(part.after.resolution == part.before.resolution)) Store(part.id, part.after);
  }

  // What is counted depends on nothing that was stored here.
  std::optional<StoredFact> old_root;
  if (before != nullptr) {
    ASSIGN_OR_RETURN(old_root, GetRoot(RootOf(id, schema, before->fact)));
  }
  ASSIGN_OR_RETURN(const std::optional<StoredFact> root, GetRoot(RootOf(id, schema, after.fact)));
  RETURN_IF_ERROR(CountAgain(id, {&from, before, OrNull(old_root)}, {&to, &after, OrNull(root)}, header));
  for (const Part& part : parts) {
    Generation& by = GenerationOf(part.id);
    RETURN_IF_ERROR(CountAgain(part.id, {&by, &part.before, before}, {&by, &part.after, &after}, header));
  }
  if (id.kind == CustomerKind()) RETURN_IF_ERROR(FollowCustomer(id, before, after));
  return id.kind == DealKind() ? FollowDeal(id, before, after, from, header) : absl::OkStatus();
}

absl::Status FactApplier::Count(Generation& by, const FactId& id, const StoredFact& fact, const StoredFact* root,
                                int sign, Header& header) {
  if (fact.deleted) return absl::OkStatus();
  header.facts += sign;
  if (fact.resolution.waiting) {
    header.waiting_parts += sign;
    return absl::OkStatus();
  }
  if (fact.resolution.parked) header.parked_facts += sign;
  if (fact.resolution.unresolved) {
    header.unresolved_facts += sign;
    std::string unresolved_key = keys_.Of(Index::kUnresolved, "", id);
    if (sign > 0) {
      ReferenceKey shown;
      for (const PartnerMention& mention : ReadMentions(SchemaOf(id), fact.fact)) {
        bool known = false;
        for (const ReferenceKey& reference : mention.references) {
          ASSIGN_OR_RETURN(std::string partner, aliases_.Lookup(reference));
          known = known || (!partner.empty() && !by.IsShared(reference));
        }
        if (!known && shown.empty()) shown = mention.references.front();
      }
      state_.Put(StateTable::kIndexes, std::move(unresolved_key), shown);
    } else {
      state_.Delete(StateTable::kIndexes, std::move(unresolved_key));
    }
  }
  for (const ResolvedPartner& partner : fact.resolution.partners) fact_counts_[partner.partner_id] += sign;
  if (id.kind == TargetSchema().kind()) RETURN_IF_ERROR(CountTarget(id, fact, sign));
  // Measures about partners read entities, so that a partner of several sources is counted once.
  if (id.kind == PartnerKind()) return absl::OkStatus();
  return CountCells(by, id, fact, root, sign, CountFilter());
}

absl::Status FactApplier::ReplacePartner(const FactId& id, const std::optional<StoredFact>& before,
                                         const StoredFact& after, int64_t stored_at_us, Header& header) {
  std::set<std::string> concerned;
  for (const StoredFact* fact : {OrNull(before), &after}) {
    if (fact != nullptr && !fact->deleted) concerned.insert(StatedPartner(id.source, id.record_id, fact->fact));
  }
  ASSIGN_OR_RETURN(PartnerStatements statements, StatementsOf(concerned));
  for (const std::string& partner : concerned) RETURN_IF_ERROR(CountPartner(partner, -1));
  RETURN_IF_ERROR(Replace(id, OrNull(before), after, GenerationOf(id), header));
  RETURN_IF_ERROR(IndexPartner(id, before, after, header));
  RETURN_IF_ERROR(now_->segments.Learn(id, stored_at_us, after.fact));
  RETURN_IF_ERROR(MoveSegments(std::move(statements)));
  for (const std::string& partner : concerned) RETURN_IF_ERROR(CountPartner(partner, +1));
  return absl::OkStatus();
}

absl::Status FactApplier::EndBatch() {
  for (const auto& [partner, change] : fact_counts_) {
    if (change == 0) continue;
    const std::string key = keys_.Of(Index::kFactCount, partner);
    ASSIGN_OR_RETURN(auto value, state_.Get(StateTable::kIndexes, key));
    int64_t count = change;
    if (value.has_value()) count += storage::ByteReader(*value).Zigzag();
    if (count == 0) {
      state_.Delete(StateTable::kIndexes, key);
      continue;
    }
    std::string encoded;
    storage::ByteWriter(&encoded).Zigzag(count);
    state_.Put(StateTable::kIndexes, key, std::move(encoded));
  }
  fact_counts_.clear();
  return absl::OkStatus();
}

void FactApplier::IndexReferences(const FactId& id, const FactSchema& schema, absl::string_view before,
                                  absl::string_view after) {
  const auto references_of = [&](absl::string_view fact) {
    std::vector<ReferenceKey> references;
    for (PartnerMention& mention : ReadMentions(schema, fact)) {
      std::move(mention.references.begin(), mention.references.end(), std::back_inserter(references));
    }
    std::sort(references.begin(), references.end());
    return references;
  };
  const std::vector<ReferenceKey> old = references_of(before), now = references_of(after);
  for (const ReferenceKey& reference : old) {
    if (std::binary_search(now.begin(), now.end(), reference)) continue;
    std::string key = keys_.Of(Index::kReference, reference);
    state_.Put(StateTable::kIndexes, keys_.Left(key, id), "");
    Keys::AppendFact(key, id);
    state_.Delete(StateTable::kIndexes, std::move(key));
  }
  for (const ReferenceKey& reference : now) {
    if (std::binary_search(old.begin(), old.end(), reference)) continue;
    state_.Put(StateTable::kIndexes, keys_.Of(Index::kReference, reference, id), "");
  }
}

absl::Status FactApplier::IndexPart(const FactId& id, const FactSchema& schema, absl::string_view before,
                                    absl::string_view after) {
  const std::optional<FactId> old = RootOf(id, schema, before), now = RootOf(id, schema, after);
  if (old == now) return absl::OkStatus();
  const std::string entry = FactBytes(id);
  if (old.has_value()) {
    state_.Put(StateTable::kIndexes, keys_.Left(keys_.Of(Index::kParts, *old), id), "");
    RETURN_IF_ERROR(parts_.Change(*old, entry, "").status());
  }
  return now.has_value() ? parts_.Change(*now, "", entry).status() : absl::OkStatus();
}

absl::Status FactApplier::IndexPartner(const FactId& id, const std::optional<StoredFact>& before,
                                       const StoredFact& after, Header& header) {
  struct Statement {
    std::string partner;
    bool states = false;  // its fields describe the partner; a merged record only leads to it
    std::vector<ReferenceKey> claims;
  };
  const auto statement_of = [&](const StoredFact& fact) {
    Statement statement;
    if (fact.deleted) return statement;
    statement.partner = StatedPartner(id.source, id.record_id, fact.fact);
    statement.states = statement.partner == StatedPartner(id.source, id.record_id, "");
    statement.claims = ClaimedReferences(id.source, id.record_id, fact.fact);
    return statement;
  };
  const Statement old = before.has_value() ? statement_of(*before) : Statement();
  const Statement now = statement_of(after);
  const AliasClaim old_claim{old.partner, absl::StrCat("fact:", id.source, "/", id.record_id)};
  const AliasClaim now_claim{now.partner, old_claim.claimant};

  if (old.states && !(now.states && now.partner == old.partner)) {
    ASSIGN_OR_RETURN(bool gone, ChangeIdList(state_, keys_.Of(Index::kPartner, old.partner), id, false));
    if (gone) --header.partners;
  }
  if (now.states && !(old.states && now.partner == old.partner)) {
    ASSIGN_OR_RETURN(bool is_new, ChangeIdList(state_, keys_.Of(Index::kPartner, now.partner), id, true));
    if (is_new) ++header.partners;
  }
  // All claims change before any fact is resolved anew, so that no state in between is seen.
  if (old.partner == now.partner) {
    std::vector<ReferenceKey> removed, added;
    std::set_difference(old.claims.begin(), old.claims.end(), now.claims.begin(), now.claims.end(),
                        std::back_inserter(removed));
    std::set_difference(now.claims.begin(), now.claims.end(), old.claims.begin(), old.claims.end(),
                        std::back_inserter(added));
    RETURN_IF_ERROR(ChangeClaims(removed, old_claim, false));
    return ChangeClaims(added, now_claim, true);
  }
  RETURN_IF_ERROR(ChangeClaims(old.claims, old_claim, false));
  return ChangeClaims(now.claims, now_claim, true);
}

absl::Status FactApplier::ChangeClaims(const std::vector<ReferenceKey>& references, const AliasClaim& claim, bool add) {
  for (const ReferenceKey& reference : references) {
    ASSIGN_OR_RETURN(const bool leads_elsewhere, aliases_.Change(reference, claim, add));
    if (!leads_elsewhere) continue;
    now_->mentioned.clear();
    if (next_ != nullptr) next_->mentioned.clear();
    std::string prefix = keys_.Of(Index::kReference, reference);
    const size_t fact_at = prefix.size();
    unsettled_.push_back({prefix, prefix, "", fact_at});
  }
  return absl::OkStatus();
}

absl::Status FactApplier::ResolveAgain(const FactId& id, Header& header) {
  ASSIGN_OR_RETURN(const std::optional<StoredFact> before, Get(id));
  if (!before.has_value()) return absl::DataLossError("an index names a fact that is not there");
  const FactSchema& schema = SchemaOf(id);
  const std::optional<FactId> root_id = RootOf(id, schema, before->fact);
  ASSIGN_OR_RETURN(const std::optional<StoredFact> root, GetRoot(root_id));
  StoredFact after = *before;
  Generation& by = GenerationOf(id);
  ASSIGN_OR_RETURN(after.resolution, Resolve(by, id, schema, after, root_id, OrNull(root)));
  if (after.resolution == before->resolution) return absl::OkStatus();
  ++moved_;
  return Replace(id, &*before, after, by, header);
}

absl::StatusOr<int64_t> FactApplier::Settle(int64_t most, Header& header) {
  int64_t settled = 0;
  std::vector<FactId> facts;
  while (!unsettled_.empty() && settled < most) {
    FactRange range = std::move(unsettled_.front());
    unsettled_.pop_front();
    if (IsSegmentMove(range)) {
      const std::string partner = segment_moves_.PartnerOf(range.prefix);
      ASSIGN_OR_RETURN(const int64_t moved, MoveFacts(partner, most - settled));
      settled += moved;
      if (segment_moves_.Has(partner)) unsettled_.push_back(std::move(range));
      continue;
    }
    facts.clear();
    bool more = false;
    // Read before anything is settled, which changes what is read here.
    RETURN_IF_ERROR(
        state_.Scan(StateTable::kIndexes, range.prefix, range.next, [&](absl::string_view key, absl::string_view) {
          if (!range.end.empty() && key >= range.end) return false;
          more = static_cast<int64_t>(facts.size()) == most - settled;
          if (more) {
            range.next = std::string(key);
            return false;
          }
          storage::ByteReader reader(key.substr(range.fact_at));
          facts.push_back(Keys::ReadFactId(reader));
          return true;
        }));
    settled += static_cast<int64_t>(facts.size());
    for (const FactId& id : facts) RETURN_IF_ERROR(ResolveAgain(id, header));
    // Behind what hangs on these facts, so that it does not pile up.
    if (more) unsettled_.push_back(std::move(range));
  }
  segment_moves_.Store();
  return settled;
}

absl::StatusOr<int64_t> FactApplier::CountEntries(FactRange& range, int64_t most) const {
  int64_t entries = 0;
  RETURN_IF_ERROR(
      state_.Scan(StateTable::kIndexes, range.prefix, range.next, [&](absl::string_view key, absl::string_view) {
        if (!range.end.empty() && key >= range.end) return false;
        if (entries == most) {
          range.next = std::string(key);
          return false;
        }
        ++entries;
        return true;
      }));
  return entries;
}

}  // namespace partnermetrics
