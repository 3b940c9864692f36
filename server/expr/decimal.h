// Exact arithmetic on decimals (128-bit nanos) that notices overflow.
//
//   Nanos product;
//   if (!MultiplyNanos(price, quantity, product)) return Value::Null();
//
// Products and quotients round half to even at the ninth place. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_EXPR_DECIMAL_H_
#define PARTNERMETRICS_SERVER_EXPR_DECIMAL_H_

#include "server/base/civil.h"

namespace partnermetrics {

// False, and no result, when it does not fit.
bool AddNanos(Nanos a, Nanos b, Nanos& sum);
bool SubtractNanos(Nanos a, Nanos b, Nanos& difference);
bool MultiplyNanos(Nanos a, Nanos b, Nanos& product);
// Also false for b = 0.
bool DivideNanos(Nanos a, Nanos b, Nanos& quotient);

// a / b as an integer, half to even; b is not 0.
Nanos DivideHalfEven(Nanos a, Nanos b);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPR_DECIMAL_H_
