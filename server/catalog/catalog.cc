#include "server/catalog/catalog.h"

#include <algorithm>
#include <optional>

#include "server/catalog/catalog_compiler.h"

namespace partnermetrics {

namespace {

Day DayOf(const v1::Date& date) {
  return ToDay(absl::CivilDay(date.year(), date.month(), date.day()));
}

}  // namespace

bool CompiledMetric::HasLevel(v1::ScopeKind kind) const {
  const auto& levels = definition.levels();
  const auto names = [&levels](v1::ScopeKind level) {
    return std::find(levels.begin(), levels.end(), level) != levels.end();
  };
  if (levels.empty() || names(kind)) return true;
  // A segment is a part of the programme and a group of partners, but none of them.
  return kind == v1::SCOPE_KIND_SEGMENT && !needs.attributes && !needs.tier &&
         (names(v1::SCOPE_KIND_PROGRAM) || names(v1::SCOPE_KIND_PARTNER));
}

absl::StatusOr<std::shared_ptr<const Catalog>> Catalog::Compile(const v1::Program& program,
                                                                const v1::Catalog& definitions,
                                                                const DefinitionSources* sources) {
  return CatalogCompiler(program, definitions, sources).Compile();
}

const CompiledMeasure* Catalog::FindMeasure(absl::string_view id) const {
  const auto it = measure_by_id_.find(id);
  return it == measure_by_id_.end() ? nullptr : &measures_[static_cast<size_t>(it->second)];
}

const CompiledMetric* Catalog::FindMetric(absl::string_view id) const {
  const auto it = metric_by_id_.find(id);
  return it == metric_by_id_.end() ? nullptr : &metrics_[static_cast<size_t>(it->second)];
}

absl::Span<const CompiledMeasure* const> Catalog::measures_of(int kind) const {
  if (kind < 0 || static_cast<size_t>(kind) >= measures_by_kind_.size()) return {};
  return measures_by_kind_[static_cast<size_t>(kind)];
}

const CompiledScore* Catalog::FindScore(absl::string_view id) const {
  const auto score = std::find_if(scores_.begin(), scores_.end(),
                                  [&](const CompiledScore& known) { return known.definition->id() == id; });
  return score == scores_.end() ? nullptr : &*score;
}

const v1::TargetSet* Catalog::FindTargetSet(absl::string_view id) const {
  const auto& sets = program_.target_sets();
  const auto set = std::find_if(sets.begin(), sets.end(), [&](const v1::TargetSet& known) { return known.id() == id; });
  return set == sets.end() ? nullptr : &*set;
}

const v1::TargetSet* Catalog::TargetSetAt(Day day) const {
  const v1::TargetSet* newest = nullptr;
  std::optional<Day> newest_start;
  for (const v1::TargetSet& set : program_.target_sets()) {
    const std::optional<Day> start = set.has_starts_on() ? std::optional<Day>(DayOf(set.starts_on())) : std::nullopt;
    if (start > day || (newest != nullptr && start < newest_start)) continue;
    newest = &set;
    newest_start = start;
  }
  return newest;
}

std::vector<MeasureUse> Catalog::UsesOf(const Formula& formula, int node) const {
  std::vector<MeasureUse> uses;
  CollectUses(formula, node, v1::SCOPE_KIND_UNSPECIFIED, uses);
  std::sort(uses.begin(), uses.end());
  uses.erase(std::unique(uses.begin(), uses.end()), uses.end());
  return uses;
}

void Catalog::CollectUses(const Formula& formula, int node, v1::ScopeKind level, std::vector<MeasureUse>& uses) const {
  const FormulaNode& at = formula.nodes[static_cast<size_t>(node)];
  switch (at.op) {
    case FormulaOp::kMeasureSum:
    case FormulaOp::kMeasureCount:
    case FormulaOp::kAverage:
      uses.push_back({at.index, level});
      return;
    case FormulaOp::kFirstDay:
    case FormulaOp::kDayReaching:
      uses.push_back({at.index, level});
      break;
    case FormulaOp::kMetric:
      return CollectMetricUses(at.index, level, uses);
    case FormulaOp::kMeets:
    case FormulaOp::kScore:
      // What the metrics' targets need, besides the metrics.
      for (const int operand : at.operands) {
        const int judged = formula.nodes[static_cast<size_t>(operand)].index;
        for (const int target : metrics_[static_cast<size_t>(judged)].target_metrics) {
          CollectMetricUses(target, level, uses);
        }
      }
      break;
    case FormulaOp::kAtLevel:
      level = at.level;
      break;
    case FormulaOp::kCountPartners:
    case FormulaOp::kSumPartners:
    case FormulaOp::kAveragePartners:
      level = v1::SCOPE_KIND_PARTNER;
      break;
    default:
      break;
  }
  for (const int operand : at.operands) CollectUses(formula, operand, level, uses);
}

void Catalog::CollectMetricUses(int metric, v1::ScopeKind level, std::vector<MeasureUse>& uses) const {
  for (MeasureUse use : metrics_[static_cast<size_t>(metric)].uses) {
    if (use.level == v1::SCOPE_KIND_UNSPECIFIED) use.level = level;
    uses.push_back(use);
  }
}

}  // namespace partnermetrics
