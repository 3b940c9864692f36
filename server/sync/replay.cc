#include "server/sync/replay.h"

#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/sync/texts.h"

namespace partnermetrics {

using connectors::ConnectorEnd;

Replay::Replay(const ConnectorConfig& config, Programs& programs, ProgramRuntime& program, const ShortRun& run,
               const std::vector<ReplayEntry>& entries)
    : config_(config),
      programs_(programs),
      program_(program),
      run_(run),
      reader_(config, programs, program, run.run_id) {
  for (const ReplayEntry& entry : entries) wanted_[{entry.file, entry.row}].push_back(entry.own_number);
}

absl::Status Replay::OnPage(const connectors::Page& page) {
  WriteRequest request;
  request.actor = ConnectorActor(config_.name);
  request.sequence = run_.sequence;
  RunTally tally = tally_;
  for (const connectors::RecordView& record : page.records) {
    const auto it = wanted_.find({PluginText(record.file), record.row});
    if (it == wanted_.end()) continue;
    const std::vector<uint64_t> entries = std::move(it->second);
    wanted_.erase(it);
    Take(record, entries, tally, request);
  }
  if (!request.events.empty()) {
    const WriteResult written = program_.writer().Write(std::move(request), /*wait_for_room=*/true);
    RETURN_IF_ERROR(written.status);
    tally.Judged(written.events);
  }
  tally_ = std::move(tally);
  found_all_ = wanted_.empty();
  // What follows is none of its business: an error ends the plugin.
  return found_all_ ? absl::CancelledError("all records were found") : absl::OkStatus();
}

void Replay::Take(const connectors::RecordView& record, const std::vector<uint64_t>& entries, RunTally& tally,
                  WriteRequest& request) {
  tally.PageOf(1);
  if (!record.skip.empty()) {
    tally.Skipped(record.skip);
    return Mark(entries, v1::QUARANTINE_ACTION_PASSED, absl::StrCat("skipped by the rule ", PluginText(record.skip)));
  }
  RecordEvents read = reader_.Read(record);
  if (read.rejected) {
    tally.Rejected();
  } else {
    tally.Emitted(read.stated);
    for (int i = 0; i < read.refused; ++i) tally.RefusedEvent();
  }
  std::move(read.events.begin(), read.events.end(), std::back_inserter(request.events));
  if (!read.fault.has_value()) return Mark(entries, v1::QUARANTINE_ACTION_PASSED, "");
  const RecordFault& fault = *read.fault;
  Mark(entries, v1::QUARANTINE_ACTION_REJECTED_AGAIN,
       PluginText(absl::StrCat(fault.field, fault.field.empty() ? "" : ": ", absl::AsciiStrToLower(fault.reason), ": ",
                               fault.message)));
}

void Replay::Mark(const std::vector<uint64_t>& entries, v1::QuarantineAction action, const std::string& message) {
  const bool passed = action == v1::QUARANTINE_ACTION_PASSED;
  for (const uint64_t entry : entries) {
    changes_[entry] = {passed ? v1::QUARANTINE_STATE_REPLAYED : v1::QUARANTINE_STATE_OPEN, action, run_.run_id,
                       message};
  }
}

absl::StatusOr<v1::ReplayResult> Replay::Finish(const ConnectorEnd& end) {
  v1::ReplayResult result;
  result.set_connector(config_.name);
  result.set_run_id(run_.run_id);
  const bool done = end.ok() || found_all_;
  log::v1::RunEnd run_end;
  *run_end.mutable_counts() = tally_.counts();
  if (done) {
    for (const auto& [place, entries] : wanted_) {
      Mark(entries, v1::QUARANTINE_ACTION_NOT_FOUND,
           absl::StrCat(place.first, " has no row ", place.second, " any more, or is gone"));
    }
    const bool all_passed = tally_.rejected() == 0 && wanted_.empty();
    run_end.set_state(all_passed ? v1::RUN_STATE_SUCCEEDED : v1::RUN_STATE_PARTIAL);
  } else {
    run_end.set_state(end.outcome == ConnectorEnd::Outcome::kCancelled ? v1::RUN_STATE_CANCELLED
                                                                       : v1::RUN_STATE_FAILED);
    run_end.set_error(PluginText(end.Text()));
    result.set_error(run_end.error());
    // What passed is in the log all the same; reading it again would be unchanged.
    for (auto it = changes_.begin(); it != changes_.end();) {
      it = it->second.state == v1::QUARANTINE_STATE_REPLAYED ? std::next(it) : changes_.erase(it);
    }
  }
  RETURN_IF_ERROR(EndShortRun(run_, program_, std::move(run_end)));
  RETURN_IF_ERROR(ChangeQuarantine(program_.log(), changes_, programs_.Now()).status());
  for (const auto& [entry, change] : changes_) {
    if (change.action == v1::QUARANTINE_ACTION_PASSED) result.set_passed(result.passed() + 1);
    if (change.action == v1::QUARANTINE_ACTION_REJECTED_AGAIN) {
      result.set_rejected_again(result.rejected_again() + 1);
    }
    if (change.action == v1::QUARANTINE_ACTION_NOT_FOUND) result.set_not_found(result.not_found() + 1);
  }
  return result;
}

}  // namespace partnermetrics
