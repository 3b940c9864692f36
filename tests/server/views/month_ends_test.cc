#include "server/views/month_ends.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/time/civil_time.h"

namespace partnermetrics {
namespace {

Day DayOf(int year, int month, int day) {
  return ToDay(absl::CivilDay(year, month, day));
}

// Uses of "a", "b" …, each a second after the one before.
std::vector<MetricUse> Uses(int count) {
  std::vector<MetricUse> uses;
  for (int i = 0; i < count; ++i) {
    uses.push_back({std::string(1, static_cast<char>('a' + i)), v1::WINDOW_KIND_LAST_MONTH, absl::FromUnixSeconds(i)});
  }
  return uses;
}

std::string Chosen(std::vector<MetricUse> uses, size_t partners) {
  std::string names;
  for (const MetricUse& use : ChooseForRollUp(std::move(uses), partners)) names += use.metric;
  return names;
}

TEST(MonthEnds, AreThoseOfThirteenWholeMonths) {
  const std::vector<Day> days = MonthEndsBefore(DayOf(2024, 3, 15));
  ASSERT_EQ(days.size(), 13u);
  EXPECT_EQ(days.front(), DayOf(2023, 2, 28));
  EXPECT_EQ(days[11], DayOf(2024, 1, 31));
  EXPECT_EQ(days.back(), DayOf(2024, 2, 29));
}

TEST(MonthEnds, AMonthThatEndsTodayIsNotOverYet) {
  EXPECT_EQ(MonthEndsBefore(DayOf(2024, 2, 29)).back(), DayOf(2024, 1, 31));
  EXPECT_EQ(MonthEndsBefore(DayOf(2024, 3, 1)).back(), DayOf(2024, 2, 29));
}

TEST(RollUpChoice, OfFewPartnersAllMetricsHaveAPlace) {
  EXPECT_EQ(Chosen(Uses(5), 2'000), "edcba");
  EXPECT_EQ(Chosen(Uses(5), 0), "edcba");
}

TEST(RollUpChoice, OfManyPartnersThoseThatWereUsedLast) {
  EXPECT_EQ(Chosen(Uses(5), 100'000), "edc");
  EXPECT_EQ(Chosen(Uses(5), 300'000), "e");
  EXPECT_EQ(Chosen(Uses(5), 400'000), "");
}

TEST(RollUpChoice, WhoHasAPlaceKeepsIt) {
  std::vector<MetricUse> uses = Uses(5);
  uses[0].is_rolled_up = uses[1].is_rolled_up = true;
  EXPECT_EQ(Chosen(uses, 100'000), "bae");
}

}  // namespace
}  // namespace partnermetrics
