#include "server/expr/syntax.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"
#include "server/expr/lexer.h"

namespace partnermetrics {
namespace {

using Node = std::unique_ptr<SyntaxNode>;

// Binary operators from weakest to strongest, as in CEL.
struct Level {
  std::vector<std::pair<absl::string_view, SyntaxOp>> symbols;
};

const std::vector<Level>& Levels() {
  static const auto* const levels = new std::vector<Level>{
      {{{"||", SyntaxOp::kOr}}},
      {{{"&&", SyntaxOp::kAnd}}},
      {{{"==", SyntaxOp::kEqual},
        {"!=", SyntaxOp::kNotEqual},
        {"<=", SyntaxOp::kLessEqual},
        {">=", SyntaxOp::kGreaterEqual},
        {"<", SyntaxOp::kLess},
        {">", SyntaxOp::kGreater},
        {"in", SyntaxOp::kIn}}},
      {{{"+", SyntaxOp::kAdd}, {"-", SyntaxOp::kSubtract}}},
      {{{"*", SyntaxOp::kMultiply}, {"/", SyntaxOp::kDivide}, {"%", SyntaxOp::kModulo}}},
  };
  return *levels;
}

class Parser {
 public:
  Parser(absl::string_view text, const TextLocator& locate) : lexer_(text, locate), locate_(locate) {}

  absl::StatusOr<Node> Parse() {
    RETURN_IF_ERROR(Advance());
    if (token_.kind == Token::kEnd) return Fail("EMPTY", "the expression is empty");
    ASSIGN_OR_RETURN(Node node, Choice());
    if (token_.kind != Token::kEnd) {
      return Fail("UNEXPECTED", absl::StrCat("the expression ends before ", Shown(), "; an operator is missing"));
    }
    return node;
  }

 private:
  absl::Status Advance() {
    ASSIGN_OR_RETURN(token_, lexer_.Next());
    return absl::OkStatus();
  }

  absl::Status Fail(absl::string_view reason, absl::string_view message) const {
    return ErrorAt(locate_, token_.offset, reason, message);
  }

  std::string Shown() const {
    if (token_.kind == Token::kEnd) return "the end";
    if (token_.kind == Token::kString) return "this text";
    if (token_.kind == Token::kInt || token_.kind == Token::kDecimal) return "this number";
    return absl::StrCat("\"", token_.text, "\"");
  }

  absl::Status Expect(absl::string_view symbol, absl::string_view what) {
    if (token_.Is(symbol)) return Advance();
    return Fail("UNEXPECTED", absl::StrCat("expected \"", symbol, "\" ", what, ", found ", Shown()));
  }

  absl::Status Enter() {
    if (++depth_ <= kMaxExpressionDepth) return absl::OkStatus();
    return Fail("TOO_DEEP", absl::StrCat("the expression is nested more than ", kMaxExpressionDepth, " deep"));
  }

  // condition ? then : else
  absl::StatusOr<Node> Choice() {
    RETURN_IF_ERROR(Enter());
    ASSIGN_OR_RETURN(Node condition, Binary(0));
    if (token_.Is("?")) {
      auto node = New(SyntaxKind::kChoice);
      RETURN_IF_ERROR(Advance());
      ASSIGN_OR_RETURN(Node then, Choice());
      RETURN_IF_ERROR(Expect(":", "after the first branch of ?"));
      ASSIGN_OR_RETURN(Node otherwise, Choice());
      node->operands.push_back(std::move(condition));
      node->operands.push_back(std::move(then));
      node->operands.push_back(std::move(otherwise));
      condition = std::move(node);
    }
    --depth_;
    return condition;
  }

  SyntaxOp OperatorOf(size_t level) const {
    for (const auto& [symbol, op] : Levels()[level].symbols) {
      if (token_.Is(symbol) || (token_.kind == Token::kName && token_.text == "in" && op == SyntaxOp::kIn)) return op;
    }
    return SyntaxOp::kNone;
  }

  absl::StatusOr<Node> Binary(size_t level) {
    if (level == Levels().size()) return Unary();
    ASSIGN_OR_RETURN(Node left, Binary(level + 1));
    const int depth = depth_;
    for (SyntaxOp op = OperatorOf(level); op != SyntaxOp::kNone; op = OperatorOf(level)) {
      RETURN_IF_ERROR(Enter());  // a chain nests to the left
      auto node = New(SyntaxKind::kBinary);
      node->op = op;
      RETURN_IF_ERROR(Advance());
      ASSIGN_OR_RETURN(Node right, Binary(level + 1));
      node->operands.push_back(std::move(left));
      node->operands.push_back(std::move(right));
      left = std::move(node);
    }
    depth_ = depth;
    return left;
  }

