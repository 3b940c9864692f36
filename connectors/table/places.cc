#include "connectors/table/places.h"

namespace partnermetrics::table {

std::string LineColumn(std::string_view text, std::size_t offset) {
  std::size_t line = 1, column = 1;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
      ++column;
    }
  }
  return std::to_string(line) + ":" + std::to_string(column);
}

std::size_t OffsetOf(std::string_view text, int line, int column) {
  std::size_t offset = 0;
  for (; line > 0; --line) {
    const std::size_t end = text.find('\n', offset);
    if (end == std::string_view::npos) return text.size();
    offset = end + 1;
  }
  for (int at = 0; at < column && offset < text.size(); ++offset) at = text[offset] == '\t' ? at / 8 * 8 + 8 : at + 1;
  return offset;
}

std::size_t OffsetInLiteral(std::string_view text, std::size_t field, std::size_t index) {
  std::size_t i = text.find_first_of(":{\n", field);
  if (i == std::string_view::npos || text[i] != ':') return field;
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
    // The end of the value is its closing quote, unless another piece follows.
    if (index == 0) return i;
  }
  return field;
}

}  // namespace partnermetrics::table
