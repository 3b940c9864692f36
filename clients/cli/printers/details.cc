#include "clients/cli/printers/details.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cli/field_text.h"
#include "clients/cli/value_type.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A line of the list; nested messages have only a name.
struct Line {
  int depth;
  std::string name;
  std::string value;
};

bool IsNested(const FieldDescriptor& field) {
  return field.message_type() != nullptr && !ValueTypeOf(field).has_value();
}

void AddLines(const Message& message, const FieldDescriptor* except, int depth, std::vector<Line>* lines);

void AddNested(const Message& message, const FieldDescriptor& field, int depth, std::vector<Line>* lines) {
  const auto* reflection = message.GetReflection();
  if (!field.is_repeated()) {
    if (!reflection->HasField(message, &field)) return;
    lines->push_back({depth, field.name(), ""});
    AddLines(reflection->GetMessage(message, &field), nullptr, depth + 1, lines);
    return;
  }
  for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
    lines->push_back({depth, absl::StrCat(field.name(), " ", i + 1), ""});
    AddLines(reflection->GetRepeatedMessage(message, &field, i), nullptr, depth + 1, lines);
  }
}

void AddLines(const Message& message, const FieldDescriptor* except, int depth, std::vector<Line>* lines) {
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (&field == except) continue;
    if (IsNested(field)) {
      AddNested(message, field, depth, lines);
    } else if (std::string text = FormatField(message, field); !text.empty()) {
      lines->push_back({depth, field.name(), EscapeControls(text)});
    }
  }
}

}  // namespace

void PrintDetails(const Message& message, const FieldDescriptor* except, const Screen& screen) {
  std::vector<Line> lines;
  AddLines(message, except, 0, &lines);
  int width = 0;
  for (const Line& line : lines) {
    if (!line.value.empty()) width = std::max(width, 2 * line.depth + DisplayWidth(line.name));
  }
  for (const Line& line : lines) {
    const std::string name = absl::StrCat(std::string(static_cast<size_t>(2 * line.depth), ' '), line.name);
    if (line.value.empty()) {
      *screen.out << Paint(screen, Style::kHeading, name) << "\n";
    } else {
      *screen.out << Paint(screen, Style::kDim, PadRight(name, width)) << "  " << line.value << "\n";
    }
  }
}

}  // namespace partnermetrics::cli
