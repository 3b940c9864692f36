// Dates of requests; those of answers are made by ToDate of scoring's proto_values.h, which comes along.
#ifndef PARTNERMETRICS_SERVER_SERVICES_DATES_H_
#define PARTNERMETRICS_SERVER_SERVICES_DATES_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/v1/common.pb.h"
#include "server/base/civil.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {

// The day; INVALID_ARGUMENT with the field's name for a day that does not exist or lies outside of 1990 to 2200.
absl::StatusOr<Day> ReadDate(const v1::Date& date, absl::string_view field);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_DATES_H_
