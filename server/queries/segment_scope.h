// The segment that people mean.
#ifndef PARTNERMETRICS_SERVER_QUERIES_SEGMENT_SCOPE_H_
#define PARTNERMETRICS_SERVER_QUERIES_SEGMENT_SCOPE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/v1/common.pb.h"
#include "server/engine/engine.h"

namespace partnermetrics {

// The segment with its value as partners have or had it: written like that, or otherwise only in upper and lower case.
// INVALID_ARGUMENT for attributes that the programme does not declare and values that no partner ever had; `field`
// names the segment in the request.
absl::StatusOr<v1::Segment> FindSegment(const Engine::View& view, const v1::Segment& segment, absl::string_view field);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_SEGMENT_SCOPE_H_
