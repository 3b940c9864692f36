#include "server/engine/brute_force.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/engine/customer_partners.h"
#include "server/engine/money.h"
#include "server/engine/partner_entity.h"
#include "server/expr/civil_day.h"
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

// In which segment a partner is on a day, by the plainest reading of what its records stated.
class Segments {
 public:
  Segments(const Catalog& catalog, const std::vector<FinalFact>& facts, const AttributeHistory& attributes)
      : catalog_(catalog) {
    const int partner_kind = FactSchemas::Get().Find("partner")->kind();
    for (const FinalFact& fact : facts) {
      if (fact.id.kind != partner_kind) continue;
      const std::string partner = StatedPartner(fact.id.source, fact.id.record_id, fact.fact);
      if (partner != StatedPartner(fact.id.source, fact.id.record_id, "")) continue;
      const auto it = attributes.find(fact.id);
      if (it != attributes.end()) records_[partner].emplace_back(fact.id, it->second);
    }
  }

  // The days on which something begins to hold, for any of the partners.
  std::set<Day> DaysOf(const std::vector<ResolvedPartner>& partners) const {
    std::set<Day> days;
    for (const ResolvedPartner& partner : partners) {
      const auto it = records_.find(partner.partner_id);
      if (it == records_.end()) continue;
      for (const auto& [id, statements] : it->second) {
        for (const AttributeStatement& statement : statements) days.insert(DayOf(statement));
      }
    }
    return days;
  }

  const std::string& ValueOf(const std::string& partner, const v1::SegmentAttribute& segment, Day day) const {
    const auto [it, is_new] = values_.try_emplace({partner, segment.attribute(), day});
    if (is_new) it->second = FindValue(partner, segment, day);
    return it->second;
  }

 private:
  std::string FindValue(const std::string& partner, const v1::SegmentAttribute& segment, Day day) const {
    std::vector<PartnerStatement> stated;
    if (const auto it = records_.find(partner); it != records_.end()) {
      for (const auto& [id, statements] : it->second) {
        if (statements.empty()) continue;
        const bool as_is = segment.membership() == v1::SEGMENT_MEMBERSHIP_AS_IS;
        const AttributeStatement& holds = as_is ? statements.back() : HoldingOn(statements, day);
        stated.push_back({id, holds.attributes.SerializeAsString()});
      }
    }
    SortByPrecedence(catalog_.program(), stated);
    return AttributeValue(MergeStatements(stated), segment.attribute());
  }

  Day DayOf(const AttributeStatement& statement) const {
    return statement.since ? *statement.since : CivilDayOf(statement.learned_at_us, catalog_.zone());
  }

  // The last one that held by then, else the last of those that held first of all.
  const AttributeStatement& HoldingOn(const std::vector<AttributeStatement>& statements, Day day) const {
    const AttributeStatement* holding = nullptr;
    const AttributeStatement* first = nullptr;
    for (const AttributeStatement& statement : statements) {
      if (DayOf(statement) <= day) holding = &statement;
      if (first == nullptr || DayOf(statement) <= DayOf(*first)) first = &statement;
    }
    return holding != nullptr ? *holding : *first;
  }

  const Catalog& catalog_;
  std::map<std::string, std::vector<std::pair<FactId, std::vector<AttributeStatement>>>> records_;
  mutable std::map<std::tuple<std::string, std::string, Day>, std::string> values_;  // found before
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
            CellMap& cells, const DayRange& days = DayRange()) {
  const auto add = [&](const std::string& row, const std::string& key, const Contribution& c) {
    DayCell& cell = cells[{scope, row, c.day, key}];
    cell.day = c.day;
    cell.contributions += c.contributions;
    cell.count += c.count;
    cell.sum += c.sum;
  };
  std::string key;
  const bool counts = !measure.has_entries() || EntryKey(measure, context, FactBytes(id), key);
  for (const Contribution& c : Within(measure, ContributionsOf(measure, context), days)) {
    if (counts) add(measure.by == nullptr ? measure.id : SplitRowName(measure, context), key, c);
  }
  if (!context.row->parked()) return;
  for (const Contribution& c : Within(measure, ParkedContributionsOf(measure, context), days)) {
    add(ParkedRowName(measure.id), "", c);
  }
}

