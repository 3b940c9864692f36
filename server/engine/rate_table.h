// Which exchange rate is in force.
//
//   table.Change(id, {"EUR", "USD", day, rate}, true);
//   ASSIGN_OR_RETURN(std::optional<UsedRate> rate, table.Find("EUR", money_day));
//
// The rate in force on a day is the latest one between the two currencies that is stated for the day or one before, not
// older than the programme allows, in either direction. Of several stated for one day a direct rate goes before an
// inverse one, then the programme's order of sources, then names decide. What a table holds depends only on the facts
// that state rates, not on their order.
//
// Thread-safety: none; it belongs to the applier.
#ifndef PARTNERMETRICS_SERVER_ENGINE_RATE_TABLE_H_
#define PARTNERMETRICS_SERVER_ENGINE_RATE_TABLE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/v1/catalog.pb.h"
#include "server/engine/keys.h"
#include "server/engine/money.h"
#include "server/engine/state_overlay.h"
#include "server/engine/stored_fact.h"

namespace partnermetrics {

// Money in one currency of the days first..last.
struct MoneyRange {
  std::string currency;
  Day first = 0, last = 0;
};

// Remembers the rates of the currencies that it was asked for.
class RateTable {
 public:
  RateTable(const Keys& keys, StateOverlay& state) : keys_(keys), state_(state) {}

  // The programme whose currency money is converted into; before that nothing is.
  void SetProgram(const v1::Program& program);

  // The rate that converts money in `currency` on a day.
  absl::StatusOr<std::optional<UsedRate>> Find(absl::string_view currency, Day day);

  // Adds or removes what a fact states.
  absl::Status Change(const FactId& id, const StatedRate& rate, bool add);

  // The money that a rate may have to do with: from its day up to the next one that has a rate. Nothing when it does
  // not convert into the programme's currency.
  absl::StatusOr<std::optional<MoneyRange>> RangeOf(const StatedRate& rate);

  // Forgets what it remembers: the batch that it may come from is discarded.
  void Forget() { known_.clear(); }

 private:
  struct Statement {
    bool inverse = false;
    FactId id;
    Nanos rate = 0;
  };
  using Days = absl::btree_map<Day, std::vector<Statement>>;

  // The other currency, when one of the rate's is the programme's.
  std::optional<std::string> ForeignCurrency(const StatedRate& rate) const;
  bool GoesBefore(const Statement& a, const Statement& b) const;
  absl::StatusOr<const Days*> Load(absl::string_view currency);

  const Keys& keys_;
  StateOverlay& state_;
  v1::Program program_;
  absl::flat_hash_map<std::string, Days> known_;  // by the currency that is not the programme's
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_RATE_TABLE_H_
