// Sizes of pages of lists.
#ifndef PARTNERMETRICS_SERVER_SYNC_PAGE_REQUEST_H_
#define PARTNERMETRICS_SERVER_SYNC_PAGE_REQUEST_H_

#include <algorithm>
#include <cstdint>

#include "absl/status/statusor.h"
#include "server/base/errors.h"

namespace partnermetrics {

// How many entries a page of a list has: what was asked for, at most 1,000; 50 when it was left out.
inline absl::StatusOr<int> PageSize(int32_t asked) {
  if (asked < 0) return InvalidField("page_size", "OUT_OF_RANGE", "must not be negative");
  return asked == 0 ? 50 : std::min(asked, 1'000);
}

inline absl::Status BadPageToken() {
  return InvalidField("page_token", "MALFORMED",
                      "is no token of this list; leave it empty to begin with its first page");
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_PAGE_REQUEST_H_
