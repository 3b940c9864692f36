// When a programme intervenes: checks of its rules; the rest of the compiler is in catalog_compiler.cc.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/catalog/catalog_compiler.h"

namespace partnermetrics {

void CatalogCompiler::CompileInterventions() {
  const v1::InterventionPolicy& policy = catalog_->program_.interventions();
  for (int i = 0; i < policy.rules_size(); ++i) {
    const std::string at = absl::StrCat("interventions.rules[", i, "]");
    for (int j = 0; j < i; ++j) {
      if (policy.rules(j).id() == policy.rules(i).id()) FailProgram(at + ".id", "this id is defined twice");
    }
    CompileInterventionRule(policy.rules(i), at);
  }
}

void CatalogCompiler::CompileInterventionRule(const v1::InterventionRule& definition, const std::string& at) {
  CompiledInterventionRule rule;
  rule.definition = &definition;
  CheckSnakeCase(definition.id(), "program", catalog_->program_.id(), at + ".id");
  if (definition.display_name().empty()) FailProgram(at + ".display_name", "display_name is required");
  if (definition.opens_when().empty()) FailProgram(at + ".opens_when", "a rule needs a condition that opens");
  if (definition.closes_when().empty()) FailProgram(at + ".closes_when", "a rule needs a condition that closes");
  if (definition.open_after_days() < 0) FailProgram(at + ".open_after_days", "days are 0 or more");
  if (definition.close_after_days() < 0) FailProgram(at + ".close_after_days", "days are 0 or more");
  // A partner's interventions follow from what is known of it and of the business: otherwise every change of one
  // partner would concern all the others.
  const auto note = [&](const CompiledMetric* metric, const std::string& field) {
    if (metric == nullptr) return;
    if (metric->needs.all) {
      FailProgram(field, absl::StrCat("\"", metric->id(), "\" compares a partner with others, which no rule may"));
    }
    rule.metrics.push_back(metric->index);
  };
  const auto check = [&](const google::protobuf::RepeatedPtrField<v1::TierRequirement>& conditions,
                         const std::string& field) {
    for (int i = 0; i < conditions.size(); ++i) {
      const std::string place = absl::StrCat(at, field, "[", i, "]");
      note(CheckRequirement(conditions[i], place), place + ".metric");
    }
  };
  check(definition.opens_when(), ".opens_when");
  check(definition.closes_when(), ".closes_when");
  const std::string watches = at + ".watches";
  const CompiledMetric* kpi = CheckMetricName(definition.watches(), "program", catalog_->program_.id(), watches);
  note(kpi, watches);
  if (kpi != nullptr) rule.kpi = kpi->index;
  if (kpi != nullptr && !kpi->HasLevel(v1::SCOPE_KIND_PARTNER)) {
    FailProgram(watches, absl::StrCat("\"", kpi->id(), "\" is not defined for partners"));
  }
  std::sort(rule.metrics.begin(), rule.metrics.end());
  rule.metrics.erase(std::unique(rule.metrics.begin(), rule.metrics.end()), rule.metrics.end());
  catalog_->intervention_rules_.push_back(std::move(rule));
}

}  // namespace partnermetrics
