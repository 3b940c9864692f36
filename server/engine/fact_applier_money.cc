// Exchange rates and the money that waits for them: the part of FactApplier that converts.
#include <algorithm>
#include <utility>

#include "server/engine/fact_applier.h"
#include "server/engine/money.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

// Whether a fact has money in another currency; nearly all facts have none and cost nothing here.
bool HasForeignMoney(const Resolution& resolution) {
  return resolution.parked || !resolution.rates.empty();
}

}  // namespace

absl::Status FactApplier::ResolveMoney(Generation& by, const FactSchema& schema, absl::string_view fact,
                                       Resolution& resolution) {
  resolution.rates.clear();
  resolution.parked = false;
  FactRow& row = Row(schema);
  FieldError error;
  if (by.catalog == nullptr || !row.Decode(fact, by.catalog->program().currency_code(), &error)) {
    return absl::OkStatus();
  }
  if (!row.parked()) return absl::OkStatus();
  if (const std::optional<Day> day = MoneyDay(row, by.catalog->zone()); day.has_value()) {
    for (const ForeignMoney& money : row.waiting_money()) {
      const bool is_known = std::any_of(resolution.rates.begin(), resolution.rates.end(),
                                        [&](const UsedRate& rate) { return rate.currency == money.currency; });
      if (is_known) continue;
      ASSIGN_OR_RETURN(std::optional<UsedRate> rate, by.rates.Find(money.currency, *day));
      if (rate.has_value()) resolution.rates.push_back(*std::move(rate));
    }
  }
  ConvertMoney(resolution.rates, row);
  resolution.parked = row.parked();
  return absl::OkStatus();
}

void FactApplier::IndexMoney(const Generation& by, const FactId& id, const FactSchema& schema, const StoredFact& fact,
                             bool add) {
  if (!HasForeignMoney(fact.resolution)) return;
  FactRow& row = Row(schema);
  FieldError error;
  if (!row.Decode(fact.fact, by.catalog->program().currency_code(), &error)) return;
  const std::optional<Day> day = MoneyDay(row, by.catalog->zone());
  if (!day.has_value()) return;
  for (const ForeignMoney& money : row.waiting_money()) {
    std::string key = keys_.Money(money.currency, *day);
    Keys::AppendFact(key, id);
    if (add) {
      state_.Put(StateTable::kIndexes, std::move(key), "");
    } else {
      state_.Delete(StateTable::kIndexes, std::move(key));
    }
  }
}

absl::Status FactApplier::ReplaceRate(const FactId& id, const std::optional<StoredFact>& before,
                                      const StoredFact& after, Header& header) {
  RETURN_IF_ERROR(Replace(id, OrNull(before), after, GenerationOf(id), header));
  // The table changes before any fact is converted anew, so that no state in between is seen.
  const std::optional<StatedRate> old = before.has_value() ? ReadRate(before->fact) : std::nullopt;
  const std::optional<StatedRate> now = ReadRate(after.fact);
  for (Generation* by : {now_.get(), next_.get()}) {
    if (by == nullptr) continue;
    if (old.has_value()) RETURN_IF_ERROR(by->rates.Change(id, *old, false));
    if (now.has_value()) RETURN_IF_ERROR(by->rates.Change(id, *now, true));
    for (const std::optional<StatedRate>& rate : {old, now}) {
      if (!rate.has_value()) continue;
      ASSIGN_OR_RETURN(const std::optional<MoneyRange> range, by->rates.RangeOf(*rate));
      if (!range.has_value()) continue;
      std::string prefix = keys_.Of(Index::kMoney, range->currency);
      const std::string first = keys_.Money(range->currency, range->first);
      std::string end = keys_.Money(range->currency, range->last + 1);
      unsettled_.push_back({std::move(prefix), first, std::move(end), first.size()});
    }
  }
  return absl::OkStatus();
}

}  // namespace partnermetrics
