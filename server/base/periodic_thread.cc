#include "server/base/periodic_thread.h"

#include <utility>

namespace partnermetrics {

PeriodicThread::PeriodicThread(std::chrono::milliseconds rest, Work work) : rest_(rest), work_(std::move(work)) {
  thread_ = std::thread([this] { Loop(); });
}

PeriodicThread::~PeriodicThread() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PeriodicThread::Loop() {
  while (!stopping_) {
    work_(stopping_);
    MutexLock lock(&mutex_);
    if (!stopping_) changed_.wait_for(mutex_, rest_);
  }
}

}  // namespace partnermetrics
