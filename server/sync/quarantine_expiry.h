// Erases the raw text of quarantined records once it is older than the programmes keep it: at once, then every hour.
//
//   QuarantineExpiry expiry(*programs);   // until it is destroyed, before the programmes are closed
#ifndef PARTNERMETRICS_SERVER_SYNC_QUARANTINE_EXPIRY_H_
#define PARTNERMETRICS_SERVER_SYNC_QUARANTINE_EXPIRY_H_

#include <atomic>

#include "server/base/periodic_thread.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

class QuarantineExpiry {
 public:
  explicit QuarantineExpiry(Programs& programs);

 private:
  void ExpireAll(const std::atomic<bool>& stopping);

  Programs& programs_;
  PeriodicThread thread_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_QUARANTINE_EXPIRY_H_
