// What a fact adds to the cells, and in which scopes: the part of FactApplier that counts.
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "server/engine/engine.h"
#include "server/engine/fact_applier.h"
#include "server/engine/fact_kinds.h"
#include "server/engine/id_list.h"
#include "server/engine/money.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {

absl::StatusOr<std::optional<StoredFact>> FactApplier::EntityOf(const Generation& by, const std::string& partner_id) {
  std::optional<StoredFact> entity;
  ASSIGN_OR_RETURN(auto value, state_.Get(StateTable::kIndexes, keys_.Of(Index::kPartner, partner_id)));
  if (!value.has_value()) return entity;
  ASSIGN_OR_RETURN(std::vector<FactId> ids, DecodeIds(*value));
  std::vector<PartnerStatement> statements;
  for (FactId& id : ids) {
    ASSIGN_OR_RETURN(auto fact, Get(id));
    statements.push_back({std::move(id), std::move(fact->fact)});
  }
  const v1::Program& program = by.catalog == nullptr ? v1::Program::default_instance() : by.catalog->program();
  SortByPrecedence(program, statements);
  entity.emplace().fact = MergeStatements(statements).SerializeAsString();
  entity->resolution.partners.push_back({partner_id, 0, kNanosPerUnit});
  return entity;
}

absl::Status FactApplier::CountPartner(const std::string& partner_id, int sign) {
  cells_.Touch(scopes_.Id(PartnerScope(partner_id)));
  Generation& by = GenerationOf(partner_id);
  ASSIGN_OR_RETURN(const std::optional<StoredFact> entity, EntityOf(by, partner_id));
  if (!entity.has_value()) return absl::OkStatus();
  return CountCells(by, {PartnerKind(), "", partner_id}, *entity, nullptr, sign, CountFilter());
}

absl::Status FactApplier::CountTarget(const FactId& id, const StoredFact& fact, int sign) {
  const FactSchema& schema = TargetSchema();
  FactRow& row = Row(schema);
  FieldError error;
  if (!row.Decode(fact.fact, "", &error)) return absl::OkStatus();
  const auto value_of = [&](absl::string_view name) -> const Value& { return row[schema.Find(name)->slot]; };
  const Value& value = value_of("value");
  std::vector<std::string> scopes;
  for (const ResolvedPartner& partner : fact.resolution.partners) scopes.push_back(PartnerScope(partner.partner_id));
  if (scopes.empty() && !fact.resolution.explicitly_partner) scopes.emplace_back(kProgramName);
  for (const std::string& scope : scopes) {
    cells_.Touch(scopes_.Id(scope));
    std::string key = keys_.Target(scope, value_of("metric").text, static_cast<int>(value_of("kind").integer),
                                   static_cast<Day>(value_of("period_start_on").integer),
                                   static_cast<Day>(value_of("period_end_on").integer));
    Keys::AppendFact(key, id);
    if (sign < 0) {
      state_.Delete(StateTable::kIndexes, std::move(key));
      continue;
    }
    std::string encoded;
    const Value& stated = value_of("stated_on");
    storage::ByteWriter(&encoded).Int128(value.decimal).Bool(!stated.is_null()).Zigzag(stated.integer);
    state_.Put(StateTable::kIndexes, std::move(key), std::move(encoded));
  }
  return absl::OkStatus();
}

absl::Status FactApplier::CountAgain(const FactId& id, const Counted& before, const Counted& now, Header& header) {
  if (before.fact == nullptr) return Count(*now.by, id, *now.fact, now.root, +1, header);
  const auto same_row = [](const StoredFact* a, const StoredFact* b) {
    if (a == nullptr || b == nullptr) return a == b;
    return a->fact == b->fact && a->resolution.rates == b->resolution.rates;
  };
  difference_.Begin(before.by == now.by && same_row(before.fact, now.fact) && same_row(before.root, now.root));
  RETURN_IF_ERROR(Count(*before.by, id, *before.fact, before.root, -1, header));
  RETURN_IF_ERROR(Count(*now.by, id, *now.fact, now.root, +1, header));
  return difference_.AddTo(cells_);
}

