#include "server/sync/cursor.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"
#include "server/engine/fact_applier.h"
#include "server/facts/event_view.h"
#include "server/sync/run_history.h"
#include "server/sync/run_records.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

constexpr size_t kMaxFiles = 1'000;

bool IsText(absl::string_view state) {
  return ToUtf8(state) == state && state.find('\0') == absl::string_view::npos;
}

}  // namespace

void PutState(absl::string_view state, v1::ConnectorCursor& cursor) {
  cursor.set_base64(!IsText(state));
  cursor.set_state(cursor.base64() ? absl::Base64Escape(state) : std::string(state));
}

absl::StatusOr<std::string> StateOf(const v1::SetCursorRequest& request) {
  std::string state = request.state();
  if (request.base64() && !absl::Base64Unescape(request.state(), &state)) {
    return InvalidField("state", "MALFORMED", "is no base64");
  }
  if (state.empty()) return InvalidField("state", "REQUIRED", "must not be empty; reset the cursor to begin anew");
  if (state.size() > PM_STATE_MAX_BYTES) return InvalidField("state", "OUT_OF_RANGE", "has more than 64 KiB");
  return state;
}

absl::StatusOr<v1::ConnectorCursor> ReadCursor(ProgramRuntime& program, absl::string_view connector) {
  using google::protobuf::util::TimeUtil;
  v1::ConnectorCursor cursor;
  cursor.set_connector(std::string(connector));
  Engine::View view(program.engine());
  ASSIGN_OR_RETURN(const ConnectorPoint point, ReadConnectorPoint(view, connector));
  PutState(point.state.value_or(""), cursor);
  if (!point.last_run.has_value()) return cursor;
  cursor.set_run_id(point.last_run->run_id());
  if (point.last_run->ended_at_us() != 0) {
    *cursor.mutable_set_at() = TimeUtil::MicrosecondsToTimestamp(point.last_run->ended_at_us());
  }
  return cursor;
}

absl::Status WriteCursor(ProgramRuntime& program, absl::string_view connector, const std::string& state) {
  ASSIGN_OR_RETURN(const ShortRun run, BeginShortRun(connector, program, v1::RUN_TRIGGER_CURSOR));
  log::v1::RunPage page;
  page.set_run_id(run.run_id);
  page.set_state(state);
  log::v1::RunEnd end;
  end.set_state(v1::RUN_STATE_SUCCEEDED);
  return EndShortRun(run, program, std::move(end), {MakeRunRecord(storage::RecordType::kRunPage, page)});
}

absl::Status KeepCursor(ProgramRuntime& program, absl::string_view connector) {
  ASSIGN_OR_RETURN(const ShortRun run, BeginShortRun(connector, program, v1::RUN_TRIGGER_CURSOR));
  log::v1::RunEnd end;
  end.set_state(v1::RUN_STATE_SUCCEEDED);
  return EndShortRun(run, program, std::move(end));
}

absl::Status ReadingPlan::OnPage(const connectors::Page& page) {
  Engine::View view(program_.engine());
  for (const connectors::RecordView& record : page.records) {
    ++records_;
    std::string file = PluginText(record.file);
    if (files_.size() < kMaxFiles || files_.count(file) > 0) ++files_[std::move(file)];
    if (!record.skip.empty()) continue;
    ASSIGN_OR_RETURN(const bool unchanged, Unchanged(view, record));
    if (unchanged) ++unchanged_;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ReadingPlan::Unchanged(const Engine::View& view, const connectors::RecordView& record) const {
  const RecordEvents read = reader_.Read(record);
  if (read.fault.has_value()) return false;
  for (const PreparedEvent& event : read.events) {
    ASSIGN_OR_RETURN(const std::optional<StoredFact> fact, view.Fact(event.id));
    if (!fact.has_value()) return false;
    EventView content;
    content.Parse(event.payload);
    const Effect effect = JudgeVersion(fact->version, fact->fact, fact->deleted, {event.revision, ~uint64_t{0}},
                                       event.deleted ? absl::string_view() : content.fact, event.deleted);
    if (effect == Effect::kApplied) return false;
  }
  return true;
}

void ReadingPlan::Show(v1::ChangeCursorResponse& response) const {
  response.set_records(records_);
  response.set_unchanged(unchanged_);
  for (const auto& [file, records] : files_) {
    v1::PlannedFile& planned = *response.add_files();
    planned.set_file(file);
    planned.set_records(records);
  }
}

}  // namespace partnermetrics
