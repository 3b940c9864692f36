// Staged runs: found at the start, looked at, published, discarded, expired; and runs that were lost.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/sync/connectors.h"
#include "server/sync/record_events.h"
#include "server/sync/run_history.h"

namespace partnermetrics {
namespace {

absl::Status BeingEnded(const std::string& run_id) {
  return RetryLater(absl::StatusCode::kAborted, "BUSY", absl::StrCat("run ", run_id, " is being ended"), 1'000);
}

absl::Status NotStaged(const std::string& run_id, int state) {
  // It says so a moment before it can be published.
  if (state == v1::RUN_STATE_STAGED) return BeingEnded(run_id);
  const v1::RunState known = v1::RunState_IsValid(state) ? static_cast<v1::RunState>(state) : v1::RUN_STATE_UNSPECIFIED;
  return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_STAGED",
                   absl::StrCat("run ", run_id, " does not wait to be published: it is ", v1::RunState_Name(known)),
                   "list the runs: partnerctl connector runs");
}

bool WasPublished(const log::v1::RunRecord& record) {
  return record.staged() && (record.state() == v1::RUN_STATE_SUCCEEDED || record.state() == v1::RUN_STATE_PARTIAL);
}

}  // namespace

absl::Status Connectors::FindStaged() {
  std::vector<std::string> files = staged_files_.List();
  for (const auto& program : programs_.all()) {
    std::vector<log::v1::RunRecord> runs;
    {
      Engine::View view(program->engine());
      ASSIGN_OR_RETURN(runs, ReadRuns(view));
    }
    for (const log::v1::RunRecord& run : runs) {
      if (run.state() != v1::RUN_STATE_STAGED) continue;
      const auto file = std::find(files.begin(), files.end(), run.run_id());
      const absl::StatusOr<const ConnectorConfig*> config = Find(run.connector());
      std::string lost;
      if (file == files.end()) lost = "what it read is not in this data folder: it is no part of a backup";
      if (!config.ok() || &ProgramOf(**config) != program.get()) {
        lost = absl::StrCat("'", run.connector(), "' is not configured any more");
      }
      if (!lost.empty()) {
        RETURN_IF_ERROR(DiscardStagedRun(*program, run, lost));
        continue;
      }
      files.erase(file);
      ASSIGN_OR_RETURN(const auto end, ReadRunEnd(program->log(), run));
      MutexLock lock(&mutex_);
      staged_[run.connector()] = {run.run_id(), absl::FromUnixMicros(end->staged_until_us())};
    }
  }
  // Of runs that were interrupted, or have ended.
  for (const std::string& run_id : files) staged_files_.Remove(run_id);
  return absl::OkStatus();
}

absl::StatusOr<bool> Connectors::ClaimStaged(const std::string& run_id) {
  if (run_id.empty()) return InvalidField("run_id", "REQUIRED", "must name a run");
  MutexLock lock(&mutex_);
  const auto it =
      std::find_if(staged_.begin(), staged_.end(), [&](const auto& entry) { return entry.second.run_id == run_id; });
  if (it == staged_.end()) return false;
  if (it->second.busy) return BeingEnded(run_id);
  it->second.busy = true;
  return true;
}

void Connectors::UnclaimStaged(const std::string& run_id) {
  MutexLock lock(&mutex_);
  for (auto& [connector, waiting] : staged_) {
    if (waiting.run_id == run_id) waiting.busy = false;
  }
}

void Connectors::ForgetStaged(const std::string& connector, const std::string& run_id, v1::RunState state) {
  staged_files_.Remove(run_id);
  std::unique_ptr<ActiveRun> ended;
  {
    MutexLock lock(&mutex_);
    staged_.erase(connector);
    // It shows the run as it was when it was read.
    if (const auto it = runs_.find(connector); it != runs_.end() && it->second->run->Snapshot().run_id() == run_id) {
      ended = std::move(it->second);
      runs_.erase(it);
    }
  }
  if (ended != nullptr) ended->thread.join();
  MutexLock lock(&schedule_mutex_);
  scheduler_.Ended(connector, state, programs_.Now(), "");
}

absl::StatusOr<Connectors::StagedView> Connectors::ReadStaged(const std::string& run_id) {
  if (run_id.empty()) return InvalidField("run_id", "REQUIRED", "must name a run");
  ASSIGN_OR_RETURN(const FoundRun found, FindRun(run_id));
  if (found.record.state() != v1::RUN_STATE_STAGED) return NotStaged(run_id, found.record.state());
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(found.record.connector()));
  StagedView view;
  view.program = found.program;
  ASSIGN_OR_RETURN(view.staged, ReadStagedRun(*found.program, staged_files_, found.record));
  view.run = ToConnectorRun(found.record, /*live=*/false);
  ShowEnd(view.staged.end, /*with_log=*/false, view.run);
  ASSIGN_OR_RETURN(view.vanished, JudgeVanishedOf(*config, *found.program, view.staged, /*allow_vanishing=*/false));
  view.deletes = RecordReader(*config, programs_, *found.program, run_id).PrepareOwn(std::move(view.vanished.deletes));
  return view;
}

