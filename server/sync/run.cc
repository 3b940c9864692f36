#include "server/sync/run.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"
#include "server/sync/quarantine.h"
#include "server/sync/run_records.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

using connectors::ConnectorEnd;
using Outcome = ConnectorEnd::Outcome;

constexpr auto kShowPeriod = std::chrono::milliseconds(200);
constexpr size_t kMaxRemarks = 100;
constexpr size_t kKeptLogLines = 50;
constexpr int64_t kShareCountsFrom = 1'000;  // records

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

SyncRun::SyncRun(const ConnectorConfig& config, RunOptions options, Programs& programs, ProgramRuntime& program,
                 RunObserver observer)
    : config_(config),
      options_(std::move(options)),
      programs_(programs),
      program_(program),
      observer_(std::move(observer)),
      next_show_(std::chrono::steady_clock::now() + kShowPeriod) {}

absl::StatusOr<std::unique_ptr<SyncRun>> SyncRun::Begin(const ConnectorConfig& config, RunOptions options,
                                                        Programs& programs, ProgramRuntime& program,
                                                        RunObserver observer) {
  auto run = std::unique_ptr<SyncRun>(new SyncRun(config, std::move(options), programs, program, std::move(observer)));
  ConnectorPoint point;
  uint64_t last_sequence = 0;
  {
    Engine::View view(program.engine());
    ASSIGN_OR_RETURN(point, ReadConnectorPoint(view, config.name));
    ASSIGN_OR_RETURN(const log::v1::ConnectorColumns known, ReadKnownColumns(view, config.name));
    run->columns_.emplace(known);
    last_sequence = view.header().last_sequence;
  }
  std::vector<storage::LogRecord> start = run->Start(point, last_sequence);
  if (run->options_.staged) {
    ASSIGN_OR_RETURN(run->staged_, run->options_.staged_files->Begin(run->run_id_));
  }
  RETURN_IF_ERROR(WriteRunRecords(config.name, program, std::move(start)));
  run->pages_ = std::make_unique<PageWriter>(run->run_id_, run->prepared_, program.writer(),
                                             [run = run.get()](const RunTally& tally) { run->Written(tally); });
  run->reader_ = std::make_unique<RecordReader>(config, programs, program, run->run_id_);
  ASSIGN_OR_RETURN(v1::ConnectorRun begun, run->Stored());
  begun.set_trigger(run->options_.trigger);
  begun.set_plugin_sha256(run->options_.plugin_sha256);
  ShowLimits(run->options_.limits, *begun.mutable_limits());
  run->OnAlive();
  MutexLock lock(&run->mutex_);
  run->tally_ = run->prepared_;
  run->snapshot_ = std::move(begun);
  return run;
}

absl::StatusOr<v1::ConnectorRun> SyncRun::Stored() const {
  Engine::View view(program_.engine());
  ASSIGN_OR_RETURN(const ConnectorPoint point, ReadConnectorPoint(view, config_.name));
  if (!point.last_run.has_value()) return absl::InternalError(absl::StrCat("run ", run_id_, " is not in the state"));
  return ToConnectorRun(*point.last_run, /*live=*/true);
}

std::vector<storage::LogRecord> SyncRun::Start(const ConnectorPoint& point, uint64_t last_sequence) {
  const bool full = options_.full;
  std::vector<storage::LogRecord> records;
  log::v1::RunBegin begin;
  begin.set_connector(config_.name);
  const bool interrupted = point.last_run.has_value() && point.last_run->state() == v1::RUN_STATE_RUNNING;
  if (interrupted && options_.trigger == v1::RUN_TRIGGER_RESUME) options_.staged = point.last_run->staged();
  const bool goes_on = interrupted && (point.last_run->full() || !full) && point.last_run->staged() == options_.staged;
  if (goes_on) {
    const log::v1::RunRecord& last = *point.last_run;
    begin.set_run_id(last.run_id());
    begin.set_sequence(last.sequence());
    begin.set_full(last.full());
    prepared_ = RunTally(last.counts());
    // Before its first page, a full run has only the state of the run before it.
    if (!last.full() || last.has_counts()) state_ = point.state;
  } else {
    if (interrupted) {
      log::v1::RunEnd end;
      end.set_run_id(point.last_run->run_id());
      end.set_state(v1::RUN_STATE_CANCELLED);
      *end.mutable_counts() = point.last_run->counts();
      end.set_error("another run began in place of the rest of this one");
      if (point.last_run->staged() && options_.staged_files != nullptr) {
        options_.staged_files->Remove(point.last_run->run_id());
      }
      records.push_back(MakeRunRecord(storage::RecordType::kRunEnd, end));
    }
    begin.set_sequence(last_sequence + 1);
    begin.set_run_id(RunIdOf(config_.name, begin.sequence()));
    begin.set_full(full);
    if (!full) state_ = point.state;
  }
  begin.set_staged(options_.staged);
  // A staged run that goes on reads everything again: nothing of it is in the log.
  from_start_ = !state_.has_value() && (!goes_on || options_.staged);
  if (from_start_ && config_.delete_missing && !options_.staged) seen_.emplace();
  run_id_ = begin.run_id();
  sequence_ = begin.sequence();
  records.push_back(MakeRunRecord(storage::RecordType::kRunBegin, begin));
  return records;
}

