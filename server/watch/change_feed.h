// What changes about the partners of a programme: looked for while somebody watches, and written into a journal.
//
//   ChangeFeed feed(program, programs, {.folder = data_dir + "/changes/partneros"});
//   RETURN_IF_ERROR(feed.Join(watcher));          // from now on it is told after each look
//   ASSIGN_OR_RETURN(auto journal, feed.Look());  // at once; the feed's own thread does so several times a second
//
// Without watchers the feed rests after a while; the look after that tells in one what changed meanwhile.
//
// Thread-safe. Destroyed after its watchers, before the programmes are closed.
#ifndef PARTNERMETRICS_SERVER_WATCH_CHANGE_FEED_H_
#define PARTNERMETRICS_SERVER_WATCH_CHANGE_FEED_H_

#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/ingest/programs.h"
#include "server/watch/change_journal.h"
#include "server/watch/change_looker.h"
#include "storage/mutex.h"

namespace partnermetrics {

class ChangeFeed {
 public:
  struct Options {
    std::string folder;                                                 // of the journal
    std::chrono::milliseconds period = std::chrono::milliseconds(250);  // between looks, at least
    std::chrono::seconds keep_looking = std::chrono::hours(1);          // without watchers
    size_t most_watchers = 256;
    ChangeJournal::Options journal = {};
  };

  // Told by the feed's thread; must not block.
  class Watcher {
   public:
    virtual ~Watcher() = default;
    // The journal after a look that began after the watcher had joined, or why there is none. Later calls come every
    // period, whether there was a look or not.
    virtual void Tick(const absl::StatusOr<std::shared_ptr<const ChangeJournal>>& journal) = 0;
  };

  ChangeFeed(ProgramRuntime& program, const Programs& programs, Options options);
  ~ChangeFeed();
  ChangeFeed(const ChangeFeed&) = delete;
  ChangeFeed& operator=(const ChangeFeed&) = delete;

  // Keeps telling the watcher until it is gone. RESOURCE_EXHAUSTED: there are too many.
  absl::Status Join(const std::shared_ptr<Watcher>& watcher);

  // Looks now, and gives the journal.
  absl::StatusOr<std::shared_ptr<const ChangeJournal>> Look();

  ProgramRuntime& program() { return program_; }

 private:
  void Loop();
  // Forgets those that are gone.
  void DropGone() PM_REQUIRES(mutex_);
  void Rest();

  ProgramRuntime& program_;
  const Programs& programs_;
  const Options options_;

  Mutex look_mutex_;
  std::unique_ptr<ChangeLooker> looker_ PM_GUARDED_BY(look_mutex_);  // null: at rest

  Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::weak_ptr<Watcher>> watchers_ PM_GUARDED_BY(mutex_);
  bool joined_ PM_GUARDED_BY(mutex_) = false;  // somebody waits for the next look
  bool stopping_ PM_GUARDED_BY(mutex_) = false;
  std::thread thread_ PM_GUARDED_BY(mutex_);  // begins with the first watcher
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_WATCH_CHANGE_FEED_H_
