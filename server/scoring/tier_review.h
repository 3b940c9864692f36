// What a review makes of a partner's standing: the rules by which tiers rise and fall.
//
//   TierVerdict verdict = Review(tiers, standing, {qualified_rank, violates}, may_relegate);
//
// Pure: a standing and a reading give the next standing. Ranks: 1 is the lowest tier, 0 none. Functions are free of
// state.
#ifndef PARTNERMETRICS_SERVER_SCORING_TIER_REVIEW_H_
#define PARTNERMETRICS_SERVER_SCORING_TIER_REVIEW_H_

#include "partnermetrics/v1/tiering.pb.h"
#include "server/base/civil.h"
#include "server/catalog/score_model.h"

namespace partnermetrics {

// What reviews left: everything that later ones go on from.
struct TierState {
  int rank = 0;
  int violations = 0;   // of the minima, that count
  int clean = 0;        // reviews in a row without one, while some count
  int rise_streak = 0;  // reviews in a row at which it qualified for more
  int rise_rank = 0;    // the best rank for which it did so at all of them
  int fall_streak = 0;  // reviews in a row at which it fell short and kept its tier
  int fall_rank = 0;    // the best rank for which it qualified at any of them
  friend bool operator==(const TierState& a, const TierState& b) {
    return a.rank == b.rank && a.violations == b.violations && a.clean == b.clean && a.rise_streak == b.rise_streak &&
           a.rise_rank == b.rise_rank && a.fall_streak == b.fall_streak && a.fall_rank == b.fall_rank;
  }
};

// What the metrics say on the day of a review.
struct TierReading {
  int qualified = 0;      // rank whose requirements are met
  bool violates = false;  // a minimum is not met
};

struct TierVerdict {
  TierState state;
  v1::TierCause cause = v1::TIER_CAUSE_KEPT;
};

TierVerdict Review(const CompiledTiers& tiers, const TierState& before, const TierReading& reading, bool may_relegate);

// Whether violations have become too many.
bool IsOffBoarding(const CompiledTiers& tiers, const TierState& state);

// Review periods: those of `months` of the fiscal year.
struct ReviewDays {
  Day first = 0, last = 0;
};
ReviewDays ReviewPeriodOf(Day day, int months, int fiscal_start_month);

// To and from the fact that states a verdict. A tier that is not there any more is none.
v1::TierReview ToFact(const CompiledTiers& tiers, const TierState& before, const TierVerdict& verdict);
TierState FromFact(const CompiledTiers& tiers, const v1::TierReview& fact);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_TIER_REVIEW_H_
