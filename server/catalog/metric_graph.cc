// How metrics depend on each other; the rest of the compiler is in catalog_compiler.cc.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/catalog/catalog_compiler.h"

namespace partnermetrics {
namespace {

void AddNeeds(const PartnerNeeds& more, PartnerNeeds& needs) {
  needs.attributes |= more.attributes;
  needs.many |= more.many;
  needs.all |= more.all;
  needs.target |= more.target;
  needs.targets |= more.targets;
  needs.tier |= more.tier;
  needs.tiers |= more.tiers;
}

bool IsOverPartners(FormulaOp op) {
  return op == FormulaOp::kCountPartners || op == FormulaOp::kSumPartners || op == FormulaOp::kAveragePartners;
}

}  // namespace

bool CatalogCompiler::Connect() {
  std::vector<char> done(catalog_->metrics_.size(), 0);
  std::vector<int> path;
  for (const CompiledMetric& metric : catalog_->metrics_) {
    if (!Visit(metric.index, path, done)) return false;
  }
  return true;
}

bool CatalogCompiler::Visit(int index, std::vector<int>& path, std::vector<char>& done) {
  CompiledMetric& metric = catalog_->metrics_[static_cast<size_t>(index)];
  if (done[static_cast<size_t>(index)] != 0) return true;
  path.push_back(index);
  for (const FormulaNode& node : metric.formula.nodes) {
    for (const int needed : MetricsNeededBy(metric.formula, node)) {
      const auto loop = std::find(path.begin(), path.end(), needed);
      if (loop != path.end()) {
        std::vector<std::string> names;
        for (auto at = loop; at != path.end(); ++at) names.push_back(catalog_->metrics_[static_cast<size_t>(*at)].id());
        names.push_back(names.front());
        Fail("metric", metric.id(), "formula",
             absl::StrCat("metrics go round in a circle: ", absl::StrJoin(names, " → ")), node.offset);
        return false;
      }
      if (!Visit(needed, path, done)) return false;
    }
  }
  metric.uses = catalog_->UsesOf(metric.formula, metric.formula.root());
  for (const MeasureUse& use : metric.uses) {
    metric.current_state |= catalog_->measures_[static_cast<size_t>(use.measure)].current_state;
  }
  metric.accumulates = metric.definition.maturity_days() == 0 && Accumulates(metric.formula, metric.formula.root());
  metric.needs = NeedsOf(metric);
  CheckLevels(metric);
  path.pop_back();
  done[static_cast<size_t>(index)] = 1;
  return true;
}

// meets() and scores need what the targets of their metrics are made of, too.
std::vector<int> CatalogCompiler::MetricsNeededBy(const Formula& formula, const FormulaNode& node) const {
  if (node.op == FormulaOp::kMetric) return {node.index};
  std::vector<int> needed;
  if (node.op != FormulaOp::kMeets && node.op != FormulaOp::kScore) return needed;
  for (const int operand : node.operands) {
    const int judged = formula.nodes[static_cast<size_t>(operand)].index;
    const std::vector<int>& targets = catalog_->metrics_[static_cast<size_t>(judged)].target_metrics;
    needed.insert(needed.end(), targets.begin(), targets.end());
  }
  return needed;
}

PartnerNeeds CatalogCompiler::NeedsOf(const CompiledMetric& metric) {
  const auto fail = [&](const FormulaNode& node, absl::string_view message) {
    Fail("metric", metric.id(), "formula", message, node.offset);
  };
  std::vector<PartnerNeeds> all;  // of each node; operands stand before their operator
  for (const FormulaNode& node : metric.formula.nodes) {
    PartnerNeeds needs;
    for (const int operand : node.operands) AddNeeds(all[static_cast<size_t>(operand)], needs);
    if (node.op == FormulaOp::kMetric) {
      needs = catalog_->metrics_[static_cast<size_t>(node.index)].needs;
    } else if (node.op == FormulaOp::kPartner) {
      needs.attributes = true;
    } else if (node.op == FormulaOp::kTarget) {
      needs.target = true;
    } else if (node.op == FormulaOp::kTier) {
      needs.attributes = needs.tier = true;
    } else if (node.op == FormulaOp::kMeets || node.op == FormulaOp::kScore) {
      needs.target = true;
      for (const int target : MetricsNeededBy(metric.formula, node)) {
        AddNeeds(catalog_->metrics_[static_cast<size_t>(target)].needs, needs);
      }
    } else if (IsOverPartners(node.op)) {
      if (needs.many) {
        fail(node,
             "here each partner is a scope of its own; what goes over all of them is written at_level(PROGRAM, …)");
      }
      needs.targets |= needs.target;
      needs.tiers |= needs.tier;
      needs.target = needs.tier = needs.attributes = false;
      needs.many = needs.all = true;
    } else if (node.op == FormulaOp::kAtLevel) {
      if (needs.attributes) fail(node, "this reads attributes of one partner, which other scopes do not have");
      if (needs.many && node.level == v1::SCOPE_KIND_DIRECT)
        fail(node, "the direct part of the business has no partners");
      needs.many = needs.target = false;
    }
    all.push_back(needs);
  }
  return all.empty() ? PartnerNeeds() : all.back();
}

void CatalogCompiler::CheckLevels(const CompiledMetric& metric) {
  const auto only = [&](std::vector<v1::ScopeKind> allowed) {
    const auto& levels = metric.definition.levels();
    return !levels.empty() && std::all_of(levels.begin(), levels.end(), [&](int level) {
      return std::find(allowed.begin(), allowed.end(), level) != allowed.end();
    });
  };
  if (metric.needs.attributes && !only({v1::SCOPE_KIND_PARTNER})) {
    Fail("metric", metric.id(), "formula",
         "attributes of a partner need levels: [SCOPE_KIND_PARTNER]; other scopes read them within count_partners(…), "
         "sum_partners(…) or average_partners(…)");
  }
  if (metric.needs.many && !only({v1::SCOPE_KIND_PROGRAM, v1::SCOPE_KIND_BUSINESS, v1::SCOPE_KIND_SEGMENT})) {
    Fail("metric", metric.id(), "formula",
         "what goes over partners needs levels of SCOPE_KIND_PROGRAM and SCOPE_KIND_BUSINESS only; a metric of a "
         "partner reads it with at_level(PROGRAM, …)");
  }
}

bool CatalogCompiler::Accumulates(const Formula& formula, int index) const {
  const FormulaNode& node = formula.nodes[static_cast<size_t>(index)];
  const auto operand = [&](size_t i) { return Accumulates(formula, node.operands[i]); };
  const auto constant = [&](size_t i) {
    return formula.nodes[static_cast<size_t>(node.operands[i])].op == FormulaOp::kConstant;
  };
  switch (node.op) {
    case FormulaOp::kMeasureSum:
    case FormulaOp::kMeasureCount:
      return catalog_->measures_[static_cast<size_t>(node.index)].kind == v1::MEASURE_KIND_FLOW;
    case FormulaOp::kMetric: {
      const CompiledMetric& metric = catalog_->metrics_[static_cast<size_t>(node.index)];
      return metric.accumulates && !metric.definition.own_window();
    }
    case FormulaOp::kAdd:
    case FormulaOp::kSubtract:
      return operand(0) && operand(1);
    case FormulaOp::kMultiply:
      return (operand(0) && constant(1)) || (constant(0) && operand(1));
    case FormulaOp::kDivide:
      return operand(0) && constant(1);
    case FormulaOp::kNegate:
    case FormulaOp::kAtLevel:
    case FormulaOp::kSumPartners:
      return node.operands.size() == 1 && operand(0);
    default:
      return false;
  }
}

// start(x) is the value on the day before the window: only what has a value on a day has one. Days are found in
// measures whose days add up.
void CatalogCompiler::CheckStarts(const CompiledMetric& metric) {
  for (const FormulaNode& node : metric.formula.nodes) {
    if (node.op == FormulaOp::kFirstDay || node.op == FormulaOp::kDayReaching) {
      const CompiledMeasure& measure = catalog_->measures_[static_cast<size_t>(node.index)];
      if (measure.kind != v1::MEASURE_KIND_FLOW && measure.kind != v1::MEASURE_KIND_STOCK) {
        Fail("metric", metric.id(), "formula",
             absl::StrCat("first_day() and day_reaching() need a measure of kind flow or stock; \"", measure.id,
                          "\" is of another"),
             node.offset);
      }
    }
    if (node.op != FormulaOp::kStart) continue;
    for (const MeasureUse& use : catalog_->UsesOf(metric.formula, node.operands[0])) {
      const CompiledMeasure& measure = catalog_->measures_[static_cast<size_t>(use.measure)];
      if (!measure.is_flow() || measure.kind == v1::MEASURE_KIND_LATEST) continue;
      Fail("metric", metric.id(), "formula",
           absl::StrCat("start() needs stocks, and \"", measure.id, "\" is a flow; prior_period() shifts a flow"),
           node.offset);
    }
  }
}

}  // namespace partnermetrics
