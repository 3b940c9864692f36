// A fact in the form that expressions read: one value per field, decoded straight from the wire.
//
//   FactRow row(*schema);
//   if (!row.Decode(fact_bytes, currency, &error)) return Reject(error);
//   if (row[amount.slot].type == ValueType::kMoney) …
//
// Strings point into the decoded bytes, which must outlive the row. Not thread-safe; made to be reused.
#ifndef PARTNERMETRICS_SERVER_FACTS_FACT_ROW_H_
#define PARTNERMETRICS_SERVER_FACTS_FACT_ROW_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "server/base/civil.h"
#include "server/base/errors.h"
#include "server/facts/fact_schema.h"
#include "server/facts/wire.h"

namespace partnermetrics {

struct Value {
  ValueType type = ValueType::kNull;
  int64_t integer = 0;     // kBool, kInt, kDate, kInstant, kEnum
  Nanos decimal = 0;       // kDecimal, kMoney
  absl::string_view text;  // kString

  bool is_null() const { return type == ValueType::kNull; }

  static Value Null() { return {}; }
  static Value Bool(bool value) { return {ValueType::kBool, value, 0, {}}; }
  static Value Int(int64_t value) { return {ValueType::kInt, value, 0, {}}; }
  static Value Decimal(Nanos value) { return {ValueType::kDecimal, 0, value, {}}; }
  static Value Money(Nanos value) { return {ValueType::kMoney, 0, value, {}}; }
  static Value Date(Day value) { return {ValueType::kDate, value, 0, {}}; }
  static Value Instant(int64_t micros) { return {ValueType::kInstant, micros, 0, {}}; }
  static Value String(absl::string_view value) { return {ValueType::kString, 0, 0, value}; }
  static Value Enum(int64_t value) { return {ValueType::kEnum, value, 0, {}}; }
};

// Money in another currency than the programme's.
struct ForeignMoney {
  int slot = 0;
  absl::string_view currency;
  Nanos amount = 0;
};

// A time for which a company was a partner: the days on which it signed, was activated and left, each as the field of
// that name.
struct Partnership {
  Value signed_on, activated_on, terminated_on;

  const Value& begin() const { return signed_on.is_null() ? activated_on : signed_on; }
};

class FactRow {
 public:
  explicit FactRow(const FactSchema& schema);

  // Reads a serialised fact of the schema's kind. Money in another currency than `currency` is null until it is
  // converted. False, with the field at fault, when a date, an amount or the encoding is not valid.
  bool Decode(absl::string_view fact, absl::string_view currency, FieldError* error);

  // Money that is null because it waits for a rate.
  const std::vector<ForeignMoney>& waiting_money() const { return waiting_money_; }
  bool parked() const { return !waiting_money_.empty(); }
  // Sets the money that `convert` knows an amount for; the rest goes on waiting.
  void Convert(absl::FunctionRef<std::optional<Nanos>(const ForeignMoney&)> convert);

  // Of a partner that left and signed again: all its times, oldest first, the one of its fields last. None overlaps
  // the next. Empty for all others.
  const std::vector<Partnership>& partnerships() const { return partnerships_; }
  // Puts the days of one of them into the fields.
  void Show(const Partnership& partnership);

  const FactSchema& schema() const { return *schema_; }
  const Value& operator[](int slot) const { return values_[static_cast<size_t>(slot)]; }
  void Set(int slot, Value value) { values_[static_cast<size_t>(slot)] = value; }

 private:
  bool DecodePartnership(absl::string_view encoded, absl::string_view name, FieldError* error);
  void EndPartnerships();
  bool DecodeField(const FieldSchema& field, const wire::Field& encoded, absl::string_view currency, FieldError* error);

  const FactSchema* schema_;
  std::vector<Value> values_;
  std::vector<ForeignMoney> waiting_money_;
  std::vector<Partnership> partnerships_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_FACTS_FACT_ROW_H_
