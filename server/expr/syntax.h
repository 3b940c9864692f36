// The syntax of expressions and formulas: text to tree. Types and names are the business of whoever asked for the tree.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<const SyntaxNode> tree, ParseExpression("amount > 1000 && has(stage)", locate));
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_EXPR_SYNTAX_H_
#define PARTNERMETRICS_SERVER_EXPR_SYNTAX_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/civil.h"
#include "server/expr/row_expression.h"

namespace partnermetrics {

inline constexpr size_t kMaxExpressionBytes = 4000;
inline constexpr int kMaxExpressionDepth = 100;

enum class SyntaxKind : uint8_t {
  kNull,
  kBool,     // integer: 0 or 1
  kInt,      // integer
  kDecimal,  // decimal
  kString,   // text
  kName,     // text: "amount", "root.amount", "WON"
  kList,     // operands
  kCall,     // text: function; operands. A method's receiver is its first operand.
  kUnary,    // op, one operand
  kBinary,   // op, two operands
  kChoice,   // condition, then, else
};

enum class SyntaxOp : uint8_t {
  kNone,
  kNot,
  kNegate,
  kMultiply,
  kDivide,
  kModulo,
  kAdd,
  kSubtract,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kEqual,
  kNotEqual,
  kIn,
  kAnd,
  kOr,
};

// "==", "&&" …
absl::string_view SyntaxOpText(SyntaxOp op);

struct SyntaxNode {
  SyntaxKind kind = SyntaxKind::kNull;
  SyntaxOp op = SyntaxOp::kNone;
  bool method = false;  // kCall written as receiver.method(…)
  size_t offset = 0;    // in the text
  int64_t integer = 0;
  Nanos decimal = 0;
  std::string text;
  std::vector<std::unique_ptr<SyntaxNode>> operands;
};

// INVALID_ARGUMENT with place and remedy for texts that are no expression, too long or too deep.
absl::StatusOr<std::unique_ptr<const SyntaxNode>> ParseExpression(absl::string_view text, const TextLocator& locate);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPR_SYNTAX_H_
