// The partners of deals, as rows of Partner.csv (or OpportunityPartner.csv) name them: of all deals, or of the part of
// them that memory is allowed for.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_DEAL_LINKS_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_DEAL_LINKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "connectors/salesforce_export/part.h"
#include "connectors/salesforce_export/rows.h"

namespace partnermetrics::salesforce {

// Ids are without their check characters: such texts need no memory of their own.
struct DealPartner {
  std::string deal_id;
  std::string partner_id;
  int64_t changed = 0;  // microseconds since 1970
  uint64_t order = 0;   // of the row
  v1::AttributionRole role = v1::ATTRIBUTION_ROLE_UNSPECIFIED;
  bool primary = false;
  bool deleted = false;
  bool mirrored = false;  // has a twin that points the other way
};

// Columns of a row that links a partner to a deal.
struct DealPartnerColumns {
  explicit DealPartnerColumns(sdk::ColumnBinder* bind);

  // Ids are empty when the row is none of a deal. Faults stay in the record.
  DealPartner Read(sdk::CsvRecord* record, const Options& options) const;

  int deal;
  int to;
  int role;
  int primary;
  int deleted;
  int reverse;
  ChangeColumns changed;
};

class DealLinks {
 public:
  // Reads the links of the deals in `part`, which shrinks until memory is enough for them.
  static sdk::Result<DealLinks> Load(const Source& source, Part* part);

  // The partners of a deal in the order of their rows, also links that were deleted.
  std::vector<DealPartner> Of(const std::string& deal_id) const;

 private:
  void Shrink(Part* part);

  std::vector<DealPartner> links_;  // by deal
};

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_DEAL_LINKS_H_
