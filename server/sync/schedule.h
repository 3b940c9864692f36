// When a connector runs by itself: so long after its last run, or at times as cron writes them.
//
//   ASSIGN_OR_RETURN(Schedule schedule, Schedule::Parse("", "30 6 * * 1-5"));   // 6:30 on weekdays
//   absl::Time next = schedule.Next(last_run_ended, zone);
//
// Knows no clock. Values.
#ifndef PARTNERMETRICS_SERVER_SYNC_SCHEDULE_H_
#define PARTNERMETRICS_SERVER_SYNC_SCHEDULE_H_

#include <bitset>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace partnermetrics {

class Schedule {
 public:
  // Never.
  Schedule() = default;
  // `every` is a duration of a minute or more, `cron` five fields; at most one is given. INVALID_ARGUMENT says what is
  // wrong with it.
  static absl::StatusOr<Schedule> Parse(absl::string_view every, absl::string_view cron);

  bool never() const { return every_ == absl::ZeroDuration() && cron_.empty(); }
  // "every 6h", "cron 30 6 * * 1-5"; empty: never.
  std::string Text() const;

  // The first time after `after`, the end of the last run. A civil time that a change of clocks skips counts when they
  // change, one that comes twice counts once. InfiniteFuture: never.
  absl::Time Next(absl::Time after, absl::TimeZone zone) const;

 private:
  absl::Status ParseCron(absl::string_view cron);
  bool Fits(absl::CivilDay day) const;
  absl::Time NextCron(absl::Time after, absl::TimeZone zone) const;

  absl::Duration every_ = absl::ZeroDuration();
  std::string cron_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;  // of the month
  std::bitset<13> months_;
  std::bitset<8> weekdays_;  // 0 and 7: Sunday
  bool any_day_ = false, any_weekday_ = false;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_SCHEDULE_H_
