#include "connectors/table/expression.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "connectors/table/server_expr.h"  // last

namespace partnermetrics::table {
namespace {

template <typename T>
int Order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

// Negative, 0 or positive, of two values of one type.
int Compare(const Value& a, const Value& b) {
  switch (a.type) {
    case Type::kText:
      return a.text.compare(b.text);
    case Type::kBool:
      return Order(a.flag, b.flag);
    case Type::kDate:
      return Order(sdk::DayNumber(a.date), sdk::DayNumber(b.date));
    case Type::kTime:
      return Order(a.time, b.time);
    default:
      return Order(a.number, b.number);
  }
}

bool Holds(SyntaxOp op, int order) {
  switch (op) {
    case SyntaxOp::kLess:
      return order < 0;
    case SyntaxOp::kLessEqual:
      return order <= 0;
    case SyntaxOp::kGreater:
      return order > 0;
    case SyntaxOp::kGreaterEqual:
      return order >= 0;
    case SyntaxOp::kEqual:
      return order == 0;
    default:
      return order != 0;
  }
}

sdk::CivilDate AddDays(const sdk::CivilDate& date, Nanos days) {
  const absl::CivilDay day = absl::CivilDay(date.year, date.month, date.day) + static_cast<int64_t>(days);
  return {static_cast<int>(day.year()), day.month(), day.day()};
}

class Compiler {
 public:
  explicit Compiler(const CompileContext& context) : context_(context) {}

  absl::StatusOr<Expression> Check(const SyntaxNode& node) {
    switch (node.kind) {
      case SyntaxKind::kNull:
        return Literal(Value::Null(), node);
      case SyntaxKind::kBool:
        return Literal(Value::Bool(node.integer != 0), node);
      case SyntaxKind::kInt:
        return Literal(Value::Number(Nanos(node.integer) * kNanosPerUnit), node);
      case SyntaxKind::kDecimal:
        return Literal(Value::Number(node.decimal), node);
      case SyntaxKind::kString: {
        Value value = Value::Text(node.text);
        value.type = Type::kText;  // '' is the empty text, so that it can be put between others
        return Literal(std::move(value), node);
      }
      case SyntaxKind::kName:
        return Column(node.text, node);
      case SyntaxKind::kList:
        return Fail(node.offset, "a list may only stand behind \"in\"");
      case SyntaxKind::kCall:
        return CheckCall(node);
      case SyntaxKind::kUnary:
        return CheckUnary(node);
      case SyntaxKind::kBinary:
        return CheckBinary(node);
      case SyntaxKind::kChoice:
        return CheckChoice(node);
    }
    return Fail(node.offset, "this is no expression");
  }

 private:
  absl::Status Fail(size_t offset, absl::string_view message) const {
    return ErrorAt(context_.locate, offset, "BAD_EXPRESSION", message);
  }

  static Expression Literal(Value value, const SyntaxNode& node) {
    const Type type = value.type;
    return {type, [value](Evaluation&) { return value; }, "", value, node.offset};
  }

  Expression Column(const std::string& name, const SyntaxNode& node) {
    const size_t index = context_.columns.Add(name, context_.locate(node.offset));
    return {Type::kText, [index](Evaluation& row) { return Value::Text(row.record.Text(index)); }, name, std::nullopt,
            node.offset};
  }

  // The first column that one of the operands reads.
  static std::string ColumnOf(const std::vector<Expression>& operands) {
    for (const Expression& operand : operands) {
      if (!operand.column.empty()) return operand.column;
    }
    return "";
  }

  absl::StatusOr<std::vector<Expression>> Operands(const SyntaxNode& node) {
    std::vector<Expression> operands;
    for (const auto& operand : node.operands) {
      ASSIGN_OR_RETURN(Expression compiled, Check(*operand));
      operands.push_back(std::move(compiled));
    }
    return operands;
  }

  absl::StatusOr<Expression> CheckCall(const SyntaxNode& node) {
    if (node.text == "col" && !node.method) {
      if (node.operands.size() != 1 || node.operands[0]->kind != SyntaxKind::kString) {
        return Fail(node.offset, "col takes the name of a column in quotes: col(\"Start Date\")");
      }
      return Column(node.operands[0]->text, *node.operands[0]);
    }
    ASSIGN_OR_RETURN(std::vector<Expression> operands, Operands(node));
    std::string column = ColumnOf(operands);
    ASSIGN_OR_RETURN(Expression call, CompileFunction({node, std::move(operands), context_}));
    call.column = std::move(column);
    call.offset = node.offset;
    return call;
  }

