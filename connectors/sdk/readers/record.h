// Typed access to the cells of a CSV row that remembers the first thing wrong with it.
//
//   CsvRecord record(row, csv.header(), format);
//   deal->set_name(record.Text(columns.name));
//   if (auto amount = record.Amount(columns.amount)) SetMoney(*amount, currency, deal->mutable_amount());
//   if (!record.ok()) return sink.Reject(place, row.raw, record.fault().field, record.fault().reason,
//                                        record.fault().message);
//
// A blank cell gives nothing and is no fault. One thread at a time.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_RECORD_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_RECORD_H_

#include <optional>
#include <string>
#include <string_view>

#include "connectors/sdk/readers/csv.h"
#include "connectors/sdk/readers/numbers.h"
#include "connectors/sdk/readers/times.h"

namespace partnermetrics::sdk {

// What a source leaves open about its spelling of numbers and times.
struct CellFormat {
  NumberStyle numbers = NumberStyle::kPlain;
  DateOrder date_order = DateOrder::kUnknown;
  TimeZone zone;  // of times that state none
};

// Takes the common settings number_style (plain, 1,234.5, 1.234,5), date_order (month_first, day_first) and time_zone.
Result<CellFormat> ParseCellFormat(const Settings& settings);

// Why a record is rejected.
struct Fault {
  std::string field;             // column
  const char* reason = nullptr;  // code: bad_date
  std::string message;
};

class CsvRecord {
 public:
  CsvRecord(const CsvRow& row, const CsvHeader& header, const CellFormat& format);

  bool ok() const { return fault_.reason == nullptr; }
  const Fault& fault() const { return fault_; }
  // Notes a fault, unless there is one already.
  void Fail(int column, const char* reason, const std::string& message);

  bool IsBlank(int column) const { return row_.Cell(column).empty(); }
  std::string Text(int column) const { return row_.Text(column); }
  std::string_view Cell(int column) const { return row_.Cell(column); }

  std::optional<Decimal> Amount(int column);        // bad_amount
  std::optional<int64_t> Integer(int column);       // bad_number
  std::optional<CivilDate> Date(int column);        // bad_date
  std::optional<Instant> Time(int column);          // bad_time
  std::optional<ParsedTime> LocalTime(int column);  // bad_time
  // Blank is false, as loaders write it.
  bool Bool(int column);  // bad_boolean
  // A Salesforce id with 18 characters; empty for null.
  std::string SalesforceId(int column);  // bad_id
  // As SalesforceId; null is a fault (missing_id).
  std::string RequiredSalesforceId(int column);
  // An ISO 4217 code, or `otherwise` when blank.
  std::string Currency(int column, const std::string& otherwise);  // unknown_currency

 private:
  void FailCell(int column, const char* reason, const std::string& what);

  const CsvRow& row_;
  const CsvHeader& header_;
  const CellFormat& format_;
  Fault fault_;
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_RECORD_H_
