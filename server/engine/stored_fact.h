// A fact as the state keeps it: its current content, what orders its revisions, and how it was resolved.
#ifndef PARTNERMETRICS_SERVER_ENGINE_STORED_FACT_H_
#define PARTNERMETRICS_SERVER_ENGINE_STORED_FACT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/civil.h"

namespace partnermetrics {

// A partner that a fact counts for.
struct ResolvedPartner {
  std::string partner_id;
  int role = 0;             // v1::AttributionRole; 0 for kinds without roles
  int64_t share_nanos = 0;  // of the amount, in billionths; all shares of a fact add up to 10^9
  friend bool operator==(const ResolvedPartner& a, const ResolvedPartner& b) {
    return a.partner_id == b.partner_id && a.role == b.role && a.share_nanos == b.share_nanos;
  }
};

// The exchange rate by which a fact's money in one currency is converted into the programme's.
struct UsedRate {
  std::string currency;  // of the fact's money
  Nanos rate = 0;        // units of the programme's currency for one of `currency`; the other way round when `inverse`
  bool inverse = false;
  friend bool operator==(const UsedRate& a, const UsedRate& b) {
    return a.currency == b.currency && a.rate == b.rate && a.inverse == b.inverse;
  }
};

// What the engine adds to a fact. Stored with it, so that what it counted can be taken back whatever changed since.
struct Resolution {
  std::vector<ResolvedPartner> partners;  // by id
  std::vector<UsedRate> rates;            // one for each other currency that has one
  bool unresolved = false;                // names a partner that is not known
  bool explicitly_partner = false;        // names a partner by an id, known or not: never a direct fact
  bool waiting = false;                   // a part whose root is not there: counts nowhere yet
  bool parked = false;                    // money waits for a rate
  friend bool operator==(const Resolution& a, const Resolution& b) {
    return a.partners == b.partners && a.rates == b.rates && a.unresolved == b.unresolved &&
           a.explicitly_partner == b.explicitly_partner && a.waiting == b.waiting && a.parked == b.parked;
  }
};

// The order of revisions of one fact.
struct FactVersion {
  int64_t revision = 0;
  uint64_t sequence = 0;
  friend bool operator<(const FactVersion& a, const FactVersion& b) {
    return a.revision != b.revision ? a.revision < b.revision : a.sequence < b.sequence;
  }
  friend bool operator==(const FactVersion& a, const FactVersion& b) {
    return a.revision == b.revision && a.sequence == b.sequence;
  }
};

struct StoredFact {
  FactVersion version;
  uint64_t position = 0;  // of the record that states the content
  bool deleted = false;   // then `fact` is empty
  Resolution resolution;
  std::string fact;  // serialised content
  friend bool operator==(const StoredFact& a, const StoredFact& b) {
    return a.version == b.version && a.position == b.position && a.deleted == b.deleted &&
           a.resolution == b.resolution && a.fact == b.fact;
  }
};

inline const StoredFact* OrNull(const std::optional<StoredFact>& fact) {
  return fact.has_value() ? &*fact : nullptr;
}

std::string EncodeFact(const StoredFact& fact);
absl::StatusOr<StoredFact> DecodeFact(absl::string_view value);
// The same into a fact whose memory is used again.
absl::Status DecodeFact(absl::string_view value, StoredFact& fact);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_STORED_FACT_H_
