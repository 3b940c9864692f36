#include "server/sync/schedule.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace partnermetrics {
namespace {

constexpr absl::Duration kLeastPeriod = absl::Minutes(1);
constexpr int kSearchedDays = 366 * 8 + 1;  // until the next 29 February, over a year that has none
constexpr absl::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr absl::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  absl::string_view name;
  int first, last;
  absl::Span<const absl::string_view> names;  // of first, first + 1 …
};

bool ReadNumber(absl::string_view text, const Field& field, int* number) {
  for (size_t i = 0; i < field.names.size(); ++i) {
    if (absl::AsciiStrToLower(text) != field.names[i]) continue;
    *number = field.first + static_cast<int>(i);
    return true;
  }
  return absl::SimpleAtoi(text, number) && *number >= field.first && *number <= field.last;
}

// "*", "5", "1-5", "*/15", "10-40/10", and several with commas.
template <size_t kSize>
absl::Status ReadField(absl::string_view text, const Field& field, std::bitset<kSize>* values) {
  absl::Status wrong =
      absl::InvalidArgumentError(absl::StrCat("the ", field.name, " '", text, "' is none; use *, or numbers from ",
                                              field.first, " to ", field.last, " like 5, 1-5, */15 or 1,3"));
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    int step = 1, first = field.first, last = field.last;
    const std::vector<absl::string_view> stepped = absl::StrSplit(part, '/');
    if (stepped.size() > 2 || (stepped.size() == 2 && (!absl::SimpleAtoi(stepped[1], &step) || step < 1))) return wrong;
    if (stepped[0] != "*") {
      const std::vector<absl::string_view> ends = absl::StrSplit(stepped[0], '-');
      if (ends.size() > 2 || !ReadNumber(ends[0], field, &first)) return wrong;
      if (ends.size() == 2 && !ReadNumber(ends[1], field, &last)) return wrong;
      if (ends.size() == 1 && stepped.size() == 1) last = first;
      if (last < first) return wrong;
    }
    for (int value = first; value <= last; value += step) values->set(static_cast<size_t>(value));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Schedule> Schedule::Parse(absl::string_view every, absl::string_view cron) {
  Schedule schedule;
  if (!every.empty() && !cron.empty()) {
    return absl::InvalidArgumentError("every and cron are both given; keep one of them");
  }
  if (!every.empty() && (!absl::ParseDuration(every, &schedule.every_) || schedule.every_ < kLeastPeriod)) {
    return absl::InvalidArgumentError(
        absl::StrCat("every '", every, "' is no duration of a minute or more; write it as \"30m\", \"6h\" or \"24h\""));
  }
  if (!cron.empty()) {
    if (absl::Status status = schedule.ParseCron(cron); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("cron '", cron, "': ", status.message()));
    }
  }
  return schedule;
}

absl::Status Schedule::ParseCron(absl::string_view cron) {
  const std::vector<absl::string_view> fields = absl::StrSplit(cron, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (fields.size() != 5) {
    return absl::InvalidArgumentError(
        "it needs five fields: minute, hour, day of month, month, day of week; \"30 6 * * 1-5\" is 6:30 on weekdays");
  }
  absl::Status status = ReadField(fields[0], {"minute", 0, 59, {}}, &minutes_);
  status.Update(ReadField(fields[1], {"hour", 0, 23, {}}, &hours_));
  status.Update(ReadField(fields[2], {"day of month", 1, 31, {}}, &days_));
  status.Update(ReadField(fields[3], {"month", 1, 12, kMonths}, &months_));
  status.Update(ReadField(fields[4], {"day of week", 0, 7, kWeekdays}, &weekdays_));
  if (!status.ok()) return status;
  if (weekdays_[7]) weekdays_.set(0);
  any_day_ = fields[2] == "*";
  any_weekday_ = fields[4] == "*";
  cron_ = absl::StrJoin(fields, " ");
  if (Next(absl::UnixEpoch(), absl::UTCTimeZone()) == absl::InfiniteFuture()) {
    return absl::InvalidArgumentError("no such day ever comes");
  }
  return absl::OkStatus();
}

std::string Schedule::Text() const {
  if (!cron_.empty()) return absl::StrCat("cron ", cron_);
  if (never()) return "";
  return absl::StrCat("every ", absl::FormatDuration(every_));
}

bool Schedule::Fits(absl::CivilDay day) const {
  if (!months_[static_cast<size_t>(day.month())]) return false;
  const bool of_month = days_[static_cast<size_t>(day.day())];
  // absl counts from Monday.
  const bool of_week = weekdays_[(static_cast<size_t>(absl::GetWeekday(day)) + 1) % 7];
  // As cron does: when both are restricted, either is enough.
  if (!any_day_ && !any_weekday_) return of_month || of_week;
  return of_month && of_week;
}

absl::Time Schedule::NextCron(absl::Time after, absl::TimeZone zone) const {
  const absl::CivilDay first = absl::ToCivilDay(after, zone);
  for (absl::CivilDay day = first; day < first + kSearchedDays; ++day) {
    if (!Fits(day)) continue;
    for (int hour = 0; hour < 24; ++hour) {
      if (!hours_[static_cast<size_t>(hour)]) continue;
      for (int minute = 0; minute < 60; ++minute) {
        if (!minutes_[static_cast<size_t>(minute)]) continue;
        const absl::TimeZone::TimeInfo info =
            zone.At(absl::CivilSecond(day.year(), day.month(), day.day(), hour, minute));
        const absl::Time time = info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
        if (time > after) return time;
      }
    }
  }
  return absl::InfiniteFuture();
}

absl::Time Schedule::Next(absl::Time after, absl::TimeZone zone) const {
  if (!cron_.empty()) return NextCron(after, zone);
  return never() ? absl::InfiniteFuture() : after + every_;
}

}  // namespace partnermetrics
