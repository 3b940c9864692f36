#include "connectors/stripe_billing/pricing.h"

#include <algorithm>
#include <cmath>

namespace partnermetrics::stripe {
namespace {

using sdk::Decimal;

// `name`, or below a minor unit `name`_decimal: "0.5" cents.
std::optional<Decimal> MinorAmount(JsonRecord* record, Json object, const std::string& name) {
  if (auto minor = record->Integer(object, name)) return sdk::FromMinorUnits(*minor, 0);
  return sdk::ParseDecimal(JsonRecord::Text(object, name + "_decimal"));
}

std::vector<PriceTier> ReadTiers(JsonRecord* record, Json price) {
  std::vector<PriceTier> tiers;
  for (Json entry : JsonRecord::List(price, "tiers")) {
    PriceTier tier;
    tier.up_to = record->Integer(entry, "up_to");
    tier.unit = MinorAmount(record, entry, "unit_amount").value_or(Decimal());
    tier.flat = MinorAmount(record, entry, "flat_amount").value_or(Decimal());
    tiers.push_back(tier);
  }
  return tiers;
}

Amounts ReadAmounts(JsonRecord* record, Json price) {
  Amounts amounts{MinorAmount(record, price, "unit_amount"), ReadTiers(record, price)};
  if (!amounts.unit) amounts.unit = MinorAmount(record, price, "amount");  // of a plan
  return amounts;
}

std::optional<Decimal> TierValue(const PriceTier& tier, int64_t units) {
  std::optional<Decimal> value = sdk::Scale(tier.unit, units, 1);
  return value ? sdk::Add(*value, tier.flat) : std::nullopt;
}

// The first tier is charged for a quantity of 0 too: that is its flat amount.
std::optional<Decimal> TieredValue(const std::vector<PriceTier>& tiers, bool graduated, int64_t quantity) {
  std::optional<Decimal> total = Decimal();
  int64_t below = 0;  // units of the tiers so far
  for (const PriceTier& tier : tiers) {
    const bool last = !tier.up_to || quantity <= *tier.up_to;
    if (graduated) {
      std::optional<Decimal> part = TierValue(tier, (last ? quantity : *tier.up_to) - below);
      total = total && part ? sdk::Add(*total, *part) : std::nullopt;
      if (last) return total;
      below = *tier.up_to;
    } else if (last) {
      return TierValue(tier, quantity);
    }
  }
  return std::nullopt;  // more than the last tier holds
}

}  // namespace

Price ReadPrice(JsonRecord* record, Json object) {
  Price price;
  price.product = JsonRecord::Id(object, "product");
  price.name = JsonRecord::Text(object, "product.name");
  if (price.name.empty()) price.name = JsonRecord::Text(object, "nickname");
  price.currency = sdk::CurrencyCode(JsonRecord::Text(object, "currency"));
  price.amounts = ReadAmounts(record, object);
  simdjson::dom::object options;
  std::optional<Json> others = JsonRecord::Find(object, "currency_options");
  if (others && others->get(options) == simdjson::SUCCESS) {
    for (auto [code, option] : options) {
      if (option.is_object()) price.other_currencies[sdk::CurrencyCode(code)] = ReadAmounts(record, option);
    }
  }
  price.graduated = JsonRecord::Text(object, "tiers_mode") == "graduated";
  // A plan has these members itself.
  const Json recurring = JsonRecord::Find(object, "recurring").value_or(object);
  price.metered = JsonRecord::Text(recurring, "usage_type") == "metered";
  price.interval.unit = JsonRecord::Text(recurring, "interval");
  price.interval.count = record->Integer(recurring, "interval_count").value_or(1);
  for (const char* name : {"transform_quantity", "transform_usage"}) {
    std::optional<Json> transform = JsonRecord::Find(object, name);
    if (!transform) continue;
    price.package = std::max<int64_t>(record->Integer(*transform, "divide_by").value_or(1), 1);
    price.round_up = JsonRecord::Text(*transform, "round") != "down";
  }
  return price;
}

std::optional<Decimal> IntervalValue(const Price& price, int64_t quantity, const std::string& currency) {
  if (price.metered || quantity < 0) return std::nullopt;
  const Amounts* amounts = &price.amounts;
  if (!price.currency.empty() && price.currency != currency) {
    const auto other = price.other_currencies.find(currency);
    if (other == price.other_currencies.end()) return std::nullopt;
    amounts = &other->second;
  }
  if (!amounts->tiers.empty()) return TieredValue(amounts->tiers, price.graduated, quantity);
  if (!amounts->unit) return std::nullopt;
  const int64_t rest = quantity % price.package == 0 ? 0 : 1;
  return sdk::Scale(*amounts->unit, quantity / price.package + (price.round_up ? rest : 0), 1);
}

std::optional<Decimal> PerMonth(const Decimal& value, const Interval& interval) {
  if (interval.count < 1) return std::nullopt;
  if (interval.unit == "month") return sdk::Scale(value, 1, interval.count);
  if (interval.unit == "year") return sdk::Scale(value, 1, 12 * interval.count);
  if (interval.unit == "week") return sdk::Scale(value, 52, 12 * interval.count);
  if (interval.unit == "day") return sdk::Scale(value, 365, 12 * interval.count);
  return std::nullopt;
}

Coupon ReadCoupon(JsonRecord* record, Json object) {
  Coupon coupon;
  double percent = 0;
  std::optional<Json> member = JsonRecord::Find(object, "percent_off");
  if (member && member->get(percent) == simdjson::SUCCESS) {
    coupon.percent_off = std::llround(std::clamp(percent, 0.0, 100.0) * 100);  // it has two decimals
  }
  coupon.amount_off = record->Integer(object, "amount_off");
  coupon.currency = sdk::CurrencyCode(JsonRecord::Text(object, "currency"));
  coupon.once = JsonRecord::Text(object, "duration") == "once";
  for (Json product : JsonRecord::List(object, "applies_to.products")) {
    std::string_view id;
    if (product.get(id) == simdjson::SUCCESS) coupon.products.emplace(id);
  }
  return coupon;
}

}  // namespace partnermetrics::stripe
