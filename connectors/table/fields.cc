#include "connectors/table/fields.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "connectors/sdk/readers/text.h"
#include "connectors/table/server_expr.h"  // last
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/unknown_field_set.h"

namespace partnermetrics::table {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::UnknownFieldSet;

constexpr int kCheckOption = 51012;  // partnermetrics.options.v1.check
constexpr int kCheckRequired = 1;    // FieldCheck.required

// The type of value that a field takes; kNull for messages that are no values.
Type WantedType(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_ENUM:
      return Type::kText;
    case FieldDescriptor::CPPTYPE_BOOL:
      return Type::kBool;
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const std::string& name = field.message_type()->full_name();
      return name == "partnermetrics.v1.Date"      ? Type::kDate
             : name == "google.protobuf.Timestamp" ? Type::kTime
             : name == "partnermetrics.v1.Money"   ? Type::kMoney
             : name == "partnermetrics.v1.Decimal" ? Type::kNumber
                                                   : Type::kNull;
    }
    default:
      return Type::kNumber;
  }
}

std::vector<std::string> FieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

// "TICKET_PRIORITY_" of TICKET_PRIORITY_UNSPECIFIED.
std::string EnumPrefix(const EnumDescriptor& type) {
  const std::string& zero = type.value(0)->name();
  return zero.substr(0, zero.size() - std::string("UNSPECIFIED").size());
}

// By its name or the rest after the prefix, in any case, with spaces or dashes for underscores.
const EnumValueDescriptor* FindEnumValue(const EnumDescriptor& type, const std::string& text) {
  std::string name = sdk::ToUpper(text);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
  const EnumValueDescriptor* value = type.FindValueByName(name);
  if (value == nullptr) value = type.FindValueByName(EnumPrefix(type) + name);
  return value;
}

void SetNumber(Message* message, const char* field, int64_t value) {
  const FieldDescriptor* descriptor = message->GetDescriptor()->FindFieldByName(field);
  const Reflection* reflection = message->GetReflection();
  if (descriptor->cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
    reflection->SetInt32(message, descriptor, static_cast<int32_t>(value));
  } else {
    reflection->SetInt64(message, descriptor, value);
  }
}

void SetUnits(Message* message, Nanos number) {
  SetNumber(message, "units", static_cast<int64_t>(number / kNanosPerUnit));
  SetNumber(message, "nanos", static_cast<int64_t>(number % kNanosPerUnit));
}

// Of Date, Timestamp, Money and Decimal.
void SetMessage(Message* message, const Value& value) {
  switch (value.type) {
    case Type::kDate:
      SetNumber(message, "year", value.date.year);
      SetNumber(message, "month", value.date.month);
      SetNumber(message, "day", value.date.day);
      break;
    case Type::kTime:
      SetNumber(message, "seconds", value.time.seconds);
      SetNumber(message, "nanos", value.time.nanos);
      break;
    case Type::kMoney:
      message->GetReflection()->SetString(message, message->GetDescriptor()->FindFieldByName("currency_code"),
                                          value.text);
      [[fallthrough]];
    default:
      SetUnits(message, value.number);
  }
}

bool FitsDecimal(Nanos number) {
  const Nanos most = Nanos(sdk::kMaxDecimalUnits) * kNanosPerUnit;
  return number <= most && number >= -most;
}

}  // namespace

bool IsRequired(const FieldDescriptor& field) {
  // Looked up in the bytes: whether the option is known to the process depends on what else is loaded.
  UnknownFieldSet options, check;
  options.ParseFromString(field.options().SerializeAsString());
  for (int i = 0; i < options.field_count(); ++i) {
    if (options.field(i).number() != kCheckOption || !check.ParseFromString(options.field(i).length_delimited()))
      continue;
    for (int j = 0; j < check.field_count(); ++j) {
      if (check.field(j).number() == kCheckRequired && check.field(j).varint() != 0) return true;
    }
  }
  return false;
}

std::vector<std::string> EnumNames(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 1; i < type.value_count(); ++i) names.push_back(type.value(i)->name().substr(EnumPrefix(type).size()));
  return names;
}

absl::StatusOr<FieldWriter> FieldWriter::Compile(const Field& field, const Descriptor& fact, const FieldPlaces& places,
                                                 const sdk::CellFormat& formats, const std::string& currency,
                                                 ColumnList& columns) {
  FieldWriter writer;
  writer.name_ = field.name();
  writer.formats_ = formats;
  writer.currency_ = currency;
  RETURN_IF_ERROR(writer.FindPath(fact, places.name));
  ASSIGN_OR_RETURN(writer.value_, table::Compile(field.value(), {places.value, formats, columns}));
  RETURN_IF_ERROR(writer.CheckType(places.value));
  RETURN_IF_ERROR(writer.CheckTexts(field, places));
  for (const Replacement& entry : field.values()) writer.replacements_[sdk::ToLower(entry.from())] = entry.to();
  if (field.has_otherwise()) writer.otherwise_ = field.otherwise();
  writer.required_ = field.required() || (writer.path_.size() == 1 && IsRequired(writer.leaf()));
  return writer;
}

