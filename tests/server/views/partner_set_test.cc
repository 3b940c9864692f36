#include "server/views/partner_set.h"

#include <gtest/gtest.h>

#include <set>

namespace partnermetrics {
namespace {

std::set<uint32_t> Partners(const PartnerSet& set) {
  std::set<uint32_t> partners;
  set.ForEach([&partners](uint32_t partner) { partners.insert(partner); });
  return partners;
}

TEST(PartnerSet, TellsWhoIsInIt) {
  PartnerSet set;
  EXPECT_FALSE(set.Remove(3));
  set.Add(3);
  set.Add(3);
  set.AddUpTo(2);
  EXPECT_EQ(Partners(set), (std::set<uint32_t>{0, 1, 3}));
  EXPECT_TRUE(set.Remove(3));
  EXPECT_FALSE(set.Remove(3));
  EXPECT_EQ(Partners(set), (std::set<uint32_t>{0, 1}));
}

// Some may have been added while others were worked off.
TEST(PartnerSet, CompactingForgetsNobody) {
  PartnerSet set;
  set.AddUpTo(3);
  set.Remove(1);
  set.Compact();
  EXPECT_EQ(Partners(set), (std::set<uint32_t>{0, 2}));
  set.Add(1);
  EXPECT_EQ(Partners(set), (std::set<uint32_t>{0, 1, 2}));
}

}  // namespace
}  // namespace partnermetrics
