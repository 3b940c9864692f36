#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "clients/cli/field_text.h"
#include "clients/cli/printers/printer.h"
#include "clients/cli/value_type.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::string Quote(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

class CsvPrinter : public Printer {
 public:
  CsvPrinter(const Command& command, const Screen& screen) : command_(command), screen_(screen) {}

  absl::Status Print(const google::protobuf::Message& response) override {
    PrintHeader();
    for (const auto* row : CollectMessages(response, command_.rows)) {
      std::vector<std::string> cells;
      for (const FieldPath& path : paths_) cells.push_back(FormatPath(*row, path));
      PrintLine(cells);
    }
    *screen_.out << std::flush;
    return absl::OkStatus();
  }

  // A stream without responses still has a header.
  void Finish() override { PrintHeader(); }

 private:
  void PrintHeader() {
    if (!paths_.empty()) return;
    const Descriptor* row = command_.response();
    if (!command_.rows.empty()) row = ResolvePath(*row, command_.rows).back()->message_type();
    for (const Column& column : command_.columns) paths_.push_back(ResolvePath(*row, column.field));
    if (command_.columns.empty()) AddFieldsOf(*row, {});
    std::vector<std::string> names;
    for (const FieldPath& path : paths_) {
      names.push_back(
          absl::StrJoin(path, ".", [](std::string* out, const FieldDescriptor* field) { out->append(field->name()); }));
    }
    PrintLine(names);
  }

  // A column for each field that a cell can show, and for those of its messages one level down.
  void AddFieldsOf(const Descriptor& type, const FieldPath& parent) {
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor* field = type.field(i);
      FieldPath path = parent;
      path.push_back(field);
      if (ValueTypeOf(*field).has_value()) {
        paths_.push_back(std::move(path));
      } else if (field->message_type() != nullptr && !field->is_repeated() && parent.empty()) {
        AddFieldsOf(*field->message_type(), path);
      }
    }
  }

  void PrintLine(const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) *screen_.out << (i == 0 ? "" : ",") << Quote(cells[i]);
    *screen_.out << "\r\n";
  }

  const Command& command_;
  Screen screen_;
  std::vector<FieldPath> paths_;
};

}  // namespace

std::unique_ptr<Printer> NewCsvPrinter(const Command& command, const Screen& screen) {
  return std::make_unique<CsvPrinter>(command, screen);
}

}  // namespace partnermetrics::cli
