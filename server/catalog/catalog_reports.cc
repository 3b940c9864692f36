// What a programme's reports may name; the rest of the compiler is in catalog_compiler.cc.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/catalog/catalog_compiler.h"
#include "server/expr/diagnostics.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {
namespace {

constexpr int kMostTopPartners = 100;

}  // namespace

void CatalogCompiler::CheckReports() {
  const v1::Reports& reports = catalog_->program_.reports();
  if (reports.has_sla()) CheckSla(reports.sla());
  CheckFunnels();
  if (reports.has_pipeline()) CheckPipeline(reports.pipeline());
  if (reports.has_revenue()) CheckRevenue(reports.revenue());
}

void CatalogCompiler::FailReport(const std::string& field, absl::string_view message) {
  Fail("program", catalog_->program_.id(), absl::StrCat("reports.", field), message);
}

const CompiledMetric* CatalogCompiler::CheckPartnerMetric(absl::string_view metric, const std::string& field) {
  const std::string& program = catalog_->program_.id();
  const CompiledMetric* found = CheckMetricName(metric, "program", program, absl::StrCat("reports.", field));
  if (found == nullptr || found->HasLevel(v1::SCOPE_KIND_PARTNER)) return found;
  FailReport(field, absl::StrCat("\"", metric, "\" is not defined for partners; its levels need SCOPE_KIND_PARTNER"));
  return nullptr;
}

void CatalogCompiler::CheckSla(const v1::SlaTable& sla) {
  const auto check = [&](const std::string& metric, const std::string& field) {
    CheckMetricName(metric, "program", catalog_->program_.id(), absl::StrCat("reports.sla.", field));
  };
  check(sla.compliance(), "compliance");
  if (sla.rows().empty()) FailReport("sla.rows", "a table of service levels needs rows");
  for (int i = 0; i < sla.rows_size(); ++i) {
    const v1::SlaRow& row = sla.rows(i);
    const std::string at = absl::StrCat("rows[", i, "].");
    check(row.metric(), at + "metric");
    if (!row.in_time().empty()) check(row.in_time(), at + "in_time");
    if (!row.open().empty()) check(row.open(), at + "open");
    if (!row.open_age().empty()) check(row.open_age(), at + "open_age");
  }
}

void CatalogCompiler::CheckFunnels() {
  const auto& funnels = catalog_->program_.reports().funnels();
  absl::flat_hash_map<std::string, int> by_id;
  for (int i = 0; i < funnels.size(); ++i) {
    const std::string at = absl::StrCat("funnels[", i, "]");
    if (funnels[i].id().empty()) FailReport(at + ".id", "id is required");
    if (!by_id.emplace(funnels[i].id(), i).second) FailReport(at + ".id", "this id is defined twice");
    if (funnels[i].steps().empty()) FailReport(at + ".steps", "a funnel needs steps");
    for (int j = 0; j < funnels[i].steps_size(); ++j) {
      CheckPartnerMetric(funnels[i].steps(j).metric(), absl::StrCat(at, ".steps[", j, "].metric"));
    }
  }
}

void CatalogCompiler::CheckPipeline(const v1::PipelineHealth& pipeline) {
  const std::string& program = catalog_->program_.id();
  const std::string stages = "reports.pipeline.stages_metric";
  if (const CompiledMetric* metric = CheckMetricName(pipeline.stages_metric(), "program", program, stages)) {
    const auto is_split = [&](const MeasureUse& use) {
      return catalog_->measures_[static_cast<size_t>(use.measure)].by != nullptr;
    };
    if (!std::all_of(metric->uses.begin(), metric->uses.end(), is_split)) {
      FailReport(
          "pipeline.stages_metric",
          absl::StrCat("\"", metric->id(), "\" has measures that are not split; they need `by`, such as a stage"));
    }
  }
  for (int i = 0; i < pipeline.figures_size(); ++i) {
    CheckMetricName(pipeline.figures(i), "program", program, absl::StrCat("reports.pipeline.figures[", i, "]"));
  }
}

void CatalogCompiler::CheckRevenue(const v1::RevenueDashboard& revenue) {
  const std::string& program = catalog_->program_.id();
  for (int i = 0; i < revenue.figures_size(); ++i) {
    CheckMetricName(revenue.figures(i), "program", program, absl::StrCat("reports.revenue.figures[", i, "]"));
  }
  CheckPartnerMetric(revenue.split_metric(), "revenue.split_metric");
  CheckPartnerMetric(revenue.top_metric(), "revenue.top_metric");
  if (revenue.top() < 0 || revenue.top() > kMostTopPartners) {
    FailReport("revenue.top", absl::StrCat("between 0 and ", kMostTopPartners, " partners are shown"));
  }
  if (catalog_->program_.has_tiers() && catalog_->program_.tiers().id() == revenue.split_by()) return;
  const FactSchema& partner = *FactSchemas::Get().Find("partner");
  const FieldSchema* field = partner.Find(revenue.split_by());
  if (field != nullptr && (field->type == ValueType::kString || field->type == ValueType::kEnum)) return;
  std::vector<std::string> names;
  for (const FieldSchema& known : partner.fields()) {
    if (known.type == ValueType::kString || known.type == ValueType::kEnum) names.push_back(known.name);
  }
  FailReport("revenue.split_by", absl::StrCat("\"", revenue.split_by(), "\" is no name or enum of a partner",
                                              SuggestNames(revenue.split_by(), std::move(names))));
}

}  // namespace partnermetrics
