#include "server/reports/scorecard.h"

#include <algorithm>

#include "server/catalog/calendar.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/proto_values.h"
#include "server/scoring/score.h"
#include "server/scoring/tier.h"

namespace partnermetrics {
namespace {

const google::protobuf::RepeatedPtrField<v1::ScorecardSection>& SectionsOf(const Catalog& catalog,
                                                                           v1::ScopeKind scope) {
  return scope == v1::SCOPE_KIND_PARTNER ? catalog.program().scorecard() : catalog.program().dashboard();
}

bool IsScoreOrTier(const CompiledMetric& metric) {
  const FormulaOp root = metric.formula.nodes.back().op;
  return root == FormulaOp::kScore || root == FormulaOp::kTier;
}

bool ReadsOthers(const Catalog& catalog, const std::string& metric) {
  return catalog.FindMetric(metric)->needs.all;
}

// Of values that read other partners a score tells the points, and a tier whether they are enough.
void HideOthers(const Catalog& catalog, v1::Scorecard& card) {
  const auto hide = [&](v1::TierCheck& check) {
    if (check.metric_id().empty() || !ReadsOthers(catalog, check.metric_id())) return;
    check.clear_value();
    check.clear_display();
    check.clear_margin();
    check.clear_margin_display();
  };
  for (v1::Score& score : *card.mutable_scores()) {
    for (v1::ScoreComponentValue& component : *score.mutable_components()) {
      for (v1::ScorePartValue& part : *component.mutable_parts()) {
        if (!ReadsOthers(catalog, part.metric_id())) continue;
        part.clear_value();
        part.clear_display();
        part.clear_target();
      }
    }
  }
  if (!card.has_tier()) return;
  for (v1::TierGate& gate : *card.mutable_tier()->mutable_gates()) hide(*gate.mutable_check());
  for (v1::TierCheck& check : *card.mutable_tier()->mutable_minima()) hide(check);
}

}  // namespace

std::vector<const CompiledMetric*> ScorecardMetrics(const Catalog& catalog, v1::ScopeKind scope) {
  std::vector<const CompiledMetric*> metrics;
  const auto add = [&](const CompiledMetric& metric) {
    if (!metric.HasLevel(scope) || std::find(metrics.begin(), metrics.end(), &metric) != metrics.end()) return;
    metrics.push_back(&metric);
  };
  for (const std::string& id : catalog.program().key_metrics()) add(*catalog.FindMetric(id));
  for (const v1::ScorecardSection& section : SectionsOf(catalog, scope)) {
    for (const std::string& id : section.metrics()) add(*catalog.FindMetric(id));
  }
  for (const CompiledScore& score : catalog.scores()) add(catalog.metrics()[static_cast<size_t>(score.metric)]);
  if (catalog.tiers() != nullptr) add(catalog.metrics()[static_cast<size_t>(catalog.tiers()->metric)]);
  return metrics;
}

v1::Scorecard BuildScorecard(const Catalog& catalog, const MeasureSource& source, const ScorecardRequest& request) {
  const v1::Program& program = catalog.program();
  const v1::ScopeKind scope = request.scope_proto.kind();
  v1::Scorecard card;
  card.set_program(program.id());
  card.set_program_name(program.display_name());
  card.set_partner_id(request.scope_proto.partner_id());
  card.set_currency_code(program.currency_code());
  SetDate(request.as_of, card.mutable_as_of());
  const v1::WindowKind named =
      request.window == v1::WINDOW_KIND_UNSPECIFIED ? v1::WINDOW_KIND_QUARTER_TO_DATE : request.window;
  card.set_period(
      PeriodText(PeriodOf(named, request.as_of, catalog.fiscal_start_month()), catalog.fiscal_start_month()));

  Evaluator evaluator(catalog, source);
  // Rows, scores and the tier's reviews ask for the same values.
  evaluator.RememberValuesOf(request.scope);
  const auto fill = [&](const CompiledMetric& metric, v1::ScorecardRow& row) {
    *row.mutable_metric() = metric.definition;
    *row.mutable_value() = evaluator.Value({&metric, request.scope, request.scope_proto,
                                            PeriodOf(catalog, metric, request.window, request.as_of),
                                            request.comparison, request.target_set});
  };
  const auto is_shown = [&](const CompiledMetric& metric) {
    return metric.HasLevel(scope) && !(request.own_data_only && metric.needs.all && !IsScoreOrTier(metric));
  };
  for (const std::string& id : program.key_metrics()) {
    if (const CompiledMetric& metric = *catalog.FindMetric(id); is_shown(metric)) fill(metric, *card.add_key_rows());
  }
  for (const CompiledScore& score : catalog.scores()) {
    if (!is_shown(catalog.metrics()[static_cast<size_t>(score.metric)])) continue;
    *card.add_scores() =
        ScoreOf(evaluator, catalog, score, request.scope, request.scope_proto, request.as_of, request.target_set);
  }
  if (catalog.tiers() != nullptr && is_shown(catalog.metrics()[static_cast<size_t>(catalog.tiers()->metric)])) {
    *card.mutable_tier() =
        Tier(evaluator, catalog, source, request.scope).StandingAt(request.as_of, /*with_history=*/false);
    card.mutable_tier()->set_partner_id(request.scope_proto.partner_id());
  }
  int rows = 0, with_data = 0;
  for (const v1::ScorecardSection& section : SectionsOf(catalog, scope)) {
    v1::ScorecardGroup group;
    group.set_title(section.title());
    for (const std::string& id : section.metrics()) {
      const CompiledMetric& metric = *catalog.FindMetric(id);
      if (!is_shown(metric)) continue;
      v1::ScorecardRow& row = *group.add_rows();
      fill(metric, row);
      ++rows;
      if (row.value().has_value()) ++with_data;
    }
    if (group.rows_size() > 0) *card.add_groups() = std::move(group);
  }
  if (request.own_data_only) HideOthers(catalog, card);
  card.set_coverage(rows == 0 ? 0 : static_cast<double>(with_data) / rows);
  return card;
}

}  // namespace partnermetrics
