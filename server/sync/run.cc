#include "server/sync/run.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/ingest/prepare.h"
#include "server/sync/quarantine.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

using connectors::ConnectorEnd;
using Outcome = ConnectorEnd::Outcome;

constexpr auto kShowPeriod = std::chrono::milliseconds(200);
constexpr size_t kMaxRemarks = 100;
constexpr int64_t kShareCountsFrom = 1'000;  // records

storage::LogRecord MakeRecord(storage::RecordType type, const google::protobuf::Message& message) {
  storage::LogRecord record;
  record.type = type;
  record.payload = message.SerializeAsString();
  return record;
}

// Why a run failed, with what the plugin wrote last when that is all there is to go by.
std::string FailureText(const ConnectorEnd& end) {
  std::string text = PluginText(end.Text());
  if (end.code == PM_BAD_STATE) absl::StrAppend(&text, "; run it in full to read everything again");
  const bool died = end.outcome == Outcome::kCrashed || end.outcome == Outcome::kStalled;
  if (died && !end.last_output.empty()) {
    absl::string_view output = absl::StripSuffix(end.last_output, "\n");
    if (output.size() > kMaxTextBytes) output.remove_prefix(output.size() - kMaxTextBytes);
    absl::StrAppend(&text, "; its last output: ", PluginText(output));
  }
  return text;
}

}  // namespace

SyncRun::SyncRun(const ConnectorConfig& config, Programs& programs, ProgramRuntime& program, RunObserver observer)
    : config_(config),
      programs_(programs),
      program_(program),
      observer_(std::move(observer)),
      next_show_(std::chrono::steady_clock::now() + kShowPeriod) {}

absl::StatusOr<std::unique_ptr<SyncRun>> SyncRun::Begin(const ConnectorConfig& config, bool full, Programs& programs,
                                                        ProgramRuntime& program, RunObserver observer) {
  auto run = std::unique_ptr<SyncRun>(new SyncRun(config, programs, program, std::move(observer)));
  ConnectorPoint point;
  uint64_t last_sequence = 0;
  {
    Engine::View view(program.engine());
    ASSIGN_OR_RETURN(point, ReadConnectorPoint(view, config.name));
    last_sequence = view.header().last_sequence;
    run->currency_ = view.catalog()->program().currency_code();
    run->prepare_.today = programs.Today(*view.catalog());
  }
  run->prepare_.program = program.id();
  run->prepare_.source = run->config_.source;
  run->prepare_.currency = run->currency_;
  run->prepare_.pseudonymiser = &programs.pseudonymiser();

  RETURN_IF_ERROR(run->WriteRecords(run->Start(point, full, last_sequence)));
  ASSIGN_OR_RETURN(v1::ConnectorRun begun, run->Stored());
  MutexLock lock(&run->mutex_);
  run->snapshot_ = std::move(begun);
  return run;
}

absl::StatusOr<v1::ConnectorRun> SyncRun::Stored() const {
  Engine::View view(program_.engine());
  ASSIGN_OR_RETURN(const ConnectorPoint point, ReadConnectorPoint(view, config_.name));
  if (!point.last_run.has_value()) return absl::InternalError(absl::StrCat("run ", run_id_, " is not in the state"));
  return ToConnectorRun(*point.last_run, /*live=*/true);
}

std::vector<storage::LogRecord> SyncRun::Start(const ConnectorPoint& point, bool full, uint64_t last_sequence) {
  std::vector<storage::LogRecord> records;
  log::v1::RunBegin begin;
  begin.set_connector(config_.name);
  const bool interrupted = point.last_run.has_value() && point.last_run->state() == v1::RUN_STATE_RUNNING;
  if (interrupted && (point.last_run->full() || !full)) {
    const log::v1::RunRecord& last = *point.last_run;
    begin.set_run_id(last.run_id());
    begin.set_sequence(last.sequence());
    begin.set_full(last.full());
    tally_ = RunTally(last.counts());
    // Before its first page, a full run has only the state of the run before it.
    if (!last.full() || last.has_counts()) state_ = point.state;
  } else {
    if (interrupted) {
      log::v1::RunEnd end;
      end.set_run_id(point.last_run->run_id());
      end.set_state(v1::RUN_STATE_CANCELLED);
      *end.mutable_counts() = point.last_run->counts();
      end.set_error("a full run began in place of the rest of this one");
      records.push_back(MakeRecord(storage::RecordType::kRunEnd, end));
    }
    begin.set_sequence(last_sequence + 1);
    begin.set_run_id(absl::StrFormat("%s-%06d", config_.name, begin.sequence()));
    begin.set_full(full);
    if (!full) state_ = point.state;
  }
  run_id_ = begin.run_id();
  sequence_ = begin.sequence();
  records.push_back(MakeRecord(storage::RecordType::kRunBegin, begin));
  return records;
}

