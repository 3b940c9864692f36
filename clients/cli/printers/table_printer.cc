#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "clients/cli/field_text.h"
#include "clients/cli/printers/details.h"
#include "clients/cli/printers/printer.h"
#include "clients/cli/value_type.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kGap = 2;             // Blanks between columns.
constexpr int kMinColumnWidth = 8;  // Columns are not cut below this.

struct TableColumn {
  FieldPath path;
  std::string heading;
  bool right;
  std::string unit;
  int width;
};

class TablePrinter : public Printer {
 public:
  TablePrinter(const Command& command, const Screen& screen) : command_(command), screen_(screen) {
    const Descriptor* row = command.response();
    if (!command.rows.empty()) {
      const FieldPath rows = ResolvePath(*row, command.rows);
      rows_field_ = rows.front();
      row = rows.back()->message_type();
    }
    for (const Column& column : command.columns) AddColumn(ResolvePath(*row, column.field), column);
    if (!command.columns.empty() || command.rows.empty()) return;
    for (int i = 0; i < row->field_count(); ++i) {
      if (ValueTypeOf(*row->field(i)).has_value()) AddColumn({row->field(i)}, Column());
    }
  }

  absl::Status Print(const Message& response) override {
    if (columns_.empty()) {
      PrintDetails(response, nullptr, screen_);
      return absl::OkStatus();
    }
    std::vector<std::vector<std::string>> rows;
    for (const Message* row : CollectMessages(response, command_.rows)) rows.push_back(CellsOf(*row));
    if (!rows.empty()) PrintRows(rows);
    if (rows_field_ != nullptr && !screen_.quiet) PrintRest(response, rows.empty());
    *screen_.out << std::flush;
    return absl::OkStatus();
  }

 private:
  void AddColumn(FieldPath path, const Column& column) {
    const FieldDescriptor& field = *path.back();
    std::string heading(column.heading);
    if (heading.empty()) heading = absl::AsciiStrToUpper(absl::StrReplaceAll(field.name(), {{"_", " "}}));
    const bool right = column.align == Align::kByType ? IsNumeric(field) : column.align == Align::kRight;
    const int width = DisplayWidth(heading);
    columns_.push_back({std::move(path), std::move(heading), right, std::string(column.unit), width});
  }

  std::vector<std::string> CellsOf(const Message& row) const {
    std::vector<std::string> cells;
    for (const TableColumn& column : columns_) {
      std::string text = EscapeControls(FormatPath(row, column.path));
      if (!text.empty() && !column.unit.empty()) absl::StrAppend(&text, " ", column.unit);
      cells.push_back(std::move(text));
    }
    return cells;
  }

  void PrintRows(const std::vector<std::vector<std::string>>& rows) {
    for (const auto& cells : rows) {
      for (size_t i = 0; i < cells.size(); ++i) {
        columns_[i].width = std::max(columns_[i].width, DisplayWidth(cells[i]));
      }
    }
    FitToScreen();
    if (!std::exchange(header_printed_, true)) {
      std::vector<std::string> headings;
      for (const TableColumn& column : columns_) headings.push_back(column.heading);
      *screen_.out << Paint(screen_, Style::kHeading, LineOf(headings)) << "\n";
    }
    for (const auto& cells : rows) *screen_.out << LineOf(cells) << "\n";
  }

  // Narrows the widest columns of text until the table fits, so that ids and numbers stay whole as long as possible.
  void FitToScreen() {
    if (screen_.width == 0) return;
    int total = -kGap;
    for (const TableColumn& column : columns_) total += column.width + kGap;
    for (; total > screen_.width; --total) {
      auto widest = std::max_element(columns_.begin(), columns_.end(), [](const TableColumn& a, const TableColumn& b) {
        return std::pair(!a.right, a.width) < std::pair(!b.right, b.width);
      });
      if (widest->right || widest->width <= kMinColumnWidth) return;
      --widest->width;
    }
  }

  std::string LineOf(const std::vector<std::string>& cells) const {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      const TableColumn& column = columns_[i];
      // A number that is cut would be another number.
      const std::string text = column.right ? cells[i] : Cut(cells[i], column.width);
      absl::StrAppend(&line, i == 0 ? "" : std::string(kGap, ' '),
                      column.right ? PadLeft(text, column.width) : PadRight(text, column.width));
    }
    absl::StripTrailingAsciiWhitespace(&line);
    return line;
  }

  // What the response says besides its rows: totals, positions, where the list goes on.
  void PrintRest(const Message& response, bool no_rows) {
    std::string line = no_rows ? absl::StrCat("no ", absl::StrReplaceAll(rows_field_->name(), {{"_", " "}})) : "";
    std::string next_page;
    for (int i = 0; i < response.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *response.GetDescriptor()->field(i);
      if (&field == rows_field_) continue;
      const std::string text = EscapeControls(FormatField(response, field));
      if (text.empty()) continue;
      if (field.name() == "next_page_token") {
        next_page = text;
      } else {
        absl::StrAppend(&line, line.empty() ? "" : " · ", absl::StrReplaceAll(field.name(), {{"_", " "}}), ": ", text);
      }
    }
    if (!line.empty()) *screen_.out << Paint(screen_, Style::kDim, line) << "\n";
    if (!next_page.empty()) *screen_.out << "There is more: add --page-token " << next_page << "\n";
  }

  const Command& command_;
  Screen screen_;
  std::vector<TableColumn> columns_;
  const FieldDescriptor* rows_field_ = nullptr;
  bool header_printed_ = false;
};

}  // namespace

std::unique_ptr<Printer> NewTablePrinter(const Command& command, const Screen& screen) {
  return std::make_unique<TablePrinter>(command, screen);
}

}  // namespace partnermetrics::cli
