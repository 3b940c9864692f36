#include "server/engine/customer_partners.h"

#include <algorithm>

#include "partnermetrics/v1/selling.pb.h"
#include "server/engine/money.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

WonDeal ReadWonDeal(storage::ByteReader& reader) {
  const Day day = reader.KeyI32();
  return {day, Keys::ReadFactId(reader)};
}

}  // namespace

CustomerPartners StatedByCustomer(const Resolution& customer) {
  CustomerPartners partners;
  partners.resolution.partners = customer.partners;
  partners.resolution.explicitly_partner = customer.explicitly_partner;
  return partners;
}

std::optional<std::pair<FactId, Day>> CustomerOfWonDeal(const FactId& deal, const FactRow& row,
                                                        const absl::TimeZone& zone) {
  static const FactSchema& schema = *FactSchemas::Get().Find("deal");
  static const int outcome = schema.Find("outcome")->slot;
  static const std::vector<int> dates = {schema.Find("closed_on")->slot, schema.Find("closed_at")->slot};
  static const int customer_kind = FactSchemas::Get().Find("customer")->kind();
  const Value& customer = row[schema.customer_slot()];
  if (row[outcome].integer != v1::DEAL_OUTCOME_WON || customer.is_null() || customer.text.empty()) return std::nullopt;
  const std::optional<Day> day = FirstDayOf(row, dates, zone);
  if (!day) return std::nullopt;
  return std::pair(FactId{customer_kind, deal.source, std::string(customer.text)}, *day);
}

absl::StatusOr<std::vector<WonDeal>> DecodeWonDeals(absl::string_view value) {
  std::vector<WonDeal> deals;
  storage::ByteReader reader(value);
  while (reader.ok() && !reader.empty()) deals.push_back(ReadWonDeal(reader));
  RETURN_IF_ERROR(reader.Finish("won deals"));
  return deals;
}

absl::StatusOr<WonDeal> DecodeLaterWonDeal(absl::string_view key) {
  storage::ByteReader reader(key);
  WonDeal won = ReadWonDeal(reader);
  RETURN_IF_ERROR(reader.Finish("won deal"));
  return won;
}

CustomerPartners WonWithCustomer(const Resolution& deal, Day day) {
  CustomerPartners partners;
  partners.from = day;
  partners.resolution.partners = deal.partners;
  // What a partner did for the deal it did not do for what follows.
  for (ResolvedPartner& partner : partners.resolution.partners) partner.role = 0;
  return partners;
}

std::string WonDeals::KeyOf(const FactId& customer) const {
  return keys_.Of(Index::kWonDeals, customer);
}

absl::StatusOr<std::vector<WonDeal>> WonDeals::Read(const std::string& key) const {
  ASSIGN_OR_RETURN(const auto value, state_.Get(StateTable::kIndexes, key));
  return value.has_value() ? DecodeWonDeals(*value) : std::vector<WonDeal>();
}

absl::StatusOr<std::optional<WonDeal>> WonDeals::First(const FactId& customer) const {
  ASSIGN_OR_RETURN(std::vector<WonDeal> deals, Read(KeyOf(customer)));
  return deals.empty() ? std::nullopt : std::optional<WonDeal>(std::move(deals.front()));
}

absl::StatusOr<std::optional<WonDeal>> WonDeals::TakeNextLater(const FactId& customer) {
  const std::string prefix = keys_.Of(Index::kLaterWonDeals, customer);
  std::string next;
  RETURN_IF_ERROR(state_.Scan(StateTable::kIndexes, prefix, prefix, [&](absl::string_view key, absl::string_view) {
    next = std::string(key);
    return false;
  }));
  if (next.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(WonDeal won, DecodeLaterWonDeal(absl::string_view(next).substr(prefix.size())));
  state_.Delete(StateTable::kIndexes, std::move(next));
  return won;
}

absl::StatusOr<bool> WonDeals::Change(const FactId& customer, const std::optional<WonDeal>& out,
                                      const std::optional<WonDeal>& in) {
  std::string key = KeyOf(customer);
  ASSIGN_OR_RETURN(std::vector<WonDeal> deals, Read(key));
  const std::vector<WonDeal> before = deals;
  bool is_first = false;
  if (out.has_value()) {
    const auto at = std::lower_bound(deals.begin(), deals.end(), *out);
    if (at == deals.end()) {
      state_.Delete(StateTable::kIndexes, keys_.LaterWonDeal(customer, out->day, out->deal));
    } else if (*at == *out) {
      is_first = at == deals.begin();
      deals.erase(at);
      if (before.size() == kFirstDeals) {
        ASSIGN_OR_RETURN(std::optional<WonDeal> next, TakeNextLater(customer));
        if (next.has_value()) deals.push_back(*std::move(next));
      }
    }
    const bool only_moves = in.has_value() && in->deal == out->deal;
    if (!only_moves) state_.Put(StateTable::kIndexes, keys_.Left(key, out->deal), "");
  }
  if (in.has_value()) {
    const auto at = std::lower_bound(deals.begin(), deals.end(), *in);
    is_first = is_first || at == deals.begin();
    if (at == deals.end() || !(*at == *in)) deals.insert(at, *in);
    if (deals.size() > kFirstDeals) {
      state_.Put(StateTable::kIndexes, keys_.LaterWonDeal(customer, deals.back().day, deals.back().deal), "");
      deals.pop_back();
    }
  }
  if (deals == before) return is_first;
  std::string value;
  for (const WonDeal& won : deals) {
    storage::ByteWriter(&value).KeyI32(won.day);
    Keys::AppendFact(value, won.deal);
  }
  if (value.empty()) {
    state_.Delete(StateTable::kIndexes, std::move(key));
  } else {
    state_.Put(StateTable::kIndexes, std::move(key), std::move(value));
  }
  return is_first;
}

}  // namespace partnermetrics
