// Does something on a thread of its own: at once, and again after each rest, until it is destroyed.
//
//   PeriodicThread expiry(std::chrono::hours(1), [this](const std::atomic<bool>& stopping) { ExpireAll(stopping); });
//
// The last member of its owner, so that nothing is used any more when the others go. Thread-safe.
#ifndef PARTNERMETRICS_SERVER_BASE_PERIODIC_THREAD_H_
#define PARTNERMETRICS_SERVER_BASE_PERIODIC_THREAD_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <thread>

#include "storage/mutex.h"

namespace partnermetrics {

class PeriodicThread {
 public:
  // `stopping` says that it is being destroyed, which waits for the end of what was begun.
  using Work = std::function<void(const std::atomic<bool>& stopping)>;

  PeriodicThread(std::chrono::milliseconds rest, Work work);
  ~PeriodicThread();
  PeriodicThread(const PeriodicThread&) = delete;
  PeriodicThread& operator=(const PeriodicThread&) = delete;

 private:
  void Loop();

  const std::chrono::milliseconds rest_;
  const Work work_;
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::atomic<bool> stopping_ = false;  // set under mutex_
  std::thread thread_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_BASE_PERIODIC_THREAD_H_
