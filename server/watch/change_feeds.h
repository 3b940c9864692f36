// The feeds of changes of all programmes.
//
//   ChangeFeeds feeds(programs);     // until it is destroyed, before the programmes are closed
//   RETURN_IF_ERROR(feeds.Of(program).Join(watcher));
//
// Thread-safe.
#ifndef PARTNERMETRICS_SERVER_WATCH_CHANGE_FEEDS_H_
#define PARTNERMETRICS_SERVER_WATCH_CHANGE_FEEDS_H_

#include <map>
#include <memory>

#include "server/watch/change_feed.h"

namespace partnermetrics {

class ChangeFeeds {
 public:
  explicit ChangeFeeds(Programs& programs);

  ChangeFeed& Of(const ProgramRuntime& program) const { return *feeds_.at(&program); }

 private:
  std::map<const ProgramRuntime*, std::unique_ptr<ChangeFeed>> feeds_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_WATCH_CHANGE_FEEDS_H_
