// Evaluates metrics over the rows of a MeasureSource.
//
//   Evaluator evaluator(catalog, source);
//   Number revenue = evaluator.Evaluate(*catalog.FindMetric("partner_revenue"), kProgramScope, period);
//   v1::MetricValue value = evaluator.Value({.metric = metric, .scope = kProgramScope, .scope_proto = scope, .period =
//   period});
//
// What goes over partners is remembered for as long as the evaluator lives, and on request all values of one scope.
// Thread-compatible, like its source.
#ifndef PARTNERMETRICS_SERVER_SCORING_EVALUATOR_H_
#define PARTNERMETRICS_SERVER_SCORING_EVALUATOR_H_

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "partnermetrics/v1/common.pb.h"
#include "partnermetrics/v1/metric_service.pb.h"
#include "server/catalog/calendar.h"
#include "server/catalog/catalog.h"
#include "server/scoring/measure_source.h"
#include "server/scoring/number.h"

namespace partnermetrics {

class TierMemos;

// What a query reads of its source.
struct Reads {
  std::vector<RowKey> rows;           // sorted, each once
  std::vector<int> partner_measures;  // rows of every partner: sorted, each once
  bool attributes = false;            // of the scopes that are partners
  bool all_partners = false;          // with their attributes
  bool targets = true;                // of the scopes; values without their targets may need none
  bool partner_targets = false;       // targets of every partner
  bool tiers = false;                 // what was decided on tiers, of the scopes that are partners
  bool partner_tiers = false;         // likewise, of every partner
};

// The scope of a level, seen from another scope.
ScopeIndex ScopeAt(v1::ScopeKind level, ScopeIndex own);
v1::ScopeKind LevelOf(ScopeIndex scope);

// All that these metrics, and the metrics that are their targets, read in these scopes.
Reads ReadsOf(const Catalog& catalog, absl::Span<const CompiledMetric* const> metrics,
              absl::Span<const ScopeIndex> scopes);

// All that these metrics read in the scope of every partner.
Reads ReadsOfEveryPartner(absl::Span<const CompiledMetric* const> metrics);

// Whether the metric's value in a scope is made of that scope's rows alone, whatever happens in other scopes.
bool ReadsOwnScopeOnly(const CompiledMetric& metric);

// What both read.
Reads Joined(Reads a, Reads b);

// The period of a metric as of a day: of the window asked for, else of its own, as metrics with own_window always have.
Period PeriodOf(const Catalog& catalog, const CompiledMetric& metric, v1::WindowKind window, Day as_of);

struct MetricRequest {
  const CompiledMetric* metric = nullptr;
  ScopeIndex scope = kProgramScope;
  v1::Scope scope_proto;
  Period period;
  v1::Comparison comparison = v1::COMPARISON_UNSPECIFIED;
  const v1::TargetSet* target_set = nullptr;  // null: the one in force on the period's last day
};

class Evaluator {
 public:
  // With `split`, split measures give only what they have for this value of their field.
  Evaluator(const Catalog& catalog, const MeasureSource& source, std::optional<std::string> split = std::nullopt)
      : catalog_(catalog), source_(source), split_(std::move(split)) {}

  // Lets tiers be worked out from memos on; they outlive the evaluator.
  void UseTierMemos(TierMemos* memos) { tier_memos_ = memos; }

  // Evaluates no metric twice for one period in this scope: for answers that need the same values many times. What the
  // source says must stay as it is, and whether it is asked must not matter to it.
  void RememberValuesOf(ScopeIndex scope) { remembered_scope_ = scope; }

  // The period is the metric's own where it has one, and ends earlier by its maturity. meets() is judged by the target
  // set, else by the one in force on the last day.
  Number Evaluate(const CompiledMetric& metric, ScopeIndex scope, const Period& period,
                  const v1::TargetSet* target_set = nullptr) const;
  // With target, comparison and everything else that a value comes with.
  v1::MetricValue Value(const MetricRequest& request) const;

  // What the target asks for on the period's last day: its bound, or, of what adds up while the period is under way,
  // the part of it that the elapsed share makes.
  std::optional<v1::MetricTarget> TargetByNow(const CompiledMetric& metric, ScopeIndex scope, const Period& period,
                                              const v1::TargetSet* target_set) const;
  // The period that a metric is really evaluated over when this one is asked for.
  Period PeriodFor(const CompiledMetric& metric, const Period& period) const;
  // Whether any of the measures has a fact on or before the day.
  bool HasHistory(absl::Span<const MeasureUse> uses, ScopeIndex scope, Day day) const;
  // The value as people read it.
  std::string Display(const CompiledMetric& metric, const Number& number) const;

