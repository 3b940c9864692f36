#include "connectors/sdk/readers/times.h"

#include <algorithm>
#include <array>

#include "absl/time/time.h"
#include "connectors/sdk/readers/numbers.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::sdk {
namespace {

constexpr int kSecondsPerDay = 86'400;

// Reads a text from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool AtEnd() const { return text_.empty(); }
  char Peek() const { return text_.empty() ? '\0' : text_[0]; }
  bool Take(char c) {
    if (Peek() != c || text_.empty()) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (!StartsWithIgnoreCase(text_, word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  void SkipSpaces() {
    while (Take(' ')) {
    }
  }
  // A number of min to max digits; how many there were goes to *digits.
  bool Number(int min, int max, int* value, int* digits = nullptr) {
    int count = 0;
    *value = 0;
    while (count < max && Peek() >= '0' && Peek() <= '9') {
      *value = *value * 10 + (Peek() - '0');
      text_.remove_prefix(1);
      ++count;
    }
    if (digits != nullptr) *digits = count;
    return count >= min;
  }
  bool Fraction(int32_t* nanos) {
    int32_t scale = 100'000'000;
    if (Peek() < '0' || Peek() > '9') return false;
    for (; Peek() >= '0' && Peek() <= '9'; text_.remove_prefix(1)) {
      *nanos += (Peek() - '0') * scale;
      scale /= 10;
    }
    return true;
  }

 private:
  std::string_view text_;
};

int FullYear(int year, int digits) {
  if (digits > 2) return year;
  return year < 70 ? 2000 + year : 1900 + year;
}

bool ScanDate(Scanner* in, DateOrder order, CivilDate* date) {
  int first = 0;
  int second = 0;
  int third = 0;
  int digits = 0;
  if (!in->Number(1, 4, &first, &digits)) return false;
  char separator = in->Peek();
  if (separator != '-' && separator != '/' && separator != '.') return false;
  in->Take(separator);
  if (!in->Number(1, 2, &second) || !in->Take(separator)) return false;
  if (digits == 4) {
    if (separator == '.' || !in->Number(1, 2, &third)) return false;
    *date = {first, second, third};
    return IsValid(*date);
  }
  if (digits == 3 || !in->Number(2, 4, &third, &digits) || digits == 3) return false;
  if (separator == '.') order = DateOrder::kDayFirst;  // no one writes months first with points
  if (order == DateOrder::kUnknown) return false;
  bool month_first = order == DateOrder::kMonthFirst;
  *date = {FullYear(third, digits), month_first ? first : second, month_first ? second : first};
  return IsValid(*date);
}

bool ScanOffset(Scanner* in, ParsedTime* time) {
  in->SkipSpaces();
  if (in->AtEnd()) return true;
  if (in->TakeWord("UTC") || in->TakeWord("GMT") || in->TakeWord("Z")) {
    time->utc_offset_seconds = 0;
    return in->AtEnd();
  }
  int sign = in->Peek() == '-' ? -1 : 1;
  if (!in->Take('+') && !in->Take('-')) return false;
  int hours = 0;
  int minutes = 0;
  if (!in->Number(2, 2, &hours)) return false;
  in->Take(':');
  if (!in->AtEnd() && !in->Number(2, 2, &minutes)) return false;
  if (hours > 18 || minutes > 59) return false;
  time->utc_offset_seconds = sign * (hours * 3600 + minutes * 60);
  return in->AtEnd();
}

bool ScanTimeOfDay(Scanner* in, ParsedTime* time) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!in->Number(1, 2, &hour) || !in->Take(':') || !in->Number(2, 2, &minute)) return false;
  if (in->Take(':')) {
    if (!in->Number(2, 2, &second)) return false;
    if ((in->Take('.') || in->Take(',')) && !in->Fraction(&time->nanos)) return false;
  }
  in->SkipSpaces();
  bool pm = in->TakeWord("PM");
  if (pm || in->TakeWord("AM")) {
    if (hour < 1 || hour > 12) return false;
    hour = hour % 12 + (pm ? 12 : 0);
  }
  if (hour > 23 || minute > 59 || second > 60) return false;
  time->has_time = true;
  time->second_of_day = hour * 3600 + minute * 60 + std::min(second, 59);  // a leap second counts as the one before
  return ScanOffset(in, time);
}

CivilDate DateOfDay(int64_t day_number) {
  absl::CivilDay day = absl::CivilDay(1970, 1, 1) + day_number;
  return {static_cast<int>(day.year()), day.month(), day.day()};
}

}  // namespace

struct TimeZone::Zone {
  absl::TimeZone zone;
};

std::optional<ParsedTime> ParseTime(std::string_view text, DateOrder order) {
  Scanner in(CleanCell(text));
  ParsedTime time;
  if (!ScanDate(&in, order, &time.date)) return std::nullopt;
  if (in.AtEnd()) return time;
  if (!in.Take('T') && !in.Take(' ')) return std::nullopt;
  in.SkipSpaces();
  if (!ScanTimeOfDay(&in, &time)) return std::nullopt;
  return time;
}

std::optional<CivilDate> ParseDate(std::string_view text, DateOrder order) {
  std::optional<ParsedTime> time = ParseTime(text, order);
  if (!time) return std::nullopt;
  return time->date;
}

std::optional<Instant> ParseEpoch(std::string_view text) {
  std::optional<Decimal> value = ParseDecimal(text);
  if (!value || value->units <= 0) return std::nullopt;
  constexpr int64_t kFirstMilliseconds = 100'000'000'000;  // as seconds: the year 5138
  if (value->units < kFirstMilliseconds) return Instant{value->units, value->nanos};
  return Instant{value->units / 1000, static_cast<int32_t>(value->units % 1000) * 1'000'000};
}

bool IsValid(const CivilDate& date) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (date.year < 1 || date.year > 9999 || date.month < 1 || date.month > 12 || date.day < 1) return false;
  bool leap = (date.year % 4 == 0 && date.year % 100 != 0) || date.year % 400 == 0;
  return date.day <= kDays[date.month - 1] + (date.month == 2 && leap ? 1 : 0);
}

int64_t DayNumber(const CivilDate& date) {
  return absl::CivilDay(date.year, date.month, date.day) - absl::CivilDay(1970, 1, 1);
}

CivilDate UtcDate(const Instant& instant) {
  int64_t days = instant.seconds / kSecondsPerDay;
  if (instant.seconds % kSecondsPerDay < 0) --days;
  return DateOfDay(days);
}

std::optional<TimeZone> TimeZone::Load(const std::string& name) {
  auto zone = std::make_shared<Zone>();
  if (name.empty() || !absl::LoadTimeZone(name, &zone->zone)) return std::nullopt;
  TimeZone result;
  if (zone->zone != absl::UTCTimeZone()) result.zone_ = std::move(zone);
  return result;
}

Instant TimeZone::ToInstant(const ParsedTime& time) const {
  int64_t local = DayNumber(time.date) * kSecondsPerDay + time.second_of_day;
  if (time.utc_offset_seconds) return {local - *time.utc_offset_seconds, time.nanos};
  if (zone_ == nullptr) return {local, time.nanos};
  absl::CivilSecond civil = absl::CivilSecond(1970, 1, 1) + local;
  return {absl::ToUnixSeconds(zone_->zone.At(civil).pre), time.nanos};
}

}  // namespace partnermetrics::sdk