absl::Status SyncRun::OnPage(const connectors::Page& page) {
  if (abandoned_) return absl::AbortedError("the run was given up");
  WriteRequest request;
  request.actor = ConnectorActor(config_.name);
  request.sequence = sequence_;
  prepared_.PageOf(page.records.size());
  for (const connectors::RecordView& record : page.records) TakeRecord(record, request);
  RETURN_IF_ERROR(staged_ != nullptr ? Stage(page, request) : Commit(page, std::move(request)));
  OnAlive();
  Show();
  absl::Status judged = CheckBudget();
  // What was read up to here is kept.
  if (!judged.ok()) RETURN_IF_ERROR(pages_->Drain());
  return judged;
}

absl::Status SyncRun::Stage(const connectors::Page& page, const WriteRequest& request) {
  prepared_.Staged(request.events.size());
  prepared_.Quarantined(request.quarantine);  // at most: what is known there is left out when it is published
  std::optional<std::string> state;
  if (page.state.has_value()) state = std::string(*page.state);
  RETURN_IF_ERROR(staged_->Append(request, state));
  Written(prepared_);
  return absl::OkStatus();
}

// Room is counted from quarantine itself: none of the run's own counts tells what others left there.
absl::Status SyncRun::Quarantine(std::vector<storage::QuarantineRow>& rejects) {
  if (rejects.empty()) return absl::OkStatus();
  if (!known_.has_value()) {
    ASSIGN_OR_RETURN(known_, KnownRejects::Read(program_.log(), config_.name, run_id_));
  }
  RETURN_IF_ERROR(known_->LeaveOut(rejects, prepared_));
  const uint64_t most = options_.max_open_quarantine_bytes;
  if (most == 0 || rejects.empty() || known_->open_bytes() <= most) return absl::OkStatus();
  return MakeError(absl::StatusCode::kResourceExhausted, "QUARANTINE_FULL",
                   absl::StrCat("the connector's open records in quarantine have the ", most >> 20,
                                " MiB that they may have; replay or discard them ('partnerctl quarantine count' shows ",
                                "what they are), and run it again"));
}

absl::Status SyncRun::Commit(const connectors::Page& page, WriteRequest request) {
  RETURN_IF_ERROR(Quarantine(request.quarantine));
  return pages_->Write(std::move(request), page.state, prepared_);
}

void SyncRun::Written(const RunTally& tally) {
  MutexLock lock(&mutex_);
  if (abandoned_) return;                           // its end is told
  const uint64_t bytes_done = tally_.bytes_done();  // beyond this page by now
  tally_ = tally;
  tally_.set_bytes_done(bytes_done);
  ShowCounts(tally_.counts(), snapshot_);
}

void SyncRun::TakeRecord(const connectors::RecordView& record, WriteRequest& request) {
  if (!record.skip.empty()) return prepared_.Skipped(record.skip);
  RecordEvents read = reader_->Read(record);
  if (read.rejected) {
    prepared_.Rejected();
  } else {
    prepared_.Emitted(read.stated);
    for (int i = 0; i < read.refused; ++i) prepared_.RefusedEvent();
  }
  if (seen_.has_value()) {
    for (const PreparedEvent& event : read.events) seen_->Add(event.id);
  }
  std::move(read.events.begin(), read.events.end(), std::back_inserter(request.events));
  if (!read.fault.has_value()) return;
  const RecordFault& fault = *read.fault;
  request.quarantine.push_back(MakeQuarantineRow(config_.name, reader_->OriginOf(record), record.raw,
                                                 {fault.field, fault.reason, fault.message}, programs_.pseudonymiser(),
                                                 programs_.Now()));
}

