#include "server/sync/known_rejects.h"

#include <algorithm>
#include <utility>

#include "partnermetrics/log/v1/log.pb.h"
#include "server/base/errors.h"
#include "server/sync/quarantine.h"

namespace partnermetrics {
namespace {

constexpr uint64_t kOfThisRun = 1;

}  // namespace

absl::StatusOr<KnownRejects> KnownRejects::Read(const storage::EventLog& log, absl::string_view connector,
                                                absl::string_view run_id, size_t part) {
  KnownRejects known(part);
  absl::Status damaged;
  RETURN_IF_ERROR(log.ReadQuarantine(0, [&](const storage::QuarantineRow& row) {
    log::v1::QuarantineEntry entry;
    damaged = ParseEntry(row.value, row.record, entry);
    if (!damaged.ok()) return false;
    const v1::QuarantineState state = StateOf(entry);
    if (entry.connector() != connector || state == v1::QUARANTINE_STATE_REPLAYED) return true;
    if (state == v1::QUARANTINE_STATE_OPEN) known.open_bytes_ += row.value.size();
    if (entry.fingerprint() == 0) return true;
    known.Add(entry.origin().run_id() == run_id ? entry.fingerprint() | kOfThisRun : entry.fingerprint() & ~kOfThisRun);
    return true;
  }));
  RETURN_IF_ERROR(damaged);
  return known;
}

bool KnownRejects::Has(uint64_t hash) const {
  const auto has = [hash](const std::vector<uint64_t>& part) {
    return std::binary_search(part.begin(), part.end(), hash);
  };
  return newest_.contains(hash) || std::any_of(sorted_.begin(), sorted_.end(), has);
}

void KnownRejects::Add(uint64_t hash) {
  if (Has(hash)) return;
  newest_.insert(hash);
  if (newest_.size() < part_) return;
  std::vector<uint64_t>& part = sorted_.emplace_back(newest_.begin(), newest_.end());
  std::sort(part.begin(), part.end());
  newest_.clear();
  if (sorted_.size() > kParts) sorted_.pop_front();
}

absl::Status KnownRejects::LeaveOut(std::vector<storage::QuarantineRow>& rows, RunTally& tally) {
  int64_t again = 0;
  std::vector<storage::QuarantineRow> left;
  for (storage::QuarantineRow& row : rows) {
    log::v1::QuarantineEntry entry;
    RETURN_IF_ERROR(ParseEntry(row.value, row.record, entry));
    const uint64_t before = entry.fingerprint() & ~kOfThisRun, now = entry.fingerprint() | kOfThisRun;
    if (Has(before)) {
      ++again;
    } else if (!Has(now)) {
      Add(now);
      open_bytes_ += row.value.size();
      left.push_back(std::move(row));
    }
  }
  rows = std::move(left);
  tally.RejectedAgain(again);
  tally.Quarantined(rows);
  return absl::OkStatus();
}

}  // namespace partnermetrics
