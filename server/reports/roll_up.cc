#include "server/reports/roll_up.h"

#include <algorithm>
#include <set>

namespace partnermetrics {
namespace {

void AddBelow(const std::map<std::string, std::vector<std::string>>& children, const std::string& partner, int depth,
              std::set<std::string>& seen, std::vector<std::pair<std::string, int>>& group) {
  if (!seen.insert(partner).second) return;
  group.emplace_back(partner, depth);
  const auto below = children.find(partner);
  if (below == children.end()) return;
  for (const std::string& child : below->second) AddBelow(children, child, depth + 1, seen, group);
}

// What makes a formula about one partner.
bool IsOfOnePartner(const Catalog& catalog, const CompiledMetric& metric) {
  if (metric.needs.attributes || metric.needs.all || metric.needs.target) return true;
  return std::any_of(metric.formula.nodes.begin(), metric.formula.nodes.end(), [&](const FormulaNode& node) {
    switch (node.op) {
      case FormulaOp::kMetric:
        return IsOfOnePartner(catalog, catalog.metrics()[static_cast<size_t>(node.index)]);
      case FormulaOp::kMeasureSum:
      case FormulaOp::kMeasureCount:
      case FormulaOp::kAverage:
      case FormulaOp::kConstant:
      case FormulaOp::kAsOf:
      case FormulaOp::kDays:
      case FormulaOp::kMonths:
      case FormulaOp::kPace:
        return false;
      default:
        return node.op < FormulaOp::kNegate || node.op > FormulaOp::kAtLevel;
    }
  });
}

}  // namespace

std::vector<std::pair<std::string, int>> GroupOf(const Parents& parents, const std::string& head) {
  std::map<std::string, std::vector<std::string>> children;  // by id, as `parents` is
  for (const auto& [partner, parent] : parents) children[parent].push_back(partner);
  std::vector<std::pair<std::string, int>> group;
  std::set<std::string> seen;
  AddBelow(children, head, 0, seen, group);
  return group;
}

v1::RollUpRule RollUpRuleOf(const Catalog& catalog, const CompiledMetric& metric) {
  if (!metric.HasLevel(v1::SCOPE_KIND_PARTNER) || IsOfOnePartner(catalog, metric)) return v1::ROLL_UP_RULE_NONE;
  const bool shares =
      !metric.uses.empty() && std::all_of(metric.uses.begin(), metric.uses.end(), [&](const MeasureUse& use) {
        return catalog.measures()[static_cast<size_t>(use.measure)].reads_credited;
      });
  return shares ? v1::ROLL_UP_RULE_ADD_SHARES : v1::ROLL_UP_RULE_ADD_UP;
}

CellTotals GroupSource::Totals(const RowKey& row, const Period& period, const std::optional<std::string>& split) const {
  if (row.scope != group_) return source_.Totals(row, period, split);
  CellTotals sum;
  for (const ScopeIndex member : members_) {
    const CellTotals totals = source_.Totals({member, row.measure}, period, split);
    sum.count += totals.count;
    sum.sum += totals.sum;
  }
  return sum;
}

std::optional<Day> GroupSource::FirstDay(const RowKey& row) const {
  if (row.scope != group_) return source_.FirstDay(row);
  std::optional<Day> first;
  for (const ScopeIndex member : members_) {
    const std::optional<Day> day = source_.FirstDay({member, row.measure});
    if (day && (!first || *day < *first)) first = day;
  }
  return first;
}

int64_t GroupSource::ParkedFacts(const RowKey& row, Day first, Day last) const {
  if (row.scope != group_) return source_.ParkedFacts(row, first, last);
  int64_t facts = 0;
  for (const ScopeIndex member : members_) facts += source_.ParkedFacts({member, row.measure}, first, last);
  return facts;
}

}  // namespace partnermetrics
