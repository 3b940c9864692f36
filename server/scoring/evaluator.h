// Evaluates metrics over the rows of a MeasureSource.
//
//   Evaluator evaluator(catalog, source);
//   Number revenue = evaluator.Evaluate(*catalog.FindMetric("partner_revenue"), kProgramScope, period);
//   v1::MetricValue value = evaluator.Value({.metric = metric, .scope = kProgramScope, .scope_proto = scope, .period =
//   period});
//
// Thread-compatible, like its source.
#ifndef PARTNERMETRICS_SERVER_SCORING_EVALUATOR_H_
#define PARTNERMETRICS_SERVER_SCORING_EVALUATOR_H_

#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "partnermetrics/v1/common.pb.h"
#include "partnermetrics/v1/metric_service.pb.h"
#include "server/catalog/calendar.h"
#include "server/catalog/catalog.h"
#include "server/scoring/measure_source.h"
#include "server/scoring/number.h"

namespace partnermetrics {

// The rows that these metrics read in these scopes: sorted, each once.
std::vector<RowKey> RowsNeeded(absl::Span<const CompiledMetric* const> metrics, absl::Span<const ScopeIndex> scopes);

// The period of a metric as of a day: of the window asked for, else of its own.
Period PeriodOf(const Catalog& catalog, const CompiledMetric& metric, v1::WindowKind window, Day as_of);

struct MetricRequest {
  const CompiledMetric* metric = nullptr;
  ScopeIndex scope = kProgramScope;
  v1::Scope scope_proto;
  Period period;
  bool compare = false;  // with the period before
};

class Evaluator {
 public:
  Evaluator(const Catalog& catalog, const MeasureSource& source) : catalog_(catalog), source_(source) {}

  Number Evaluate(const CompiledMetric& metric, ScopeIndex scope, const Period& period) const;
  // With target, comparison and everything else that a value comes with.
  v1::MetricValue Value(const MetricRequest& request) const;

 private:
  struct Place {
    ScopeIndex scope;
    Period period;
  };

  Number Node(const Formula& formula, int index, const Place& place) const;
  Number Measure(FormulaOp op, int measure, const Place& place) const;
  Number Logic(const Formula& formula, const FormulaNode& node, const Place& place) const;
  Number Comparison(const Formula& formula, const FormulaNode& node, const Place& place) const;
  Number Extreme(const Formula& formula, const FormulaNode& node, const Place& place) const;
  Number Coalesce(const Formula& formula, const FormulaNode& node, const Place& place) const;
  // prior_period and prior_year: NOT_ENOUGH_HISTORY when the period lies before every fact.
  Number Prior(const Formula& formula, const FormulaNode& node, const Place& place) const;
  // Whether any of the measures has a fact on or before the period's last day.
  bool HasHistory(absl::Span<const MeasureUse> uses, ScopeIndex scope, const Period& period) const;
  std::optional<Nanos> TargetFact(const CompiledMetric& metric, const Place& place) const;
  void AddProvenance(const MetricRequest& request, v1::MetricValue& value) const;
  void AddTarget(const MetricRequest& request, v1::MetricValue& value) const;
  void AddComparison(const MetricRequest& request, v1::MetricValue& value) const;

  const Catalog& catalog_;
  const MeasureSource& source_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_EVALUATOR_H_
