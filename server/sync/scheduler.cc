#include "server/sync/scheduler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace partnermetrics {
namespace {

constexpr absl::Duration kFirstBackOff = absl::Minutes(1), kLongestBackOff = absl::Hours(1);
constexpr absl::Duration kRefusedPause = absl::Minutes(1);
// Files that were copied in are complete once nothing has moved for so long.
constexpr absl::Duration kStill = absl::Seconds(30);
constexpr absl::Duration kLookEvery = absl::Seconds(10);

absl::Duration BackOff(int failures) {
  absl::Duration pause = kFirstBackOff;
  for (int i = 1; i < failures && pause < kLongestBackOff; ++i) pause *= 2;
  return std::min(pause, kLongestBackOff);
}

}  // namespace

void Scheduler::Add(const std::string& connector, Plan plan, Past past, absl::Time now) {
  Entry entry;
  entry.plan = std::move(plan);
  entry.past = std::move(past);
  entry.added = now;
  entries_[connector] = std::move(entry);
}

bool Scheduler::Suspended(const Entry& entry) const {
  return entry.past.failures >= entry.plan.max_failures && entry.plan.max_failures > 0;
}

absl::Time Scheduler::NextOf(const Entry& entry) const {
  const bool by_itself = !entry.plan.schedule.never() || entry.plan.watch;
  if (!by_itself || Suspended(entry)) return absl::InfiniteFuture();
  absl::Time next = absl::InfiniteFuture();
  if (entry.past.interrupted) {
    next = entry.added;
  } else if (entry.past.failures > 0) {
    next = entry.past.last_end + BackOff(entry.past.failures);
  } else if (entry.past.last_end > absl::InfinitePast()) {
    next = entry.plan.schedule.Next(entry.past.last_end, entry.plan.zone);
  } else if (!entry.plan.schedule.never()) {
    // The first run of "every" need not wait; cron's times are meant.
    next = entry.plan.schedule.Text().rfind("every", 0) == 0 ? entry.added
                                                             : entry.plan.schedule.Next(entry.added, entry.plan.zone);
  }
  return std::max(next, entry.not_before);
}

bool Scheduler::FolderIsDue(Entry& entry, const std::string& connector, absl::Time now,
                            const Surroundings& surroundings) const {
  if (!entry.plan.watch || entry.past.failures > 0 || now < entry.next_look || now < entry.not_before) return false;
  entry.next_look = now + kLookEvery;
  const uint64_t held = surroundings.folder(connector);
  if (held != entry.seen) {
    entry.seen = held;
    entry.seen_at = now;
  }
  if (held == 0 || held == entry.handled || now - entry.seen_at < kStill) return false;
  entry.handled = held;
  return true;
}

std::vector<Scheduler::Due> Scheduler::TakeDue(absl::Time now, const Surroundings& surroundings) {
  std::vector<Due> due;
  for (auto& [connector, entry] : entries_) {
    if (entry.active) continue;
    if (Suspended(entry)) {
      // Another build deserves another try: one.
      const std::string build = surroundings.build(connector);
      if (build.empty() || entry.past.failed_build.empty() || build == entry.past.failed_build) continue;
      --entry.past.failures;
      entry.past.failed_build = build;
    }
    v1::RunTrigger trigger = v1::RUN_TRIGGER_UNSPECIFIED;
    if (now >= NextOf(entry)) {
      trigger = entry.past.interrupted ? v1::RUN_TRIGGER_RESUME : v1::RUN_TRIGGER_SCHEDULE;
    } else if (FolderIsDue(entry, connector, now, surroundings)) {
      trigger = v1::RUN_TRIGGER_WATCH;
    }
    if (trigger == v1::RUN_TRIGGER_UNSPECIFIED) continue;
    entry.active = true;
    due.push_back({connector, trigger});
  }
  return due;
}

void Scheduler::Began(const std::string& connector) {
  const auto it = entries_.find(connector);
  if (it != entries_.end()) it->second.active = true;
}

void Scheduler::Ended(const std::string& connector, v1::RunState state, absl::Time at, const std::string& build) {
  const auto it = entries_.find(connector);
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  entry.active = false;
  entry.past.interrupted = state == v1::RUN_STATE_INTERRUPTED;
  entry.past.last_end = at;
  if (state == v1::RUN_STATE_FAILED) {
    ++entry.past.failures;
    entry.past.failed_build = build;
  } else if (state == v1::RUN_STATE_SUCCEEDED || state == v1::RUN_STATE_PARTIAL) {
    entry.past.failures = 0;
  }
}

void Scheduler::Refused(const std::string& connector, absl::Time now) {
  const auto it = entries_.find(connector);
  if (it == entries_.end()) return;
  it->second.active = false;
  it->second.handled = 0;
  it->second.not_before = now + kRefusedPause;
}

void Scheduler::Resume(const std::string& connector, absl::Time now) {
  const auto it = entries_.find(connector);
  if (it == entries_.end()) return;
  it->second.past.failures = 0;
  it->second.past.last_end = now;
  it->second.handled = 0;
}

Scheduler::Status Scheduler::StatusOf(const std::string& connector) const {
  Status status;
  const auto it = entries_.find(connector);
  if (it == entries_.end()) return status;
  const Entry& entry = it->second;
  status.schedule = entry.plan.schedule.Text();
  if (entry.plan.watch) absl::StrAppend(&status.schedule, status.schedule.empty() ? "" : ", ", "watch");
  status.next = NextOf(entry);
  status.failures = entry.past.failures;
  status.suspended = Suspended(entry);
  return status;
}

}  // namespace partnermetrics
