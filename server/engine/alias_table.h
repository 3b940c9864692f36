// Which reference leads to which partner.
//
// A reference ("external:salesforce:001…", "domain:example.com") is claimed by partners: by the facts that state them,
// or by an admin. It leads to a partner when exactly one partner claims it; an admin's claim goes before all others.
// What a table holds depends only on the set of claims, not on their order.
#ifndef PARTNERMETRICS_SERVER_ENGINE_ALIAS_TABLE_H_
#define PARTNERMETRICS_SERVER_ENGINE_ALIAS_TABLE_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/engine/keys.h"
#include "server/engine/state_overlay.h"
#include "server/facts/event_view.h"

namespace partnermetrics {

// One claim: a partner and who says so ("fact:salesforce/001…" or "admin").
struct AliasClaim {
  std::string partner_id;
  std::string claimant;
  friend bool operator==(const AliasClaim& a, const AliasClaim& b) {
    return a.partner_id == b.partner_id && a.claimant == b.claimant;
  }
  friend bool operator<(const AliasClaim& a, const AliasClaim& b) {
    return a.partner_id != b.partner_id ? a.partner_id < b.partner_id : a.claimant < b.claimant;
  }
};

inline constexpr char kAdminClaimant[] = "admin";

std::string EncodeClaims(const std::vector<AliasClaim>& claims);
absl::StatusOr<std::vector<AliasClaim>> DecodeClaims(absl::string_view value);

// The partner that the claims lead to; empty for none or several.
std::string WinnerOf(const std::vector<AliasClaim>& claims);

// Whether a domain belongs to nobody in particular (gmail.com).
bool IsFreeMailDomain(absl::string_view domain);

// The applier's view of the aliases. Remembers what it looked up until a claim changes.
class AliasTable {
 public:
  AliasTable(const Keys& keys, StateOverlay& state) : keys_(keys), state_(state) {}

  // The partner a reference leads to; empty when unknown.
  absl::StatusOr<std::string> Lookup(const ReferenceKey& reference);

  // Forgets what it remembers: the batch that it may come from is discarded.
  void Forget() { known_.clear(); }

  // Adds or removes a claim. True when the reference leads elsewhere now.
  absl::StatusOr<bool> Change(const ReferenceKey& reference, const AliasClaim& claim, bool add);

 private:
  const Keys& keys_;
  StateOverlay& state_;
  absl::flat_hash_map<ReferenceKey, std::string> known_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_ALIAS_TABLE_H_
