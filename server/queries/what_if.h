// What a partner's values, scores and tier would be, if. Nothing is written. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_QUERIES_WHAT_IF_H_
#define PARTNERMETRICS_SERVER_QUERIES_WHAT_IF_H_

#include "absl/status/status.h"
#include "partnermetrics/v1/score_service.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

absl::Status WhatIf(const Programs& programs, ProgramRuntime& program, const v1::WhatIfRequest& request,
                    v1::WhatIfResponse& response);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_WHAT_IF_H_