absl::Status SyncRun::CheckBudget() const {
  const uint64_t quarantine_limit = options_.limits.quarantine_bytes();
  const log::v1::RunCounts counts = prepared_.counts();
  if (quarantine_limit > 0 && counts.quarantine_bytes() > quarantine_limit) {
    return MakeError(absl::StatusCode::kResourceExhausted, "QUARANTINE_FULL",
                     absl::StrCat(prepared_.rejected(), " rejected records have more than the ", quarantine_limit >> 20,
                                  " MiB that one run may put into quarantine; correct the export or the settings, and ",
                                  "run it in full"));
  }
  const int64_t rejected = prepared_.rejected(), read = counts.records_read();
  const bool too_many = config_.max_rejected > 0 && rejected > config_.max_rejected;
  const bool too_large_share = config_.max_rejected_share > 0 && read >= kShareCountsFrom &&
                               static_cast<double>(rejected) > config_.max_rejected_share * static_cast<double>(read);
  if (!too_many && !too_large_share) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "TOO_MANY_REJECTED",
                   absl::StrCat(rejected, " of ", read, " records were rejected, more than the connector's limit",
                                " allows; ", staged_ != nullptr ? "" : "look at them in quarantine, ",
                                "correct the export or the settings, and run it in full"));
}

absl::Status SyncRun::OnComplete(const std::string& fact_kind) {
  std::string kind = PluginText(fact_kind);
  if (std::find(complete_kinds_.begin(), complete_kinds_.end(), kind) == complete_kinds_.end() &&
      complete_kinds_.size() < kMaxRemarks) {
    complete_kinds_.push_back(std::move(kind));
  }
  return absl::OkStatus();
}

// Bytes of the whole source are counted by the host; in other units a plugin tells where it stands.
void SyncRun::OnProgress(const connectors::Progress& progress) {
  {
    MutexLock lock(&mutex_);
    if (progress.unit == "bytes") {
      prepared_.set_bytes_done(progress.done);
      tally_.set_bytes_done(progress.done);
      snapshot_.set_bytes_done(progress.done);
      snapshot_.set_bytes_total(progress.total);
    } else {
      v1::ConnectorProgress& step = *snapshot_.mutable_progress();
      step.set_done(progress.done);
      step.set_total(progress.total);
      step.set_unit(PluginText(progress.unit));
    }
  }
  Show();
}

void SyncRun::OnAlive() {
  alive_us_ = absl::ToUnixMicros(programs_.Now());
  renewed_ = std::chrono::steady_clock::now();
}

void SyncRun::OnUse(const connectors::ProcessUse& use) {
  MutexLock lock(&mutex_);
  *snapshot_.mutable_cpu_time() =
      google::protobuf::util::TimeUtil::MicrosecondsToDuration(absl::ToInt64Microseconds(use.cpu_time));
  snapshot_.set_peak_memory_bytes(std::max(snapshot_.peak_memory_bytes(), use.peak_memory_bytes));
  snapshot_.set_peak_open_files(std::max(snapshot_.peak_open_files(), use.open_files));
}

bool SyncRun::LeaseExpired() const {
  if (options_.lease == absl::InfiniteDuration() || abandoned_) return false;
  const bool late = std::chrono::steady_clock::now() - renewed_.load() > absl::ToChronoNanoseconds(options_.lease);
  MutexLock lock(&mutex_);
  return late && snapshot_.state() == v1::RUN_STATE_RUNNING;
}

void SyncRun::Abandon() {
  log::v1::RunEnd end;
  {
    MutexLock lock(&mutex_);
    if (snapshot_.state() != v1::RUN_STATE_RUNNING || abandoned_.exchange(true)) return;
    snapshot_.set_state(v1::RUN_STATE_FAILED);
    snapshot_.set_error(absl::StrCat(
        "LEASE_EXPIRED: neither its plugin nor the server's part of it gave a sign of life for ",
        absl::FormatDuration(options_.lease), "; the disk may hang. Restart the server if it does not run again"));
    *end.mutable_counts() = tally_.counts();
    end.set_error(snapshot_.error());
    *end.mutable_log() = {log_.begin(), log_.end()};
  }
  if (pages_ != nullptr) pages_->Refuse();
  end.set_run_id(run_id_);
  end.set_state(v1::RUN_STATE_FAILED);
  end.set_trigger(options_.trigger);
  end.set_plugin_sha256(options_.plugin_sha256);
  *end.mutable_limits() = options_.limits;
  spdlog::error("{}: {}", run_id_, end.error());
  // Without waiting: it may be the writer that hangs.
  WriteRequest request;
  request.actor = ConnectorActor(config_.name);
  request.records = [end = std::move(end)](const std::vector<EventResult>&) {
    return std::vector<storage::LogRecord>{MakeRunRecord(storage::RecordType::kRunEnd, end)};
  };
  if (absl::Status queued = program_.writer().Submit(std::move(request), /*wait=*/false); !queued.ok()) {
    spdlog::error("{}: its end is not in the log: {}", run_id_, queued.ToString());
  }
}

