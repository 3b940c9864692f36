#include "server/catalog/formula.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"
#include "server/expr/syntax.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {
namespace {

constexpr absl::string_view kWindow = "window";
constexpr absl::string_view kAsOf = "as_of";
constexpr absl::string_view kPartner = "partner";
constexpr absl::string_view kPartnerPrefix = "partner.";

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

// Functions with a name among their operands.
constexpr Function kNameFunctions[] = {
    {"avg", "avg(measure)", FormulaOp::kAverage, 1, 1},
    {"first_day", "first_day(measure, since)", FormulaOp::kFirstDay, 2, 2},
    {"day_reaching", "day_reaching(measure, amount, since)", FormulaOp::kDayReaching, 3, 3},
    {"target", "target(metric) or target(metric, FORECAST)", FormulaOp::kTarget, 1, 2},
    {"meets", "meets(metric, metric, …)", FormulaOp::kMeets, 1, kAny},
    {"at_level", "at_level(BUSINESS, value), with BUSINESS, PROGRAM or DIRECT", FormulaOp::kAtLevel, 2, 2},
    {"days", "days(window); a day is a number here: thirty days later is day + 30", FormulaOp::kDays, 1, 1},
    {"months", "months(window)", FormulaOp::kMonths, 1, 1},
    {"pace", "pace(window)", FormulaOp::kPace, 1, 1},
};

// Functions over the partners of the scope. The last operand is a condition and may be left out.
constexpr Function kPartnerFunctions[] = {
    {"count_partners", "count_partners(condition)", FormulaOp::kCountPartners, 0, 1},
    {"sum_partners", "sum_partners(value, condition)", FormulaOp::kSumPartners, 1, 2},
    {"average_partners", "average_partners(value, condition)", FormulaOp::kAveragePartners, 1, 2},
};

// Functions that expressions over a partner's attributes may consist of.
constexpr absl::string_view kAttributeFunctions[] = {"has",      "coalesce",   "earliest",    "latest",
                                                     "date",     "day_number", "size",        "startsWith",
                                                     "endsWith", "contains",   "days_between"};

template <size_t n>
const Function* FindFunction(const Function (&functions)[n], absl::string_view name) {
  const auto* found = std::find_if(functions, functions + n, [&](const Function& f) { return f.name == name; });
  return found == functions + n ? nullptr : found;
}

// Whether the expression reads nothing but attributes of a partner (and days written out), so that it is compiled like
// the expressions over facts. Arithmetic is left to the formula: there `/` never cuts off.
bool IsOverAttributes(const SyntaxNode& node) {
  switch (node.kind) {
    case SyntaxKind::kName:
      return absl::StartsWith(node.text, kPartnerPrefix) ||
             absl::ascii_isupper(static_cast<unsigned char>(node.text[0]));
    case SyntaxKind::kUnary:
      if (node.op == SyntaxOp::kNegate) return false;
      break;
    case SyntaxKind::kBinary:
      if (node.op >= SyntaxOp::kMultiply && node.op <= SyntaxOp::kSubtract) return false;
      break;
    case SyntaxKind::kChoice:
      return false;
    case SyntaxKind::kCall:
      if (std::find(std::begin(kAttributeFunctions), std::end(kAttributeFunctions), node.text) ==
          std::end(kAttributeFunctions)) {
        return false;
      }
      break;
    default:
      break;
  }
  return std::all_of(node.operands.begin(), node.operands.end(),
                     [](const auto& operand) { return IsOverAttributes(*operand); });
}

bool NamesPartner(const SyntaxNode& node) {
  if (node.kind == SyntaxKind::kName) return absl::StartsWith(node.text, kPartnerPrefix);
  if (node.kind == SyntaxKind::kCall && node.text == "date") return true;
  return std::any_of(node.operands.begin(), node.operands.end(),
                     [](const auto& operand) { return NamesPartner(*operand); });
}

struct LevelName {
  absl::string_view name;
  v1::ScopeKind kind;
};
constexpr LevelName kLevels[] = {
    {"BUSINESS", v1::SCOPE_KIND_BUSINESS}, {"PROGRAM", v1::SCOPE_KIND_PROGRAM}, {"DIRECT", v1::SCOPE_KIND_DIRECT}};

// Of an expression that reads nothing: days written out, and comparisons of them.
Nanos NanosOf(const Value& value) {
  return value.type == ValueType::kDecimal ? value.decimal : Nanos(value.integer) * kNanosPerUnit;
}

class FormulaCompiler {
 public:
  FormulaCompiler(const FormulaNames& names, const TextLocator& locate) : names_(names), locate_(locate) {}

