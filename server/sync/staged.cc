#include "server/sync/staged.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/base/errors.h"
#include "server/sync/known_rejects.h"
#include "server/sync/record_events.h"
#include "server/sync/run_history.h"
#include "server/sync/run_records.h"
#include "server/sync/run_tally.h"

namespace partnermetrics {
namespace {

absl::StatusOr<log::v1::RunEnd> ReadEnd(ProgramRuntime& program, const log::v1::RunRecord& record) {
  ASSIGN_OR_RETURN(auto end, ReadRunEnd(program.log(), record));
  if (!end.has_value()) return absl::InternalError(absl::StrCat("run ", record.run_id(), " has no end"));
  return *std::move(end);
}

}  // namespace

absl::StatusOr<StagedRun> ReadStagedRun(ProgramRuntime& program, const StagedFiles& files,
                                        const log::v1::RunRecord& record) {
  StagedRun staged;
  staged.record = record;
  ASSIGN_OR_RETURN(staged.end, ReadEnd(program, record));
  absl::StatusOr<StagedContent> content = files.Read(record.run_id());
  if (!content.ok()) {
    return MakeError(absl::StatusCode::kDataLoss, "STAGED_RUN_DAMAGED", content.status().message(),
                     "discard the run, and stage it again");
  }
  staged.content = *std::move(content);
  return staged;
}

absl::StatusOr<VanishedJudgement> JudgeVanishedOf(const ConnectorConfig& config, ProgramRuntime& program,
                                                  const StagedRun& staged, bool allow_vanishing) {
  SeenFacts seen;
  for (const PreparedEvent& event : staged.content.events) seen.Add(event.id);
  CompleteReading reading;
  reading.kinds = {staged.end.complete_kinds().begin(), staged.end.complete_kinds().end()};
  reading.seen = staged.end.read_everything() ? &seen : nullptr;
  reading.rejected = RunTally(staged.end.counts()).rejected() > 0;
  reading.allow_vanishing = allow_vanishing;
  reading.sequence = staged.record.sequence();
  return JudgeVanished(program, config, reading);
}

absl::Status PublishStagedRun(const ConnectorConfig& config, Programs& programs, ProgramRuntime& program,
                              StagedRun staged, bool allow_vanishing) {
  ASSIGN_OR_RETURN(VanishedJudgement vanished, JudgeVanishedOf(config, program, staged, allow_vanishing));
  RunTally tally(staged.end.counts());
  tally.Published();
  log::v1::RunEnd end = std::move(staged.end);
  end.set_state(tally.rejected() > 0 || vanished.too_many ? v1::RUN_STATE_PARTIAL : v1::RUN_STATE_SUCCEEDED);
  for (v1::ConnectorProblem& remark : vanished.remarks) *end.add_remarks() = std::move(remark);

  WriteRequest request;
  request.actor = ConnectorActor(config.name);
  request.sequence = staged.record.sequence();
  request.events = std::move(staged.content.events);
  request.quarantine = std::move(staged.content.quarantine);
  if (!request.quarantine.empty()) {
    ASSIGN_OR_RETURN(KnownRejects known, KnownRejects::Read(program.log(), config.name, end.run_id()));
    RETURN_IF_ERROR(known.LeaveOut(request.quarantine, tally));
  }
  const auto stated = static_cast<std::ptrdiff_t>(request.events.size());
  std::vector<PreparedEvent> deletes =
      RecordReader(config, programs, program, end.run_id()).PrepareOwn(std::move(vanished.deletes));
  std::move(deletes.begin(), deletes.end(), std::back_inserter(request.events));
  request.records = [&](const std::vector<EventResult>& results) {
    const std::vector<EventResult> of_records(results.begin(), results.begin() + stated);
    tally.Judged(of_records);
    *end.mutable_counts() = tally.counts();
    end.set_facts_deleted(std::count_if(results.begin() + stated, results.end(),
                                        [](const EventResult& result) { return result.effect == Effect::kApplied; }));
    log::v1::RunPage page;
    page.set_run_id(end.run_id());
    if (staged.content.state.has_value()) page.set_state(*staged.content.state);
    *page.mutable_counts() = end.counts();
    return std::vector<storage::LogRecord>{MakeRunRecord(storage::RecordType::kRunPage, page),
                                           MakeRunRecord(storage::RecordType::kRunEnd, end)};
  };
  return program.writer().Write(std::move(request), /*wait_for_room=*/true).status;
}

absl::Status DiscardStagedRun(ProgramRuntime& program, const log::v1::RunRecord& record, const std::string& why) {
  ASSIGN_OR_RETURN(log::v1::RunEnd end, ReadEnd(program, record));
  end.set_state(v1::RUN_STATE_DISCARDED);
  end.set_error(why);
  return WriteRunRecords(record.connector(), program, {MakeRunRecord(storage::RecordType::kRunEnd, end)});
}

}  // namespace partnermetrics
