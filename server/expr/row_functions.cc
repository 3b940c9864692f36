// The functions of row expressions; the rest of the compiler is in row_compiler.cc.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"
#include "server/expr/row_compiler.h"

namespace partnermetrics {
namespace {

// Functions of fixed operands.
struct Simple {
  absl::string_view name;
  absl::string_view form;
  std::vector<ValueType> operands;
  RowOp op;
  ValueType result;
};

const std::vector<Simple>& SimpleFunctions() {
  static const auto* const functions = new std::vector<Simple>{
      {"days", "days(n)", {ValueType::kInt}, RowOp::kRetype, ValueType::kInt},
      {"date", "date(instant)", {ValueType::kInstant}, RowOp::kDateOf, ValueType::kDate},
      {"day_number", "day_number(date)", {ValueType::kDate}, RowOp::kRetype, ValueType::kInt},
      {"days_between",
       "days_between(date, date)",
       {ValueType::kDate, ValueType::kDate},
       RowOp::kSubtractInteger,
       ValueType::kInt},
      {"hours_between",
       "hours_between(instant, instant)",
       {ValueType::kInstant, ValueType::kInstant},
       RowOp::kHoursBetween,
       ValueType::kDecimal},
      {"size", "size(string)", {ValueType::kString}, RowOp::kSize, ValueType::kInt},
  };
  return *functions;
}

const std::vector<std::pair<absl::string_view, RowOp>>& TextMethods() {
  static const auto* const methods = new std::vector<std::pair<absl::string_view, RowOp>>{
      {"startsWith", RowOp::kStartsWith}, {"endsWith", RowOp::kEndsWith}, {"contains", RowOp::kContains}};
  return *methods;
}

}  // namespace

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckCall(const SyntaxNode& node, EnumType wanted) {
  if (node.method) return CheckTextCall(node);
  if (node.text == "has") return CheckHas(node);
  if (node.text == "coalesce" || node.text == "earliest" || node.text == "latest") return CheckPick(node, wanted);
  if (node.text == "date" && node.operands.size() == 1 && node.operands[0]->kind == SyntaxKind::kString) {
    return CheckDateLiteral(node);
  }
  return CheckSimpleCall(node);
}

absl::Status RowCompiler::ExpectCount(const SyntaxNode& node, size_t least, size_t most, absl::string_view form) {
  if (node.operands.size() >= least && node.operands.size() <= most) return absl::OkStatus();
  return Fail(node.offset, "OPERANDS", absl::StrCat(node.text, " is written ", form));
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckHas(const SyntaxNode& node) {
  RETURN_IF_ERROR(ExpectCount(node, 1, 1, "has(field)"));
  const SyntaxNode& field = *node.operands[0];
  if (field.kind != SyntaxKind::kName) return Fail(field.offset, "TYPE", "has needs the name of a field");
  ASSIGN_OR_RETURN(const Typed typed, CheckName(field, nullptr));
  return Emit(RowOp::kHas, ValueType::kBool, node, typed.index);
}

// date("2026-03-31")
absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckDateLiteral(const SyntaxNode& node) {
  absl::CivilDay day;
  const std::string& text = node.operands[0]->text;
  if (text.size() != 10 || !absl::ParseCivilTime(text, &day)) {
    return Fail(node.operands[0]->offset, "BAD_DATE",
                absl::StrCat("\"", text, "\" is no date; dates are written date(\"2026-03-31\")"));
  }
  return Constant(Value::Date(ToDay(day)), node);
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckSimpleCall(const SyntaxNode& node) {
  const Simple* function = nullptr;
  std::vector<std::string> names = {"has", "coalesce", "earliest", "latest"};
  for (const Simple& candidate : SimpleFunctions()) {
    if (candidate.name == node.text) function = &candidate;
    names.emplace_back(candidate.name);
  }
  if (function == nullptr) {
    return Fail(node.offset, "UNKNOWN_FUNCTION",
                absl::StrCat("unknown function \"", node.text, "\"", SuggestNames(node.text, std::move(names))));
  }
  RETURN_IF_ERROR(ExpectCount(node, function->operands.size(), function->operands.size(), function->form));
  std::vector<int> operands;
  for (size_t i = 0; i < node.operands.size(); ++i) {
    ASSIGN_OR_RETURN(const Typed operand, Check(*node.operands[i]));
    if (operand.type != function->operands[i] || operand.days) {
      std::string message =
          absl::StrCat("this is ", ValueTypeName(operand.type), "; ", node.text, " is written ", function->form);
      if (operand.type == ValueType::kInstant && function->operands[i] == ValueType::kDate) {
        absl::StrAppend(&message, "; date(t) gives the day of an instant");
      }
      return Fail(operand.offset, "TYPE", message);
    }
    operands.push_back(operand.index);
  }
  // days_between(a, b) is b - a.
  if (function->op == RowOp::kSubtractInteger) std::swap(operands[0], operands[1]);
  Typed result = Emit(function->op, function->result, node, operands[0], operands.size() > 1 ? operands[1] : -1);
  result.days = function->name == "days";
  return result;
}

// coalesce, earliest, latest
absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckPick(const SyntaxNode& node, EnumType wanted) {
  if (node.operands.empty())
    return Fail(node.offset, "OPERANDS", absl::StrCat(node.text, " is written ", node.text, "(a, b, …)"));
  if (wanted == nullptr) wanted = EnumOf(node);
  std::vector<Typed> operands;
  for (const auto& operand : node.operands) {
    ASSIGN_OR_RETURN(const Typed typed, Check(*operand, wanted));
    operands.push_back(typed);
  }
  RETURN_IF_ERROR(Unify(node, operands));
  const ValueType type = operands[0].type;
  const bool coalesce = node.text == "coalesce";
  if (!coalesce && type != ValueType::kDate && type != ValueType::kInstant) {
    return Fail(node.offset, "TYPE", absl::StrCat(node.text, " needs dates or instants, found ", ValueTypeName(type)));
  }
  Typed result = Emit(coalesce                  ? RowOp::kCoalesce
                      : node.text == "earliest" ? RowOp::kEarliest
                                                : RowOp::kLatest,
                      type, node);
  for (const Typed& operand : operands) program_->codes.back().list.push_back(operand.index);
  result.enum_type = operands[0].enum_type;
  return result;
}

// text.startsWith("x")
absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckTextCall(const SyntaxNode& node) {
  if (node.text == "size" && node.operands.size() == 1) return CheckSimpleCall(node);
  for (const auto& [name, op] : TextMethods()) {
    if (name != node.text) continue;
    RETURN_IF_ERROR(ExpectCount(node, 2, 2, absl::StrCat("text.", name, "(\"part\")")));
    int operands[2];
    for (size_t i = 0; i < 2; ++i) {
      ASSIGN_OR_RETURN(const Typed operand, Check(*node.operands[i]));
      if (operand.type != ValueType::kString) {
        return Fail(operand.offset, "TYPE", absl::StrCat(name, " needs strings, found ", ValueTypeName(operand.type)));
      }
      operands[i] = operand.index;
    }
    return Emit(op, ValueType::kBool, node, operands[0], operands[1]);
  }
  return Fail(node.offset, "UNKNOWN_METHOD",
              absl::StrCat("unknown method \"", node.text, "\"",
                           SuggestNames(node.text, {"startsWith", "endsWith", "contains", "size"})));
}

}  // namespace partnermetrics
