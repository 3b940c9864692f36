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

struct Statement {
  FactId id;
  v1::Partner partner;
  uint64_t position = 0;
};

// Place of a source in the programme's order: its own statements first, then the configured ones, then the rest by name.
size_t Precedence(const v1::Program& program, const std::string& source) {
  if (source == kOwnSource) return 0;
  const auto& order = program.source_precedence();
  return 1 + static_cast<size_t>(std::find(order.begin(), order.end(), source) - order.begin());
}

absl::StatusOr<std::vector<Statement>> ReadStatements(const Engine::View& view, absl::string_view partner_id) {
  std::vector<Statement> statements;
  ASSIGN_OR_RETURN(auto value, view.IndexValue(Index::kPartner, partner_id));
  if (!value.has_value()) return statements;
  storage::ByteReader reader(*value);
  while (reader.ok() && !reader.empty()) {
    Statement statement;
    statement.id = Keys::ReadFactId(reader);
    ASSIGN_OR_RETURN(auto fact, view.Fact(statement.id));
    if (!fact.has_value() || !statement.partner.ParseFromString(fact->fact)) continue;
    statement.position = fact->position;
    statements.push_back(std::move(statement));
  }
  const auto catalog = view.catalog();
  const v1::Program program = catalog == nullptr ? v1::Program() : catalog->program();
  std::stable_sort(statements.begin(), statements.end(), [&](const Statement& a, const Statement& b) {
    const size_t pa = Precedence(program, a.id.source), pb = Precedence(program, b.id.source);
    return pa != pb ? pa < pb : a.id < b.id;
  });
  return statements;
}

// Takes over the fields that `into` does not have yet.
void FillFrom(const v1::Partner& from, v1::Partner& into) {
  const auto* reflection = from.GetReflection();
  v1::Partner missing = from;
  std::vector<const google::protobuf::FieldDescriptor*> present;
  reflection->ListFields(into, &present);
  for (const auto* field : present) reflection->ClearField(&missing, field);
  into.MergeFrom(missing);
}

}  // namespace

absl::StatusOr<std::optional<PartnerState>> ReadPartner(const Engine::View& view, absl::string_view partner_id) {
  ASSIGN_OR_RETURN(std::vector<Statement> statements, ReadStatements(view, partner_id));
  if (statements.empty()) return std::optional<PartnerState>();
  PartnerState partner;
  partner.partner_id = std::string(partner_id);
  for (const Statement& statement : statements) {
    FillFrom(statement.partner, partner.fields);
    partner.sources.push_back(statement.id.source);
    partner.version = std::max(partner.version, statement.position);
    for (ReferenceKey& key : ClaimedReferences(statement.id.source, statement.id.record_id,
                                               statement.partner.SerializeAsString())) {
      ASSIGN_OR_RETURN(auto claims, view.Claims(key));
      if (WinnerOf(claims) == partner_id) partner.aliases.push_back(std::move(key));
    }
  }
  std::sort(partner.aliases.begin(), partner.aliases.end());
  partner.aliases.erase(std::unique(partner.aliases.begin(), partner.aliases.end()), partner.aliases.end());
  ASSIGN_OR_RETURN(auto count, view.IndexValue(Index::kFactCount, partner_id));
  if (count.has_value()) partner.facts = storage::ByteReader(*count).Zigzag();
  return std::optional<PartnerState>(std::move(partner));
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
    ASSIGN_OR_RETURN(std::vector<Statement> statements, ReadStatements(view, id));
    if (std::any_of(statements.begin(), statements.end(), [&](const Statement& statement) {
          return absl::AsciiStrToLower(statement.partner.name()) == wanted;
        })) {
      candidates.push_back(id);
    }
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