// Adds a fact in the segments of its partners, for each stretch of time in which the same of them are in one.
// `set_roles` shows the row as those partners see it.
void AddInSegments(const Catalog& catalog, absl::Span<const CompiledMeasure* const> measures, const Segments& segments,
                   const std::vector<ResolvedPartner>& partners,
                   const std::function<void(const std::vector<int>&)>& set_roles, const EvalContext& context,
                   const FactId& id, CellMap& cells) {
  std::set<Day> days = segments.DaysOf(partners);
  days.insert(kFirstDay);
  for (const v1::SegmentAttribute& segment : catalog.program().segments()) {
    const auto members_on = [&](Day day) {
      std::map<std::string, std::vector<int>> members;
      for (size_t i = 0; i < partners.size(); ++i) {
        members[segments.ValueOf(partners[i].partner_id, segment, day)].push_back(static_cast<int>(i));
      }
      return members;
    };
    for (auto day = days.begin(); day != days.end(); ++day) {
      for (const auto& [value, members] : members_on(*day)) {
        const auto same_on = [&, &value = value, &members = members](Day other) {
          const auto all = members_on(other);
          const auto it = all.find(value);
          return it != all.end() && it->second == members;
        };
        if (day != days.begin() && same_on(*std::prev(day))) continue;  // goes on
        auto end = std::next(day);
        while (end != days.end() && same_on(*end)) ++end;
        set_roles(members);
        const DayRange stretch{*day, end == days.end() ? kNoDay : *end};
        for (const CompiledMeasure* measure : measures) {
          AddAll(*measure, context, id, SegmentScope(segment.attribute(), value), cells, stretch);
        }
      }
    }
  }
}

// A partner as it was in each of its times, the last one first.
std::vector<v1::Partner> TimesOf(const v1::Partner& partner) {
  std::vector<v1::Partner> times = {partner};
  const auto day = [](const v1::Date& date) { return ToDay(absl::CivilDay(date.year(), date.month(), date.day())); };
  Day next = kNoDay;  // begins the time after
  if (partner.has_activated_on()) next = day(partner.activated_on());
  if (partner.has_signed_on()) next = day(partner.signed_on());
  for (int i = partner.earlier_partnerships_size() - 1; i >= 0; --i) {
    const v1::EarlierPartnership& earlier = partner.earlier_partnerships(i);
    if (day(earlier.signed_on()) >= next) continue;
    v1::Partner& time = times.emplace_back(partner);
    *time.mutable_signed_on() = earlier.signed_on();
    time.clear_activated_on();
    if (earlier.has_activated_on()) *time.mutable_activated_on() = earlier.activated_on();
    const v1::Date& begin = partner.has_signed_on() ? partner.signed_on() : partner.activated_on();
    *time.mutable_terminated_on() = day(earlier.terminated_on()) > next ? begin : earlier.terminated_on();
  }
  for (v1::Partner& time : times) time.clear_earlier_partnerships();
  return times;
}

bool TellsPartnership(const CompiledMeasure& measure) {
  for (const auto* expression : {&measure.at, &measure.from, &measure.until, &measure.then}) {
    for (const char* field : {"signed_on", "activated_on", "terminated_on"}) {
      if (*expression && absl::StrContains((*expression)->text(), field)) return true;
    }
  }
  return false;
}

