// What ScoreService reads: a scope at one position, with all that its scorecard, scores and tier need.
//
//   ASSIGN_OR_RETURN(ScopeReading reading, ReadScope(view, request.partner_id(), TierMetric));
//   Evaluator evaluator(reading.catalog(), reading.source);
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_QUERIES_SCORE_QUERY_H_
#define PARTNERMETRICS_SERVER_QUERIES_SCORE_QUERY_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "partnermetrics/v1/partner.pb.h"
#include "partnermetrics/v1/score_service.pb.h"
#include "server/ingest/programs.h"
#include "server/queries/dates.h"
#include "server/queries/engine_source.h"

namespace partnermetrics {

struct ScopeReading {
  EngineSource source;
  ScopeIndex scope = kProgramScope;
  v1::Scope scope_proto;
  std::optional<v1::Partner> partner;  // what is known of it, of a partner's scope

  const Catalog& catalog() const { return *source.catalog(); }
};

// Which metrics are to be evaluated in a scope of this kind.
using ChooseMetrics =
    std::function<absl::StatusOr<std::vector<const CompiledMetric*>>(const Catalog& catalog, v1::ScopeKind kind)>;

// The partner that the name leads to, or the programme when it is empty.
absl::StatusOr<ScopeReading> ReadScope(const Engine::View& view, const std::string& partner,
                                       const ChooseMetrics& metrics);

// The programme's tiers; FAILED_PRECONDITION when it has none.
absl::StatusOr<const CompiledTiers*> TiersOf(const Catalog& catalog);
// The metric that is the programme's tier.
absl::StatusOr<std::vector<const CompiledMetric*>> TierMetric(const Catalog& catalog, v1::ScopeKind kind);

absl::Status GetScores(const Programs& programs, Engine& engine, const v1::GetScoresRequest& request,
                       v1::GetScoresResponse& response);

// With gap and risk.
absl::Status GetTier(const Programs& programs, Engine& engine, const v1::GetTierRequest& request,
                     v1::GetTierResponse& response);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_SCORE_QUERY_H_