void SyncRun::OnLog(const connectors::LogLine& line) {
  const auto level = line.level >= PM_ERROR     ? spdlog::level::err
                     : line.level == PM_WARNING ? spdlog::level::warn
                     : line.level == PM_INFO    ? spdlog::level::info
                                                : spdlog::level::debug;
  const std::string message = PluginText(line.message);
  spdlog::log(level, "{}: {}", run_id_, message);
  if (line.level < PM_INFO) return;
  log::v1::RunLogLine kept;
  kept.set_at_us(absl::ToUnixMicros(programs_.Now()));
  kept.set_level(line.level);
  kept.set_message(message);
  MutexLock lock(&mutex_);
  log_.push_back(std::move(kept));
  if (log_.size() > kKeptLogLines) log_.pop_front();
}

void SyncRun::OnHello(const connectors::Hello& hello) {
  plugin_version_ = PluginText(hello.version);
  MutexLock lock(&mutex_);
  snapshot_.set_plugin_version(plugin_version_);
}

void SyncRun::OnProblem(const connectors::Problem& problem) {
  v1::ConnectorProblem remark = ToProblem(problem);
  const auto same = [&](const v1::ConnectorProblem& other) {
    return other.where() == remark.where() && other.message() == remark.message();
  };
  if (remarks_.size() < kMaxRemarks && std::none_of(remarks_.begin(), remarks_.end(), same)) {
    AddRemark(std::move(remark));
  }
}

void SyncRun::OnColumns(const connectors::Columns& columns) {
  columns_->Take(columns);
  MutexLock lock(&mutex_);
  columns_->Show(snapshot_);
}

void SyncRun::AddRemark(v1::ConnectorProblem remark) {
  MutexLock lock(&mutex_);
  *snapshot_.add_remarks() = remark;
  remarks_.push_back(std::move(remark));
}

log::v1::RunEnd SyncRun::MakeEnd(const ConnectorEnd& end) const {
  log::v1::RunEnd message;
  message.set_run_id(run_id_);
  *message.mutable_complete_kinds() = {complete_kinds_.begin(), complete_kinds_.end()};
  message.set_trigger(options_.trigger);
  message.set_plugin_version(plugin_version_);
  message.set_plugin_sha256(options_.plugin_sha256);
  RunTally tally;
  {
    MutexLock lock(&mutex_);
    *message.mutable_log() = {log_.begin(), log_.end()};
    tally = tally_;
  }
  *message.mutable_counts() = tally.counts();
  message.set_cpu_us(absl::ToInt64Microseconds(end.cpu_time));
  message.set_peak_memory_bytes(end.peak_memory_bytes);
  message.set_peak_open_files(end.peak_open_files);
  *message.mutable_limits() = options_.limits;
  if (end.ok() && staged_ != nullptr) {
    message.set_state(v1::RUN_STATE_STAGED);
    message.set_read_everything(from_start_);
    message.set_staged_until_us(absl::ToUnixMicros(programs_.Now() + options_.keep_staged));
  } else if (end.ok()) {
    message.set_state(tally.rejected() > 0 ? v1::RUN_STATE_PARTIAL : v1::RUN_STATE_SUCCEEDED);
  } else {
    message.set_state(end.outcome == Outcome::kCancelled ? v1::RUN_STATE_CANCELLED : v1::RUN_STATE_FAILED);
    message.set_error(FailureText(end));
  }
  if (absl::Status status = tally.Check(); !status.ok()) {
    spdlog::critical("{}: {}", run_id_, status.ToString());
    message.set_state(v1::RUN_STATE_FAILED);
    message.set_error(std::string(status.message()));
  }
  return message;
}

