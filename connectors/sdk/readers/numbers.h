// Numbers as exports write them: exact decimals, amounts in minor units, currencies, booleans.
//
//   std::optional<Decimal> amount = ParseDecimal("3.00E+07");      // 30000000
//   std::optional<Decimal> price = FromMinorUnits(1999, BillingMinorDigits("usd"));  // 19.99
//
// All functions are pure and thread-safe. An empty result means that the text is none of these; blank is never zero.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_NUMBERS_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace partnermetrics::sdk {

// units + nanos / 10^9, both with the same sign.
struct Decimal {
  int64_t units = 0;
  int32_t nanos = 0;

  bool operator==(const Decimal& other) const { return units == other.units && nanos == other.nanos; }
  bool IsZero() const { return units == 0 && nanos == 0; }
  bool IsNegative() const { return units < 0 || nanos < 0; }
};

// Largest magnitude of Decimal::units.
inline constexpr int64_t kMaxDecimalUnits = 1'000'000'000'000'000;

// How thousands and fractions are separated. Grouped styles also accept numbers without groups.
enum class NumberStyle {
  kPlain,         // 1234.5
  kCommaGrouped,  // 1,234.5
  kDotGrouped,    // 1.234,5 and 1234,5
};

// Parses "-12.50", "35000", "3.00E+07". Digits beyond nine decimals are rounded half to even.
std::optional<Decimal> ParseDecimal(std::string_view text, NumberStyle style = NumberStyle::kPlain);

// Parses a whole number; "12" and "12.0" are 12, "12.5" is not one.
std::optional<int64_t> ParseInteger(std::string_view text);

// Parses true/false, 1/0, yes/no, y/n, t/f in any case. Blank is no boolean: what it means depends on the dialect.
std::optional<bool> ParseBool(std::string_view text);

// minor / 10^digits; digits from 0 to 9.
std::optional<Decimal> FromMinorUnits(int64_t minor, int digits);

// value * numerator / denominator, rounded half to even. Empty when the result is too large or denominator is 0.
std::optional<Decimal> Scale(const Decimal& value, int64_t numerator, int64_t denominator);

// Exact sum; empty when it is too large.
std::optional<Decimal> Add(const Decimal& a, const Decimal& b);

// total - part; empty when it is too large.
std::optional<Decimal> Subtract(const Decimal& total, const Decimal& part);

// The upper-case code when it is a currency of ISO 4217, else empty.
std::string CurrencyCode(std::string_view code);

// Decimal places of the minor unit that billing APIs (Stripe, Chargebee) use for a currency: 0 for JPY, 3 for KWD, and
// 2 for ISK and UGX although they have no minor unit. -1 for an unknown code.
int BillingMinorDigits(std::string_view code);

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_NUMBERS_H_
