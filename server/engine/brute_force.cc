#include "server/engine/brute_force.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/engine/money.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

// Every reference and the partners that claim it.
class Claims {
 public:
  Claims(const Catalog& catalog, const std::vector<FinalFact>& facts, const std::vector<AdminAlias>& aliases)
      : shared_domains_(catalog.program().shared_domains().begin(), catalog.program().shared_domains().end()) {
    const int partner_kind = FactSchemas::Get().Find("partner")->kind();
    for (const FinalFact& fact : facts) {
      if (fact.id.kind != partner_kind) continue;
      const std::string partner = StatedPartner(fact.id.source, fact.id.record_id, fact.fact);
      for (const ReferenceKey& key : ClaimedReferences(fact.id.source, fact.id.record_id, fact.fact)) {
        stated_[key].insert(partner);
      }
    }
    for (const AdminAlias& alias : aliases) admin_[alias.reference].insert(alias.partner_id);
  }

  std::string Find(const ReferenceKey& reference) const {
    absl::string_view domain = reference;
    if (absl::ConsumePrefix(&domain, "domain:") &&
        (IsFreeMailDomain(domain) || shared_domains_.count(std::string(domain)) > 0)) {
      return "";
    }
    if (const auto it = admin_.find(reference); it != admin_.end()) return Only(it->second);
    if (const auto it = stated_.find(reference); it != stated_.end()) return Only(it->second);
    return "";
  }

 private:
  static std::string Only(const std::set<std::string>& partners) {
    return partners.size() == 1 ? *partners.begin() : "";
  }

  std::map<ReferenceKey, std::set<std::string>> stated_, admin_;
  std::set<std::string> shared_domains_;
};

// Every rate that is stated, and which of them converts a fact's money.
class Rates {
 public:
  Rates(const Catalog& catalog, const std::vector<FinalFact>& facts) : catalog_(catalog) {
    const int rate_kind = FactSchemas::Get().Find("fx_rate")->kind();
    const std::string& own = catalog.program().currency_code();
    for (const FinalFact& fact : facts) {
      if (fact.id.kind != rate_kind) continue;
      const std::optional<StatedRate> rate = ReadRate(fact.fact);
      if (!rate.has_value()) continue;
      if (rate->to == own) by_currency_[rate->from].push_back({*rate, fact.id});
      if (rate->from == own) by_currency_[rate->to].push_back({*rate, fact.id});
    }
  }

  void Convert(FactRow& row) const {
    std::vector<UsedRate> used;
    const std::optional<Day> day = MoneyDay(row, catalog_.zone());
    for (const ForeignMoney& money : row.waiting_money()) {
      const std::string currency(money.currency);
      const auto it = by_currency_.find(currency);
      if (!day.has_value() || it == by_currency_.end()) continue;
      const Candidate* best = nullptr;
      for (const Candidate& candidate : it->second) {
        const Day age = *day - candidate.rate.day;
        if (age < 0 || age > MaxRateAge(catalog_.program())) continue;
        if (best == nullptr || RankOf(candidate, currency) < RankOf(*best, currency)) best = &candidate;
      }
      if (best != nullptr) used.push_back({currency, best->rate.rate, best->rate.from != currency});
    }
    ConvertMoney(used, row);
  }

 private:
  struct Candidate {
    StatedRate rate;
    FactId id;
  };

  // The least of those that are not too old is in force.
  std::tuple<Day, bool, size_t, FactId> RankOf(const Candidate& candidate, const std::string& currency) const {
    return {-candidate.rate.day, candidate.rate.from != currency,
            SourcePrecedence(catalog_.program(), candidate.id.source), candidate.id};
  }

  const Catalog& catalog_;
  std::map<std::string, std::vector<Candidate>> by_currency_;
};

struct Counted {
  const FactSchema* schema;
  const FinalFact* fact;
  const FinalFact* root = nullptr;
  bool waiting = false;
};

Counted Connect(const FinalFact& fact, const std::map<FactId, const FinalFact*>& by_id) {
  Counted counted{FactSchemas::Get().FindByNumber(fact.id.kind), &fact};
  const FactSchema* root_schema = counted.schema->root_schema();
  if (root_schema == nullptr) return counted;
  FactRow row(*counted.schema);
  FieldError error;
  if (!row.Decode(fact.fact, "", &error)) return counted;
  const Value& root_id = row[counted.schema->root_slot()];
  if (root_id.is_null()) return counted;
  const auto it = by_id.find(FactId{root_schema->kind(), fact.id.source, std::string(root_id.text)});
  counted.waiting = it == by_id.end();
  counted.root = counted.waiting ? nullptr : it->second;
  return counted;
}

