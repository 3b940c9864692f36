#include "server/expr/lexer.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/expr/diagnostics.h"

namespace partnermetrics {
namespace {

bool IsNameStart(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_';
}
bool IsNamePart(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}
bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

}  // namespace

absl::StatusOr<Token> Lexer::Next() {
  while (position_ < text_.size() && absl::ascii_isspace(static_cast<unsigned char>(text_[position_]))) ++position_;
  Token token;
  token.offset = position_;
  if (position_ == text_.size()) return token;
  const char c = text_[position_];
  if (IsDigit(c)) return Number();
  if (c == '"' || c == '\'') return Text();
  if (!IsNameStart(c)) return Symbol();
  while (position_ < text_.size() && IsNamePart(text_[position_])) ++position_;
  token.kind = Token::kName;
  token.text = std::string(text_.substr(token.offset, position_ - token.offset));
  return token;
}

absl::StatusOr<Token> Lexer::Number() {
  Token token;
  token.kind = Token::kInt;
  token.offset = position_;
  while (position_ < text_.size() && IsDigit(text_[position_])) ++position_;
  const absl::string_view whole = text_.substr(token.offset, position_ - token.offset);
  if (!absl::SimpleAtoi(whole, &token.integer)) {
    return ErrorAt(locate_, token.offset, "NUMBER_TOO_LARGE", absl::StrCat(whole, " is too large; at most 2^63 - 1"));
  }
  if (position_ + 1 < text_.size() && text_[position_] == '.' && IsDigit(text_[position_ + 1])) {
    token.kind = Token::kDecimal;
    token.decimal = Nanos(token.integer) * kNanosPerUnit;
    int64_t place = kNanosPerUnit / 10;
    for (++position_; position_ < text_.size() && IsDigit(text_[position_]); ++position_, place /= 10) {
      if (place == 0) {
        return ErrorAt(locate_, token.offset, "NUMBER_TOO_FINE", "decimals have at most 9 places");
      }
      token.decimal += place * (text_[position_] - '0');
    }
  }
  if (position_ < text_.size() && IsNamePart(text_[position_])) {
    return ErrorAt(locate_, position_, "BAD_NUMBER", "a number ends here; numbers are written 1000 or 0.25");
  }
  return token;
}

absl::StatusOr<Token> Lexer::Text() {
  Token token;
  token.kind = Token::kString;
  token.offset = position_;
  const char quote = text_[position_++];
  for (; position_ < text_.size() && text_[position_] != quote; ++position_) {
    char c = text_[position_];
    if (c == '\\') {
      if (++position_ == text_.size()) break;
      c = text_[position_];
      if (c == 'n') {
        c = '\n';
      } else if (c == 't') {
        c = '\t';
      } else if (c != '\\' && c != '"' && c != '\'') {
        return ErrorAt(locate_, position_ - 1, "BAD_ESCAPE", R"(unknown escape; there are \\ \" \' \n \t)");
      }
    }
    token.text.push_back(c);
  }
  if (position_ >= text_.size()) {
    return ErrorAt(locate_, token.offset, "UNENDED_TEXT",
                   absl::StrCat("this text has no closing ", std::string(1, quote)));
  }
  ++position_;
  return token;
}

absl::StatusOr<Token> Lexer::Symbol() {
  static constexpr absl::string_view kSymbols[] = {"==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "+", "-",
                                                   "*",  "/",  "%",  "?",  ":",  "(",  ")", "[", "]", ",", "."};
  Token token;
  token.kind = Token::kSymbol;
  token.offset = position_;
  for (const absl::string_view symbol : kSymbols) {
    if (text_.substr(position_, symbol.size()) == symbol) {
      token.text = std::string(symbol);
      position_ += symbol.size();
      return token;
    }
  }
  const char c = text_[position_];
  const char* remedy = c == '='   ? "; equality is written =="
                       : c == '&' ? "; and is written &&"
                       : c == '|' ? "; or is written ||"
                                  : "";
  const std::string shown =
      absl::ascii_isprint(static_cast<unsigned char>(c)) ? absl::StrCat("'", std::string(1, c), "'") : "this character";
  return ErrorAt(locate_, position_, "BAD_CHARACTER", absl::StrCat(shown, " means nothing here", remedy));
}

}  // namespace partnermetrics
