#include "connectors/sdk/readers/record.h"

#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::sdk {

Result<CellFormat> ParseCellFormat(const Settings& settings) {
  CellFormat format;
  std::string numbers = settings.Get("number_style", "plain");
  if (numbers == "1,234.5") {
    format.numbers = NumberStyle::kCommaGrouped;
  } else if (numbers == "1.234,5") {
    format.numbers = NumberStyle::kDotGrouped;
  } else if (numbers != "plain") {
    return BadSetting("number_style", "\"" + numbers + "\" is no number style", "use plain, 1,234.5 or 1.234,5");
  }
  std::string order = settings.Get("date_order");
  if (order == "month_first") {
    format.date_order = DateOrder::kMonthFirst;
  } else if (order == "day_first") {
    format.date_order = DateOrder::kDayFirst;
  } else if (!order.empty()) {
    return BadSetting("date_order", "\"" + order + "\" is no date order", "use month_first or day_first");
  }
  std::string zone_name = settings.Get("time_zone", "UTC");
  std::optional<TimeZone> zone = TimeZone::Load(zone_name);
  if (!zone)
    return BadSetting("time_zone", "\"" + zone_name + "\" is no time zone", "use a name such as Europe/Berlin");
  format.zone = *zone;
  return format;
}

CsvRecord::CsvRecord(const CsvRow& row, const CsvHeader& header, const CellFormat& format)
    : row_(row), header_(header), format_(format) {
  if (row.problem != nullptr) fault_ = {"", row.problem, row.message};
}

void CsvRecord::Fail(int column, const char* reason, const std::string& message) {
  if (!ok()) return;
  bool known = column >= 0 && static_cast<size_t>(column) < header_.size();
  fault_ = {known ? header_.names()[static_cast<size_t>(column)] : "", reason, message};
}

void CsvRecord::FailCell(int column, const char* reason, const std::string& what) {
  std::string text = row_.Text(column);
  std::string message(1, '"');
  message.append(Shorten(text, 80)).append("\" is no ").append(what);
  Fail(column, reason, message);
}

std::optional<Decimal> CsvRecord::Amount(int column) {
  if (IsBlank(column)) return std::nullopt;
  std::optional<Decimal> value = ParseDecimal(Cell(column), format_.numbers);
  if (!value) FailCell(column, "bad_amount", "number");
  return value;
}

std::optional<int64_t> CsvRecord::Integer(int column) {
  if (IsBlank(column)) return std::nullopt;
  std::optional<int64_t> value = ParseInteger(Cell(column));
  if (!value) FailCell(column, "bad_number", "whole number");
  return value;
}

std::optional<CivilDate> CsvRecord::Date(int column) {
  if (IsBlank(column)) return std::nullopt;
  std::optional<CivilDate> value = ParseDate(Cell(column), format_.date_order);
  if (!value) FailCell(column, "bad_date", "date (days and months alone need the setting date_order)");
  return value;
}

std::optional<ParsedTime> CsvRecord::LocalTime(int column) {
  if (IsBlank(column)) return std::nullopt;
  std::optional<ParsedTime> value = ParseTime(Cell(column), format_.date_order);
  if (!value) FailCell(column, "bad_time", "time (days and months alone need the setting date_order)");
  return value;
}

std::optional<Instant> CsvRecord::Time(int column) {
  std::optional<ParsedTime> value = LocalTime(column);
  if (!value) return std::nullopt;
  return format_.zone.ToInstant(*value);
}

bool CsvRecord::Bool(int column) {
  if (IsBlank(column)) return false;
  std::optional<bool> value = ParseBool(Cell(column));
  if (!value) FailCell(column, "bad_boolean", "boolean");
  return value.value_or(false);
}

std::string CsvRecord::SalesforceId(int column) {
  std::optional<std::string> id = sdk::SalesforceId(Cell(column));
  if (!id) FailCell(column, "bad_id", "Salesforce id (15 or 18 letters and digits with their check characters)");
  return id.value_or("");
}

std::string CsvRecord::RequiredSalesforceId(int column) {
  std::string id = SalesforceId(column);
  if (id.empty()) Fail(column, "missing_id", "the row has no id");
  return id;
}

std::string CsvRecord::Currency(int column, const std::string& otherwise) {
  if (IsBlank(column)) return otherwise;
  std::string code = CurrencyCode(Cell(column));
  if (code.empty()) FailCell(column, "unknown_currency", "currency of ISO 4217");
  return code;
}

}  // namespace partnermetrics::sdk