// What a fact adds to each row of a measure: its own, or that of its value when the measure is split, and the one of
// facts whose money waits.
void AddAll(const CompiledMeasure& measure, const EvalContext& context, const FactId& id, const std::string& scope,
            CellMap& cells) {
  const auto add = [&](const std::string& row, const std::string& key, const Contribution& c) {
    DayCell& cell = cells[{scope, row, c.day, key}];
    cell.day = c.day;
    cell.contributions += c.contributions;
    cell.count += c.count;
    cell.sum += c.sum;
  };
  std::string key;
  const bool counts = !measure.has_entries() || EntryKey(measure, context, FactBytes(id), key);
  for (const Contribution& c : ContributionsOf(measure, context)) {
    if (counts) add(measure.by == nullptr ? measure.id : SplitRowName(measure, context), key, c);
  }
  if (!context.row->parked()) return;
  for (const Contribution& c : ParkedContributionsOf(measure, context)) add(ParkedRowName(measure.id), "", c);
}

// Partners count once, however many sources state them.
void CountPartners(const Catalog& catalog, const std::vector<FinalFact>& facts, CellMap& cells) {
  const FactSchema& schema = *FactSchemas::Get().Find("partner");
  std::map<std::string, std::vector<PartnerStatement>> entities;
  for (const FinalFact& fact : facts) {
    if (fact.id.kind != schema.kind()) continue;
    const std::string partner = StatedPartner(fact.id.source, fact.id.record_id, fact.fact);
    if (partner == StatedPartner(fact.id.source, fact.id.record_id, "")) {
      entities[partner].push_back({fact.id, fact.fact});
    }
  }
  for (auto& [id, statements] : entities) {
    SortByPrecedence(catalog.program(), statements);
    const std::string merged = MergeStatements(statements).SerializeAsString();
    FactRow row(schema);
    FieldError error;
    if (!row.Decode(merged, catalog.program().currency_code(), &error)) continue;
    for (const CompiledMeasure* measure : catalog.measures_of(schema.kind())) {
      for (const std::string& scope : {std::string(kBusinessName), std::string(kProgramName), PartnerScope(id)}) {
        AddAll(*measure, {&row, nullptr, &catalog.zone()}, {schema.kind(), "", id}, scope, cells);
      }
    }
  }
}

Resolution ResolveFact(const FinalFact& fact, const Claims& claims, const std::map<FactId, const FinalFact*>& by_id) {
  const FactSchema& schema = *FactSchemas::Get().FindByNumber(fact.id.kind);
  const auto resolve = [&](const std::vector<PartnerMention>& mentions) {
    return *ResolveMentions(mentions,
                            [&](const ReferenceKey& key) { return absl::StatusOr<std::string>(claims.Find(key)); });
  };
  const std::vector<PartnerMention> mentions = ReadMentions(schema, fact.fact);
  if (!mentions.empty() || !schema.inherits_from_customer()) return resolve(mentions);
  FactRow row(schema);
  FieldError error;
  if (!row.Decode(fact.fact, "", &error) || row[schema.customer_slot()].is_null()) return Resolution();
  const FactSchema& customer_schema = *FactSchemas::Get().Find("customer");
  const auto customer =
      by_id.find(FactId{customer_schema.kind(), fact.id.source, std::string(row[schema.customer_slot()].text)});
  if (customer == by_id.end()) return Resolution();
  return InheritFromCustomer(resolve(ReadMentions(customer_schema, customer->second->fact)));
}

void CountFact(const Catalog& catalog, const Counted& counted, const Claims& claims, const Rates& rates,
               const std::map<FactId, const FinalFact*>& by_id, CellMap& cells) {
  const FactSchema& schema = *counted.schema;
  const std::string& currency = catalog.program().currency_code();
  FactRow row(schema);
  FieldError error;
  if (!row.Decode(counted.fact->fact, currency, &error)) return;
  rates.Convert(row);
  std::unique_ptr<FactRow> root_row;
  if (counted.root != nullptr) {
    root_row = std::make_unique<FactRow>(*schema.root_schema());
    if (root_row->Decode(counted.root->fact, currency, &error)) {
      rates.Convert(*root_row);
    } else {
      root_row.reset();
    }
  }
  FactRow* role_row = schema.role_slot() >= 0 ? &row : nullptr;
  if (root_row != nullptr && root_row->schema().role_slot() >= 0) role_row = root_row.get();

  const Resolution resolution = ResolveFact(counted.root != nullptr ? *counted.root : *counted.fact, claims, by_id);
  const bool has_partner = !resolution.partners.empty();
  const bool in_program = has_partner || (schema.program_wide() && !resolution.explicitly_partner);
  const bool is_direct = !in_program && schema.can_have_partner() && !resolution.explicitly_partner;

  for (const CompiledMeasure* measure : catalog.measures_of(schema.kind())) {
    const EvalContext context{&row, root_row.get(), &catalog.zone()};
    if (role_row != nullptr) SetRoleFields(role_row->schema(), resolution, -1, *role_row);
    const FactId& id = counted.fact->id;
    AddAll(*measure, context, id, kBusinessName, cells);
    if (in_program) AddAll(*measure, context, id, kProgramName, cells);
    if (is_direct) AddAll(*measure, context, id, kDirectName, cells);
    for (size_t i = 0; i < resolution.partners.size(); ++i) {
      if (role_row != nullptr) SetRoleFields(role_row->schema(), resolution, static_cast<int>(i), *role_row);
      AddAll(*measure, context, id, PartnerScope(resolution.partners[i].partner_id), cells);
    }
  }
}

}  // namespace

