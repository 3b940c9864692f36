#include "server/engine/cells.h"

#include <gtest/gtest.h>

#include "tests/support/memory_storage.h"

namespace partnermetrics {
namespace {

Day On(int year, int month, int day) { return ToDay(absl::CivilDay(year, month, day)); }

TEST(CellPage, SurvivesEncodingWithNegativeAndHugeSums) {
  CellPage page;
  page.year = 2024;
  page.Add({On(2024, 1, 1), 1, 1, Nanos(-5)});
  page.Add({On(2024, 12, 31), 1, -1, absl::MakeInt128(1'000'000'000'000, 7)});
  const auto decoded = DecodePage(2024, EncodePage(page));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->days, page.days);
  EXPECT_EQ(decoded->count, 0);
  EXPECT_EQ(decoded->sum, page.sum);
}

TEST(CellPage, RefusesDamagedBytes) {
  CellPage page;
  page.year = 2024;
  page.Add({On(2024, 5, 5), 1, 1, Nanos(99)});
  const std::string good = EncodePage(page);
  for (size_t cut = 0; cut < good.size(); ++cut) EXPECT_FALSE(DecodePage(2024, good.substr(0, cut)).ok()) << cut;
  EXPECT_FALSE(DecodePage(2024, good + "x").ok());
}

TEST(CellPage, ForgetsADayWhoseContributionsAreAllTakenBack) {
  CellPage page;
  page.year = 2024;
  page.Add({On(2024, 5, 5), 1, 1, Nanos(99)});
  page.Add({On(2024, 5, 5), -1, -1, Nanos(-99)});
  EXPECT_TRUE(page.days.empty());
}

TEST(CellPage, KeepsADayOnWhichAStockBeginsAndEnds) {
  CellPage page;
  page.year = 2024;
  page.Add({On(2024, 5, 5), 1, 1, Nanos(99)});
  page.Add({On(2024, 5, 5), 1, -1, Nanos(-99)});
  ASSERT_EQ(page.days.size(), 1u);
  EXPECT_EQ(page.days[0].contributions, 2);
}

TEST(CellPageDeathTest, StopsWhenASumIsLeftWithoutContributions) {
  CellPage page;
  page.year = 2024;
  page.Add({On(2024, 5, 5), 1, 1, Nanos(99)});
  EXPECT_DEATH(page.Add({On(2024, 5, 5), -1, -1, Nanos(-98)}), "without contributions has a sum");
}

class CellTableTest : public ::testing::Test {
 protected:
  CellTable Table(size_t cache_bytes) {
    return CellTable(state_, cache_bytes, [](RowId id) {
      return std::string("row") + static_cast<char>('a' + id.scope) + static_cast<char>('a' + id.measure);
    });
  }
  void Checkpoint(CellTable& table) {
    std::vector<storage::StateChange> changes;
    table.CollectDirty(changes);
    ASSERT_TRUE(state_.WriteCheckpoint(changes).ok());
    table.MarkClean();
  }
  MemoryState state_;
};

TEST_F(CellTableTest, ReadersSeeABatchOnlyOncePublished) {
  CellTable table = Table(1 << 20);
  ASSERT_TRUE(table.Add({0, 0}, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  EXPECT_EQ((*table.Read({0, 0}))->UpTo(On(2025, 1, 1)).count, 0);
  table.Publish();
  EXPECT_EQ((*table.Read({0, 0}))->UpTo(On(2025, 1, 1)).count, 1);
}

TEST_F(CellTableTest, ARowThatWasReadStaysAsItWas) {
  CellTable table = Table(1 << 20);
  ASSERT_TRUE(table.Add({0, 0}, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  table.Publish();
  const auto before = *table.Read({0, 0});
  ASSERT_TRUE(table.Add({0, 0}, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  table.Publish();
  EXPECT_EQ(before->UpTo(On(2025, 1, 1)).count, 1);
  EXPECT_EQ((*table.Read({0, 0}))->UpTo(On(2025, 1, 1)).count, 2);
}

TEST_F(CellTableTest, RowsComeBackFromTheStoreAfterEviction) {
  CellTable table = Table(0);
  for (uint32_t row = 0; row < 10; ++row) {
    ASSERT_TRUE(table.Add({row, 0}, {On(2024, 3, 1), 1, 1, Nanos(row)}).ok());
    ASSERT_TRUE(table.Add({row, 0}, {On(2026, 3, 1), 1, 1, Nanos(row)}).ok());
  }
  table.Publish();
  Checkpoint(table);
  for (uint32_t row = 0; row < 10; ++row) {
    EXPECT_EQ((*table.Read({row, 0}))->Range(On(2026, 1, 1), On(2026, 12, 31)).sum, Nanos(row));
    EXPECT_EQ((*table.Read({row, 0}))->UpTo(On(2026, 12, 31)).count, 2);
  }
}

TEST_F(CellTableTest, AnEmptiedPageLeavesNoBytes) {
  CellTable table = Table(1 << 20);
  ASSERT_TRUE(table.Add({0, 0}, {On(2024, 3, 1), 1, 1, Nanos(10)}).ok());
  table.Publish();
  Checkpoint(table);
  EXPECT_EQ(state_.table(storage::StateTable::kCells).size(), 1u);
  ASSERT_TRUE(table.Add({0, 0}, {On(2024, 3, 1), -1, -1, Nanos(-10)}).ok());
  table.Publish();
  Checkpoint(table);
  EXPECT_TRUE(state_.table(storage::StateTable::kCells).empty());
}

TEST(CellRow, CountsTheFirstAndTheLastDayOfAWindow) {
  CellRow row;
  auto page = std::make_shared<CellPage>();
  page->year = 2024;
  for (int day = 1; day <= 5; ++day) page->Add({On(2024, 2, day), 1, 1, Nanos(day)});
  row.pages.push_back(page);
  EXPECT_EQ(row.Range(On(2024, 2, 2), On(2024, 2, 4)).sum, Nanos(2 + 3 + 4));
  EXPECT_EQ(row.Range(On(2024, 2, 6), On(2024, 3, 1)).count, 0);
  EXPECT_EQ(row.Range(On(2020, 1, 1), On(2030, 1, 1)).count, 5);
}

}  // namespace
}  // namespace partnermetrics
