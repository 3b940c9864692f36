// From an event as a caller sends it to one that may enter the log: checked, personal data split off, serialised.
#ifndef PARTNERMETRICS_SERVER_INGEST_PREPARE_H_
#define PARTNERMETRICS_SERVER_INGEST_PREPARE_H_

#include <string>
#include <variant>
#include <vector>

#include "partnermetrics/v1/event.pb.h"
#include "server/base/civil.h"
#include "server/base/errors.h"
#include "server/engine/keys.h"
#include "server/facts/personal.h"
#include "storage/event_log.h"

namespace partnermetrics {

struct PreparedEvent {
  FactId id;
  int64_t revision = 0;
  bool deleted = false;
  std::string payload;  // serialised v1::Event
  std::vector<storage::PersonalRow> personal;
};

struct PrepareContext {
  absl::string_view program;   // id of the programme
  absl::string_view source;    // for events that name none
  absl::string_view currency;  // of the programme
  Day today = 0;
  const Pseudonymiser* pseudonymiser = nullptr;
};

// The event, or the field at fault; `event` is used up. Needs no state; any thread.
std::variant<PreparedEvent, FieldError> Prepare(v1::Event&& event, const PrepareContext& context);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_INGEST_PREPARE_H_
