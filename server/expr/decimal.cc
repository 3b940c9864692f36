#include "server/expr/decimal.h"

#include <limits>

namespace partnermetrics {
namespace {

absl::uint128 Magnitude(Nanos value) {
  return value < 0 ? absl::uint128(0) - static_cast<absl::uint128>(value) : static_cast<absl::uint128>(value);
}

// False when magnitude * factor does not fit into 127 bits.
bool Scale(absl::uint128 magnitude, absl::uint128 factor, absl::uint128& result) {
  const absl::uint128 most = absl::Uint128Max() >> 1;
  if (factor != 0 && magnitude > most / factor) return false;
  result = magnitude * factor;
  return true;
}

// a / b + whole, half to even.
absl::uint128 RoundedQuotient(absl::uint128 a, absl::uint128 b, absl::uint128 whole = 0) {
  absl::uint128 quotient = a / b + whole;
  const absl::uint128 rest = a % b;
  const absl::uint128 other = b - rest;  // rest > other: more than half
  if (rest > other || (rest == other && (quotient & 1) != 0)) quotient += 1;
  return quotient;
}

Nanos Signed(absl::uint128 magnitude, bool negative) {
  return negative ? -static_cast<Nanos>(magnitude) : static_cast<Nanos>(magnitude);
}

}  // namespace

bool AddNanos(Nanos a, Nanos b, Nanos& sum) {
  if (b > 0 ? a > absl::Int128Max() - b : a < absl::Int128Min() - b) return false;
  sum = a + b;
  return true;
}

bool SubtractNanos(Nanos a, Nanos b, Nanos& difference) {
  if (b < 0 ? a > absl::Int128Max() + b : a < absl::Int128Min() + b) return false;
  difference = a - b;
  return true;
}

bool MultiplyNanos(Nanos a, Nanos b, Nanos& product) {
  // Whole units and the rest apart, so that ordinary amounts never come near 128 bits.
  const absl::uint128 x = Magnitude(a), y = Magnitude(b), unit = kNanosPerUnit;
  absl::uint128 whole, rest;
  if (!Scale(x, y / unit, whole) || !Scale(x, y % unit, rest)) return false;
  if (whole > (absl::Uint128Max() >> 1) - (rest / unit + 1)) return false;
  product = Signed(RoundedQuotient(rest, unit, whole), (a < 0) != (b < 0));
  return true;
}

bool DivideNanos(Nanos a, Nanos b, Nanos& quotient) {
  absl::uint128 scaled;
  if (b == 0 || !Scale(Magnitude(a), kNanosPerUnit, scaled)) return false;
  quotient = Signed(RoundedQuotient(scaled, Magnitude(b)), (a < 0) != (b < 0));
  return true;
}

Nanos DivideHalfEven(Nanos a, Nanos b) {
  return Signed(RoundedQuotient(Magnitude(a), Magnitude(b)), (a < 0) != (b < 0));
}

}  // namespace partnermetrics
