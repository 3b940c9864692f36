// Who and what a fact counts for: decided once, when it is applied, and stored with it. Functions are free of state;
// the engine and the brute-force check share them.
#ifndef PARTNERMETRICS_SERVER_ENGINE_RESOLUTION_H_
#define PARTNERMETRICS_SERVER_ENGINE_RESOLUTION_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/engine/keys.h"
#include "server/engine/stored_fact.h"
#include "server/facts/event_view.h"
#include "server/facts/fact_row.h"

namespace partnermetrics {

// Effect of a record.
enum class Effect {
  kApplied,     // the fact's content or version is now this one
  kUnchanged,   // the same version and content stood there
  kSuperseded,  // a higher version stands there
  kNone,        // the record made no sense
};

// Decides between the content that stands and the one that comes. Same version, other content: the later one wins.
Effect JudgeVersion(const FactVersion& current, absl::string_view current_fact, bool current_deleted,
                    const FactVersion& incoming, absl::string_view incoming_fact, bool incoming_deleted);

// Adds a resolution to a fact: who its partners are, by the aliases. Parts take those of their root.
using LookupReference = std::function<absl::StatusOr<std::string>(const ReferenceKey&)>;
absl::StatusOr<Resolution> ResolveMentions(const std::vector<PartnerMention>& mentions, const LookupReference& lookup);

// What a fact that names no partner takes from its customer. That the customer's partner is unknown is listed once,
// with the customer.
Resolution InheritFromCustomer(const Resolution& customer);

// Names a fact in the entries of measures.
std::string FactBytes(const FactId& id);

// Name of the row that counts what waits for a rate and is not in a measure's own row.
std::string ParkedRowName(absl::string_view measure);

// Values that a fact shows to measures in one scope, for kinds with roles: sets role and credited amount on the row.
// `partner` < 0: the programme's view.
void SetRoleFields(const FactSchema& schema, const Resolution& resolution, int partner, FactRow& row);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_RESOLUTION_H_
