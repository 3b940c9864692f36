#include "server/reports/pipeline_health.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "server/reports/shares.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {
namespace {

// The exact value; without one there is nothing to share.
Nanos NanosOf(const v1::MetricValue& value) {
  return Nanos(value.exact().units()) * kNanosPerUnit + value.exact().nanos();
}

// The place of a stage in the configuration; behind all for those that it does not name.
int PlaceOf(const v1::PipelineHealth& configured, const std::string& stage) {
  const auto& stages = configured.stages();
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [&](const std::string& name) { return absl::EqualsIgnoreCase(name, stage); });
  return static_cast<int>(found - stages.begin());
}

// The stages in which something is open.
std::vector<v1::PipelineStage> StagesOf(const Catalog& catalog, const MeasureSource& source,
                                        const ReportRequest& request) {
  const v1::PipelineHealth& configured = catalog.program().reports().pipeline();
  const CompiledMetric& metric = *catalog.FindMetric(configured.stages_metric());
  std::set<std::string> names;
  for (const MeasureUse& use : metric.uses) {
    for (std::string& name : source.SplitValues({ScopeAt(use.level, request.scope), use.measure})) {
      names.insert(std::move(name));
    }
  }
  std::vector<v1::PipelineStage> stages;
  for (const std::string& name : names) {
    v1::PipelineStage stage;
    stage.set_stage(name);
    *stage.mutable_value() = ValueOf(catalog, Evaluator(catalog, source, name), metric.id(), request);
    stage.mutable_value()->set_split_value(name);
    if (stage.value().facts() > 0) stages.push_back(std::move(stage));
  }
  std::stable_sort(stages.begin(), stages.end(), [&](const v1::PipelineStage& a, const v1::PipelineStage& b) {
    const int place_a = PlaceOf(configured, a.stage()), place_b = PlaceOf(configured, b.stage());
    return place_a != place_b ? place_a < place_b : NanosOf(a.value()) > NanosOf(b.value());
  });
  std::vector<Nanos> amounts;
  for (const v1::PipelineStage& stage : stages) amounts.push_back(NanosOf(stage.value()));
  const std::vector<int32_t> shares = PercentShares(amounts);
  for (size_t i = 0; i < stages.size(); ++i) stages[i].set_share_percent(shares[i]);
  return stages;
}

}  // namespace

std::vector<const CompiledMetric*> PipelineMetrics(const Catalog& catalog) {
  const v1::PipelineHealth& configured = catalog.program().reports().pipeline();
  std::vector<std::string> ids(configured.figures().begin(), configured.figures().end());
  ids.push_back(configured.stages_metric());
  return MetricsNamed(catalog, ids);
}

v1::PipelineReport BuildPipelineHealth(const Catalog& catalog, const MeasureSource& source,
                                       const ReportRequest& request) {
  const v1::PipelineHealth& configured = catalog.program().reports().pipeline();
  v1::PipelineReport report;
  report.set_program(catalog.program().id());
  report.set_partner_id(request.scope_proto.partner_id());
  report.set_title(configured.title().empty() ? "Pipeline health" : configured.title());
  *report.mutable_as_of() = ToDate(request.as_of);
  report.set_currency_code(catalog.program().currency_code());
  for (v1::PipelineStage& stage : StagesOf(catalog, source, request)) *report.add_stages() = std::move(stage);
  const Evaluator evaluator(catalog, source);
  *report.mutable_total() = ValueOf(catalog, evaluator, configured.stages_metric(), request);
  for (const std::string& id : configured.figures()) {
    *report.add_figures() = FigureOf(catalog, evaluator, id, request);
  }
  return report;
}

}  // namespace partnermetrics
