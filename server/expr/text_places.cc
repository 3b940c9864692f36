#include "server/expr/text_places.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace partnermetrics {

std::string LineColumn(absl::string_view text, size_t offset) {
  size_t line = 1, column = 1;
  for (size_t i = 0; i < std::min(offset, text.size()); ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++column;
    }
  }
  return absl::StrCat(line, ":", column);
}

size_t OffsetOf(absl::string_view text, int line, int column) {
  size_t offset = 0;
  for (; line > 0; --line) {
    const size_t end = text.find('\n', offset);
    if (end == absl::string_view::npos) return text.size();
    offset = end + 1;
  }
  for (int at = 0; at < column && offset < text.size(); ++offset) at = text[offset] == '\t' ? at / 8 * 8 + 8 : at + 1;
  return offset;
}

size_t OffsetInLiteral(absl::string_view text, size_t field, size_t index) {
  size_t i = text.find_first_of(":{\n", field);
  if (i == absl::string_view::npos || text[i] != ':') return field;
  for (++i; i < text.size(); ++i) {
    const char quote = text[i];
    if (quote != '"' && quote != '\'') {
      if (quote == ' ' || quote == '\n' || quote == '\t' || quote == '\r') continue;
      break;
    }
    for (++i; i < text.size() && text[i] != quote; ++i) {
      if (index == 0) return i;
      --index;
      if (text[i] == '\\') ++i;
    }
    // An error at the end of the value points at its closing quote, unless another piece follows.
    if (index == 0) return i;
  }
  return field;
}

}  // namespace partnermetrics
