// What is known of every partner, read at once.
//
//   ASSIGN_OR_RETURN(std::vector<PartnerRecord> partners, ReadPartnerRecords(view));
#ifndef PARTNERMETRICS_SERVER_QUERIES_PARTNER_RECORDS_H_
#define PARTNERMETRICS_SERVER_QUERIES_PARTNER_RECORDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/engine.h"

namespace partnermetrics {

struct PartnerRecord {
  std::string partner_id;
  std::string fields;  // serialised v1::Partner: of each field what the first source that states it says
};

// By id. One pass over the facts that state partners, however many these are.
absl::StatusOr<std::vector<PartnerRecord>> ReadPartnerRecords(const Engine::View& view);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_PARTNER_RECORDS_H_
