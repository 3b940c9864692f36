#include "clients/cli/generator/command_model.h"

#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "clients/cli/global_flags.h"
#include "partnermetrics/options/v1/options.pb.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
namespace options = partnermetrics::options::v1;

// A request's field, or a field of one of its fields; deeper ones are for --json.
constexpr int kMaxFlagDepth = 2;

// The leading comment as one line.
template <typename AnyDescriptor>
std::string CommentOf(const AnyDescriptor& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return "";
  std::string text = absl::StrReplaceAll(location.leading_comments, {{"\n", " "}});
  absl::RemoveExtraAsciiWhitespace(&text);
  return text;
}

bool IsRequired(const FieldDescriptor& field, absl::string_view comment) {
  return field.options().GetExtension(options::check).required() || absl::EndsWith(comment, "Required.");
}

class FlagCollector {
 public:
  explicit FlagCollector(std::vector<FlagModel>* flags) : flags_(flags) {}

  void AddFieldsOf(const Descriptor& message, const std::string& path, int depth) {
    for (int i = 0; i < message.field_count(); ++i) AddField(*message.field(i), path, depth);
  }

 private:
  void AddField(const FieldDescriptor& field, const std::string& parent, int depth) {
    FlagModel flag;
    flag.field = parent.empty() ? field.name() : absl::StrCat(parent, ".", field.name());
    flag.name = KebabCase(absl::StrReplaceAll(flag.field, {{".", "_"}}));
    flag.help = CommentOf(field);
    flag.required = IsRequired(field, flag.help);
    if (const auto* oneof = field.real_containing_oneof(); oneof != nullptr) flag.oneof = oneof->name();
    const FieldDescriptor& value = field.is_map() ? *field.message_type()->map_value() : field;
    flag.map = field.is_map();
    flag.repeated = field.is_repeated() && !field.is_map();
    if (auto type = ValueTypeOf(value); type.has_value()) {
      flag.type = *type;
      flag.choices = ChoicesOf(value);
      flags_->push_back(std::move(flag));
    } else if (!field.is_repeated() && field.message_type() != nullptr && depth < kMaxFlagDepth) {
      AddFieldsOf(*field.message_type(), flag.field, depth + 1);
    }
  }

  static std::vector<std::string> ChoicesOf(const FieldDescriptor& field) {
    std::vector<std::string> choices;
    if (field.enum_type() == nullptr) return choices;
    for (int i = 0; i < field.enum_type()->value_count(); ++i) {
      std::string name = ShortEnumName(*field.enum_type()->value(i));
      if (name != "unspecified") choices.push_back(std::move(name));
    }
    return choices;
  }

  std::vector<FlagModel>* flags_;
};

// The message at the end of a path of fields, or null when a part of the path does not exist. `leaf` is the last field.
const Descriptor* Follow(const Descriptor& message, absl::string_view path, const FieldDescriptor** leaf) {
  const Descriptor* current = &message;
  for (absl::string_view part : absl::StrSplit(path, '.')) {
    if (current == nullptr) return nullptr;
    *leaf = current->FindFieldByName(std::string(part));
    if (*leaf == nullptr) return nullptr;
    current = (*leaf)->message_type();
  }
  return current;
}

Align AlignOf(options::Alignment alignment) {
  switch (alignment) {
    case options::ALIGNMENT_LEFT:
      return Align::kLeft;
    case options::ALIGNMENT_RIGHT:
      return Align::kRight;
    default:
      return Align::kByType;
  }
}

// Fills in what the method's options say and checks that it exists.
bool ApplyOptions(const options::CommandOptions& cli, CommandModel* command, std::string* error) {
  const Descriptor& response = *command->method->output_type();
  auto fail = [&](auto&&... text) {
    *error = absl::StrCat(command->method->full_name(), ": ", text...);
    return false;
  };
  if (!cli.command().empty()) command->words = cli.command();
  command->renderer = cli.renderer();
  command->rows = cli.rows();
  const FieldDescriptor* leaf = nullptr;
  const Descriptor* row = cli.rows().empty() ? &response : Follow(response, cli.rows(), &leaf);
  if (row == nullptr) return fail("rows: ", response.name(), " has no messages under \"", cli.rows(), "\"");
  for (const options::Column& column : cli.columns()) {
    leaf = nullptr;
    Follow(*row, column.field(), &leaf);
    if (leaf == nullptr) return fail("columns: ", row->name(), " has no field \"", column.field(), "\"");
    command->columns.push_back({column.field(), column.heading(), AlignOf(column.alignment()), column.unit()});
  }
  for (const std::string& argument : cli.arguments()) {
    auto flag = absl::c_find_if(command->flags, [&](const FlagModel& f) { return f.field == argument; });
    if (flag == command->flags.end()) return fail("arguments: no flag states the field \"", argument, "\"");
    command->arguments.push_back(flag->name);
  }
  return true;
}

bool CheckFlagNames(const CommandModel& command, std::string* error) {
  std::set<std::string> names;
  for (const FlagModel& flag : command.flags) {
    if (FindGlobalFlag(flag.name) != nullptr) {
      *error = absl::StrCat(command.method->full_name(), ": the field ", flag.field, " would be --", flag.name,
                            ", which every command has; rename it");
      return false;
    }
    if (!names.insert(flag.name).second) {
      *error = absl::StrCat(command.method->full_name(), ": two fields would be --", flag.name, "; rename one (",
                            flag.field, ")");
      return false;
    }
  }
  return true;
}

bool DescribeMethod(const MethodDescriptor& method, CommandModel* command, std::string* error) {
  const google::protobuf::ServiceDescriptor& service = *method.service();
  command->method = &method;
  command->words = absl::StrCat(KebabCase(absl::StripSuffix(service.name(), "Service")), " ", KebabCase(method.name()));
  command->service_help = CommentOf(service);
  command->help = CommentOf(method);
  FlagCollector(&command->flags).AddFieldsOf(*method.input_type(), "", 1);
  return ApplyOptions(method.options().GetExtension(options::cli), command, error) && CheckFlagNames(*command, error);
}

// A command's words may not be those of another, nor the beginning of another's: "partner" beside "partner list".
bool CheckCommandWords(const std::vector<CommandModel>& commands, std::string* error) {
  for (const CommandModel& a : commands) {
    for (const CommandModel& b : commands) {
      if (&a != &b && (a.words == b.words || absl::StartsWith(b.words, a.words + " "))) {
        *error = absl::StrCat(b.method->full_name(), ": the command \"", b.words, "\" is taken by \"", a.words,
                              "\" of ", a.method->full_name());
        return false;
      }
    }
  }
  return true;
}

}  // namespace

std::string KebabCase(absl::string_view name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool word_starts = absl::ascii_isupper(static_cast<unsigned char>(c)) && i > 0 &&
                             (!absl::ascii_isupper(static_cast<unsigned char>(name[i - 1])) ||
                              (i + 1 < name.size() && absl::ascii_islower(static_cast<unsigned char>(name[i + 1]))));
    if (word_starts && result.back() != '-') result += '-';
    result += c == '_' ? '-' : absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  return result;
}

bool DescribeCommands(const std::vector<const google::protobuf::FileDescriptor*>& files,
                      std::vector<CommandModel>* commands, std::string* error) {
  for (const google::protobuf::FileDescriptor* file : files) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        CommandModel command;
        if (!DescribeMethod(*file->service(s)->method(m), &command, error)) return false;
        commands->push_back(std::move(command));
      }
    }
  }
  return CheckCommandWords(*commands, error);
}

}  // namespace partnermetrics::cli
