#include "server/engine/rate_table.h"

#include <algorithm>
#include <utility>

#include "server/engine/partner_entity.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {

void RateTable::SetProgram(const v1::Program& program) {
  program_.set_currency_code(program.currency_code());
  program_.set_max_rate_age_days(program.max_rate_age_days());
  *program_.mutable_source_precedence() = program.source_precedence();
  known_.clear();
}

std::optional<std::string> RateTable::ForeignCurrency(const StatedRate& rate) const {
  if (rate.to == program_.currency_code()) return rate.from;
  if (rate.from == program_.currency_code()) return rate.to;
  return std::nullopt;
}

bool RateTable::GoesBefore(const Statement& a, const Statement& b) const {
  if (a.inverse != b.inverse) return b.inverse;
  const size_t pa = SourcePrecedence(program_, a.id.source), pb = SourcePrecedence(program_, b.id.source);
  return pa != pb ? pa < pb : a.id < b.id;
}

absl::StatusOr<const RateTable::Days*> RateTable::Load(absl::string_view currency) {
  if (const auto it = known_.find(currency); it != known_.end()) return &it->second;
  // The stored direction is that of the pair as it is sorted.
  const bool is_first = currency < program_.currency_code();
  Days days;
  absl::Status decoded;
  const std::string prefix = keys_.Rates(currency, program_.currency_code());
  const auto visit = [&](absl::string_view key, absl::string_view value) {
    storage::ByteReader key_reader(key.substr(prefix.size())), reader(value);
    const Day day = key_reader.KeyI32();
    Statement statement;
    statement.id = Keys::ReadFactId(key_reader);
    statement.inverse = reader.Bool() != is_first;
    statement.rate = reader.Int128();
    decoded = reader.Finish("rate");
    days[day].push_back(std::move(statement));
    return decoded.ok();
  };
  RETURN_IF_ERROR(state_.Scan(StateTable::kIndexes, prefix, prefix, visit));
  RETURN_IF_ERROR(decoded);
  return &known_.emplace(currency, std::move(days)).first->second;
}

absl::StatusOr<std::optional<UsedRate>> RateTable::Find(absl::string_view currency, Day day) {
  ASSIGN_OR_RETURN(const Days* days, Load(currency));
  auto at = days->upper_bound(day);
  if (at == days->begin() || day - (--at)->first > MaxRateAge(program_)) return std::optional<UsedRate>();
  const Statement& best =
      *std::min_element(at->second.begin(), at->second.end(),
                        [this](const Statement& a, const Statement& b) { return GoesBefore(a, b); });
  return std::optional<UsedRate>({std::string(currency), best.rate, best.inverse});
}

absl::Status RateTable::Change(const FactId& id, const StatedRate& rate, bool add) {
  std::string key = keys_.Rates(rate.from, rate.to);
  storage::ByteWriter(&key).KeyI32(rate.day);
  Keys::AppendFact(key, id);
  if (add) {
    std::string value;
    storage::ByteWriter(&value).Bool(rate.from < rate.to).Int128(rate.rate);
    state_.Put(StateTable::kIndexes, std::move(key), std::move(value));
  } else {
    state_.Delete(StateTable::kIndexes, std::move(key));
  }
  const std::optional<std::string> currency = ForeignCurrency(rate);
  const auto known = currency.has_value() ? known_.find(*currency) : known_.end();
  if (known == known_.end()) return absl::OkStatus();
  Days& days = known->second;
  if (add) {
    days[rate.day].push_back({rate.from != *currency, id, rate.rate});
    return absl::OkStatus();
  }
  const auto at = days.find(rate.day);
  std::vector<Statement>& statements = at->second;
  statements.erase(std::find_if(statements.begin(), statements.end(), [&](const Statement& s) { return s.id == id; }));
  if (statements.empty()) days.erase(at);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<MoneyRange>> RateTable::RangeOf(const StatedRate& rate) {
  const std::optional<std::string> currency = ForeignCurrency(rate);
  if (!currency.has_value()) return std::optional<MoneyRange>();
  ASSIGN_OR_RETURN(const Days* days, Load(*currency));
  const auto next = days->upper_bound(rate.day);
  Day last = rate.day + MaxRateAge(program_);
  if (next != days->end()) last = std::min(last, next->first - 1);
  return std::optional<MoneyRange>({*currency, rate.day, last});
}

}  // namespace partnermetrics
