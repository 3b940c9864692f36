// A small business made up at random: partners, deals, bills, tickets and whatever else KPIs count, as the records of
// its sources stand at the end of a day. Each record lives on as in a real source: it is created, and later closed,
// decided, answered, paid.
#ifndef PARTNERMETRICS_TESTS_PROPERTY_BUSINESS_H_
#define PARTNERMETRICS_TESTS_PROPERTY_BUSINESS_H_

#include <cstdint>
#include <vector>

#include "absl/time/civil_time.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics {

inline constexpr int kBusinessPartners = 4;  // that records name: "p0" … of source "crm"; others sign later
inline const absl::CivilDay kBusinessStart(2024, 1, 1);  // nothing happens before
inline constexpr int kBusinessDays = 800;

// The same seed gives the same business. Instants lie within UTC days; records that nobody knew of by the end of
// `known_on` are left out, and of the others what came later.
std::vector<v1::Event> MakeBusiness(uint64_t seed, absl::CivilDay known_on);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_PROPERTY_BUSINESS_H_
