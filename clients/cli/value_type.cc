#include "clients/cli/value_type.h"

#include <google/protobuf/descriptor.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::FieldDescriptor;

struct TypeInfo {
  ValueType type;
  absl::string_view name;
  absl::string_view hint;
  absl::string_view message;  // Full name of the message that it writes as text; empty: a scalar.
  absl::string_view form;
};

constexpr TypeInfo kTypes[] = {
    {ValueType::kBool, "kBool", "BOOL", "", "true or false"},
    {ValueType::kInteger, "kInteger", "N", "", ""},
    {ValueType::kNumber, "kNumber", "NUMBER", "", ""},
    {ValueType::kText, "kText", "TEXT", "", ""},
    {ValueType::kEnum, "kEnum", "NAME", "", ""},
    {ValueType::kDate, "kDate", "DATE", "partnermetrics.v1.Date",
     "2026-03-31, today, or counted from today: today-30d, today-2w, today-3m, today+1y"},
    {ValueType::kDateRange, "kDateRange", "RANGE", "partnermetrics.v1.DateRange",
     "FIRST..LAST: 2026-01-01..2026-03-31"},
    {ValueType::kTimestamp, "kTimestamp", "INSTANT", "google.protobuf.Timestamp",
     "2026-03-31T10:00:00Z, with an offset 2026-03-31T12:00:00+02:00, now, or now-2h"},
    {ValueType::kDuration, "kDuration", "DURATION", "google.protobuf.Duration", "90s, 5m, 1h30m"},
    {ValueType::kMoney, "kMoney", "MONEY", "partnermetrics.v1.Money",
     "125.50 USD; without a code, in the programme's currency: 125.50"},
    {ValueType::kDecimal, "kDecimal", "DECIMAL", "partnermetrics.v1.Decimal", "0.25, with at most 9 decimals"},
    {ValueType::kScope, "kScope", "SCOPE", "partnermetrics.v1.Scope",
     "business, direct, program, partner:ID or segment:ATTRIBUTE=VALUE"},
    {ValueType::kPartnerReference, "kPartnerReference", "REFERENCE", "partnermetrics.v1.PartnerReference",
     "id:PARTNER, external:SOURCE:ID, email:ADDRESS or domain:example.com"},
};

const TypeInfo& InfoOf(ValueType type) {
  return kTypes[static_cast<size_t>(type)];
}

// "PARTNER_TYPE_" for an enum whose first value is PARTNER_TYPE_UNSPECIFIED, else empty.
std::string PrefixOf(const google::protobuf::EnumDescriptor& type) {
  absl::string_view first = type.value(0)->name();
  return absl::ConsumeSuffix(&first, "UNSPECIFIED") ? std::string(first) : "";
}

}  // namespace

std::optional<ValueType> ValueTypeOfMessage(const google::protobuf::Descriptor& message) {
  for (const TypeInfo& info : kTypes) {
    if (!info.message.empty() && info.message == message.full_name()) return info.type;
  }
  return std::nullopt;
}

std::optional<ValueType> ValueTypeOf(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return ValueType::kBool;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return ValueType::kInteger;
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return ValueType::kNumber;
    case FieldDescriptor::CPPTYPE_ENUM:
      return ValueType::kEnum;
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES) return std::nullopt;
      return ValueType::kText;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ValueTypeOfMessage(*field.message_type());
  }
  return std::nullopt;
}

absl::string_view ValueTypeName(ValueType type) {
  return InfoOf(type).name;
}
absl::string_view ValueHint(ValueType type) {
  return InfoOf(type).hint;
}
absl::string_view ValueForm(ValueType type) {
  return InfoOf(type).form;
}

std::string ShortEnumName(const google::protobuf::EnumValueDescriptor& value) {
  return absl::AsciiStrToLower(absl::StripPrefix(value.name(), PrefixOf(*value.type())));
}

const google::protobuf::EnumValueDescriptor* FindEnumValue(const google::protobuf::EnumDescriptor& type,
                                                           absl::string_view name) {
  std::string upper = absl::StrReplaceAll(absl::AsciiStrToUpper(name), {{"-", "_"}});
  if (const auto* value = type.FindValueByName(upper); value != nullptr) return value;
  return type.FindValueByName(PrefixOf(type) + upper);
}

}  // namespace partnermetrics::cli