CellMap BruteForceCells(const Catalog& catalog, const std::vector<FinalFact>& facts,
                        const std::vector<AdminAlias>& aliases) {
  const Claims claims(catalog, facts, aliases);
  const Rates rates(catalog, facts);
  std::map<FactId, const FinalFact*> by_id;
  for (const FinalFact& fact : facts) by_id[fact.id] = &fact;
  CellMap cells;
  CountPartners(catalog, facts, cells);
  const int partner_kind = FactSchemas::Get().Find("partner")->kind();
  for (const FinalFact& fact : facts) {
    const Counted counted = Connect(fact, by_id);
    if (!counted.waiting && fact.id.kind != partner_kind) CountFact(catalog, counted, claims, rates, by_id, cells);
  }
  return cells;
}

absl::StatusOr<Verification> VerifyCells(const Engine::View& view, absl::string_view scope, size_t max_differences) {
  const std::shared_ptr<const Catalog> catalog = view.catalog();
  Verification verification;
  verification.position = view.header().position;
  std::vector<FinalFact> facts;
  RETURN_IF_ERROR(view.ScanFacts(0, [&](const FactId& id, const StoredFact& fact) {
    if (!fact.deleted) facts.push_back({id, fact.fact});
    return true;
  }));
  verification.facts = static_cast<int64_t>(facts.size());
  std::vector<AdminAlias> aliases;
  absl::Status decoded;
  RETURN_IF_ERROR(view.ScanIndex(Index::kAlias, "", [&](absl::string_view key, absl::string_view value) {
    absl::StatusOr<std::vector<AliasClaim>> claims = DecodeClaims(value);
    decoded = claims.status();
    if (!decoded.ok()) return false;
    const std::string reference = storage::ByteReader(key).KeyString();
    for (const AliasClaim& claim : *claims) {
      if (claim.claimant == kAdminClaimant) aliases.push_back({reference, claim.partner_id});
    }
    return true;
  }));
  RETURN_IF_ERROR(decoded);

  CellMap recomputed = BruteForceCells(*catalog, facts, aliases);
  // What is served, in every scope that the facts speak of or that the state has cells of.
  std::set<std::string> scopes = {kBusinessName, kProgramName, kDirectName};
  for (const auto& [key, cell] : recomputed) scopes.insert(std::get<0>(key));
  RETURN_IF_ERROR(view.ScanCellScopes([&](const std::string& name) { scopes.insert(name); }));
  CellMap served;
  for (const std::string& name : scopes) {
    if (!scope.empty() && name != scope) continue;
    ASSIGN_OR_RETURN(const auto rows, view.Rows(name));
    for (const auto& [row, cells] : rows) {
      cells.ForEachCell([&, &row = row](absl::string_view key, const DayCell& cell) {
        served[{name, row, cell.day, std::string(key)}] = cell;
      });
    }
  }
  if (!scope.empty()) {
    for (auto it = recomputed.begin(); it != recomputed.end();) {
      it = std::get<0>(it->first) == scope ? std::next(it) : recomputed.erase(it);
    }
  }
  verification.cells = static_cast<int64_t>(recomputed.size());
  std::set<CellKey> keys;
  for (const auto& [key, cell] : served) keys.insert(key);
  for (const auto& [key, cell] : recomputed) keys.insert(key);
  for (const CellKey& key : keys) {
    const DayCell a = served.count(key) > 0 ? served[key] : DayCell{0, 0, std::get<2>(key), 0};
    const DayCell b = recomputed.count(key) > 0 ? recomputed[key] : DayCell{0, 0, std::get<2>(key), 0};
    if (a == b || verification.differences.size() >= max_differences) continue;
    verification.differences.push_back({key, a, b});
  }
  return verification;
}

}  // namespace partnermetrics