 private:
  struct Place {
    ScopeIndex scope;
    Period period;
    const v1::TargetSet* target_set;  // null: the one in force
  };

  // Everything that a value depends on besides its scope.
  struct ValueKey {
    int metric;
    Period period;
    const v1::TargetSet* target_set;
    // All of a period, of which its own comparison takes the days alone.
    auto All() const {
      return std::tie(metric, period.first, period.last, period.whole_last, period.months, period.days, period.trailing,
                      period.as_of, target_set);
    }
    friend bool operator==(const ValueKey& a, const ValueKey& b) { return a.All() == b.All(); }
    template <typename H>
    friend H AbslHashValue(H h, const ValueKey& key) {
      return H::combine(std::move(h), key.metric, key.period.first, key.period.last, key.period.as_of, key.target_set);
    }
  };

  Number EvaluateNow(const CompiledMetric& metric, ScopeIndex scope, const Period& period,
                     const v1::TargetSet* target_set) const;
  Number Node(const Formula& formula, int index, const Place& place) const;
  Number Measure(FormulaOp op, int measure, const Place& place) const;
  // An expression over the attributes of the scope's partner.
  Number Attribute(const RowExpression& expression, const Place& place) const;
  // first_day and day_reaching.
  Number DayOf(const Formula& formula, const FormulaNode& node, const Place& place) const;
  Number OverPartners(const Formula& formula, const FormulaNode& node, const Place& place) const;
  Number OverEach(const Formula& formula, const FormulaNode& node, absl::Span<const ScopeIndex> partners,
                  const Place& place) const;
  // The share of the metrics with a value and a target that meet it.
  Number Meets(const Formula& formula, const FormulaNode& node, const Place& place) const;
  Number Logic(const Formula& formula, const FormulaNode& node, const Place& place) const;
  Number Comparison(const Formula& formula, const FormulaNode& node, const Place& place) const;
  Number Extreme(const Formula& formula, const FormulaNode& node, const Place& place) const;
  Number Coalesce(const Formula& formula, const FormulaNode& node, const Place& place) const;
  // prior_period and prior_year: NOT_ENOUGH_HISTORY when the period lies before every fact.
  Number Prior(const Formula& formula, const FormulaNode& node, const Place& place) const;
  // The target fact for a period, or for the whole of the calendar period that is running. `whole` says which.
  std::optional<Nanos> TargetFact(const CompiledMetric& metric, const Place& place, bool forecast,
                                  bool* whole = nullptr) const;
  struct TargetInForce {
    v1::MetricTarget target;  // a metric as a target gives its value as the bound
    bool for_part = false;    // of the whole calendar period, while that is running
  };
  // The place's period is that of the value.
  std::optional<TargetInForce> TargetAt(const CompiledMetric& metric, const Place& place) const;
  // `request.period` is that of the value.
  void AddProvenance(const MetricRequest& request, v1::MetricValue& value) const;
  void AddTarget(const MetricRequest& request, v1::MetricValue& value) const;
  // The target for now, of what adds up while its period is under way; nothing otherwise.
  static std::optional<v1::MetricTarget> Paced(const CompiledMetric& metric, const Period& period,
                                               const v1::MetricTarget& target);
  void AddPace(const MetricRequest& request, const v1::MetricTarget& target, v1::MetricValue& value) const;
  void AddComparison(const MetricRequest& request, const Number& number, v1::MetricValue& value) const;

  const Catalog& catalog_;
  const MeasureSource& source_;
  // The scope is a segment's; programme and business go over the same partners.
  using OverPartnersKey = std::tuple<const FormulaNode*, ScopeIndex, Day, Day, Day, const v1::TargetSet*>;
  const std::optional<std::string> split_;
  TierMemos* tier_memos_ = nullptr;
  mutable std::map<OverPartnersKey, Number> over_partners_;
  std::optional<ScopeIndex> remembered_scope_;
  mutable absl::flat_hash_map<ValueKey, Number> remembered_;
  mutable absl::flat_hash_map<const FormulaNode*, std::vector<MeasureUse>>
      prior_uses_;  // of what a period before needs
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_EVALUATOR_H_
