#include "tests/property/operations.h"

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "google/protobuf/text_format.h"

namespace partnermetrics {
namespace {

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
  measures { id: "signed" fact: "partner" kind: MEASURE_KIND_FLOW at: "signed_on" }
  measures { id: "activated_later" fact: "partner" kind: MEASURE_KIND_COHORT at: "signed_on" then: "activated_on" }
  measures {
    id: "tiers"
    fact: "partner"
    kind: MEASURE_KIND_KEYED
    reduce: KEY_REDUCTION_ANY
    key: "tier"
    from: "signed_on"
    until: "terminated_on"
  }
  measures { id: "described" fact: "partner" kind: MEASURE_KIND_FLOW at: "attributes_since_on" }
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

}  // namespace

log::v1::Definitions TestDefinitions(int variant) {
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
  if (variant == 7 || variant == 8) {
    // One measure less, others that count something else.
    auto& measures = *definitions.mutable_catalog()->mutable_measures();
    measures.DeleteSubrange(0, 1);
    for (v1::Measure& measure : measures) {
      if (measure.id() == "won_sourced") measure.set_where("outcome == WON");
      if (measure.id() == "stages") measure.clear_where();
      if (measure.id() == "partners") measure.clear_until();
      if (measure.id() != "billed") continue;
      measure.set_kind(v1::MEASURE_KIND_STOCK);
      measure.set_from(measure.at());
      measure.clear_at();
    }
  }
  if (variant == 8) program.clear_shared_domains();
  return definitions;
}

void showValue(const Operation& op, std::ostream& out) {
  out << "{programme " << op.programme << " what " << op.what << " id " << op.id << " rev " << op.revision << " seq "
      << op.sequence << " partner " << op.partner << " second " << op.second << " day " << op.day << " length "
      << op.length << " amount " << op.amount << " variant " << op.variant << (op.deleted ? " deleted" : "") << "}";
}

rc::Gen<Operation> AnyOperation() {
  const auto small = [](int n) { return rc::gen::inRange(0, n); };
  return rc::gen::build<Operation>(
      rc::gen::set(&Operation::programme, small(kMostProgrammes)), rc::gen::set(&Operation::what, small(kWhats)),
      rc::gen::set(&Operation::id, small(5)), rc::gen::set(&Operation::revision, small(6)),
      rc::gen::set(&Operation::sequence, small(3)), rc::gen::set(&Operation::partner, small(8)),
      rc::gen::set(&Operation::second, small(8)), rc::gen::set(&Operation::day, small(800)),
      rc::gen::set(&Operation::length, small(200)), rc::gen::set(&Operation::amount, small(7)),
      rc::gen::set(&Operation::variant, small(12)),
      rc::gen::set(&Operation::deleted, rc::gen::map(small(8), [](int n) { return n == 0; })));
}

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

namespace {

template <typename Fact>
void AddReferences(Fact& fact, const Operation& op) {
  for (const int partner : {op.partner, op.second}) {
    v1::PartnerReference reference;
    if (SetReference(&reference, partner)) *fact.add_partner_refs() = reference;
  }
}

}  // namespace

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
      if (op.variant % 3 == 1) SetDay(partner.mutable_activated_on(), op.day + 10);
      if (op.length % 4 == 1) {
        // It was a partner before, twice; the second time may reach into the last one.
        for (const int before : {250, 50}) {
          v1::EarlierPartnership& earlier = *partner.add_earlier_partnerships();
          SetDay(earlier.mutable_signed_on(), op.day - before);
          if (op.amount % 2 == 0) SetDay(earlier.mutable_activated_on(), op.day - before + op.amount);
          SetDay(earlier.mutable_terminated_on(), op.day - before + op.length);
        }
      }
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

}  // namespace partnermetrics
