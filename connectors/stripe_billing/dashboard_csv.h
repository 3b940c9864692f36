// The CSV exports of Stripe's dashboard, of all years, also re-saved by a spreadsheet. Which export a file is, its
// header tells; columns are found by their names, which changed over the years.
//
//   std::unique_ptr<DashboardCsv> rows = DashboardCsv::Make(csv.header(), context, &bind);
//   if (rows == nullptr) …   // an export that states no facts: NoFacts() says why
//   const char* skip = rows->Map(&record, row.raw, &events);
//
// One thread at a time.
#ifndef PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_DASHBOARD_CSV_H_
#define PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_DASHBOARD_CSV_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/sdk/readers/columns.h"
#include "connectors/sdk/readers/record.h"
#include "connectors/sdk/readers/row_ids.h"
#include "connectors/stripe_billing/objects.h"

namespace partnermetrics::stripe {

enum class DashboardExport { kPayments, kInvoices, kCustomers, kSubscriptions, kBalance, kProducts };

DashboardExport ExportOf(const sdk::CsvHeader& header);

// Why the rows of an export are not read; null for those that are.
const char* NoFacts(DashboardExport kind);

class DashboardCsv {
 public:
  virtual ~DashboardCsv() = default;

  // The reader of the export that the header belongs to; null for one that states no facts. `bind` notes the columns
  // that are missing and those that nothing reads.
  static std::unique_ptr<DashboardCsv> Make(const sdk::CsvHeader& header, const MapContext& context,
                                            sdk::ColumnBinder* bind);

  // Maps one row. Returns the rule by which it is left out, or null. Faults stay in the record. Every row must be
  // given, in order: rows without an id are numbered among their equals.
  virtual const char* Map(sdk::CsvRecord* record, std::string_view raw, v1::EventBatch* events) = 0;

 protected:
  DashboardCsv(const MapContext& context, sdk::ColumnBinder* bind);

  // An event of the row with the newest of the times as its revision, or the file's.
  v1::Event* AddEvent(const std::string& id, std::initializer_list<std::optional<sdk::Instant>> times,
                      v1::EventBatch* events) const;
  // Exports whose id column was left out get ids from the row's text; equal rows are numbered.
  std::string RecordId(const sdk::CsvRecord& record, std::string_view raw);
  bool IsTestMode(const sdk::CsvRecord& record) const;
  // From the columns "key (metadata)" that name a partner.
  void AddMetadata(const sdk::CsvRecord& record, References* references) const;
  std::string DealId(const sdk::CsvRecord& record) const;
  static std::string Currency(sdk::CsvRecord* record, int column);

  const MapContext context_;

 private:
  int id_, mode_;
  std::vector<std::pair<std::string, int>> partners_;
  std::vector<int> deals_;
  sdk::RowIds row_ids_;
};

}  // namespace partnermetrics::stripe

#endif  // PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_DASHBOARD_CSV_H_
