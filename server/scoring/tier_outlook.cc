#include "server/scoring/tier_outlook.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "server/scoring/display.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {
namespace {

// What a metric's value is made of, as far as its formula shows it.
struct Shape {
  bool is_quotient = false;
  bool counts_above = false;  // the numerator, or the value of what is no quotient, is a number of facts
  bool counts_below = false;
  bool money_above = false;
};

const FormulaNode& NodeOf(const Formula& formula, int index) {
  return formula.nodes[static_cast<size_t>(index)];
}

class Reader {
 public:
  explicit Reader(const Catalog& catalog) : catalog_(catalog) {}

  Shape ShapeOf(const CompiledMetric& metric) const {
    const FormulaNode& root = metric.formula.nodes.back();
    if (root.op == FormulaOp::kMetric) return ShapeOf(MetricOf(root));
    Shape shape;
    shape.is_quotient = root.op == FormulaOp::kDivide;
    const int above = shape.is_quotient ? root.operands[0] : metric.formula.root();
    shape.counts_above = IsCount(metric.formula, above);
    shape.money_above = IsMoney(metric.formula, above);
    shape.counts_below = shape.is_quotient && IsCount(metric.formula, root.operands[1]);
    return shape;
  }

 private:
  const CompiledMetric& MetricOf(const FormulaNode& node) const {
    return catalog_.metrics()[static_cast<size_t>(node.index)];
  }
  bool IsCount(const Formula& formula, int index) const {
    const FormulaNode& node = NodeOf(formula, index);
    if (node.op == FormulaOp::kMetric) return IsCount(MetricOf(node).formula, MetricOf(node).formula.root());
    if (node.op == FormulaOp::kAdd) return IsCount(formula, node.operands[0]) && IsCount(formula, node.operands[1]);
    return node.op == FormulaOp::kMeasureCount;
  }
  bool IsMoney(const Formula& formula, int index) const {
    const FormulaNode& node = NodeOf(formula, index);
    if (node.op == FormulaOp::kMetric) return IsMoney(MetricOf(node).formula, MetricOf(node).formula.root());
    if (node.op == FormulaOp::kAdd || node.op == FormulaOp::kSubtract) return IsMoney(formula, node.operands[0]);
    return node.op == FormulaOp::kMeasureSum && catalog_.measures()[static_cast<size_t>(node.index)].sum_is_money;
  }

  const Catalog& catalog_;
};

double BoundOf(const v1::TierRequirement& requirement) {
  return requirement.has_min() ? requirement.min() : requirement.max();
}

// A value of a metric against a requirement, with what would change the outcome.
class Lever {
 public:
  Lever(const Catalog& catalog, const v1::TierRequirement& requirement, const Number& value)
      : catalog_(catalog),
        metric_(*catalog.FindMetric(requirement.metric())),
        requirement_(requirement),
        shape_(Reader(catalog).ShapeOf(metric_)) {
    shape_.is_quotient &= value.numerator.has_value() && value.denominator.has_value();
    above_ = shape_.is_quotient ? *value.numerator : value.value;
    below_ = shape_.is_quotient ? *value.denominator : 1;
    shape_.counts_below &= shape_.is_quotient;
  }

  // Least change of the numerator (or of the value) after which the requirement is met, or no longer is.
  std::optional<double> Change(bool to_meet) const {
    const double edge = BoundOf(requirement_) * below_;
    if (!shape_.counts_above) return edge - above_;
    const bool up = requirement_.has_min() == to_meet;
    for (double candidate = std::floor(edge) - 1; candidate <= std::floor(edge) + 2; ++candidate) {
      // The nearest whole number on the other side: the first one going up, the last one going down.
      const double whole = up ? candidate : 2 * std::floor(edge) + 1 - candidate;
      if (MeetsWith(whole, below_) != to_meet) continue;
      if (whole < 0) return std::nullopt;
      const bool beyond = shape_.counts_below && metric_.definition.unit() == v1::METRIC_UNIT_PERCENT && whole > below_;
      return beyond && above_ <= below_ ? std::nullopt : std::optional<double>(whole - above_);
    }
    return std::nullopt;
  }

  // Of quotients of numbers of facts: how many more facts that count on both sides meet what should be high, or how
  // many fewer meet what should be low.
  std::optional<int64_t> FactsToMeet() const {
    if (!shape_.counts_above || !shape_.counts_below) return std::nullopt;
    const double bound = BoundOf(requirement_);
    const bool more = requirement_.has_min();
    if (more ? bound >= 1 : bound <= 0) return std::nullopt;
    const double sign = more ? 1 : -1;
    const double edge = std::fabs((bound * below_ - above_) / (1 - bound));
    for (auto facts = static_cast<int64_t>(std::max(0.0, std::floor(edge) - 1));; ++facts) {
      const double step = sign * static_cast<double>(facts);
      if (!more && (above_ + step < 0 || below_ + step <= 0)) return std::nullopt;
      if (MeetsWith(above_ + step, below_ + step)) return facts;
    }
  }

