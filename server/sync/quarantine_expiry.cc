#include "server/sync/quarantine_expiry.h"

#include <spdlog/spdlog.h>

#include <chrono>

#include "server/sync/quarantine.h"

namespace partnermetrics {
namespace {

constexpr auto kPeriod = std::chrono::hours(1);

}  // namespace

QuarantineExpiry::QuarantineExpiry(Programs& programs)
    : programs_(programs), thread_(kPeriod, [this](const std::atomic<bool>& stopping) { ExpireAll(stopping); }) {}

void QuarantineExpiry::ExpireAll(const std::atomic<bool>& stopping) {
  const absl::Time rejected_before = programs_.Now() - programs_.keep_quarantine_raw();
  for (const auto& program : programs_.all()) {
    const absl::StatusOr<int64_t> expired = ExpireQuarantine(program->log(), rejected_before, stopping);
    if (!expired.ok()) {
      spdlog::error("{}: the raw text of quarantined records is not erased, the next try is in an hour: {}",
                    program->id(), expired.status().ToString());
    } else if (*expired > 0) {
      spdlog::info("{}: erased the raw text of {} quarantined records that had expired", program->id(), *expired);
    }
  }
}

}  // namespace partnermetrics
