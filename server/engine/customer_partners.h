// Whose a customer is: of the partner that its record names, else, from that day on, of the partners of its first won
// deal that has some. Facts that name no partner take those of their customer.
//
// Pure functions over facts.
#ifndef PARTNERMETRICS_SERVER_ENGINE_CUSTOMER_PARTNERS_H_
#define PARTNERMETRICS_SERVER_ENGINE_CUSTOMER_PARTNERS_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/engine/keys.h"
#include "server/engine/stored_fact.h"
#include "server/facts/fact_row.h"

namespace partnermetrics {

struct CustomerPartners {
  Resolution resolution;
  std::optional<Day> from;  // unset: the customer's record says it, for all time

  // Whether a fact of this day takes them; one without a day does.
  bool HoldOn(std::optional<Day> day) const { return !from || !day || *day >= *from; }
};

// What a fact takes from a customer whose record names a partner. That this partner is unknown is listed once, with the
// customer.
CustomerPartners StatedByCustomer(const Resolution& customer);

// A won deal of a customer. The first is the one won first, of those of one day the one with the smallest name.
struct WonDeal {
  Day day = 0;
  FactId deal;
  friend bool operator==(const WonDeal& a, const WonDeal& b) { return a.day == b.day && a.deal == b.deal; }
  friend bool operator<(const WonDeal& a, const WonDeal& b) { return a.day != b.day ? a.day < b.day : a.deal < b.deal; }
};

// The customer of a won deal and the day on which it was won; nothing for other deals and those without customer or
// day. `row` has the deal's content.
std::optional<std::pair<FactId, Day>> CustomerOfWonDeal(const FactId& deal, const FactRow& row,
                                                        const absl::TimeZone& zone);

// An entry of the won deals of a customer that have partners.
std::string EncodeWonDeal(const WonDeal& won);
absl::StatusOr<WonDeal> DecodeWonDeal(absl::string_view entry);

// What a fact takes from a customer because of its first won deal.
CustomerPartners WonWithCustomer(const Resolution& deal, Day day);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_CUSTOMER_PARTNERS_H_
