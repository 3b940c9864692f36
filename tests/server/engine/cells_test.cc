#include "server/engine/cells.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "tests/support/memory_storage.h"

namespace partnermetrics {
namespace {

Day On(int year, int month, int day) {
  return ToDay(absl::CivilDay(year, month, day));
}

std::string Encoded(int year, const std::vector<std::pair<absl::string_view, const CellPage*>>& pages) {
  std::vector<NamedPage> named;
  for (const auto& [row, page] : pages) named.push_back({row, page, nullptr});
  return EncodeYear(year, named);
}
std::vector<DayCell> Listed(const DayCells& days) {
  std::vector<DayCell> listed;
  days.ForEach([&listed](const DayCell& cell) { listed.push_back(cell); });
  return listed;
}
const auto ignore = [](absl::string_view, const auto&) {};

TEST(StoredPages, SurviveEncodingWithNegativeAndHugeSums) {
  CellPage first, second;
  first.Add({On(2024, 1, 1), 1, 1, Nanos(-5)});
  first.Add({On(2024, 12, 31), 1, -1, absl::MakeInt128(1'000'000'000'000, 7)});
  second.Add({On(2024, 2, 29), 2, 2, Nanos(0)});
  std::map<std::string, CellPage> decoded;
  ASSERT_TRUE(DecodeYear(
                  2024, Encoded(2024, {{"a", &first}, {"b", &second}}),
                  [&](absl::string_view row, CellPage page) { decoded[std::string(row)] = std::move(page); }, ignore)
                  .ok());
  ASSERT_EQ(decoded.size(), 2u);
  EXPECT_EQ(Listed(decoded["a"].days), Listed(first.days));
  EXPECT_EQ(decoded["a"].sum, first.sum);
  EXPECT_EQ(Listed(decoded["b"].days), Listed(second.days));
}

// The example of docs/formats.md. These bytes are stored: a change needs a new format.
TEST(StoredPages, BytesNeverChange) {
  CellPage page;
  page.Add({On(2026, 3, 31), 1, 1, Nanos(100) * kNanosPerUnit});
  EXPECT_EQ(absl::BytesToHexString(Encoded(2026, {{"won", &page}})),
            "02"
            "01"
            "03776f6e"
            "00"
            "02"
            "80a0b787e905"
            "01"
            "5a"
            "01"
            "02"
            "80a0b787e905");
}

TEST(StoredPages, RefuseDamagedBytes) {
  CellPage page;
  page.Add({On(2024, 5, 5), 1, 1, Nanos(99)});
  const std::string good = Encoded(2024, {{"won", &page}});
  EXPECT_TRUE(DecodeYear(2024, good, ignore, ignore).ok());
  for (size_t cut = 0; cut < good.size(); ++cut)
    EXPECT_FALSE(DecodeYear(2024, good.substr(0, cut), ignore, ignore).ok());
  EXPECT_FALSE(DecodeYear(2024, good + "x", ignore, ignore).ok());
}

TEST(StoredPages, EntriesComeBackAndDamageIsRefused) {
  EntryPage page;
  page.Add("a", {On(2024, 5, 5), 1, 1, Nanos(99)});
  page.Add(absl::string_view("b\0", 2), {On(2024, 5, 5), 2, 0, Nanos(0)});
  page.Add("a", {On(2024, 12, 31), 1, -1, Nanos(-99)});
  const NamedPage named{"keys", nullptr, &page};
  const std::string good = EncodeYear(2024, {&named, 1});
  EntryPage decoded;
  ASSERT_TRUE(DecodeYear(2024, good, ignore, [&](absl::string_view row, EntryPage read) {
                EXPECT_EQ(row, "keys");
                decoded = std::move(read);
              }).ok());
  EXPECT_EQ(decoded.entries, page.entries);
  for (size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_FALSE(DecodeYear(2024, good.substr(0, cut), ignore, ignore).ok());
  }
}

TEST(CellPage, ForgetsADayWhoseContributionsAreAllTakenBack) {
  CellPage page;
  page.Add({On(2024, 5, 5), 1, 1, Nanos(99)});
  page.Add({On(2024, 5, 5), -1, -1, Nanos(-99)});
  EXPECT_TRUE(page.days.empty());
}

TEST(CellPage, KeepsADayOnWhichAStockBeginsAndEnds) {
  CellPage page;
  page.Add({On(2024, 5, 5), 1, 1, Nanos(99)});
  page.Add({On(2024, 5, 5), 1, -1, Nanos(-99)});
  EXPECT_EQ(Listed(page.days), (std::vector<DayCell>{{0, 0, On(2024, 5, 5), 2}}));
}

TEST(CellPageDeathTest, StopsWhenASumIsLeftWithoutContributions) {
  CellPage page;
  page.Add({On(2024, 5, 5), 1, 1, Nanos(99)});
  EXPECT_DEATH(page.Add({On(2024, 5, 5), -1, -1, Nanos(-98)}), "without contributions has a sum");
}

class CellTableTest : public ::testing::Test {
 protected:
  CellTable Table(size_t cache_bytes) { return CellTable(keys_, state_, scopes_, measures_, cache_bytes); }
  void Checkpoint(CellTable& table) {
    Write(table, table.TakeDirty());
    table.Evict();
  }
  void Write(const CellTable& table, const std::vector<DirtyYear>& years) {
    for (const DirtyYear& year : years) {
      const CellChange change = table.Encode(year);
      ASSERT_TRUE(state_.WriteCheckpoint({{storage::StateTable::kCells, change.key, change.value}}).ok());
    }
  }
  static void Publish(CellTable& table) {
    table.Seal();
    PublishSealed(table);
  }
  static void PublishSealed(CellTable& table) {
    table.TakeSealed();
    table.AddTaken();
  }
  static absl::Status Add(CellTable& table, uint32_t scope, uint32_t measure, const Contribution& contribution) {
    const RowContribution one{measure, contribution};
    return table.Add({scope}, absl::MakeConstSpan(&one, 1));
  }
  uint32_t Scope(int i) { return scopes_.Id(absl::StrCat("scope", i)); }

