#include "server/sync/run_tally.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

// A plugin that names its rules after its records must not fill the log.
constexpr size_t kMaxRules = 100;
constexpr char kOtherRules[] = "other";

}  // namespace

RunTally::RunTally(const log::v1::RunCounts& counts)
    : counts_(counts),
      events_(counts.events_applied() + counts.events_unchanged() + counts.events_superseded() +
              counts.events_rejected() + counts.events_staged()) {
  for (const std::string& entry : counts.skipped_by_rule()) skipped_.insert(ParseSkipped(entry));
  counts_.clear_skipped_by_rule();
}

void RunTally::Emitted(int events) {
  counts_.set_records_emitted(counts_.records_emitted() + 1);
  events_ += events;
}

void RunTally::Skipped(absl::string_view rule) {
  counts_.set_records_skipped(counts_.records_skipped() + 1);
  std::string name = PluginText(rule);
  if (skipped_.size() >= kMaxRules && skipped_.count(name) == 0) name = kOtherRules;
  ++skipped_[std::move(name)];
}

void RunTally::Published() {
  counts_.clear_events_staged();
  counts_.clear_quarantine_bytes();
}

void RunTally::Quarantined(const std::vector<storage::QuarantineRow>& rows) {
  for (const storage::QuarantineRow& row : rows) {
    counts_.set_quarantine_bytes(counts_.quarantine_bytes() + row.value.size());
  }
}

void RunTally::Judged(const std::vector<EventResult>& events) {
  for (const EventResult& event : events) {
    switch (event.effect) {
      case Effect::kApplied:
        counts_.set_events_applied(counts_.events_applied() + 1);
        break;
      case Effect::kUnchanged:
        counts_.set_events_unchanged(counts_.events_unchanged() + 1);
        break;
      case Effect::kSuperseded:
        counts_.set_events_superseded(counts_.events_superseded() + 1);
        break;
      case Effect::kNone:
        break;  // no valid event is judged so; Check() would tell
    }
    if (event.unresolved) counts_.set_events_unresolved(counts_.events_unresolved() + 1);
    if (event.parked) counts_.set_events_parked(counts_.events_parked() + 1);
  }
}

void RunTally::TakeJudged(const RunTally& other) {
  counts_.set_events_applied(other.counts_.events_applied());
  counts_.set_events_unchanged(other.counts_.events_unchanged());
  counts_.set_events_superseded(other.counts_.events_superseded());
  counts_.set_events_unresolved(other.counts_.events_unresolved());
  counts_.set_events_parked(other.counts_.events_parked());
}

absl::Status RunTally::Check() const {
  const log::v1::RunCounts& c = counts_;
  int64_t by_rule = 0;
  for (const auto& [rule, records] : skipped_) by_rule += records;
  const bool records = c.records_read() == c.records_emitted() + c.records_rejected() + c.records_skipped();
  const bool events = events_ == c.events_applied() + c.events_unchanged() + c.events_superseded() +
                                     c.events_rejected() + c.events_staged();
  const bool parts = by_rule == c.records_skipped() && c.events_unresolved() <= c.events_applied() &&
                     c.events_parked() <= c.events_applied() && c.records_rejected_again() <= rejected();
  if (records && events && parts) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("the run's accounting does not add up: ", events_, " events; ", counts().ShortDebugString()));
}

log::v1::RunCounts RunTally::counts() const {
  log::v1::RunCounts counts = counts_;
  for (const auto& [rule, records] : skipped_) counts.add_skipped_by_rule(absl::StrCat(rule, "=", records));
  return counts;
}

std::pair<std::string, int64_t> ParseSkipped(absl::string_view entry) {
  const size_t sign = entry.rfind('=');
  int64_t records = 0;
  if (sign == absl::string_view::npos || !absl::SimpleAtoi(entry.substr(sign + 1), &records)) return {};
  return {std::string(entry.substr(0, sign)), records};
}

}  // namespace partnermetrics
