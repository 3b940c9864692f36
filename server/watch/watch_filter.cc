#include "server/watch/watch_filter.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/expr/diagnostics.h"

namespace partnermetrics {
namespace {

constexpr int kDefaultStep = 5;
constexpr int kMostStep = 50;
constexpr int kMostPartners = 1000;

// Ids of the tiers and the scores of partners, and of the rules of intervention.
std::vector<std::string> ModelsOf(const Catalog& catalog) {
  std::vector<std::string> ids;
  const auto add = [&](int index) {
    const CompiledMetric& metric = catalog.metrics()[static_cast<size_t>(index)];
    if (metric.HasLevel(v1::SCOPE_KIND_PARTNER)) ids.push_back(metric.id());
  };
  if (catalog.tiers() != nullptr) add(catalog.tiers()->metric);
  for (const CompiledScore& score : catalog.scores()) add(score.metric);
  for (const CompiledInterventionRule& rule : catalog.intervention_rules()) ids.push_back(rule.definition->id());
  return ids;
}

}  // namespace

absl::StatusOr<WatchFilter> WatchFilter::Make(const v1::WatchChangesRequest& request, const Engine::View& view) {
  WatchFilter filter;
  if (request.score_step() < 0 || request.score_step() > kMostStep) {
    return InvalidField("score_step", "OUT_OF_RANGE", absl::StrCat("must be between 0 and ", kMostStep));
  }
  filter.step_ = request.score_step() == 0 ? kDefaultStep : request.score_step();
  for (const int kind : request.kinds()) {
    if (!v1::ChangeKind_IsValid(kind)) return InvalidField("kinds", "UNKNOWN", "is no kind of change");
    if (kind != v1::CHANGE_KIND_UNSPECIFIED) filter.kinds_.insert(kind);
  }
  const std::vector<std::string> models = ModelsOf(*view.catalog());
  for (const std::string& model : request.model_ids()) {
    if (std::find(models.begin(), models.end(), model) == models.end()) {
      return InvalidField(
          "model_ids", "UNKNOWN_MODEL",
          absl::StrCat("there is no score of partners and no rule '", model, "'", SuggestNames(model, models)));
    }
    filter.models_.insert(model);
  }
  if (request.partner_ids_size() > kMostPartners) {
    return InvalidField("partner_ids", "TOO_MANY", absl::StrCat("must be at most ", kMostPartners));
  }
  for (const std::string& name : request.partner_ids()) {
    ASSIGN_OR_RETURN(std::string id, FindPartner(view, name));
    filter.partners_.insert(std::move(id));
  }
  return filter;
}

bool WatchFilter::Passes(const v1::PartnerChange& change) const {
  if (!kinds_.empty() && !kinds_.contains(change.kind())) return false;
  if (!models_.empty() && !models_.contains(change.model_id())) return false;
  if (!partners_.empty() && !partners_.contains(change.partner_id())) return false;
  if (change.kind() != v1::CHANGE_KIND_SCORE || !change.has_from() || !change.has_to()) return true;
  return change.from().percent() / step_ != change.to().percent() / step_;
}

}  // namespace partnermetrics
