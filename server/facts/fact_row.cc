#include "server/facts/fact_row.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "server/facts/currency.h"

namespace partnermetrics {
namespace {

constexpr int64_t kMaxUnits = 1'000'000'000'000'000;
constexpr size_t kMaxTextBytes = size_t{64} * 1024;
// Seconds that an int64 of microseconds can hold with room to spare; ingest has the narrower limits.
constexpr int64_t kMaxSeconds = 300'000'000'000;

bool Fail(FieldError* error, absl::string_view field, absl::string_view reason, absl::string_view description) {
  *error = {std::string(field), std::string(reason), std::string(description)};
  return false;
}

// Reads a message of up to three varint fields; `text` receives field 1 when it is a string.
bool ReadSmall(absl::string_view message, int64_t* numbers, absl::string_view* text) {
  wire::Reader reader(message);
  wire::Field field;
  while (reader.Next(field)) {
    if (field.number < 1 || field.number > 3) return false;
    if (field.type == wire::kVarint) {
      numbers[field.number - 1] = static_cast<int64_t>(field.varint);
    } else if (field.type == wire::kBytes && field.number == 1 && text != nullptr) {
      *text = field.bytes;
    } else {
      return false;
    }
  }
  return reader.ok();
}

bool ReadDate(absl::string_view message, Value& value, absl::string_view name, FieldError* error) {
  int64_t parts[3] = {0, 0, 0};
  if (!ReadSmall(message, parts, nullptr)) return Fail(error, name, "MALFORMED", "is no valid Date message");
  const auto [year, month, day] = parts;
  const bool is_near = year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(is_near ? year : 0)),
                                         std::chrono::month(static_cast<unsigned>(is_near ? month : 0)),
                                         std::chrono::day(static_cast<unsigned>(is_near ? day : 0))};
  if (!date.ok()) {
    return Fail(error, name, "BAD_DATE", absl::StrCat(year, "-", month, "-", day, " is no calendar date"));
  }
  value = Value::Date(static_cast<Day>(std::chrono::sys_days(date).time_since_epoch().count()));
  return true;
}

bool ReadInstant(absl::string_view message, Value& value, absl::string_view name, FieldError* error) {
  int64_t parts[3] = {0, 0, 0};
  if (!ReadSmall(message, parts, nullptr)) return Fail(error, name, "MALFORMED", "is no valid Timestamp message");
  const int64_t seconds = parts[0], nanos = parts[1];
  if (seconds < -kMaxSeconds || seconds > kMaxSeconds || nanos < 0 || nanos >= kNanosPerUnit) {
    return Fail(error, name, "BAD_INSTANT", absl::StrCat(seconds, " s ", nanos, " ns is no valid instant"));
  }
  value = Value::Instant(seconds * 1'000'000 + nanos / 1'000);
  return true;
}

bool CheckAmount(int64_t units, int64_t nanos, absl::string_view name, FieldError* error) {
  if (units < -kMaxUnits || units > kMaxUnits) {
    return Fail(error, absl::StrCat(name, ".units"), "OUT_OF_RANGE", "must lie between -10^15 and 10^15");
  }
  if (nanos <= -kNanosPerUnit || nanos >= kNanosPerUnit) {
    return Fail(error, absl::StrCat(name, ".nanos"), "OUT_OF_RANGE", "must lie between -999,999,999 and 999,999,999");
  }
  if ((units > 0 && nanos < 0) || (units < 0 && nanos > 0)) {
    return Fail(error, absl::StrCat(name, ".nanos"), "BAD_SIGN", "must have the sign of units");
  }
  return true;
}

struct PartnershipSlots {
  int signed_on, activated_on, terminated_on;
};
const PartnershipSlots& SlotsOfPartnership() {
  static const FactSchema& partner = *FactSchemas::Get().Find("partner");
  static const PartnershipSlots slots = {partner.Find("signed_on")->slot, partner.Find("activated_on")->slot,
                                         partner.Find("terminated_on")->slot};
  return slots;
}

}  // namespace

FactRow::FactRow(const FactSchema& schema) : schema_(&schema), values_(static_cast<size_t>(schema.slots())) {}

bool FactRow::Decode(absl::string_view fact, absl::string_view currency, FieldError* error) {
  std::fill(values_.begin(), values_.end(), Value());
  waiting_money_.clear();
  partnerships_.clear();
  const bool tells_partner = schema_->program_wide() && schema_->can_have_partner() && !schema_->has_attributions();
  if (tells_partner) values_.back() = Value::Bool(false);
  wire::Reader reader(fact);
  wire::Field encoded;
  while (reader.Next(encoded)) {
    const FieldSchema* field = schema_->FindByNumber(encoded.number);
    if (field == nullptr) {
      const auto* known = schema_->descriptor()->FindFieldByNumber(encoded.number);
      if (known == nullptr) {
        return Fail(error, absl::StrCat(schema_->name(), ".", encoded.number), "UNKNOWN_FIELD",
                    "the server does not know this field; it may be newer than the server");
      }
      if (tells_partner && known->name() == "partner_refs") values_.back() = Value::Bool(true);
      if (known->name() == "earlier_partnerships" && !DecodePartnership(encoded.bytes, known->name(), error)) {
        return false;
      }
      continue;  // references and other lists are read by Resolve
    }
    if (!DecodeField(*field, encoded, currency, error)) return false;
  }
  if (!partnerships_.empty()) EndPartnerships();
  return reader.ok() || Fail(error, schema_->name(), "MALFORMED", "is no valid message");
}

