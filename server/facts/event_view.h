// An event as the engine reads it: the envelope's fields and the bytes of its fact, taken from the wire.
#ifndef PARTNERMETRICS_SERVER_FACTS_EVENT_VIEW_H_
#define PARTNERMETRICS_SERVER_FACTS_EVENT_VIEW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {

// Points into the serialised event.
struct EventView {
  absl::string_view source;
  absl::string_view record_id;
  int64_t revision = 0;
  bool deleted = false;
  const FactSchema* schema = nullptr;
  absl::string_view fact;  // serialised content of the fact

  // False when the bytes are no event with a known kind.
  bool Parse(absl::string_view event);
};

// A reference of a fact to a partner, in the form that aliases are looked up by: "external:salesforce:001…",
// "domain:example.com", "email:~…", "partner:…".
using ReferenceKey = std::string;

// The partners that a fact names: one group of references per attribution, each in order of trust.
struct PartnerMention {
  std::vector<ReferenceKey> references;
  int role = 0;              // v1::AttributionRole; 0 for kinds without roles
  int64_t split_nanos = -1;  // share in billionths; -1: not stated
};

// Reads the mentions of a fact. Malformed references give none.
std::vector<PartnerMention> ReadMentions(const FactSchema& schema, absl::string_view fact);

// Appends what the mentions of a fact are read from: for facts for which this is the same they are the same.
void AppendMentionBytes(const FactSchema& schema, absl::string_view fact, std::string& bytes);

// The key of a serialised PartnerReference; empty when it names nothing.
ReferenceKey ReadReference(absl::string_view reference);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_FACTS_EVENT_VIEW_H_
