// Customers: the part of FactApplier that knows whose they are, and that follows when this changes.
#include <utility>

#include "server/engine/fact_applier.h"
#include "server/engine/fact_kinds.h"
#include "server/engine/money.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

// A deleted fact names nobody.
bool NamesPartner(const FactSchema& schema, const StoredFact* fact) {
  return fact != nullptr && !fact->deleted && !ReadMentions(schema, fact->fact).empty();
}

}  // namespace

std::optional<FactId> FactApplier::CustomerOf(const FactId& id, const FactSchema& schema, absl::string_view fact) {
  if (!schema.inherits_from_customer() || fact.empty()) return std::nullopt;
  FactRow& row = Row(schema);
  FieldError error;
  if (!row.Decode(fact, "", &error) || row[schema.customer_slot()].is_null()) return std::nullopt;
  return FactId{CustomerKind(), id.source, std::string(row[schema.customer_slot()].text)};
}

absl::StatusOr<CustomerPartners> FactApplier::PartnersOf(const FactId& customer) const {
  ASSIGN_OR_RETURN(const std::optional<StoredFact> stated, Get(customer));
  if (NamesPartner(SchemaOf(customer), OrNull(stated))) {
    return StatedByCustomer(stated->resolution);
  }
  return PartnersByDeals(customer);
}

absl::StatusOr<CustomerPartners> FactApplier::PartnersByDeals(const FactId& customer) const {
  ASSIGN_OR_RETURN(const std::optional<std::string> first, won_deals_.First(customer));
  if (!first.has_value()) return CustomerPartners();
  ASSIGN_OR_RETURN(const WonDeal won, DecodeWonDeal(*first));
  ASSIGN_OR_RETURN(const std::optional<StoredFact> deal, Get(won.deal));
  if (!deal.has_value()) return absl::DataLossError("the won deals of a customer name one that is not there");
  return WonWithCustomer(deal->resolution, won.day);
}

absl::StatusOr<Resolution> FactApplier::Inherit(const Generation& by, const FactId& id, const FactSchema& schema,
                                                absl::string_view fact) {
  if (by.catalog == nullptr) return Resolution();
  CustomerPartners partners;
  if (id.kind == CustomerKind()) {
    ASSIGN_OR_RETURN(partners, PartnersByDeals(id));
  } else if (const std::optional<FactId> customer = CustomerOf(id, schema, fact); customer.has_value()) {
    ASSIGN_OR_RETURN(partners, PartnersOf(*customer));
  }
  if (!partners.from.has_value()) return std::move(partners.resolution);
  FactRow& row = Row(schema);
  FieldError error;
  if (!row.Decode(fact, "", &error)) return Resolution();
  const bool hold = partners.HoldOn(FirstDayOf(row, schema.customer_date_slots(), by.catalog->zone()));
  return hold ? std::move(partners.resolution) : Resolution();
}

std::optional<std::pair<FactId, WonDeal>> FactApplier::WonDealOf(const Generation& by, const FactId& id,
                                                                 const StoredFact& fact) {
  if (fact.deleted || fact.resolution.partners.empty() || by.catalog == nullptr) return std::nullopt;
  FactRow& row = Row(SchemaOf(id));
  FieldError error;
  if (!row.Decode(fact.fact, "", &error)) return std::nullopt;
  const auto won = CustomerOfWonDeal(id, row, by.catalog->zone());
  if (!won.has_value()) return std::nullopt;
  return std::pair(won->first, WonDeal{won->second, id});
}

absl::Status FactApplier::FollowCustomer(const FactId& id, const StoredFact* before, const StoredFact& after) {
  const FactSchema& schema = SchemaOf(id);
  const bool named = NamesPartner(schema, before), names = NamesPartner(schema, &after);
  if (!named && !names) return absl::OkStatus();
  if (named && names && before->resolution == after.resolution) return absl::OkStatus();
  return UnsettleFactsOf(id);
}

absl::Status FactApplier::FollowDeal(const FactId& id, const StoredFact* before, const StoredFact& after,
                                     const Generation& from, Header& header) {
  const auto old = before == nullptr ? std::nullopt : WonDealOf(from, id, *before);
  const auto now = WonDealOf(GenerationOf(id), id, after);
  if (old == now && (!now.has_value() || before->resolution.partners == after.resolution.partners)) {
    return absl::OkStatus();
  }
  // Whose customers change: of the deal's, those of which it was or is the first.
  std::set<FactId> concerned;
  const auto change = [&](const FactId& customer, bool out, bool in) -> absl::Status {
    if (out && !in) state_.Put(StateTable::kIndexes, keys_.Left(keys_.Of(Index::kWonDeals, customer), id), "");
    ASSIGN_OR_RETURN(const bool is_first, won_deals_.Change(customer, out ? EncodeWonDeal(old->second) : "",
                                                            in ? EncodeWonDeal(now->second) : ""));
    if (is_first) concerned.insert(customer);
    return absl::OkStatus();
  };
  const bool same_customer = old.has_value() && now.has_value() && old->first == now->first;
  if (old.has_value()) RETURN_IF_ERROR(change(old->first, true, same_customer));
  if (now.has_value() && !same_customer) RETURN_IF_ERROR(change(now->first, false, true));
  for (const FactId& customer : concerned) RETURN_IF_ERROR(ResolveCustomer(customer, header));
  return absl::OkStatus();
}

absl::Status FactApplier::ResolveCustomer(const FactId& customer, Header& header) {
  ASSIGN_OR_RETURN(const std::optional<StoredFact> stated, Get(customer));
  if (NamesPartner(SchemaOf(customer), OrNull(stated))) return absl::OkStatus();
  if (stated.has_value()) RETURN_IF_ERROR(ResolveAgain(customer, header));
  return UnsettleFactsOf(customer);
}

absl::Status FactApplier::UnsettleFactsOf(const FactId& customer) {
  // Most customers of deals have no other facts, and to look for a key costs a tenth of looking for what follows it.
  ASSIGN_OR_RETURN(const auto followed, state_.Get(StateTable::kIndexes, keys_.Of(Index::kFollowed, customer)));
  if (!followed.has_value()) return absl::OkStatus();
  std::string prefix = keys_.Of(Index::kCustomerFacts, customer);
  const size_t fact_at = prefix.size();
  unsettled_.push_back({prefix, prefix, "", fact_at});
  return absl::OkStatus();
}

void FactApplier::IndexCustomer(const FactId& id, const FactSchema& schema, absl::string_view before,
                                absl::string_view after) {
  const std::optional<FactId> old = CustomerOf(id, schema, before), now = CustomerOf(id, schema, after);
  if (old == now) return;
  if (old.has_value()) {
    std::string key = keys_.Of(Index::kCustomerFacts, *old);
    state_.Put(StateTable::kIndexes, keys_.Left(key, id), "");
    Keys::AppendFact(key, id);
    state_.Delete(StateTable::kIndexes, std::move(key));
  }
  if (now.has_value()) {
    std::string key = keys_.Of(Index::kCustomerFacts, *now);
    Keys::AppendFact(key, id);
    state_.Put(StateTable::kIndexes, std::move(key), "");
    state_.Put(StateTable::kIndexes, keys_.Of(Index::kFollowed, *now), "");
  }
}

}  // namespace partnermetrics
