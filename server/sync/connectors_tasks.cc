// What is done with connectors beside their runs, while the caller waits.
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/sync/connectors.h"
#include "server/sync/cursor.h"
#include "server/sync/quarantine_edit.h"
#include "server/sync/run_records.h"

namespace partnermetrics {

using connectors::ConnectorEnd;
using connectors::ConnectorProcessOptions;

// The caller holds mutex_.
Connectors::Task::Task(Connectors& connectors, const ConnectorConfig& config, ConnectorProcessOptions options)
    : process(std::move(options)), connectors_(connectors), name_(config.name) {}

Connectors::Task::~Task() {
  MutexLock lock(&connectors_.mutex_);
  connectors_.tasks_.erase(name_);
  connectors_.changed_.notify_all();
}

absl::StatusOr<std::unique_ptr<Connectors::Task>> Connectors::BeginTask(const ConnectorConfig& config) {
  ASSIGN_OR_RETURN(ConnectorProcessOptions process, ProcessOptions(config));
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Admit(config));
  auto task = std::make_unique<Task>(*this, config, std::move(process));
  tasks_[config.name] = &task->process;
  return task;
}

absl::StatusOr<v1::Connector> Connectors::Resume(absl::string_view connector) {
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(connector));
  {
    // A cursor that stays as it is leaves a trace in the history, by which the next start knows too.
    ASSIGN_OR_RETURN(const auto task, BeginTask(*config));
    MutexLock starting(&start_mutex_);
    RETURN_IF_ERROR(KeepCursor(ProgramOf(*config), config->name));
  }
  {
    MutexLock lock(&schedule_mutex_);
    scheduler_.Resume(config->name, programs_.Now());
  }
  return Show(*config);
}

absl::StatusOr<v1::ConnectorCursor> Connectors::GetCursor(absl::string_view connector) {
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(connector));
  return ReadCursor(ProgramOf(*config), config->name);
}

absl::StatusOr<v1::ChangeCursorResponse> Connectors::SetCursor(const v1::SetCursorRequest& request) {
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(request.connector()));
  ASSIGN_OR_RETURN(const std::string state, StateOf(request));
  return ChangeCursor(*config, state, request.dry_run());
}

absl::StatusOr<v1::ChangeCursorResponse> Connectors::ResetCursor(const v1::ResetCursorRequest& request) {
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(request.connector()));
  return ChangeCursor(*config, "", request.dry_run());
}

absl::StatusOr<v1::ChangeCursorResponse> Connectors::ChangeCursor(const ConnectorConfig& config,
                                                                  const std::string& state, bool dry_run) {
  ASSIGN_OR_RETURN(const auto task, BeginTask(config));
  ProgramRuntime& program = ProgramOf(config);
  v1::ChangeCursorResponse response;
  ASSIGN_OR_RETURN(*response.mutable_before(), ReadCursor(program, config.name));
  if (dry_run) {
    ReadingPlan plan(config, programs_, program);
    const ConnectorEnd end =
        task->process.Read(state.empty() ? std::nullopt : std::optional<std::string>(state), &plan);
    if (!end.ok()) return end.ToStatus();
    plan.Show(response);
    response.mutable_after()->set_connector(config.name);
    PutState(state, *response.mutable_after());
    return response;
  }
  MutexLock starting(&start_mutex_);
  RETURN_IF_ERROR(WriteCursor(program, config.name, state));
  ASSIGN_OR_RETURN(*response.mutable_after(), ReadCursor(program, config.name));
  response.set_changed(true);
  return response;
}

absl::StatusOr<v1::ReplayQuarantineResponse> Connectors::ReplayQuarantine(const v1::ReplayQuarantineRequest& request) {
  ASSIGN_OR_RETURN(const QuarantineFilter filter, OpenEntriesOf(programs_, request));
  v1::ReplayQuarantineResponse response;
  std::set<std::string> failed;  // connectors, which would fail again
  absl::Status error;
  // A part at a time: quarantine may hold many millions.
  for (uint64_t after = 0;;) {
    std::map<std::pair<std::string, size_t>, std::vector<ReplayEntry>> entries;  // by connector and programme
    size_t count = 0;
    RETURN_IF_ERROR(VisitQuarantine(programs_, filter, after, [&](const FoundEntry& found) {
      after = found.number;
      if (failed.count(found.entry.connector()) > 0) return true;
      entries[{found.entry.connector(), found.program}].push_back(
          {found.own_number, found.entry.origin().file(), found.entry.origin().row()});
      return ++count < options_.max_replayed;
    }));
    if (entries.empty()) break;
    for (const auto& [key, of_connector] : entries) {
      const auto& [connector, program_number] = key;
      ProgramRuntime& program = *programs_.all()[program_number];
      absl::StatusOr<v1::ReplayResult> result = ReplayEntries(connector, program, of_connector);
      v1::ReplayResult& shown = *response.add_results();
      if (result.ok()) {
        shown = *std::move(result);
      } else {
        shown.set_connector(connector);
        shown.set_error(std::string(result.status().message()));
        error = result.status();
      }
      if (!shown.error().empty()) failed.insert(connector);
      response.set_position(std::max(response.position(), program.log().last_position()));
    }
  }
  // With one connector its error is the answer; of several the others go on.
  if (!error.ok() && response.results_size() == 1) return error;
  return response;
}

absl::StatusOr<v1::ReplayResult> Connectors::ReplayEntries(const std::string& connector, ProgramRuntime& program,
                                                           const std::vector<ReplayEntry>& entries) {
  ASSIGN_OR_RETURN(const ConnectorConfig* found, Find(connector));
  const ConnectorConfig& config = *found;
  if (&ProgramOf(config) != &program) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "OTHER_PROGRAM",
                     absl::StrCat("'", connector, "' belongs to another programme than its records in quarantine"),
                     "discard them, or give it back its programme");
  }
  ASSIGN_OR_RETURN(const auto task, BeginTask(config));
  ShortRun run;
  {
    MutexLock starting(&start_mutex_);
    ASSIGN_OR_RETURN(run, BeginShortRun(config.name, program, v1::RUN_TRIGGER_REPLAY));
  }
  Replay replay(config, programs_, program, run, entries);
  const ConnectorEnd end = task->process.Read(std::nullopt, &replay);
  return replay.Finish(end);
}

}  // namespace partnermetrics