  absl::StatusOr<Formula> Compile(absl::string_view text) {
    ASSIGN_OR_RETURN(auto tree, ParseExpression(text, locate_));
    ASSIGN_OR_RETURN(const Typed result, Check(*tree));
    if (result.condition) {
      return Fail(*tree, "TYPE", "a formula gives a number, this is a condition; write condition ? 1 : 0");
    }
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

  Typed Number(Nanos value, bool condition = false) {
    FormulaNode node;
    node.constant = value;
    return Emit(std::move(node), condition);
  }

  absl::StatusOr<Typed> Check(const SyntaxNode& node) {
    ASSIGN_OR_RETURN(const Typed typed,
                     NamesPartner(node) && IsOverAttributes(node) ? CheckAttributes(node) : CheckOperation(node));
    formula_.nodes[static_cast<size_t>(typed.index)].offset = static_cast<uint32_t>(node.offset);
    return typed;
  }

  // An expression over the attributes of a partner. Days become numbers, as everywhere in formulas.
  absl::StatusOr<Typed> CheckAttributes(const SyntaxNode& node) {
    CompileOptions options;
    options.locate = locate_;
    options.result = {ValueType::kBool, ValueType::kInt, ValueType::kDecimal, ValueType::kMoney, ValueType::kDate};
    options.purpose = "a part of a formula";
    options.prefix = kPartnerPrefix;
    ASSIGN_OR_RETURN(RowExpression expression,
                     RowExpression::Compile(node, *FactSchemas::Get().Find(kPartner), options));
    FormulaNode result;
    result.op = FormulaOp::kPartner;
    result.index = static_cast<int>(formula_.partner_expressions.size());
    const bool condition = expression.type() == ValueType::kBool;
    if (expression.slots().empty()) return Number(NanosOf(expression.Evaluate({})), condition);
    formula_.partner_expressions.push_back(std::move(expression));
    return Emit(std::move(result), condition);
  }

  absl::StatusOr<Typed> CheckOperation(const SyntaxNode& node) {
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
        return Fail(node, "TYPE", "formulas are made of numbers, measures, metrics and partners' attributes");
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
    const Function* plain = FindFunction(kFunctions, node.text);
    const Function* named = FindFunction(kNameFunctions, node.text);
    const Function* over_partners = FindFunction(kPartnerFunctions, node.text);
    const Function* function = plain != nullptr ? plain : named != nullptr ? named : over_partners;
    if (function == nullptr) return UnknownFunction(node);
    if (node.operands.size() < function->least || node.operands.size() > function->most) {
      return Written(node, *function);
    }
    FormulaNode result;
    result.op = function->op;
    if (named != nullptr) return CheckNameFunction(node, *named, std::move(result));
    if (function->op == FormulaOp::kAtLevel) result.level = v1::SCOPE_KIND_DIRECT;
    for (const auto& operand : node.operands) {
      const bool condition = over_partners != nullptr && result.operands.size() + 1 == function->most;
      ASSIGN_OR_RETURN(const Typed typed, condition ? CheckCondition(*operand) : CheckNumber(*operand));
      result.operands.push_back(typed.index);
    }
    return Emit(std::move(result));
  }

  absl::Status UnknownFunction(const SyntaxNode& node) const {
    std::vector<std::string> names;
    for (const Function& known : kNameFunctions) names.emplace_back(known.name);
    for (const Function& known : kFunctions) names.emplace_back(known.name);
    for (const Function& known : kPartnerFunctions) names.emplace_back(known.name);
    return Fail(node, "UNKNOWN_FUNCTION",
                absl::StrCat("unknown function \"", node.text, "\"", SuggestNames(node.text, std::move(names))));
  }

  absl::Status Written(const SyntaxNode& node, const Function& function) const {
    return Fail(node, "OPERANDS", absl::StrCat(function.name, " is written ", function.form));
  }

  // The first operand is a name.
  absl::StatusOr<Typed> CheckNameFunction(const SyntaxNode& node, const Function& function, FormulaNode result) {
    const SyntaxNode& name = *node.operands[0];
    if (name.kind != SyntaxKind::kName) return Written(node, function);
    switch (function.op) {
      case FormulaOp::kAverage: {
        ASSIGN_OR_RETURN(const CompiledMeasure* measure, FindMeasure(name, name.text));
        RETURN_IF_ERROR(NeedsSum(name, *measure));
        result.index = measure->index;
        break;
      }
      case FormulaOp::kFirstDay: {
        ASSIGN_OR_RETURN(const CompiledMeasure* measure, FindMeasure(name, name.text));
        result.index = measure->index;
        break;
      }
      case FormulaOp::kDayReaching:
        RETURN_IF_ERROR(CheckReached(name, result));
        break;
      case FormulaOp::kTarget:
        RETURN_IF_ERROR(CheckTarget(node, function, result));
        return Emit(std::move(result));
      case FormulaOp::kMeets:
        return CheckMeets(node, std::move(result));
      case FormulaOp::kAtLevel: {
        const auto* level = std::find_if(std::begin(kLevels), std::end(kLevels),
                                         [&](const LevelName& known) { return known.name == name.text; });
        if (level == std::end(kLevels)) return Written(node, function);
        result.level = level->kind;
        break;
      }
      default:
        if (name.text != kWindow) return Written(name, function);
        break;
    }
    for (size_t i = 1; i < node.operands.size(); ++i) {
      ASSIGN_OR_RETURN(const Typed typed, CheckNumber(*node.operands[i]));
      result.operands.push_back(typed.index);
    }
    return Emit(std::move(result));
  }

  // A measure's sum, or its count where it is named: "won" or "won.count".
  absl::Status CheckReached(const SyntaxNode& name, FormulaNode& result) const {
    absl::string_view id = name.text;
    result.counts = absl::ConsumeSuffix(&id, ".count");
    ASSIGN_OR_RETURN(const CompiledMeasure* measure, FindMeasure(name, id));
    result.index = measure->index;
    if (!result.counts && !measure->sum) {
      return Fail(name, "NO_SUM", absl::StrCat("measure \"", id, "\" has no sum; write ", id, ".count"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Typed> CheckMeets(const SyntaxNode& node, FormulaNode result) {
    for (const auto& name : node.operands) {
      const auto metric = names_.metric_by_id->find(name->text);
      if (name->kind != SyntaxKind::kName || metric == names_.metric_by_id->end()) {
        return UnknownMetric(*name, /*or_measure=*/false);
      }
      FormulaNode judged;
      judged.op = FormulaOp::kMetric;
      judged.index = metric->second;
      judged.offset = static_cast<uint32_t>(name->offset);
      result.operands.push_back(Emit(std::move(judged)).index);
    }
    return Emit(std::move(result));
  }

  // target(metric), target(metric, QUOTA), target(metric, FORECAST)
  absl::Status CheckTarget(const SyntaxNode& node, const Function& function, FormulaNode& result) const {
    const SyntaxNode& name = *node.operands[0];
    const auto metric = names_.metric_by_id->find(name.text);
    if (metric == names_.metric_by_id->end()) return UnknownMetric(name, /*or_measure=*/false);
    result.index = metric->second;
    if (node.operands.size() == 1) return absl::OkStatus();
    const SyntaxNode& kind = *node.operands[1];
    result.forecast = kind.kind == SyntaxKind::kName && kind.text == "FORECAST";
    if (result.forecast || (kind.kind == SyntaxKind::kName && kind.text == "QUOTA")) return absl::OkStatus();
    return Fail(kind, "OPERANDS",
                absl::StrCat("target is written ", function.form, "; its kinds are QUOTA and FORECAST"));
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
  static constexpr absl::string_view kWords[] = {"true", "false", "null", "in", kWindow, kAsOf, kPartner};
  return std::find(std::begin(kWords), std::end(kWords), name) != std::end(kWords);
}

}  // namespace partnermetrics
