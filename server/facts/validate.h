// The checks of ingest that need no state.
#ifndef PARTNERMETRICS_SERVER_FACTS_VALIDATE_H_
#define PARTNERMETRICS_SERVER_FACTS_VALIDATE_H_

#include <optional>

#include "partnermetrics/v1/event.pb.h"
#include "server/base/civil.h"
#include "server/base/errors.h"
#include "server/facts/fact_row.h"

namespace partnermetrics {

// Checks an event's envelope: identity, revision, exactly one known kind, no unknown fields.
std::optional<FieldError> ValidateEnvelope(const v1::Event& event);

// Checks required fields and ranges of a decoded fact; dates lie between 1990-01-01 and 15 years after `today`.
std::optional<FieldError> ValidateFact(const FactRow& row, Day today);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_FACTS_VALIDATE_H_
