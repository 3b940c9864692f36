#include "server/engine/partners.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/errors.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

struct Statements {
  std::vector<PartnerStatement> sorted;
  uint64_t version = 0;  // position of the newest
};

absl::StatusOr<Statements> ReadStatements(const Engine::View& view, absl::string_view partner_id) {
  Statements statements;
  ASSIGN_OR_RETURN(auto value, view.IndexValue(Index::kPartner, partner_id));
  if (!value.has_value()) return statements;
  storage::ByteReader reader(*value);
  while (reader.ok() && !reader.empty()) {
    FactId id = Keys::ReadFactId(reader);
    ASSIGN_OR_RETURN(auto fact, view.Fact(id));
    if (!fact.has_value()) continue;
    statements.version = std::max(statements.version, fact->position);
    statements.sorted.push_back({std::move(id), std::move(fact->fact)});
  }
  const auto catalog = view.catalog();
  const v1::Program& program = catalog == nullptr ? v1::Program::default_instance() : catalog->program();
  SortByPrecedence(program, statements.sorted);
  return statements;
}

}  // namespace

absl::StatusOr<std::optional<PartnerState>> ReadPartner(const Engine::View& view, absl::string_view partner_id) {
  ASSIGN_OR_RETURN(const Statements statements, ReadStatements(view, partner_id));
  if (statements.sorted.empty()) return std::optional<PartnerState>();
  PartnerState partner;
  partner.partner_id = std::string(partner_id);
  partner.fields = MergeStatements(statements.sorted);
  partner.version = statements.version;
  for (const PartnerStatement& statement : statements.sorted) {
    partner.sources.push_back(statement.id.source);
    for (ReferenceKey& key : ClaimedReferences(statement.id.source, statement.id.record_id, statement.fact)) {
      ASSIGN_OR_RETURN(auto claims, view.Claims(key));
      if (WinnerOf(claims) == partner_id) partner.aliases.push_back(std::move(key));
    }
  }
  std::string own;
  storage::ByteWriter(&own).KeyString(partner_id);
  RETURN_IF_ERROR(view.ScanIndex(Index::kAdminAlias, own, [&](absl::string_view key, absl::string_view) {
    partner.aliases.push_back(storage::ByteReader(key.substr(own.size())).KeyString());
    return true;
  }));
  std::sort(partner.aliases.begin(), partner.aliases.end());
  partner.aliases.erase(std::unique(partner.aliases.begin(), partner.aliases.end()), partner.aliases.end());
  ASSIGN_OR_RETURN(auto count, view.IndexValue(Index::kFactCount, partner_id));
  if (const std::string encoded = std::move(count).value_or(""); !encoded.empty()) {
    partner.facts = storage::ByteReader(encoded).Zigzag();
  }
  return std::optional<PartnerState>(std::move(partner));
}

absl::StatusOr<std::optional<v1::Partner>> ReadPartnerFields(const Engine::View& view, absl::string_view partner_id) {
  ASSIGN_OR_RETURN(const Statements statements, ReadStatements(view, partner_id));
  if (statements.sorted.empty()) return std::optional<v1::Partner>();
  return std::optional<v1::Partner>(MergeStatements(statements.sorted));
}

absl::StatusOr<std::vector<std::string>> PartnerIds(const Engine::View& view) {
  std::vector<std::string> ids;
  RETURN_IF_ERROR(view.ScanIndex(Index::kPartner, "", [&](absl::string_view key, absl::string_view) {
    ids.push_back(storage::ByteReader(key).KeyString());
    return true;
  }));
  return ids;
}

absl::StatusOr<std::string> FindPartner(const Engine::View& view, absl::string_view name) {
  ASSIGN_OR_RETURN(auto direct, view.IndexValue(Index::kPartner, name));
  if (direct.has_value()) return std::string(name);
  for (const std::string& reference :
       {absl::StrCat("external::", name), absl::StrCat("domain:", absl::AsciiStrToLower(name))}) {
    ASSIGN_OR_RETURN(auto claims, view.Claims(reference));
    if (std::string winner = WinnerOf(claims); !winner.empty()) return winner;
  }
  ASSIGN_OR_RETURN(std::vector<std::string> ids, PartnerIds(view));
  std::vector<std::string> candidates;
  const std::string wanted = absl::AsciiStrToLower(name);
  for (const std::string& id : ids) {
    ASSIGN_OR_RETURN(const Statements statements, ReadStatements(view, id));
    if (absl::AsciiStrToLower(MergeStatements(statements.sorted).name()) == wanted) candidates.push_back(id);
  }
  if (candidates.size() == 1) return candidates.front();
  if (candidates.empty()) {
    return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_PARTNER",
                     absl::StrCat("no partner has the id, external id, domain or name '", name, "'"),
                     "list the partners: partnerctl partner list");
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "AMBIGUOUS_PARTNER",
                   absl::StrCat("several partners are named '", name, "': ", absl::StrJoin(candidates, ", ")),
                   "use the id of one of them");
}

absl::StatusOr<std::vector<UnresolvedGroup>> UnresolvedReferences(const Engine::View& view) {
  std::map<ReferenceKey, UnresolvedGroup> groups;
  RETURN_IF_ERROR(view.ScanIndex(Index::kUnresolved, "", [&](absl::string_view key, absl::string_view value) {
    UnresolvedGroup& group = groups[std::string(value)];
    if (++group.facts == 1) {
      storage::ByteReader reader(key);
      reader.KeyString();
      group.reference = std::string(value);
      group.example = Keys::ReadFactId(reader);
    }
    return true;
  }));
  std::vector<UnresolvedGroup> sorted;
  for (auto& [reference, group] : groups) sorted.push_back(std::move(group));
  return sorted;
}

}  // namespace partnermetrics
