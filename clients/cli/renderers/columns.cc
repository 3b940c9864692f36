#include "clients/cli/renderers/columns.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace partnermetrics::cli {
namespace {

constexpr int kGap = 2;
constexpr int kMinFirst = 8;  // the first column keeps at least this on narrow screens

}  // namespace

void Columns::Draw(const Screen& screen) const {
  std::vector<int> widths(aligns_.size());
  for (const std::vector<Cell>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
  }
  const auto all = [&] {
    int width = 0;
    for (const int column : widths) width += column > 0 ? column + kGap : 0;
    return std::max(0, width - kGap);
  };
  if (screen.width > 0 && all() > screen.width) widths[0] = std::max(kMinFirst, widths[0] - (all() - screen.width));
  for (const std::vector<Cell>& row : rows_) {
    if (row.empty()) {
      *screen.out << Paint(screen, Style::kDim, Repeat("─", all())) << "\n";
      continue;
    }
    std::string line;
    std::string gap;  // before the next cell that has text, so that no line ends with blanks
    for (size_t i = 0; i < row.size(); ++i) {
      if (widths[i] == 0) continue;
      const std::string text = Cut(row[i].text, widths[i]);
      const std::string blanks(static_cast<size_t>(widths[i] - DisplayWidth(text)), ' ');
      const bool right = aligns_[i] == Align::kRight;
      if (text.empty()) {
        absl::StrAppend(&gap, blanks, std::string(kGap, ' '));
        continue;
      }
      absl::StrAppend(&line, gap, right ? blanks : "", Paint(screen, row[i].style, text));
      gap = absl::StrCat(right ? "" : blanks, std::string(kGap, ' '));
    }
    *screen.out << line << "\n";
  }
}

std::string Repeat(absl::string_view text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result.append(text.data(), text.size());
  return result;
}

std::string Bar(double share, int width) {
  const double in_range = std::clamp(share, 0.0, 1.0);
  int filled = static_cast<int>(std::lround(in_range * width));
  if (in_range > 0) filled = std::max(filled, 1);
  if (in_range < 1) filled = std::min(filled, width - 1);
  return absl::StrCat(Repeat("█", filled), Repeat("░", width - filled));
}

}  // namespace partnermetrics::cli
