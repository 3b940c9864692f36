// What reviews of a partner left, kept from one evaluation to a later one: reviews of the past change with facts alone.
//
//   TierMemo memo;                                      // one for each partner; a new one when its facts change
//   Number rank = tier.RankAt(today, &memo);
//   …
//   rank = tier.RankAt(tomorrow, &memo);                // no review in between: none is repeated
//
// Plain data.
#ifndef PARTNERMETRICS_SERVER_SCORING_TIER_MEMO_H_
#define PARTNERMETRICS_SERVER_SCORING_TIER_MEMO_H_

#include <optional>

#include "server/scoring/measure_source.h"
#include "server/scoring/tier_review.h"

namespace partnermetrics {

struct TierMemo {
  std::optional<Day> until;  // reviews before this day are in the state; nothing: none is known
  TierState state;
  // From when on it was reviewed: another day makes other reviews.
  std::optional<Day> entry, reviewed_from;
};

// Gives the memos of partners to those who evaluate.
class TierMemos {
 public:
  virtual ~TierMemos() = default;
  // Null for a scope without one.
  virtual TierMemo* Of(ScopeIndex scope) = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_TIER_MEMO_H_
