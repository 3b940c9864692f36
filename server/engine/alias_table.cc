#include "server/engine/alias_table.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

// Bounds the memory of looked-up references; more than any programme has partners.
constexpr size_t kMaxKnown = 200'000;

bool IsFreeMail(absl::string_view reference) {
  return absl::ConsumePrefix(&reference, "domain:") && IsFreeMailDomain(reference);
}

}  // namespace

std::string EncodeClaims(const std::vector<AliasClaim>& claims) {
  std::string value;
  storage::ByteWriter writer(&value);
  writer.Varint(claims.size());
  for (const AliasClaim& claim : claims) writer.String(claim.partner_id).String(claim.claimant);
  return value;
}

absl::StatusOr<std::vector<AliasClaim>> DecodeClaims(absl::string_view value) {
  storage::ByteReader reader(value);
  std::vector<AliasClaim> claims(reader.Count(2));
  for (AliasClaim& claim : claims) {
    claim.partner_id = std::string(reader.String());
    claim.claimant = std::string(reader.String());
  }
  RETURN_IF_ERROR(reader.Finish("alias"));
  return claims;
}

std::string WinnerOf(const std::vector<AliasClaim>& claims) {
  std::string winner;
  bool several = false, by_admin = false;
  for (const AliasClaim& claim : claims) {
    const bool admin = claim.claimant == kAdminClaimant;
    if (by_admin && !admin) continue;
    if (admin && !by_admin) {
      winner.clear();
      several = false;
      by_admin = true;
    }
    several = several || (!winner.empty() && winner != claim.partner_id);
    winner = claim.partner_id;
  }
  return several ? "" : winner;
}

bool IsFreeMailDomain(absl::string_view domain) {
  static const auto* const domains = new absl::flat_hash_set<absl::string_view>{
      "gmail.com",      "googlemail.com", "outlook.com", "hotmail.com",   "live.com",   "msn.com",      "yahoo.com",
      "ymail.com",      "icloud.com",     "me.com",      "mac.com",       "aol.com",    "gmx.com",      "gmx.de",
      "gmx.net",        "web.de",         "mail.com",    "mail.ru",       "yandex.ru",  "yandex.com",   "proton.me",
      "protonmail.com", "qq.com",         "163.com",     "126.com",       "zoho.com",   "fastmail.com", "t-online.de",
      "orange.fr",      "free.fr",        "comcast.net", "hotmail.co.uk", "yahoo.co.uk"};
  return domains->contains(domain);
}

absl::StatusOr<std::string> AliasTable::Lookup(const ReferenceKey& reference) {
  if (const auto it = known_.find(reference); it != known_.end()) return it->second;
  std::string partner;
  if (!IsFreeMail(reference)) {
    ASSIGN_OR_RETURN(auto value, state_.Get(StateTable::kIndexes, keys_.Of(Index::kAlias, reference)));
    if (value.has_value()) {
      ASSIGN_OR_RETURN(auto claims, DecodeClaims(*value));
      partner = WinnerOf(claims);
    }
  }
  if (known_.size() >= kMaxKnown) known_.clear();
  return known_[reference] = partner;
}

absl::StatusOr<bool> AliasTable::Change(const ReferenceKey& reference, const AliasClaim& claim, bool add) {
  const std::string key = keys_.Of(Index::kAlias, reference);
  ASSIGN_OR_RETURN(auto value, state_.Get(StateTable::kIndexes, key));
  std::vector<AliasClaim> claims;
  if (value.has_value()) {
    ASSIGN_OR_RETURN(claims, DecodeClaims(*value));
  }
  const std::string before = WinnerOf(claims);
  const auto at = std::lower_bound(claims.begin(), claims.end(), claim);
  const bool there = at != claims.end() && *at == claim;
  if (add == there) return false;
  if (add) {
    claims.insert(at, claim);
  } else {
    claims.erase(at);
  }
  if (claims.empty()) {
    state_.Delete(StateTable::kIndexes, key);
  } else {
    state_.Put(StateTable::kIndexes, key, EncodeClaims(claims));
  }
  const bool claimed = std::any_of(claims.begin(), claims.end(),
                                   [&](const AliasClaim& other) { return other.partner_id == claim.partner_id; });
  std::string claimed_key = keys_.Of(Index::kClaimed, claim.partner_id);
  storage::ByteWriter(&claimed_key).KeyString(reference);
  if (claimed) {
    state_.Put(StateTable::kIndexes, std::move(claimed_key), "");
  } else {
    state_.Delete(StateTable::kIndexes, std::move(claimed_key));
  }
  known_.erase(reference);
  return before != WinnerOf(claims) && !IsFreeMail(reference);
}

}  // namespace partnermetrics
