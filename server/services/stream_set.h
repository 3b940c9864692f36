// The open streams, so that a stop can end them in order: with a stream left open, a shutdown takes its whole deadline.
//
// Thread-safe.
#ifndef PARTNERMETRICS_SERVER_SERVICES_STREAM_SET_H_
#define PARTNERMETRICS_SERVER_SERVICES_STREAM_SET_H_

#include <condition_variable>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "storage/mutex.h"

namespace partnermetrics {

class StreamSet {
 public:
  // Base of what is in the set. Held by shared_ptr by all that still works for the stream.
  class Stream {
   public:
    virtual ~Stream();
    // Answers what is under way and ends the stream with UNAVAILABLE.
    virtual void Stop() = 0;

   private:
    friend class StreamSet;
    StreamSet* set_ = nullptr;
  };

  void Add(const std::shared_ptr<Stream>& stream);
  // Stops all, and those that are added later.
  void StopAll();
  // Waits until the last one is gone.
  void WaitUntilEmpty();

 private:
  void Remove(const Stream* stream);

  Mutex mutex_;
  std::condition_variable_any removed_;
  absl::flat_hash_map<const Stream*, std::weak_ptr<Stream>> streams_ PM_GUARDED_BY(mutex_);
  bool stopping_ PM_GUARDED_BY(mutex_) = false;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_STREAM_SET_H_
