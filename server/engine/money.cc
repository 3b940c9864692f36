#include "server/engine/money.h"

#include <algorithm>

#include "server/expr/civil_day.h"
#include "server/expr/decimal.h"
#include "server/facts/currency.h"

namespace partnermetrics {
namespace {

constexpr Day kDefaultMaxRateAge = 7;
constexpr Day kMostMaxRateAge = 36'525;  // a century: days stay well within 32 bits
// As of an amount that is stated: sums of such never come near 128 bits.
const Nanos kMaxAmount = Nanos(1'000'000'000'000'000) * kNanosPerUnit;

}  // namespace

std::optional<StatedRate> ReadRate(absl::string_view fact) {
  static const FactSchema& schema = *FactSchemas::Get().Find("fx_rate");
  static const int from = schema.Find("from_currency")->slot, to = schema.Find("to_currency")->slot,
                   rate = schema.Find("rate")->slot, effective_on = schema.Find("effective_on")->slot;
  FactRow row(schema);
  FieldError error;
  if (fact.empty() || !row.Decode(fact, "", &error)) return std::nullopt;
  const bool converts = IsCurrency(row[from].text) && IsCurrency(row[to].text) && row[from].text != row[to].text &&
                        row[rate].decimal > 0 && !row[effective_on].is_null();
  if (!converts) return std::nullopt;
  return StatedRate{std::string(row[from].text), std::string(row[to].text), static_cast<Day>(row[effective_on].integer),
                    row[rate].decimal};
}

Day MaxRateAge(const v1::Program& program) {
  return program.max_rate_age_days() > 0 ? std::min(program.max_rate_age_days(), kMostMaxRateAge) : kDefaultMaxRateAge;
}

std::optional<Day> FirstDayOf(const FactRow& row, const std::vector<int>& slots, const absl::TimeZone& zone) {
  for (const int slot : slots) {
    const Value& value = row[slot];
    if (value.type == ValueType::kDate) return static_cast<Day>(value.integer);
    if (value.type == ValueType::kInstant) return CivilDayOf(value.integer, zone);
  }
  return std::nullopt;
}

std::optional<Day> MoneyDay(const FactRow& row, const absl::TimeZone& zone) {
  return FirstDayOf(row, row.schema().money_date_slots(), zone);
}

std::optional<Nanos> Converted(Nanos amount, const UsedRate& rate) {
  const Nanos magnitude = amount < 0 ? -amount : amount;
  // Both products have at most 34 digits of the 38 that 128 bits hold: the first because of this check, the second
  // because of the limit of amounts.
  if (!rate.inverse && magnitude > kMaxAmount * kNanosPerUnit / rate.rate) return std::nullopt;
  const Nanos converted = rate.inverse ? DivideHalfEven(amount * kNanosPerUnit, rate.rate)
                                       : DivideHalfEven(amount * rate.rate, kNanosPerUnit);
  if (converted > kMaxAmount || converted < -kMaxAmount) return std::nullopt;
  return converted;
}

void ConvertMoney(const std::vector<UsedRate>& rates, FactRow& row) {
  if (rates.empty()) return;
  row.Convert([&](const ForeignMoney& money) -> std::optional<Nanos> {
    for (const UsedRate& rate : rates) {
      if (rate.currency == money.currency) return Converted(money.amount, rate);
    }
    return std::nullopt;
  });
}

}  // namespace partnermetrics
