// Exchange rates and the money that waits for them: the part of FactApplier that converts.
#include <algorithm>
#include <set>
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

absl::Status FactApplier::ResolveMoney(const FactSchema& schema, absl::string_view fact, Resolution& resolution) {
  resolution.rates.clear();
  resolution.parked = false;
  FactRow& row = Row(schema);
  FieldError error;
  if (catalog_ == nullptr || !row.Decode(fact, catalog_->program().currency_code(), &error)) return absl::OkStatus();
  if (!row.parked()) return absl::OkStatus();
  if (const std::optional<Day> day = MoneyDay(row, catalog_->zone()); day.has_value()) {
    for (const ForeignMoney& money : row.waiting_money()) {
      const bool is_known = std::any_of(resolution.rates.begin(), resolution.rates.end(),
                                        [&](const UsedRate& rate) { return rate.currency == money.currency; });
      if (is_known) continue;
      ASSIGN_OR_RETURN(std::optional<UsedRate> rate, rates_.Find(money.currency, *day));
      if (rate.has_value()) resolution.rates.push_back(*std::move(rate));
    }
  }
  ConvertMoney(resolution.rates, row);
  resolution.parked = row.parked();
  return absl::OkStatus();
}

void FactApplier::IndexMoney(const FactId& id, const FactSchema& schema, const StoredFact& fact, bool add) {
  if (!HasForeignMoney(fact.resolution)) return;
  FactRow& row = Row(schema);
  FieldError error;
  if (!row.Decode(fact.fact, catalog_->program().currency_code(), &error)) return;
  const std::optional<Day> day = MoneyDay(row, catalog_->zone());
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
  RETURN_IF_ERROR(Replace(id, before, after, header));
  // The table changes before any fact is converted anew, so that no state in between is seen.
  const std::optional<StatedRate> old = before.has_value() ? ReadRate(before->fact) : std::nullopt;
  const std::optional<StatedRate> now = ReadRate(after.fact);
  if (old.has_value()) RETURN_IF_ERROR(rates_.Change(id, *old, false));
  if (now.has_value()) RETURN_IF_ERROR(rates_.Change(id, *now, true));
  std::set<FactId> concerned;
  for (const std::optional<StatedRate>& rate : {old, now}) {
    if (!rate.has_value()) continue;
    ASSIGN_OR_RETURN(const std::optional<MoneyRange> range, rates_.RangeOf(*rate));
    if (!range.has_value()) continue;
    const std::string prefix = keys_.Of(Index::kMoney, range->currency);
    const auto collect = [&](absl::string_view key, absl::string_view) {
      storage::ByteReader reader(key.substr(prefix.size()));
      if (reader.KeyI32() > range->last) return false;
      concerned.insert(Keys::ReadFactId(reader));
      return true;
    };
    RETURN_IF_ERROR(state_.Scan(StateTable::kIndexes, prefix, keys_.Money(range->currency, range->first), collect));
  }
  for (const FactId& fact : concerned) RETURN_IF_ERROR(ConvertAgain(fact, header));
  return absl::OkStatus();
}

absl::Status FactApplier::ConvertAgain(const FactId& id, Header& header) {
  ASSIGN_OR_RETURN(const std::optional<StoredFact> before, Get(id));
  if (!before.has_value()) return absl::DataLossError("the index of money names a fact that is not there");
  StoredFact after = *before;
  RETURN_IF_ERROR(ResolveMoney(*FactSchemas::Get().FindByNumber(id.kind), after.fact, after.resolution));
  if (after.resolution == before->resolution) return absl::OkStatus();
  return Replace(id, before, after, header);
}

absl::Status FactApplier::ForgetMoney() {
  return state_.DeleteAll(StateTable::kIndexes, keys_.Of(Index::kMoney));
}

absl::Status FactApplier::EnterMoneyAgain(const FactId& id, Header& header) {
  const FactSchema& schema = *FactSchemas::Get().FindByNumber(id.kind);
  if (schema.money_date_slots().empty()) return absl::OkStatus();
  RETURN_IF_ERROR(ConvertAgain(id, header));
  ASSIGN_OR_RETURN(const std::optional<StoredFact> fact, Get(id));
  if (fact.has_value()) IndexMoney(id, schema, *fact, true);
  return absl::OkStatus();
}

}  // namespace partnermetrics