  const Keys keys_{"test"};
  MemoryState state_;
  Interner scopes_, measures_;
  const uint32_t won_ = measures_.Id("won");
};

TEST_F(CellTableTest, ReadersSeeABatchOnlyOncePublished) {
  CellTable table = Table(1 << 20);
  ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  EXPECT_EQ(table.Read(Scope(0), won_)->UpTo(On(2025, 1, 1)).count, 0);
  Publish(table);
  EXPECT_EQ(table.Read(Scope(0), won_)->UpTo(On(2025, 1, 1)).count, 1);
}

TEST_F(CellTableTest, ARowThatWasReadStaysAsItWas) {
  CellTable table = Table(1 << 20);
  ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  Publish(table);
  const auto before = *table.Read(Scope(0), won_);
  ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  Publish(table);
  EXPECT_EQ(before.UpTo(On(2025, 1, 1)).count, 1);
  EXPECT_EQ(table.Read(Scope(0), won_)->UpTo(On(2025, 1, 1)).count, 2);
}

TEST_F(CellTableTest, ScopesComeBackFromTheStoreAfterEviction) {
  CellTable table = Table(0);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Add(table, Scope(i), won_, {On(2024, 3, 1), 1, 1, Nanos(i)}).ok());
    ASSERT_TRUE(Add(table, Scope(i), won_, {On(2026, 3, 1), 1, 1, Nanos(i)}).ok());
  }
  Publish(table);
  Checkpoint(table);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(table.Read(Scope(i), won_)->Range(On(2026, 1, 1), On(2026, 12, 31)).sum, Nanos(i));
    EXPECT_EQ(table.Read(Scope(i), won_)->UpTo(On(2026, 12, 31)).count, 2);
  }
  // And what is added to an evicted scope adds to what is stored.
  ASSERT_TRUE(Add(table, Scope(3), won_, {On(2026, 3, 1), 1, 1, Nanos(100)}).ok());
  Publish(table);
  EXPECT_EQ(table.Read(Scope(3), won_)->UpTo(On(2026, 12, 31)).sum, Nanos(3 + 3 + 100));
}

TEST_F(CellTableTest, AnEmptiedScopeLeavesNoBytes) {
  CellTable table = Table(1 << 20);
  ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  Publish(table);
  Checkpoint(table);
  EXPECT_EQ(state_.table(storage::StateTable::kCells).size(), 1u);
  ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 3, 1), -1, -1, Nanos(-10)}).ok());
  Publish(table);
  Checkpoint(table);
  EXPECT_TRUE(state_.table(storage::StateTable::kCells).empty());
}

TEST_F(CellTableTest, MeasuresOfAnyOrderAndYearsFindTheirPages) {
  CellTable table = Table(1 << 20);
  const uint32_t lost = measures_.Id("lost");
  const std::vector<RowContribution> contributions = {{lost, {On(2025, 1, 1), 1, 1, Nanos(1)}},
                                                      {won_, {On(2024, 12, 31), 1, 1, Nanos(2)}},
                                                      {won_, {On(2025, 1, 1), 1, 1, Nanos(4)}},
                                                      {lost, {On(2024, 12, 31), 1, 1, Nanos(8)}}};
  ASSERT_TRUE(table.Add({Scope(0), Scope(1)}, contributions).ok());
  Publish(table);
  for (const int scope : {0, 1}) {
    EXPECT_EQ(table.Read(Scope(scope), won_)->UpTo(On(2024, 12, 31)).sum, Nanos(2));
    EXPECT_EQ(table.Read(Scope(scope), won_)->UpTo(On(2025, 1, 1)).sum, Nanos(6));
    EXPECT_EQ(table.Read(Scope(scope), lost)->UpTo(On(2025, 1, 1)).sum, Nanos(9));
    EXPECT_EQ(table.Read(Scope(scope), lost)->FirstDay(), On(2024, 12, 31));
  }
}

