// Compiled expressions against a naive interpreter that walks the syntax tree with look-ups by name.
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "partnermetrics/v1/selling.pb.h"
#include "rapidcheck/gtest.h"
#include "server/expr/row_expression.h"
#include "server/expr/syntax.h"
#include "tests/server/expr/row_builder.h"

namespace partnermetrics {
namespace {

// A value of the naive interpreter: unset, or a number (a condition is 0 or 1). Small integers only, so that nothing
// rounds or overflows.
using Naive = std::optional<int64_t>;

class Interpreter {
 public:
  explicit Interpreter(const v1::Lead& lead) : lead_(lead) {}

  Naive Evaluate(const SyntaxNode& node) const {
    switch (node.kind) {
      case SyntaxKind::kInt:
      case SyntaxKind::kBool:
        return node.integer;
      case SyntaxKind::kName:
        return Field(node.text);
      case SyntaxKind::kUnary: {
        const Naive value = Evaluate(*node.operands[0]);
        if (!value) return value;
        return node.op == SyntaxOp::kNot ? Naive(*value == 0) : Naive(-*value);
      }
      case SyntaxKind::kBinary:
        return node.op == SyntaxOp::kIn ? In(node) : Binary(node);
      case SyntaxKind::kChoice: {
        const Naive condition = Evaluate(*node.operands[0]);
        if (!condition) return condition;
        return Evaluate(*node.operands[*condition != 0 ? 1 : 2]);
      }
      case SyntaxKind::kCall:
        if (node.text == "has") return Naive(Field(node.operands[0]->text).has_value());
        for (const auto& operand : node.operands) {
          if (const Naive value = Evaluate(*operand)) return value;
        }
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }

 private:
  Naive Field(const std::string& name) const {
    const auto* field = v1::Lead::descriptor()->FindFieldByName(name);
    const auto* reflection = lead_.GetReflection();
    if (name == "source") {
      const int number = reflection->GetEnumValue(lead_, field);
      return number == 0 ? Naive() : Naive(number);
    }
    if (name == "REFERRAL") return 2;
    if (name == "AFFILIATE") return 3;
    return reflection->HasField(lead_, field) ? Naive(reflection->GetInt64(lead_, field)) : Naive();
  }

  Naive In(const SyntaxNode& node) const {
    const Naive value = Evaluate(*node.operands[0]);
    if (!value) return value;
    bool unknown = false;
    for (const auto& element : node.operands[1]->operands) {
      const Naive candidate = Evaluate(*element);
      if (candidate == value) return 1;
      unknown |= !candidate;
    }
    return unknown ? Naive() : Naive(0);
  }

  Naive Binary(const SyntaxNode& node) const {
    const Naive a = Evaluate(*node.operands[0]), b = Evaluate(*node.operands[1]);
    if (node.op == SyntaxOp::kAnd) {
      if ((a && *a == 0) || (b && *b == 0)) return 0;
      return a && b ? Naive(1) : Naive();
    }
    if (node.op == SyntaxOp::kOr) {
      if ((a && *a != 0) || (b && *b != 0)) return 1;
      return a && b ? Naive(0) : Naive();
    }
    if (!a || !b) return std::nullopt;
    switch (node.op) {
      case SyntaxOp::kAdd:
        return *a + *b;
      case SyntaxOp::kSubtract:
        return *a - *b;
      case SyntaxOp::kMultiply:
        return *a * *b;
      case SyntaxOp::kDivide:
        return *b == 0 ? Naive() : Naive(*a / *b);
      case SyntaxOp::kModulo:
        return *b == 0 ? Naive() : Naive(*a % *b);
      case SyntaxOp::kEqual:
        return *a == *b;
      case SyntaxOp::kNotEqual:
        return *a != *b;
      case SyntaxOp::kLess:
        return *a < *b;
      case SyntaxOp::kLessEqual:
        return *a <= *b;
      case SyntaxOp::kGreater:
        return *a > *b;
      default:
        return *a >= *b;
    }
  }

  const v1::Lead& lead_;
};

std::string Condition(int depth);

int Pick(int end) {
  return *rc::gen::inRange(0, end);
}

std::string Number(int depth) {
  switch (depth <= 0 ? Pick(2) : Pick(6)) {
    case 0:
      return std::to_string(Pick(5));
    case 1:
      return "employees";
    case 2:
      return absl::StrCat("-", Number(0));
    case 3:
      return absl::StrCat("coalesce(", Number(depth - 1), ", ", Number(depth - 1), ")");
    case 4:
      return absl::StrCat("(", Condition(depth - 1), " ? ", Number(depth - 1), " : ", Number(depth - 1), ")");
    default: {
      static constexpr const char* kOperators[] = {"+", "-", "*", "/", "%"};
      return absl::StrCat("(", Number(depth - 1), " ", kOperators[Pick(5)], " ", Number(depth - 1), ")");
    }
  }
}

std::string Condition(int depth) {
  static constexpr const char* kRelations[] = {"==", "!=", "<", "<=", ">", ">="};
  switch (depth <= 0 ? Pick(3) : Pick(8)) {
    case 0:
      return Pick(2) == 0 ? "true" : "false";
    case 1:
      return "has(source)";
    case 2:
      return Pick(2) == 0 ? "source == REFERRAL" : "source in [AFFILIATE, REFERRAL]";
    case 3:
      return absl::StrCat("!(", Condition(depth - 1), ")");
    case 4:
      return absl::StrCat(Number(depth - 1), " in [", Number(depth - 1), ", ", Number(depth - 1), "]");
    case 5:
      return absl::StrCat("(", Condition(depth - 1), " && ", Condition(depth - 1), ")");
    case 6:
      return absl::StrCat("(", Condition(depth - 1), " || ", Condition(depth - 1), ")");
    default:
      return absl::StrCat("(", Number(depth - 1), " ", kRelations[Pick(6)], " ", Number(depth - 1), ")");
  }
}

RC_GTEST_PROP(ExpressionProperty, CompiledIsNaive, ()) {
  v1::Lead lead;
  if (Pick(2) == 0) lead.set_employees(Pick(5));
  lead.set_source(static_cast<v1::LeadSource>(Pick(4)));
  const std::string text = Pick(2) == 0 ? Condition(4) : Number(4);
  RC_LOG() << text << " over " << lead.ShortDebugString();

  const TextLocator nowhere;
  const auto tree = ParseExpression(text, nowhere);
  RC_ASSERT(tree.ok());
  const auto compiled = RowExpression::Compile(text, SchemaOf("lead"));
  RC_ASSERT(compiled.ok());
  const TestRow row(lead, "lead");
  const absl::TimeZone zone = absl::UTCTimeZone();
  const Value value = compiled->Evaluate({&row.row(), nullptr, &zone});
  const Naive expected = Interpreter(lead).Evaluate(**tree);
  RC_ASSERT(value.is_null() == !expected.has_value());
  if (expected) RC_ASSERT(value.integer == *expected);
}

}  // namespace
}  // namespace partnermetrics
