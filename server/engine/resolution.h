// Who and what a fact counts for: decided once, when it is applied, and stored with it. Functions are free of state;
// the engine and the brute-force check share them.
#ifndef PARTNERMETRICS_SERVER_ENGINE_RESOLUTION_H_
#define PARTNERMETRICS_SERVER_ENGINE_RESOLUTION_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
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

// Names a fact in the entries of measures.
std::string FactBytes(const FactId& id);

// Name of the row that counts what waits for a rate and is not in a measure's own row.
std::string ParkedRowName(absl::string_view measure);

// The scopes of the whole that a fact counts in, besides those of its partners. The business has all facts.
struct WholeScopes {
  bool program = false;
  bool direct = false;
};
WholeScopes WholeScopesOf(const FactSchema& schema, const Resolution& resolution);

// Values that a fact shows to measures in one scope, for kinds with roles: sets role and credited amount on the row.
// The first is the view of business, programme and direct part; the second that of some of the fact's partners, by
// place in the resolution: of one partner, or of those of a segment.
void SetRoleFields(const FactSchema& schema, const Resolution& resolution, FactRow& row);
void SetRoleFields(const FactSchema& schema, const Resolution& resolution, absl::Span<const int> partners,
                   FactRow& row);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_RESOLUTION_H_
