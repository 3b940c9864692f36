// Tables by record id in little memory.
#include "connectors/salesforce_export/id_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace partnermetrics::salesforce {
namespace {

constexpr size_t kMuch = size_t{1} << 30;

std::string RandomId(std::mt19937_64* random) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string id(PackedId::kChars, '0');
  for (char& c : id) c = kDigits[(*random)() % kDigits.size()];
  return id;
}

TEST(PackedIdTest, KeepsEveryLetterAndDigitInItsCase) {
  for (const char* id : {"0015f00000aBcDe", "zzzzzzzzzzzzzzz", "000000000000001", "ZZZZZaaaaa99999"}) {
    ASSERT_TRUE(PackedId::Of(id).has_value());
    EXPECT_EQ(PackedId::Of(id)->Text(), id);
    EXPECT_EQ(PackedId::Of(std::string(id) + "AAA"), PackedId::Of(id)) << "check characters say nothing of their own";
  }
  EXPECT_EQ(sizeof(PackedId), 12U);
}

TEST(PackedIdTest, OtherTextsAreNoId) {
  for (const char* text : {"", "0015f00000aBcD", "Ann-Marie Smith", "0015f00000aBc\xc3\xa4"}) {
    EXPECT_FALSE(PackedId::Of(text).has_value()) << text;
  }
  EXPECT_TRUE(PackedId::Of("000000000000000")->empty()) << "the null id";
}

TEST(IdTableTest, FindsWhatAMapWould) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  LookupMemory memory(kMuch);
  IdTable<uint32_t> table(&memory);
  std::map<std::string, uint32_t> known;
  for (uint32_t i = 0; i < 50'000; ++i) {
    const std::string id = random() % 3 == 0 && !known.empty() ? known.begin()->first : RandomId(&random);
    if (random() % 2 == 0) {
      table.Set(id, i);
      known[id] = i;
    } else {
      bool added = false;
      const uint32_t* value = table.TryAdd(id, i, &added);
      const auto [it, expected] = known.try_emplace(id, i);
      ASSERT_NE(value, nullptr);
      EXPECT_EQ(added, expected);
      EXPECT_EQ(*value, it->second);
    }
  }
  EXPECT_EQ(table.size(), known.size());
  for (const auto& [id, value] : known) {
    ASSERT_TRUE(table.Has(id));
    EXPECT_EQ(*table.Find(id), value);
    EXPECT_FALSE(table.Has(RandomId(&random)));
  }
}

TEST(IdTableTest, TextsThatAreNoIdHaveNoPlace) {
  LookupMemory memory(kMuch);
  IdTable<uint32_t> table(&memory);
  bool added = false;
  EXPECT_EQ(table.TryAdd("", 1, &added), nullptr);
  table.Set("000000000000000AAA", 1);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_FALSE(table.Has("000000000000000AAA"));
}

TEST(IdTableTest, TakesLittleAndCountsIt) {
  std::mt19937_64 random(1);
  LookupMemory memory(kMuch);
  IdTable<uint32_t> table(&memory);
  constexpr size_t kMany = 300'000;
  for (size_t i = 0; i < kMany; ++i) table.Set(RandomId(&random), 1);
  EXPECT_GE(memory.taken(), kMany * 16);
  EXPECT_LE(memory.taken(), kMany * 28);

  LookupMemory little(1'000'000);
  IdTable<uint32_t> too_much(&little);
  size_t taken = 0;
  while (!little.exceeded()) too_much.Set(RandomId(&random), static_cast<uint32_t>(++taken));
  EXPECT_LE(little.taken(), 1'000'000 + 5'000U) << "it comes bit by bit";
  EXPECT_EQ(too_much.size(), taken) << "what is there stays there";
}

TEST(TextsTest, AreFoundAtTheirPlaces) {
  LookupMemory memory(kMuch);
  Texts texts(&memory);
  std::vector<std::pair<uint32_t, std::string>> known = {{texts.Add(""), ""}};
  for (int i = 0; i < 30'000; ++i) {
    const std::string text = "name " + std::to_string(i) + std::string(static_cast<size_t>(i % 300), 'x');
    known.emplace_back(texts.Add(text), text);
  }
  for (const auto& [place, text] : known) ASSERT_EQ(texts.At(place), text);
}

TEST(TextsTest, AreCutBetweenCharacters) {
  LookupMemory memory(kMuch);
  Texts texts(&memory);
  std::string text(4095, 'x');
  EXPECT_EQ(texts.At(texts.Add(text + "y\xc3\xa4")), text + "y");
  EXPECT_EQ(texts.At(texts.Add(text + "\xc3\xa4")), text);
}

}  // namespace
}  // namespace partnermetrics::salesforce
