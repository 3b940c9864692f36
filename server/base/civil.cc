#include "server/base/civil.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace partnermetrics {

std::string DayText(Day day) {
  const absl::CivilDay civil = ToCivil(day);
  return absl::StrFormat("%04d-%02d-%02d", civil.year(), civil.month(), civil.day());
}

std::string NanosText(Nanos nanos) {
  const bool negative = nanos < 0;
  absl::uint128 magnitude = negative ? -absl::uint128(nanos) : absl::uint128(nanos);
  const auto fraction = static_cast<int64_t>(magnitude % kNanosPerUnit);
  absl::uint128 whole = magnitude / kNanosPerUnit;
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(whole % 10)));
    whole /= 10;
  } while (whole != 0);
  std::string text = absl::StrCat(negative ? "-" : "", digits);
  if (fraction != 0) {
    std::string decimals = absl::StrFormat("%09d", fraction);
    decimals.erase(decimals.find_last_not_of('0') + 1);
    absl::StrAppend(&text, ".", decimals);
  }
  return text;
}

}  // namespace partnermetrics
