#include "connectors/stripe_billing/json_record.h"

#include <algorithm>
#include <cmath>

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::stripe {

using simdjson::SUCCESS;

void JsonRecord::Fail(std::string_view path, const char* reason, const std::string& message) {
  if (ok()) fault_ = {std::string(path), reason, message};
}

std::optional<Json> JsonRecord::Find(Json object, std::string_view path) {
  while (!path.empty()) {
    size_t dot = std::min(path.find('.'), path.size());
    Json member;
    if (object[path.substr(0, dot)].get(member) != SUCCESS || member.is_null()) return std::nullopt;
    object = member;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return object;
}

std::string JsonRecord::Text(Json object, std::string_view path) {
  std::optional<Json> member = Find(object, path);
  std::string_view text;
  if (!member || member->get(text) != SUCCESS) return "";
  return std::string(sdk::Trim(text));
}

std::string JsonRecord::Id(Json object, std::string_view path) {
  std::optional<Json> member = Find(object, path);
  if (!member) return "";
  return member->is_object() ? Text(*member, "id") : Text(object, path);
}

std::vector<Json> JsonRecord::List(Json object, std::string_view path) {
  std::optional<Json> member = Find(object, path);
  simdjson::dom::array list;
  if (!member || member->get(list) != SUCCESS) return {};
  return {list.begin(), list.end()};
}

bool JsonRecord::Bool(std::string_view path, bool otherwise) const {
  std::optional<Json> member = Find(path);
  bool value = otherwise;
  if (!member || member->get(value) != SUCCESS) return otherwise;
  return value;
}

std::optional<int64_t> JsonRecord::Integer(Json object, std::string_view path) {
  std::optional<Json> member = Find(object, path);
  if (!member) return std::nullopt;
  int64_t value = 0;
  double floating = 0;
  std::string_view text;
  if (member->get(value) == SUCCESS) return value;
  // Some exporters write whole numbers as 200.0 or as strings.
  constexpr double kExact = 9007199254740992.0;
  if (member->get(floating) == SUCCESS && std::nearbyint(floating) == floating && std::abs(floating) < kExact) {
    return static_cast<int64_t>(floating);
  }
  if (member->get(text) == SUCCESS) {
    std::optional<int64_t> parsed = sdk::ParseInteger(text);
    if (parsed) return parsed;
  }
  Fail(path, "bad_number", "it is no whole number");
  return std::nullopt;
}

std::optional<sdk::Instant> JsonRecord::Time(Json object, std::string_view path) {
  std::optional<int64_t> seconds = Integer(object, path);
  if (!seconds) return std::nullopt;
  std::optional<sdk::Instant> time = sdk::ParseEpoch(std::to_string(*seconds));
  if (!time) Fail(path, "bad_time", "it is no time in seconds since 1970");
  return time;
}

std::optional<sdk::Decimal> JsonRecord::Amount(std::string_view path, const std::string& currency) {
  std::optional<int64_t> minor = Integer(path);
  if (!minor) return std::nullopt;
  std::optional<sdk::Decimal> amount = sdk::FromMinorUnits(*minor, sdk::BillingMinorDigits(currency));
  if (!amount) Fail(path, "bad_amount", "the amount or its currency is out of range");
  return amount;
}

std::string JsonRecord::Currency() {
  std::string text = Text("currency");
  std::string code = sdk::CurrencyCode(text);
  if (code.empty()) Fail("currency", "unknown_currency", "\"" + text + "\" is no currency of ISO 4217");
  return code;
}

int64_t JsonRecord::Newest(std::initializer_list<std::string_view> paths) {
  int64_t newest = 0;
  for (std::string_view path : paths) {
    if (std::optional<sdk::Instant> time = Time(path)) newest = std::max(newest, time->Micros());
  }
  return newest;
}

}  // namespace partnermetrics::stripe
