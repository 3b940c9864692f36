// One partner from what several sources state about it.
#ifndef PARTNERMETRICS_SERVER_ENGINE_PARTNER_ENTITY_H_
#define PARTNERMETRICS_SERVER_ENGINE_PARTNER_ENTITY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "partnermetrics/v1/catalog.pb.h"
#include "partnermetrics/v1/partner.pb.h"
#include "server/engine/keys.h"
#include "server/facts/event_view.h"

namespace partnermetrics {

// Source of what the server itself states about partners; its record ids are partner ids.
inline constexpr char kOwnSource[] = "partnermetrics";

// The partner that a fact of kind "partner" states: the record's own, or the one it was merged into.
std::string StatedPartner(absl::string_view source, absl::string_view record_id, absl::string_view fact);

// References that a partner fact claims for its partner: sorted, each once.
std::vector<ReferenceKey> ClaimedReferences(absl::string_view source, absl::string_view record_id,
                                            absl::string_view fact);

// Place of a source in the programme's order: the server's own first, then the configured sources; all others are
// equal.
size_t SourcePrecedence(const v1::Program& program, absl::string_view source);

// Whether the record's statements go before the other's: by its source, then by name.
bool PrecedesAsSource(const v1::Program& program, const FactId& a, const FactId& b);

struct PartnerStatement {
  FactId id;
  std::string fact;  // serialised v1::Partner
};

// Brings the statements into the programme's order: the server's own first, then the configured sources, then the
// others by name.
void SortByPrecedence(const v1::Program& program, std::vector<PartnerStatement>& statements);

// Of each field what the first statement says that has it.
v1::Partner MergeStatements(const std::vector<PartnerStatement>& sorted);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_PARTNER_ENTITY_H_
