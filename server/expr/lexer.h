// Cuts the text of an expression into tokens.
//
//   Lexer lexer("amount > 1000", locate);
//   ASSIGN_OR_RETURN(Token token, lexer.Next());
//
// Not thread-safe.
#ifndef PARTNERMETRICS_SERVER_EXPR_LEXER_H_
#define PARTNERMETRICS_SERVER_EXPR_LEXER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/civil.h"
#include "server/expr/row_expression.h"

namespace partnermetrics {

struct Token {
  enum Kind : uint8_t { kEnd, kName, kInt, kDecimal, kString, kSymbol };
  Kind kind = kEnd;
  size_t offset = 0;
  std::string text;  // name, symbol, or the string without quotes
  int64_t integer = 0;
  Nanos decimal = 0;

  bool Is(absl::string_view symbol) const { return kind == kSymbol && text == symbol; }
};

class Lexer {
 public:
  Lexer(absl::string_view text, const TextLocator& locate) : text_(text), locate_(locate) {}
  absl::StatusOr<Token> Next();

 private:
  absl::StatusOr<Token> Number();
  absl::StatusOr<Token> Text();
  absl::StatusOr<Token> Symbol();

  absl::string_view text_;
  const TextLocator& locate_;
  size_t position_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPR_LEXER_H_
