// Scorecards: a programme's sections of metrics, with their values for one scope.
//
//   const auto metrics = ScorecardMetrics(catalog, v1::SCOPE_KIND_PARTNER);          // whose rows the source needs
//   v1::Scorecard card = BuildScorecard(catalog, source, {.scope = kFirstPartnerScope, .scope_proto = scope, .as_of =
//   day});
//
// What only the caller knows (partner, position, unresolved facts) stays empty. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_REPORTS_SCORECARD_H_
#define PARTNERMETRICS_SERVER_REPORTS_SCORECARD_H_

#include <vector>

#include "partnermetrics/v1/common.pb.h"
#include "partnermetrics/v1/score_service.pb.h"
#include "server/catalog/catalog.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

struct ScorecardRequest {
  ScopeIndex scope = kProgramScope;
  v1::Scope scope_proto;
  Day as_of = 0;
  v1::WindowKind window = v1::WINDOW_KIND_UNSPECIFIED;  // unspecified: each metric's own
  v1::Comparison comparison = v1::COMPARISON_PREVIOUS_PERIOD;
  const v1::TargetSet* target_set = nullptr;  // null: the one in force on the last day of each window
  bool own_data_only = false;                 // leaves out values of metrics that read other partners
};

// The metrics of a partner's scorecard, or of the programme's dashboard, with key metrics, scores and tier: each once,
// without those that are not defined for this kind of scope.
std::vector<const CompiledMetric*> ScorecardMetrics(const Catalog& catalog, v1::ScopeKind scope);

v1::Scorecard BuildScorecard(const Catalog& catalog, const MeasureSource& source, const ScorecardRequest& request);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_SCORECARD_H_