void SyncRun::Finish(ConnectorEnd end, bool stopping) {
  const bool was_stopped = stopping && end.outcome == Outcome::kCancelled;
  if (absl::Status written = pages_->Drain(); !written.ok() && end.handler_status.ok() && !was_stopped) {
    end.outcome = Outcome::kFailed;
    end.code = PM_INTERNAL;
    end.where = end.remedy = "";
    end.message = std::string(written.message());
    end.handler_status = std::move(written);
  }
  known_.reset();  // the run is shown until the next one begins
  v1::ConnectorRun last = Snapshot();
  if (abandoned_) {
    spdlog::warn("{}: came back after it was given up", run_id_);
    return TellObserver(last);
  }
  last.set_state(v1::RUN_STATE_INTERRUPTED);
  if (!was_stopped) {
    absl::StatusOr<v1::ConnectorRun> stored = WriteEnd(MakeEnd(end));
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

absl::StatusOr<v1::ConnectorRun> SyncRun::WriteEnd(log::v1::RunEnd end) {
  const bool staged = end.state() == v1::RUN_STATE_STAGED;
  // What the log says is staged is there.
  if (staged) RETURN_IF_ERROR(staged_->Seal());
  WriteRequest request;
  request.actor = ConnectorActor(config_.name);
  request.sequence = sequence_;
  if (end.state() == v1::RUN_STATE_SUCCEEDED || end.state() == v1::RUN_STATE_PARTIAL) {
    ASSIGN_OR_RETURN(request.events, DeletesOfVanished(end));
  }
  for (v1::ConnectorProblem& remark : columns_->Remarks()) {
    if (remarks_.size() < kMaxRemarks) AddRemark(std::move(remark));
  }
  columns_->Put(end);
  *end.mutable_remarks() = {remarks_.begin(), remarks_.end()};
  // The deletes take effect with the end, all at once.
  request.records = [&](const std::vector<EventResult>& results) {
    end.set_facts_deleted(std::count_if(results.begin(), results.end(),
                                        [](const EventResult& result) { return result.effect == Effect::kApplied; }));
    return std::vector<storage::LogRecord>{MakeRunRecord(storage::RecordType::kRunEnd, end)};
  };
  RETURN_IF_ERROR(program_.writer().Write(std::move(request), /*wait_for_room=*/true).status);
  if (staged_ != nullptr && !staged) options_.staged_files->Remove(run_id_);
  ASSIGN_OR_RETURN(v1::ConnectorRun stored, Stored());
  ShowEnd(end, /*with_log=*/false, stored);
  return stored;
}

absl::StatusOr<std::vector<PreparedEvent>> SyncRun::DeletesOfVanished(log::v1::RunEnd& end) {
  CompleteReading reading;
  reading.kinds = complete_kinds_;
  reading.seen = seen_.has_value() ? &*seen_ : nullptr;
  reading.rejected = prepared_.rejected() > 0;
  reading.allow_vanishing = options_.allow_vanishing;
  reading.sequence = sequence_;
  ASSIGN_OR_RETURN(VanishedJudgement judged, JudgeVanished(program_, config_, reading));
  for (v1::ConnectorProblem& remark : judged.remarks) AddRemark(std::move(remark));
  if (judged.too_many) end.set_state(v1::RUN_STATE_PARTIAL);
  return reader_->PrepareOwn(std::move(judged.deletes));
}

void SyncRun::Show() {
  v1::ConnectorRun run;
  const auto now = std::chrono::steady_clock::now();
  {
    MutexLock lock(&mutex_);
    if (now < next_show_) return;
    run = snapshot_;
  }
  next_show_ = now + kShowPeriod;
  ShowTimes(run);
  TellObserver(run);
}

void SyncRun::TellObserver(const v1::ConnectorRun& run) {
  if (observer_ && !observer_(run)) observer_ = nullptr;
}

v1::ConnectorRun SyncRun::Snapshot() const {
  v1::ConnectorRun run;
  {
    MutexLock lock(&mutex_);
    run = snapshot_;
  }
  ShowTimes(run);
  return run;
}

void SyncRun::ShowLog(v1::ConnectorRun& run) const {
  log::v1::RunEnd end;
  {
    MutexLock lock(&mutex_);
    *end.mutable_log() = {log_.begin(), log_.end()};
  }
  ShowLogLines(end, run);
}

void SyncRun::ShowTimes(v1::ConnectorRun& run) const {
  using google::protobuf::util::TimeUtil;
  if (run.state() != v1::RUN_STATE_RUNNING) return;
  const int64_t started_us = TimeUtil::TimestampToMicroseconds(run.started_at());
  *run.mutable_alive_at() = TimeUtil::MicrosecondsToTimestamp(alive_us_);
  if (options_.lease < absl::InfiniteDuration()) {
    *run.mutable_lease_until() =
        TimeUtil::MicrosecondsToTimestamp(alive_us_ + absl::ToInt64Microseconds(options_.lease));
  }
  *run.mutable_duration() = TimeUtil::MicrosecondsToDuration(absl::ToUnixMicros(programs_.Now()) - started_us);
}

}  // namespace partnermetrics
