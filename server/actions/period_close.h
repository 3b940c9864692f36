// Closing a period and restating it: the numbers are worked out on a copy of the state, held against what was stated
// before, and those that differ are appended to the log. Others go on meanwhile.
#ifndef PARTNERMETRICS_SERVER_ACTIONS_PERIOD_CLOSE_H_
#define PARTNERMETRICS_SERVER_ACTIONS_PERIOD_CLOSE_H_

#include "absl/status/status.h"
#include "partnermetrics/v1/period_service.pb.h"
#include "server/actions/period_progress.h"
#include "server/actions/period_values.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

// One at a time for a programme: a statement goes on from the one before it.
absl::Status ClosePeriod(Programs& programs, ProgramRuntime& program, const v1::ClosePeriodRequest& request,
                         PeriodProgress& progress, v1::ClosePeriodResponse& response);
absl::Status RestatePeriod(Programs& programs, ProgramRuntime& program, const v1::RestatePeriodRequest& request,
                           PeriodProgress& progress, v1::RestatePeriodResponse& response);

void FillPeriod(const StatedPeriod& period, v1::ClosedPeriod& proto);
// `metric` may be null when it is no longer defined.
v1::StatedNumber ToProto(const Catalog& catalog, const CompiledMetric* metric, const PeriodNumber& number,
                         int restatement = 0);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ACTIONS_PERIOD_CLOSE_H_
