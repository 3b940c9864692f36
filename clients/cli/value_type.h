// Which fields one text value can state, and how enum values are called without their prefix. Shared by the generator,
// which decides with it what becomes a flag, and by the runtime, which shows the same fields as one cell.
//
//   ValueTypeOf(*Deal::descriptor()->FindFieldByName("amount"))   // ValueType::kMoney
//   ShortEnumName(*PARTNER_TYPE_RESELLER's descriptor)            // "reseller"
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_VALUE_TYPE_H_
#define PARTNERMETRICS_CLIENTS_CLI_VALUE_TYPE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace google::protobuf {
class Descriptor;
class EnumDescriptor;
class EnumValueDescriptor;
class FieldDescriptor;
}  // namespace google::protobuf

namespace partnermetrics::cli {

enum class ValueType {
  kBool,
  kInteger,
  kNumber,
  kText,
  kEnum,
  kDate,
  kDateRange,
  kTimestamp,
  kDuration,
  kMoney,
  kDecimal,
  kScope,
  kPartnerReference,
};

// Type of the text that states one element of the field; nothing for bytes, maps and messages that need JSON.
std::optional<ValueType> ValueTypeOf(const google::protobuf::FieldDescriptor& field);

// Same for a message: kDate for partnermetrics.v1.Date.
std::optional<ValueType> ValueTypeOfMessage(const google::protobuf::Descriptor& message);

// Name of the enumerator in the generated tables: "kDate".
absl::string_view ValueTypeName(ValueType type);

// What help puts in place of the value: "DATE".
absl::string_view ValueHint(ValueType type);

// How such a value is written, with examples; empty for types that need no explanation.
absl::string_view ValueForm(ValueType type);

// Name of the value without the enum's prefix, in lower case: PARTNER_TYPE_RESELLER is "reseller".
std::string ShortEnumName(const google::protobuf::EnumValueDescriptor& value);

// The value of that short or full name, in any case and with '-' for '_'; null when there is none.
const google::protobuf::EnumValueDescriptor* FindEnumValue(const google::protobuf::EnumDescriptor& type,
                                                           absl::string_view name);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_VALUE_TYPE_H_
