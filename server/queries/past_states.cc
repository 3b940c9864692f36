#include "server/queries/past_states.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/errors.h"
#include "server/ingest/partner_history.h"
#include "server/queries/dates.h"

namespace partnermetrics {
namespace {

constexpr std::chrono::seconds kMostWait(30);

// Position of the last record that was stored by then; 0: none was. Records are stored in order of time.
absl::StatusOr<uint64_t> PositionBy(const storage::EventLog& log, absl::Time time) {
  uint64_t first = 0, last = log.last_position();
  while (first < last) {
    const uint64_t middle = last - (last - first) / 2;
    ASSIGN_OR_RETURN(const storage::LogRecord record, log.Get(middle));
    if (record.appended_at_us <= absl::ToUnixMicros(time)) {
      first = middle;
    } else {
      last = middle - 1;
    }
  }
  return first;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Scratch>> PastStates::At(ProgramRuntime& program, uint64_t position,
                                                        const std::string& partner) {
  const bool is_long = position > most_records_;
  if (is_long && partner.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_AVAILABLE",
                     absl::StrCat("more than ", most_records_, " records were stored by then"),
                     "ask for one partner, read what was stated of a closed period, or raise known_on_records of the "
                     "server's configuration");
  }
  const Key key{&program, position, is_long ? partner : ""};
  {
    MutexLock lock(&mutex_);
    const auto deadline = std::chrono::steady_clock::now() + kMostWait;
    while (true) {
      if (std::shared_ptr<Scratch> kept = FindKept(key); kept != nullptr) return kept;
      if (!busy_) break;
      if (free_.wait_until(mutex_, deadline) == std::cv_status::timeout) {
        return RetryLater(absl::StatusCode::kUnavailable, "BUSY", "other past states are being worked out", 5'000);
      }
    }
    busy_ = true;
  }
  absl::StatusOr<std::unique_ptr<Scratch>> made = Make(program, key);
  MutexLock lock(&mutex_);
  busy_ = false;
  free_.notify_all();
  RETURN_IF_ERROR(made.status());
  kept_.push_front({key, *std::move(made)});
  // Together they have no more records than one may have; the last one is kept whatever its size.
  uint64_t records = 0;
  for (auto it = kept_.begin(); it != kept_.end();) {
    records += it->state->replayed();
    it = it != kept_.begin() && records > most_records_ ? kept_.erase(it) : std::next(it);
  }
  return kept_.front().state;
}

absl::StatusOr<std::unique_ptr<Scratch>> PastStates::Make(ProgramRuntime& program, const Key& key) {
  if (key.partner.empty()) return Scratch::Past(program.id(), program.log(), key.position);
  ASSIGN_OR_RETURN(const PartnerHistory history,
                   ReadPartnerHistory(program.engine(), program.log(), key.position, key.partner));
  return Scratch::Of(program.id(), program.log(), history.records, history.partner_id);
}

absl::StatusOr<std::shared_ptr<Scratch>> PastStates::KnownOn(ProgramRuntime& program, const v1::Date& known_on,
                                                             const std::string& partner) {
  ASSIGN_OR_RETURN(const Day day, ReadDate(known_on, "known_on"));
  const std::shared_ptr<const Catalog> catalog = Engine::View(program.engine()).catalog();
  const absl::Time next_day = absl::FromCivil(ToCivil(day + 1), catalog->zone());
  ASSIGN_OR_RETURN(const uint64_t position, PositionBy(program.log(), next_day - absl::Microseconds(1)));
  if (position == program.log().last_position()) return std::shared_ptr<Scratch>();
  return At(program, position, partner);
}

std::shared_ptr<Scratch> PastStates::FindKept(const Key& key) {
  for (auto it = kept_.begin(); it != kept_.end(); ++it) {
    if (!(it->key == key)) continue;
    kept_.splice(kept_.begin(), kept_, it);
    return kept_.front().state;
  }
  return nullptr;
}

}  // namespace partnermetrics