TEST_F(CellTableTest, SeveralRowsComeInTheOrderInWhichTheyAreAskedFor) {
  const uint32_t lost = measures_.Id("lost"), open = measures_.Id("open"), keyed = measures_.Id("keyed");
  CellTable table = Table(0);
  const std::vector<RowContribution> contributions = {{won_, {On(2024, 12, 31), 1, 1, Nanos(2)}},
                                                      {won_, {On(2025, 1, 1), 1, 1, Nanos(4)}},
                                                      {lost, {On(2025, 1, 1), 1, 1, Nanos(8)}}};
  const EntryContribution entry{keyed, "key", {On(2026, 1, 1), 1, 1, Nanos(16)}};
  ASSERT_TRUE(table.Add({Scope(0)}, contributions).ok());
  ASSERT_TRUE(table.Add({Scope(0)}, absl::MakeConstSpan(&entry, 1)).ok());
  Publish(table);
  for (const bool stored : {false, true}) {
    if (stored) Checkpoint(table);  // and evicts
    const auto rows = table.Read(Scope(0), {lost, open, won_, keyed, won_});
    ASSERT_TRUE(rows.ok());
    std::vector<Nanos> sums;
    for (const CellRow& row : *rows) {
      sums.push_back(0);
      row.ForEachCell([&sums](absl::string_view, const DayCell& cell) { sums.back() += cell.sum; });
    }
    EXPECT_EQ(sums, (std::vector<Nanos>{8, 0, 6, 16, 6}));
    EXPECT_EQ((*rows)[2].FirstDay(), On(2024, 12, 31));
  }
}

TEST_F(CellTableTest, WhatABatchAddsToIsNotEvictedBeforeItIsPublished) {
  CellTable table = Table(0);
  ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  Publish(table);
  ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 3, 2), 1, 1, Nanos(1)}).ok());
  table.Seal();
  Checkpoint(table);
  PublishSealed(table);
  EXPECT_EQ(table.Read(Scope(0), won_)->UpTo(On(2025, 1, 1)).sum, Nanos(11));
}

TEST_F(CellTableTest, AContributionUpdatesACellInEachOfItsScopes) {
  CellTable table = Table(1 << 20);
  const RowContribution one{won_, {On(2024, 3, 1), 1, 1, Nanos(10)}};
  ASSERT_TRUE(table.Add({Scope(0), Scope(1)}, absl::MakeConstSpan(&one, 1)).ok());
  EXPECT_EQ(table.updates(), 0u);
  Publish(table);
  EXPECT_EQ(table.updates(), 2u);
}

TEST_F(CellTableTest, ADiscardedBatchLeavesNothing) {
  CellTable table = Table(1 << 20);
  ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  table.Discard();
  Publish(table);
  EXPECT_EQ(table.Read(Scope(0), won_)->FirstDay(), std::nullopt);
  EXPECT_EQ(table.dirty_bytes(), 0u);
}

TEST_F(CellTableTest, WhatChangedSinceACheckpointBeganIsNotEvicted) {
  CellTable table = Table(0);
  ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  Publish(table);
  const std::vector<DirtyYear> taken = table.TakeDirty();
  ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 3, 2), 1, 1, Nanos(1)}).ok());
  Publish(table);
  Write(table, taken);
  EXPECT_EQ(Table(0).Read(Scope(0), won_)->UpTo(On(2025, 1, 1)).sum, Nanos(10));
  table.Evict();
  EXPECT_EQ(table.Read(Scope(0), won_)->UpTo(On(2025, 1, 1)).sum, Nanos(11));
}

TEST_F(CellTableTest, AWindowCountsItsFirstAndLastDay) {
  CellTable table = Table(1 << 20);
  for (int day = 1; day <= 5; ++day) {
    ASSERT_TRUE(Add(table, Scope(0), won_, {On(2024, 2, day), 1, 1, Nanos(day)}).ok());
  }
  Publish(table);
  const CellRow row = *table.Read(Scope(0), won_);
  EXPECT_EQ(row.Range(On(2024, 2, 2), On(2024, 2, 4)).sum, Nanos(2 + 3 + 4));
  EXPECT_EQ(row.Range(On(2024, 2, 6), On(2024, 3, 1)).count, 0);
  EXPECT_EQ(row.Range(On(2020, 1, 1), On(2030, 1, 1)).count, 5);
}

}  // namespace
}  // namespace partnermetrics
