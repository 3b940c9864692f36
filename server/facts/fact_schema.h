// What the engine knows of each kind of fact: its fields, their types and rules, read once from the proto descriptors.
//
//   const FactSchema* deal = FactSchemas::Get().Find("deal");
//   const FieldSchema* amount = deal->Find("amount");        // ValueType::kMoney, slot 3
//
// Immutable after construction; any thread may use it.
#ifndef PARTNERMETRICS_SERVER_FACTS_FACT_SCHEMA_H_
#define PARTNERMETRICS_SERVER_FACTS_FACT_SCHEMA_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace partnermetrics {

// Types of the expression language and of a fact's fields.
enum class ValueType : uint8_t {
  kNull,  // unset
  kBool,
  kInt,      // 64 bits
  kDecimal,  // nanos, 128 bits
  kMoney,    // nanos of the programme's currency, 128 bits
  kDate,     // days since 1970
  kInstant,  // microseconds since 1970
  kString,
  kEnum,  // the number of the value
};

absl::string_view ValueTypeName(ValueType type);

// "DEAL_OUTCOME_WON" of DealOutcome is written WON.
std::string ShortEnumName(const google::protobuf::EnumValueDescriptor& value);

struct FieldSchema {
  std::string name;
  int number = 0;  // of the proto field; 0 for fields that the engine derives (role, credited_amount)
  int slot = 0;    // index in a FactRow
  ValueType type = ValueType::kNull;
  const google::protobuf::EnumDescriptor* enum_type = nullptr;  // for kEnum
  bool required = false;
  std::optional<int64_t> min, max;
};

// One kind of fact.
class FactSchema {
 public:
  int kind() const { return kind_; }                              // number of the member in Event.fact
  const std::string& name() const { return name_; }               // "deal"
  const std::string& root() const { return root_; }               // kind of the root fact; empty for whole facts
  const FactSchema* root_schema() const { return root_schema_; }  // null for whole facts
  bool program_wide() const { return program_wide_; }             // counts in the programme without a partner
  bool has_attributions() const { return attributions_; }         // several partners with roles
  bool can_have_partner() const { return can_have_partner_; }
  // Names a customer whose partners it takes when it names none itself. A deal without partners is direct.
  bool inherits_from_customer() const { return customer_slot_ >= 0 && can_have_partner_ && !attributions_; }
  const google::protobuf::Descriptor* descriptor() const { return descriptor_; }

  const std::vector<FieldSchema>& fields() const { return fields_; }
  const FieldSchema* Find(absl::string_view field) const;
  // The field with this proto number, or null for fields that no expression can read.
  const FieldSchema* FindByNumber(int number) const {
    return static_cast<size_t>(number) < by_number_.size() && by_number_[static_cast<size_t>(number)] >= 0
               ? &fields_[static_cast<size_t>(by_number_[static_cast<size_t>(number)])]
               : nullptr;
  }
  int slots() const { return static_cast<int>(fields_.size()); }
  int role_slot() const { return role_slot_; }          // -1 when the kind has no roles
  int credited_slot() const { return credited_slot_; }  // -1 likewise
  int amount_slot() const { return amount_slot_; }      // what credited_amount is a share of
  int customer_slot() const { return customer_slot_; }  // of customer_id; -1 when it has none
  int root_slot() const { return root_slot_; }          // of root_id; -1 when it has none
  const std::vector<int>& money_date_slots() const { return money_date_slots_; }
  const std::vector<int>& customer_date_slots() const { return customer_date_slots_; }

 private:
  friend class FactSchemas;
  void Build(const google::protobuf::FieldDescriptor* member);
  void AddDerived(absl::string_view name, ValueType type, const google::protobuf::EnumDescriptor* enum_type);

  int kind_ = 0;
  std::string name_, root_;
  bool program_wide_ = false, attributions_ = false, can_have_partner_ = false;
  const google::protobuf::Descriptor* descriptor_ = nullptr;
  std::vector<FieldSchema> fields_;
  std::vector<int> by_number_;
  absl::flat_hash_map<std::string, int> by_name_;
  const FactSchema* root_schema_ = nullptr;
  int role_slot_ = -1, credited_slot_ = -1, amount_slot_ = -1, customer_slot_ = -1, root_slot_ = -1;
  std::vector<int> money_date_slots_, customer_date_slots_;
};

// All kinds.
class FactSchemas {
 public:
  static const FactSchemas& Get();

  const FactSchema* Find(absl::string_view kind) const;
  const FactSchema* FindByNumber(int kind) const {
    return static_cast<size_t>(kind) < by_number_.size() ? by_number_[static_cast<size_t>(kind)].get() : nullptr;
  }
  std::vector<const FactSchema*> all() const;  // by number

 private:
  FactSchemas();
  std::vector<std::unique_ptr<FactSchema>> by_number_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_FACTS_FACT_SCHEMA_H_
