#include "server/queries/what_if.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/queries/metric_names.h"
#include "server/queries/score_query.h"
#include "server/queries/supposed_facts.h"
#include "server/reports/scorecard.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/score.h"
#include "server/scoring/tier.h"
#include "server/scoring/tier_outlook.h"

namespace partnermetrics {
namespace {

using ProgramTargets = google::protobuf::RepeatedPtrField<v1::ProgramTarget>;

void RemoveTarget(absl::string_view metric, ProgramTargets& targets) {
  for (int i = targets.size(); i-- > 0;) {
    if (targets[i].metric() == metric) targets.DeleteSubrange(i, 1);
  }
}

// A target that is supposed goes before all that are stated.
void SetTargets(const v1::WhatIfRequest& request, v1::Program& program) {
  for (const v1::ProgramTarget& target : request.targets()) {
    RemoveTarget(target.metric(), *program.mutable_targets());
    for (v1::TargetSet& set : *program.mutable_target_sets()) RemoveTarget(target.metric(), *set.mutable_targets());
    *program.add_targets() = target;
  }
}

absl::Status SetWeights(const v1::WhatIfRequest& request, v1::Program& program) {
  for (int i = 0; i < request.weights_size(); ++i) {
    const v1::ScoreWeight& wanted = request.weights(i);
    bool found = false;
    for (v1::ScoreModel& model : *program.mutable_scores()) {
      if (model.id() != wanted.model_id()) continue;
      for (v1::ScoreComponent& component : *model.mutable_components()) {
        if (component.title() != wanted.component()) continue;
        component.set_weight(wanted.weight());
        found = true;
      }
    }
    if (!found) {
      return InvalidField(
          absl::StrCat("weights[", i, "]"), "UNKNOWN_COMPONENT",
          absl::StrCat("there is no component '", wanted.component(), "' of a score '", wanted.model_id(), "'"));
    }
  }
  return absl::OkStatus();
}

void SetRequirement(const v1::TierRequirement& wanted,
                    google::protobuf::RepeatedPtrField<v1::TierRequirement>& requirements) {
  for (v1::TierRequirement& requirement : requirements) {
    if (requirement.metric() != wanted.metric()) continue;
    const v1::WindowKind window = requirement.window();
    requirement = wanted;
    if (wanted.window() == v1::WINDOW_KIND_UNSPECIFIED) requirement.set_window(window);
    return;
  }
  *requirements.Add() = wanted;
}

absl::Status SetThresholds(const v1::WhatIfRequest& request, v1::Program& program) {
  for (int i = 0; i < request.thresholds_size(); ++i) {
    const v1::TierThreshold& wanted = request.thresholds(i);
    auto& levels = *program.mutable_tiers()->mutable_levels();
    const auto level = std::find_if(levels.begin(), levels.end(),
                                    [&](const v1::TierLevel& known) { return known.id() == wanted.tier(); });
    if (wanted.tier().empty()) {
      SetRequirement(wanted.requirement(), *program.mutable_tiers()->mutable_minima());
    } else if (level != levels.end()) {
      SetRequirement(wanted.requirement(), *level->mutable_requirements());
    } else {
      return InvalidField(absl::StrCat("thresholds[", i, "].tier"), "UNKNOWN_TIER",
                          absl::StrCat("there is no tier '", wanted.tier(), "'"));
    }
  }
  return absl::OkStatus();
}

// The catalogue with other targets, weights and thresholds; the same when none are supposed.
absl::StatusOr<std::shared_ptr<const Catalog>> SupposedCatalog(const std::shared_ptr<const Catalog>& catalog,
                                                               const v1::WhatIfRequest& request) {
  if (request.targets().empty() && request.weights().empty() && request.thresholds().empty()) return catalog;
  v1::Program program = catalog->program();
  SetTargets(request, program);
  RETURN_IF_ERROR(SetWeights(request, program));
  RETURN_IF_ERROR(SetThresholds(request, program));
  return Catalog::Compile(program, catalog->definitions());
}

absl::StatusOr<std::vector<const CompiledMetric*>> ReadMetrics(const Catalog& catalog,
                                                               const v1::WhatIfRequest& request) {
  std::vector<const CompiledMetric*> metrics = ScorecardMetrics(catalog, v1::SCOPE_KIND_PARTNER);
  for (const std::string& id : request.metric_ids()) {
    ASSIGN_OR_RETURN(const CompiledMetric* metric, ReadMetric(catalog, id, "metric_ids"));
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) metrics.push_back(metric);
  }
  return metrics;
}

// Scores and tiers are answered as such.
bool IsPlain(const CompiledMetric& metric) {
  const FormulaOp root = metric.formula.nodes.back().op;
  return root != FormulaOp::kScore && root != FormulaOp::kTier;
}

bool Differ(const v1::MetricValue& a, const v1::MetricValue& b) {
  return a.has_value() != b.has_value() || a.value() != b.value() || a.no_data() != b.no_data() ||
         a.attainment() != b.attainment();
}

// One side of the comparison: the partner as it is, or as it would be.
class Side {
 public:
  Side(const ScopeReading& reading, Day as_of)
      : reading_(reading), as_of_(as_of), evaluator_(reading.catalog(), reading.source) {}