absl::Status FactApplier::Contribute(const Generation& by, absl::Span<const uint32_t> scopes, const FactId& id,
                                     const EvalContext& context, const Contributing& how) {
  if (scopes.empty()) return absl::OkStatus();
  contributions_.clear();
  entries_.clear();
  // Pieces in time are rare, and too many to be compared.
  const bool is_compared = difference_.is_open() && how.days == nullptr;
  const auto with_sign = [sign = is_compared ? 1 : how.sign](Contribution contribution) {
    contribution.contributions *= sign;
    contribution.count *= sign;
    contribution.sum *= sign;
    return contribution;
  };
  const auto measures = by.catalog->measures_of(context.row->schema().kind());
  const auto is_wanted = [&](size_t index) {
    return (!how.by_scope || by.by_scope[index] == *how.by_scope) &&
           (how.measures == nullptr || (*how.measures)[index]);
  };
  std::string key;
  const auto contribute = [&](const CompiledMeasure& measure, const EvalContext& shown) {
    ContributionList list = ContributionsOf(measure, shown);
    if (how.days != nullptr) list = Within(measure, list, *how.days);
    if (list.empty()) return;
    const uint32_t row = measure.by == nullptr ? by.measure_ids[static_cast<size_t>(measure.index)]
                                               : measure_names_.Id(SplitRowName(measure, shown));
    if (!measure.has_entries()) {
      for (const Contribution& c : list) contributions_.push_back({row, with_sign(c)});
    } else if (EntryKey(measure, shown, FactBytes(id), key)) {
      for (const Contribution& c : list) entries_.push_back({row, key, with_sign(c)});
    }
  };
  for (const CompiledMeasure* measure : measures) {
    if (!is_wanted(static_cast<size_t>(measure->index))) continue;
    ForEachPartnership(*measure, context, [&](const EvalContext& shown) { contribute(*measure, shown); });
  }
  for (const CompiledMeasure* measure : measures) {
    if (!context.row->parked()) break;
    const auto index = static_cast<size_t>(measure->index);
    if (!is_wanted(index)) continue;
    ContributionList list = ParkedContributionsOf(*measure, context);
    if (how.days != nullptr) list = Within(*measure, list, *how.days);
    for (const Contribution& c : list) contributions_.push_back({by.parked_ids[index], with_sign(c)});
  }
  if (is_compared) {
    difference_.Take(how.as, scopes, contributions_, entries_, how.sign);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(cells_.Add(scopes, contributions_));
  return cells_.Add(scopes, entries_);
}

absl::Status FactApplier::CountCells(Generation& by, const FactId& id, const StoredFact& fact, const StoredFact* root,
                                     int sign, const CountFilter& filter) {
  if (by.catalog == nullptr || by.catalog->measures_of(id.kind).empty()) return absl::OkStatus();
  const FactSchema& schema = SchemaOf(id);
  const std::string& currency = by.catalog->program().currency_code();
  FactRow& row = Row(schema);
  FieldError error;
  if (!row.Decode(fact.fact, currency, &error)) return absl::OkStatus();
  ConvertMoney(fact.resolution.rates, row);
  FactRow* root_row = nullptr;
  if (root != nullptr && schema.root_schema() != nullptr) {
    root_row = &Row(*schema.root_schema());
    if (root_row->Decode(root->fact, currency, &error)) {
      ConvertMoney(root->resolution.rates, *root_row);
    } else {
      root_row = nullptr;
    }
  }
  // The row that carries role and credited amount: the fact's own or its root's.
  FactRow* role_row = schema.role_slot() >= 0 ? &row : nullptr;
  if (root_row != nullptr && root_row->schema().role_slot() >= 0) role_row = root_row;

  const Resolution& resolution = fact.resolution;
  const EvalContext context{&row, root_row, &by.catalog->zone()};
  Segments segments;
  if (!by.segments.empty() && !resolution.partners.empty()) {
    ASSIGN_OR_RETURN(segments, SegmentsOf(by, id, resolution, filter.segments));
  }
  // Scopes that see the programme's view of roles, and behind them those that see that of some partners.
  absl::InlinedVector<uint32_t, 8> scopes;
  if (filter.whole) {
    const WholeScopes whole = WholeScopesOf(schema, resolution);
    scopes.push_back(business_);
    if (whole.program) scopes.push_back(program_);
    if (whole.direct) scopes.push_back(direct_);
  }
  const size_t shared = scopes.size();
  if (filter.whole) {
    for (const ResolvedPartner& partner : resolution.partners) {
      scopes.push_back(scopes_.Id(PartnerScope(partner.partner_id)));
    }
  }
  const size_t partners = scopes.size() - shared;
  for (const SegmentCount& segment : segments.always) scopes.push_back(segment.scope);

  Contributing how{sign, CountedAs::kEverywhere, filter.measures, false, nullptr};
  if (role_row != nullptr) SetRoleFields(role_row->schema(), resolution, *role_row);
  const bool is_again = sign > 0 && difference_.TakeAgain(scopes);
  if (!is_again) RETURN_IF_ERROR(Contribute(by, scopes, id, context, how));
  how.by_scope = true;
  how.as = CountedAs::kWhole;
  RETURN_IF_ERROR(Contribute(by, absl::MakeConstSpan(scopes).first(shared), id, context, how));
  how.as = CountedAs::kPartners;
  if (role_row != nullptr) {
    for (size_t i = 0; i < partners; ++i) {
      const int partner = static_cast<int>(i);
      SetRoleFields(role_row->schema(), resolution, {&partner, 1}, *role_row);
      RETURN_IF_ERROR(Contribute(by, {&scopes[shared + i], 1}, id, context, how));
    }
    for (const SegmentCount& segment : segments.always) {
      SetRoleFields(role_row->schema(), resolution, segment.piece.partners, *role_row);
      RETURN_IF_ERROR(Contribute(by, {&segment.scope, 1}, id, context, how));
    }
  }
  how.by_scope = std::nullopt;
  for (const SegmentCount& segment : segments.at_times) {
    if (role_row != nullptr) SetRoleFields(role_row->schema(), resolution, segment.piece.partners, *role_row);
    how.days = &segment.piece.days;
    RETURN_IF_ERROR(Contribute(by, {&segment.scope, 1}, id, context, how));
  }
  return absl::OkStatus();
}

}  // namespace partnermetrics
