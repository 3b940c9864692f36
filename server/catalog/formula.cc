#include "server/catalog/formula.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"
#include "server/expr/syntax.h"

namespace partnermetrics {
namespace {

constexpr absl::string_view kWindow = "window";
constexpr absl::string_view kAsOf = "as_of";

struct Function {
  absl::string_view name;
  absl::string_view form;
  FormulaOp op;
  size_t least, most;  // operands
};

constexpr size_t kAny = 1000;

constexpr Function kFunctions[] = {
    {"min", "min(a, b, …)", FormulaOp::kMin, 1, kAny},
    {"max", "max(a, b, …)", FormulaOp::kMax, 1, kAny},
    {"clamp", "clamp(value, least, most)", FormulaOp::kClamp, 3, 3},
    {"coalesce", "coalesce(a, b, …)", FormulaOp::kCoalesce, 1, kAny},
    {"prior_period", "prior_period(value)", FormulaOp::kPriorPeriod, 1, 1},
    {"prior_year", "prior_year(value)", FormulaOp::kPriorYear, 1, 1},
    {"start", "start(value)", FormulaOp::kStart, 1, 1},
    {"to_date", "to_date(value)", FormulaOp::kToDate, 1, 1},
    {"direct", "direct(value)", FormulaOp::kAtLevel, 1, 1},
};

// Functions whose operand is a name.
constexpr absl::string_view kNameFunctions[] = {"avg", "target", "at_level", "days", "months"};

struct LevelName {
  absl::string_view name;
  v1::ScopeKind kind;
};
constexpr LevelName kLevels[] = {
    {"BUSINESS", v1::SCOPE_KIND_BUSINESS}, {"PROGRAM", v1::SCOPE_KIND_PROGRAM}, {"DIRECT", v1::SCOPE_KIND_DIRECT}};

class FormulaCompiler {
 public:
  FormulaCompiler(const FormulaNames& names, const TextLocator& locate) : names_(names), locate_(locate) {}

  absl::StatusOr<Formula> Compile(absl::string_view text) {
    ASSIGN_OR_RETURN(auto tree, ParseExpression(text, locate_));
    ASSIGN_OR_RETURN(const Typed result, Check(*tree));
    if (result.condition) {
      return Fail(*tree, "TYPE", "a formula gives a number, this is a condition; write condition ? 1 : 0");
    }
    formula_.text = std::string(text);
    return std::move(formula_);
  }

 private:
  struct Typed {
    int index = 0;
    bool condition = false;
  };

  absl::Status Fail(const SyntaxNode& node, absl::string_view reason, absl::string_view message) const {
    return ErrorAt(locate_, node.offset, reason, message);
  }

  Typed Emit(FormulaNode node, bool condition = false) {
    formula_.nodes.push_back(std::move(node));
    return {formula_.root(), condition};
  }

  Typed Number(Nanos value) {
    FormulaNode node;
    node.constant = value;
    return Emit(std::move(node));
  }

  absl::StatusOr<Typed> Check(const SyntaxNode& node) {
    switch (node.kind) {
      case SyntaxKind::kInt:
        return Number(Nanos(node.integer) * kNanosPerUnit);
      case SyntaxKind::kDecimal:
        return Number(node.decimal);
      case SyntaxKind::kName:
        return CheckName(node);
      case SyntaxKind::kCall:
        return CheckCall(node);
      case SyntaxKind::kUnary:
        return CheckUnary(node);
      case SyntaxKind::kBinary:
        return CheckBinary(node);
      case SyntaxKind::kChoice:
        return CheckChoice(node);
      default:
        return Fail(node, "TYPE", "formulas are made of numbers, measures and metrics");
    }
  }

  // m.sum, m.count, a metric, as_of
  absl::StatusOr<Typed> CheckName(const SyntaxNode& node) {
    FormulaNode result;
    if (node.text == kAsOf) {
      result.op = FormulaOp::kAsOf;
      return Emit(std::move(result));
    }
    const size_t dot = node.text.find('.');
    if (dot != std::string::npos) return CheckMeasurePart(node, dot);
    const auto metric = names_.metric_by_id->find(node.text);
    if (metric == names_.metric_by_id->end()) return UnknownMetric(node, /*or_measure=*/true);
    result.op = FormulaOp::kMetric;
    result.index = metric->second;
    return Emit(std::move(result));
  }

  absl::Status UnknownMetric(const SyntaxNode& node, bool or_measure) const {
    if (or_measure && names_.measure_by_id->contains(node.text)) {
      return Fail(node, "MEASURE",
                  absl::StrCat("\"", node.text, "\" is a measure; write ", node.text, ".count, ", node.text,
                               ".sum or avg(", node.text, ")"));
    }
    std::vector<std::string> names;
    for (const auto& [name, index] : *names_.metric_by_id) names.push_back(name);
    if (or_measure) {
      for (const auto& [name, index] : *names_.measure_by_id) names.push_back(absl::StrCat(name, ".count"));
    }
    return Fail(node, "UNKNOWN_METRIC",
                absl::StrCat("unknown metric \"", node.text, "\"", SuggestNames(node.text, std::move(names))));
  }

