#include "server/facts/fact_schema.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "partnermetrics/options/v1/options.pb.h"
#include "partnermetrics/v1/event.pb.h"
#include "partnermetrics/v1/selling.pb.h"

namespace partnermetrics {
namespace {

using google::protobuf::FieldDescriptor;

// The type that expressions see of a proto field; kNull for fields that they cannot read.
ValueType TypeOf(const FieldDescriptor& field) {
  if (field.is_repeated()) return ValueType::kNull;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return ValueType::kBool;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
      return ValueType::kInt;
    case FieldDescriptor::CPPTYPE_ENUM:
      return ValueType::kEnum;
    case FieldDescriptor::CPPTYPE_STRING:
      return ValueType::kString;
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const std::string& type = field.message_type()->full_name();
      if (type == "partnermetrics.v1.Date") return ValueType::kDate;
      if (type == "partnermetrics.v1.Money") return ValueType::kMoney;
      if (type == "partnermetrics.v1.Decimal") return ValueType::kDecimal;
      if (type == "google.protobuf.Timestamp") return ValueType::kInstant;
      return ValueType::kNull;
    }
    default:
      return ValueType::kNull;
  }
}

}  // namespace

std::string ShortEnumName(const google::protobuf::EnumValueDescriptor& value) {
  std::string prefix;
  for (const char c : value.type()->name()) {
    if (absl::ascii_isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix.push_back('_');
    prefix.push_back(absl::ascii_toupper(static_cast<unsigned char>(c)));
  }
  prefix.push_back('_');
  return std::string(absl::StripPrefix(value.name(), prefix));
}

absl::string_view ValueTypeName(ValueType type) {
  switch (type) {
    case ValueType::kNull:
      return "null";
    case ValueType::kBool:
      return "bool";
    case ValueType::kInt:
      return "int";
    case ValueType::kDecimal:
      return "decimal";
    case ValueType::kMoney:
      return "money";
    case ValueType::kDate:
      return "date";
    case ValueType::kInstant:
      return "instant";
    case ValueType::kString:
      return "string";
    case ValueType::kEnum:
      return "enum";
  }
  return "unknown";
}

const FieldSchema* FactSchema::Find(absl::string_view field) const {
  const auto it = by_name_.find(field);
  return it == by_name_.end() ? nullptr : &fields_[static_cast<size_t>(it->second)];
}

void FactSchema::Build(const FieldDescriptor* member) {
  kind_ = member->number();
  descriptor_ = member->message_type();
  const auto& options = descriptor_->options().GetExtension(options::v1::fact);
  name_ = options.kind();
  root_ = options.root();
  program_wide_ = options.program_wide();

  for (int i = 0; i < descriptor_->field_count(); ++i) {
    const FieldDescriptor& field = *descriptor_->field(i);
    if (field.name() == "partner_refs") can_have_partner_ = true;
    if (field.name() == "attributions") attributions_ = can_have_partner_ = true;
    const ValueType type = TypeOf(field);
    if (type == ValueType::kNull) continue;
    FieldSchema schema;
    schema.name = field.name();
    schema.number = field.number();
    schema.slot = static_cast<int>(fields_.size());
    schema.type = type;
    if (type == ValueType::kEnum) schema.enum_type = field.enum_type();
    if (field.options().HasExtension(options::v1::check)) {
      const auto& check = field.options().GetExtension(options::v1::check);
      schema.required = check.required();
      if (check.has_min()) schema.min = check.min();
      if (check.has_max()) schema.max = check.max();
    }
    if (by_number_.size() <= static_cast<size_t>(schema.number)) {
      by_number_.resize(static_cast<size_t>(schema.number) + 1, -1);
    }
    by_number_[static_cast<size_t>(schema.number)] = schema.slot;
    by_name_[schema.name] = schema.slot;
    if (schema.name == "amount") amount_slot_ = schema.slot;
    if (schema.name == "customer_id") customer_slot_ = schema.slot;
    if (schema.name == "root_id") root_slot_ = schema.slot;
    fields_.push_back(std::move(schema));
  }
  // A part belongs to the partners of its root.
  if (!root_.empty()) can_have_partner_ = true;
  for (const std::string& date : options.money_date()) money_date_slots_.push_back(by_name_.at(date));
  for (const std::string& date : options.customer_date()) customer_date_slots_.push_back(by_name_.at(date));
  if (customer_date_slots_.empty()) customer_date_slots_ = money_date_slots_;

  // What concerns every partner is told from what concerns one. FactRow fills in the last slot.
  if (program_wide_ && can_have_partner_ && !attributions_) AddDerived("names_partner", ValueType::kBool, nullptr);
  if (attributions_) {
    role_slot_ = slots();
    AddDerived("role", ValueType::kEnum, v1::AttributionRole_descriptor());
    credited_slot_ = slots();
    AddDerived("credited_amount", ValueType::kMoney, nullptr);
  }
}

void FactSchema::AddDerived(absl::string_view name, ValueType type, const google::protobuf::EnumDescriptor* enum_type) {
  FieldSchema schema;
  schema.name = std::string(name);
  schema.slot = slots();
  schema.type = type;
  schema.enum_type = enum_type;
  by_name_[schema.name] = schema.slot;
  fields_.push_back(std::move(schema));
}

const FactSchemas& FactSchemas::Get() {
  static const auto* const schemas = new FactSchemas;
  return *schemas;
}

FactSchemas::FactSchemas() {
  const auto* oneof = v1::Event::descriptor()->FindOneofByName("fact");
  for (int i = 0; i < oneof->field_count(); ++i) {
    const FieldDescriptor* member = oneof->field(i);
    const auto number = static_cast<size_t>(member->number());
    if (by_number_.size() <= number) by_number_.resize(number + 1);
    by_number_[number] = std::make_unique<FactSchema>();
    by_number_[number]->Build(member);
  }
  for (const auto& schema : by_number_) {
    if (schema != nullptr) schema->root_schema_ = Find(schema->root());
  }
}

const FactSchema* FactSchemas::Find(absl::string_view kind) const {
  for (const auto& schema : by_number_) {
    if (schema != nullptr && schema->name() == kind) return schema.get();
  }
  return nullptr;
}

std::vector<const FactSchema*> FactSchemas::all() const {
  std::vector<const FactSchema*> all;
  for (const auto& schema : by_number_) {
    if (schema != nullptr) all.push_back(schema.get());
  }
  return all;
}

}  // namespace partnermetrics