bool FactRow::DecodePartnership(absl::string_view encoded, absl::string_view name, FieldError* error) {
  Partnership partnership;
  wire::Reader reader(encoded);
  wire::Field field;
  while (reader.Next(field)) {
    Value* const values[] = {&partnership.signed_on, &partnership.activated_on, &partnership.terminated_on};
    if (field.number < 1 || field.number > 3 || field.type != wire::kBytes) {
      return Fail(error, name, "MALFORMED", "is no valid EarlierPartnership message");
    }
    if (!ReadDate(field.bytes, *values[field.number - 1], name, error)) return false;
  }
  if (!reader.ok()) return Fail(error, name, "MALFORMED", "is no valid message");
  if (partnership.signed_on.is_null() || partnership.terminated_on.is_null()) {
    return Fail(error, name, "REQUIRED", "each must have signed_on and terminated_on");
  }
  const bool overlaps =
      !partnerships_.empty() && partnership.signed_on.integer < partnerships_.back().terminated_on.integer;
  if (overlaps || partnership.terminated_on.integer <= partnership.signed_on.integer) {
    return Fail(error, name, "OUT_OF_ORDER", "each must end after it began and before the next one begins");
  }
  partnerships_.push_back(partnership);
  return true;
}

// One source may state the earlier ones, another one the last: what the last one overlaps gives way to it.
void FactRow::EndPartnerships() {
  const PartnershipSlots& slots = SlotsOfPartnership();
  const Partnership last = {(*this)[slots.signed_on], (*this)[slots.activated_on], (*this)[slots.terminated_on]};
  if (const Value& begin = last.begin(); !begin.is_null()) {
    while (!partnerships_.empty() && partnerships_.back().signed_on.integer >= begin.integer) partnerships_.pop_back();
    if (partnerships_.empty()) return;
    Value& end = partnerships_.back().terminated_on;
    end.integer = std::min(end.integer, begin.integer);
  }
  partnerships_.push_back(last);
}

void FactRow::Show(const Partnership& partnership) {
  const PartnershipSlots& slots = SlotsOfPartnership();
  Set(slots.signed_on, partnership.signed_on);
  Set(slots.activated_on, partnership.activated_on);
  Set(slots.terminated_on, partnership.terminated_on);
}

void FactRow::Convert(absl::FunctionRef<std::optional<Nanos>(const ForeignMoney&)> convert) {
  const auto is_converted = [&](const ForeignMoney& money) {
    const std::optional<Nanos> amount = convert(money);
    if (amount.has_value()) Set(money.slot, Value::Money(*amount));
    return amount.has_value();
  };
  waiting_money_.erase(std::remove_if(waiting_money_.begin(), waiting_money_.end(), is_converted),
                       waiting_money_.end());
}

bool FactRow::DecodeField(const FieldSchema& field, const wire::Field& encoded, absl::string_view currency,
                          FieldError* error) {
  Value& value = values_[static_cast<size_t>(field.slot)];
  const bool is_bytes = field.type == ValueType::kString || field.type == ValueType::kDate ||
                        field.type == ValueType::kInstant || field.type == ValueType::kMoney ||
                        field.type == ValueType::kDecimal;
  if (is_bytes != (encoded.type == wire::kBytes)) return Fail(error, field.name, "MALFORMED", "has the wrong type");
  switch (field.type) {
    case ValueType::kBool:
      value = Value::Bool(encoded.varint != 0);
      return true;
    case ValueType::kInt:
      value = Value::Int(static_cast<int64_t>(encoded.varint));
      return true;
    case ValueType::kEnum:
      // Unspecified and unset are the same: unknown.
      value = encoded.varint == 0 ? Value::Null() : Value::Enum(static_cast<int64_t>(encoded.varint));
      return true;
    case ValueType::kString:
      if (encoded.bytes.size() > kMaxTextBytes) return Fail(error, field.name, "TOO_LONG", "is longer than 64 KiB");
      if (!encoded.bytes.empty()) value = Value::String(encoded.bytes);
      return true;
    case ValueType::kDate:
      return ReadDate(encoded.bytes, value, field.name, error);
    case ValueType::kInstant:
      return ReadInstant(encoded.bytes, value, field.name, error);
    case ValueType::kDecimal: {
      int64_t parts[3] = {0, 0, 0};
      if (!ReadSmall(encoded.bytes, parts, nullptr)) return Fail(error, field.name, "MALFORMED", "is no valid Decimal");
      if (!CheckAmount(parts[0], parts[1], field.name, error)) return false;
      value = Value::Decimal(Nanos(parts[0]) * kNanosPerUnit + parts[1]);
      return true;
    }
    case ValueType::kMoney: {
      int64_t parts[3] = {0, 0, 0};
      absl::string_view code;
      if (!ReadSmall(encoded.bytes, parts, &code)) return Fail(error, field.name, "MALFORMED", "is no valid Money");
      if (!CheckAmount(parts[1], parts[2], field.name, error)) return false;
      if (!code.empty() && !IsCurrency(code)) {
        return Fail(error, absl::StrCat(field.name, ".currency_code"), "UNKNOWN_CURRENCY",
                    absl::StrCat("'", code, "' is no ISO 4217 currency code, such as \"USD\""));
      }
      const Nanos amount = Nanos(parts[1]) * kNanosPerUnit + parts[2];
      if (code.empty() || code == currency) {
        value = Value::Money(amount);
      } else {
        waiting_money_.push_back({field.slot, code, amount});
      }
      return true;
    }
    case ValueType::kNull:
      break;
  }
  return true;
}

}  // namespace partnermetrics
