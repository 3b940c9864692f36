// Lines of a report: aligned columns and bars.
//
//   Columns columns({Align::kLeft, Align::kRight});
//   columns.Add({{"Discovery"}, {"45 %", Style::kGood}});
//   columns.Draw(screen);
//
// Used by one thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_RENDERERS_COLUMNS_H_
#define PARTNERMETRICS_CLIENTS_CLI_RENDERERS_COLUMNS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "clients/cli/command_table.h"
#include "clients/cli/text_layout.h"

namespace partnermetrics::cli {

struct Cell {
  std::string text;
  Style style = Style::kPlain;
};

class Columns {
 public:
  explicit Columns(std::vector<Align> aligns) : aligns_(std::move(aligns)) {}

  // Cells that are missing at the end are empty.
  void Add(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
  // A line across all columns.
  void AddRule() { rows_.emplace_back(); }
  // Two blanks stand between columns. What is wider than the screen is cut in the first column.
  void Draw(const Screen& screen) const;

 private:
  std::vector<Align> aligns_;
  std::vector<std::vector<Cell>> rows_;
};

std::string Repeat(absl::string_view text, int count);

// A share from 0 to 1 as a bar: full only when it is 1, empty only when it is 0.
std::string Bar(double share, int width);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_RENDERERS_COLUMNS_H_