absl::Status FieldWriter::FindPath(const Descriptor& fact, const TextLocator& locate) {
  const Descriptor* type = &fact;
  std::string done;
  for (const absl::string_view part : absl::StrSplit(name_, '.')) {
    const size_t at = done.empty() ? 0 : done.size() + 1;
    if (type == nullptr) return ErrorAt(locate, at, "NO_SUCH_FIELD", absl::StrCat(done, " has no fields of its own"));
    const size_t bracket = part.find('[');
    const std::string name(part.substr(0, bracket));
    const FieldDescriptor* field = type->FindFieldByName(name);
    if (field == nullptr) {
      return ErrorAt(locate, at, "NO_SUCH_FIELD",
                     absl::StrCat(type->name(), " has no field \"", name, "\"", SuggestNames(name, FieldNames(*type))));
    }
    absl::StrAppend(&done, done.empty() ? "" : ".", part);
    Step step{field, ""};
    int index = 0;
    if (bracket != absl::string_view::npos) {
      const absl::string_view digits = part.substr(bracket + 1, part.size() - bracket - 2);
      if (!field->is_repeated() || part.back() != ']' || !absl::SimpleAtoi(digits, &index)) {
        return ErrorAt(locate, at + bracket, "BAD_INDEX",
                       field->is_repeated() ? "an index is written [0]" : absl::StrCat(name, " is no list"));
      }
      step.element = done;
    }
    path_.push_back(std::move(step));
    type = field->message_type();
  }
  wanted_ = WantedType(leaf());
  if (wanted_ == Type::kNull) {
    return ErrorAt(locate, 0, "NOT_A_VALUE",
                   absl::StrCat(name_, " holds several values; name one of ", name_, ".",
                                absl::StrJoin(FieldNames(*leaf().message_type()), absl::StrCat(", ", name_, "."))));
  }
  integer_ = leaf().cpp_type() == FieldDescriptor::CPPTYPE_INT32 || leaf().cpp_type() == FieldDescriptor::CPPTYPE_INT64;
  return absl::OkStatus();
}

absl::Status FieldWriter::CheckType(const TextLocator& locate) const {
  const Type type = value_.type;
  const bool is_string = leaf().cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  const bool fits = type == wanted_ || type == Type::kText || type == Type::kNull ||
                    (is_string && (type == Type::kNumber || type == Type::kDate || type == Type::kBool)) ||
                    (wanted_ == Type::kMoney && type == Type::kNumber);
  if (fits) return absl::OkStatus();
  return ErrorAt(
      locate, value_.offset, "WRONG_TYPE",
      absl::StrCat(name_, " takes ",
                   leaf().enum_type() != nullptr ? absl::string_view("the name of a value") : TypeName(wanted_),
                   ", this is ", TypeName(type)));
}

// Checks the texts that stand in the mapping itself against the values of an enum.
absl::Status FieldWriter::CheckTexts(const Field& field, const FieldPlaces& places) const {
  if (value_.type != Type::kText && (field.values_size() > 0 || field.has_otherwise())) {
    return ErrorAt(places.value, value_.offset, "WRONG_TYPE",
                   absl::StrCat("values replaces texts, this is ", TypeName(value_.type)));
  }
  for (int i = 0; i < field.values_size(); ++i) {
    RETURN_IF_ERROR(CheckText(field.values(i).to(), places.to[static_cast<size_t>(i)]));
  }
  RETURN_IF_ERROR(CheckText(field.otherwise(), places.otherwise));
  if (value_.literal && field.values_size() == 0) RETURN_IF_ERROR(CheckText(value_.literal->text, places.value));
  return absl::OkStatus();
}

absl::Status FieldWriter::CheckText(const std::string& text, const TextLocator& locate) const {
  const EnumDescriptor* type = leaf().enum_type();
  if (type == nullptr || text.empty() || FindEnumValue(*type, text) != nullptr) return absl::OkStatus();
  return ErrorAt(locate, 0, "NO_SUCH_VALUE",
                 absl::StrCat("\"", text, "\" is no value of ", name_, SuggestNames(text, EnumNames(*type))));
}

