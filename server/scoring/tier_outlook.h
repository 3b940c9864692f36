// What is missing for the next tier, and what threatens the one that a partner has: the smallest changes that would do,
// in each metric's own terms, and the days on which time alone will do it.
//
//   AddOutlook(tier, catalog, source, scope, as_of, standing);
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SCORING_TIER_OUTLOOK_H_
#define PARTNERMETRICS_SERVER_SCORING_TIER_OUTLOOK_H_

#include "partnermetrics/v1/score.pb.h"
#include "server/scoring/tier.h"

namespace partnermetrics {

// Adds gap and risk to what Tier::StandingAt gave.
void AddOutlook(const Tier& tier, const Catalog& catalog, const MeasureSource& source, ScopeIndex scope, Day as_of,
                v1::TierStanding& standing);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_TIER_OUTLOOK_H_
