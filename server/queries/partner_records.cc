#include "server/queries/partner_records.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/engine/partner_entity.h"
#include "storage/bytes.h"

namespace partnermetrics {

absl::StatusOr<std::vector<PartnerRecord>> ReadPartnerRecords(const Engine::View& view) {
  absl::flat_hash_map<FactId, std::string> facts;
  RETURN_IF_ERROR(view.ScanFacts(v1::Event::kPartnerFieldNumber, [&](const FactId& id, const StoredFact& fact) {
    if (!fact.deleted) facts.emplace(id, fact.fact);
    return true;
  }));
  std::vector<PartnerRecord> partners;
  RETURN_IF_ERROR(view.ScanIndex(Index::kPartner, "", [&](absl::string_view key, absl::string_view value) {
    std::vector<PartnerStatement> statements;
    storage::ByteReader reader(value);
    while (reader.ok() && !reader.empty()) {
      FactId id = Keys::ReadFactId(reader);
      if (const auto fact = facts.find(id); fact != facts.end()) statements.push_back({std::move(id), fact->second});
    }
    PartnerRecord& partner = partners.emplace_back();
    partner.partner_id = storage::ByteReader(key).KeyString();
    if (statements.size() == 1) {
      partner.fields = std::move(statements.front().fact);
    } else {
      SortByPrecedence(view.catalog()->program(), statements);
      partner.fields = MergeStatements(statements).SerializeAsString();
    }
    return true;
  }));
  return partners;
}

}  // namespace partnermetrics