  absl::Status Expect(const Expression& operand, Type type, absl::string_view where) const {
    if (operand.type == type || operand.type == Type::kNull) return absl::OkStatus();
    return Fail(operand.offset, absl::StrCat(where, " needs ", TypeName(type), ", this is ", TypeName(operand.type)));
  }

  absl::StatusOr<Expression> CheckUnary(const SyntaxNode& node) {
    ASSIGN_OR_RETURN(std::vector<Expression> operands, Operands(node));
    Expression& operand = operands[0];
    const Type type = node.op == SyntaxOp::kNot ? Type::kBool : Type::kNumber;
    RETURN_IF_ERROR(Expect(operand, type, absl::StrCat("\"", SyntaxOpText(node.op), "\"")));
    Code code = [inner = std::move(operand.code), type](Evaluation& row) {
      Value value = inner(row);
      if (value.is_null()) return value;
      return type == Type::kBool ? Value::Bool(!value.flag) : Value::Number(-value.number);
    };
    return Expression{type, std::move(code), operand.column, std::nullopt, node.offset};
  }

  absl::StatusOr<Expression> CheckBinary(const SyntaxNode& node) {
    if (node.op == SyntaxOp::kIn) return CheckIn(node);
    ASSIGN_OR_RETURN(std::vector<Expression> operands, Operands(node));
    Expression result;
    switch (node.op) {
      case SyntaxOp::kAnd:
      case SyntaxOp::kOr: {
        ASSIGN_OR_RETURN(result, Logic(node, operands));
        break;
      }
      case SyntaxOp::kAdd:
      case SyntaxOp::kSubtract:
      case SyntaxOp::kMultiply:
      case SyntaxOp::kDivide:
      case SyntaxOp::kModulo: {
        ASSIGN_OR_RETURN(result, Arithmetic(node, operands));
        break;
      }
      default: {
        ASSIGN_OR_RETURN(result, Comparison(node, operands));
      }
    }
    result.column = ColumnOf(operands);
    result.offset = node.offset;
    return result;
  }

  absl::StatusOr<Expression> Logic(const SyntaxNode& node, std::vector<Expression>& operands) {
    for (const Expression& operand : operands) {
      RETURN_IF_ERROR(Expect(operand, Type::kBool, absl::StrCat("\"", SyntaxOpText(node.op), "\"")));
    }
    const bool decides = node.op == SyntaxOp::kOr;  // the value of one side that decides for both
    Code code = [left = operands[0].code, right = operands[1].code, decides](Evaluation& row) {
      Value a = left(row);
      if (!a.is_null() && a.flag == decides) return a;
      Value b = right(row);
      if (a.is_null() && !b.is_null() && b.flag != decides) return a;
      return b;
    };
    return Expression{Type::kBool, std::move(code), "", std::nullopt, 0};
  }

  absl::StatusOr<Expression> Comparison(const SyntaxNode& node, std::vector<Expression>& operands) {
    const Expression &left = operands[0], &right = operands[1];
    if (left.type == Type::kNull || right.type == Type::kNull) {
      return Fail(node.offset, "comparing with null is always null; write has(column) or !has(column)");
    }
    if (left.type != right.type || left.type == Type::kMoney) {
      std::string message = absl::StrCat(TypeName(left.type), " cannot be compared with ", TypeName(right.type));
      if (left.type == Type::kText || right.type == Type::kText) {
        const Type other = left.type == Type::kText ? right.type : left.type;
        const char* function = other == Type::kNumber ? "number" : other == Type::kDate ? "date" : "time";
        if (other == Type::kNumber || other == Type::kDate || other == Type::kTime) {
          absl::StrAppend(&message, "; columns are texts, read one by ", function, "(column)");
        }
      }
      return Fail(node.offset, message);
    }
    Code code = [a = left.code, b = right.code, op = node.op](Evaluation& row) {
      const Value x = a(row), y = b(row);
      return x.is_null() || y.is_null() ? Value::Null() : Value::Bool(Holds(op, Compare(x, y)));
    };
    return Expression{Type::kBool, std::move(code), "", std::nullopt, 0};
  }

