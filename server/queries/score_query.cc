#include "server/queries/score_query.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/expr/diagnostics.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/score.h"
#include "server/scoring/tier.h"
#include "server/scoring/tier_outlook.h"

namespace partnermetrics {
namespace {

const CompiledMetric& MetricOf(const Catalog& catalog, const CompiledScore& score) {
  return catalog.metrics()[static_cast<size_t>(score.metric)];
}

// The models of a request; all that are defined for the scope when it names none.
absl::StatusOr<std::vector<const CompiledScore*>> ReadModels(const Catalog& catalog,
                                                             const v1::GetScoresRequest& request, v1::ScopeKind kind) {
  std::vector<const CompiledScore*> models;
  for (const std::string& id : request.model_ids()) {
    const CompiledScore* score = catalog.FindScore(id);
    if (score == nullptr) {
      std::vector<std::string> names;
      for (const CompiledScore& known : catalog.scores()) names.push_back(known.definition->id());
      return InvalidField("model_ids", "UNKNOWN_MODEL",
                          absl::StrCat("there is no score '", id, "'", SuggestNames(id, std::move(names))));
    }
    if (!MetricOf(catalog, *score).HasLevel(kind)) {
      return InvalidField("model_ids", "WRONG_SCOPE", absl::StrCat("'", id, "' is not defined for this scope"));
    }
    models.push_back(score);
  }
  if (!models.empty()) return models;
  for (const CompiledScore& score : catalog.scores()) {
    if (MetricOf(catalog, score).HasLevel(kind)) models.push_back(&score);
  }
  return models;
}

}  // namespace

absl::StatusOr<ScopeReading> ReadScope(const Engine::View& view, const std::string& partner,
                                       const ChooseMetrics& metrics) {
  ScopeReading reading;
  reading.scope_proto.set_kind(v1::SCOPE_KIND_PROGRAM);
  std::vector<std::string> partners;
  if (!partner.empty()) {
    ASSIGN_OR_RETURN(std::string id, FindPartner(view, partner));
    reading.scope = kFirstPartnerScope;
    reading.scope_proto.set_kind(v1::SCOPE_KIND_PARTNER);
    reading.scope_proto.set_partner_id(id);
    partners.push_back(std::move(id));
  }
  ASSIGN_OR_RETURN(const auto chosen, metrics(*view.catalog(), reading.scope_proto.kind()));
  Reads reads = ReadsOf(*view.catalog(), chosen, {reading.scope});
  reads.attributes |= !partners.empty();
  ASSIGN_OR_RETURN(reading.source, EngineSource::Collect(view, std::move(reads), std::move(partners)));
  reading.partner = reading.source.PartnerFields(reading.scope);
  return reading;
}

absl::StatusOr<const CompiledTiers*> TiersOf(const Catalog& catalog) {
  if (catalog.tiers() != nullptr) return catalog.tiers();
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_TIERS",
                   absl::StrCat("programme '", catalog.program().id(), "' has no tiers"),
                   "define tiers in the programme's .textproto file");
}

absl::StatusOr<std::vector<const CompiledMetric*>> TierMetric(const Catalog& catalog, v1::ScopeKind) {
  ASSIGN_OR_RETURN(const CompiledTiers* tiers, TiersOf(catalog));
  return std::vector<const CompiledMetric*>{&catalog.metrics()[static_cast<size_t>(tiers->metric)]};
}

absl::Status GetScores(const Programs& programs, Engine& engine, const v1::GetScoresRequest& request,
                       v1::GetScoresResponse& response) {
  ScopeReading reading;
  {
    Engine::View view(engine);
    ASSIGN_OR_RETURN(reading, ReadScope(view, request.partner_id(),
                                        [&](const Catalog& catalog,
                                            v1::ScopeKind kind) -> absl::StatusOr<std::vector<const CompiledMetric*>> {
                                          ASSIGN_OR_RETURN(const auto models, ReadModels(catalog, request, kind));
                                          std::vector<const CompiledMetric*> metrics;
                                          for (const CompiledScore* model : models) {
                                            metrics.push_back(&MetricOf(catalog, *model));
                                          }
                                          return metrics;
                                        }));
  }
  const Catalog& catalog = reading.catalog();
  ASSIGN_OR_RETURN(const Day as_of, ReadAsOf(programs, catalog, request));
  ASSIGN_OR_RETURN(const auto models, ReadModels(catalog, request, reading.scope_proto.kind()));
  const Evaluator evaluator(catalog, reading.source);
  for (const CompiledScore* model : models) {
    *response.add_scores() = ScoreOf(evaluator, catalog, *model, reading.scope, reading.scope_proto, as_of);
  }
  response.set_position(reading.source.header().position);
  return absl::OkStatus();
}

absl::Status GetTier(const Programs& programs, Engine& engine, const v1::GetTierRequest& request,
                     v1::GetTierResponse& response) {
  if (request.partner_id().empty()) return InvalidField("partner_id", "REQUIRED", "must name a partner");
  ScopeReading reading;
  {
    Engine::View view(engine);
    ASSIGN_OR_RETURN(reading, ReadScope(view, request.partner_id(), TierMetric));
  }
  const Catalog& catalog = reading.catalog();
  ASSIGN_OR_RETURN(const Day as_of, ReadAsOf(programs, catalog, request));
  const Evaluator evaluator(catalog, reading.source);
  const Tier tier(evaluator, catalog, reading.source, reading.scope);
  v1::TierStanding& standing = *response.mutable_standing();
  standing = tier.StandingAt(as_of);
  standing.set_partner_id(reading.scope_proto.partner_id());
  AddOutlook(tier, catalog, reading.source, reading.scope, as_of, standing);
  if (reading.partner.has_value()) response.set_partner_name(reading.partner->name());
  *response.mutable_model() = *catalog.tiers()->definition;
  response.set_position(reading.source.header().position);
  return absl::OkStatus();
}

}  // namespace partnermetrics
