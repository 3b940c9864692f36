#include "server/sync/quarantine_edit.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"

namespace partnermetrics {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kMaxSteps = 20;  // an entry's history keeps the newest
constexpr size_t kMaxNamed = 20;  // of many faulty numbers

void TakeStep(const QuarantineChange& change, absl::Time now, log::v1::QuarantineEntry& entry) {
  log::v1::QuarantineStep& step = *entry.add_history();
  step.set_at_us(absl::ToUnixMicros(now));
  step.set_action(change.action);
  step.set_run_id(change.run_id);
  step.set_message(change.message);
  if (entry.history_size() > static_cast<int>(kMaxSteps)) entry.mutable_history()->DeleteSubrange(0, 1);
  entry.set_state(change.state);
  if (change.state == v1::QUARANTINE_STATE_REPLAYED) entry.clear_raw();
}

// "record 4 is", "records 4, 5 and 7 more are".
std::string NameAll(const std::vector<std::string>& records) {
  const size_t named = std::min(records.size(), kMaxNamed);
  return absl::StrCat(records.size() == 1 ? "record " : "records ",
                      absl::StrJoin(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(named), ", "),
                      named < records.size() ? absl::StrCat(" and ", records.size() - named, " more") : "",
                      records.size() == 1 ? " is" : " are");
}

}  // namespace

absl::Status CheckOpen(const Programs& programs, const std::set<uint64_t>& records) {
  std::vector<std::string> unknown, left;
  for (const uint64_t record : records) {
    ASSIGN_OR_RETURN(const std::optional<log::v1::QuarantineEntry> entry, FindEntry(programs, record));
    if (!entry.has_value()) {
      unknown.push_back(absl::StrCat(record));
    } else if (const v1::QuarantineState state = StateOf(*entry); state != v1::QUARANTINE_STATE_OPEN) {
      const absl::Time at = absl::FromUnixMicros(entry->history().empty() ? 0 : entry->history().rbegin()->at_us());
      left.push_back(absl::StrCat(record, state == v1::QUARANTINE_STATE_DISCARDED ? " (discarded " : " (replayed ",
                                  absl::FormatTime(absl::RFC3339_sec, at, absl::UTCTimeZone()), ")"));
    }
  }
  if (!unknown.empty()) {
    return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_RECORD",
                     absl::StrCat(NameAll(unknown), " not in quarantine; nothing was done"),
                     "list the records in quarantine for their numbers");
  }
  if (!left.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_OPEN",
                     absl::StrCat(NameAll(left), " not open any more; nothing was done"), "leave them out");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::CountQuarantineResponse> CountQuarantine(const Programs& programs,
                                                            const v1::CountQuarantineRequest& request) {
  struct Count {
    int64_t records = 0, oldest_us = 0, newest_us = 0;
  };
  std::map<std::tuple<std::string, std::string, std::string>, Count> counts;
  v1::CountQuarantineResponse response;
  QuarantineFilter filter;
  filter.connector = request.connector();
  filter.run_id = request.run_id();
  filter.state = request.state();
  RETURN_IF_ERROR(VisitQuarantine(programs, filter, 0, [&](const FoundEntry& found) {
    const log::v1::QuarantineEntry& entry = found.entry;
    Count& count = counts[{entry.connector(), entry.reason(), entry.field()}];
    const int64_t at = entry.rejected_at_us();
    count.oldest_us = count.records == 0 ? at : std::min(count.oldest_us, at);
    count.newest_us = std::max(count.newest_us, at);
    ++count.records;
    response.set_records(response.records() + 1);
    return true;
  }));
  for (const auto& [key, count] : counts) {
    v1::QuarantineCount& one = *response.add_counts();
    one.set_connector(std::get<0>(key));
    one.set_reason(std::get<1>(key));
    one.set_field(std::get<2>(key));
    one.set_records(count.records);
    *one.mutable_oldest_at() = TimeUtil::MicrosecondsToTimestamp(count.oldest_us);
    *one.mutable_newest_at() = TimeUtil::MicrosecondsToTimestamp(count.newest_us);
  }
  std::stable_sort(response.mutable_counts()->begin(), response.mutable_counts()->end(),
                   [](const auto& a, const auto& b) { return a.records() > b.records(); });
  return response;
}

absl::StatusOr<v1::DiscardQuarantineResponse> DiscardQuarantine(const Programs& programs,
                                                                const v1::DiscardQuarantineRequest& request) {
  if (request.note().empty()) {
    return InvalidField("note", "REQUIRED", "must say why the records are not needed; it is kept with them");
  }
  ASSIGN_OR_RETURN(const QuarantineFilter filter, OpenEntriesOf(programs, request));
  const QuarantineChange discarded = {v1::QUARANTINE_STATE_DISCARDED, v1::QUARANTINE_ACTION_DISCARDED, "",
                                      request.note()};
  v1::DiscardQuarantineResponse response;
  RETURN_IF_ERROR(ChangeMeant(programs, filter, [&](log::v1::QuarantineEntry& entry) {
    TakeStep(discarded, programs.Now(), entry);
    response.set_records(response.records() + 1);
  }));
  return response;
}

absl::StatusOr<int64_t> ChangeQuarantine(storage::EventLog& log, const std::map<uint64_t, QuarantineChange>& changes,
                                         absl::Time now) {
  int64_t changed = 0;
  if (changes.empty()) return changed;
  const uint64_t last = changes.rbegin()->first;
  RETURN_IF_ERROR(EditQuarantine(log, changes.begin()->first - 1,
                                 [&](uint64_t number, log::v1::QuarantineEntry& entry) -> QuarantineEdit {
                                   if (number > last) return QuarantineEdit::kStop;
                                   const auto it = changes.find(number);
                                   if (it == changes.end() || StateOf(entry) != v1::QUARANTINE_STATE_OPEN)
                                     return QuarantineEdit::kKeep;
                                   TakeStep(it->second, now, entry);
                                   ++changed;
                                   return QuarantineEdit::kReplace;
                                 }));
  return changed;
}

}  // namespace partnermetrics
