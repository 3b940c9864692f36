// Which changes a caller of WatchChanges wants.
//
//   ASSIGN_OR_RETURN(const WatchFilter filter, WatchFilter::Make(request, view));
//   if (filter.Passes(change)) …
//
// Immutable.
#ifndef PARTNERMETRICS_SERVER_WATCH_WATCH_FILTER_H_
#define PARTNERMETRICS_SERVER_WATCH_WATCH_FILTER_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "partnermetrics/v1/watch_service.pb.h"
#include "server/engine/engine.h"

namespace partnermetrics {

class WatchFilter {
 public:
  // INVALID_ARGUMENT for what cannot be filtered by, NOT_FOUND for an unknown partner.
  static absl::StatusOr<WatchFilter> Make(const v1::WatchChangesRequest& request, const Engine::View& view);

  bool Passes(const v1::PartnerChange& change) const;

 private:
  absl::flat_hash_set<std::string> partners_;  // empty, here and below: all
  absl::flat_hash_set<int> kinds_;
  absl::flat_hash_set<std::string> models_;
  int step_ = 0;  // in percent
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_WATCH_WATCH_FILTER_H_
