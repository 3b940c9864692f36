// A few threads for work that a gRPC reaction must not do itself.
//
// Thread-safe. The destructor finishes what is queued.
#ifndef PARTNERMETRICS_SERVER_SERVICES_WORKER_POOL_H_
#define PARTNERMETRICS_SERVER_SERVICES_WORKER_POOL_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "storage/mutex.h"

namespace partnermetrics {

class WorkerPool {
 public:
  explicit WorkerPool(int threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void Post(std::function<void()> work);

 private:
  void Loop();

  Mutex mutex_;
  std::condition_variable_any posted_;
  std::deque<std::function<void()>> queue_ PM_GUARDED_BY(mutex_);
  bool stopping_ PM_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_WORKER_POOL_H_
