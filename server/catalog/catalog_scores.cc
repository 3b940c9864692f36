// Scores and tiers of a programme: their checks, and the metrics that they are. The rest of the compiler is in
// catalog_compiler.cc.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/catalog/catalog_compiler.h"
#include "server/expr/diagnostics.h"

namespace partnermetrics {
namespace {

constexpr double kMostPoints = 100;
constexpr double kStablePoints = 2;

v1::Metric MetricOf(const v1::ScoreModel& model) {
  v1::Metric metric;
  metric.set_id(model.id());
  metric.set_display_name(model.display_name());
  metric.set_category(model.category());
  *metric.mutable_levels() = model.levels();
  if (metric.levels().empty()) metric.add_levels(v1::SCOPE_KIND_PARTNER);
  metric.set_unit(v1::METRIC_UNIT_POINTS);
  metric.set_direction(v1::METRIC_DIRECTION_UP);
  metric.set_indicator(v1::METRIC_INDICATOR_LEADING);
  metric.set_window(v1::WINDOW_KIND_QUARTER_TO_DATE);
  metric.set_own_window(true);
  metric.set_formula(absl::StrCat("score ", model.id()));
  metric.set_description(model.description());
  metric.set_source(model.source());
  return metric;
}

v1::Metric MetricOf(const v1::TierModel& model) {
  v1::Metric metric;
  metric.set_id(model.id());
  metric.set_display_name(model.display_name());
  metric.set_category(model.category());
  metric.add_levels(v1::SCOPE_KIND_PARTNER);
  metric.set_unit(v1::METRIC_UNIT_TIER);
  metric.set_direction(v1::METRIC_DIRECTION_UP);
  metric.set_indicator(v1::METRIC_INDICATOR_LAGGING);
  metric.set_window(v1::WINDOW_KIND_QUARTER_TO_DATE);
  metric.set_own_window(true);
  metric.set_formula(absl::StrCat("tier ", model.id()));
  metric.set_description(model.description());
  metric.set_source(model.source());
  return metric;
}

FormulaNode MetricNode(int metric) {
  FormulaNode node;
  node.op = FormulaOp::kMetric;
  node.index = metric;
  return node;
}

// Over the metrics, which are the operands.
Formula FormulaOver(FormulaOp op, int index, const std::vector<int>& metrics) {
  Formula formula;
  FormulaNode root;
  root.op = op;
  root.index = index;
  for (const int metric : metrics) {
    root.operands.push_back(static_cast<int>(formula.nodes.size()));
    formula.nodes.push_back(MetricNode(metric));
  }
  formula.nodes.push_back(std::move(root));
  return formula;
}

// Months of a review period.
int MonthsOf(v1::ReviewPeriod period) {
  switch (period) {
    case v1::REVIEW_PERIOD_MONTH:
      return 1;
    case v1::REVIEW_PERIOD_HALF_YEAR:
      return 6;
    case v1::REVIEW_PERIOD_YEAR:
      return 12;
    default:
      return 3;
  }
}

// Whether everything that meets `upper` meets `lower`.
bool Includes(const v1::TierRequirement& upper, const v1::TierRequirement& lower) {
  if (upper.has_min() != lower.has_min() || upper.window() != lower.window()) return false;
  const double up = upper.has_min() ? upper.min() : -upper.max(), low = lower.has_min() ? lower.min() : -lower.max();
  return up != low ? up > low : upper.exclusive() || !lower.exclusive();
}

}  // namespace

void CatalogCompiler::CollectMetrics() {
  std::vector<v1::Metric> metrics(catalog_->definitions_.metrics().begin(), catalog_->definitions_.metrics().end());
  for (const v1::ScoreModel& model : catalog_->program_.scores()) metrics.push_back(MetricOf(model));
  if (catalog_->program_.has_tiers()) metrics.push_back(MetricOf(catalog_->program_.tiers()));
  std::stable_sort(metrics.begin(), metrics.end(),
                   [](const v1::Metric& a, const v1::Metric& b) { return a.id() < b.id(); });
  for (v1::Metric& definition : metrics) {
    CompiledMetric& metric = catalog_->metrics_.emplace_back();
    metric.index = static_cast<int>(catalog_->metrics_.size()) - 1;
    metric.definition = std::move(definition);
  }
}

void CatalogCompiler::CompileScores() {
  const auto& models = catalog_->program_.scores();
  for (int i = 0; i < models.size(); ++i) CompileScore(models[i], absl::StrCat("scores[", i, "]"));
  if (catalog_->program_.has_tiers()) CompileTiers(catalog_->program_.tiers());
  const auto& keys = catalog_->program_.key_metrics();
  for (int i = 0; i < keys.size(); ++i) {
    CheckMetricName(keys[i], "program", catalog_->program_.id(), absl::StrCat("key_metrics[", i, "]"));
  }
}

void CatalogCompiler::FailProgram(absl::string_view field, absl::string_view message) {
  Fail("program", catalog_->program_.id(), field, message);
}

void CatalogCompiler::CompileScore(const v1::ScoreModel& model, const std::string& at) {
  CompiledScore score;
  score.definition = &model;
  score.metric = catalog_->metric_by_id_.at(model.id());
  score.least = model.least();
  score.most = model.most() == 0 ? kMostPoints : model.most();
  score.stable_points = model.has_stable_points() ? model.stable_points() : kStablePoints;
  if (score.least >= score.most) FailProgram(absl::StrCat(at, ".least"), "least lies below most");
  if (score.stable_points < 0) FailProgram(absl::StrCat(at, ".stable_points"), "stable_points is 0 or more");
  if (model.min_coverage() < 0 || model.min_coverage() > 1) {
    FailProgram(absl::StrCat(at, ".min_coverage"), "a share lies between 0 and 1");
  }
  if (model.components().empty()) FailProgram(at, "a score needs components");
  CheckBands(model, score, at);
  std::vector<int> metrics;
  for (int i = 0; i < model.components_size(); ++i) {
    const std::string place = absl::StrCat(at, ".components[", i, "]");
    score.components.push_back(CompileComponent(model.components(i), score, place));
    for (const CompiledScorePart& part : score.components.back().parts) metrics.push_back(part.metric);
  }
  catalog_->metrics_[static_cast<size_t>(score.metric)].formula =
      FormulaOver(FormulaOp::kScore, static_cast<int>(catalog_->scores_.size()), metrics);
  catalog_->scores_.push_back(std::move(score));
}

void CatalogCompiler::CheckBands(const v1::ScoreModel& model, const CompiledScore& score, const std::string& at) {
  for (int i = 0; i < model.bands_size(); ++i) {
    const v1::ScoreBand& band = model.bands(i);
    const std::string place = absl::StrCat(at, ".bands[", i, "]");
    CheckSnakeCase(band.id(), "program", catalog_->program_.id(), absl::StrCat(place, ".id"));
    if (band.display_name().empty()) FailProgram(absl::StrCat(place, ".display_name"), "display_name is required");
    for (int j = 0; j < i; ++j) {
      if (model.bands(j).id() == band.id()) FailProgram(absl::StrCat(place, ".id"), "this id is defined twice");
    }
    if (i > 0 && band.from() >= model.bands(i - 1).from()) {
      FailProgram(absl::StrCat(place, ".from"), "the best band stands first: it lies above the one before");
    }
    if (band.from() > score.most) FailProgram(absl::StrCat(place, ".from"), "lies above the greatest score");
    if (i == model.bands_size() - 1 && band.from() != score.least) {
      FailProgram(absl::StrCat(place, ".from"), absl::StrCat("the last band begins at the least score, ", score.least,
                                                             "; otherwise scores below it would be in no band"));
    }
  }
}

CompiledScoreComponent CatalogCompiler::CompileComponent(const v1::ScoreComponent& definition,
                                                         const CompiledScore& score, const std::string& at) {
  CompiledScoreComponent component;
  component.definition = &definition;
  if (definition.title().empty()) FailProgram(absl::StrCat(at, ".title"), "title is required");
  if (!(definition.weight() > 0)) FailProgram(absl::StrCat(at, ".weight"), "a weight lies above 0");
  if (definition.parts().empty()) FailProgram(at, "a component needs parts: the metrics that it is made of");
  for (int i = 0; i < definition.parts_size(); ++i) {
    const v1::ScorePart& part = definition.parts(i);
    const std::string place = absl::StrCat(at, ".parts[", i, "]");
    const CompiledMetric* metric =
        CheckMetricName(part.metric(), "program", catalog_->program_.id(), absl::StrCat(place, ".metric"));
    if (part.weight() < 0) FailProgram(absl::StrCat(place, ".weight"), "a weight is 0 or more; 0 means 1");
    if (metric == nullptr) continue;
    component.parts.push_back({&part, metric->index, part.weight() == 0 ? 1 : part.weight()});
    CheckPart(part, *metric, score, place);
  }
  return component;
}

void CatalogCompiler::CheckPart(const v1::ScorePart& part, const CompiledMetric& metric, const CompiledScore& score,
                                const std::string& at) {
  const CompiledMetric& own = catalog_->metrics_[static_cast<size_t>(score.metric)];
  for (const int level : own.definition.levels()) {
    if (metric.HasLevel(static_cast<v1::ScopeKind>(level))) continue;
    FailProgram(absl::StrCat(at, ".metric"), absl::StrCat("\"", metric.id(), "\" is not defined for ",
                                                          v1::ScopeKind_Name(level), ", which the score is for"));
  }
  if (part.points().empty()) {
    const v1::MetricDirection direction = metric.definition.direction();
    if (direction != v1::METRIC_DIRECTION_UP && direction != v1::METRIC_DIRECTION_DOWN) {
      FailProgram(at, absl::StrCat("\"", metric.id(), "\" is neither better when higher nor when lower, so that its ",
                                   "target gives no share of points; give a table of points"));
    }
    return;
  }
  if (part.points_size() == 1) FailProgram(absl::StrCat(at, ".points"), "a table of points needs at least two rows");
  for (int i = 0; i < part.points_size(); ++i) {
    const v1::ScorePoint& point = part.points(i);
    const std::string place = absl::StrCat(at, ".points[", i, "]");
    if (i > 0 && !(point.value() > part.points(i - 1).value())) {
      FailProgram(place, "values of a table ascend, each once");
    }
    if (!(point.points() >= score.least && point.points() <= score.most)) {
      FailProgram(place, absl::StrCat("points lie between ", score.least, " and ", score.most));
    }
  }
}

void CatalogCompiler::CompileTiers(const v1::TierModel& model) {
  CompiledTiers& tiers = catalog_->tiers_.emplace();
  tiers.definition = &model;
  tiers.metric = catalog_->metric_by_id_.at(model.id());
  tiers.promotion_months = MonthsOf(model.promotion_reviews());
  tiers.relegation_months = model.relegation_reviews() == v1::REVIEW_PERIOD_UNSPECIFIED
                                ? tiers.promotion_months
                                : MonthsOf(model.relegation_reviews());
  if (tiers.relegation_months % tiers.promotion_months != 0) {
    FailProgram("tiers.relegation_reviews", "partners are relegated as often as they are promoted, or more rarely");
  }
  if (model.levels().empty()) FailProgram("tiers", "tiers need levels");
  if (model.promotion_streak() < 0) FailProgram("tiers.promotion_streak", "promotion_streak is 0 or more");
  if (model.grace_reviews() < 0) FailProgram("tiers.grace_reviews", "grace_reviews is 0 or more");
  if (model.max_violations() < 0) FailProgram("tiers.max_violations", "max_violations is 0 or more");
  if (model.clean_reviews() < 0) FailProgram("tiers.clean_reviews", "clean_reviews is 0 or more");
  std::vector<std::string> names;
  for (int i = 0; i < model.levels_size(); ++i) {
    const std::string at = absl::StrCat("tiers.levels[", i, "]");
    const std::string& id = model.levels(i).id();
    CheckSnakeCase(id, "program", catalog_->program_.id(), absl::StrCat(at, ".id"));
    if (model.levels(i).display_name().empty()) {
      FailProgram(absl::StrCat(at, ".display_name"), "display_name is required");
    }
    if (std::find(names.begin(), names.end(), id) != names.end()) {
      FailProgram(absl::StrCat(at, ".id"), "this id is defined twice");
    }
    names.push_back(id);
  }
  tiers.entry_rank = tiers.RankOf(model.entry_level());
  if (!model.entry_level().empty() && tiers.entry_rank == 0) {
    FailProgram("tiers.entry_level",
                absl::StrCat("unknown tier \"", model.entry_level(), "\"", SuggestNames(model.entry_level(), names)));
  }
  CompileGates(model, tiers);
  std::vector<int> metrics;
  for (const CompiledTierGate& gate : tiers.gates) metrics.push_back(gate.metric);
  for (int i = 0; i < model.minima_size(); ++i) {
    const CompiledMetric* metric = CheckRequirement(model.minima(i), absl::StrCat("tiers.minima[", i, "]"));
    if (metric == nullptr) continue;
    tiers.minima.push_back({metric->index, &model.minima(i)});
    metrics.push_back(metric->index);
  }
  catalog_->metrics_[static_cast<size_t>(tiers.metric)].formula = FormulaOver(FormulaOp::kTier, 0, metrics);
}

// From the lowest tier up, so that each asks for what those below it ask for.
void CatalogCompiler::CompileGates(const v1::TierModel& model, CompiledTiers& tiers) {
  std::map<int, size_t> by_metric;
  for (int rank = 1; rank <= tiers.top(); ++rank) {
    for (CompiledTierGate& gate : tiers.gates) gate.by_rank.push_back(gate.by_rank.back());
    const int index = model.levels_size() - rank;
    const v1::TierLevel& level = model.levels(index);
    for (int i = 0; i < level.requirements_size(); ++i) {
      const v1::TierRequirement& requirement = level.requirements(i);
      const std::string at = absl::StrCat("tiers.levels[", index, "].requirements[", i, "]");
      const CompiledMetric* metric = CheckRequirement(requirement, at);
      if (metric == nullptr) continue;
      const auto [it, is_new] = by_metric.emplace(metric->index, tiers.gates.size());
      if (is_new) {
        tiers.gates.push_back({metric->index, requirement.window(), {}});
        tiers.gates.back().by_rank.resize(static_cast<size_t>(rank) + 1);
      }
      CompiledTierGate& gate = tiers.gates[it->second];
      const v1::TierRequirement* below = gate.by_rank[static_cast<size_t>(rank) - 1];
      if (gate.by_rank.back() != below) FailProgram(at, "this tier asks twice for the same metric");
      if (below != nullptr && !Includes(requirement, *below)) {
        FailProgram(at, absl::StrCat("a better tier asks for at least as much of \"", metric->id(),
                                     "\", over the same window and in the same direction"));
      }
      gate.by_rank.back() = &requirement;
    }
  }
}

const CompiledMetric* CatalogCompiler::CheckRequirement(const v1::TierRequirement& requirement, const std::string& at) {
  const CompiledMetric* metric =
      CheckMetricName(requirement.metric(), "program", catalog_->program_.id(), absl::StrCat(at, ".metric"));
  if (requirement.has_min() == requirement.has_max()) FailProgram(at, "a requirement has either min or max");
  if (metric != nullptr && !metric->HasLevel(v1::SCOPE_KIND_PARTNER)) {
    FailProgram(absl::StrCat(at, ".metric"), absl::StrCat("\"", metric->id(), "\" is not defined for partners"));
  }
  return metric;
}

}  // namespace partnermetrics
