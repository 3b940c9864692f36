#include "server/scoring/requirement.h"

#include "absl/strings/str_cat.h"
#include "server/scoring/display.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {
namespace {

std::string BoundText(const v1::TierRequirement& requirement, v1::MetricUnit unit, absl::string_view currency) {
  const char* sign =
      requirement.has_min() ? (requirement.exclusive() ? "> " : "≥ ") : (requirement.exclusive() ? "< " : "≤ ");
  const double bound = requirement.has_min() ? requirement.min() : requirement.max();
  return absl::StrCat(sign, DisplayValue(Number::Inexact(bound), unit, currency));
}

Period PeriodOfRequirement(const Catalog& catalog, const v1::TierRequirement& requirement, const CompiledMetric& metric,
                           Day as_of) {
  return PeriodOf(catalog, metric, requirement.window(), as_of);
}

}  // namespace

bool Meets(const v1::TierRequirement& requirement, const Number& value) {
  if (!value.has_value()) return !requirement.data_required();
  const double bound = requirement.has_min() ? requirement.min() : requirement.max();
  if (value.value == bound) return !requirement.exclusive();
  return (value.value > bound) == requirement.has_min();
}

Number ValueOf(const Evaluator& evaluator, const Catalog& catalog, const v1::TierRequirement& requirement,
               ScopeIndex scope, Day as_of) {
  const CompiledMetric& metric = *catalog.FindMetric(requirement.metric());
  return evaluator.Evaluate(metric, scope, PeriodOfRequirement(catalog, requirement, metric, as_of));
}

v1::TierCheck CheckOf(const Evaluator& evaluator, const Catalog& catalog, const v1::TierRequirement& requirement,
                      const Number& value, Day as_of) {
  const CompiledMetric& metric = *catalog.FindMetric(requirement.metric());
  const std::string& currency = catalog.program().currency_code();
  v1::TierCheck check;
  check.set_metric_id(metric.id());
  check.set_display_name(metric.definition.display_name());
  SetRange(evaluator.PeriodFor(metric, PeriodOfRequirement(catalog, requirement, metric, as_of)),
           check.mutable_window());
  check.set_no_data(value.no_data);
  check.set_display(evaluator.Display(metric, value));
  *check.mutable_requirement() = requirement;
  check.set_requirement_display(BoundText(requirement, metric.definition.unit(), currency));
  check.set_met(Meets(requirement, value));
  if (!value.has_value()) return check;
  check.set_value(value.value);
  check.set_margin(requirement.has_min() ? value.value - requirement.min() : requirement.max() - value.value);
  check.set_margin_display(DisplayChange(Number::Inexact(check.margin()), metric.definition.unit(), currency));
  return check;
}

std::string CheckText(const v1::TierCheck& check) {
  return absl::StrCat(check.display_name(), " ", check.display(), " (", check.requirement_display(), ")");
}

}  // namespace partnermetrics
