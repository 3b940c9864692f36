// A partner's own dates. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SCORING_PARTNER_DAYS_H_
#define PARTNERMETRICS_SERVER_SCORING_PARTNER_DAYS_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

// Dates of facts lie after it.
inline const Day kFirstDate = ToDay(absl::CivilDay(1990, 1, 1));

// A date of the partner's attributes ("signed_on"); nothing when it is not stated.
inline std::optional<Day> PartnerDay(const FactRow* partner, absl::string_view field) {
  if (partner == nullptr) return std::nullopt;
  const Value& value = (*partner)[FactSchemas::Get().Find("partner")->Find(field)->slot];
  return value.is_null() ? std::nullopt : std::optional<Day>(static_cast<Day>(value.integer));
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