  absl::StatusOr<const CompiledMeasure*> FindMeasure(const SyntaxNode& node, absl::string_view id) const {
    const auto measure = names_.measure_by_id->find(id);
    if (measure != names_.measure_by_id->end()) return &names_.measures[static_cast<size_t>(measure->second)];
    std::vector<std::string> names;
    for (const auto& [name, index] : *names_.measure_by_id) names.push_back(name);
    return Fail(node, "UNKNOWN_MEASURE",
                absl::StrCat("unknown measure \"", id, "\"", SuggestNames(id, std::move(names))));
  }

  absl::Status NeedsSum(const SyntaxNode& node, const CompiledMeasure& measure) const {
    if (measure.sum) return absl::OkStatus();
    return Fail(node, "NO_SUM", absl::StrCat("measure \"", measure.id, "\" has no sum; it only counts"));
  }

  absl::StatusOr<Typed> CheckMeasurePart(const SyntaxNode& node, size_t dot) {
    const absl::string_view text = node.text;
    ASSIGN_OR_RETURN(const CompiledMeasure* measure, FindMeasure(node, text.substr(0, dot)));
    const absl::string_view part = text.substr(dot + 1);
    FormulaNode result;
    result.index = measure->index;
    if (part == "count") {
      result.op = FormulaOp::kMeasureCount;
    } else if (part == "sum") {
      RETURN_IF_ERROR(NeedsSum(node, *measure));
      result.op = FormulaOp::kMeasureSum;
    } else {
      return Fail(node, "UNKNOWN_PART", absl::StrCat("a measure has .sum and .count, not .", part));
    }
    return Emit(std::move(result));
  }

  absl::StatusOr<Typed> CheckNumber(const SyntaxNode& node) {
    ASSIGN_OR_RETURN(const Typed typed, Check(node));
    if (typed.condition) return Fail(node, "TYPE", "a number is needed here, this is a condition");
    return typed;
  }

  absl::StatusOr<Typed> CheckCondition(const SyntaxNode& node) {
    ASSIGN_OR_RETURN(const Typed typed, Check(node));
    if (!typed.condition) return Fail(node, "TYPE", "a condition is needed here, this is a number");
    return typed;
  }

  absl::StatusOr<Typed> CheckUnary(const SyntaxNode& node) {
    const bool negate = node.op == SyntaxOp::kNegate;
    ASSIGN_OR_RETURN(const Typed operand, negate ? CheckNumber(*node.operands[0]) : CheckCondition(*node.operands[0]));
    FormulaNode result;
    result.op = negate ? FormulaOp::kNegate : FormulaOp::kNot;
    result.operands = {operand.index};
    return Emit(std::move(result), !negate);
  }

  absl::StatusOr<Typed> CheckBinary(const SyntaxNode& node) {
    static constexpr std::pair<SyntaxOp, FormulaOp> kOperators[] = {{SyntaxOp::kAdd, FormulaOp::kAdd},
                                                                    {SyntaxOp::kSubtract, FormulaOp::kSubtract},
                                                                    {SyntaxOp::kMultiply, FormulaOp::kMultiply},
                                                                    {SyntaxOp::kDivide, FormulaOp::kDivide},
                                                                    {SyntaxOp::kModulo, FormulaOp::kModulo},
                                                                    {SyntaxOp::kEqual, FormulaOp::kEqual},
                                                                    {SyntaxOp::kNotEqual, FormulaOp::kNotEqual},
                                                                    {SyntaxOp::kLess, FormulaOp::kLess},
                                                                    {SyntaxOp::kLessEqual, FormulaOp::kLessEqual},
                                                                    {SyntaxOp::kGreater, FormulaOp::kGreater},
                                                                    {SyntaxOp::kGreaterEqual, FormulaOp::kGreaterEqual},
                                                                    {SyntaxOp::kAnd, FormulaOp::kAnd},
                                                                    {SyntaxOp::kOr, FormulaOp::kOr}};
    const auto* op = std::find_if(std::begin(kOperators), std::end(kOperators),
                                  [&](const auto& entry) { return entry.first == node.op; });
    if (op == std::end(kOperators)) return Fail(node, "TYPE", "formulas have no \"in\"");
    const bool logic = node.op == SyntaxOp::kAnd || node.op == SyntaxOp::kOr;
    FormulaNode result;
    result.op = op->second;
    for (const auto& operand : node.operands) {
      ASSIGN_OR_RETURN(const Typed typed, logic ? CheckCondition(*operand) : CheckNumber(*operand));
      result.operands.push_back(typed.index);
    }
    const bool is_condition = result.op >= FormulaOp::kEqual && result.op <= FormulaOp::kOr;
    return Emit(std::move(result), is_condition);
  }

