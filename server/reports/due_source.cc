#include "server/reports/due_source.h"

#include <algorithm>

#include "absl/time/civil_time.h"

namespace partnermetrics {
namespace {

// Windows move by a day each day; where they keep the end of a month, by some more.
constexpr Day kSlack = 3;
// Histories shorter than this may become long enough for a period before.
constexpr Day kHistory = 800;
constexpr Day kFar = 100'000'000;

bool IsTimelessOp(FormulaOp op) {
  switch (op) {
    case FormulaOp::kConstant:
    case FormulaOp::kMeasureSum:
    case FormulaOp::kMeasureCount:
    case FormulaOp::kAverage:
    case FormulaOp::kMetric:
    case FormulaOp::kPartner:
    case FormulaOp::kAtLevel:
      return true;
    default:
      return op >= FormulaOp::kNegate && op <= FormulaOp::kToDate;
  }
}

}  // namespace

bool IsTimeless(const Catalog& catalog, const CompiledMetric& metric) {
  return std::all_of(metric.formula.nodes.begin(), metric.formula.nodes.end(), [&](const FormulaNode& node) {
    const auto is_timeless = [&](int index) {
      return IsTimeless(catalog, catalog.metrics()[static_cast<size_t>(index)]);
    };
    if (node.op == FormulaOp::kMetric) return is_timeless(node.index);
    if (node.op != FormulaOp::kScore) return IsTimelessOp(node.op);
    const CompiledScore& score = catalog.scores()[static_cast<size_t>(node.index)];
    return std::all_of(score.components.begin(), score.components.end(), [&](const CompiledScoreComponent& component) {
      // Without a table a part is held against a target, which may be one for the days that have passed.
      return std::all_of(component.parts.begin(), component.parts.end(), [&](const CompiledScorePart& part) {
        return !part.definition->points().empty() && is_timeless(part.metric);
      });
    });
  });
}

// A month is a whole one on its last day already.
DueSource::DueSource(const Catalog& catalog, const MeasureSource& source, Day today)
    : ForwardingSource(source), catalog_(catalog), today_(today) {
  const Day next_month = ToDay(absl::CivilDay(absl::CivilMonth(ToCivil(today)) + 1));
  month_turn_ = today < next_month - 1 ? next_month - 1 : next_month;
}

CellTotals DueSource::Totals(const RowKey& row, const Period& period, const std::optional<std::string>& split) const {
  NoteDays(row, period);
  return source_.Totals(row, period, split);
}

// Of a flow its days from the window's first on count: those within leave it, those behind enter it. Of a stock only
// those behind the date do.
void DueSource::NoteDays(const RowKey& row, const Period& period) const {
  const CompiledMeasure& measure = catalog_.measures()[static_cast<size_t>(row.measure)];
  if (measure.by != nullptr || measure.kind == v1::MEASURE_KIND_COHORT) {
    // Their rows do not tell all days.
    if (source_.FirstDay(row)) Note(today_ + 1);
    return;
  }
  const bool leaves = measure.is_flow() && measure.kind != v1::MEASURE_KIND_LATEST;
  bool is_first = true;
  source_.EachDay(row, leaves ? period.first : period.last + 1, kFar, [&](Day day, const CellTotals&) {
    // Windows of the calendar move when a month turns.
    if (!period.trailing) Note(month_turn_);
    if (day > period.last) {
      Note(today_ + (day - period.last) - kSlack);
      return false;
    }
    if (period.trailing && is_first) Note(today_ + (day - period.first) - kSlack);
    is_first = false;
    return true;
  });
}

std::optional<Day> DueSource::FirstDay(const RowKey& row) const {
  const std::optional<Day> first = source_.FirstDay(row);
  if (first && *first > today_ - kHistory) Note(today_ + 1);
  return first;
}

void DueSource::EachDay(const RowKey& row, Day first, Day last,
                        absl::FunctionRef<bool(Day, const CellTotals&)> visit) const {
  Note(today_ + 1);
  source_.EachDay(row, first, last, visit);
}

std::vector<StatedTarget> DueSource::Targets(absl::string_view metric, ScopeIndex scope, bool forecast,
                                             Day as_of) const {
  Note(today_ + 1);
  return source_.Targets(metric, scope, forecast, as_of);
}

}  // namespace partnermetrics
