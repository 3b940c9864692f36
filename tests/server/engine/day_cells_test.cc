#include "server/engine/day_cells.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>
#include <vector>

namespace partnermetrics {
namespace {

std::vector<DayCell> Listed(const DayCells& days) {
  std::vector<DayCell> listed;
  days.ForEach([&listed](const DayCell& cell) { listed.push_back(cell); });
  return listed;
}

// Memory of so many days in layouts of 8, 16 and 32 bytes each, without what is reserved beyond them.
size_t BytesOf(const std::vector<DayCell>& cells) {
  DayCells days;
  days.Reserve(cells.size());
  for (const DayCell& cell : cells) {
    days.Append(cell);
  }
  return days.bytes() / (cells.size() + 2);
}

TEST(DayCells, ADayTakesAsMuchMemoryAsItsNumbersNeed) {
  std::vector<DayCell> cells;
  for (Day day = 0; day < 300; ++day) cells.push_back({0, 1, day, 1});
  EXPECT_LE(BytesOf(cells), 8u);
  cells.back().sum = 1;
  EXPECT_LE(BytesOf(cells), 16u);
  cells.back().sum = Nanos(std::numeric_limits<int64_t>::max()) + 1;
  EXPECT_LE(BytesOf(cells), 32u);
}

TEST(DayCells, EveryNumberAtTheEdgeOfALayoutStaysWhatItIs) {
  const Nanos sums[] = {0,
                        1,
                        -1,
                        std::numeric_limits<int64_t>::max(),
                        Nanos(std::numeric_limits<int64_t>::max()) + 1,
                        std::numeric_limits<int64_t>::min(),
                        Nanos(std::numeric_limits<int64_t>::min()) - 1,
                        absl::MakeInt128(1'000'000'000'000, 7)};
  const int64_t counts[] = {0, 32'767, 32'768, -32'768, -32'769, std::numeric_limits<int64_t>::max()};
  const int32_t contributions[] = {1, 65'535, 65'536, std::numeric_limits<int32_t>::max()};
  for (const Nanos& sum : sums) {
    for (const int64_t count : counts) {
      for (const int32_t contribution : contributions) {
        // Beside a day that needs the narrowest layout only.
        DayCells appended, added;
        appended.Append({0, 1, 7, 1});
        appended.Append({sum, count, 8, contribution});
        added.Add({8, contribution, count, sum});
        added.Add({7, 1, 1, 0});
        const std::vector<DayCell> expected = {{0, 1, 7, 1}, {sum, count, 8, contribution}};
        EXPECT_EQ(Listed(appended), expected);
        EXPECT_EQ(Listed(added), expected);
      }
    }
  }
}

TEST(DayCells, ADayThatGrowsOutOfItsLayoutKeepsWhatItHad) {
  DayCells days;
  for (int i = 0; i < 70'000; ++i) days.Add({3, 1, 1, 0});
  EXPECT_EQ(Listed(days), (std::vector<DayCell>{{0, 70'000, 3, 70'000}}));
  for (int i = 0; i < 70'000; ++i) days.Add({3, -1, -1, 0});
  EXPECT_TRUE(days.empty());
}

TEST(DayCells, AreWhatAPlainMapSaysAfterAnyAdditions) {
  std::mt19937_64 random(7);
  const auto draw = [&random](int64_t most) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(most + 1));
  };
  for (int round = 0; round < 300; ++round) {
    // Rounds of counts only, of amounts, and of numbers that need room.
    const Nanos scale = round % 3 == 0 ? Nanos(0) : round % 3 == 1 ? Nanos(1'000'000'000) : Nanos(1) << 62;
    DayCells days;
    std::map<Day, DayCell> plain;
    std::vector<Contribution> added;
    for (int i = 0; i < 200; ++i) {
      Contribution c;
      if (!added.empty() && draw(2) == 0) {
        const size_t at = static_cast<size_t>(draw(static_cast<int64_t>(added.size()) - 1));
        c = added[at];
        added.erase(added.begin() + static_cast<std::ptrdiff_t>(at));
        c.contributions = -c.contributions;
        c.count = -c.count;
        c.sum = -c.sum;
      } else {
        c.day = static_cast<Day>(draw(30)) - 15;
        c.count = draw(2) - 1;
        c.sum = scale * (draw(6) - 3);
        added.push_back(c);
      }
      days.Add(c);
      DayCell& cell = plain.try_emplace(c.day, DayCell{0, 0, c.day, 0}).first->second;
      if (!AddTo(cell, c)) plain.erase(c.day);
    }
    std::vector<DayCell> expected;
    for (const auto& [day, cell] : plain) expected.push_back(cell);
    ASSERT_EQ(Listed(days), expected);
    ASSERT_EQ(days.size(), expected.size());
    for (Day first = -17; first <= 17; ++first) {
      DayTotals latest;
      for (const DayCell& cell : expected) {
        if (cell.day <= first) latest = {cell.count, cell.sum};
      }
      EXPECT_EQ(days.Latest(first).count, latest.count);
      EXPECT_EQ(days.Latest(first).sum, latest.sum);
      for (Day last = first - 1; last <= 17; ++last) {
        DayTotals totals;
        for (const DayCell& cell : expected) {
          if (cell.day < first || cell.day > last) continue;
          totals.count += cell.count;
          totals.sum += cell.sum;
        }
        EXPECT_EQ(days.Sum(first, last).count, totals.count);
        EXPECT_EQ(days.Sum(first, last).sum, totals.sum);
      }
    }
  }
}

}  // namespace
}  // namespace partnermetrics
