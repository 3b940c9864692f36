#include "server/facts/validate.h"

#include "absl/strings/str_cat.h"
#include "server/facts/currency.h"

namespace partnermetrics {
namespace {

constexpr size_t kMaxRecordIdBytes = 200;
constexpr size_t kMaxSourceBytes = 100;
constexpr int kYearsAhead = 15;
constexpr int64_t kMicrosPerDay = 86'400'000'000;

std::optional<FieldError> CheckRange(const FieldSchema& field, int64_t value) {
  if (field.min.has_value() && value < *field.min) {
    return FieldError{field.name, "OUT_OF_RANGE", absl::StrCat(value, " is less than ", *field.min)};
  }
  if (field.max.has_value() && value > *field.max) {
    return FieldError{field.name, "OUT_OF_RANGE", absl::StrCat(value, " is more than ", *field.max)};
  }
  return std::nullopt;
}

std::optional<FieldError> CheckDay(const FieldSchema& field, int64_t day, Day today) {
  const Day first = ToDay(absl::CivilDay(1990, 1, 1));
  const absl::CivilDay now = ToCivil(today);
  const Day last = ToDay(absl::CivilDay(now.year() + kYearsAhead, now.month(), now.day()));
  if (day >= first && day <= last) return std::nullopt;
  return FieldError{field.name, "OUT_OF_RANGE",
                    absl::StrCat(day > -700'000 && day < 3'000'000 ? DayText(static_cast<Day>(day)) : "the date",
                                 " does not lie between ", DayText(first), " and ", DayText(last))};
}

// A rate that converts nothing would be stored and never found: whoever states it shall know.
std::optional<FieldError> CheckRate(const FactRow& row) {
  const FactSchema& schema = row.schema();
  for (const char* name : {"from_currency", "to_currency"}) {
    const absl::string_view currency = row[schema.Find(name)->slot].text;
    if (IsCurrency(currency)) continue;
    return FieldError{name, "UNKNOWN_CURRENCY", absl::StrCat("'", currency, "' is no ISO 4217 code in upper case")};
  }
  if (row[schema.Find("rate")->slot].decimal > 0) return std::nullopt;
  return FieldError{"rate", "OUT_OF_RANGE", "is not more than 0"};
}

}  // namespace

std::optional<FieldError> ValidateEnvelope(const v1::Event& event) {
  if (event.fact_case() == v1::Event::FACT_NOT_SET) {
    return FieldError{"fact", "REQUIRED", "the event has no fact, or one of a kind that this server does not know"};
  }
  if (event.record_id().empty()) return FieldError{"record_id", "REQUIRED", "must be set"};
  if (event.record_id().size() > kMaxRecordIdBytes) {
    return FieldError{"record_id", "TOO_LONG", absl::StrCat("is longer than ", kMaxRecordIdBytes, " bytes")};
  }
  if (event.source().empty()) return FieldError{"source", "REQUIRED", "must be set in the event or the request"};
  if (event.source().size() > kMaxSourceBytes) {
    return FieldError{"source", "TOO_LONG", absl::StrCat("is longer than ", kMaxSourceBytes, " bytes")};
  }
  if (event.revision() < 0) return FieldError{"revision", "OUT_OF_RANGE", "must not be negative"};
  if (!event.GetReflection()->GetUnknownFields(event).empty()) {
    return FieldError{"event", "UNKNOWN_FIELD", "the server does not know a field; it may be newer than the server"};
  }
  return std::nullopt;
}

std::optional<FieldError> ValidateFact(const FactRow& row, Day today) {
  for (const FieldSchema& field : row.schema().fields()) {
    const Value& value = row[field.slot];
    if (value.is_null()) {
      // Money of another currency than the programme's is set and only waits for a rate.
      const bool waits = field.type == ValueType::kMoney && row.parked();
      if (field.required && !waits) return FieldError{field.name, "REQUIRED", "must be set"};
      continue;
    }
    std::optional<FieldError> error;
    if (value.type == ValueType::kInt) {
      error = CheckRange(field, value.integer);
    } else if (value.type == ValueType::kDate) {
      error = CheckDay(field, value.integer, today);
    } else if (value.type == ValueType::kInstant) {
      // A day of room: the zone decides the day.
      error = CheckDay(field, value.integer / kMicrosPerDay, today + 1);
    } else if (value.type == ValueType::kEnum &&
               field.enum_type->FindValueByNumber(static_cast<int>(value.integer)) == nullptr) {
      error = FieldError{field.name, "UNKNOWN_VALUE", absl::StrCat(value.integer, " is no value of this enum")};
    }
    if (error.has_value()) return error;
  }
  static const FactSchema& rate = *FactSchemas::Get().Find("fx_rate");
  return &row.schema() == &rate ? CheckRate(row) : std::nullopt;
}

}  // namespace partnermetrics
