// When a value may change by time alone: a source that passes everything on and remembers what the passing of days
// would bring into or out of what is read.
//
//   DueSource due(catalog, source, today);
//   const Number value = Evaluator(catalog, due).Evaluate(metric, scope, PeriodOf(catalog, metric, window, today));
//   if (due.due() > tomorrow) …                       // without new facts, the value is the same tomorrow
//
// The day may be too early, never too late. Metrics that read the calendar itself (IsTimeless is false) may change
// every day, and so may all while facts wait for a rate. Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_REPORTS_DUE_SOURCE_H_
#define PARTNERMETRICS_SERVER_REPORTS_DUE_SOURCE_H_

#include <optional>
#include <string>
#include <vector>

#include "server/scoring/measure_source.h"

namespace partnermetrics {

// Whether the metric's values depend on days only through what it reads of measures.
bool IsTimeless(const Catalog& catalog, const CompiledMetric& metric);

class DueSource final : public ForwardingSource {
 public:
  DueSource(const Catalog& catalog, const MeasureSource& source, Day today);

  // The first day on which what was read since the last Reset may differ.
  Day due() const { return due_; }
  void Reset() { due_ = kNever; }

  static constexpr Day kNever = 1'000'000'000;

  CellTotals Totals(const RowKey& row, const Period& period, const std::optional<std::string>& split) const override;
  std::optional<Day> FirstDay(const RowKey& row) const override;
  void EachDay(const RowKey& row, Day first, Day last,
               absl::FunctionRef<bool(Day, const CellTotals&)> visit) const override;
  std::vector<StatedTarget> Targets(absl::string_view metric, ScopeIndex scope, bool forecast,
                                    Day as_of) const override;

 private:
  void Note(Day day) const { due_ = std::min(due_, std::max(day, today_ + 1)); }
  void NoteDays(const RowKey& row, const Period& period) const;

  const Catalog& catalog_;
  const Day today_;
  Day month_turn_;  // the next day that ends or begins a month
  mutable Day due_ = kNever;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_DUE_SOURCE_H_
