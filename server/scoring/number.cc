#include "server/scoring/number.h"

#include <algorithm>
#include <cmath>

#include "server/expr/decimal.h"

namespace partnermetrics {
namespace {

bool IsWhole(const std::optional<Nanos>& exact) {
  return exact && *exact % kNanosPerUnit == 0;
}

// The first of both that has no value, or null.
const Number* Missing(const Number& a, const Number& b) {
  return !a.has_value() ? &a : !b.has_value() ? &b : nullptr;
}

// `sum` when it is exact, else `value`.
Number ExactOr(bool fits, Nanos sum, double value, int64_t facts) {
  return fits ? Number::Exact(sum, facts) : Number::Inexact(value, facts);
}

}  // namespace

Number Number::NoData(v1::NoDataReason reason, int64_t facts) {
  Number number;
  number.no_data = reason;
  number.facts = facts;
  return number;
}

Number Number::Exact(Nanos nanos, int64_t facts) {
  Number number;
  number.exact = nanos;
  number.value = NanosToDouble(nanos);
  number.facts = facts;
  return number;
}

Number Number::Inexact(double value, int64_t facts) {
  Number number;
  number.value = value;
  number.facts = facts;
  return number;
}

Number Add(const Number& a, const Number& b) {
  if (const Number* missing = Missing(a, b); missing != nullptr) return *missing;
  Nanos sum = 0;
  const bool fits = a.exact && b.exact && AddNanos(*a.exact, *b.exact, sum);
  return ExactOr(fits, sum, a.value + b.value, a.facts + b.facts);
}

Number Subtract(const Number& a, const Number& b) {
  if (const Number* missing = Missing(a, b); missing != nullptr) return *missing;
  Nanos difference = 0;
  const bool fits = a.exact && b.exact && SubtractNanos(*a.exact, *b.exact, difference);
  return ExactOr(fits, difference, a.value - b.value, a.facts + b.facts);
}

Number Multiply(const Number& a, const Number& b) {
  if (const Number* missing = Missing(a, b); missing != nullptr) return *missing;
  Nanos product = 0;
  const bool fits =
      a.exact && b.exact && (IsWhole(a.exact) || IsWhole(b.exact)) && MultiplyNanos(*a.exact, *b.exact, product);
  return ExactOr(fits, product, a.value * b.value, std::max(a.facts, b.facts));
}

Number Divide(const Number& a, const Number& b) {
  if (const Number* missing = Missing(a, b); missing != nullptr) return *missing;
  if (b.value == 0) {
    return Number::NoData(b.facts == 0 ? v1::NO_DATA_REASON_NO_FACTS : v1::NO_DATA_REASON_DIVISION_BY_ZERO, b.facts);
  }
  // Of two exact values the billionths cancel: one rounding instead of three.
  const bool exact = a.exact && b.exact;
  Number quotient = Number::Inexact(
      exact ? static_cast<double>(*a.exact) / static_cast<double>(*b.exact) : a.value / b.value, b.facts);
  quotient.numerator = a.value;
  quotient.denominator = b.value;
  return quotient;
}

Number Modulo(const Number& a, const Number& b) {
  if (const Number* missing = Missing(a, b); missing != nullptr) return *missing;
  if (b.value == 0) return Number::NoData(v1::NO_DATA_REASON_DIVISION_BY_ZERO, b.facts);
  if (a.exact && b.exact) return Number::Exact(*a.exact % *b.exact, a.facts);
  return Number::Inexact(std::fmod(a.value, b.value), a.facts);
}

int Compare(const Number& a, const Number& b) {
  if (a.exact && b.exact) return *a.exact < *b.exact ? -1 : *a.exact > *b.exact ? 1 : 0;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

}  // namespace partnermetrics
