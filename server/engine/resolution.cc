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

// Roles are numbered from the strongest; 0 is none.
int StrongerRole(int a, int b) {
  return a == 0 || (b != 0 && b < a) ? b : a;
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
    role = StrongerRole(role, mention.role);
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

WholeScopes WholeScopesOf(const FactSchema& schema, const Resolution& resolution) {
  WholeScopes scopes;
  const bool has_partner = !resolution.partners.empty();
  scopes.program = has_partner || (schema.program_wide() && !resolution.explicitly_partner);
  scopes.direct = schema.can_have_partner() && !scopes.program && !resolution.explicitly_partner;
  return scopes;
}

void SetRoleFields(const FactSchema& schema, const Resolution& resolution, FactRow& row) {
  int role = 0;
  for (const ResolvedPartner& partner : resolution.partners) role = StrongerRole(role, partner.role);
  row.Set(schema.role_slot(), role == 0 ? Value::Null() : Value::Enum(role));
  row.Set(schema.credited_slot(), row[schema.amount_slot()]);
}

void SetRoleFields(const FactSchema& schema, const Resolution& resolution, absl::Span<const int> partners,
                   FactRow& row) {
  Value credited = row[schema.amount_slot()];
  const Nanos amount = credited.decimal;
  const auto part_of = [amount](const ResolvedPartner& p) { return amount * p.share_nanos / kNanosPerUnit; };
  int role = 0;
  credited.decimal = 0;
  for (const int i : partners) {
    const ResolvedPartner& partner = resolution.partners[static_cast<size_t>(i)];
    role = StrongerRole(role, partner.role);
    credited.decimal += part_of(partner);
    if (i != 0) continue;
    // What rounding leaves goes to the first.
    Nanos all = 0;
    for (const ResolvedPartner& p : resolution.partners) all += part_of(p);
    credited.decimal += amount - all;
  }
  row.Set(schema.role_slot(), role == 0 ? Value::Null() : Value::Enum(role));
  row.Set(schema.credited_slot(), credited);
}

}  // namespace partnermetrics
