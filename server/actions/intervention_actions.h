// What people do about interventions: stated as facts of the server's own source.
//
// Functions are free of state; callers let only one action run at a time.
#ifndef PARTNERMETRICS_SERVER_ACTIONS_INTERVENTION_ACTIONS_H_
#define PARTNERMETRICS_SERVER_ACTIONS_INTERVENTION_ACTIONS_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "partnermetrics/v1/intervention_service.pb.h"
#include "server/views/intervention_table.h"

namespace partnermetrics {

absl::Status AcknowledgeIntervention(const Programs& programs, ProgramRuntime& program,
                                     const v1::AcknowledgeInterventionRequest& request, v1::Intervention& response);
absl::Status AssignIntervention(const Programs& programs, ProgramRuntime& program,
                                const v1::AssignInterventionRequest& request, v1::Intervention& response);
absl::Status SnoozeIntervention(const Programs& programs, ProgramRuntime& program,
                                const v1::SnoozeInterventionRequest& request, v1::Intervention& response);
absl::Status ResolveIntervention(const Programs& programs, ProgramRuntime& program,
                                 const v1::ResolveInterventionRequest& request, v1::Intervention& response);
absl::Status RecordInterventions(const Programs& programs, ProgramRuntime& program, InterventionTable& table,
                                 const v1::RecordInterventionsRequest& request,
                                 v1::RecordInterventionsResponse& response);
// Takes note of interventions that a list of today shows and that no action is about, at these places of it.
absl::Status NoteShown(const Programs& programs, ProgramRuntime& program, const v1::ListInterventionsResponse& list,
                       absl::Span<const int> unnoted);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ACTIONS_INTERVENTION_ACTIONS_H_
