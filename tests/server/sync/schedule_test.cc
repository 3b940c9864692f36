#include "server/sync/schedule.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::TimeZone Zone(const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", text, &time, &error)) << error;
  return time;
}

// The next times, in UTC.
std::vector<std::string> Next(const std::string& cron, const std::string& after, int count = 1,
                              const absl::TimeZone& zone = absl::UTCTimeZone()) {
  const absl::StatusOr<Schedule> schedule = Schedule::Parse("", cron);
  EXPECT_TRUE(schedule.ok()) << schedule.status();
  std::vector<std::string> times;
  absl::Time time = At(after);
  for (int i = 0; schedule.ok() && i < count; ++i) {
    time = schedule->Next(time, zone);
    times.push_back(absl::FormatTime("%Y-%m-%d %H:%M", time, absl::UTCTimeZone()));
  }
  return times;
}

TEST(ScheduleTest, EveryCountsFromTheEndOfTheLastRun) {
  const auto schedule = Schedule::Parse("1h30m", "");
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  EXPECT_EQ(schedule->Next(At("2026-03-01 10:10"), absl::UTCTimeZone()), At("2026-03-01 11:40"));
  EXPECT_EQ(schedule->Text(), "every 1h30m");
  EXPECT_FALSE(schedule->never());
}

TEST(ScheduleTest, WithoutEitherItNeverRuns) {
  const auto schedule = Schedule::Parse("", "");
  ASSERT_TRUE(schedule.ok());
  EXPECT_TRUE(schedule->never());
  EXPECT_EQ(schedule->Next(At("2026-03-01 10:10"), absl::UTCTimeZone()), absl::InfiniteFuture());
  EXPECT_EQ(schedule->Text(), "");
}

TEST(ScheduleTest, CronAsCronReadsIt) {
  EXPECT_THAT(Next("30 6 * * 1-5", "2026-03-06 06:29", 2), ElementsAre("2026-03-06 06:30", "2026-03-09 06:30"))
      << "a Friday and a Monday";
  EXPECT_THAT(Next("*/20 * * * *", "2026-03-01 23:41", 2), ElementsAre("2026-03-02 00:00", "2026-03-02 00:20"));
  EXPECT_THAT(Next("0 0 1 jan,JUL *", "2026-01-01 00:00"), ElementsAre("2026-07-01 00:00"));
  EXPECT_THAT(Next("5-20/5 3 * * *", "2026-03-01 03:05", 3),
              ElementsAre("2026-03-01 03:10", "2026-03-01 03:15", "2026-03-01 03:20"));
  EXPECT_THAT(Next("0 12 * * sun", "2026-03-01 12:00"), ElementsAre("2026-03-08 12:00"));
  EXPECT_THAT(Next("0 12 * * 7", "2026-03-01 11:59"), ElementsAre("2026-03-01 12:00")) << "7 is Sunday too";
  EXPECT_THAT(Next("0 0 29 2 *", "2097-01-01 00:00"), ElementsAre("2104-02-29 00:00")) << "2100 is no leap year";
}

TEST(ScheduleTest, DayOfMonthOrDayOfWeekIsEnoughWhenBothAreRestricted) {
  EXPECT_THAT(Next("0 0 13 * 5", "2026-03-01 00:00", 3),
              ElementsAre("2026-03-06 00:00", "2026-03-13 00:00", "2026-03-20 00:00"));
}

TEST(ScheduleTest, CronMeansTheProgrammesTime) {
  EXPECT_THAT(Next("30 6 * * *", "2026-01-15 00:00", 1, Zone("America/New_York")), ElementsAre("2026-01-15 11:30"));
  EXPECT_THAT(Next("30 6 * * *", "2026-07-15 00:00", 1, Zone("America/New_York")), ElementsAre("2026-07-15 10:30"));
}

TEST(ScheduleTest, ChangesOfClocksNeitherLoseNorDoubleARun) {
  // 2:30 does not exist on 8 March 2026; the clocks go from 2:00 to 3:00, at 7:00 UTC.
  EXPECT_THAT(Next("30 2 * * *", "2026-03-08 05:00", 2, Zone("America/New_York")),
              ElementsAre("2026-03-08 07:00", "2026-03-09 06:30"));
  // 1:30 comes twice on 1 November 2026.
  EXPECT_THAT(Next("30 1 * * *", "2026-11-01 04:00", 2, Zone("America/New_York")),
              ElementsAre("2026-11-01 05:30", "2026-11-02 06:30"));
}

TEST(ScheduleTest, MistakesSayWhatWouldBeRight) {
  const auto error = [](const std::string& every, const std::string& cron) {
    const auto schedule = Schedule::Parse(every, cron);
    EXPECT_FALSE(schedule.ok()) << every << cron;
    return std::string(schedule.status().message());
  };
  EXPECT_THAT(error("6", ""), HasSubstr("\"6h\""));
  EXPECT_THAT(error("10s", ""), HasSubstr("a minute or more"));
  EXPECT_THAT(error("-1h", ""), HasSubstr("a minute or more"));
  EXPECT_THAT(error("1h", "* * * * *"), HasSubstr("keep one"));
  EXPECT_THAT(error("", "* * * *"), HasSubstr("five fields"));
  EXPECT_THAT(error("", "60 * * * *"), HasSubstr("minute '60'"));
  EXPECT_THAT(error("", "* 24 * * *"), HasSubstr("numbers from 0 to 23"));
  EXPECT_THAT(error("", "* * * * mo"), HasSubstr("day of week 'mo'"));
  EXPECT_THAT(error("", "*/0 * * * *"), HasSubstr("minute"));
  EXPECT_THAT(error("", "5-1 * * * *"), HasSubstr("minute"));
  EXPECT_THAT(error("", "0 0 31 2 *"), HasSubstr("no such day"));
}

}  // namespace
}  // namespace partnermetrics
