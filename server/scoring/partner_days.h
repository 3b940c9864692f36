// A partner's own dates. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SCORING_PARTNER_DAYS_H_
#define PARTNERMETRICS_SERVER_SCORING_PARTNER_DAYS_H_

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

// Dates of facts lie after it.
inline const Day kFirstDate = ToDay(absl::CivilDay(1990, 1, 1));

// One of the times for which a company was a partner. A day that is not stated is unset.
struct PartnerDays {
  std::optional<Day> signed_on, terminated_on;

  // Whether it was a partner then, as far as it tells: without a day of signature it was one from the beginning.
  bool HoldsOn(Day day) const { return (!signed_on || *signed_on <= day) && (!terminated_on || *terminated_on > day); }
};

// The times of a partner, oldest first; of one that nobody states the one that has no days.
inline std::vector<PartnerDays> PartnerDaysOf(const FactRow* partner) {
  const auto day = [](const Value& value) {
    return value.is_null() ? std::nullopt : std::optional<Day>(static_cast<Day>(value.integer));
  };
  if (partner == nullptr) return {PartnerDays()};
  std::vector<PartnerDays> times;
  for (const Partnership& time : partner->partnerships()) {
    times.push_back({day(time.begin()), day(time.terminated_on)});
  }
  if (times.empty()) {
    static const FactSchema& schema = *FactSchemas::Get().Find("partner");
    static const int signed_on = schema.Find("signed_on")->slot, terminated_on = schema.Find("terminated_on")->slot;
    times.push_back({day((*partner)[signed_on]), day((*partner)[terminated_on])});
  }
  return times;
}

// Whether it was a partner on the day.
inline bool IsPartnerOn(const std::vector<PartnerDays>& times, Day day) {
  return std::any_of(times.begin(), times.end(), [day](const PartnerDays& time) { return time.HoldsOn(day); });
}

// The time that began last by the day; the first one before.
inline const PartnerDays& LastBegunBy(const std::vector<PartnerDays>& times, Day day) {
  size_t last = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    if (!times[i].signed_on || *times[i].signed_on <= day) last = i;
  }
  return times[last];
}

// The first day on which any of the measures has a contribution in the scope.
inline std::optional<Day> FirstFactDay(const MeasureSource& source, absl::Span<const MeasureUse> uses,
                                       ScopeIndex scope) {
  std::optional<Day> first;
  for (const MeasureUse& use : uses) {
    if (use.level != v1::SCOPE_KIND_UNSPECIFIED) continue;
    const std::optional<Day> day = source.FirstDay({scope, use.measure});
    // A source that explains assumes facts before all dates.
    if (day && *day >= kFirstDate && (!first || *day < *first)) first = day;
  }
  return first;
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_PARTNER_DAYS_H_
