// Tokens of pages: opaque to callers, a key to go on after, bound to the request that they belong to.
//
//   ASSIGN_OR_RETURN(std::string after, ReadPageToken(request.page_token(), fingerprint));
//   response.set_next_page_token(MakePageToken(last_key, fingerprint));
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_QUERIES_PAGE_TOKEN_H_
#define PARTNERMETRICS_SERVER_QUERIES_PAGE_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace partnermetrics {

// `request`: whatever must be the same on all pages (filter, order).
std::string MakePageToken(absl::string_view after, absl::string_view request);

// The key of the token; empty for an empty token. INVALID_ARGUMENT for a token of another list or request.
absl::StatusOr<std::string> ReadPageToken(absl::string_view token, absl::string_view request);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_PAGE_TOKEN_H_