absl::Status SyncRun::WriteRecords(std::vector<storage::LogRecord> records) {
  WriteRequest request;
  request.actor = absl::StrCat("connector:", config_.name);
  request.records = [&](const std::vector<EventResult>&) { return std::move(records); };
  return program_.writer().Write(std::move(request), /*wait_for_room=*/true).status;
}

absl::Status SyncRun::OnPage(const connectors::Page& page) {
  RunTally tally = tally_;
  WriteRequest request;
  request.actor = absl::StrCat("connector:", config_.name);
  request.sequence = sequence_;
  tally.PageOf(page.records.size());
  for (const connectors::RecordView& record : page.records) TakeRecord(record, tally, request);

  std::string run_page;
  request.records = [&](const std::vector<EventResult>& judged) {
    tally.Judged(judged);
    std::vector<storage::LogRecord> records;
    if (!page.state.has_value()) return records;
    log::v1::RunPage message;
    message.set_run_id(run_id_);
    message.set_state(std::string(*page.state));
    *message.mutable_counts() = tally.counts();
    records.push_back(MakeRecord(storage::RecordType::kRunPage, message));
    run_page = records.front().payload;
    if (run_page == last_page_) records.clear();
    return records;
  };
  WriteResult result = program_.writer().Write(std::move(request), /*wait_for_room=*/true);
  RETURN_IF_ERROR(result.status);
  tally.Applied(result.events);
  tally_ = std::move(tally);
  if (page.state.has_value()) last_page_ = std::move(run_page);
  Show();
  return CheckBudget();
}

void SyncRun::TakeRecord(const connectors::RecordView& record, RunTally& tally, WriteRequest& request) {
  if (!record.skip.empty()) return tally.Skipped(record.skip);
  Rejection rejection = {record.field, record.reject, record.message};
  v1::EventBatch batch;
  if (record.reject.empty()) {
    if (batch.ParseFromArray(record.events.data(), static_cast<int>(record.events.size()))) {
      return TakeEvents(record, std::move(batch), tally, request);
    }
    rejection = {"", "malformed_events", "the connector gave bytes that are no events; report this to its author"};
  }
  tally.Rejected();
  request.quarantine.push_back(
      MakeQuarantineRow(config_.name, OriginOf(record), record.raw, rejection, programs_.Now()));
}

void SyncRun::TakeEvents(const connectors::RecordView& record, v1::EventBatch batch, RunTally& tally,
                         WriteRequest& request) {
  tally.Emitted(batch.events_size());
  const v1::Origin origin = OriginOf(record);
  bool quarantined = false;
  for (v1::Event& event : *batch.mutable_events()) {
    event.set_program(program_.id());
    event.set_source(config_.source);
    *event.mutable_origin() = origin;
    std::variant<PreparedEvent, FieldError> prepared = Prepare(std::move(event), prepare_);
    if (auto* good = std::get_if<PreparedEvent>(&prepared); good != nullptr) {
      request.events.push_back(std::move(*good));
      continue;
    }
    tally.RefusedEvent();
    // The record goes to quarantine once, with the first of its faults.
    if (std::exchange(quarantined, true)) continue;
    const FieldError& error = std::get<FieldError>(prepared);
    request.quarantine.push_back(MakeQuarantineRow(config_.name, origin, record.raw,
                                                   {error.field, error.reason, error.description}, programs_.Now()));
  }
}

v1::Origin SyncRun::OriginOf(const connectors::RecordView& record) const {
  v1::Origin origin;
  origin.set_run_id(run_id_);
  origin.set_file(PluginText(record.file));
  origin.set_row(record.row);
  return origin;
}

absl::Status SyncRun::CheckBudget() const {
  const int64_t rejected = tally_.rejected(), read = tally_.counts().records_read();
  const bool too_many = config_.max_rejected > 0 && rejected > config_.max_rejected;
  const bool too_large_share = config_.max_rejected_share > 0 && read >= kShareCountsFrom &&
                               static_cast<double>(rejected) > config_.max_rejected_share * static_cast<double>(read);
  if (!too_many && !too_large_share) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "TOO_MANY_REJECTED",
      absl::StrCat(rejected, " of ", read, " records were rejected, more than the connector's limit",
                   " allows; look at them in quarantine, correct the export or the settings, and run it", " in full"));
}