std::string FieldWriter::Replaced(const std::string& text) const {
  const auto found = replacements_.find(sdk::ToLower(text));
  if (found != replacements_.end()) return found->second;
  return otherwise_.value_or(text);
}

Value FieldWriter::Read(Evaluation& row, Value value) const {
  if (value.type == Type::kText) {
    const std::string text = Replaced(value.text);
    value = text.empty() ? Value::Null() : ReadText(row, text);
  } else if (value.type != wanted_ && !value.is_null()) {
    value = wanted_ == Type::kMoney ? Value::Money(value.number, "") : Value::Text(ToText(value));
  }
  const std::string& field = value_.column.empty() ? name_ : value_.column;
  if (value.type == Type::kMoney && value.text.empty()) value.text = currency_;
  if (value.type == Type::kMoney || value.type == Type::kNumber) {
    const bool whole = !integer_ || value.number % kNanosPerUnit == 0;
    const int64_t units = static_cast<int64_t>(value.number / kNanosPerUnit);
    const bool small = leaf().cpp_type() != FieldDescriptor::CPPTYPE_INT32 || units == static_cast<int32_t>(units);
    if (!whole || !small || !FitsDecimal(value.number)) {
      row.Fail(field, "bad_number",
               absl::StrCat(NanosText(value.number), whole ? " is too large" : " is no whole number"));
      return Value::Null();
    }
  }
  if (value.is_null() && required_) row.Fail(field, "missing_value", absl::StrCat(name_, " has no value in this row"));
  return value;
}

Value FieldWriter::ReadText(Evaluation& row, const std::string& text) const {
  const char* reason = "bad_value";
  std::string what;
  switch (wanted_) {
    case Type::kText: {
      const EnumDescriptor* type = leaf().enum_type();
      if (type == nullptr) return Value::Text(text);
      if (const EnumValueDescriptor* value = FindEnumValue(*type, text)) return Value::Text(value->name());
      what =
          absl::StrCat("value of ", name_, "; map it with `values` to one of ", absl::StrJoin(EnumNames(*type), ", "));
      break;
    }
    case Type::kBool:
      if (const auto flag = sdk::ParseBool(text)) return Value::Bool(*flag);
      reason = "bad_boolean";
      what = "boolean";
      break;
    case Type::kDate:
      if (const auto date = sdk::ParseDate(text, formats_.date_order)) return Value::Date(*date);
      reason = "bad_date";
      what = "date (other forms are read by date(column, format))";
      break;
    case Type::kTime:
      if (const auto time = sdk::ParseTime(text, formats_.date_order); time && time->has_time) {
        return Value::Time(formats_.zone.ToInstant(*time));
      }
      reason = "bad_time";
      what = "date with a time of day (other forms are read by time(column, format))";
      break;
    default: {
      const auto number = sdk::ParseDecimal(text, formats_.numbers);
      if (number && wanted_ == Type::kMoney) return Value::Money(ToNanos(*number), currency_);
      if (number) return Value::Number(ToNanos(*number));
      reason = wanted_ == Type::kMoney ? "bad_amount" : "bad_number";
      what = "number";
    }
  }
  row.Fail(value_.column.empty() ? name_ : value_.column, reason,
           absl::StrCat("\"", std::string(sdk::Shorten(text, 80)), "\" is no ", what));
  return Value::Null();
}

void FieldWriter::Write(Evaluation& row, Message* fact, Elements* elements) const {
  const Value value = Read(row, value_.code(row));
  if (value.is_null()) return;
  Message* message = fact;
  for (size_t i = 0; i + 1 < path_.size(); ++i) {
    const Step& step = path_[i];
    const Reflection* reflection = message->GetReflection();
    if (!step.field->is_repeated()) {
      message = reflection->MutableMessage(message, step.field);
    } else if (step.element.empty()) {
      message = reflection->AddMessage(message, step.field);
    } else {
      Message*& element = (*elements)[step.element];
      if (element == nullptr) element = reflection->AddMessage(message, step.field);
      message = element;
    }
  }
  Set(message, value);
}

void FieldWriter::Set(Message* message, const Value& value) const {
  const FieldDescriptor& field = leaf();
  const Reflection* reflection = message->GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.is_repeated()) return reflection->AddString(message, &field, value.text);
      return reflection->SetString(message, &field, value.text);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection->SetEnum(message, &field, field.enum_type()->FindValueByName(value.text));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->SetBool(message, &field, value.flag);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection->SetDouble(message, &field, static_cast<double>(value.number) / 1e9);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SetMessage(reflection->MutableMessage(message, &field), value);
    default:
      return SetNumber(message, field.name().c_str(), static_cast<int64_t>(value.number / kNanosPerUnit));
  }
}

}  // namespace partnermetrics::table
