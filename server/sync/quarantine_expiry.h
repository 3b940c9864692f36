// Erases the raw text of quarantined records once it is older than the programmes keep it: at once, then every hour.
//
//   QuarantineExpiry expiry(*programs);   // until it is destroyed, before the programmes are closed
#ifndef PARTNERMETRICS_SERVER_SYNC_QUARANTINE_EXPIRY_H_
#define PARTNERMETRICS_SERVER_SYNC_QUARANTINE_EXPIRY_H_

#include <atomic>
#include <condition_variable>
#include <thread>

#include "server/ingest/programs.h"
#include "storage/mutex.h"

namespace partnermetrics {

class QuarantineExpiry {
 public:
  explicit QuarantineExpiry(Programs& programs);
  ~QuarantineExpiry();
  QuarantineExpiry(const QuarantineExpiry&) = delete;
  QuarantineExpiry& operator=(const QuarantineExpiry&) = delete;

 private:
  void Loop();
  void ExpireAll();

  Programs& programs_;
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::atomic<bool> stopping_ = false;  // set under mutex_
  std::thread thread_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_QUARANTINE_EXPIRY_H_
