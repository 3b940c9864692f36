#include "server/views/month_ends.h"

#include <algorithm>
#include <tuple>

#include "absl/time/civil_time.h"

namespace partnermetrics {
namespace {

// Some 25 bytes each.
constexpr size_t kValues = 4'000'000;

}  // namespace

std::vector<Day> MonthEndsBefore(Day day) {
  std::vector<Day> days;
  const absl::CivilMonth month(ToCivil(day));
  for (int ago = kRolledUpMonths - 1; ago >= 0; --ago) days.push_back(ToDay(absl::CivilDay(month - ago)) - 1);
  return days;
}

std::vector<MetricUse> ChooseForRollUp(std::vector<MetricUse> uses, size_t partners) {
  const size_t places = kValues / kRolledUpMonths / std::max<size_t>(1, partners);
  std::sort(uses.begin(), uses.end(), [](const MetricUse& a, const MetricUse& b) {
    return std::tie(b.is_rolled_up, b.used, a.metric, a.window) < std::tie(a.is_rolled_up, a.used, b.metric, b.window);
  });
  if (uses.size() > places) uses.resize(places);
  return uses;
}

}  // namespace partnermetrics
