// The statements of periods that are being worked out, and how far they are: it may take minutes for many partners.
//
//   PeriodProgress::Work work(progress, about);   // listed while it lives
//   work.SetScopes(1'200);
//   work.AddDone();                               // after each scope
//
// Thread-safe. It outlives the works.
#ifndef PARTNERMETRICS_SERVER_ACTIONS_PERIOD_PROGRESS_H_
#define PARTNERMETRICS_SERVER_ACTIONS_PERIOD_PROGRESS_H_

#include <cstdint>
#include <list>
#include <vector>

#include "partnermetrics/v1/period_service.pb.h"
#include "storage/mutex.h"

namespace partnermetrics {

class PeriodProgress {
 public:
  class Work {
   public:
    // `about`: all but the scopes.
    Work(PeriodProgress& progress, v1::PeriodWork about);
    ~Work();
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    void SetScopes(int64_t scopes);
    void AddDone();

   private:
    PeriodProgress& progress_;
    std::list<v1::PeriodWork>::iterator work_;
  };

  // What is worked on, in the order in which it began.
  std::vector<v1::PeriodWork> List() const;

 private:
  mutable Mutex mutex_;
  std::list<v1::PeriodWork> works_ PM_GUARDED_BY(mutex_);
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ACTIONS_PERIOD_PROGRESS_H_
