#include "clients/cli/renderers/unit_text.h"

#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cli/text_layout.h"

namespace partnermetrics::cli {
namespace {

// The number with at most that many decimals, without trailing zeros, and with grouped digits.
std::string FormatShort(double value, int decimals) {
  std::string text = absl::StrFormat("%.*f", decimals, value);
  if (absl::StrContains(text, '.')) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : GroupDigits(std::move(text));
}

std::string FormatMoney(double value, absl::string_view currency) {
  constexpr struct {
    absl::string_view code;
    absl::string_view symbol;
  } kSymbols[] = {{"USD", "$"}, {"EUR", "€"}, {"GBP", "£"}, {"JPY", "¥"}};
  std::string symbol = currency.empty() ? "" : absl::StrCat(currency, " ");
  for (const auto& known : kSymbols) {
    if (known.code == currency) symbol = std::string(known.symbol);
  }
  const double size = std::fabs(value);
  const absl::string_view sign = value < 0 ? "-" : "";
  // The borders leave room for rounding: 999,950 would otherwise be "1,000K".
  if (size >= 999.95e6) return absl::StrCat(sign, symbol, FormatShort(size / 1e9, 1), "B");
  if (size >= 999.95e3) return absl::StrCat(sign, symbol, FormatShort(size / 1e6, 1), "M");
  if (size >= 999.95) return absl::StrCat(sign, symbol, FormatShort(size / 1e3, 1), "K");
  return absl::StrCat(sign, symbol, FormatShort(size, 2));
}

std::string WithUnit(double value, absl::string_view one, absl::string_view many) {
  const std::string number = FormatShort(value, 1);
  return absl::StrCat(number, " ", number == "1" ? one : many);
}

}  // namespace

std::string FormatPercent(double share) {
  return absl::StrCat(FormatShort(share * 100, 1), " %");
}

std::string FormatInUnit(double value, v1::MetricUnit unit, absl::string_view currency) {
  switch (unit) {
    case v1::METRIC_UNIT_MONEY:
      return FormatMoney(value, currency);
    case v1::METRIC_UNIT_MONEY_PER_MONTH:
      return absl::StrCat(FormatMoney(value, currency), "/month");
    case v1::METRIC_UNIT_PERCENT:
      return FormatPercent(value);
    case v1::METRIC_UNIT_DAYS:
      return WithUnit(value, "day", "days");
    case v1::METRIC_UNIT_HOURS:
      return absl::StrCat(FormatShort(value, 1), " h");
    case v1::METRIC_UNIT_RATIO:
      return absl::StrCat(FormatShort(value, 2), "x");
    default:
      return FormatShort(value, 2);
  }
}

std::string FormatTarget(const v1::MetricTarget& target, v1::MetricUnit unit, absl::string_view currency) {
  if (target.has_min() && target.has_max()) {
    return absl::StrCat(FormatInUnit(target.min(), unit, currency), " – ", FormatInUnit(target.max(), unit, currency));
  }
  if (target.has_max()) return absl::StrCat("≤ ", FormatInUnit(target.max(), unit, currency));
  return target.has_min() ? FormatInUnit(target.min(), unit, currency) : "";
}

}  // namespace partnermetrics::cli