  std::string Amount(double change) const {
    if (shape_.counts_above) return absl::StrCat(static_cast<int64_t>(std::fabs(change)));
    const v1::MetricUnit unit = shape_.money_above   ? v1::METRIC_UNIT_MONEY
                                : shape_.is_quotient ? v1::METRIC_UNIT_COUNT
                                                     : metric_.definition.unit();
    const Number size = Number::Inexact(std::fabs(change));
    // A difference of shares is in percentage points.
    return unit == v1::METRIC_UNIT_PERCENT ? DisplayChange(size, unit, "").substr(1)
                                           : DisplayValue(size, unit, catalog_.program().currency_code());
  }
  // " of the 40" for a share of facts.
  std::string OfAll() const {
    return shape_.counts_above && shape_.counts_below ? absl::StrCat(" of the ", static_cast<int64_t>(below_)) : "";
  }
  // Of what is not counted, just as much as the edge is not enough to meet an exclusive bound, or to miss another one.
  bool NeedsMore(bool to_meet) const { return !shape_.counts_above && requirement_.exclusive() == to_meet; }

 private:
  bool MeetsWith(double above, double below) const {
    return Meets(requirement_, Number::Inexact(shape_.is_quotient ? above / below : above));
  }

  const Catalog& catalog_;
  const CompiledMetric& metric_;
  const v1::TierRequirement& requirement_;
  Shape shape_;
  double above_ = 0, below_ = 1;
};

std::string ChangeText(const Lever& lever, double change, bool to_meet) {
  return absl::StrCat(lever.NeedsMore(to_meet) ? "more than " : "", lever.Amount(change),
                      change > 0 ? " more" : " less", lever.OfAll());
}

v1::TierGap GapOf(const Catalog& catalog, const Number& value, v1::TierCheck check) {
  v1::TierGap gap;
  if (!value.has_value()) {
    gap.set_text("no data, and data is required");
    *gap.mutable_check() = std::move(check);
    return gap;
  }
  const Lever lever(catalog, check.requirement(), value);
  std::string text;
  if (const auto change = lever.Change(/*to_meet=*/true)) {
    gap.set_change(*change);
    text = ChangeText(lever, *change, /*to_meet=*/true);
  }
  if (const auto facts = lever.FactsToMeet()) {
    gap.set_facts(*facts);
    absl::StrAppend(&text, text.empty() ? "" : ", or ", *facts,
                    check.requirement().has_min() ? " more in a row" : " fewer of both");
  }
  gap.set_text(text.empty() ? absl::StrCat("needs ", check.requirement_display()) : text);
  *gap.mutable_check() = std::move(check);
  return gap;
}

// What a measure counts: its description without the full stop, else its id as words.
std::string SubjectOf(const Catalog& catalog, const std::string& measure_id) {
  for (const v1::Measure& measure : catalog.definitions().measures()) {
    if (measure.id() != measure_id || measure.description().empty()) continue;
    return std::string(absl::StripSuffix(measure.description(), "."));
  }
  return absl::StrReplaceAll(measure_id, {{"_", " "}});
}

// Descriptions begin and go on in many ways: between quotation marks each of them reads well.
std::string CauseText(const Catalog& catalog, const v1::DayChange& cause) {
  const std::string subject = SubjectOf(catalog, cause.measure_id());
  if (cause.count() == 0) return absl::StrCat("as many begin as cease to count as \"", subject, "\"");
  const int64_t facts = std::abs(cause.count());
  return absl::StrCat(facts, cause.count() > 0 ? " more " : " fewer ", facts == 1 ? "counts" : "count", " as \"",
                      subject, "\"");
}

class Outlook {
 public:
  Outlook(const Tier& tier, const Catalog& catalog, const MeasureSource& source, ScopeIndex scope, Day as_of)
      : tier_(tier),
        catalog_(catalog),
        tiers_(*catalog.tiers()),
        source_(source),
        scope_(scope),
        as_of_(as_of),
        review_(tier.NextReview(as_of, tiers_.relegation_months)) {}

  void AddGap(int rank, v1::TierStanding& standing) const {
    if (rank >= tiers_.top()) return;
    standing.set_next_tier(tiers_.IdOf(rank + 1));
    standing.set_next_tier_name(tiers_.NameOf(rank + 1));
    for (const CompiledTierGate& gate : tiers_.gates) {
      const v1::TierRequirement* requirement = gate.by_rank[static_cast<size_t>(rank) + 1];
      if (requirement == nullptr) continue;
      v1::TierCheck check = tier_.Check(*requirement, as_of_);
      if (check.met()) continue;
      *standing.add_gap() = GapOf(catalog_, tier_.ValueOf(*requirement, as_of_), std::move(check));
    }
  }

