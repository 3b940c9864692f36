// The value of a formula: a number with where it came from, or the reason why there is none.
//
//   Number rate = Divide(won, all);
//   if (rate.has_value()) Show(rate.value);
//
// Sums and counts stay exact; NO_DATA passes through every operation. Values; functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SCORING_NUMBER_H_
#define PARTNERMETRICS_SERVER_SCORING_NUMBER_H_

#include <cstdint>
#include <optional>

#include "partnermetrics/v1/metric_service.pb.h"
#include "server/base/civil.h"

namespace partnermetrics {

struct Number {
  v1::NoDataReason no_data = v1::NO_DATA_REASON_UNSPECIFIED;
  double value = 0;
  std::optional<Nanos> exact;                    // when the value is no quotient
  std::optional<double> numerator, denominator;  // when it is one
  int64_t facts = 0;                             // that it counts; of a quotient, those of the denominator

  bool has_value() const { return no_data == v1::NO_DATA_REASON_UNSPECIFIED; }

  static Number NoData(v1::NoDataReason reason, int64_t facts = 0);
  static Number Exact(Nanos nanos, int64_t facts = 0);
  static Number Inexact(double value, int64_t facts = 0);
  static Number Truth(bool value) { return Exact(value ? kNanosPerUnit : 0); }
};

// Sums stay exact, and products with a whole number.
Number Add(const Number& a, const Number& b);
Number Subtract(const Number& a, const Number& b);
Number Multiply(const Number& a, const Number& b);
// Division by zero is NO_FACTS when nothing stands behind the zero.
Number Divide(const Number& a, const Number& b);
Number Modulo(const Number& a, const Number& b);
// -1, 0 or 1; both have values.
int Compare(const Number& a, const Number& b);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_NUMBER_H_
