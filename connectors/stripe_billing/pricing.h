// What Stripe's prices and coupons come to, per month.
//
//   Price price = ReadPrice(&record, *JsonRecord::Find(item, "price"));
//   std::optional<Decimal> bill = IntervalValue(price, /*quantity=*/3, "EUR");   // in minor units
//   if (bill) bill = PerMonth(*bill, price.interval);
//
// Amounts are in minor units of the currency, with decimals. Values and pure functions.
#ifndef PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_PRICING_H_
#define PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_PRICING_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/sdk/readers/numbers.h"
#include "connectors/stripe_billing/json_record.h"

namespace partnermetrics::stripe {

// How often something is billed.
struct Interval {
  std::string unit;  // day, week, month or year
  int64_t count = 1;
};

struct PriceTier {
  std::optional<int64_t> up_to;  // last unit of the tier; none: all further ones
  sdk::Decimal unit, flat;
};

// What a price asks in one currency: so much a unit, or by tiers, or neither of them is stated.
struct Amounts {
  std::optional<sdk::Decimal> unit;
  std::vector<PriceTier> tiers;

  bool stated() const { return unit || !tiers.empty(); }
};

struct Price {
  std::string product;   // id
  std::string name;      // of the product, else the price's nickname
  std::string currency;  // upper case; empty: not stated
  Amounts amounts;
  std::map<std::string, Amounts> other_currencies;
  bool graduated = false;  // each unit costs what its own tier says; else all what the last one's says
  bool metered = false;    // charged by use, which no price knows
  int64_t package = 1;     // units that are sold together
  bool round_up = true;
  Interval interval;
};

// A price, or a plan in older shapes. Faults stay in the record.
Price ReadPrice(JsonRecord* record, Json price);

// What one interval costs in a currency; nothing when the price does not say it.
std::optional<sdk::Decimal> IntervalValue(const Price& price, int64_t quantity, const std::string& currency);

// Per month: a day counts as 365/12 of one, a week as 52/12. Nothing for other units.
std::optional<sdk::Decimal> PerMonth(const sdk::Decimal& value, const Interval& interval);

struct Coupon {
  int64_t percent_off = 0;            // hundredths of a percent
  std::optional<int64_t> amount_off;  // in minor units of `currency`
  std::string currency;               // upper case
  bool once = false;                  // holds for one bill, so it does not recur
  std::set<std::string> products;     // that it holds for; empty: all
};

Coupon ReadCoupon(JsonRecord* record, Json coupon);

}  // namespace partnermetrics::stripe

#endif  // PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_PRICING_H_
