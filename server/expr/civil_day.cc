#include "server/expr/civil_day.h"

#include <array>
#include <limits>

namespace partnermetrics {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr size_t kSlots = 512;

// What one day of UTC is in a zone: one civil day up to `split`, the next one from there on.
struct UtcDay {
  absl::TimeZone zone;
  int64_t number = std::numeric_limits<int64_t>::min();
  int64_t split = 0;
  Day before = 0, after = 0;
};

Day LookUp(int64_t micros, const absl::TimeZone& zone) {
  return ToDay(absl::CivilDay(zone.At(absl::FromUnixMicros(micros)).cs));
}

int64_t FloorDay(int64_t micros) {
  return micros >= 0 ? micros / kMicrosPerDay : -((-(micros + 1)) / kMicrosPerDay) - 1;
}

// False when the zone's offset changes on the day or near it: civil days may then be cut or repeated.
bool Fill(int64_t number, const absl::TimeZone& zone, UtcDay& day) {
  const int64_t start = number * kMicrosPerDay, end = start + kMicrosPerDay;
  absl::TimeZone::CivilTransition transition;
  if (zone.NextTransition(absl::FromUnixMicros(start - kMicrosPerDay), &transition) &&
      absl::FromCivil(transition.from, zone) < absl::FromUnixMicros(end + kMicrosPerDay)) {
    return false;
  }
  day = {zone, number, end, LookUp(start, zone), LookUp(end - 1, zone)};
  if (day.before != day.after) day.split = absl::ToUnixMicros(absl::FromCivil(ToCivil(day.after), zone));
  return true;
}

}  // namespace

Day CivilDayOf(int64_t micros, const absl::TimeZone& zone) {
  thread_local std::array<UtcDay, kSlots> slots;
  const int64_t number = FloorDay(micros);
  UtcDay& slot = slots[static_cast<size_t>(number) % kSlots];
  if (slot.number != number || !(slot.zone == zone)) {
    if (!Fill(number, zone, slot)) return LookUp(micros, zone);
  }
  return micros < slot.split ? slot.before : slot.after;
}

}  // namespace partnermetrics
