#include "server/actions/period_progress.h"

#include <algorithm>
#include <utility>

namespace partnermetrics {

PeriodProgress::Work::Work(PeriodProgress& progress, v1::PeriodWork about) : progress_(progress) {
  MutexLock lock(&progress_.mutex_);
  work_ = progress_.works_.insert(progress_.works_.end(), std::move(about));
}

PeriodProgress::Work::~Work() {
  MutexLock lock(&progress_.mutex_);
  progress_.works_.erase(work_);
}

void PeriodProgress::Work::SetScopes(int64_t scopes) {
  MutexLock lock(&progress_.mutex_);
  work_->set_scopes(scopes);
}

void PeriodProgress::Work::AddDone() {
  MutexLock lock(&progress_.mutex_);
  work_->set_done(work_->done() + 1);
  if (work_->scopes() == 0) return;
  // The last ones are still to be appended when all were gone over.
  work_->set_percent(static_cast<int32_t>(std::min<int64_t>(work_->done() * 100 / work_->scopes(), 99)));
}

std::vector<v1::PeriodWork> PeriodProgress::List() const {
  MutexLock lock(&mutex_);
  return {works_.begin(), works_.end()};
}

}  // namespace partnermetrics
