#include "server/reports/funnel.h"

#include <algorithm>

#include "server/reports/report_parts.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {
namespace {

double LeastOf(const v1::FunnelStep& step) {
  return step.has_at_least() ? step.at_least() : 1;
}

}  // namespace

const v1::Funnel* FindFunnel(const Catalog& catalog, const std::string& id) {
  const auto& funnels = catalog.program().reports().funnels();
  const auto found =
      std::find_if(funnels.begin(), funnels.end(), [&](const v1::Funnel& f) { return id.empty() || f.id() == id; });
  return found == funnels.end() ? nullptr : &*found;
}

std::vector<const CompiledMetric*> FunnelMetrics(const Catalog& catalog, const v1::Funnel& funnel) {
  std::vector<std::string> ids;
  for (const v1::FunnelStep& step : funnel.steps()) ids.push_back(step.metric());
  return MetricsNamed(catalog, ids);
}

v1::FunnelReport BuildFunnel(const Catalog& catalog, const MeasureSource& source, const v1::Funnel& funnel, Day as_of) {
  v1::FunnelReport report;
  report.set_program(catalog.program().id());
  report.set_funnel_id(funnel.id());
  report.set_title(funnel.title().empty() ? funnel.id() : funnel.title());
  *report.mutable_as_of() = ToDate(as_of);

  struct Step {
    const CompiledMetric* metric;
    Period period;
    double at_least;
    v1::FunnelReportStep* shown;
  };
  std::vector<Step> steps;
  for (const v1::FunnelStep& configured : funnel.steps()) {
    const CompiledMetric* metric = catalog.FindMetric(configured.metric());
    v1::FunnelReportStep* shown = report.add_steps();
    shown->set_display_name(configured.display_name().empty() ? metric->definition.display_name()
                                                              : configured.display_name());
    shown->set_metric_id(metric->id());
    shown->set_at_least(LeastOf(configured));
    steps.push_back(
        {metric, PeriodOf(catalog, *metric, v1::WINDOW_KIND_UNSPECIFIED, as_of), LeastOf(configured), shown});
  }

  const Evaluator evaluator(catalog, source);
  for (const ScopeIndex partner : source.Partners()) {
    bool on_the_way = true;
    for (const Step& step : steps) {
      const Number value = evaluator.Evaluate(*step.metric, partner, step.period);
      const bool reached = value.has_value() && value.value >= step.at_least;
      on_the_way = on_the_way && reached;
      if (reached) step.shown->set_reached(step.shown->reached() + 1);
      if (on_the_way) step.shown->set_partners(step.shown->partners() + 1);
    }
  }
  const auto share = [](int64_t part, int64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); };
  for (size_t i = 0; i < steps.size(); ++i) {
    v1::FunnelReportStep& shown = *steps[i].shown;
    const int64_t all = steps[0].shown->partners(), before = steps[i > 0 ? i - 1 : 0].shown->partners();
    if (all > 0) shown.set_share(share(shown.partners(), all));
    if (i > 0 && before > 0) shown.set_conversion(share(shown.partners(), before));
  }
  return report;
}

}  // namespace partnermetrics
