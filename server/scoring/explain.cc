#include "server/scoring/explain.h"

#include <algorithm>
#include <deque>
#include <limits>

#include "absl/strings/str_cat.h"
#include "server/scoring/evaluator.h"

namespace partnermetrics {
namespace {

// A metric that is evaluated over the days of the formula that names it.
bool TakesWindow(const v1::Metric& definition) {
  return !definition.own_window() && definition.maturity_days() == 0;
}

// Passes everything on, and remembers what was read.
class Recorder final : public ForwardingSource {
 public:
  // `assume_history`: periods before count as having facts, so that both sides of a sum are read when one has some.
  Recorder(const MeasureSource& source, bool assume_history)
      : ForwardingSource(source), assume_history_(assume_history) {}

  CellTotals Totals(const RowKey& row, const Period& period, const std::optional<std::string>& split) const override {
    const CellTotals totals = source_.Totals(row, period, split);
    reads_.push_back({row, period, totals});
    return totals;
  }
  std::optional<Day> FirstDay(const RowKey& row) const override {
    return assume_history_ ? std::numeric_limits<Day>::min() : source_.FirstDay(row);
  }
  void EachDay(const RowKey& row, Day first, Day last,
               absl::FunctionRef<bool(Day, const CellTotals&)> visit) const override {
    Period days;
    days.first = first;
    days.last = days.whole_last = days.as_of = last;
    walk_ = {row, days, {}};
    source_.EachDay(row, first, last, visit);
  }
  absl::Span<const ScopeIndex> Partners() const override {
    return only_ ? absl::MakeConstSpan(&*only_, 1) : source_.Partners();
  }

  // As if the programme had no other partner.
  void SetOnlyPartner(ScopeIndex partner) { only_ = partner; }
  const std::vector<MeasureRead>& reads() const { return reads_; }
  // The last walk over days.
  const std::optional<MeasureRead>& walk() const { return walk_; }

 private:
  const bool assume_history_;
  std::optional<ScopeIndex> only_;
  mutable std::vector<MeasureRead> reads_;
  mutable std::optional<MeasureRead> walk_;
};

class Explainer {
 public:
  Explainer(const Catalog& catalog, const MeasureSource& source, ScopeIndex scope, const Period& period,
            const std::optional<std::string>& split)
      : catalog_(catalog), source_(source), scope_(scope), period_(period), split_(split) {}

  std::vector<Term> Explain(const CompiledMetric& metric) {
    Walk({&metric.formula, metric.formula.root(), {}, &metric.definition}, v1::TERM_ROLE_UNSPECIFIED);
    return std::move(terms_);
  }

 private:
  // A part of a formula and where it is evaluated.
  struct Part {
    const Formula* formula;
    int node;
    std::vector<FormulaNode> around;  // what moves it to another scope or period, the innermost first
    const v1::Metric* window;         // the metric whose window it is evaluated over

    const FormulaNode& top() const { return formula->nodes[static_cast<size_t>(node)]; }
    Part At(int operand) const { return {formula, operand, around, window}; }
  };

  // A metric of its own that is just this part. Operands stand before their operator, so that what stands up to a node
  // is a formula.
  CompiledMetric MetricOf(const Part& part) const {
    CompiledMetric metric;
    metric.definition.set_own_window(part.window->own_window());
    metric.definition.set_window(part.window->window());
    metric.definition.set_maturity_days(part.window->maturity_days());
    metric.formula = *part.formula;
    metric.formula.nodes.resize(static_cast<size_t>(part.node) + 1);
    for (FormulaNode node : part.around) {
      node.operands = {metric.formula.root()};
      metric.formula.nodes.push_back(std::move(node));
    }
    return metric;
  }

  Number Evaluate(const Part& part, const Recorder& recorder) const {
    const CompiledMetric metric = MetricOf(part);
    return Evaluator(catalog_, recorder, split_).Evaluate(metric, scope_, period_);
  }

