// Dates and times as exports write them, and their conversion to instants.
//
//   TimeZone zone = *TimeZone::Load("America/Denver");
//   std::optional<ParsedTime> time = ParseTime("02/24/26 02:18 AM", DateOrder::kMonthFirst);
//   Instant at = zone.ToInstant(*time);
//
// All functions are pure and thread-safe; TimeZone::Load reads the system's zone data.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_TIMES_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_TIMES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace partnermetrics::sdk {

struct CivilDate {
  int year = 0;
  int month = 0;
  int day = 0;

  bool operator==(const CivilDate& other) const {
    return year == other.year && month == other.month && day == other.day;
  }
};

// Seconds since 1970-01-01T00:00:00Z and billionths of a second, 0 to 999,999,999.
struct Instant {
  int64_t seconds = 0;
  int32_t nanos = 0;

  int64_t Micros() const { return seconds * 1'000'000 + nanos / 1'000; }
  bool operator==(const Instant& other) const { return seconds == other.seconds && nanos == other.nanos; }
  bool operator<(const Instant& other) const {
    return seconds != other.seconds ? seconds < other.seconds : nanos < other.nanos;
  }
};

// How dates with slashes or dashes that do not begin with the year are read. They are refused unless this is known:
// a guess would silently swap days and months.
enum class DateOrder { kUnknown, kMonthFirst, kDayFirst };

// A date, perhaps with a time of day, perhaps with an offset from UTC.
struct ParsedTime {
  CivilDate date;
  bool has_time = false;
  int second_of_day = 0;
  int32_t nanos = 0;
  std::optional<int> utc_offset_seconds;
};

// Accepts 2023-05-11, 2023/05/11, 2023-02-07 20:47[:49[.123]], T instead of the space, Z, +0000, +00:00, " UTC" behind
// it, 11.05.2023, and with an order 02/24/26, 2-24-2026, 02/24/26 02:18 AM, 11/1/2019 8:51:12. Two-digit years are of
// 1970 to 2069.
std::optional<ParsedTime> ParseTime(std::string_view text, DateOrder order = DateOrder::kUnknown);

// The day of a cell whose column holds dates, as written: weekly exports put 00:00:00 behind it, loaders 12:00:00.000Z,
// and shifting it by a time zone is what makes days jump in other tools.
std::optional<CivilDate> ParseDate(std::string_view text, DateOrder order = DateOrder::kUnknown);

// Seconds since 1970 as "1717598562", "1717598562.0" or, from 10^11 on, milliseconds. Empty for 0 ("never") and less.
std::optional<Instant> ParseEpoch(std::string_view text);

// True for a date that exists in the calendar, of the years 1 to 9999.
bool IsValid(const CivilDate& date);

// Days since 1970-01-01.
int64_t DayNumber(const CivilDate& date);

// The day of an instant in UTC.
CivilDate UtcDate(const Instant& instant);

// A time zone of the IANA database. Cheap to copy.
class TimeZone {
 public:
  // UTC.
  TimeZone() = default;
  // Empty for an unknown name ("Europe/Berlin", "UTC").
  static std::optional<TimeZone> Load(const std::string& name);

  // The time's own offset wins over the zone. A local time that a change of clocks skips or repeats is read with the
  // offset from before the change.
  Instant ToInstant(const ParsedTime& time) const;

 private:
  struct Zone;
  std::shared_ptr<const Zone> zone_;  // null: UTC
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_TIMES_H_