  absl::StatusOr<Typed> CheckChoice(const SyntaxNode& node) {
    ASSIGN_OR_RETURN(const Typed condition, CheckCondition(*node.operands[0]));
    ASSIGN_OR_RETURN(const Typed then, CheckNumber(*node.operands[1]));
    ASSIGN_OR_RETURN(const Typed otherwise, CheckNumber(*node.operands[2]));
    FormulaNode result;
    result.op = FormulaOp::kConditional;
    result.operands = {condition.index, then.index, otherwise.index};
    return Emit(std::move(result));
  }

  absl::StatusOr<Typed> CheckCall(const SyntaxNode& node) {
    if (node.method) return Fail(node, "METHOD", absl::StrCat("formulas have no methods; write ", node.text, "(…)"));
    if (std::find(std::begin(kNameFunctions), std::end(kNameFunctions), node.text) != std::end(kNameFunctions)) {
      return CheckNameFunction(node);
    }
    const auto* function = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                        [&](const Function& known) { return known.name == node.text; });
    if (function == std::end(kFunctions)) {
      std::vector<std::string> names(std::begin(kNameFunctions), std::end(kNameFunctions));
      for (const Function& known : kFunctions) names.emplace_back(known.name);
      return Fail(node, "UNKNOWN_FUNCTION",
                  absl::StrCat("unknown function \"", node.text, "\"", SuggestNames(node.text, std::move(names))));
    }
    if (node.operands.size() < function->least || node.operands.size() > function->most) {
      return Fail(node, "OPERANDS", absl::StrCat(node.text, " is written ", function->form));
    }
    FormulaNode result;
    result.op = function->op;
    if (function->op == FormulaOp::kAtLevel) result.level = v1::SCOPE_KIND_DIRECT;
    for (const auto& operand : node.operands) {
      ASSIGN_OR_RETURN(const Typed typed, CheckNumber(*operand));
      result.operands.push_back(typed.index);
    }
    return Emit(std::move(result));
  }

  // avg(measure), target(metric), at_level(LEVEL, value), days(window), months(window)
  absl::StatusOr<Typed> CheckNameFunction(const SyntaxNode& node) {
    if (node.text == "at_level") return CheckAtLevel(node);
    const absl::string_view form = node.text == "avg"      ? "avg(measure)"
                                   : node.text == "target" ? "target(metric)"
                                   : node.text == "days"   ? "days(window)"
                                                           : "months(window)";
    if (node.operands.size() != 1 || node.operands[0]->kind != SyntaxKind::kName) {
      return Fail(node, "OPERANDS", absl::StrCat(node.text, " is written ", form));
    }
    const SyntaxNode& name = *node.operands[0];
    FormulaNode result;
    if (node.text == "avg") {
      ASSIGN_OR_RETURN(const CompiledMeasure* measure, FindMeasure(name, name.text));
      RETURN_IF_ERROR(NeedsSum(name, *measure));
      result.op = FormulaOp::kAverage;
      result.index = measure->index;
    } else if (node.text == "target") {
      const auto metric = names_.metric_by_id->find(name.text);
      if (metric == names_.metric_by_id->end()) return UnknownMetric(name, /*or_measure=*/false);
      result.op = FormulaOp::kTarget;
      result.index = metric->second;
    } else {
      if (name.text != kWindow) return Fail(name, "OPERANDS", absl::StrCat(node.text, " is written ", form));
      result.op = node.text == "days" ? FormulaOp::kDays : FormulaOp::kMonths;
    }
    return Emit(std::move(result));
  }

  absl::StatusOr<Typed> CheckAtLevel(const SyntaxNode& node) {
    if (node.operands.size() == 2 && node.operands[0]->kind == SyntaxKind::kName) {
      for (const LevelName& level : kLevels) {
        if (level.name != node.operands[0]->text) continue;
        ASSIGN_OR_RETURN(const Typed operand, CheckNumber(*node.operands[1]));
        FormulaNode result;
        result.op = FormulaOp::kAtLevel;
        result.level = level.kind;
        result.operands = {operand.index};
        return Emit(std::move(result));
      }
    }
    return Fail(node, "OPERANDS", "at_level is written at_level(BUSINESS, value), with BUSINESS, PROGRAM or DIRECT");
  }

  const FormulaNames& names_;
  const TextLocator& locate_;
  Formula formula_;
};

}  // namespace

absl::StatusOr<Formula> CompileFormula(absl::string_view text, const FormulaNames& names, const TextLocator& locate) {
  return FormulaCompiler(names, locate).Compile(text);
}

bool IsFormulaWord(absl::string_view name) {
  static constexpr absl::string_view kWords[] = {"true", "false", "null", "in", kWindow, kAsOf};
  return std::find(std::begin(kWords), std::end(kWords), name) != std::end(kWords);
}

}  // namespace partnermetrics
