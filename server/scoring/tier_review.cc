#include "server/scoring/tier_review.h"

#include <algorithm>

#include "server/catalog/calendar.h"

namespace partnermetrics {
namespace {

void CountViolation(const v1::TierModel& model, bool violates, TierState& state) {
  if (violates) {
    ++state.violations;
    state.clean = 0;
  } else if (state.violations > 0 && ++state.clean >= std::max(1, model.clean_reviews())) {
    state.violations = state.clean = 0;
  }
}

void EndStreaks(TierState& state) {
  state.rise_streak = state.rise_rank = state.fall_streak = state.fall_rank = 0;
}

}  // namespace

TierVerdict Review(const CompiledTiers& tiers, const TierState& before, const TierReading& reading, bool may_relegate) {
  const v1::TierModel& model = *tiers.definition;
  TierVerdict verdict = {before, v1::TIER_CAUSE_KEPT};
  TierState& state = verdict.state;
  CountViolation(model, reading.violates, state);
  if (reading.qualified == state.rank) {
    EndStreaks(state);
  } else if (reading.qualified > state.rank) {
    state.fall_streak = state.fall_rank = 0;
    state.rise_rank = state.rise_streak == 0 ? reading.qualified : std::min(state.rise_rank, reading.qualified);
    if (++state.rise_streak < std::max(1, model.promotion_streak())) return verdict;
    state.rank = model.one_level_up() ? state.rank + 1 : state.rise_rank;
    EndStreaks(state);
    verdict.cause = v1::TIER_CAUSE_PROMOTION;
  } else {
    state.rise_streak = state.rise_rank = 0;
    state.fall_rank = state.fall_streak == 0 ? reading.qualified : std::max(state.fall_rank, reading.qualified);
    verdict.cause = v1::TIER_CAUSE_GRACE;
    if (++state.fall_streak <= model.grace_reviews() || !may_relegate) return verdict;
    state.rank = model.one_level_down() ? state.rank - 1 : state.fall_rank;
    EndStreaks(state);
    verdict.cause = v1::TIER_CAUSE_RELEGATION;
  }
  return verdict;
}

bool IsOffBoarding(const CompiledTiers& tiers, const TierState& state) {
  const int most = tiers.definition->max_violations();
  return most > 0 && state.violations >= most;
}

ReviewDays ReviewPeriodOf(Day day, int months, int fiscal_start_month) {
  const Period period = FiscalPeriodOf(day, months, fiscal_start_month);
  return {period.first, period.last};
}

v1::TierReview ToFact(const CompiledTiers& tiers, const TierState& before, const TierVerdict& verdict) {
  const TierState& state = verdict.state;
  v1::TierReview fact;
  fact.set_tier(tiers.IdOf(state.rank));
  fact.set_previous_tier(tiers.IdOf(before.rank));
  fact.set_cause(verdict.cause);
  fact.set_violations(state.violations);
  fact.set_clean_reviews(state.clean);
  fact.set_rise_streak(state.rise_streak);
  fact.set_rise_tier(tiers.IdOf(state.rise_rank));
  fact.set_fall_streak(state.fall_streak);
  fact.set_fall_tier(tiers.IdOf(state.fall_rank));
  return fact;
}

TierState FromFact(const CompiledTiers& tiers, const v1::TierReview& fact) {
  TierState state;
  state.rank = tiers.RankOf(fact.tier());
  state.violations = static_cast<int>(fact.violations());
  state.clean = static_cast<int>(fact.clean_reviews());
  state.rise_streak = static_cast<int>(fact.rise_streak());
  state.rise_rank = tiers.RankOf(fact.rise_tier());
  state.fall_streak = static_cast<int>(fact.fall_streak());
  state.fall_rank = tiers.RankOf(fact.fall_tier());
  return state;
}

}  // namespace partnermetrics
