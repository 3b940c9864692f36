// Reading interventions: lists from the table of all partners, a single one from its partner's days alone.
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_VIEWS_INTERVENTION_QUERY_H_
#define PARTNERMETRICS_SERVER_VIEWS_INTERVENTION_QUERY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "partnermetrics/v1/intervention_service.pb.h"
#include "server/queries/engine_source.h"
#include "server/reports/intervention_view.h"
#include "server/views/intervention_table.h"

namespace partnermetrics {

// FAILED_PRECONDITION when the programme has no rules.
absl::Status CheckHasRules(const Catalog& catalog);

// One partner's interventions up to a day.
struct PartnerInterventions {
  EngineSource source;
  BookedPartner partner;
  Day until = 0;

  const Catalog& catalog() const { return *source.catalog(); }
  WatchInput InputOf(size_t rule) const;
};
absl::StatusOr<PartnerInterventions> ReadPartnerInterventions(const Engine::View& view, const std::string& partner_id,
                                                              Day until);

// An intervention among them. NOT_FOUND when there is none of this id, also among those under whose id it was acted on.
struct FoundIntervention {
  size_t rule = 0;
  const WatchedIntervention* intervention = nullptr;
};
absl::StatusOr<FoundIntervention> FindIntervention(const PartnerInterventions& all, const InterventionId& id);
v1::Intervention ToProto(const PartnerInterventions& all, const FoundIntervention& found);

// `unnoted`, if asked for, are the places of those under way that no action is about: of these nothing would be left if
// their causes were corrected away.
absl::Status ListInterventions(const Programs& programs, ProgramRuntime& program, InterventionTable& table,
                               const v1::ListInterventionsRequest& request, v1::ListInterventionsResponse& response,
                               std::vector<int>* unnoted = nullptr);
absl::Status GetIntervention(const Programs& programs, ProgramRuntime& program,
                             const v1::GetInterventionRequest& request, v1::Intervention& response);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_VIEWS_INTERVENTION_QUERY_H_
