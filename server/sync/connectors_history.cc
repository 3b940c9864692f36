// Runs that were: listed, shown, and looked through for what is to be done about them.
#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"
#include "server/sync/connectors.h"
#include "server/sync/page_request.h"
#include "server/sync/run_history.h"
#include "server/sync/run_records.h"

namespace partnermetrics {
namespace {

// Runs are listed by when they began, then by id, newest first; a page token names the last run of its page.
using RunOrder = std::pair<int64_t, std::string>;

RunOrder OrderOf(const v1::ConnectorRun& run) {
  return {google::protobuf::util::TimeUtil::TimestampToMicroseconds(run.started_at()), run.run_id()};
}

absl::StatusOr<RunOrder> ParseToken(const std::string& token) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(token, absl::MaxSplits(':', 1));
  RunOrder order;
  if (!absl::SimpleAtoi(parts.first, &order.first)) return BadPageToken();
  order.second = parts.second;
  return order;
}

// Runs beside the ordinary ones say nothing about whether the connector works.
bool IsOrdinary(const log::v1::RunEnd& end) {
  return end.trigger() != v1::RUN_TRIGGER_REPLAY && end.trigger() != v1::RUN_TRIGGER_CURSOR;
}

}  // namespace

absl::StatusOr<v1::ListRunsResponse> Connectors::ListRuns(const v1::ListRunsRequest& request) {
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  std::optional<RunOrder> before;
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(before, ParseToken(request.page_token()));
  }
  std::map<std::string, v1::ConnectorRun> here;  // as this process knows them, by id
  {
    MutexLock lock(&mutex_);
    for (const auto& [name, active] : runs_) {
      v1::ConnectorRun run = active->run->Snapshot();
      here[run.run_id()] = std::move(run);
    }
  }
  struct Found {
    v1::ConnectorRun run;
    log::v1::RunRecord record;
    ProgramRuntime* program;
  };
  std::map<RunOrder, Found, std::greater<>> found;
  for (const auto& program : programs_.all()) {
    std::vector<log::v1::RunRecord> records;
    {
      Engine::View view(program->engine());
      ASSIGN_OR_RETURN(records, ReadRuns(view));
    }
    for (log::v1::RunRecord& record : records) {
      if (!request.connector().empty() && record.connector() != request.connector()) continue;
      const auto it = here.find(record.run_id());
      v1::ConnectorRun run = it != here.end() ? it->second : ToConnectorRun(record, /*live=*/false);
      RunOrder order = OrderOf(run);
      if (before.has_value() && order >= *before) continue;
      found[std::move(order)] = {std::move(run), std::move(record), program.get()};
      if (found.size() > static_cast<size_t>(page_size) + 1) found.erase(std::prev(found.end()));
    }
  }
  v1::ListRunsResponse response;
  for (auto& [order, entry] : found) {
    if (response.runs_size() == page_size) {
      const RunOrder last = OrderOf(response.runs(page_size - 1));
      response.set_next_page_token(absl::StrCat(last.first, ":", last.second));
      break;
    }
    ASSIGN_OR_RETURN(const auto end, ReadRunEnd(entry.program->log(), entry.record));
    if (end.has_value()) ShowEnd(*end, /*with_log=*/false, entry.run);
    *response.add_runs() = std::move(entry.run);
  }
  return response;
}

absl::StatusOr<v1::ConnectorRun> Connectors::GetRun(absl::string_view run_id) {
  if (run_id.empty()) return InvalidField("run_id", "REQUIRED", "must name a run");
  {
    MutexLock lock(&mutex_);
    for (const auto& [name, active] : runs_) {
      v1::ConnectorRun run = active->run->Snapshot();
      // The end of a run that was given up may not have come through to the state yet.
      if (run.run_id() == run_id && (run.state() == v1::RUN_STATE_RUNNING || active->run->abandoned())) {
        active->run->ShowLog(run);
        return run;
      }
    }
  }
  ASSIGN_OR_RETURN(const FoundRun found, FindRun(run_id));
  v1::ConnectorRun run = ToConnectorRun(found.record, /*live=*/false);
  ASSIGN_OR_RETURN(const auto end, ReadRunEnd(found.program->log(), found.record));
  if (end.has_value()) ShowEnd(*end, /*with_log=*/true, run);
  return run;
}

absl::StatusOr<Connectors::FoundRun> Connectors::FindRun(absl::string_view run_id) const {
  for (const auto& program : programs_.all()) {
    std::optional<std::string> stored;
    {
      Engine::View view(program->engine());
      ASSIGN_OR_RETURN(stored, view.IndexValue(Index::kRun, run_id));
    }
    FoundRun found = {program.get(), {}};
    if (!stored.has_value()) continue;
    if (!found.record.ParseFromString(*stored)) return absl::DataLossError("the stored run is damaged");
    return found;
  }
  return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_RUN", absl::StrCat("there is no run '", run_id, "'"),
                   "list the runs for their ids");
}

absl::Status Connectors::EndOrphans() {
  for (const auto& program : programs_.all()) {
    std::vector<log::v1::RunRecord> open;
    {
      Engine::View view(program->engine());
      ASSIGN_OR_RETURN(open, ReadRuns(view));
      const auto has_end = [](const log::v1::RunRecord& run) { return run.state() != v1::RUN_STATE_RUNNING; };
      open.erase(std::remove_if(open.begin(), open.end(), has_end), open.end());
    }
    for (const log::v1::RunRecord& run : open) {
      if (Find(run.connector()).ok()) continue;
      log::v1::RunEnd end;
      end.set_run_id(run.run_id());
      end.set_state(v1::RUN_STATE_CANCELLED);
      *end.mutable_counts() = run.counts();
      end.set_error(absl::StrCat("it was interrupted, and '", run.connector(), "' is not configured any more"));
      RETURN_IF_ERROR(WriteRunRecords(run.connector(), *program, {MakeRunRecord(storage::RecordType::kRunEnd, end)}));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Scheduler::Past> Connectors::PastOf(const ConnectorConfig& config) const {
  Scheduler::Past past;
  ProgramRuntime& program = ProgramOf(config);
  std::vector<log::v1::RunRecord> runs;
  {
    Engine::View view(program.engine());
    ASSIGN_OR_RETURN(runs, ReadRuns(view));
  }
  const auto of_another = [&](const log::v1::RunRecord& run) { return run.connector() != config.name; };
  runs.erase(std::remove_if(runs.begin(), runs.end(), of_another), runs.end());
  std::sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.sequence() > b.sequence(); });
  for (const log::v1::RunRecord& run : runs) {
    ASSIGN_OR_RETURN(const auto end, ReadRunEnd(program.log(), run));
    if (end.has_value() && !IsOrdinary(*end)) {
      if (end->trigger() == v1::RUN_TRIGGER_CURSOR) break;  // somebody looked after it
      continue;
    }
    if (past.last_end == absl::InfinitePast()) {
      past.interrupted = !end.has_value();
      past.last_end = absl::FromUnixMicros(end.has_value() ? run.ended_at_us() : run.started_at_us());
    }
    if (run.state() == v1::RUN_STATE_SUCCEEDED || run.state() == v1::RUN_STATE_PARTIAL) break;
    if (run.state() != v1::RUN_STATE_FAILED) continue;
    if (past.failures++ == 0) past.failed_build = end->plugin_sha256();
  }
  return past;
}

}  // namespace partnermetrics
