#include "server/expr/decimal.h"

#include <gtest/gtest.h>

namespace partnermetrics {
namespace {

Nanos Product(Nanos a, Nanos b) {
  Nanos product = 0;
  EXPECT_TRUE(MultiplyNanos(a, b, product));
  return product;
}

// The parity that decides is that of the whole product, not of what is left beside whole units.
TEST(MultiplyNanos, RoundsHalvesToEven) {
  const Nanos one_and_a_half = kNanosPerUnit * 3 / 2, half = kNanosPerUnit / 2;
  EXPECT_EQ(Product(1, half), 0);
  EXPECT_EQ(Product(3, half), 2);
  EXPECT_EQ(Product(1, one_and_a_half), 2);
  EXPECT_EQ(Product(3, one_and_a_half), 4);
  EXPECT_EQ(Product(5, one_and_a_half), 8);
  EXPECT_EQ(Product(-1, one_and_a_half), -2);
}

TEST(MultiplyNanos, IsExactForWholeFactorsAndRefusesWhatDoesNotFit) {
  EXPECT_EQ(Product(7 * kNanosPerUnit, 3 * kNanosPerUnit), 21 * kNanosPerUnit);
  Nanos product = 0;
  EXPECT_FALSE(MultiplyNanos(absl::Int128Max(), 2 * kNanosPerUnit, product));
}

}  // namespace
}  // namespace partnermetrics
