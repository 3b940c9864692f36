#include "clients/cli/field_text.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "clients/cli/value_text.h"
#include "clients/cli/value_type.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// The shortest text that reads back as the same number.
std::string FormatNumber(double value) {
  for (int digits = 6; digits < 17; ++digits) {
    std::string text = absl::StrFormat("%.*g", digits, value);
    double read = 0;
    if (absl::SimpleAtod(text, &read) && read == value) return text;
  }
  return absl::StrFormat("%.17g", value);
}

std::string FormatEnum(const google::protobuf::EnumValueDescriptor& value) {
  std::string name = ShortEnumName(value);
  return name == "unspecified" ? "" : name;
}

// "name value, name value" of the fields that have a text.
std::string FormatInline(const Message& message) {
  std::vector<std::string> parts;
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    std::string text = FormatField(message, *type.field(i));
    if (!text.empty()) parts.push_back(absl::StrCat(type.field(i)->name(), " ", text));
  }
  return absl::StrJoin(parts, ", ");
}

std::string FormatMessage(const Message& message) {
  return ValueTypeOfMessage(*message.GetDescriptor()).has_value() ? FormatMessageText(message) : FormatInline(message);
}

// Text of a field's value, which `get` reads: of a single field or of one element.
template <typename Get>
std::string FormatValue(const FieldDescriptor& field, const Get& get) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return FormatNumber(get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrCat(get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
    case FieldDescriptor::CPPTYPE_BOOL:
      return get(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM: {
      // By number, because an enum may hold a value that this build does not know yet.
      const int number = get(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue);
      const auto* value = field.enum_type()->FindValueByNumber(number);
      return value == nullptr ? absl::StrCat(number) : FormatEnum(*value);
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string text = get(&Reflection::GetString, &Reflection::GetRepeatedString);
      return field.type() == FieldDescriptor::TYPE_BYTES ? absl::StrCat(text.size(), " bytes") : text;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return "";
}

}  // namespace

FieldPath ResolvePath(const google::protobuf::Descriptor& message, absl::string_view path) {
  FieldPath fields;
  const google::protobuf::Descriptor* current = &message;
  for (absl::string_view part : absl::StrSplit(path, '.')) {
    const FieldDescriptor* field = current == nullptr ? nullptr : current->FindFieldByName(std::string(part));
    if (field == nullptr) return {};
    fields.push_back(field);
    current = field->message_type();
  }
  return fields;
}

std::string FormatPath(const Message& message, const FieldPath& path) {
  const Message* current = &message;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    if (path[i]->is_repeated() || !current->GetReflection()->HasField(*current, path[i])) return "";
    current = &current->GetReflection()->GetMessage(*current, path[i]);
  }
  return path.empty() ? "" : FormatField(*current, *path.back());
}

std::string FormatElement(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection* reflection = message.GetReflection();
  if (field.message_type() != nullptr) return FormatMessage(reflection->GetRepeatedMessage(message, &field, index));
  return FormatValue(field,
                     [&](auto /*single*/, auto element) { return (reflection->*element)(message, &field, index); });
}

std::string FormatField(const Message& message, const FieldDescriptor& field) {
  const Reflection* reflection = message.GetReflection();
  if (field.is_repeated()) {
    std::vector<std::string> elements;
    for (int i = 0; i < reflection->FieldSize(message, &field); ++i)
      elements.push_back(FormatElement(message, field, i));
    return absl::StrJoin(elements, ", ");
  }
  if (field.has_presence() && !reflection->HasField(message, &field)) return "";
  if (field.message_type() != nullptr) return FormatMessage(reflection->GetMessage(message, &field));
  return FormatValue(field, [&](auto single, auto /*element*/) { return (reflection->*single)(message, &field); });
}

bool IsNumeric(const FieldDescriptor& field) {
  const auto type = ValueTypeOf(field);
  return !field.is_repeated() && (type == ValueType::kInteger || type == ValueType::kNumber ||
                                  type == ValueType::kMoney || type == ValueType::kDecimal);
}

std::vector<const Message*> CollectMessages(const Message& message, absl::string_view path) {
  std::vector<const Message*> current = {&message};
  if (path.empty()) return current;
  for (const FieldDescriptor* field : ResolvePath(*message.GetDescriptor(), path)) {
    std::vector<const Message*> next;
    for (const Message* parent : current) {
      const Reflection* reflection = parent->GetReflection();
      if (!field->is_repeated()) {
        if (reflection->HasField(*parent, field)) next.push_back(&reflection->GetMessage(*parent, field));
        continue;
      }
      for (int i = 0; i < reflection->FieldSize(*parent, field); ++i) {
        next.push_back(&reflection->GetRepeatedMessage(*parent, field, i));
      }
    }
    current = std::move(next);
  }
  return current;
}

}  // namespace partnermetrics::cli