// Partners count once, however many sources state them; where their days count, once for each time.
void CountPartners(const Catalog& catalog, const std::vector<FinalFact>& facts, const Segments& segments,
                   CellMap& cells) {
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
    bool is_last = true;
    for (const v1::Partner& time : TimesOf(MergeStatements(statements))) {
      const std::string bytes = time.SerializeAsString();
      FactRow row(schema);
      FieldError error;
      if (!row.Decode(bytes, catalog.program().currency_code(), &error)) continue;
      const EvalContext context = {&row, nullptr, &catalog.zone()};
      const FactId entity = {schema.kind(), "", id};
      std::vector<const CompiledMeasure*> measures;
      for (const CompiledMeasure* measure : catalog.measures_of(schema.kind())) {
        if (is_last || TellsPartnership(*measure)) measures.push_back(measure);
      }
      for (const CompiledMeasure* measure : measures) {
        for (const std::string& scope : {std::string(kBusinessName), std::string(kProgramName), PartnerScope(id)}) {
          AddAll(*measure, context, entity, scope, cells);
        }
      }
      AddInSegments(
          catalog, measures, segments, {{id, 0, kNanosPerUnit}}, [](const std::vector<int>&) {}, context, entity,
          cells);
      is_last = false;
    }
  }
}

// Who a fact's partners are, from all facts.
class Resolver {
 public:
  Resolver(const Catalog& catalog, const std::vector<FinalFact>& facts, const Claims& claims)
      : catalog_(catalog), claims_(claims) {
    for (const FinalFact& fact : facts) {
      if (fact.id.kind == customer_.kind()) customers_[fact.id] = &fact;
      FactRow row(deal_);
      FieldError error;
      if (fact.id.kind != deal_.kind() || !row.Decode(fact.fact, "", &error)) continue;
      const auto won = CustomerOfWonDeal(fact.id, row, catalog.zone());
      if (won) deals_[won->first].push_back({{won->second, fact.id}, &fact});
    }
    for (auto& [customer, deals] : deals_) std::sort(deals.begin(), deals.end());
  }

  Resolution Resolve(const FinalFact& fact) const {
    const FactSchema& schema = *FactSchemas::Get().FindByNumber(fact.id.kind);
    const std::vector<PartnerMention> mentions = ReadMentions(schema, fact.fact);
    const bool is_customer = &schema == &customer_;
    if (!mentions.empty() || (!schema.inherits_from_customer() && !is_customer)) return ResolveAll(mentions);
    FactRow row(schema);
    FieldError error;
    if (!row.Decode(fact.fact, "", &error)) return Resolution();
    FactId customer = fact.id;
    if (!is_customer) {
      if (row[schema.customer_slot()].is_null()) return Resolution();
      customer = {customer_.kind(), fact.id.source, std::string(row[schema.customer_slot()].text)};
      if (const auto it = customers_.find(customer); it != customers_.end()) {
        const std::vector<PartnerMention> stated = ReadMentions(customer_, it->second->fact);
        if (!stated.empty()) return StatedByCustomer(ResolveAll(stated)).resolution;
      }
    }
    const CustomerPartners won = FirstWon(customer);
    const bool takes = won.HoldOn(FirstDayOf(row, schema.customer_date_slots(), catalog_.zone()));
    return takes ? won.resolution : Resolution();
  }

 private:
  Resolution ResolveAll(const std::vector<PartnerMention>& mentions) const {
    return *ResolveMentions(mentions,
                            [&](const ReferenceKey& key) { return absl::StatusOr<std::string>(claims_.Find(key)); });
  }

  CustomerPartners FirstWon(const FactId& customer) const {
    const auto it = deals_.find(customer);
    if (it == deals_.end()) return CustomerPartners();
    for (const auto& [won, deal] : it->second) {
      const Resolution resolution = ResolveAll(ReadMentions(deal_, deal->fact));
      if (!resolution.partners.empty()) return WonWithCustomer(resolution, won.day);
    }
    return CustomerPartners();
  }

  const FactSchema& customer_ = *FactSchemas::Get().Find("customer");
  const FactSchema& deal_ = *FactSchemas::Get().Find("deal");
  const Catalog& catalog_;
  const Claims& claims_;
  std::map<FactId, const FinalFact*> customers_;
  std::map<FactId, std::vector<std::pair<WonDeal, const FinalFact*>>> deals_;  // by customer, the first won first
};

