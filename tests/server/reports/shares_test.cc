#include "server/reports/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Revenue by tier of the document. By plain rounding the last would be 4.
TEST(PercentSharesTest, AddUpTo100) {
  EXPECT_THAT(PercentShares({3'200'000, 2'100'000, 1'100'000, 300'000}), ElementsAre(48, 31, 16, 5));
  EXPECT_THAT(PercentShares({2'300'000, 1'530'000, 920'000, 370'000}), ElementsAre(45, 30, 18, 7));
}

TEST(PercentSharesTest, OfEqualRemaindersTheFirstIsRoundedUp) {
  EXPECT_THAT(PercentShares({1, 1, 1}), ElementsAre(34, 33, 33));
  EXPECT_THAT(PercentShares({1, 1, 1, 1, 1, 1}), ElementsAre(17, 17, 17, 17, 16, 16));
}

TEST(PercentSharesTest, WithoutAWholeThereAreNoShares) {
  EXPECT_THAT(PercentShares({}), IsEmpty());
  EXPECT_THAT(PercentShares({0, 0}), ElementsAre(0, 0));
  EXPECT_THAT(PercentShares({7}), ElementsAre(100));
}

TEST(PercentSharesTest, WhatIsBelowZeroHasNone) {
  EXPECT_THAT(PercentShares({30, -10, 10}), ElementsAre(75, 0, 25));
}

TEST(PercentSharesTest, LargeAmountsStayExact) {
  const Nanos most = Nanos(1'000'000'000'000'000) * kNanosPerUnit;
  EXPECT_THAT(PercentShares({most, most, most, 1}), ElementsAre(34, 33, 33, 0));
}

TEST(PercentSharesTest, WhateverThePartsAre) {
  uint32_t seed = 1;
  for (int round = 0; round < 2'000; ++round) {
    std::vector<Nanos> parts;
    for (int i = 0; i <= round % 40; ++i) parts.push_back((seed = seed * 1664525 + 1013904223) % 1000);
    const auto shares = PercentShares(parts);
    const Nanos whole = std::accumulate(parts.begin(), parts.end(), Nanos(0));
    if (whole == 0) continue;
    EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), 0), 100);
    for (size_t i = 0; i < parts.size(); ++i) {
      EXPECT_LT(Nanos(shares[i]) * whole - parts[i] * 100, whole);
      EXPECT_LT(parts[i] * 100 - Nanos(shares[i]) * whole, whole);
    }
  }
}

}  // namespace
}  // namespace partnermetrics
