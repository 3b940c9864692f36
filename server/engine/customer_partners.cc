#include "server/engine/customer_partners.h"

#include "partnermetrics/v1/selling.pb.h"
#include "server/engine/money.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
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

std::string EncodeWonDeal(const WonDeal& won) {
  std::string entry;
  storage::ByteWriter(&entry).KeyI32(won.day);
  Keys::AppendFact(entry, won.deal);
  return entry;
}

absl::StatusOr<WonDeal> DecodeWonDeal(absl::string_view entry) {
  storage::ByteReader reader(entry);
  const Day day = reader.KeyI32();
  WonDeal won{day, Keys::ReadFactId(reader)};
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

}  // namespace partnermetrics
