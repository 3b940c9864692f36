#include "clients/cli/request_builder.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <cstdint>
#include <limits>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// The oneof members that flags have set, with the flag that did.
using ChosenMembers =
    std::map<const google::protobuf::OneofDescriptor*, std::pair<const FieldDescriptor*, const Flag*>>;

absl::Status BadValue(const Flag& flag, absl::string_view value, absl::string_view problem) {
  std::string text = absl::StrCat("--", flag.name, ": \"", value, "\" ", problem);
  if (!flag.choices.empty()) {
    absl::StrAppend(&text, "; it is one of ", absl::StrJoin(flag.choices, ", "));
  } else if (!ValueForm(flag.type).empty()) {
    absl::StrAppend(&text, "; write ", ValueForm(flag.type));
  }
  return absl::InvalidArgumentError(text);
}

// Sets a field of a message, or adds an element to it when it is repeated.
class FieldWriter {
 public:
  FieldWriter(Message* message, const FieldDescriptor* field)
      : message_(message), reflection_(message->GetReflection()), field_(field) {}

  absl::Status Write(absl::string_view value, const Flag& flag, const CallTime& time) {
    switch (field_->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return WriteInteger<int32_t>(value, flag, &Reflection::SetInt32, &Reflection::AddInt32);
      case FieldDescriptor::CPPTYPE_INT64:
        return WriteInteger<int64_t>(value, flag, &Reflection::SetInt64, &Reflection::AddInt64);
      case FieldDescriptor::CPPTYPE_UINT32:
        return WriteInteger<uint32_t>(value, flag, &Reflection::SetUInt32, &Reflection::AddUInt32);
      case FieldDescriptor::CPPTYPE_UINT64:
        return WriteInteger<uint64_t>(value, flag, &Reflection::SetUInt64, &Reflection::AddUInt64);
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT:
        return WriteNumber(value, flag);
      case FieldDescriptor::CPPTYPE_BOOL:
        return WriteBool(value, flag);
      case FieldDescriptor::CPPTYPE_ENUM:
        return WriteEnum(value, flag);
      case FieldDescriptor::CPPTYPE_STRING:
        Put(std::string(value), &Reflection::SetString, &Reflection::AddString);
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return WriteMessage(value, flag, time);
    }
    return absl::InternalError(absl::StrCat("--", flag.name, ": unknown type of field"));
  }

 private:
  template <typename Value, typename Setter, typename Adder>
  void Put(Value value, Setter set, Adder add) {
    if (field_->is_repeated()) {
      (reflection_->*add)(message_, field_, std::move(value));
    } else {
      (reflection_->*set)(message_, field_, std::move(value));
    }
  }

  template <typename Integer, typename Setter, typename Adder>
  absl::Status WriteInteger(absl::string_view text, const Flag& flag, Setter set, Adder add) {
    Integer value;
    if (!absl::SimpleAtoi(text, &value)) {
      return BadValue(flag, text,
                      absl::StrCat("is not a whole number from ", std::numeric_limits<Integer>::min(), " to ",
                                   std::numeric_limits<Integer>::max()));
    }
    Put(value, set, add);
    return absl::OkStatus();
  }

  absl::Status WriteNumber(absl::string_view text, const Flag& flag) {
    double value = 0;
    if (!absl::SimpleAtod(text, &value)) return BadValue(flag, text, "is not a number, such as 0.25");
    if (field_->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) {
      Put(static_cast<float>(value), &Reflection::SetFloat, &Reflection::AddFloat);
    } else {
      Put(value, &Reflection::SetDouble, &Reflection::AddDouble);
    }
    return absl::OkStatus();
  }

  absl::Status WriteBool(absl::string_view text, const Flag& flag) {
    bool value = false;
    if (!absl::SimpleAtob(text, &value)) return BadValue(flag, text, "is neither true nor false");
    Put(value, &Reflection::SetBool, &Reflection::AddBool);
    return absl::OkStatus();
  }

  absl::Status WriteEnum(absl::string_view text, const Flag& flag) {
    const auto* value = FindEnumValue(*field_->enum_type(), text);
    if (value == nullptr) return BadValue(flag, text, "is not known");
    Put(value, &Reflection::SetEnum, &Reflection::AddEnum);
    return absl::OkStatus();
  }

  absl::Status WriteMessage(absl::string_view text, const Flag& flag, const CallTime& time) {
    Message* value = field_->is_repeated() ? reflection_->AddMessage(message_, field_)
                                           : reflection_->MutableMessage(message_, field_);
    absl::Status status = ParseMessageText(text, time, value);
    return status.ok() ? status : BadValue(flag, text, status.message());
  }

  Message* message_;
  const Reflection* reflection_;
  const FieldDescriptor* field_;
};

absl::Status WriteMapEntry(absl::string_view text, const Flag& flag, const CallTime& time, const FieldDescriptor* field,
                           Message* message) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (parts.size() != 2) {
    return absl::InvalidArgumentError(absl::StrCat("--", flag.name, ": \"", text, "\" has no '='; write KEY=VALUE"));
  }
  Message* entry = message->GetReflection()->AddMessage(message, field);
  const auto* type = field->message_type();
  if (absl::Status status = FieldWriter(entry, type->map_key()).Write(parts[0], flag, time); !status.ok()) {
    return status;
  }
  return FieldWriter(entry, type->map_value()).Write(parts[1], flag, time);
}

// Remembers that the flag sets the field; refuses when another flag has set another member of its oneof.
absl::Status CheckOneof(const Flag& flag, const FieldDescriptor* field, ChosenMembers* chosen) {
  const auto* oneof = field->real_containing_oneof();
  if (oneof == nullptr) return absl::OkStatus();
  const auto [member, is_new] = chosen->try_emplace(oneof, field, &flag);
  if (is_new || member->second.first == field) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", flag.name, " and --", member->second.second->name,
                                                 " exclude each other; give one of them (", oneof->name(), ")"));
}

absl::Status ApplyFlag(const FlagValue& given, const CallTime& time, Message* message, ChosenMembers* chosen) {
  const Flag& flag = *given.flag;
  const FieldDescriptor* field = nullptr;
  for (absl::string_view part : absl::StrSplit(flag.field, '.')) {
    if (field != nullptr) message = message->GetReflection()->MutableMessage(message, field);
    field = message->GetDescriptor()->FindFieldByName(std::string(part));
    if (absl::Status status = CheckOneof(flag, field, chosen); !status.ok()) return status;
  }
  if (field->is_repeated()) message->GetReflection()->ClearField(message, field);
  for (const std::string& value : given.values) {
    absl::Status status = field->is_map() ? WriteMapEntry(value, flag, time, field, message)
                                          : FieldWriter(message, field).Write(value, flag, time);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<Message> NewMessage(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

absl::Status ParseJsonRequest(absl::string_view json, Message* request) {
  const auto status = google::protobuf::util::JsonStringToMessage(std::string(json), request);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--json: this is not a ", request->GetDescriptor()->name(),
                                                 " in JSON: ", std::string(status.message().as_string())));
}

absl::Status ApplyFlags(absl::Span<const FlagValue> flags, const CallTime& time, Message* request) {
  ChosenMembers chosen;
  for (const FlagValue& given : flags) {
    if (absl::Status status = ApplyFlag(given, time, request, &chosen); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace partnermetrics::cli
