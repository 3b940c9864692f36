#include "server/engine/keyed_values.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "absl/strings/str_cat.h"

namespace partnermetrics {
namespace {

using Plain = std::map<std::string, KeyedValues::Value>;

Plain InOrder(const KeyedValues& values) {
  Plain plain;
  std::string last;
  for (const KeyedValues::Entry* entry : values.InOrder()) {
    EXPECT_TRUE(plain.empty() || last < entry->first) << "in order, and each key once";
    last = entry->first;
    plain.emplace(entry->first, entry->second);
  }
  return plain;
}

TEST(KeyedValues, AnEntryThatComesAfterTheOrderWasAskedForFindsItsPlace) {
  KeyedValues values;
  values.Set("b", "2");
  values.Set("d", "4");
  EXPECT_EQ(InOrder(values), (Plain{{"b", "2"}, {"d", "4"}}));
  values.Set("c", "3");
  values.Set("e", "5");
  values.Set("a", std::nullopt);
  values.Set("b", "two");
  EXPECT_EQ(InOrder(values), (Plain{{"a", std::nullopt}, {"b", "two"}, {"c", "3"}, {"d", "4"}, {"e", "5"}}));
}

TEST(KeyedValues, WhatIsMovedHidesWhatWasThereAndLeavesNothingBehind) {
  KeyedValues from, to;
  to.Set("a", "old");
  to.Set("b", "stays");
  EXPECT_EQ(InOrder(to).size(), 2u);
  from.Set("a", std::nullopt);
  from.Set("c", "new");
  EXPECT_EQ(InOrder(from).size(), 2u);
  from.MoveTo(to);
  EXPECT_TRUE(from.empty());
  EXPECT_TRUE(InOrder(from).empty());
  EXPECT_EQ(InOrder(to), (Plain{{"a", std::nullopt}, {"b", "stays"}, {"c", "new"}}));
}

// Keys that are equal for long, that are the beginning of others, and that hold bytes of every sign.
TEST(KeyedValues, AreInTheOrderOfTheirBytesWhateverTheKeysLookLike) {
  std::mt19937_64 random(11);
  const auto draw = [&random](uint64_t most) { return random() % (most + 1); };
  for (int round = 0; round < 200; ++round) {
    const std::string alike(draw(20), 'x');
    KeyedValues values, moved;
    Plain plain;
    for (int i = 0; i < 100; ++i) {
      std::string key = alike;
      const uint64_t size = draw(12);
      for (uint64_t j = 0; j < size; ++j) key.push_back(static_cast<char>(draw(2) == 0 ? draw(255) : draw(1)));
      const std::string value = absl::StrCat(i);
      if (draw(1) == 0) {
        values.Set(key, value);
      } else {
        moved.Set(key, value);
        moved.MoveTo(values);
      }
      plain[key] = value;
      if (draw(9) == 0) {
        EXPECT_EQ(InOrder(values), plain);
      }
    }
    EXPECT_EQ(InOrder(values), plain);
    for (const auto& [key, value] : plain) {
      ASSERT_NE(values.Find(key, KeyedValues::Hash(key)), nullptr);
      EXPECT_EQ(*values.Find(key, KeyedValues::Hash(key)), value);
    }
  }
}

TEST(KeyedValues, AKeyThatIsTheBeginningOfAllOthersComesFirst) {
  KeyedValues values;
  Plain plain;
  for (int zeros = 40; zeros >= 0; --zeros) {
    const std::string key = "key" + std::string(static_cast<size_t>(zeros), '\0');
    values.Set(key, "");
    plain[key] = "";
  }
  EXPECT_EQ(InOrder(values), plain);
}

}  // namespace
}  // namespace partnermetrics