  void Walk(const Part& part, v1::TermRole role) {
    const FormulaNode& node = part.top();
    switch (node.op) {
      case FormulaOp::kMeasureSum:
      case FormulaOp::kMeasureCount:
      case FormulaOp::kAverage:
        return AddRead(part, role);
      case FormulaOp::kFirstDay:
      case FormulaOp::kDayReaching:
        for (const int operand : node.operands) Walk(part.At(operand), v1::TERM_ROLE_CONDITION);
        return AddDays(part, role);
      case FormulaOp::kMetric:
        return WalkMetric(part, role);
      case FormulaOp::kCountPartners:
      case FormulaOp::kSumPartners:
      case FormulaOp::kAveragePartners:
        return AddPartners(part, node.op, role);
      case FormulaOp::kDivide:
        Walk(part.At(node.operands[0]), role == v1::TERM_ROLE_UNSPECIFIED ? v1::TERM_ROLE_NUMERATOR : role);
        return Walk(part.At(node.operands[1]), role == v1::TERM_ROLE_UNSPECIFIED ? v1::TERM_ROLE_DENOMINATOR : role);
      case FormulaOp::kCoalesce:
        for (const int operand : node.operands) {
          Walk(part.At(operand), role);
          if (Evaluate(part.At(operand), Recorder(source_, false)).has_value()) return;
        }
        return;
      case FormulaOp::kConditional: {
        const Part condition = part.At(node.operands[0]);
        Walk(condition, v1::TERM_ROLE_CONDITION);
        const Number decision = Evaluate(condition, Recorder(source_, false));
        if (decision.has_value()) Walk(part.At(node.operands[decision.value != 0 ? 1 : 2]), role);
        return;
      }
      case FormulaOp::kPriorPeriod:
      case FormulaOp::kPriorYear: {
        const Recorder recorder(source_, false);
        const bool has_history = Evaluate(part, recorder).no_data != v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY;
        if (!has_history && recorder.reads().empty()) return;
        return WalkAround(part, role);
      }
      case FormulaOp::kStart:
      case FormulaOp::kToDate:
      case FormulaOp::kAtLevel:
        return WalkAround(part, role);
      case FormulaOp::kScore:
      case FormulaOp::kTier:
        return WalkParts(part, role);
      default:
        for (const int operand : node.operands) Walk(part.At(operand), role);
    }
  }

  // The metrics of a score or a tier, each over its own window.
  void WalkParts(const Part& part, v1::TermRole role) {
    const FormulaNode& node = part.top();
    const std::vector<v1::WindowKind> kinds = WindowsOf(node);
    for (size_t i = 0; i < node.operands.size(); ++i) {
      const FormulaNode& operand = part.formula->nodes[static_cast<size_t>(node.operands[i])];
      v1::Metric& window = windows_.emplace_back();
      window.set_own_window(true);
      window.set_window(kinds[i] != v1::WINDOW_KIND_UNSPECIFIED
                            ? kinds[i]
                            : catalog_.metrics()[static_cast<size_t>(operand.index)].definition.window());
      Walk({part.formula, node.operands[i], part.around, &window}, role);
    }
  }

  // In the order of the operands.
  std::vector<v1::WindowKind> WindowsOf(const FormulaNode& node) const {
    std::vector<v1::WindowKind> kinds;
    if (node.op == FormulaOp::kScore) {
      for (const auto& component : catalog_.scores()[static_cast<size_t>(node.index)].components) {
        for (const CompiledScorePart& part : component.parts) kinds.push_back(part.definition->window());
      }
      return kinds;
    }
    for (const CompiledTierGate& gate : catalog_.tiers()->gates) kinds.push_back(gate.window);
    for (const CompiledTierMinimum& minimum : catalog_.tiers()->minima) kinds.push_back(minimum.requirement->window());
    return kinds;
  }

  // The operand of something that moves it.
  void WalkAround(const Part& part, v1::TermRole role) {
    Part inner = part.At(part.top().operands[0]);
    inner.around.insert(inner.around.begin(), part.top());
    Walk(inner, role);
  }

  void WalkMetric(const Part& part, v1::TermRole role) {
    const CompiledMetric& metric = catalog_.metrics()[static_cast<size_t>(part.top().index)];
    const Part inner = {&metric.formula, metric.formula.root(), part.around, part.window};
    if (TakesWindow(metric.definition)) return Walk(inner, role);
    const bool same_days = std::all_of(part.around.begin(), part.around.end(),
                                       [](const FormulaNode& node) { return node.op == FormulaOp::kAtLevel; });
    if (same_days && TakesWindow(*part.window)) {
      return Walk({inner.formula, inner.node, inner.around, &metric.definition}, role);
    }
    // Two windows, one within the other: what is read is known, what it is to the value is not taken apart.
    const FormulaOp op = metric.formula.nodes.back().op;
    const bool is_pass = op == FormulaOp::kCountPartners || op == FormulaOp::kSumPartners;
    if (is_pass && metric.definition.min_sample() <= 1) return AddPartners(part, op, role);
    const Recorder recorder(source_, true);
    Evaluate(part, recorder);
    for (const MeasureRead& read : recorder.reads()) {
      if (read.row.scope >= kFirstPartnerScope && read.row.scope != scope_) continue;
      terms_.push_back({role, metric.id(), read, {}, {}});
    }
  }

