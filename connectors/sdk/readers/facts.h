// Puts parsed values into the messages of events.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_FACTS_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_FACTS_H_

#include <string>

#include "connectors/sdk/readers/numbers.h"
#include "connectors/sdk/readers/times.h"
#include "google/protobuf/timestamp.pb.h"
#include "partnermetrics/v1/common.pb.h"

namespace partnermetrics::sdk {

inline void SetDate(const CivilDate& date, v1::Date* out) {
  out->set_year(date.year);
  out->set_month(date.month);
  out->set_day(date.day);
}

inline void SetInstant(const Instant& instant, google::protobuf::Timestamp* out) {
  out->set_seconds(instant.seconds);
  out->set_nanos(instant.nanos);
}

inline void SetDecimal(const Decimal& value, v1::Decimal* out) {
  out->set_units(value.units);
  out->set_nanos(value.nanos);
}

// An empty currency is the programme's.
inline void SetMoney(const Decimal& value, const std::string& currency, v1::Money* out) {
  out->set_currency_code(currency);
  out->set_units(value.units);
  out->set_nanos(value.nanos);
}

inline void SetExternalId(const std::string& id, v1::PartnerReference* out) {
  out->mutable_external()->set_id(id);
}

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_FACTS_H_
