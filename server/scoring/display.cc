#include "server/scoring/display.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace partnermetrics {
namespace {

constexpr double kScale[] = {1, 10, 100, 1'000};  // by number of decimals
// Whole numbers up to here are exact as doubles.
constexpr double kLargestExact = 1e15;

// The magnitude in units of the last decimal, half up. A value a hair below a half, because binary fractions are,
// counts as the half.
double RoundedUnits(double value, int places) {
  return std::floor(std::fabs(value) * kScale[places] * (1 + 1e-14) + 0.5);
}

double RoundTo(double value, int places) {
  const double magnitude = RoundedUnits(value, places) / kScale[places];
  return value < 0 ? -magnitude : magnitude;
}

// With that many decimals. The digits of what is rounded are those of a whole number: no need to format a double.
std::string Fixed(double value, int places) {
  const double units = RoundedUnits(value, places);
  if (!(units < kLargestExact)) return absl::StrFormat("%.*f", places, RoundTo(value, places));
  std::string text = absl::StrCat(static_cast<int64_t>(units));
  const auto decimals = static_cast<size_t>(places);
  if (text.size() <= decimals) text.insert(0, decimals + 1 - text.size(), '0');
  if (places > 0) text.insert(text.size() - decimals, 1, '.');
  if (value < 0) text.insert(0, 1, '-');
  return text;
}

std::string WithThousands(std::string digits) {
  const size_t start = digits[0] == '-' ? 1 : 0;
  const size_t dot = digits.find('.');
  for (size_t i = dot == std::string::npos ? digits.size() : dot; i > start + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

// With at most `places` decimals; zeros at the end are left out.
std::string Trimmed(double value, int places) {
  std::string text = Fixed(value, places);
  if (places > 0) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return WithThousands(text == "-0" ? "0" : text);
}

// One decimal below ten, where it still tells something.
std::string Short(double value) {
  return Trimmed(value, std::fabs(RoundTo(value, 1)) < 10 ? 1 : 0);
}

std::string Amount(double magnitude) {
  static constexpr struct {
    double unit;
    const char* suffix;
  } kScales[] = {{1e9, "B"}, {1e6, "M"}, {1e3, "K"}};
  for (const auto& scale : kScales) {
    const double scaled = magnitude / scale.unit;
    // 999,999 is 1M, not 1000K.
    if (RoundTo(scaled, 3) < 1 && RoundTo(scaled * 1000, 0) < 1000) continue;
    const bool thousands = scale.unit == 1e3;
    return absl::StrCat(Trimmed(scaled, thousands && RoundTo(scaled, 1) >= 10 ? 0 : 1), scale.suffix);
  }
  return magnitude == std::floor(magnitude) ? Trimmed(magnitude, 0) : Fixed(magnitude, 2);
}

std::string Money(double value, absl::string_view currency) {
  const absl::string_view symbol = currency == "USD"   ? "$"
                                   : currency == "EUR" ? "€"
                                   : currency == "GBP" ? "£"
                                   : currency == "JPY" ? "¥"
                                                       : "";
  const std::string amount = Amount(std::fabs(value));
  const absl::string_view sign = value < 0 && amount != "0" && amount != "0.00" ? "-" : "";
  return symbol.empty() ? absl::StrCat(currency, " ", sign, amount) : absl::StrCat(sign, symbol, amount);
}

}  // namespace

std::string DisplayValue(const Number& number, v1::MetricUnit unit, absl::string_view currency) {
  if (!number.has_value()) return "no data";
  const double value = number.value;
  switch (unit) {
    case v1::METRIC_UNIT_MONEY:
      return Money(value, currency);
    case v1::METRIC_UNIT_MONEY_PER_MONTH:
      return absl::StrCat(Money(value, currency), "/month");
    case v1::METRIC_UNIT_PERCENT:
      return absl::StrCat(Short(value * 100), " %");
    case v1::METRIC_UNIT_DAYS: {
      const std::string days = Short(value);
      return absl::StrCat(days, days == "1" ? " day" : " days");
    }
    case v1::METRIC_UNIT_HOURS:
      return absl::StrCat(Short(value), " h");
    case v1::METRIC_UNIT_RATIO:
      return absl::StrCat(Trimmed(value, 1), "x");
    case v1::METRIC_UNIT_RATING:
      return Fixed(value, 1);
    case v1::METRIC_UNIT_COUNT:
    case v1::METRIC_UNIT_POINTS:
    default:
      return Trimmed(value, 1);
  }
}

std::string DisplayChange(const Number& change, v1::MetricUnit unit, absl::string_view currency) {
  const std::string text = unit == v1::METRIC_UNIT_PERCENT ? absl::StrCat(Short(change.value * 100), " pp")
                                                           : DisplayValue(change, unit, currency);
  return change.value > 0 ? absl::StrCat("+", text) : text;
}

}  // namespace partnermetrics