  void AddRisk(int rank, v1::TierStanding& standing) const {
    std::vector<std::pair<Day, v1::TierRisk>> risks;  // by the day on which they come true
    const auto add = [&](const v1::TierRequirement& requirement, bool minimum) {
      const std::optional<Day> fails = FirstFailure(requirement);
      risks.emplace_back(fails.value_or(review_ + 1), RiskOf(requirement, fails, minimum));
    };
    for (const CompiledTierGate& gate : tiers_.gates) {
      if (const auto* requirement = gate.by_rank[static_cast<size_t>(rank)]; requirement != nullptr) {
        add(*requirement, false);
      }
    }
    for (const CompiledTierMinimum& minimum : tiers_.minima) add(*minimum.requirement, true);
    std::stable_sort(risks.begin(), risks.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [day, risk] : risks) *standing.add_risk() = std::move(risk);
  }

 private:
  bool MetOn(const v1::TierRequirement& requirement, Day day) const {
    return Meets(requirement, tier_.ValueOf(requirement, day));
  }

  std::optional<Day> FirstFailure(const v1::TierRequirement& requirement) const {
    for (Day day = as_of_; day <= review_; ++day) {
      if (!MetOn(requirement, day)) return day;
    }
    return std::nullopt;
  }

  v1::TierRisk RiskOf(const v1::TierRequirement& requirement, std::optional<Day> fails, bool minimum) const {
    v1::TierRisk risk;
    risk.set_minimum(minimum);
    *risk.mutable_check() = tier_.Check(requirement, fails.value_or(as_of_));
    if (fails) {
      SetDate(*fails, risk.mutable_fails_on());
      risk.set_fails_at_review(!MetOn(requirement, review_));
      if (*fails > as_of_) AddCauses(requirement, *fails, risk);
      risk.set_text(FailureText(*fails, risk));
      return risk;
    }
    const Number value = tier_.ValueOf(requirement, as_of_);
    if (!value.has_value()) {
      risk.set_text("no data, which asks for nothing");
      return risk;
    }
    const Lever lever(catalog_, requirement, value);
    if (const auto change = lever.Change(/*to_meet=*/false)) {
      risk.set_change(*change);
      const std::string text = *change != 0            ? ChangeText(lever, *change, /*to_meet=*/false)
                               : requirement.has_min() ? "anything less"
                                                       : "anything more";
      risk.set_text(absl::StrCat(text, " would cost it"));
    }
    return risk;
  }

  // What begins or ends on the day by time alone.
  void AddCauses(const v1::TierRequirement& requirement, Day day, v1::TierRisk& risk) const {
    for (const MeasureUse& use : catalog_.FindMetric(requirement.metric())->uses) {
      const CompiledMeasure& measure = catalog_.measures()[static_cast<size_t>(use.measure)];
      if (use.level != v1::SCOPE_KIND_UNSPECIFIED || measure.kind != v1::MEASURE_KIND_STOCK) continue;
      source_.EachDay({scope_, use.measure}, day, day, [&](Day, const CellTotals& change) {
        v1::DayChange& cause = *risk.add_causes();
        cause.set_measure_id(measure.id);
        SetDate(day, cause.mutable_on());
        cause.set_count(change.count);
        return true;
      });
    }
  }

  std::string FailureText(Day fails, const v1::TierRisk& risk) const {
    std::string text = fails == as_of_ ? "not met now" : absl::StrCat("not met from ", DayText(fails), " on");
    for (const v1::DayChange& cause : risk.causes()) {
      absl::StrAppend(&text, ", when ", CauseText(catalog_, cause));
    }
    return absl::StrCat(text,
                        risk.fails_at_review() ? "; as things stand it fails the review of "
                                               : "; as things stand it is met again at the review of ",
                        DayText(review_));
  }

  const Tier& tier_;
  const Catalog& catalog_;
  const CompiledTiers& tiers_;
  const MeasureSource& source_;
  const ScopeIndex scope_;
  const Day as_of_;
  const Day review_;
};

}  // namespace

void AddOutlook(const Tier& tier, const Catalog& catalog, const MeasureSource& source, ScopeIndex scope, Day as_of,
                v1::TierStanding& standing) {
  if (standing.status() == v1::TIER_STATUS_UNSPECIFIED) return;  // not there
  const Outlook outlook(tier, catalog, source, scope, as_of);
  const int rank = catalog.tiers()->RankOf(standing.computed_tier());
  outlook.AddGap(rank, standing);
  outlook.AddRisk(rank, standing);
}

}  // namespace partnermetrics
