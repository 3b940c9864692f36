// Money of other currencies: its day, the rates that facts state, and what an amount is in the programme's currency.
//
//   std::optional<Day> day = MoneyDay(row, zone);
//   ConvertMoney(resolution.rates, row);            // what no rate is there for goes on waiting
//
// Pure functions; any thread may call them.
#ifndef PARTNERMETRICS_SERVER_ENGINE_MONEY_H_
#define PARTNERMETRICS_SERVER_ENGINE_MONEY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "partnermetrics/v1/catalog.pb.h"
#include "server/base/civil.h"
#include "server/engine/stored_fact.h"
#include "server/facts/fact_row.h"

namespace partnermetrics {

// What a fact of kind "fx_rate" states: units of `to` for one of `from`, from `day` on.
struct StatedRate {
  std::string from, to;
  Day day = 0;
  Nanos rate = 0;
};

// Nothing for a rate that converts nothing: of a currency to itself or an unknown one, not positive, without a day.
std::optional<StatedRate> ReadRate(absl::string_view fact);

// Days after its own for which a rate may be used.
Day MaxRateAge(const v1::Program& program);

// The day of the first of these dates and instants of a fact that is set.
std::optional<Day> FirstDayOf(const FactRow& row, const std::vector<int>& slots, const absl::TimeZone& zone);

// The day whose rates convert a fact's money: that of the first of its kind's money dates that is set.
std::optional<Day> MoneyDay(const FactRow& row, const absl::TimeZone& zone);

// The amount in the programme's currency, rounded half to even to billionths; nothing when it is larger than money can
// be.
std::optional<Nanos> Converted(Nanos amount, const UsedRate& rate);

// Converts the money of a row that waits, as far as there are rates.
void ConvertMoney(const std::vector<UsedRate>& rates, FactRow& row);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_MONEY_H_
