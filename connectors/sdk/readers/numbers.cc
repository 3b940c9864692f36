#include "connectors/sdk/readers/numbers.h"

#include <algorithm>
#include <array>

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::sdk {
namespace {

__extension__ using Wide = __int128;

constexpr int64_t kNanosPerUnit = 1'000'000'000;
constexpr int kNanoDigits = 9;

std::optional<Decimal> FromNanos(Wide nanos) {
  Wide units = nanos / kNanosPerUnit;
  if (units > kMaxDecimalUnits || units < -kMaxDecimalUnits) return std::nullopt;
  return Decimal{static_cast<int64_t>(units), static_cast<int32_t>(nanos % kNanosPerUnit)};
}

Wide ToNanos(const Decimal& value) {
  return Wide{value.units} * kNanosPerUnit + value.nanos;
}

Wide DivideHalfEven(Wide numerator, Wide denominator) {
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  bool negative = numerator < 0;
  Wide magnitude = negative ? -numerator : numerator;
  Wide quotient = magnitude / denominator;
  Wide twice_rest = (magnitude % denominator) * 2;
  if (twice_rest > denominator || (twice_rest == denominator && quotient % 2 != 0)) ++quotient;
  return negative ? -quotient : quotient;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Takes the group separators out and makes the decimal separator a point. Fails when a group does not have 3 digits.
bool Ungroup(std::string_view text, char group, char point, std::string* plain) {
  size_t end = text.find(point);
  if (end == std::string_view::npos) end = text.find_first_of("eE");
  std::string_view whole = text.substr(0, end);
  size_t first = whole.find(group);
  for (size_t i = first; i < whole.size(); i += 4) {
    if (whole[i] != group || whole.size() - i < 4 || (whole.size() > i + 4 && whole[i + 4] != group)) return false;
    if (!IsDigit(whole[i + 1]) || !IsDigit(whole[i + 2]) || !IsDigit(whole[i + 3])) return false;
  }
  if (first == 0) return false;
  plain->clear();
  for (char c : whole) {
    if (c != group) *plain += c;
  }
  if (end != std::string_view::npos) {
    *plain += text[end] == point ? '.' : text[end];
    *plain += text.substr(end + 1);
  }
  return true;
}

// The digits of a number without sign, point and exponent: value = digits * 10^exponent.
struct Scientific {
  std::string digits;
  int exponent = 0;
};

std::optional<int> ParseExponent(std::string_view text) {
  bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || text.size() > 3) return std::nullopt;
  int value = 0;
  for (char c : text) {
    if (!IsDigit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return negative ? -value : value;
}

std::optional<Scientific> ParseDigits(std::string_view text) {
  Scientific number;
  size_t i = 0;
  bool any = false;
  bool fraction = false;
  for (; i < text.size(); ++i) {
    char c = text[i];
    if (IsDigit(c)) {
      any = true;
      if (number.digits.size() >= 64) return std::nullopt;
      if (!number.digits.empty() || c != '0') number.digits += c;
      if (fraction) --number.exponent;
    } else if (c == '.' && !fraction) {
      fraction = true;
    } else {
      break;
    }
  }
  if (!any) return std::nullopt;
  if (i == text.size()) return number;
  if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
  std::optional<int> exponent = ParseExponent(text.substr(i + 1));
  if (!exponent) return std::nullopt;
  number.exponent += *exponent;
  return number;
}

// Codes of ISO 4217 in force, four bytes each.
constexpr std::string_view kCurrencies =
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
    "CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL "
    "HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL "
    "MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON "
    "RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS "
    "UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG HRK CUC ";
constexpr std::string_view kNoMinorUnit = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF ";
constexpr std::string_view kThreeDigits = "BHD IQD JOD KWD LYD OMR TND ";

}  // namespace

std::optional<Decimal> ParseDecimal(std::string_view text, NumberStyle style) {
  text = CleanCell(text);
  bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  std::string plain;
  if (style == NumberStyle::kCommaGrouped || style == NumberStyle::kDotGrouped) {
    bool comma = style == NumberStyle::kCommaGrouped;
    if (!Ungroup(text, comma ? ',' : '.', comma ? '.' : ',', &plain)) return std::nullopt;
    text = plain;
  }
  std::optional<Scientific> number = ParseDigits(text);
  if (!number) return std::nullopt;
  if (number->digits.empty()) return Decimal{};
  int shift = number->exponent + kNanoDigits;
  int size = static_cast<int>(number->digits.size()) + shift;  // digits of the value in nanos
  if (size > 9 + 16) return std::nullopt;
  if (size < 0) return Decimal{};
  // Two digits more than needed and a sticky one keep rounding exact without arbitrary precision.
  size_t kept = static_cast<size_t>(std::min<int>(static_cast<int>(number->digits.size()), size + 2));
  Wide value = 0;
  for (size_t i = 0; i < kept; ++i) value = value * 10 + (number->digits[i] - '0');
  bool sticky = number->digits.find_first_not_of('0', kept) != std::string::npos;
  int scale = size - static_cast<int>(kept);
  for (; scale > 0; --scale) value *= 10;
  if (scale < 0) {
    Wide divisor = 1;
    for (; scale < 0; ++scale) divisor *= 10;
    value = DivideHalfEven(value * 2 + (sticky ? 1 : 0), divisor * 2);
  }
  return FromNanos(negative ? -value : value);
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  std::optional<Decimal> value = ParseDecimal(text);
  if (!value || value->nanos != 0) return std::nullopt;
  return value->units;
}

std::optional<bool> ParseBool(std::string_view text) {
  text = Trim(text);
  for (std::string_view word : {"true", "1", "yes", "y", "t"}) {
    if (EqualsIgnoreCase(text, word)) return true;
  }
  for (std::string_view word : {"false", "0", "no", "n", "f"}) {
    if (EqualsIgnoreCase(text, word)) return false;
  }
  return std::nullopt;
}

std::optional<Decimal> FromMinorUnits(int64_t minor, int digits) {
  if (digits < 0 || digits > kNanoDigits) return std::nullopt;
  Wide nanos = minor;
  for (int i = digits; i < kNanoDigits; ++i) nanos *= 10;
  return FromNanos(nanos);
}

std::optional<Decimal> Scale(const Decimal& value, int64_t numerator, int64_t denominator) {
  if (denominator == 0) return std::nullopt;
  constexpr int64_t kMaxFactor = 1'000'000'000'000;  // keeps nanos * factor within 128 bits
  if (numerator > kMaxFactor || numerator < -kMaxFactor) return std::nullopt;
  return FromNanos(DivideHalfEven(ToNanos(value) * numerator, denominator));
}

std::optional<Decimal> Add(const Decimal& a, const Decimal& b) {
  return FromNanos(ToNanos(a) + ToNanos(b));
}

std::optional<Decimal> Subtract(const Decimal& total, const Decimal& part) {
  return FromNanos(ToNanos(total) - ToNanos(part));
}

std::string CurrencyCode(std::string_view code) {
  std::string upper = ToUpper(Trim(code));
  if (upper.size() != 3 || upper.find(' ') != std::string::npos) return "";
  return kCurrencies.find(upper + " ") == std::string_view::npos ? "" : upper;
}

int BillingMinorDigits(std::string_view code) {
  std::string currency = CurrencyCode(code);
  if (currency.empty()) return -1;
  currency += ' ';
  if (kNoMinorUnit.find(currency) != std::string_view::npos) return 0;
  return kThreeDigits.find(currency) != std::string_view::npos ? 3 : 2;
}

}  // namespace partnermetrics::sdk