  v1::MetricValue Value(const std::string& id) const {
    const CompiledMetric& metric = *reading_.catalog().FindMetric(id);
    return evaluator_.Value({&metric, reading_.scope, reading_.scope_proto,
                             PeriodOf(reading_.catalog(), metric, v1::WINDOW_KIND_UNSPECIFIED, as_of_)});
  }
  v1::Score ScoreBy(const CompiledScore& score) const {
    return ScoreOf(evaluator_, reading_.catalog(), score, reading_.scope, reading_.scope_proto, as_of_);
  }
  void FillTier(v1::TierStanding& standing) const {
    const Tier tier(evaluator_, reading_.catalog(), reading_.source, reading_.scope);
    standing = tier.StandingAt(as_of_);
    standing.set_partner_id(reading_.scope_proto.partner_id());
    AddOutlook(tier, reading_.catalog(), reading_.source, reading_.scope, as_of_, standing);
  }

 private:
  const ScopeReading& reading_;
  const Day as_of_;
  const Evaluator evaluator_;
};

}  // namespace

absl::Status WhatIf(const Programs& programs, ProgramRuntime& program, const v1::WhatIfRequest& request,
                    v1::WhatIfResponse& response) {
  if (request.partner_id().empty()) return InvalidField("partner_id", "REQUIRED", "must name a partner");
  ScopeReading before, after;
  SupposedFacts::Contributions contributions;
  {
    Engine::View view(program.engine());
    ASSIGN_OR_RETURN(const auto supposed, SupposedCatalog(view.catalog(), request));
    const ChooseMetrics metrics = [&](const Catalog& catalog, v1::ScopeKind) { return ReadMetrics(catalog, request); };
    const ChooseMetrics supposed_metrics = [&](const Catalog&, v1::ScopeKind) {
      return ReadMetrics(*supposed, request);
    };
    ASSIGN_OR_RETURN(before, ReadScope(view, request.partner_id(), metrics));
    ASSIGN_OR_RETURN(after, ReadScope(view, request.partner_id(), supposed_metrics));
    after.source.SupposeCatalog(supposed);
    for (const v1::ProgramTarget& target : request.targets()) after.source.ForgetTargets(target.metric());
    SupposedFacts facts(view, programs, program.id(), before.scope_proto.partner_id(), after.scope);
    RETURN_IF_ERROR(facts.Add(request.facts()));
    contributions = facts.contributions();
  }
  for (const auto& [row, supposed] : contributions) after.source.Suppose(row, supposed);
  ASSIGN_OR_RETURN(const Day as_of, ReadAsOf(programs, before.catalog(), request));
  const Side was(before, as_of), would(after, as_of);
  ASSIGN_OR_RETURN(const auto metrics, ReadMetrics(before.catalog(), request));
  const auto& asked = request.metric_ids();
  for (const CompiledMetric* metric : metrics) {
    const bool is_asked = std::find(asked.begin(), asked.end(), metric->id()) != asked.end();
    if (!asked.empty() && !is_asked) continue;
    v1::WhatIfValue value;
    value.set_metric_id(metric->id());
    value.set_display_name(metric->definition.display_name());
    *value.mutable_before() = was.Value(metric->id());
    *value.mutable_after() = would.Value(metric->id());
    if (is_asked || (IsPlain(*metric) && Differ(value.before(), value.after())))
      *response.add_values() = std::move(value);
  }
  for (const CompiledScore& score : before.catalog().scores()) {
    if (!before.catalog().metrics()[static_cast<size_t>(score.metric)].HasLevel(v1::SCOPE_KIND_PARTNER)) continue;
    v1::WhatIfScore& compared = *response.add_scores();
    *compared.mutable_before() = was.ScoreBy(score);
    *compared.mutable_after() = would.ScoreBy(*after.catalog().FindScore(score.definition->id()));
  }
  if (before.catalog().tiers() != nullptr) {
    was.FillTier(*response.mutable_tier_before());
    would.FillTier(*response.mutable_tier_after());
  }
  response.set_currency_code(before.catalog().program().currency_code());
  response.set_position(before.source.header().position);
  return absl::OkStatus();
}

}  // namespace partnermetrics