  absl::StatusOr<Node> Unary() {
    if (!token_.Is("!") && !token_.Is("-")) return Member();
    RETURN_IF_ERROR(Enter());
    auto node = New(SyntaxKind::kUnary);
    node->op = token_.Is("!") ? SyntaxOp::kNot : SyntaxOp::kNegate;
    RETURN_IF_ERROR(Advance());
    ASSIGN_OR_RETURN(Node operand, Unary());
    node->operands.push_back(std::move(operand));
    --depth_;
    return Node(std::move(node));
  }

  // name, name.name, name.method(…)
  absl::StatusOr<Node> Member() {
    ASSIGN_OR_RETURN(std::unique_ptr<SyntaxNode> node, Primary());
    while (token_.Is(".")) {
      RETURN_IF_ERROR(Advance());
      if (token_.kind != Token::kName)
        return Fail("UNEXPECTED", absl::StrCat("expected a name after \".\", found ", Shown()));
      const Token name = token_;
      RETURN_IF_ERROR(Advance());
      if (token_.Is("(")) {
        auto call = New(SyntaxKind::kCall);
        call->method = true;
        call->offset = name.offset;
        call->text = name.text;
        call->operands.push_back(std::move(node));
        RETURN_IF_ERROR(List(")", *call));
        node = std::move(call);
      } else if (node->kind == SyntaxKind::kName) {
        absl::StrAppend(&node->text, ".", name.text);
      } else {
        return ErrorAt(locate_, name.offset, "NO_SUCH_FIELD", "only a name has fields");
      }
    }
    return Node(std::move(node));
  }

  absl::StatusOr<std::unique_ptr<SyntaxNode>> Primary() {
    std::unique_ptr<SyntaxNode> node;
    switch (token_.kind) {
      case Token::kInt:
        node = New(SyntaxKind::kInt);
        node->integer = token_.integer;
        break;
      case Token::kDecimal:
        node = New(SyntaxKind::kDecimal);
        node->decimal = token_.decimal;
        break;
      case Token::kString:
        node = New(SyntaxKind::kString);
        node->text = token_.text;
        break;
      case Token::kName:
        return NameOrCall();
      case Token::kSymbol:
        if (token_.Is("(")) return Group();
        if (token_.Is("[")) {
          node = New(SyntaxKind::kList);
          RETURN_IF_ERROR(List("]", *node));
          return node;
        }
        [[fallthrough]];
      case Token::kEnd:
        return Fail("UNEXPECTED", absl::StrCat("expected a value, found ", Shown()));
    }
    RETURN_IF_ERROR(Advance());
    return node;
  }

  absl::StatusOr<std::unique_ptr<SyntaxNode>> Group() {
    RETURN_IF_ERROR(Advance());
    ASSIGN_OR_RETURN(Node inner, Choice());
    RETURN_IF_ERROR(Expect(")", "after the group"));
    return inner;
  }

  absl::StatusOr<std::unique_ptr<SyntaxNode>> NameOrCall() {
    auto node = New(SyntaxKind::kName);
    node->text = token_.text;
    RETURN_IF_ERROR(Advance());
    if (node->text == "true" || node->text == "false") {
      node->kind = SyntaxKind::kBool;
      node->integer = node->text == "true";
    } else if (node->text == "null") {
      node->kind = SyntaxKind::kNull;
    } else if (token_.Is("(")) {
      node->kind = SyntaxKind::kCall;
      RETURN_IF_ERROR(List(")", *node));
    }
    return node;
  }

  // The operands after an opening bracket, with the closing one.
  absl::Status List(absl::string_view close, SyntaxNode& node) {
    RETURN_IF_ERROR(Advance());
    if (token_.Is(close)) return Advance();
    while (true) {
      ASSIGN_OR_RETURN(Node operand, Choice());
      node.operands.push_back(std::move(operand));
      if (!token_.Is(",")) return Expect(close, "after the list");
      RETURN_IF_ERROR(Advance());
    }
  }

  std::unique_ptr<SyntaxNode> New(SyntaxKind kind) const {
    auto node = std::make_unique<SyntaxNode>();
    node->kind = kind;
    node->offset = token_.offset;
    return node;
  }

  Lexer lexer_;
  const TextLocator& locate_;
  Token token_;
  int depth_ = 0;
};

}  // namespace

absl::string_view SyntaxOpText(SyntaxOp op) {
  if (op == SyntaxOp::kNot) return "!";
  if (op == SyntaxOp::kNegate) return "-";
  for (const Level& level : Levels()) {
    for (const auto& [symbol, candidate] : level.symbols) {
      if (candidate == op) return symbol;
    }
  }
  return "";
}

absl::StatusOr<std::unique_ptr<const SyntaxNode>> ParseExpression(absl::string_view text, const TextLocator& locate) {
  if (text.size() > kMaxExpressionBytes) {
    return ErrorAt(locate, 0, "TOO_LONG",
                   absl::StrCat("the expression has ", text.size(), " bytes; at most ", kMaxExpressionBytes));
  }
  return Parser(text, locate).Parse();
}

}  // namespace partnermetrics
