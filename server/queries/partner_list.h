// Lists of partners: filtered, ordered, by page.
#ifndef PARTNERMETRICS_SERVER_QUERIES_PARTNER_LIST_H_
#define PARTNERMETRICS_SERVER_QUERIES_PARTNER_LIST_H_

#include "absl/status/status.h"
#include "partnermetrics/v1/partner_service.pb.h"
#include "server/engine/partners.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

// The partner as services show it.
v1::PartnerEntity ToEntity(PartnerState partner);

// The list is read in short looks at the state: partners that change meanwhile may show the newer content.
absl::Status ListPartners(ProgramRuntime& program, const v1::ListPartnersRequest& request,
                          v1::ListPartnersResponse& response);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_PARTNER_LIST_H_
