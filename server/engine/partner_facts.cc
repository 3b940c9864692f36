#include "server/engine/partner_facts.h"

#include <algorithm>

#include "absl/strings/strip.h"
#include "server/engine/entry_set.h"
#include "server/engine/fact_kinds.h"
#include "server/engine/id_list.h"
#include "server/facts/fact_row.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

bool CountsFor(const StoredFact& fact, absl::string_view partner_id) {
  const auto& partners = fact.resolution.partners;
  return !fact.deleted && !fact.resolution.waiting &&
         std::any_of(partners.begin(), partners.end(), [&](const auto& p) { return p.partner_id == partner_id; });
}

}  // namespace

void UnsettledFacts::Add(const Keys& keys, absl::string_view prefix) {
  if (absl::ConsumePrefix(&prefix, keys.Of(Index::kReference))) {
    references.push_back(storage::ByteReader(prefix).KeyString());
  } else if (absl::ConsumePrefix(&prefix, keys.Of(Index::kCustomerFacts))) {
    storage::ByteReader reader(prefix);
    customers.push_back(Keys::ReadFactId(reader));
  }
}

absl::StatusOr<std::set<FactId>> PartnerFactsReader::Find(absl::string_view partner_id, const FactSchema& schema) {
  std::set<FactId> candidates, facts;
  RETURN_IF_ERROR(AddCandidates(partner_id, schema, candidates));
  for (const FactId& id : candidates) {
    ASSIGN_OR_RETURN(const auto fact, get_(id));
    if (fact.has_value() && CountsFor(*fact, partner_id)) facts.insert(facts.end(), id);
  }
  return facts;
}

absl::Status PartnerFactsReader::AddCandidates(absl::string_view partner_id, const FactSchema& schema,
                                               std::set<FactId>& facts) {
  std::vector<ReferenceKey> references = unsettled_.references;
  const std::string claimed = keys_.Of(Index::kClaimed, partner_id);
  RETURN_IF_ERROR(scan_(claimed, [&](absl::string_view key, absl::string_view) {
    references.push_back(storage::ByteReader(key.substr(claimed.size())).KeyString());
    return true;
  }));
  RETURN_IF_ERROR(AddNaming(references, schema, facts));
  if (schema.inherits_from_customer() || schema.kind() == CustomerKind()) {
    RETURN_IF_ERROR(AddOfCustomers(partner_id, references, schema, facts));
  }
  if (schema.root_schema() == nullptr) return absl::OkStatus();
  std::set<FactId> roots;
  RETURN_IF_ERROR(AddCandidates(partner_id, *schema.root_schema(), roots));
  for (const FactId& root : roots) {
    const auto scan = [&](Index index, const VisitIndex& visit) {
      const std::string prefix = keys_.Of(index, root);
      return scan_(prefix, [&](absl::string_view key, absl::string_view value) {
        return visit(key.substr(prefix.size()), value);
      });
    };
    RETURN_IF_ERROR(ForEachEntry(kPartTables, scan, [&](absl::string_view entry) -> absl::Status {
      ASSIGN_OR_RETURN(FactId part, DecodeId(entry));
      if (part.kind == schema.kind()) facts.insert(std::move(part));
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

absl::Status PartnerFactsReader::AddNaming(const std::vector<ReferenceKey>& references, const FactSchema& schema,
                                           std::set<FactId>& facts) const {
  for (const ReferenceKey& reference : references) {
    RETURN_IF_ERROR(AddIndexed(keys_.Of(Index::kReference, reference), schema, facts));
  }
  return absl::OkStatus();
}

absl::Status PartnerFactsReader::AddIndexed(const std::string& under, const FactSchema& schema,
                                            std::set<FactId>& facts) const {
  std::string prefix = under;
  storage::ByteWriter(&prefix).Fixed32(static_cast<uint32_t>(schema.kind()));
  return scan_(prefix, [&](absl::string_view key, absl::string_view) {
    storage::ByteReader reader(key.substr(under.size()));
    facts.insert(Keys::ReadFactId(reader));
    return true;
  });
}

absl::Status PartnerFactsReader::AddOfCustomers(absl::string_view partner_id,
                                                const std::vector<ReferenceKey>& references, const FactSchema& schema,
                                                std::set<FactId>& facts) const {
  // Customers that name the partner, and those of its deals.
  std::set<FactId> customers(unsettled_.customers.begin(), unsettled_.customers.end()), deals;
  RETURN_IF_ERROR(AddNaming(references, *FactSchemas::Get().FindByNumber(CustomerKind()), customers));
  const FactSchema& deal_schema = *FactSchemas::Get().FindByNumber(DealKind());
  RETURN_IF_ERROR(AddNaming(references, deal_schema, deals));
  FactRow row(deal_schema);
  FieldError error;
  for (const FactId& id : deals) {
    ASSIGN_OR_RETURN(const auto deal, get_(id));
    if (!deal.has_value() || !CountsFor(*deal, partner_id) || !row.Decode(deal->fact, "", &error)) continue;
    const Value& customer = row[deal_schema.customer_slot()];
    if (!customer.is_null()) customers.insert({CustomerKind(), id.source, std::string(customer.text)});
  }
  if (schema.kind() == CustomerKind()) {
    facts.insert(customers.begin(), customers.end());
    return absl::OkStatus();
  }
  for (const FactId& customer : customers) {
    RETURN_IF_ERROR(AddIndexed(keys_.Of(Index::kCustomerFacts, customer), schema, facts));
  }
  return absl::OkStatus();
}

}  // namespace partnermetrics
