// Subscriptions, their monthly value, and the phases that schedules plan.
#include <algorithm>

#include "connectors/sdk/readers/facts.h"
#include "connectors/stripe_billing/objects.h"

namespace partnermetrics::stripe {
namespace {

using sdk::Decimal;
using sdk::Instant;

// The end of the present period: on the items since 2025-03-31, on the subscription before.
std::optional<Instant> RenewalOf(JsonRecord* record) {
  std::optional<Instant> renewal = record->Time("current_period_end");
  if (renewal) return renewal;
  for (Json item : record->List("items.data")) {
    std::optional<Instant> end = record->Time(item, "current_period_end");
    if (end && (!renewal || *end < *renewal)) renewal = end;
  }
  return renewal;
}

// The begin of the present period, likewise; 0 when it is not stated.
int64_t PeriodStart(JsonRecord* record) {
  int64_t start = record->Integer("current_period_start").value_or(0);
  for (Json item : record->List("items.data")) {
    start = std::max(start, record->Integer(item, "current_period_start").value_or(0));
  }
  return start;
}

// An item of a subscription or of a phase, with what it comes to.
struct Item {
  Json object;
  Price price;
  Decimal monthly;  // in minor units
};

// The price of an item: in it, or, where only its id stands, in the folder. "plan" is its name in older shapes.
std::optional<Price> PriceOf(JsonRecord* record, Json item, const Surroundings& surroundings) {
  for (const char* name : {"price", "plan"}) {
    std::optional<Json> member = JsonRecord::Find(item, name);
    if (!member) continue;
    const Price* known = surroundings.FindPrice(JsonRecord::Id(item, name));
    if (!member->is_object()) return known == nullptr ? std::nullopt : std::make_optional(*known);
    Price price = ReadPrice(record, *member);
    // Tiers come only when they are asked for, which a list of subscriptions cannot do.
    if (!price.amounts.stated() && known != nullptr) return *known;
    return price;
  }
  return std::nullopt;
}

// What the last invoice billed for an item that its price cannot tell about: use, or tiers that are not there.
std::optional<Decimal> LastBilled(JsonRecord* record, const std::string& item_id) {
  std::optional<Decimal> total;
  for (Json line : record->List("latest_invoice.lines.data")) {
    std::string item = JsonRecord::Id(line, "parent.subscription_item_details.subscription_item");
    if (item.empty()) item = JsonRecord::Id(line, "subscription_item");
    bool proration = false;
    for (const char* path : {"proration", "parent.subscription_item_details.proration"}) {
      std::optional<Json> member = JsonRecord::Find(line, path);
      bool value = false;
      proration = proration || (member && member->get(value) == simdjson::SUCCESS && value);
    }
    std::optional<int64_t> amount = record->Integer(line, "amount");
    if (item_id.empty() || item != item_id || proration || !amount) continue;
    total = sdk::Add(total.value_or(Decimal()), sdk::FromMinorUnits(*amount, 0).value_or(Decimal()));
  }
  return total;
}

// The items with their monthly values; nothing when one of them is not known.
std::optional<std::vector<Item>> ReadItems(JsonRecord* record, const std::vector<Json>& objects,
                                           const Surroundings& surroundings, const std::string& currency) {
  std::vector<Item> items;
  for (Json object : objects) {
    std::optional<Price> price = PriceOf(record, object, surroundings);
    if (!price) return std::nullopt;
    std::optional<Decimal> value = IntervalValue(*price, record->Integer(object, "quantity").value_or(1), currency);
    if (!value) value = LastBilled(record, JsonRecord::Text(object, "id"));
    if (value) value = PerMonth(*value, price->interval);
    if (!value) return std::nullopt;
    items.push_back({object, *std::move(price), *value});
  }
  return items;
}

// The coupon of a discount, wherever the shape has it; nothing when only its id is there.
std::optional<Coupon> CouponOf(JsonRecord* record, Json discount, const Surroundings& surroundings) {
  if (!discount.is_object()) return std::nullopt;
  for (const char* path : {"coupon", "source.coupon", "discount.coupon", "discount.source.coupon"}) {
    std::optional<Json> member = JsonRecord::Find(discount, path);
    if (!member) continue;
    if (member->is_object()) return ReadCoupon(record, *member);
    const Coupon* known = surroundings.FindCoupon(JsonRecord::Id(discount, path));
    return known == nullptr ? std::nullopt : std::make_optional(*known);
  }
  return std::nullopt;
}

// Takes a coupon off the items that it holds for, a fixed amount from the first on. It comes off every bill, and items
// are billed together, so it counts by their interval.
bool TakeOff(const Coupon& coupon, const std::string& currency, const std::vector<Item*>& items) {
  if (coupon.once) return true;
  std::optional<Decimal> left;
  for (Item* item : items) {
    if (!coupon.products.empty() && coupon.products.count(item->price.product) == 0) continue;
    std::optional<Decimal> rest;
    if (coupon.amount_off) {
      if (!coupon.currency.empty() && coupon.currency != currency) return false;
      if (!left) left = PerMonth(sdk::FromMinorUnits(*coupon.amount_off, 0).value_or(Decimal()), item->price.interval);
      if (left) rest = sdk::Subtract(item->monthly, *left);
      if (rest) left = rest->IsNegative() ? sdk::Subtract(*left, item->monthly) : Decimal();
      if (rest && rest->IsNegative()) rest = Decimal();
    } else {
      rest = sdk::Scale(item->monthly, 10'000 - coupon.percent_off, 10'000);
    }
    if (!rest) return false;
    item->monthly = *rest;
  }
  return true;
}

// Takes off what a list of discounts holds; false when one of them is not known.
bool TakeOffAll(JsonRecord* record, const std::vector<Json>& discounts, const Surroundings& surroundings,
                const std::string& currency, const std::vector<Item*>& items) {
  // One that ended before the present period is none.
  const int64_t period = PeriodStart(record);
  for (Json discount : discounts) {
    if (discount.is_object() && record->Integer(discount, "end").value_or(INT64_MAX) <= period) continue;
    std::optional<Coupon> coupon = CouponOf(record, discount, surroundings);
    if (!coupon || !TakeOff(*coupon, currency, items)) return false;
  }
  return true;
}

// The discounts of an object. The older shape has both members; its list then repeats the single one, by its id.
std::vector<Json> DiscountsOf(Json object) {
  for (const char* name : {"discount", "coupon"}) {
    if (std::optional<Json> single = JsonRecord::Find(object, name)) {
      // A phase may name its coupon itself.
      return {std::string_view(name) == "coupon" ? object : *single};
    }
  }
  return JsonRecord::List(object, "discounts");
}

// What the items of a subscription or phase come to each month, in major units; nothing when it is not known.
std::optional<Decimal> MonthlyValue(JsonRecord* record, Json object, const std::vector<Json>& item_objects,
                                    const Surroundings& surroundings, const std::string& currency) {
  std::optional<std::vector<Item>> items = ReadItems(record, item_objects, surroundings, currency);
  if (!items) return std::nullopt;
  std::vector<Item*> all;
  for (Item& item : *items) {
    if (!TakeOffAll(record, DiscountsOf(item.object), surroundings, currency, {&item})) return std::nullopt;
    all.push_back(&item);
  }
  if (!TakeOffAll(record, DiscountsOf(object), surroundings, currency, all)) return std::nullopt;
  std::optional<Decimal> total = Decimal();
  for (const Item& item : *items) total = total ? sdk::Add(*total, item.monthly) : std::nullopt;
  int64_t scale = 1;
  for (int i = sdk::BillingMinorDigits(currency); i > 0; --i) scale *= 10;
  return total ? sdk::Scale(*total, 1, scale) : std::nullopt;
}

// The items of a phase; "plans" in older shapes.
std::vector<Json> ItemsOf(Json phase) {
  std::vector<Json> items = JsonRecord::List(phase, "items");
  return items.empty() ? JsonRecord::List(phase, "plans") : items;
}

// The currency of a phase, which older shapes leave to its prices.
std::string CurrencyOf(JsonRecord* record, Json phase, const std::vector<Json>& items,
                       const Surroundings& surroundings) {
  std::string currency = sdk::CurrencyCode(JsonRecord::Text(phase, "currency"));
  for (Json item : items) {
    std::optional<Price> price = PriceOf(record, item, surroundings);
    if (currency.empty() && price) currency = price->currency;
  }
  return currency;
}

std::string ProductOf(JsonRecord* record, const Surroundings& surroundings) {
  for (Json item : record->List("items.data")) {
    std::optional<Price> price = PriceOf(record, item, surroundings);
    if (!price) continue;
    for (const std::string& text : {surroundings.ProductName(price->product), price->name, price->product}) {
      if (!text.empty()) return text;
    }
  }
  return "";
}

}  // namespace

v1::SubscriptionStatus SubscriptionStatusOf(const std::string& status) {
  if (status == "trialing") return v1::SUBSCRIPTION_STATUS_TRIALING;
  if (status == "active") return v1::SUBSCRIPTION_STATUS_ACTIVE;
  if (status == "past_due") return v1::SUBSCRIPTION_STATUS_PAST_DUE;
  if (status == "paused") return v1::SUBSCRIPTION_STATUS_PAUSED;
  if (status == "incomplete") return v1::SUBSCRIPTION_STATUS_INCOMPLETE;
  if (status == "unpaid") return v1::SUBSCRIPTION_STATUS_UNPAID;
  if (status == "canceled" || status == "incomplete_expired") return v1::SUBSCRIPTION_STATUS_CANCELLED;
  return v1::SUBSCRIPTION_STATUS_UNSPECIFIED;
}

const char* MapSubscription(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  int64_t revision = record->Newest({"created", "start_date", "canceled_at", "ended_at"});
  if (auto period = sdk::ParseEpoch(std::to_string(PeriodStart(record)))) {
    revision = std::max(revision, period->Micros());
  }
  v1::Event* event = AddEvent(*record, revision, context, events);
  v1::Subscription* subscription = event->mutable_subscription();
  std::string status = record->Text("status");
  if (status == "incomplete_expired") {
    event->set_deleted(true);  // it never began
    return nullptr;
  }
  std::string currency = record->Currency();
  subscription->set_status(SubscriptionStatusOf(status));
  subscription->set_customer_id(record->Reference("customer"));
  subscription->set_product(ProductOf(record, context.surroundings));
  std::optional<Instant> start = record->Time("start_date");
  if (!start) start = record->Time("created");
  std::optional<Instant> cancelled = record->Time("canceled_at");
  std::optional<Instant> end = record->Time("ended_at");
  if (!end && status == "canceled") end = cancelled;
  if (start) sdk::SetInstant(*start, subscription->mutable_starts_at());
  if (end) sdk::SetInstant(*end, subscription->mutable_ends_at());
  if (cancelled) sdk::SetInstant(*cancelled, subscription->mutable_cancelled_at());
  if (auto renewal = RenewalOf(record)) sdk::SetInstant(*renewal, subscription->mutable_renews_at());
  if (auto metadata = record->Find("metadata")) {
    AddMetadataReferences(*metadata, context.options, subscription->mutable_partner_refs());
  }
  // What ended keeps the value it had: its end says that it counts no longer.
  bool charged = status == "active" || status == "past_due" || status == "canceled" || status == "unpaid";
  bool paused = record->Find("pause_collection").has_value();
  std::optional<Decimal> mrr = Decimal();
  if (charged && !paused) {
    mrr.reset();
    if (!record->Bool("items.has_more")) {
      mrr = MonthlyValue(record, record->object(), record->List("items.data"), context.surroundings, currency);
    }
    if (!mrr) ++context.gaps->subscriptions;
  }
  if (mrr) sdk::SetMoney(*mrr, currency, subscription->mutable_mrr());
  if (!start) return nullptr;
  v1::Event* phase_event = AddEvent(*record, revision, context, events);
  v1::SubscriptionPhase* phase = phase_event->mutable_subscription_phase();
  phase->set_root_id(event->record_id());
  // While a schedule holds, it states the phases.
  const bool scheduled = record->Find("schedule").has_value();
  phase_event->set_deleted(scheduled || !mrr);
  std::optional<Instant> trial_end = record->Time("trial_end");
  if (trial_end && status != "trialing" && *start < *trial_end) start = trial_end;
  const int64_t* released = context.surroundings.Released(event->record_id());
  if (released != nullptr && *start < Instant{*released, 0}) start = Instant{*released, 0};
  sdk::SetInstant(*start, phase->mutable_starts_at());
  if (end) sdk::SetInstant(*end, phase->mutable_ends_at());
  if (mrr) sdk::SetMoney(*mrr, currency, phase->mutable_mrr());
  return nullptr;
}

// The phases of a schedule, numbered: an edit replaces those that are still to come.
const char* MapSchedule(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  std::string subscription = record->Reference("subscription");
  if (subscription.empty()) subscription = record->Reference("released_subscription");
  if (subscription.empty()) return "no_subscription";  // it has not begun
  const int64_t revision =
      record->Newest({"created", "released_at", "canceled_at", "completed_at", "current_phase.start_date"});
  std::optional<Instant> stop;  // when the schedule let go of the subscription, or ended it
  for (const char* path : {"released_at", "canceled_at", "completed_at"}) {
    if (auto at = record->Time(path); at && (!stop || *at < *stop)) stop = at;
  }
  const bool goes_on = record->Text("end_behavior") != "cancel" && !stop;
  const std::vector<Json> phases = record->List("phases");
  for (size_t i = 0; i < phases.size(); ++i) {
    std::optional<Instant> start = record->Time(phases[i], "start_date");
    std::optional<Instant> end = record->Time(phases[i], "end_date");
    if (!start) record->Fail("phases.start_date", "missing_time", "a phase has no begin");
    if (!record->ok()) return nullptr;
    if (goes_on && i + 1 == phases.size()) end.reset();
    if (stop && (!end || *stop < *end)) end = stop;
    v1::Event* event = AddEvent(*record, revision, context, events);
    event->set_record_id(event->record_id() + "/" + std::to_string(i + 1));
    v1::SubscriptionPhase* phase = event->mutable_subscription_phase();
    phase->set_root_id(subscription);
    event->set_deleted(end && !(*start < *end));  // it never came
    std::optional<Instant> trial_end = record->Time(phases[i], "trial_end");
    const bool trial = trial_end && end && !(*trial_end < *end);
    if (trial_end && !trial && *start < *trial_end) start = trial_end;  // charged from then on
    sdk::SetInstant(*start, phase->mutable_starts_at());
    if (end) sdk::SetInstant(*end, phase->mutable_ends_at());
    const std::vector<Json> items = ItemsOf(phases[i]);
    const std::string currency = CurrencyOf(record, phases[i], items, context.surroundings);
    if (currency.empty()) record->Fail("phases.currency", "unknown_currency", "a phase has no currency of ISO 4217");
    std::optional<Decimal> mrr = Decimal();
    if (!trial) mrr = MonthlyValue(record, phases[i], items, context.surroundings, currency);
    if (mrr) sdk::SetMoney(*mrr, currency, phase->mutable_mrr());
  }
  return nullptr;
}

}  // namespace partnermetrics::stripe
