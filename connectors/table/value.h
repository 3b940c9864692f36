// What expressions over a row compute with. Values; null is a value of type kNull.
#ifndef PARTNERMETRICS_CONNECTORS_TABLE_VALUE_H_
#define PARTNERMETRICS_CONNECTORS_TABLE_VALUE_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/string_view.h"
#include "connectors/sdk/readers/numbers.h"
#include "connectors/sdk/readers/times.h"
#include "server/base/civil.h"

namespace partnermetrics::table {

enum class Type { kNull, kText, kNumber, kBool, kDate, kTime, kMoney, kDays };

// "a text", "a date": for messages.
absl::string_view TypeName(Type type);

struct Value {
  Type type = Type::kNull;
  std::string text;     // kText; the currency of kMoney, empty for the one of the formats
  Nanos number = 0;     // kNumber, kMoney, kDays (in whole days)
  bool flag = false;    // kBool
  sdk::CivilDate date;  // kDate
  sdk::Instant time;    // kTime

  bool is_null() const { return type == Type::kNull; }

  static Value Null() { return {}; }
  // Blank text is null, as in every cell.
  static Value Text(std::string text) {
    Value value;
    if (!text.empty()) value.type = Type::kText;
    value.text = std::move(text);
    return value;
  }
  static Value Number(Nanos number) {
    Value value;
    value.type = Type::kNumber;
    value.number = number;
    return value;
  }
  static Value Bool(bool flag) {
    Value value;
    value.type = Type::kBool;
    value.flag = flag;
    return value;
  }
  static Value Date(const sdk::CivilDate& date) {
    Value value;
    value.type = Type::kDate;
    value.date = date;
    return value;
  }
  static Value Time(const sdk::Instant& time) {
    Value value;
    value.type = Type::kTime;
    value.time = time;
    return value;
  }
  static Value Money(Nanos number, std::string currency) {
    Value value;
    value.type = Type::kMoney;
    value.number = number;
    value.text = std::move(currency);
    return value;
  }
  static Value Days(Nanos days) {
    Value value;
    value.type = Type::kDays;
    value.number = days;
    return value;
  }
};

inline Nanos ToNanos(const sdk::Decimal& decimal) {
  return Nanos(decimal.units) * kNanosPerUnit + decimal.nanos;
}

// The value as text: "12.5", "2025-03-31", "true". Of types that have one (not times and amounts).
std::string ToText(const Value& value);

}  // namespace partnermetrics::table

#endif  // PARTNERMETRICS_CONNECTORS_TABLE_VALUE_H_
