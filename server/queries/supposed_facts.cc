#include "server/queries/supposed_facts.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/engine/money.h"
#include "server/engine/resolution.h"
#include "server/facts/event_view.h"
#include "server/ingest/prepare.h"

namespace partnermetrics {
namespace {

constexpr int kMostFacts = 1'000;
constexpr char kSource[] = "what-if";

std::string FieldOf(int index, absl::string_view field) {
  return absl::StrCat("facts[", index, "].", field);
}

}  // namespace

absl::Status SupposedFacts::Add(const google::protobuf::RepeatedPtrField<v1::Event>& events) {
  if (events.size() > kMostFacts) {
    return InvalidField("facts", "TOO_MANY", absl::StrCat("at most ", kMostFacts, " facts may be supposed"));
  }
  for (int i = 0; i < events.size(); ++i) {
    FactId id;
    ASSIGN_OR_RETURN(StoredFact fact, ReadEvent(events[i], i, id));
    facts_[id] = std::move(fact);
  }
  // A root that changes changes its parts.
  std::set<FactId> concerned;
  for (const auto& [id, fact] : facts_) {
    concerned.insert(id);
    for (const FactSchema* schema : FactSchemas::Get().all()) {
      if (schema->root_schema() == nullptr || schema->root_schema()->kind() != id.kind) continue;
      ASSIGN_OR_RETURN(const std::set<FactId> parts, view_.FactsOf(partner_, *schema));
      for (const FactId& part : parts) {
        ASSIGN_OR_RETURN(const auto stored, view_.Fact(part));
        FactRow row(*schema);
        FieldError error;
        if (!stored.has_value() || !row.Decode(stored->fact, catalog_->program().currency_code(), &error)) continue;
        const Value& root = row[schema->root_slot()];
        if (part.source == id.source && !root.is_null() && root.text == id.record_id) concerned.insert(part);
      }
    }
  }
  for (const FactId& id : concerned) {
    for (const bool as_it_is : {true, false}) {
      ASSIGN_OR_RETURN(const auto fact, Get(id, as_it_is));
      if (fact.has_value()) RETURN_IF_ERROR(Count(id, *fact, as_it_is, as_it_is ? -1 : +1));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<StoredFact> SupposedFacts::ReadEvent(const v1::Event& event, int index, FactId& id) const {
  v1::Event supposed = event;
  if (supposed.record_id().empty()) supposed.set_record_id(absl::StrCat("supposed-", index + 1));
  auto prepared = Prepare(std::move(supposed), {program_, kSource, catalog_->program().currency_code(),
                                                programs_.Today(*catalog_), &programs_.pseudonymiser()});
  if (auto* error = std::get_if<FieldError>(&prepared); error != nullptr) {
    error->field = FieldOf(index, error->field);
    return InvalidFields({*error});
  }
  const PreparedEvent& ready = std::get<PreparedEvent>(prepared);
  id = ready.id;
  EventView view;
  if (!view.Parse(ready.payload)) return InvalidField(FieldOf(index, "fact"), "REQUIRED", "must be set");
  if (id.kind == v1::Event::kPartnerFieldNumber || id.kind == v1::Event::kTargetFieldNumber ||
      id.kind == v1::Event::kTierOverrideFieldNumber || id.kind == v1::Event::kTierReviewFieldNumber ||
      id.kind == v1::Event::kInterventionActionFieldNumber) {
    return InvalidField(FieldOf(index, view.schema->name()), "NOT_SUPPOSED",
                        "is no fact that a partner's numbers count; other targets are stated as targets");
  }
  StoredFact fact;
  fact.deleted = ready.deleted;
  fact.fact = std::string(view.fact);
  const std::vector<PartnerMention> mentions = ReadMentions(*view.schema, view.fact);
  int role = mentions.empty() ? 0 : mentions.front().role;
  if (role == 0 && view.schema->role_slot() >= 0) role = v1::ATTRIBUTION_ROLE_SOURCED;
  fact.resolution.partners.push_back({partner_, role, kNanosPerUnit});
  FactRow row(*view.schema);
  FieldError error;
  if (!row.Decode(fact.fact, catalog_->program().currency_code(), &error)) return InvalidFields({error});
  if (row.parked()) {
    return InvalidField(FieldOf(index, view.schema->name()), "OTHER_CURRENCY",
                        absl::StrCat("money is supposed in ", catalog_->program().currency_code()));
  }
  return fact;
}

absl::StatusOr<std::optional<StoredFact>> SupposedFacts::Get(const FactId& id, bool as_it_is) const {
  if (const auto supposed = facts_.find(id); !as_it_is && supposed != facts_.end()) {
    return std::optional<StoredFact>(supposed->second);
  }
  return view_.Fact(id);
}

absl::Status SupposedFacts::Count(const FactId& id, const StoredFact& fact, bool as_it_is, int sign) {
  if (fact.deleted) return absl::OkStatus();
  const FactSchema& schema = *FactSchemas::Get().FindByNumber(id.kind);
  const std::string& currency = catalog_->program().currency_code();
  FactRow row(schema);
  FieldError error;
  if (!row.Decode(fact.fact, currency, &error)) return absl::OkStatus();
  ConvertMoney(fact.resolution.rates, row);
  std::optional<FactRow> root_row;
  if (const FactSchema* root_schema = schema.root_schema(); root_schema != nullptr) {
    if (row[schema.root_slot()].is_null()) return absl::OkStatus();
    const FactId root_id{root_schema->kind(), id.source, std::string(row[schema.root_slot()].text)};
    ASSIGN_OR_RETURN(const auto root, Get(root_id, as_it_is));
    root_row.emplace(*root_schema);
    if (!root.has_value() || root->deleted || !root_row->Decode(root->fact, currency, &error)) {
      return absl::OkStatus();  // a part waits for its root
    }
    ConvertMoney(root->resolution.rates, *root_row);
  }
  FactRow* role_row = schema.role_slot() >= 0 ? &row : nullptr;
  if (root_row && root_row->schema().role_slot() >= 0) role_row = &*root_row;
  const EvalContext context{&row, root_row ? &*root_row : nullptr, &catalog_->zone()};
  const WholeScopes whole = WholeScopesOf(schema, fact.resolution);
  std::vector<ScopeIndex> scopes = {kBusinessScope};
  if (whole.program) scopes.push_back(kProgramScope);
  if (whole.direct) scopes.push_back(kDirectScope);
  if (role_row != nullptr) SetRoleFields(role_row->schema(), fact.resolution, *role_row);
  Contribute(id, context, sign, scopes);
  const auto& partners = fact.resolution.partners;
  const auto own =
      std::find_if(partners.begin(), partners.end(), [&](const auto& p) { return p.partner_id == partner_; });
  if (own == partners.end()) return absl::OkStatus();
  const int partner = static_cast<int>(own - partners.begin());
  if (role_row != nullptr) SetRoleFields(role_row->schema(), fact.resolution, {&partner, 1}, *role_row);
  Contribute(id, context, sign, {scope_});
  return absl::OkStatus();
}

void SupposedFacts::Contribute(const FactId& id, const EvalContext& context, int sign,
                               absl::Span<const ScopeIndex> scopes) {
  for (const CompiledMeasure* measure : catalog_->measures_of(id.kind)) {
    EngineSource::Supposed supposed;
    if (measure->has_entries() && !EntryKey(*measure, context, FactBytes(id), supposed.entry)) continue;
    if (measure->by != nullptr) {
      supposed.split = SplitRowName(*measure, context).substr(measure->id.size() + 1);
      supposed.split.pop_back();  // the bracket
    }
    for (const Contribution& c : ContributionsOf(*measure, context)) {
      supposed.contribution = {c.day, sign * c.contributions, sign * c.count, sign * c.sum};
      for (const ScopeIndex scope : scopes) contributions_[{scope, measure->index}].push_back(supposed);
    }
  }
}

}  // namespace partnermetrics
