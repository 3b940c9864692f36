// The part of a programme's log that makes one partner's numbers as of a position: what a log that is too long to be
// replayed is read for.
//
//   ASSIGN_OR_RETURN(PartnerHistory history, ReadPartnerHistory(engine, log, position, "crm:7"));
//   ASSIGN_OR_RETURN(auto past, Scratch::Of(engine.program(), log, history.records, history.partner_id));
//
// These are the records until then of definitions, aliases, partners, rates and targets, of the facts that name the
// partner now or ever did, of their customers with all that these have, and of the facts' parts. Indexes of the state
// lead to them. One fact of each other kind is with them, as what nobody ever reported is no data.
#ifndef PARTNERMETRICS_SERVER_INGEST_PARTNER_HISTORY_H_
#define PARTNERMETRICS_SERVER_INGEST_PARTNER_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/engine.h"
#include "storage/event_log.h"

namespace partnermetrics {

struct PartnerHistory {
  std::string partner_id;                   // canonical, as of then
  std::vector<storage::LogRecord> records;  // by position
};

// `name` is the partner's id, or another name that led to it then. NOT_FOUND as of FindPartner.
absl::StatusOr<PartnerHistory> ReadPartnerHistory(Engine& engine, const storage::EventLog& log, uint64_t position,
                                                  const std::string& name);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_INGEST_PARTNER_HISTORY_H_
