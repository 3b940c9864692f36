// Incremental equals batch: whatever comes in whatever order (duplicates, stale revisions, corrections, deletes, parts
// before their roots, partners, aliases and exchange rates that come late, customers whose deals are won late, partners
// that move between segments, other definitions and segments, restarts), the cells that
// the engine serves are those that a brute-force evaluator gets from the final facts alone, and the log replayed from
// nothing gives the same bytes.
//
// PM_PROPERTY_CASES sets the number of cases (2,000 without it), PM_SEED the seed of a failing run.
#include <gtest/gtest.h>
// rapidcheck's gtest glue needs gtest first.
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/engine/brute_force.h"
#include "server/engine/engine.h"
#include "server/engine/money.h"
#include "tests/property/row_reads.h"
#include "tests/support/memory_storage.h"

namespace partnermetrics {
namespace {

constexpr int kOperations = 200;

// Measures that between them use every feature of the engine: roles, shares, stocks with both ends, parts, fields of
// the root, instants in the programme's zone, missing sums, programme-wide kinds.
constexpr char kDefinitions[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "outcome == WON" }
  measures {
    id: "won_sourced"
    fact: "deal"
    kind: MEASURE_KIND_FLOW
    sum: "amount"
    at: "closed_on"
    where: "outcome == WON && role == SOURCED"
  }
  measures {
    id: "won_influenced"
    fact: "deal"
    kind: MEASURE_KIND_FLOW
    sum: "amount"
    at: "closed_on"
    where: "outcome == WON && role == INFLUENCED"
  }
  measures { id: "credited" fact: "deal" kind: MEASURE_KIND_FLOW sum: "credited_amount" at: "closed_on" }
  measures {
    id: "pipeline"
    fact: "deal"
    kind: MEASURE_KIND_STOCK
    sum: "amount"
    from: "date(created_at)"
    until: "closed_on"
  }
  measures { id: "open_deals" fact: "deal" kind: MEASURE_KIND_STOCK from: "date(created_at)" until: "closed_on" }
  measures {
    id: "stages"
    fact: "deal_stage"
    kind: MEASURE_KIND_STOCK
    sum: "amount"
    from: "date(entered_at)"
    until: "date(left_at)"
    where: "root.outcome != LOST"
  }
  measures {
    id: "stages_sourced"
    fact: "deal_stage"
    kind: MEASURE_KIND_STOCK
    from: "date(entered_at)"
    until: "date(left_at)"
    where: "root.role == SOURCED"
  }
  measures { id: "billed" fact: "invoice" kind: MEASURE_KIND_FLOW sum: "amount" at: "date(issued_at)" }
  measures { id: "refunded" fact: "refund" kind: MEASURE_KIND_FLOW sum: "amount" at: "date(refunded_at)" }
  measures {
    id: "aging"
    fact: "project"
    kind: MEASURE_KIND_STOCK
    from: "m1_approved_on + days(61)"
    until: "earliest(pto_on, cancelled_on)"
  }
  measures {
    id: "age"
    fact: "project"
    kind: MEASURE_KIND_STOCK
    sum: "day_number(m1_approved_on)"
    from: "m1_approved_on"
    until: "pto_on"
  }
  measures { id: "costs" fact: "cost" kind: MEASURE_KIND_FLOW sum: "amount" at: "incurred_on" }
  measures { id: "customers" fact: "customer" kind: MEASURE_KIND_FLOW at: "first_purchase_on" }
  measures { id: "partners" fact: "partner" kind: MEASURE_KIND_STOCK from: "signed_on" until: "terminated_on" }
  measures {
    id: "won_later"
    fact: "deal"
    kind: MEASURE_KIND_COHORT
    sum: "amount"
    at: "date(created_at)"
    then: "closed_on"
  }
  measures {
    id: "sourced_later"
    fact: "deal"
    kind: MEASURE_KIND_COHORT
    at: "date(created_at)"
    then: "closed_on"
    where: "role == SOURCED"
  }
  measures {
    id: "billed_customers"
    fact: "invoice"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_ANY
    key: "[customer_id, number]"
    at: "date(issued_at)"
  }
  measures {
    id: "last_bills"
    fact: "invoice"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_LAST
    key: "customer_id"
    sum: "amount"
    at: "date(issued_at)"
  }
  measures {
    id: "staged_deals"
    fact: "deal_stage"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_ANY
    key: "root_id"
    from: "date(entered_at)"
    until: "date(left_at)"
  }
  measures {
    id: "staged_value"
    fact: "deal_stage"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_LAST
    key: "root_id"
    sum: "amount"
    from: "date(entered_at)"
    until: "date(left_at)"
  }
  measures { id: "latest_cost" fact: "cost" kind: MEASURE_KIND_LATEST sum: "amount" at: "incurred_on" }
  measures {
    id: "open_by_outcome"
    fact: "deal"
    kind: MEASURE_KIND_STOCK
    sum: "amount"
    from: "date(created_at)"
    until: "closed_on"
    by: "outcome"
  }
  measures {
    id: "stages_by_outcome"
    fact: "deal_stage"
    kind: MEASURE_KIND_FLOW
    at: "date(entered_at)"
    by: "root.outcome"
  }
  measures {
    id: "bills_by_deal"
    fact: "invoice"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_ANY
    key: "customer_id"
    at: "date(issued_at)"
    by: "number"
  }
  measures { id: "contracts" fact: "deal" kind: MEASURE_KIND_FLOW sum: "acv" at: "closed_on" where: "amount > 150" }
  measures {
    id: "refunded_bills"
    fact: "refund"
    kind: MEASURE_KIND_FLOW
    sum: "root.amount"
    at: "date(refunded_at)"
    where: "amount < root.amount"
  }
)pb";

// `variant` 0 to 4: each differs from the first in one thing that money depends on, 5 and 6 in the segments.
log::v1::Definitions TestDefinitions(int variant = 0) {
  log::v1::Definitions definitions;
  auto& program = *definitions.mutable_program();
  program.set_id("test");
  program.set_display_name("Test");
  program.set_currency_code(variant == 1 ? "EUR" : "USD");
  program.set_time_zone(variant == 2 ? "Asia/Tokyo" : "America/New_York");
  program.set_max_rate_age_days(variant == 3 ? 300 : 90);
  if (variant == 4) program.add_source_precedence("bank");
  program.add_shared_domains("shared.example");
  const auto declare = [&](const char* attribute, v1::SegmentMembership membership) {
    v1::SegmentAttribute& segment = *program.add_segments();
    segment.set_attribute(attribute);
    segment.set_membership(membership);
  };
  if (variant != 5) {
    declare("tier", variant == 6 ? v1::SEGMENT_MEMBERSHIP_AS_IS : v1::SEGMENT_MEMBERSHIP_AS_WAS);
    declare("region", v1::SEGMENT_MEMBERSHIP_AS_IS);
  }
  if (variant == 6) declare("label.size", v1::SEGMENT_MEMBERSHIP_AS_WAS);
  if (!google::protobuf::TextFormat::ParseFromString(kDefinitions, definitions.mutable_catalog())) std::abort();
  return definitions;
}

// One thing that happens. Small numbers choose from small sets, so that everything meets everything.
struct Operation {
  int what = 0;  // which kind of event, alias change or restart
  int id = 0;    // record
  int revision = 0;
  int sequence = 0;
  int partner = 0;  // reference
  int second = 0;   // second partner, role, root
  int day = 0;
  int length = 0;
  int amount = 0;
  int variant = 0;  // outcome, currency, missing fields
  bool deleted = false;
};

void showValue(const Operation& op, std::ostream& out) {
  out << "{what " << op.what << " id " << op.id << " rev " << op.revision << " seq " << op.sequence << " partner "
      << op.partner << " second " << op.second << " day " << op.day << " length " << op.length << " amount "
      << op.amount << " variant " << op.variant << (op.deleted ? " deleted" : "") << "}";
}

enum What {
  kDeal,
  kDealAgain,
  kStage,
  kInvoice,
  kRefund,
  kProject,
  kCost,
  kPartner,
  kCustomer,
  kRate,
  kAlias,
  kDropAlias,
  kDefine,
  kRestart,
  kWhats
};

rc::Gen<Operation> AnyOperation() {
  const auto small = [](int n) { return rc::gen::inRange(0, n); };
  return rc::gen::build<Operation>(
      rc::gen::set(&Operation::what, small(kWhats)), rc::gen::set(&Operation::id, small(5)),
      rc::gen::set(&Operation::revision, small(6)), rc::gen::set(&Operation::sequence, small(3)),
      rc::gen::set(&Operation::partner, small(8)), rc::gen::set(&Operation::second, small(8)),
      rc::gen::set(&Operation::day, small(800)), rc::gen::set(&Operation::length, small(200)),
      rc::gen::set(&Operation::amount, small(7)), rc::gen::set(&Operation::variant, small(12)),
      rc::gen::set(&Operation::deleted, rc::gen::map(small(8), [](int n) { return n == 0; })));
}

v1::Date* SetDay(v1::Date* date, int offset) {
  const absl::CivilDay day = absl::CivilDay(2024, 1, 1) + offset;
  date->set_year(static_cast<int>(day.year()));
  date->set_month(day.month());
  date->set_day(day.day());
  return date;
}

// Instants late in the evening in UTC: the civil day depends on the zone.
void SetInstant(google::protobuf::Timestamp* at, int offset) {
  at->set_seconds(1'704'067'200 + int64_t{offset} * 86'400 + (offset % 3) * 9'000);
}

void SetMoney(v1::Money* money, const Operation& op) {
  constexpr const char* kCurrencies[] = {"USD", "EUR", "USD", "", "GBP", "EUR"};
  money->set_currency_code(kCurrencies[op.variant % 6]);
  money->set_units(op.amount * 100);
  money->set_nanos(op.amount * 333'333'333 % 1'000'000'000);
}

// Partners 0..3 are named by external id, 4 by domain, 5 by a shared domain, 6 by an id nobody states, 7 not at all.
bool SetReference(v1::PartnerReference* reference, int partner) {
  if (partner < 4 || partner == 6) {
    reference->mutable_external()->set_source(partner % 2 == 0 ? "crm" : "");
    reference->mutable_external()->set_id(absl::StrCat("p", partner));
  } else if (partner == 4) {
    reference->set_domain("partner0.example");
  } else if (partner == 5) {
    reference->set_domain("shared.example");
  } else {
    return false;
  }
  return true;
}

template <typename Fact>
void AddReferences(Fact& fact, const Operation& op) {
  for (const int partner : {op.partner, op.second}) {
    v1::PartnerReference reference;
    if (SetReference(&reference, partner)) *fact.add_partner_refs() = reference;
  }
}

v1::Event MakeEvent(const Operation& op) {
  v1::Event event;
  event.set_program("test");
  event.set_source("crm");
  event.set_record_id(absl::StrCat("p", op.id));
  event.set_revision(op.revision);
  event.set_deleted(op.deleted);
  switch (op.what) {
    case kDeal:
    case kDealAgain: {
      auto& deal = *event.mutable_deal();
      if (op.deleted) break;
      for (const int partner : {op.partner, op.second}) {
        v1::PartnerReference reference;
        if (!SetReference(&reference, partner)) continue;
        auto& attribution = *deal.add_attributions();
        *attribution.add_partner_refs() = reference;
        attribution.set_role(static_cast<v1::AttributionRole>((op.variant + partner) % 5));
        if (op.variant % 3 == 0) attribution.mutable_split()->set_nanos(100'000'000 * (op.amount + 1));
      }
      if (op.amount > 0) SetMoney(deal.mutable_amount(), op);
      if (op.variant % 3 != 0) SetMoney(deal.mutable_acv(), op);
      if (op.variant % 3 == 1) deal.mutable_acv()->set_currency_code("GBP");
      deal.set_outcome(static_cast<v1::DealOutcome>(op.variant % 4));
      if (op.variant != 7) SetInstant(deal.mutable_created_at(), op.day);
      if (op.variant != 3) SetDay(deal.mutable_closed_on(), op.day + op.length - 20);
      if (op.variant == 3) SetInstant(deal.mutable_closed_at(), op.day);
      if (op.amount < 5) deal.set_customer_id(absl::StrCat("p", op.amount));
      break;
    }
    case kStage: {
      auto& stage = *event.mutable_deal_stage();
      if (op.deleted) break;
      if (op.second < 6) stage.set_root_id(absl::StrCat("p", op.second));
      AddReferences(stage, op);
      stage.set_stage("Proposal");
      SetInstant(stage.mutable_entered_at(), op.day);
      if (op.variant % 3 != 0) SetInstant(stage.mutable_left_at(), op.day + op.length);
      if (op.amount > 0) SetMoney(stage.mutable_amount(), op);
      break;
    }
    case kInvoice: {
      auto& invoice = *event.mutable_invoice();
      if (op.deleted) break;
      AddReferences(invoice, op);
      if (op.variant % 2 == 0) invoice.clear_partner_refs();
      if (op.variant % 4 != 1) invoice.set_customer_id(absl::StrCat("p", op.second));
      if (op.variant % 3 == 1) invoice.set_number(absl::StrCat("[", op.amount % 3, "]"));
      SetInstant(invoice.mutable_issued_at(), op.day);
      SetMoney(invoice.mutable_amount(), op);
      break;
    }
    case kRefund: {
      auto& refund = *event.mutable_refund();
      if (op.deleted) break;
      if (op.second < 6) refund.set_root_id(absl::StrCat("p", op.second));
      AddReferences(refund, op);
      SetInstant(refund.mutable_refunded_at(), op.day);
      SetMoney(refund.mutable_amount(), op);
      break;
    }
    case kCustomer: {
      auto& customer = *event.mutable_customer();
      if (op.deleted) break;
      if (op.variant % 2 == 0) AddReferences(customer, op);
      if (op.variant % 3 != 2) SetDay(customer.mutable_first_purchase_on(), op.day);
      break;
    }
    case kProject: {
      auto& project = *event.mutable_project();
      if (op.deleted) break;
      AddReferences(project, op);
      SetDay(project.mutable_m1_approved_on(), op.day);
      if (op.variant % 3 != 0) SetDay(project.mutable_pto_on(), op.day + op.length);
      if (op.variant % 5 == 0) SetDay(project.mutable_cancelled_on(), op.day + op.length / 2);
      break;
    }
    case kRate: {
      // Of two sources; in both directions, for other pairs, and now and then without sense.
      if (op.variant % 3 == 0) event.set_source("bank");
      auto& rate = *event.mutable_fx_rate();
      if (op.deleted) break;
      constexpr const char* kPairs[][2] = {{"EUR", "USD"}, {"EUR", "USD"}, {"USD", "EUR"}, {"GBP", "USD"},
                                           {"GBP", "EUR"}, {"USD", "GBP"}, {"USD", "USD"}, {"EUR", "JPY"}};
      rate.set_from_currency(kPairs[op.second][0]);
      rate.set_to_currency(kPairs[op.second][1]);
      rate.mutable_rate()->set_units(op.amount / 3);
      rate.mutable_rate()->set_nanos(op.amount * 333'333'333 % 1'000'000'000);
      // Few days, so that rates meet on them.
      SetDay(rate.mutable_effective_on(), op.day / 40 * 40);
      break;
    }
    case kCost: {
      auto& cost = *event.mutable_cost();
      if (op.deleted) break;
      AddReferences(cost, op);
      SetDay(cost.mutable_incurred_on(), op.day);
      SetMoney(cost.mutable_amount(), op);
      break;
    }
    default: {
      auto& partner = *event.mutable_partner();
      if (op.variant == 11) {
        event.set_source("partnermetrics");
        event.set_record_id(absl::StrCat("crm:p", op.id));
      }
      if (op.deleted) break;
      partner.set_name(absl::StrCat("Partner ", op.id));
      if (op.variant % 2 == 0) partner.add_domains(absl::StrCat("partner", op.partner % 2, ".example"));
      if (op.variant % 5 == 1) partner.add_domains("shared.example");
      if (op.variant % 6 == 2) partner.set_merged_into_id(absl::StrCat("p", op.second % 5));
      if (op.variant % 6 == 3) partner.add_external_ids()->set_id(absl::StrCat("p", op.second));
      SetDay(partner.mutable_signed_on(), op.day);
      if (op.variant % 4 == 0) SetDay(partner.mutable_terminated_on(), op.day + op.length);
      constexpr const char* kTiers[] = {"", "Gold", "Silver"};
      partner.set_tier(kTiers[op.amount % 3]);
      partner.set_region(kTiers[op.second % 3]);
      if (op.second % 2 == 0) {
        v1::Label& label = *partner.add_labels();
        label.set_key("size");
        label.set_value(kTiers[op.length % 3]);
      }
      if (op.length % 3 == 0) SetDay(partner.mutable_attributes_since_on(), op.length * 4);
    }
  }
  return event;
}

// The programme under test, with a model beside it that knows only which record of each fact wins in the end.
class Case {
 public:
  Case() { Reopen(); }

  void Start() { Define(0); }

  void Do(const Operation& op) {
    if (op.what == kRestart) {
      if (op.variant % 2 == 0) Check(engine_->Checkpoint());
      Reopen();
      return;
    }
    if (op.what == kDefine) {
      // Rarely: all is counted anew.
      if (op.length < 60) Define(op.variant % 7);
      return;
    }
    storage::LogRecord record;
    record.sequence = static_cast<uint64_t>(op.sequence);
    // Clocks go backwards, too.
    record.appended_at_us = (int64_t{1'704'067'200} + int64_t{op.day} * 86'400 + op.length * 900) * 1'000'000;
    if (op.what == kAlias || op.what == kDropAlias) {
      log::v1::AliasChange change;
      change.set_partner_id(absl::StrCat("crm:p", op.id));
      if (!SetReference(change.mutable_alias(), op.partner)) return;
      change.set_removed(op.what == kDropAlias);
      record.type = storage::RecordType::kAlias;
      record.payload = change.SerializeAsString();
      const auto alias = std::pair(ReadReference(change.alias().SerializeAsString()), change.partner_id());
      if (change.removed()) {
        aliases_.erase(alias);
      } else {
        aliases_.insert(alias);
      }
    } else {
      const v1::Event event = MakeEvent(op);
      record.payload = event.SerializeAsString();
      Remember(event, record.sequence, record.appended_at_us);
    }
    Append(std::move(record));
    if (op.variant % 3 != 0) Check(engine_->Publish());  // batches of different sizes
  }

  void Verify() {
    Check(engine_->Publish());
    std::vector<FinalFact> facts;
    for (const auto& [id, winner] : winners_) {
      if (!winner.deleted) facts.push_back({id, winner.fact});
    }
    std::vector<AdminAlias> aliases;
    for (const auto& [reference, partner] : aliases_) aliases.push_back({reference, partner});
    Engine::View view(*engine_);
    const CellMap expected = BruteForceCells(*view.catalog(), facts, aliases, attributes_);
    RC_ASSERT(view.header().facts == static_cast<int64_t>(facts.size()));
    int64_t parked = 0;
    Check(view.ScanFacts(0, [&](const FactId&, const StoredFact& fact) {
      parked += fact.resolution.parked && !fact.resolution.waiting ? 1 : 0;
      return true;
    }));
    RC_ASSERT(view.header().parked_facts == parked);
    VerifyMoneyIndex(view, facts);
    VerifyFactsOfPartners(view);

    std::set<std::string> scopes = {kBusinessName, kProgramName, kDirectName};
    for (int i = 0; i < 8; ++i) {
      scopes.insert(PartnerScope(absl::StrCat("crm:p", i)));
      scopes.insert(PartnerScope(absl::StrCat("p", i)));
    }
    for (const char* attribute : {"tier", "region", "label.size"}) {
      for (const char* value : {"", "Gold", "Silver"}) scopes.insert(SegmentScope(attribute, value));
    }
    for (const auto& [key, cell] : expected) RC_ASSERT(scopes.count(std::get<0>(key)) == 1);
    for (const std::string& scope : scopes) VerifyScope(view, scope, expected);
  }

  // The same log, applied from nothing in one go, gives the same state, byte by byte.
  void VerifyReplay() {
    Check(engine_->Publish());
    Check(engine_->Checkpoint());
    MemoryState fresh;
    auto replayed = Engine::Open(options_, fresh, log_);
    Check(replayed.status());
    Check((*replayed)->Replay([](uint64_t, uint64_t) {}));
    Check((*replayed)->Checkpoint());
    for (const auto table : {StateTable::kMeta, StateTable::kFacts, StateTable::kCells, StateTable::kIndexes}) {
      RC_ASSERT(fresh.table(table) == state_.table(table));
    }
  }

 private:
  struct Winner {
    FactVersion version;
    bool deleted = false;
    std::string fact;
  };

  void Define(int variant) {
    storage::LogRecord record;
    record.type = storage::RecordType::kDefinitions;
    record.payload = TestDefinitions(variant).SerializeAsString();
    Append(std::move(record));
  }

  static void Check(const absl::Status& status) {
    if (!status.ok()) RC_FAIL(status.ToString());
  }

  void Reopen() {
    engine_.reset();
    auto engine = Engine::Open(options_, state_, log_);
    Check(engine.status());
    engine_ = *std::move(engine);
    Check(engine_->Replay([](uint64_t, uint64_t) {}));
  }

  // As a writer does it: applied, then appended unless it says nothing. Now and then the append fails at first, and
  // what was applied is forgotten.
  void Append(storage::LogRecord record) {
    record.position = log_.last_position() + 1;
    if (record.position % 5 == 0 && record.type != storage::RecordType::kDefinitions) {
      Check(engine_->Publish());
      Check(engine_->Apply(record).status());
      engine_->Discard();
    }
    const absl::StatusOr<Applied> applied = engine_->Apply(record);
    Check(applied.status());
    if (applied->effect == Effect::kUnchanged) return;
    storage::LogBatch batch;
    batch.records.push_back(std::move(record));
    Check(log_.Append(batch).status());
  }

  // Written without the engine's own rule: a later record wins unless its version is smaller; one that states the same
  // at the same revision says nothing new.
  void Remember(const v1::Event& event, uint64_t sequence, int64_t stored_at_us) {
    EventView view;
    const std::string bytes = event.SerializeAsString();
    view.Parse(bytes);
    const FactId id{view.schema->kind(), std::string(view.source), std::string(view.record_id)};
    const Winner now{{event.revision(), sequence}, event.deleted(), event.deleted() ? "" : std::string(view.fact)};
    const auto it = winners_.find(id);
    if (it == winners_.end()) {
      winners_[id] = now;
      if (event.has_partner()) RememberAttributes(id, now, stored_at_us);
      return;
    }
    Winner& standing = it->second;
    const bool says_nothing = standing.fact == now.fact && standing.deleted == now.deleted &&
                              standing.version.revision == now.version.revision;
    const bool is_older = std::pair(now.version.revision, now.version.sequence) <
                          std::pair(standing.version.revision, standing.version.sequence);
    if (says_nothing || is_older) return;
    standing = now;
    if (event.has_partner()) RememberAttributes(id, now, stored_at_us);
  }

  // What is said again is nothing new.
  void RememberAttributes(const FactId& id, const Winner& now, int64_t stored_at_us) {
    v1::Partner partner;
    partner.ParseFromString(now.fact);
    AttributeStatement statement{stored_at_us, std::nullopt, AttributesOf(now.fact)};
    if (partner.has_attributes_since_on()) {
      const v1::Date& date = partner.attributes_since_on();
      statement.since = ToDay(absl::CivilDay(date.year(), date.month(), date.day()));
    }
    std::vector<AttributeStatement>& stated = attributes_[id];
    const auto text = [](const AttributeStatement& s) {
      return absl::StrCat(s.attributes.SerializeAsString(), "/", s.since.value_or(0));
    };
    if (stated.empty() || text(stated.back()) != text(statement)) stated.push_back(std::move(statement));
  }

  // The facts of each partner are found without reading all.
  static void VerifyFactsOfPartners(const Engine::View& view) {
    std::map<std::pair<std::string, int>, std::set<FactId>> expected;
    Check(view.ScanFacts(0, [&](const FactId& id, const StoredFact& fact) {
      if (fact.deleted || fact.resolution.waiting || FactSchemas::Get().FindByNumber(id.kind)->name() == "partner") {
        return true;
      }
      for (const ResolvedPartner& partner : fact.resolution.partners) {
        expected[{partner.partner_id, id.kind}].insert(id);
      }
      return true;
    }));
    for (const auto& [key, ids] : expected) {
      const auto found = view.FactsOf(key.first, *FactSchemas::Get().FindByNumber(key.second));
      Check(found.status());
      RC_ASSERT(*found == ids);
    }
  }

  // Nothing is missing in the index by which rates find their money, and nothing is left over.
  static void VerifyMoneyIndex(const Engine::View& view, const std::vector<FinalFact>& facts) {
    std::set<std::string> expected, stored;
    for (const FinalFact& fact : facts) {
      FactRow row(*FactSchemas::Get().FindByNumber(fact.id.kind));
      FieldError error;
      RC_ASSERT(row.Decode(fact.fact, view.catalog()->program().currency_code(), &error));
      const std::optional<Day> day = MoneyDay(row, view.catalog()->zone());
      if (!day.has_value()) continue;
      for (const ForeignMoney& money : row.waiting_money()) {
        std::string key = view.keys().Money(money.currency, *day);
        Keys::AppendFact(key, fact.id);
        expected.insert(key.substr(view.keys().Of(Index::kMoney).size()));
      }
    }
    Check(view.ScanIndex(Index::kMoney, "", [&](absl::string_view key, absl::string_view) {
      stored.emplace(key);
      return true;
    }));
    RC_ASSERT(stored == expected);
  }

  static void VerifyScope(const Engine::View& view, const std::string& scope, const CellMap& expected) {
    const auto rows = view.Rows(scope);
    Check(rows.status());
    CellMap served;
    for (const auto& [name, row] : *rows) {
      row.ForEachCell([&, &name = name](absl::string_view key, const DayCell& cell) {
        served[{scope, name, cell.day, std::string(key)}] = cell;
      });
    }
    std::map<std::string, std::vector<Entry>> by_row;
    CellMap wanted;
    for (auto it = expected.lower_bound({scope, "", -1'000'000, ""});
         it != expected.end() && std::get<0>(it->first) == scope; ++it) {
      wanted.insert(*it);
      by_row[std::get<1>(it->first)].push_back({std::get<3>(it->first), it->second});
    }
    if (served != wanted) {
      Log("expected", wanted);
      Log("served  ", served);
      RC_FAIL("cells differ");
    }
    for (const auto& [name, entries] : by_row) VerifyReads(rows->at(name), entries);
  }

  static void Log(const std::string& title, const CellMap& cells) {
    for (const auto& [key, cell] : cells) {
      RC_LOG() << title << " " << std::get<0>(key) << " " << std::get<1>(key) << " " << DayText(cell.day) << " '"
               << absl::CHexEscape(std::get<3>(key)) << "' n " << cell.contributions << " count " << cell.count
               << " sum " << NanosText(cell.sum) << "\n";
    }
  }

  const EngineOptions options_{"test", size_t{1} << 20, size_t{1} << 30};
  MemoryLog log_;
  MemoryState state_;
  std::unique_ptr<Engine> engine_;
  std::map<FactId, Winner> winners_;
  std::set<std::pair<ReferenceKey, std::string>> aliases_;
  AttributeHistory attributes_;
};

// RapidCheck reads its settings from the environment, once.
void ConfigureRapidCheck() {
  const char* cases = std::getenv("PM_PROPERTY_CASES");
  const char* seed = std::getenv("PM_SEED");
  std::string params = absl::StrCat("max_success=", cases != nullptr ? cases : "2000", " max_size=100");
  if (seed != nullptr) absl::StrAppend(&params, " seed=", seed);
  setenv("RC_PARAMS", params.c_str(), 0);
}
const bool kConfigured = (ConfigureRapidCheck(), true);

TEST(EngineProperty, IncrementalEqualsBatchAndReplayGivesTheSameBytes) {
  ASSERT_TRUE(kConfigured);
  EXPECT_TRUE(rc::check("incremental = batch, replay = state", [] {
    const auto operations = *rc::gen::container<std::vector<Operation>>(kOperations, AnyOperation());
    Case run;
    run.Start();
    for (const Operation& op : operations) run.Do(op);
    run.Verify();
    run.VerifyReplay();
  }));
}

}  // namespace
}  // namespace partnermetrics
