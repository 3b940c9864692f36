// The monthly recurring value of a subscription.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "connectors/stripe_billing/objects.h"

namespace partnermetrics::stripe {
namespace {

using sdk::Decimal;

// Units that are charged for a quantity: prices may be for packages of several.
int64_t Packages(JsonRecord* record, Json item, int64_t quantity) {
  int64_t divide_by = record->Integer(item, "price.transform_quantity.divide_by").value_or(1);
  if (divide_by <= 1) return quantity;
  bool up = JsonRecord::Text(item, "price.transform_quantity.round") != "down";
  return (quantity + (up ? divide_by - 1 : 0)) / divide_by;
}

// The price of one unit per interval, in major units.
std::optional<Decimal> UnitPrice(JsonRecord* record, Json item, const char* price, int digits) {
  std::string path(price);
  if (auto minor = record->Integer(item, path + ".unit_amount")) return sdk::FromMinorUnits(*minor, digits);
  if (auto minor = record->Integer(item, path + ".amount")) return sdk::FromMinorUnits(*minor, digits);  // plans
  // Below a minor unit: "0.5" cents.
  std::optional<Decimal> minor = sdk::ParseDecimal(JsonRecord::Text(item, path + ".unit_amount_decimal"));
  if (!minor) return std::nullopt;
  int64_t scale = 1;
  for (int i = 0; i < digits; ++i) scale *= 10;
  return sdk::Scale(*minor, 1, scale);
}

// How often an item is billed.
struct Interval {
  std::string unit;
  int64_t count = 1;
};

// "price" in today's shape, "plan" in older ones.
const char* PriceOf(Json item) {
  return JsonRecord::Find(item, "price") ? "price" : "plan";
}

std::string RecurringPath(Json item) {
  const std::string price = PriceOf(item);
  return price == "price" ? price + ".recurring" : price;
}

Interval IntervalOf(JsonRecord* record, Json item) {
  const std::string recurring = RecurringPath(item);
  return {JsonRecord::Text(item, recurring + ".interval"),
          record->Integer(item, recurring + ".interval_count").value_or(1)};
}

// Per month: a day counts as 365/12 of one, a week as 52/12.
std::optional<Decimal> PerMonth(const Decimal& value, const Interval& interval) {
  if (interval.count < 1) return std::nullopt;
  if (interval.unit == "month") return sdk::Scale(value, 1, interval.count);
  if (interval.unit == "year") return sdk::Scale(value, 1, 12 * interval.count);
  if (interval.unit == "week") return sdk::Scale(value, 52, 12 * interval.count);
  if (interval.unit == "day") return sdk::Scale(value, 365, 12 * interval.count);
  return std::nullopt;
}

std::optional<Decimal> ItemValue(JsonRecord* record, Json item, int digits) {
  // Metered items are charged by use, tiered ones by a table that is not here.
  if (JsonRecord::Text(item, RecurringPath(item) + ".usage_type") == "metered") return std::nullopt;
  std::optional<Decimal> unit = UnitPrice(record, item, PriceOf(item), digits);
  if (!unit) return std::nullopt;
  int64_t quantity = Packages(record, item, record->Integer(item, "quantity").value_or(1));
  std::optional<Decimal> value = sdk::Scale(*unit, quantity, 1);
  return value ? PerMonth(*value, IntervalOf(record, item)) : std::nullopt;
}

// Takes a coupon off. Those that hold only once, or that have ended, do not recur. A fixed amount comes off every bill,
// and the items of a subscription are billed together: it counts by their interval.
std::optional<Decimal> Discounted(JsonRecord* record, const Decimal& value, Json discount, const Interval& interval,
                                  int digits) {
  std::optional<Json> coupon = JsonRecord::Find(discount, "coupon");
  if (!coupon || !coupon->is_object()) coupon = JsonRecord::Find(discount, "source.coupon");
  if (!coupon || !coupon->is_object() || JsonRecord::Text(*coupon, "duration") == "once") return value;
  if (auto off = record->Integer(*coupon, "amount_off")) {
    std::optional<Decimal> amount = sdk::FromMinorUnits(*off, digits);
    if (amount) amount = PerMonth(*amount, interval);
    std::optional<Decimal> rest = amount ? sdk::Subtract(value, *amount) : std::nullopt;
    return rest && rest->IsNegative() ? Decimal() : rest;
  }
  double percent = 0;
  std::optional<Json> member = JsonRecord::Find(*coupon, "percent_off");
  if (!member || member->get(percent) != simdjson::SUCCESS) return value;
  int64_t kept = 10'000 - std::llround(percent * 100);  // percent_off has two decimals
  return sdk::Scale(value, std::max<int64_t>(kept, 0), 10'000);
}

}  // namespace

std::optional<Decimal> MonthlyValue(JsonRecord* record, const std::string& currency) {
  int digits = sdk::BillingMinorDigits(currency);
  simdjson::dom::array items;
  std::optional<Json> list = record->Find("items.data");
  if (!list || list->get(items) != simdjson::SUCCESS || record->Bool("items.has_more")) return std::nullopt;
  std::optional<Decimal> total = Decimal();
  Interval interval;
  for (Json item : items) {
    interval = IntervalOf(record, item);
    std::optional<Decimal> value = ItemValue(record, item, digits);
    total = value && total ? sdk::Add(*total, *value) : std::nullopt;
    if (!total) return std::nullopt;
  }
  // The older shape has both; its list then repeats the single one.
  simdjson::dom::array discounts;
  std::optional<Json> single = record->Find("discount");
  std::optional<Json> several = record->Find("discounts");
  if (single) {
    total = Discounted(record, *total, *single, interval, digits);
  } else if (several && several->get(discounts) == simdjson::SUCCESS) {
    for (Json discount : discounts) {
      if (total && discount.is_object()) total = Discounted(record, *total, discount, interval, digits);
    }
  }
  return total;
}

}  // namespace partnermetrics::stripe