absl::Status SyncRun::OnComplete(const std::string& fact_kind) {
  std::string kind = PluginText(fact_kind);
  if (std::find(complete_kinds_.begin(), complete_kinds_.end(), kind) == complete_kinds_.end() &&
      complete_kinds_.size() < kMaxRemarks) {
    complete_kinds_.push_back(std::move(kind));
  }
  return absl::OkStatus();
}

// Only bytes of the whole source make sense beyond one plugin: its unit is "bytes".
void SyncRun::OnProgress(const connectors::Progress& progress) {
  if (progress.unit != "bytes") return;
  tally_.set_bytes_done(progress.done);
  {
    MutexLock lock(&mutex_);
    snapshot_.set_bytes_total(progress.total);
  }
  Show();
}

void SyncRun::OnLog(const connectors::LogLine& line) {
  const auto level = line.level >= PM_ERROR     ? spdlog::level::err
                     : line.level == PM_WARNING ? spdlog::level::warn
                     : line.level == PM_INFO    ? spdlog::level::info
                                                : spdlog::level::debug;
  spdlog::log(level, "{}: {}", run_id_, PluginText(line.message));
}

void SyncRun::OnProblem(const connectors::Problem& problem) {
  v1::ConnectorProblem remark = ToProblem(problem);
  const auto same = [&](const v1::ConnectorProblem& other) {
    return other.where() == remark.where() && other.message() == remark.message();
  };
  if (remarks_.size() >= kMaxRemarks || std::any_of(remarks_.begin(), remarks_.end(), same)) return;
  MutexLock lock(&mutex_);
  *snapshot_.add_remarks() = remark;
  remarks_.push_back(std::move(remark));
}

log::v1::RunEnd SyncRun::MakeEnd(const ConnectorEnd& end) const {
  log::v1::RunEnd message;
  message.set_run_id(run_id_);
  *message.mutable_counts() = tally_.counts();
  *message.mutable_complete_kinds() = {complete_kinds_.begin(), complete_kinds_.end()};
  *message.mutable_remarks() = {remarks_.begin(), remarks_.end()};
  if (end.ok()) {
    message.set_state(tally_.rejected() > 0 ? v1::RUN_STATE_PARTIAL : v1::RUN_STATE_SUCCEEDED);
  } else {
    message.set_state(end.outcome == Outcome::kCancelled ? v1::RUN_STATE_CANCELLED : v1::RUN_STATE_FAILED);
    message.set_error(FailureText(end));
  }
  if (absl::Status status = tally_.Check(); !status.ok()) {
    spdlog::critical("{}: {}", run_id_, status.ToString());
    message.set_state(v1::RUN_STATE_FAILED);
    message.set_error(std::string(status.message()));
  }
  return message;
}

void SyncRun::Finish(const ConnectorEnd& end, bool stopping) {
  v1::ConnectorRun last = Snapshot();
  last.set_state(v1::RUN_STATE_INTERRUPTED);
  if (!stopping || end.outcome != Outcome::kCancelled) {
    const absl::StatusOr<v1::ConnectorRun> stored = WriteEnd(MakeEnd(end));
    if (stored.ok()) {
      const uint64_t bytes_total = last.bytes_total();
      last = *stored;
      last.set_bytes_total(bytes_total);
    } else {
      // The end is not in the log, so the next run goes on with this one.
      last.set_error(absl::StrCat("the run's end could not be written: ", stored.status().message(), "; ",
                                  end.ok() ? "everything was read" : FailureText(end)));
    }
  }
  spdlog::info("{}: {} {}", run_id_, v1::RunState_Name(last.state()), last.error());
  {
    MutexLock lock(&mutex_);
    snapshot_ = last;
  }
  TellObserver(last);
}

absl::StatusOr<v1::ConnectorRun> SyncRun::WriteEnd(const log::v1::RunEnd& end) {
  RETURN_IF_ERROR(WriteRecords({MakeRecord(storage::RecordType::kRunEnd, end)}));
  return Stored();
}

void SyncRun::Show() {
  const log::v1::RunCounts counts = tally_.counts();
  v1::ConnectorRun run;
  const auto now = std::chrono::steady_clock::now();
  {
    MutexLock lock(&mutex_);
    ShowCounts(counts, snapshot_);
    if (now < next_show_) return;
    run = snapshot_;
  }
  next_show_ = now + kShowPeriod;
  TellObserver(run);
}

void SyncRun::TellObserver(const v1::ConnectorRun& run) {
  if (observer_ && !observer_(run)) observer_ = nullptr;
}

v1::ConnectorRun SyncRun::Snapshot() const {
  MutexLock lock(&mutex_);
  return snapshot_;
}

}  // namespace partnermetrics
