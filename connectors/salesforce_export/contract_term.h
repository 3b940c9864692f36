// The columns of a Contract that say with whom, from when to when, and how it stands.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_CONTRACT_TERM_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_CONTRACT_TERM_H_

#include <optional>

#include "connectors/salesforce_export/rows.h"
#include "partnermetrics/v1/selling.pb.h"

namespace partnermetrics::salesforce {

struct ContractTerm {
  explicit ContractTerm(sdk::ColumnBinder* bind);

  v1::ContractStatus Status(const sdk::CsvRecord& record) const;
  // It is or was in force.
  bool WasActivated(const sdk::CsvRecord& record) const;
  // Its last day: EndDate, else ContractTerm months from StartDate on. Faults stay in the record.
  std::optional<sdk::CivilDate> LastDay(sdk::CsvRecord* record) const;

  int account;
  int start;
  int end;
  int months;
  int status;
  int activated;
  ChangeColumns changed;
};

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_CONTRACT_TERM_H_