  void AddRead(const Part& part, v1::TermRole role) {
    const Recorder recorder(source_, true);
    Evaluate(part, recorder);
    const FormulaOp op = part.top().op;
    const bool averages = op == FormulaOp::kAverage && role == v1::TERM_ROLE_UNSPECIFIED;
    const std::string& id = MeasureName(part);
    const std::string use = op == FormulaOp::kAverage
                                ? absl::StrCat("avg(", id, ")")
                                : absl::StrCat(id, op == FormulaOp::kMeasureSum ? ".sum" : ".count");
    for (const MeasureRead& read : recorder.reads()) {
      terms_.push_back({averages ? v1::TERM_ROLE_AVERAGE : role, use, read, {}, {}});
    }
  }

  // What counted up to the day that was found, or to the last one.
  void AddDays(const Part& part, v1::TermRole role) {
    const Recorder recorder(source_, true);
    const Number found = Evaluate(part, recorder);
    if (!recorder.walk()) return;
    MeasureRead read = *recorder.walk();
    if (found.has_value()) read.period.last = static_cast<Day>(found.value);
    read.period.whole_last = read.period.as_of = read.period.last;
    read.totals = source_.Totals(read.row, read.period, split_);
    const char* function = part.top().op == FormulaOp::kFirstDay ? "first_day(" : "day_reaching(";
    terms_.push_back({role, absl::StrCat(function, MeasureName(part), ")"), read, {}, {}});
  }

  // A pass over one partner gives that partner's value; of an average the one that is averaged.
  void AddPartners(const Part& part, FormulaOp pass, v1::TermRole role) {
    Term term;
    term.role = role;
    term.use = pass == FormulaOp::kCountPartners ? "count_partners"
               : pass == FormulaOp::kSumPartners ? "sum_partners"
                                                 : "average_partners";
    term.over_partners = Evaluate(part, Recorder(source_, true));
    CompiledMetric metric = MetricOf(part);
    FormulaOp& op = metric.formula.nodes[static_cast<size_t>(part.node)].op;
    if (op == FormulaOp::kAveragePartners) op = FormulaOp::kSumPartners;
    for (const ScopeIndex partner : source_.Partners()) {
      Recorder recorder(source_, true);
      recorder.SetOnlyPartner(partner);
      const Number own = Evaluator(catalog_, recorder, split_).Evaluate(metric, scope_, period_);
      if (own.has_value() && own.facts > 0) term.partners.emplace_back(partner, own);
    }
    terms_.push_back(std::move(term));
  }

  const std::string& MeasureName(const Part& part) const {
    return catalog_.measures()[static_cast<size_t>(part.top().index)].id;
  }

  const Catalog& catalog_;
  const MeasureSource& source_;
  const ScopeIndex scope_;
  const Period period_;
  const std::optional<std::string>& split_;
  std::vector<Term> terms_;
  std::deque<v1::Metric> windows_;  // of the metrics of a score
};

}  // namespace

std::vector<Term> TermsOf(const Catalog& catalog, const MeasureSource& source, const CompiledMetric& metric,
                          ScopeIndex scope, const Period& period, const std::optional<std::string>& split) {
  return Explainer(catalog, source, scope, period, split).Explain(metric);
}

bool PartnersAddUp(const Term& term) {
  if (!term.over_partners.has_value()) return term.partners.empty();
  Number sum = Number::Exact(0);
  for (const auto& [partner, value] : term.partners) sum = Add(sum, value);
  const auto partners = static_cast<int64_t>(term.partners.size());
  if (term.use == "average_partners") sum = Divide(sum, Number::Exact(Nanos(partners) * kNanosPerUnit, partners));
  return sum.has_value() && Compare(sum, term.over_partners) == 0;
}

}  // namespace partnermetrics
