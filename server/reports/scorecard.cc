#include "server/reports/scorecard.h"

#include <algorithm>

#include "server/catalog/calendar.h"
#include "server/scoring/evaluator.h"

namespace partnermetrics {
namespace {

const google::protobuf::RepeatedPtrField<v1::ScorecardSection>& SectionsOf(const Catalog& catalog,
                                                                           v1::ScopeKind scope) {
  return scope == v1::SCOPE_KIND_PARTNER ? catalog.program().scorecard() : catalog.program().dashboard();
}

}  // namespace

std::vector<const CompiledMetric*> ScorecardMetrics(const Catalog& catalog, v1::ScopeKind scope) {
  std::vector<const CompiledMetric*> metrics;
  for (const v1::ScorecardSection& section : SectionsOf(catalog, scope)) {
    for (const std::string& id : section.metrics()) {
      const CompiledMetric* metric = catalog.FindMetric(id);
      if (!metric->HasLevel(scope) || std::find(metrics.begin(), metrics.end(), metric) != metrics.end()) continue;
      metrics.push_back(metric);
    }
  }
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
  const absl::CivilDay as_of = ToCivil(request.as_of);
  card.mutable_as_of()->set_year(static_cast<int32_t>(as_of.year()));
  card.mutable_as_of()->set_month(as_of.month());
  card.mutable_as_of()->set_day(as_of.day());
  const v1::WindowKind named =
      request.window == v1::WINDOW_KIND_UNSPECIFIED ? v1::WINDOW_KIND_QUARTER_TO_DATE : request.window;
  card.set_period(
      PeriodText(PeriodOf(named, request.as_of, catalog.fiscal_start_month()), catalog.fiscal_start_month()));

  const Evaluator evaluator(catalog, source);
  int rows = 0, with_data = 0;
  for (const v1::ScorecardSection& section : SectionsOf(catalog, scope)) {
    v1::ScorecardGroup group;
    group.set_title(section.title());
    for (const std::string& id : section.metrics()) {
      const CompiledMetric* metric = catalog.FindMetric(id);
      if (!metric->HasLevel(scope)) continue;
      v1::ScorecardRow& row = *group.add_rows();
      *row.mutable_metric() = metric->definition;
      *row.mutable_value() = evaluator.Value({metric, request.scope, request.scope_proto,
                                              PeriodOf(catalog, *metric, request.window, request.as_of),
                                              request.comparison, request.target_set});
      ++rows;
      if (row.value().has_value()) ++with_data;
    }
    if (group.rows_size() > 0) *card.add_groups() = std::move(group);
  }
  card.set_coverage(rows == 0 ? 0 : static_cast<double>(with_data) / rows);
  return card;
}

}  // namespace partnermetrics
