// The monthly recurring value of a subscription.
#include <algorithm>
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

// Per month: a day counts as 365/12 of one, a week as 52/12.
std::optional<Decimal> PerMonth(const Decimal& value, const std::string& interval, int64_t count) {
  if (count < 1) return std::nullopt;
  if (interval == "month") return sdk::Scale(value, 1, count);
  if (interval == "year") return sdk::Scale(value, 1, 12 * count);
  if (interval == "week") return sdk::Scale(value, 52, 12 * count);
  if (interval == "day") return sdk::Scale(value, 365, 12 * count);
  return std::nullopt;
}

std::optional<Decimal> ItemValue(JsonRecord* record, Json item, int digits) {
  const char* price = JsonRecord::Find(item, "price") ? "price" : "plan";
  std::string recurring = std::string(price) + (std::string_view(price) == "price" ? ".recurring" : "");
  std::string interval = JsonRecord::Text(item, recurring + ".interval");
  int64_t count = record->Integer(item, recurring + ".interval_count").value_or(1);
  // Metered items are charged by use, tiered ones by a table that is not here.
  if (JsonRecord::Text(item, recurring + ".usage_type") == "metered") return std::nullopt;
  std::optional<Decimal> unit = UnitPrice(record, item, price, digits);
  if (!unit) return std::nullopt;
  int64_t quantity = Packages(record, item, record->Integer(item, "quantity").value_or(1));
  std::optional<Decimal> value = sdk::Scale(*unit, quantity, 1);
  return value ? PerMonth(*value, interval, count) : std::nullopt;
}

// Takes a coupon off. Those that hold only once, or that have ended, do not recur.
std::optional<Decimal> Discounted(JsonRecord* record, const Decimal& value, Json discount, int digits) {
  std::optional<Json> coupon = JsonRecord::Find(discount, "coupon");
  if (!coupon || !coupon->is_object()) coupon = JsonRecord::Find(discount, "source.coupon");
  if (!coupon || !coupon->is_object() || JsonRecord::Text(*coupon, "duration") == "once") return value;
  if (auto off = record->Integer(*coupon, "amount_off")) {
    std::optional<Decimal> amount = sdk::FromMinorUnits(*off, digits);
    std::optional<Decimal> rest = amount ? sdk::Subtract(value, *amount) : std::nullopt;
    return rest && rest->IsNegative() ? Decimal() : rest;
  }
  double percent = 0;
  std::optional<Json> member = JsonRecord::Find(*coupon, "percent_off");
  if (!member || member->get(percent) != simdjson::SUCCESS) return value;
  int64_t kept = 10'000 - static_cast<int64_t>(percent * 100 + 0.5);  // percent_off has two decimals
  return sdk::Scale(value, std::max<int64_t>(kept, 0), 10'000);
}

}  // namespace

std::optional<Decimal> MonthlyValue(JsonRecord* record, const std::string& currency) {
  int digits = sdk::BillingMinorDigits(currency);
  simdjson::dom::array items;
  std::optional<Json> list = record->Find("items.data");
  if (!list || list->get(items) != simdjson::SUCCESS || record->Bool("items.has_more")) return std::nullopt;
  std::optional<Decimal> total = Decimal();
  for (Json item : items) {
    std::optional<Decimal> value = ItemValue(record, item, digits);
    total = value && total ? sdk::Add(*total, *value) : std::nullopt;
    if (!total) return std::nullopt;
  }
  // The older shape has both; its list then repeats the single one.
  simdjson::dom::array discounts;
  std::optional<Json> single = record->Find("discount");
  std::optional<Json> several = record->Find("discounts");
  if (single) {
    total = Discounted(record, *total, *single, digits);
  } else if (several && several->get(discounts) == simdjson::SUCCESS) {
    for (Json discount : discounts) {
      if (total && discount.is_object()) total = Discounted(record, *total, discount, digits);
    }
  }
  return total;
}

}  // namespace partnermetrics::stripe