  absl::StatusOr<Expression> CheckIn(const SyntaxNode& node) {
    ASSIGN_OR_RETURN(Expression left, Check(*node.operands[0]));
    const SyntaxNode& list = *node.operands[1];
    if (list.kind != SyntaxKind::kList) return Fail(list.offset, "\"in\" needs a list: status in [\"open\", \"new\"]");
    ASSIGN_OR_RETURN(std::vector<Expression> items, Operands(list));
    for (const Expression& item : items) RETURN_IF_ERROR(Expect(item, left.type, "the list"));
    Code code = [inner = left.code, items = std::move(items)](Evaluation& row) {
      Value value = inner(row);
      if (value.is_null()) return value;
      return Value::Bool(std::any_of(items.begin(), items.end(), [&](const Expression& item) {
        const Value other = item.code(row);
        return other.type == value.type && Compare(value, other) == 0;
      }));
    };
    return Expression{Type::kBool, std::move(code), left.column, std::nullopt, node.offset};
  }

  absl::StatusOr<Expression> Arithmetic(const SyntaxNode& node, std::vector<Expression>& operands) {
    const Type left = operands[0].type, right = operands[1].type;
    const bool sum = node.op == SyntaxOp::kAdd || node.op == SyntaxOp::kSubtract;
    const Code a = operands[0].code, b = operands[1].code;
    if (left == Type::kText && right == Type::kText && node.op == SyntaxOp::kAdd) {
      return Expression{Type::kText,
                        [a, b](Evaluation& row) {
                          const Value x = a(row), y = b(row);
                          return x.is_null() || y.is_null() ? Value::Null() : Value::Text(x.text + y.text);
                        },
                        "", std::nullopt, 0};
    }
    if (left == Type::kDate && right == Type::kDays && sum) {
      const int sign = node.op == SyntaxOp::kAdd ? 1 : -1;
      return Expression{Type::kDate,
                        [a, b, sign](Evaluation& row) {
                          const Value x = a(row), y = b(row);
                          return x.is_null() || y.is_null() ? Value::Null()
                                                            : Value::Date(AddDays(x.date, y.number * sign));
                        },
                        "", std::nullopt, 0};
    }
    if (left != Type::kNumber || right != Type::kNumber || node.op == SyntaxOp::kModulo) {
      return Fail(
          node.offset,
          absl::StrCat(
              "\"", SyntaxOpText(node.op), "\" does not fit ", TypeName(left), " and ", TypeName(right),
              left == Type::kText || right == Type::kText ? "; columns are texts, read one by number(column)" : ""));
    }
    return Expression{Type::kNumber,
                      [a, b, op = node.op](Evaluation& row) {
                        const Value x = a(row), y = b(row);
                        Nanos result = 0;
                        if (x.is_null() || y.is_null()) return Value::Null();
                        const bool fits = op == SyntaxOp::kAdd        ? AddNanos(x.number, y.number, result)
                                          : op == SyntaxOp::kSubtract ? SubtractNanos(x.number, y.number, result)
                                          : op == SyntaxOp::kMultiply ? MultiplyNanos(x.number, y.number, result)
                                                                      : DivideNanos(x.number, y.number, result);
                        return fits ? Value::Number(result) : Value::Null();
                      },
                      "", std::nullopt, 0};
  }

  absl::StatusOr<Expression> CheckChoice(const SyntaxNode& node) {
    ASSIGN_OR_RETURN(std::vector<Expression> operands, Operands(node));
    RETURN_IF_ERROR(Expect(operands[0], Type::kBool, "the condition of ?"));
    const Type type = operands[1].type == Type::kNull ? operands[2].type : operands[1].type;
    RETURN_IF_ERROR(Expect(operands[2], type, "the other branch of ?"));
    Code code = [condition = operands[0].code, then = operands[1].code, otherwise = operands[2].code](Evaluation& row) {
      const Value value = condition(row);
      return !value.is_null() && value.flag ? then(row) : otherwise(row);
    };
    return Expression{type, std::move(code), ColumnOf(operands), std::nullopt, node.offset};
  }

  const CompileContext& context_;
};

}  // namespace

size_t ColumnList::Add(const std::string& name, const std::string& place) {
  const auto found =
      std::find_if(columns_.begin(), columns_.end(), [&](const Column& column) { return column.name == name; });
  if (found != columns_.end()) return static_cast<size_t>(found - columns_.begin());
  columns_.push_back({name, place});
  return columns_.size() - 1;
}

absl::Status Call::Fail(size_t offset, absl::string_view message) const {
  return ErrorAt(context.locate, offset, "BAD_EXPRESSION", message);
}

std::string Suggestion(absl::string_view wrong, std::vector<std::string> names) {
  return SuggestNames(wrong, std::move(names));
}

absl::StatusOr<Expression> Compile(absl::string_view text, const CompileContext& context) {
  ASSIGN_OR_RETURN(const std::unique_ptr<const SyntaxNode> tree, ParseExpression(text, context.locate));
  return Compiler(context).Check(*tree);
}

}  // namespace partnermetrics::table
