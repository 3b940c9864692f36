#include "server/scoring/display.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace partnermetrics {
namespace {

// Half up (away from zero). A value a hair below a half, because binary fractions are, counts as the half.
double RoundTo(double value, int places) {
  const double scale = std::pow(10.0, places);
  const double magnitude = std::floor(std::fabs(value) * scale * (1 + 1e-14) + 0.5) / scale;
  return value < 0 ? -magnitude : magnitude;
}

std::string WithThousands(std::string digits) {
  const size_t start = digits[0] == '-' ? 1 : 0;
  const size_t dot = digits.find('.');
  for (size_t i = dot == std::string::npos ? digits.size() : dot; i > start + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

// With at most `places` decimals; zeros at the end are left out.
std::string Trimmed(double value, int places) {
  std::string text = absl::StrFormat("%.*f", places, RoundTo(value, places));
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
  return magnitude == std::floor(magnitude) ? Trimmed(magnitude, 0) : absl::StrFormat("%.2f", RoundTo(magnitude, 2));
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
      return absl::StrFormat("%.1f", RoundTo(value, 1));
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
