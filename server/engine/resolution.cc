#include "server/engine/resolution.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

// References that only suggest a partner: a customer's own mail domain leads nowhere and makes no partner deal of it.
bool IsExplicit(const ReferenceKey& reference) {
  return absl::StartsWith(reference, "external:") || absl::StartsWith(reference, "partner:");
}

}  // namespace

Effect JudgeVersion(const FactVersion& current, absl::string_view current_fact, bool current_deleted,
                    const FactVersion& incoming, absl::string_view incoming_fact, bool incoming_deleted) {
  const bool same = current_deleted == incoming_deleted && current_fact == incoming_fact;
  if (same && incoming.revision == current.revision) return Effect::kUnchanged;
  return incoming < current ? Effect::kSuperseded : Effect::kApplied;
}

absl::StatusOr<Resolution> ResolveMentions(const std::vector<PartnerMention>& mentions, const LookupReference& lookup) {
  Resolution resolution;
  std::map<std::string, std::pair<int, int64_t>> partners;  // id → role, stated share (-1: none)
  for (const PartnerMention& mention : mentions) {
    std::string partner;
    for (const ReferenceKey& reference : mention.references) {
      resolution.explicitly_partner |= IsExplicit(reference);
      if (!partner.empty()) continue;
      ASSIGN_OR_RETURN(partner, lookup(reference));
    }
    if (partner.empty()) {
      resolution.unresolved = true;
      continue;
    }
    const auto [it, is_new] = partners.try_emplace(partner, mention.role, mention.split_nanos);
    if (is_new) continue;
    // Several parts of one partner are one: its strongest role, all its shares.
    auto& [role, share] = it->second;
    if (role == 0 || (mention.role != 0 && mention.role < role)) role = mention.role;
    if (mention.split_nanos >= 0) share = std::max<int64_t>(share, 0) + mention.split_nanos;
  }
  int64_t stated = 0, open = 0;
  for (const auto& [id, part] : partners) {
    if (part.second < 0) {
      ++open;
    } else {
      stated += part.second;
    }
  }
  // Partners without a stated share divide what is left; then all shares are brought to one whole, and what rounding
  // leaves goes to the smallest id.
  const int64_t rest = open > 0 ? std::max<int64_t>(kNanosPerUnit - stated, 0) / open : 0;
  const int64_t whole = stated + rest * open;
  int64_t given = 0;
  for (const auto& [id, part] : partners) {
    const Nanos share = part.second < 0 ? rest : part.second;
    const auto scaled = whole > 0 ? static_cast<int64_t>(share * kNanosPerUnit / whole)
                                  : kNanosPerUnit / static_cast<int64_t>(partners.size());
    resolution.partners.push_back({id, part.first, scaled});
    given += scaled;
  }
  if (!resolution.partners.empty()) resolution.partners.front().share_nanos += kNanosPerUnit - given;
  return resolution;
}

std::string FactBytes(const FactId& id) {
  std::string bytes;
  Keys::AppendFact(bytes, id);
  return bytes;
}

std::string ParkedRowName(absl::string_view measure) {
  return absl::StrCat("parked:", measure);
}

Resolution InheritFromCustomer(const Resolution& customer) {
  Resolution resolution;
  resolution.partners = customer.partners;
  resolution.explicitly_partner = customer.explicitly_partner;
  return resolution;
}

void SetRoleFields(const FactSchema& schema, const Resolution& resolution, int partner, FactRow& row) {
  const Value& amount = row[schema.amount_slot()];
  const auto& partners = resolution.partners;
  int role = 0;
  if (partner >= 0) {
    role = partners[static_cast<size_t>(partner)].role;
  } else {
    for (const ResolvedPartner& p : partners) {
      if (role == 0 || (p.role != 0 && p.role < role)) role = p.role;
    }
  }
  row.Set(schema.role_slot(), role == 0 ? Value::Null() : Value::Enum(role));
  Value credited = amount;
  if (partner >= 0 && !amount.is_null()) {
    const auto part_of = [&](const ResolvedPartner& p) { return amount.decimal * p.share_nanos / kNanosPerUnit; };
    credited.decimal = part_of(partners[static_cast<size_t>(partner)]);
    if (partner == 0) {
      Nanos all = 0;
      for (const ResolvedPartner& p : partners) all += part_of(p);
      credited.decimal += amount.decimal - all;
    }
  }
  row.Set(schema.credited_slot(), credited);
}

}  // namespace partnermetrics
