#include "server/sync/quarantine_expiry.h"

#include <spdlog/spdlog.h>

#include <chrono>

#include "server/sync/quarantine.h"

namespace partnermetrics {
namespace {

constexpr auto kPeriod = std::chrono::hours(1);

}  // namespace

QuarantineExpiry::QuarantineExpiry(Programs& programs) : programs_(programs), thread_([this] { Loop(); }) {}

QuarantineExpiry::~QuarantineExpiry() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void QuarantineExpiry::Loop() {
  while (!stopping_) {
    ExpireAll();
    MutexLock lock(&mutex_);
    if (!stopping_) changed_.wait_for(mutex_, kPeriod);
  }
}

void QuarantineExpiry::ExpireAll() {
  const absl::Time rejected_before = programs_.Now() - programs_.keep_quarantine_raw();
  for (const auto& program : programs_.all()) {
    const absl::StatusOr<int64_t> expired = ExpireQuarantine(program->log(), rejected_before, stopping_);
    if (!expired.ok()) {
      spdlog::error("{}: the raw text of quarantined records is not erased, the next try is in an hour: {}",
                    program->id(), expired.status().ToString());
    } else if (*expired > 0) {
      spdlog::info("{}: erased the raw text of {} quarantined records that had expired", program->id(), *expired);
    }
  }
}

}  // namespace partnermetrics
