#include "server/expr/row_compiler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"

namespace partnermetrics {
namespace {

constexpr absl::string_view kRootPrefix = "root.";

bool IsNumber(ValueType type) {
  return type == ValueType::kInt || type == ValueType::kDecimal;
}
bool IsExact(ValueType type) {
  return type == ValueType::kDecimal || type == ValueType::kMoney;
}
bool IsText(ValueType type) {
  return type == ValueType::kString;
}

std::string WithArticle(absl::string_view type) {
  const bool vowel = absl::StrContains("aeiou", type.substr(0, 1));
  return absl::StrCat(type == "money" ? "" : vowel ? "an " : "a ", type);
}

}  // namespace

RowCompiler::RowCompiler(const FactSchema& schema, const CompileOptions& options) : schema_(schema), options_(options) {
  if (!schema.root().empty()) root_ = FactSchemas::Get().Find(schema.root());
}

absl::StatusOr<RowExpression> RowCompiler::Compile(const SyntaxNode& tree) {
  ASSIGN_OR_RETURN(const Typed result, Check(tree));
  RETURN_IF_ERROR(CheckResult(result));
  // The result must be the last operation.
  if (result.index + 1 != static_cast<int>(program_->codes.size())) {
    Emit(RowOp::kRetype, result.type, tree, result.index);
  }
  RowExpression expression;
  expression.program_ = program_;
  expression.type_ = result.type;
  expression.slots_.assign(slots_.begin(), slots_.end());
  expression.root_slots_.assign(root_slots_.begin(), root_slots_.end());
  return expression;
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::Check(const SyntaxNode& node, EnumType wanted) {
  switch (node.kind) {
    case SyntaxKind::kNull:
      return Constant(Value::Null(), node);
    case SyntaxKind::kBool:
      return Constant(Value::Bool(node.integer != 0), node);
    case SyntaxKind::kInt:
      return Constant(Value::Int(node.integer), node);
    case SyntaxKind::kDecimal:
      return Constant(Value::Decimal(node.decimal), node);
    case SyntaxKind::kString:
      return Constant(Value::String(program_->texts.emplace_back(node.text)), node);
    case SyntaxKind::kName:
      return CheckName(node, wanted);
    case SyntaxKind::kList:
      return Fail(node.offset, "LIST", "a list may only stand after \"in\"");
    case SyntaxKind::kCall:
      return CheckCall(node, wanted);
    case SyntaxKind::kUnary:
      return CheckUnary(node);
    case SyntaxKind::kBinary:
      return CheckBinary(node);
    case SyntaxKind::kChoice:
      break;
  }
  return CheckChoice(node, wanted);
}

const FieldSchema* RowCompiler::FindField(absl::string_view name) const {
  if (!absl::ConsumePrefix(&name, options_.prefix)) return nullptr;
  if (!absl::StartsWith(name, kRootPrefix)) return schema_.Find(name);
  return root_ == nullptr ? nullptr : root_->Find(name.substr(kRootPrefix.size()));
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckName(const SyntaxNode& node, EnumType wanted) {
  const FieldSchema* field = FindField(node.text);
  if (field == nullptr) {
    if (wanted != nullptr && !absl::StrContains(node.text, '.')) return CheckEnumName(node, wanted);
    const bool of_root = absl::StartsWith(node.text, kRootPrefix);
    if (of_root && root_ == nullptr) {
      return Fail(node.offset, "NO_ROOT", absl::StrCat(schema_.name(), " is not part of another fact and has no root"));
    }
    std::vector<std::string> names;
    for (const FieldSchema& known : (of_root ? *root_ : schema_).fields()) {
      names.push_back(absl::StrCat(of_root ? kRootPrefix : options_.prefix, known.name));
    }
    return Fail(node.offset, "UNKNOWN_FIELD",
                absl::StrCat("unknown field \"", node.text, "\" of ", of_root ? root_->name() : schema_.name(),
                             SuggestNames(node.text, std::move(names))));
  }
  const bool of_root = absl::StartsWith(node.text, kRootPrefix);
  (of_root ? root_slots_ : slots_).insert(field->slot);
  Typed typed = Emit(of_root ? RowOp::kRootField : RowOp::kField, field->type, node, field->slot);
  typed.enum_type = field->enum_type;
  return typed;
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckEnumName(const SyntaxNode& node, EnumType wanted) {
  std::vector<std::string> names;
  for (int i = 0; i < wanted->value_count(); ++i) {
    const auto& value = *wanted->value(i);
    const std::string short_name = ShortEnumName(value);
    if (node.text == short_name || node.text == value.name()) {
      if (value.number() == 0) {
        return Fail(node.offset, "UNSPECIFIED", absl::StrCat(node.text, " is the same as unset; write !has(…)"));
      }
      Typed typed = Constant(Value::Enum(value.number()), node);
      typed.enum_type = wanted;
      return typed;
    }
    if (value.number() != 0) names.push_back(short_name);
  }
  return Fail(node.offset, "UNKNOWN_VALUE",
              absl::StrCat("\"", node.text, "\" is neither a field of ", schema_.name(), " nor a value of ",
                           wanted->name(), SuggestNames(node.text, std::move(names))));
}

RowCompiler::EnumType RowCompiler::EnumOf(const SyntaxNode& node) const {
  if (node.kind == SyntaxKind::kName) {
    const FieldSchema* field = FindField(node.text);
    return field == nullptr ? nullptr : field->enum_type;
  }
  if (node.kind != SyntaxKind::kChoice && !(node.kind == SyntaxKind::kCall && node.text == "coalesce")) return nullptr;
  for (const auto& operand : node.operands) {
    if (EnumType type = EnumOf(*operand); type != nullptr) return type;
  }
  return nullptr;
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckUnary(const SyntaxNode& node) {
  ASSIGN_OR_RETURN(const Typed operand, Check(*node.operands[0]));
  if (node.op == SyntaxOp::kNot) {
    RETURN_IF_ERROR(ExpectBool(operand, "\"!\""));
    return Emit(RowOp::kNot, ValueType::kBool, node, operand.index);
  }
  if (operand.days || (operand.type != ValueType::kInt && !IsExact(operand.type))) {
    return Fail(operand.offset, "TYPE",
                absl::StrCat("\"-\" needs a number or money, this is ", WithArticle(ValueTypeName(operand.type))));
  }
  const bool integer = operand.type == ValueType::kInt;
  return Emit(integer ? RowOp::kNegateInteger : RowOp::kNegateDecimal, operand.type, node, operand.index);
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckBinary(const SyntaxNode& node) {
  switch (node.op) {
    case SyntaxOp::kAnd:
    case SyntaxOp::kOr:
      return CheckLogic(node);
    case SyntaxOp::kIn:
      return CheckIn(node);
    case SyntaxOp::kAdd:
    case SyntaxOp::kSubtract:
    case SyntaxOp::kMultiply:
    case SyntaxOp::kDivide:
    case SyntaxOp::kModulo:
      return CheckArithmetic(node);
    default:
      return CheckComparison(node);
  }
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckLogic(const SyntaxNode& node) {
  const std::string where = absl::StrCat("\"", SyntaxOpText(node.op), "\"");
  ASSIGN_OR_RETURN(const Typed left, Check(*node.operands[0]));
  RETURN_IF_ERROR(ExpectBool(left, where));
  ASSIGN_OR_RETURN(const Typed right, Check(*node.operands[1]));
  RETURN_IF_ERROR(ExpectBool(right, where));
  return Emit(node.op == SyntaxOp::kAnd ? RowOp::kAnd : RowOp::kOr, ValueType::kBool, node, left.index, right.index);
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckComparison(const SyntaxNode& node) {
  std::vector<Typed> sides(2);
  ASSIGN_OR_RETURN(sides[0], Check(*node.operands[0], EnumOf(*node.operands[1])));
  ASSIGN_OR_RETURN(sides[1], Check(*node.operands[1], EnumOf(*node.operands[0])));
  for (const Typed& side : sides) {
    if (side.type == ValueType::kNull) {
      return Fail(node.offset, "NULL", "a comparison with null is null; write has(field) or !has(field)");
    }
  }
  RETURN_IF_ERROR(Unify(node, sides));
  const ValueType type = sides[0].type;
  const bool equality = node.op == SyntaxOp::kEqual || node.op == SyntaxOp::kNotEqual;
  if (!equality && (type == ValueType::kBool || type == ValueType::kEnum)) {
    return Fail(node.offset, "TYPE", absl::StrCat(ValueTypeName(type), " values have no order; use == or !="));
  }
  Typed result = Emit(IsText(type)    ? RowOp::kCompareText
                      : IsExact(type) ? RowOp::kCompareDecimal
                                      : RowOp::kCompareInteger,
                      ValueType::kBool, node, sides[0].index, sides[1].index);
  program_->codes.back().relation = node.op;
  return result;
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckIn(const SyntaxNode& node) {
  const SyntaxNode& list = *node.operands[1];
  if (list.kind != SyntaxKind::kList || list.operands.empty()) {
    return Fail(list.offset, "LIST", "\"in\" needs a list with values: stage in [\"Proposal\", \"Negotiation\"]");
  }
  const EnumType wanted = EnumOf(*node.operands[0]);
  std::vector<Typed> all(1);
  ASSIGN_OR_RETURN(all[0], Check(*node.operands[0]));
  for (const auto& element : list.operands) {
    ASSIGN_OR_RETURN(const Typed typed, Check(*element, wanted));
    all.push_back(typed);
  }
  RETURN_IF_ERROR(Unify(node, all));
  const ValueType type = all[0].type;
  Typed result = Emit(IsText(type)    ? RowOp::kInText
                      : IsExact(type) ? RowOp::kInDecimal
                                      : RowOp::kInInteger,
                      ValueType::kBool, node, all[0].index);
  for (size_t i = 1; i < all.size(); ++i) program_->codes.back().list.push_back(all[i].index);
  return result;
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckArithmetic(const SyntaxNode& node) {
  std::vector<Typed> sides(2);
  ASSIGN_OR_RETURN(sides[0], Check(*node.operands[0]));
  ASSIGN_OR_RETURN(sides[1], Check(*node.operands[1]));
  const ValueType left = sides[0].type, right = sides[1].type;
  const bool sum = node.op == SyntaxOp::kAdd || node.op == SyntaxOp::kSubtract;
  if (left == ValueType::kDate || right == ValueType::kDate || sides[0].days || sides[1].days) {
    return AddToDate(node, sides[0], sides[1]);
  }
  const bool numbers = (IsNumber(left) || left == ValueType::kMoney) && (IsNumber(right) || right == ValueType::kMoney);
  if (!numbers) {
    return Fail(
        node.offset, "TYPE",
        absl::StrCat("\"", SyntaxOpText(node.op), "\" needs numbers or money, found ", ValueTypeName(left), " and ",
                     ValueTypeName(right), left == ValueType::kInstant ? "; use hours_between(a, b) or date(…)" : ""));
  }
  if (left == ValueType::kInt && right == ValueType::kInt) {
    const RowOp op = node.op == SyntaxOp::kAdd        ? RowOp::kAddInteger
                     : node.op == SyntaxOp::kSubtract ? RowOp::kSubtractInteger
                     : node.op == SyntaxOp::kMultiply ? RowOp::kMultiplyInteger
                     : node.op == SyntaxOp::kDivide   ? RowOp::kDivideInteger
                                                      : RowOp::kModuloInteger;
    return Emit(op, ValueType::kInt, node, sides[0].index, sides[1].index);
  }
  if (node.op == SyntaxOp::kModulo) return Fail(node.offset, "TYPE", "\"%\" needs two whole numbers");
  if (!sum) return Scale(node, sides[0], sides[1]);
  RETURN_IF_ERROR(Unify(node, sides));
  return Emit(node.op == SyntaxOp::kAdd ? RowOp::kAddDecimal : RowOp::kSubtractDecimal, sides[0].type, node,
              sides[0].index, sides[1].index);
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::AddToDate(const SyntaxNode& node, const Typed& left,
                                                          const Typed& right) {
  const bool subtract = node.op == SyntaxOp::kSubtract;
  if ((node.op == SyntaxOp::kAdd || subtract) && left.type == ValueType::kDate && right.days) {
    return Emit(subtract ? RowOp::kSubtractDays : RowOp::kAddDays, ValueType::kDate, node, left.index, right.index);
  }
  return Fail(node.offset, "TYPE", "dates are reckoned with date + days(n), date - days(n) and days_between(a, b)");
}

// * and / where at least one side is a decimal or money.
absl::StatusOr<RowCompiler::Typed> RowCompiler::Scale(const SyntaxNode& node, Typed left, Typed right) {
  const bool divide = node.op == SyntaxOp::kDivide;
  const bool money_left = left.type == ValueType::kMoney, money_right = right.type == ValueType::kMoney;
  if (money_right && (money_left ? !divide : divide)) {
    return Fail(node.offset, "TYPE",
                divide ? "a number cannot be divided by money" : "money cannot be multiplied by money");
  }
  left = ToDecimal(left, left.type == ValueType::kInt ? ValueType::kDecimal : left.type);
  right = ToDecimal(right, right.type == ValueType::kInt ? ValueType::kDecimal : right.type);
  const bool money = money_left != money_right;
  return Emit(divide ? RowOp::kDivideDecimal : RowOp::kMultiplyDecimal, money ? ValueType::kMoney : ValueType::kDecimal,
              node, left.index, right.index);
}

absl::StatusOr<RowCompiler::Typed> RowCompiler::CheckChoice(const SyntaxNode& node, EnumType wanted) {
  if (wanted == nullptr) wanted = EnumOf(node);
  ASSIGN_OR_RETURN(const Typed condition, Check(*node.operands[0]));
  RETURN_IF_ERROR(ExpectBool(condition, "the condition before \"?\""));
  std::vector<Typed> branches(2);
  ASSIGN_OR_RETURN(branches[0], Check(*node.operands[1], wanted));
  ASSIGN_OR_RETURN(branches[1], Check(*node.operands[2], wanted));
  RETURN_IF_ERROR(Unify(node, branches));
  Typed result = Emit(RowOp::kChoice, branches[0].type, node, condition.index, branches[0].index, branches[1].index);
  result.enum_type = branches[0].enum_type;
  return result;
}

absl::Status RowCompiler::Unify(const SyntaxNode& node, std::vector<Typed>& operands) {
  // The type that all must have: money before decimal before int; else that of the first that is not null.
  ValueType type = ValueType::kNull;
  EnumType enum_type = nullptr;
  for (const Typed& operand : operands) {
    const bool wider = (operand.type == ValueType::kMoney && IsNumber(type)) ||
                       (operand.type == ValueType::kDecimal && type == ValueType::kInt);
    if (type == ValueType::kNull || wider) type = operand.type;
    if (enum_type == nullptr) enum_type = operand.enum_type;
  }
  for (Typed& operand : operands) {
    if (operand.type == type && operand.enum_type == enum_type && !operand.days) continue;
    if (operand.type == ValueType::kNull) {
      operand.type = type;
      operand.enum_type = enum_type;
      continue;
    }
    const bool widens = !operand.days && ((type == ValueType::kDecimal && operand.type == ValueType::kInt) ||
                                          (type == ValueType::kMoney && IsNumber(operand.type) && IsLiteral(operand)));
    if (!widens) {
      const Typed& other = operands[0].index == operand.index ? operands.back() : operands[0];
      std::string message = absl::StrCat(
          node.kind == SyntaxKind::kCall
              ? node.text
              : absl::StrCat("\"", node.kind == SyntaxKind::kChoice ? "?" : SyntaxOpText(node.op), "\""),
          " needs values of one type, found ", ValueTypeName(other.type), " and ", ValueTypeName(operand.type));
      const bool instant = other.type == ValueType::kInstant || operand.type == ValueType::kInstant;
      const bool date = other.type == ValueType::kDate || operand.type == ValueType::kDate;
      if (instant && date) absl::StrAppend(&message, "; date(t) gives the day of an instant");
      return Fail(operand.offset, "TYPE", message);
    }
    operand = ToDecimal(operand, type);
  }
  return absl::OkStatus();
}

absl::Status RowCompiler::ExpectBool(const Typed& operand, absl::string_view where) {
  if (operand.type == ValueType::kBool) return absl::OkStatus();
  return Fail(operand.offset, "TYPE",
              absl::StrCat(where, " needs a condition, this is ", WithArticle(ValueTypeName(operand.type))));
}

absl::Status RowCompiler::CheckResult(const Typed& result) {
  const auto& types = options_.result;
  const bool fits = types.empty() || std::find(types.begin(), types.end(), result.type) != types.end();
  if (fits && !result.days) return absl::OkStatus();
  const std::string wanted =
      absl::StrJoin(types, " or ", [](std::string* out, ValueType type) { absl::StrAppend(out, ValueTypeName(type)); });
  const std::string fitting = FittingFields(types);
  return Fail(result.offset, "TYPE",
              absl::StrCat(options_.purpose, " must be ", wanted, ", this is ",
                           WithArticle(result.days ? "number of days" : ValueTypeName(result.type)),
                           fitting.empty() ? "" : absl::StrCat("; of ", schema_.name(), " would fit: ", fitting)));
}

std::string RowCompiler::FittingFields(const std::vector<ValueType>& types) const {
  std::vector<std::string> fitting;
  for (const FieldSchema& field : schema_.fields()) {
    const bool fits = std::find(types.begin(), types.end(), field.type) != types.end();
    if (fits) {
      fitting.push_back(field.name);
    } else if (field.type == ValueType::kInstant && types == std::vector<ValueType>{ValueType::kDate}) {
      fitting.push_back(absl::StrCat("date(", field.name, ")"));
    }
  }
  return absl::StrJoin(fitting, ", ");
}

bool RowCompiler::IsLiteral(const Typed& operand) const {
  const RowCode* code = &program_->codes[static_cast<size_t>(operand.index)];
  if (code->op == RowOp::kNegateInteger || code->op == RowOp::kNegateDecimal) {
    code = &program_->codes[static_cast<size_t>(code->a)];
  }
  return code->op == RowOp::kConstant;
}

RowCompiler::Typed RowCompiler::ToDecimal(const Typed& operand, ValueType type) {
  if (operand.type == type) return operand;
  Typed result = operand;
  RowCode code;
  code.op = operand.type == ValueType::kInt ? RowOp::kToDecimal : RowOp::kRetype;
  code.type = result.type = type;
  code.a = operand.index;
  result.index = Emit(std::move(code));
  return result;
}

RowCompiler::Typed RowCompiler::Constant(Value value, const SyntaxNode& node) {
  Typed typed = Emit(RowOp::kConstant, value.type, node);
  program_->codes.back().constant = value;
  return typed;
}

RowCompiler::Typed RowCompiler::Emit(RowOp op, ValueType type, const SyntaxNode& node, int a, int b, int c) {
  RowCode code;
  code.op = op;
  code.type = type;
  code.a = a;
  code.b = b;
  code.c = c;
  Typed typed;
  typed.index = Emit(std::move(code));
  typed.type = type;
  typed.offset = node.offset;
  return typed;
}

int RowCompiler::Emit(RowCode code) {
  program_->codes.push_back(std::move(code));
  return static_cast<int>(program_->codes.size()) - 1;
}

absl::Status RowCompiler::Fail(size_t offset, absl::string_view reason, absl::string_view message) const {
  return ErrorAt(options_.locate, offset, reason, message);
}

absl::StatusOr<RowExpression> RowExpression::Compile(absl::string_view text, const FactSchema& schema,
                                                     const CompileOptions& options) {
  ASSIGN_OR_RETURN(const auto tree, ParseExpression(text, options.locate));
  ASSIGN_OR_RETURN(RowExpression expression, Compile(*tree, schema, options));
  expression.text_ = std::string(text);
  return expression;
}

absl::StatusOr<RowExpression> RowExpression::Compile(const SyntaxNode& tree, const FactSchema& schema,
                                                     const CompileOptions& options) {
  return RowCompiler(schema, options).Compile(tree);
}

}  // namespace partnermetrics
