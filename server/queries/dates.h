// Dates of requests; those of answers are made by ToDate of scoring's proto_values.h, which comes along.
#ifndef PARTNERMETRICS_SERVER_QUERIES_DATES_H_
#define PARTNERMETRICS_SERVER_QUERIES_DATES_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/v1/common.pb.h"
#include "server/base/civil.h"
#include "server/ingest/programs.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {

// The day; INVALID_ARGUMENT with the field's name for a day that does not exist or lies outside of 1990 to 2200.
absl::StatusOr<Day> ReadDate(const v1::Date& date, absl::string_view field);

// The date of a request: its as_of, else the day by whose knowledge it wants to read, else today.
template <typename Request>
absl::StatusOr<Day> ReadAsOf(const Programs& programs, const Catalog& catalog, const Request& request) {
  if (request.has_as_of()) return ReadDate(request.as_of(), "as_of");
  if constexpr (requires { request.has_known_on(); }) {
    if (request.has_known_on()) return ReadDate(request.known_on(), "known_on");
  }
  return programs.Today(catalog);
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_DATES_H_
