// Schedules: cron expressions and durations are refused, or give times that are later than the one asked about and that
// do not depend on where one starts to look.
#include "server/sync/schedule.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace partnermetrics;  // NOLINT: a function of C
  const std::string text(reinterpret_cast<const char*>(data), size);
  static const absl::TimeZone zone = [] {
    absl::TimeZone berlin;
    REQUIRE(absl::LoadTimeZone("Europe/Berlin", &berlin));
    return berlin;
  }();
  const absl::Time now = absl::FromUnixSeconds(1'774'700'000);  // the day before a change of clocks
  for (const bool cron : {true, false}) {
    const absl::StatusOr<Schedule> schedule = Schedule::Parse(cron ? "" : text, cron ? text : "");
    if (!schedule.ok() || schedule->never()) continue;
    const absl::Time next = schedule->Next(now, zone);
    REQUIRE(next > now);
    if (cron && next != absl::InfiniteFuture()) REQUIRE(schedule->Next(next - absl::Seconds(1), zone) == next);
    REQUIRE(!schedule->Text().empty());
  }
  return 0;
}
