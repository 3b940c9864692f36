// Typed access to the members of a Stripe object that remembers the first thing wrong with it.
//
// A missing member and null are the same: nothing, and no fault. Members are found by a path:
// "status_transitions.paid_at".
#ifndef PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_JSON_RECORD_H_
#define PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_JSON_RECORD_H_

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/sdk/readers/numbers.h"
#include "connectors/sdk/readers/record.h"
#include "connectors/sdk/readers/times.h"

namespace partnermetrics::stripe {

using Json = simdjson::dom::element;

class JsonRecord {
 public:
  explicit JsonRecord(Json object) : object_(object) {}

  bool ok() const { return fault_.reason == nullptr; }
  const sdk::Fault& fault() const { return fault_; }
  void Fail(std::string_view path, const char* reason, const std::string& message);

  Json object() const { return object_; }
  static std::optional<Json> Find(Json object, std::string_view path);
  std::optional<Json> Find(std::string_view path) const { return Find(object_, path); }

  std::string Text(std::string_view path) const { return Text(object_, path); }
  static std::string Text(Json object, std::string_view path);
  // The id of a reference, which is a string or, expanded, the whole object.
  std::string Reference(std::string_view path) const { return Id(object_, path); }
  static std::string Id(Json object, std::string_view path);
  // The elements of an array; none when it is missing.
  static std::vector<Json> List(Json object, std::string_view path);
  std::vector<Json> List(std::string_view path) const { return List(object_, path); }
  bool Bool(std::string_view path, bool otherwise = false) const;
  // A whole number: 12, 12.0 or "12".
  std::optional<int64_t> Integer(std::string_view path) { return Integer(object_, path); }
  std::optional<int64_t> Integer(Json object, std::string_view path);
  // Seconds since 1970.
  std::optional<sdk::Instant> Time(std::string_view path) { return Time(object_, path); }
  std::optional<sdk::Instant> Time(Json object, std::string_view path);
  // An amount in minor units of the currency, which is checked.
  std::optional<sdk::Decimal> Amount(std::string_view path, const std::string& currency);
  // The upper-case code of the member "currency".
  std::string Currency();
  // The newest of these times in microseconds; 0 when there is none.
  int64_t Newest(std::initializer_list<std::string_view> paths);

 private:
  Json object_;
  sdk::Fault fault_;
};

}  // namespace partnermetrics::stripe

#endif  // PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_JSON_RECORD_H_
