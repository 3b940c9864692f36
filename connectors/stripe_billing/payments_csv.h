// The dashboard's payments export: payments.csv and unified_payments.csv of all years, also re-saved by a spreadsheet.
#ifndef PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_PAYMENTS_CSV_H_
#define PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_PAYMENTS_CSV_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "connectors/sdk/readers/columns.h"
#include "connectors/sdk/readers/record.h"
#include "connectors/sdk/readers/row_ids.h"
#include "connectors/stripe_billing/objects.h"

namespace partnermetrics::stripe {

class PaymentsCsv {
 public:
  PaymentsCsv(sdk::ColumnBinder* bind, const Options& options, int64_t file_micros);

  // Maps one row. Returns the rule by which it is left out, or null. Faults stay in the record.
  const char* Map(sdk::CsvRecord* record, std::string_view raw, bool invoices_are_here, v1::EventBatch* events);

 private:
  std::string RecordId(const sdk::CsvRecord& record, std::string_view raw);
  void AddReferences(const sdk::CsvRecord& record,
                     google::protobuf::RepeatedPtrField<v1::PartnerReference>* references) const;

  const Options& options_;
  int64_t file_micros_;
  int id_, created_, amount_, refunded_, refunded_at_, currency_, status_, captured_, mode_, customer_, email_,
      invoice_;
  std::vector<std::pair<std::string, int>> metadata_;  // "key (metadata)" columns that name a partner
  sdk::RowIds row_ids_;
};

}  // namespace partnermetrics::stripe

#endif  // PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_PAYMENTS_CSV_H_