absl::StatusOr<v1::ConnectorRun> Connectors::PublishStaged(const v1::PublishStagedRunRequest& request) {
  ASSIGN_OR_RETURN(const bool claimed, ClaimStaged(request.run_id()));
  ASSIGN_OR_RETURN(const FoundRun found, FindRun(request.run_id()));
  if (!claimed) {
    if (WasPublished(found.record)) return GetRun(request.run_id());
    return NotStaged(request.run_id(), found.record.state());
  }
  const absl::Cleanup unclaim = [&] { UnclaimStaged(request.run_id()); };
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(found.record.connector()));
  ASSIGN_OR_RETURN(StagedRun staged, ReadStagedRun(*found.program, staged_files_, found.record));
  RETURN_IF_ERROR(PublishStagedRun(*config, programs_, *found.program, std::move(staged), request.allow_vanishing()));
  ForgetStaged(config->name, request.run_id(), v1::RUN_STATE_SUCCEEDED);
  spdlog::info("{}: published", request.run_id());
  return GetRun(request.run_id());
}

absl::StatusOr<v1::ConnectorRun> Connectors::DiscardStaged(const v1::DiscardStagedRunRequest& request) {
  RETURN_IF_ERROR(
      Discard(request.run_id(), absl::StrCat("discarded", request.note().empty() ? "" : ": ", request.note())));
  return GetRun(request.run_id());
}

absl::Status Connectors::Discard(const std::string& run_id, const std::string& why) {
  ASSIGN_OR_RETURN(const bool claimed, ClaimStaged(run_id));
  ASSIGN_OR_RETURN(const FoundRun found, FindRun(run_id));
  if (!claimed) {
    return found.record.state() == v1::RUN_STATE_DISCARDED ? absl::OkStatus() : NotStaged(run_id, found.record.state());
  }
  const absl::Cleanup unclaim = [&] { UnclaimStaged(run_id); };
  RETURN_IF_ERROR(DiscardStagedRun(*found.program, found.record, why));
  ForgetStaged(found.record.connector(), run_id, v1::RUN_STATE_DISCARDED);
  spdlog::info("{}: {}", run_id, why);
  return absl::OkStatus();
}

absl::Status Connectors::DropStaged(const ProgramRuntime& program) {
  const auto in_program = [&](const std::string& connector) { return &ProgramOf(**Find(connector)) == &program; };
  while (true) {
    std::vector<std::string> staged;
    {
      MutexLock lock(&mutex_);
      bool staging = false;
      for (const auto& [connector, active] : runs_) {
        if (active->done || !active->run->Snapshot().staged() || !in_program(connector)) continue;
        active->process.Cancel();
        staging = true;
      }
      for (const auto& [connector, waiting] : staged_) {
        if (in_program(connector)) staged.push_back(waiting.run_id);
      }
      if (staging) {
        changed_.wait(mutex_);
        continue;
      }
    }
    if (staged.empty()) return absl::OkStatus();
    for (const std::string& run_id : staged) {
      RETURN_IF_ERROR(Discard(run_id, "a person's data was erased, and what it read may hold some; stage it again"));
    }
  }
}

void Connectors::EndExpired(absl::Time now) {
  std::vector<std::string> expired, lost;
  {
    MutexLock lock(&mutex_);
    for (const auto& [connector, waiting] : staged_) {
      if (!waiting.busy && waiting.until <= now) expired.push_back(waiting.run_id);
    }
    for (const auto& [connector, active] : runs_) {
      if (!active->run->LeaseExpired()) continue;
      active->process.Cancel();
      active->run->Abandon();
      lost.push_back(connector);
    }
  }
  for (const std::string& run_id : expired) {
    const absl::Status discarded = Discard(run_id, "nobody published it in time; stage it again");
    if (!discarded.ok()) spdlog::warn("{}: it expired, and cannot be discarded yet: {}", run_id, discarded.ToString());
  }
  MutexLock lock(&schedule_mutex_);
  for (const std::string& connector : lost) scheduler_.Ended(connector, v1::RUN_STATE_FAILED, now, "");
}

}  // namespace partnermetrics
