#include "connectors/table/value.h"

namespace partnermetrics::table {

absl::string_view TypeName(Type type) {
  switch (type) {
    case Type::kNull:
      return "null";
    case Type::kText:
      return "a text";
    case Type::kNumber:
      return "a number";
    case Type::kBool:
      return "a condition";
    case Type::kDate:
      return "a date";
    case Type::kTime:
      return "a time";
    case Type::kMoney:
      return "an amount of money";
    case Type::kDays:
      return "a number of days";
  }
  return "";
}

std::string ToText(const Value& value) {
  switch (value.type) {
    case Type::kText:
      return value.text;
    case Type::kNumber:
      return NanosText(value.number);
    case Type::kBool:
      return value.flag ? "true" : "false";
    case Type::kDate:
      return DayText(static_cast<Day>(sdk::DayNumber(value.date)));
    default:
      return "";
  }
}

}  // namespace partnermetrics::table
