#include "clients/cli/text_layout.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace partnermetrics::cli {
namespace {

struct CodePointRange {
  uint32_t first;
  uint32_t last;
};

constexpr CodePointRange kZeroWidth[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},  {0x064b, 0x065f},
                                         {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},  {0x20d0, 0x20ff},
                                         {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef}};
constexpr CodePointRange kWide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},  {0x3400, 0x4dbf},
                                    {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xac00, 0xd7a3},  {0xf900, 0xfaff},
                                    {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f},
                                    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

template <size_t n>
bool IsIn(const CodePointRange (&ranges)[n], uint32_t code) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [code](const CodePointRange& r) { return r.first <= code && code <= r.last; });
}

// Length in bytes of the character that begins with this byte; stray continuation bytes count as one.
size_t SequenceLength(unsigned char lead) {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  if (lead >= 0xc0) return 2;
  return 1;
}

// The first character of the text (not empty); `size` is its length in bytes.
uint32_t FirstCodePoint(absl::string_view text, size_t* size) {
  const auto lead = static_cast<unsigned char>(text[0]);
  *size = std::min(SequenceLength(lead), text.size());
  if (*size == 1) return lead;
  uint32_t code = lead & (0x7fu >> *size);
  for (size_t i = 1; i < *size; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  return code;
}

int WidthOf(uint32_t code) {
  if (IsIn(kZeroWidth, code)) return 0;
  return IsIn(kWide, code) ? 2 : 1;
}

absl::string_view Escape(Style style) {
  switch (style) {
    case Style::kHeading:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarning:
      return "\x1b[33m";
    case Style::kBad:
      return "\x1b[31m";
    case Style::kPlain:
      break;
  }
  return "";
}

std::string Blanks(int count) {
  return std::string(static_cast<size_t>(std::max(count, 0)), ' ');
}

}  // namespace

std::string Paint(const Screen& screen, Style style, absl::string_view text) {
  if (!screen.color || style == Style::kPlain || text.empty()) return std::string(text);
  return absl::StrCat(Escape(style), text, "\x1b[0m");
}

int DisplayWidth(absl::string_view text) {
  int width = 0;
  for (size_t size = 0; !text.empty(); text.remove_prefix(size)) width += WidthOf(FirstCodePoint(text, &size));
  return width;
}

std::string PadRight(absl::string_view text, int width) {
  return absl::StrCat(text, Blanks(width - DisplayWidth(text)));
}

std::string PadLeft(absl::string_view text, int width) {
  return absl::StrCat(Blanks(width - DisplayWidth(text)), text);
}

std::string PadCenter(absl::string_view text, int width) {
  const int blanks = std::max(width - DisplayWidth(text), 0);
  return absl::StrCat(Blanks(blanks / 2), text, Blanks(blanks - blanks / 2));
}

std::string Cut(absl::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  std::string result;
  int used = 1;  // The ellipsis.
  for (size_t size = 0; !text.empty(); text.remove_prefix(size)) {
    used += WidthOf(FirstCodePoint(text, &size));
    if (used > width) break;
    result.append(text.data(), size);
  }
  return result + "…";
}

std::string EscapeControls(absl::string_view text) {
  std::string result;
  for (size_t size = 0; !text.empty(); text.remove_prefix(size)) {
    const uint32_t code = FirstCodePoint(text, &size);
    const bool bidirectional = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    if (code == '\n') {
      result += "\\n";
    } else if (code == '\t') {
      result += "\\t";
    } else if (code == '\r') {
      result += "\\r";
    } else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
      absl::StrAppendFormat(&result, "\\x%02x", code);
    } else if (bidirectional) {
      absl::StrAppendFormat(&result, "\\u%04x", code);
    } else {
      result.append(text.data(), size);
    }
  }
  return result;
}

std::string GroupDigits(int64_t number) {
  return GroupDigits(absl::StrCat(number));
}

std::string GroupDigits(std::string number) {
  const size_t first = number[0] == '-' ? 1 : 0;
  for (size_t i = std::min(number.find('.'), number.size()); i > first + 3; i -= 3) number.insert(i - 3, 1, ',');
  return number;
}

}  // namespace partnermetrics::cli
