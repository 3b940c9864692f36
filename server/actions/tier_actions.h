// What changes tiers: review runs and overrides, which are stated as facts of the server's own source.
//
// Functions are free of state; callers let only one action run at a time.
#ifndef PARTNERMETRICS_SERVER_ACTIONS_TIER_ACTIONS_H_
#define PARTNERMETRICS_SERVER_ACTIONS_TIER_ACTIONS_H_

#include "absl/status/status.h"
#include "partnermetrics/v1/score_service.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

absl::Status ReviewTiers(const Programs& programs, ProgramRuntime& program, const v1::ReviewTiersRequest& request,
                         v1::ReviewTiersResponse& response);

absl::Status SetTierOverride(const Programs& programs, ProgramRuntime& program,
                             const v1::SetTierOverrideRequest& request, v1::GetTierResponse& response);

absl::Status EndTierOverride(const Programs& programs, ProgramRuntime& program,
                             const v1::EndTierOverrideRequest& request, v1::GetTierResponse& response);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ACTIONS_TIER_ACTIONS_H_