void CountFact(const Catalog& catalog, const Counted& counted, const Resolver& resolver, const Rates& rates,
               const Segments& segments, CellMap& cells) {
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

  const Resolution resolution = resolver.Resolve(counted.root != nullptr ? *counted.root : *counted.fact);
  const bool has_partner = !resolution.partners.empty();
  const bool in_program = has_partner || (schema.program_wide() && !resolution.explicitly_partner);
  const bool is_direct = !in_program && schema.can_have_partner() && !resolution.explicitly_partner;

  const EvalContext context{&row, root_row.get(), &catalog.zone()};
  const FactId& id = counted.fact->id;
  for (const CompiledMeasure* measure : catalog.measures_of(schema.kind())) {
    if (role_row != nullptr) SetRoleFields(role_row->schema(), resolution, *role_row);
    AddAll(*measure, context, id, kBusinessName, cells);
    if (in_program) AddAll(*measure, context, id, kProgramName, cells);
    if (is_direct) AddAll(*measure, context, id, kDirectName, cells);
    for (size_t i = 0; i < resolution.partners.size(); ++i) {
      const int partner = static_cast<int>(i);
      if (role_row != nullptr) SetRoleFields(role_row->schema(), resolution, {&partner, 1}, *role_row);
      AddAll(*measure, context, id, PartnerScope(resolution.partners[i].partner_id), cells);
    }
  }
  const auto set_roles = [&](const std::vector<int>& members) {
    if (role_row != nullptr) SetRoleFields(role_row->schema(), resolution, members, *role_row);
  };
  if (has_partner)
    AddInSegments(catalog, catalog.measures_of(id.kind), segments, resolution.partners, set_roles, context, id, cells);
}

}  // namespace

CellMap BruteForceCells(const Catalog& catalog, const std::vector<FinalFact>& facts,
                        const std::vector<AdminAlias>& aliases, const AttributeHistory& attributes) {
  const Claims claims(catalog, facts, aliases);
  const Resolver resolver(catalog, facts, claims);
  const Rates rates(catalog, facts);
  const Segments segments(catalog, facts, attributes);
  std::map<FactId, const FinalFact*> by_id;
  for (const FinalFact& fact : facts) by_id[fact.id] = &fact;
  CellMap cells;
  CountPartners(catalog, facts, segments, cells);
  const int partner_kind = FactSchemas::Get().Find("partner")->kind();
  for (const FinalFact& fact : facts) {
    const Counted counted = Connect(fact, by_id);
    if (!counted.waiting && fact.id.kind != partner_kind) CountFact(catalog, counted, resolver, rates, segments, cells);
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

  AttributeHistory attributes;
  RETURN_IF_ERROR(view.ScanIndex(Index::kAttributes, "", [&](absl::string_view key, absl::string_view value) {
    storage::ByteReader reader(key);
    absl::StatusOr<std::vector<AttributeStatement>> statements = DecodeStatements(value);
    decoded = statements.status();
    if (decoded.ok()) attributes[Keys::ReadFactId(reader)] = *std::move(statements);
    return decoded.ok();
  }));
  RETURN_IF_ERROR(decoded);

  CellMap recomputed = BruteForceCells(*catalog, facts, aliases, attributes);
  // What is served, in every scope that the facts speak of or that the state has cells of.
  std::set<std::string> scopes = {kBusinessName, kProgramName, kDirectName};
  for (const auto& [key, cell] : recomputed) scopes.insert(std::get<0>(key));
  RETURN_IF_ERROR(view.ScanCellScopes([&](const std::string& name) { scopes.insert(name); }));
  CellMap served;
  for (const std::string& name : scopes) {
    if (!scope.empty() && name != scope) continue;
    ASSIGN_OR_RETURN(const auto rows, view.AllRows(name));
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
