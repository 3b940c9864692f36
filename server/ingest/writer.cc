#include "server/ingest/writer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace partnermetrics {
namespace {

constexpr size_t kEventOverhead = 200;
constexpr int64_t kLeastStepFacts = 100, kMostStepFacts = 50'000;
// So that a full disk is not asked again and again.
constexpr auto kStepAgainAfter = std::chrono::seconds(1);

absl::Status Stopping() {
  return RetryLater(absl::StatusCode::kUnavailable, "STOPPING", "the server is stopping; send the events again", 1'000);
}

}  // namespace

size_t WriteRequest::bytes() const {
  size_t bytes = kEventOverhead;
  for (const PreparedEvent& event : events) bytes += event.payload.size() + kEventOverhead;
  for (const storage::QuarantineRow& row : quarantine) bytes += row.value.size();
  return bytes;
}

Writer::Writer(const Options& options, Engine& engine, storage::EventLog& log)
    : options_(options), engine_(engine), log_(log) {
  {
    Engine::View view(engine_);
    MutexLock lock(&mutex_);
    published_position_ = view.header().position;
  }
  thread_ = std::thread([this] { Loop(); });
}

Writer::~Writer() {
  if (thread_.joinable()) Stop().IgnoreError();
}

absl::Status Writer::Submit(WriteRequest request, bool wait) {
  const size_t bytes = request.bytes();
  MutexLock lock(&mutex_);
  // A request larger than the queue is taken when the queue is empty.
  while (!stopping_ && queue_bytes_ > 0 && queue_bytes_ + bytes > options_.queue_bytes) {
    if (!wait) {
      return RetryLater(absl::StatusCode::kResourceExhausted, "QUEUE_FULL",
                        "the server is behind with writing; try again a little later", 200);
    }
    room_.wait(mutex_);
  }
  if (stopping_) return Stopping();
  queue_bytes_ += bytes;
  queue_.push_back(std::move(request));
  queued_.notify_one();
  return absl::OkStatus();
}

WriteResult Writer::Write(WriteRequest request, bool wait_for_room) {
  std::promise<WriteResult> promise;
  std::future<WriteResult> future = promise.get_future();
  request.done = [&promise](WriteResult result) { promise.set_value(std::move(result)); };
  if (absl::Status status = Submit(std::move(request), wait_for_room); !status.ok()) {
    WriteResult result;
    result.status = std::move(status);
    return result;
  }
  return future.get();
}

absl::Status Writer::WaitFor(uint64_t position, absl::Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(timeout);
  MutexLock lock(&mutex_);
  while (published_position_ < position) {
    if (published_.wait_until(mutex_, deadline) == std::cv_status::timeout && published_position_ < position) {
      return RetryLater(
          absl::StatusCode::kDeadlineExceeded, "POSITION_NOT_REACHED",
          absl::StrCat("the state stands at ", published_position_, ", not yet at min_position ", position), 500);
    }
  }
  return absl::OkStatus();
}

absl::Status Writer::Run(std::function<absl::Status()> work) {
  std::promise<absl::Status> promise;
  std::future<absl::Status> future = promise.get_future();
  {
    MutexLock lock(&mutex_);
    if (stopping_) return Stopping();
    work_.push_back([&promise, work = std::move(work)] { promise.set_value(work()); });
    queued_.notify_one();
  }
  return future.get();
}

absl::Status Writer::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    queued_.notify_all();
    room_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  return failed_.ok() ? engine_.Checkpoint() : failed_;
}

bool Writer::Next(Group& group, std::vector<std::function<void()>>& work) {
  MutexLock lock(&mutex_);
  steps_ = !stopping_ && failed_.ok() && engine_.HasJobs() && std::chrono::steady_clock::now() >= next_step_;
  if (queue_.empty() && work_.empty() && !stopping_ && !appending_.has_value() && !steps_) {
    queued_.wait_for(mutex_, absl::ToChronoMilliseconds(options_.checkpoint_period));
  }
  size_t bytes = 0;
  while (!queue_.empty() && bytes < options_.group_bytes) {
    bytes += queue_.front().bytes();
    group.requests.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queue_bytes_ -= std::min(queue_bytes_, bytes);
  work = std::move(work_);
  work_.clear();
  room_.notify_all();
  return !stopping_ || !group.requests.empty() || !work.empty() || appending_.has_value();
}

void Writer::Loop() {
  const auto period = absl::ToChronoMilliseconds(options_.checkpoint_period);
  auto next_checkpoint = std::chrono::steady_clock::now() + period;
  std::vector<std::function<void()>> work;
  for (Group group; Next(group, work); group = Group()) {
    const bool is_idle = group.requests.empty() && !steps_;
    if (!is_idle) Write(std::move(group));
    if (is_idle || !work.empty()) Settle(Publishing::kHere).IgnoreError();
    for (const auto& item : work) item();
    work.clear();
    if (const auto now = std::chrono::steady_clock::now(); now >= next_checkpoint && failed_.ok()) {
      if (absl::Status status = engine_.Checkpoint(); !status.ok()) {
        spdlog::error("{}: checkpoint: {}", options_.program, status.ToString());
        failed_ = std::move(status);
      }
      next_checkpoint = now + period;
    }
  }
  if (absl::Status status = engine_.FinishPublish(); !status.ok() && failed_.ok()) failed_ = std::move(status);
}

absl::Status Writer::Apply(Group& group) {
  const int64_t now_us = absl::ToUnixMicros(options_.clock());
  const auto apply = [&](storage::LogRecord& record, const WriteRequest& request) -> absl::StatusOr<Applied> {
    record.actor = request.actor;
    record.appended_at_us = now_us;
    record.position = position_ + 1;
    ASSIGN_OR_RETURN(const Applied applied, engine_.Apply(record));
    if (applied.effect != Effect::kUnchanged) {
      ++position_;
      group.batch.records.push_back(std::move(record));
    }
    return applied;
  };
  for (size_t r = 0; r < group.requests.size(); ++r) {
    WriteRequest& request = group.requests[r];
    WriteResult& result = group.results[r];
    if (request.admit) {
      if (result.status = request.admit(); !result.status.ok()) continue;
    }
    result.events.reserve(request.events.size());
    for (PreparedEvent& event : request.events) {
      // What a person wrote may have changed although the fact did not.
      std::move(event.personal.begin(), event.personal.end(), std::back_inserter(group.batch.personal));
      storage::LogRecord record;
      record.type = storage::RecordType::kEvent;
      record.sequence = request.sequence;
      record.payload = std::move(event.payload);
      ASSIGN_OR_RETURN(const Applied applied, apply(record, request));
      result.events.push_back({applied.effect, applied.unresolved, applied.parked});
      if (applied.job != 0) result.job = applied.job;
    }
    if (request.records) {
      for (storage::LogRecord& record : request.records(result.events)) {
        ASSIGN_OR_RETURN(const Applied applied, apply(record, request));
        result.moved_facts += applied.moved_facts;
        if (applied.job != 0) result.job = applied.job;
      }
    }
    std::move(request.quarantine.begin(), request.quarantine.end(), std::back_inserter(group.batch.quarantine));
    result.position = position_;
  }
  return absl::OkStatus();
}

absl::Status Writer::ApplyJobStep(Group& group) {
  if (!steps_) return absl::OkStatus();
  log::v1::JobStep step;
  step.set_facts(step_facts_);
  storage::LogRecord record;
  record.type = storage::RecordType::kJobStep;
  record.actor = "server";
  record.appended_at_us = absl::ToUnixMicros(options_.clock());
  record.position = ++position_;
  record.payload = step.SerializeAsString();
  const auto start = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(engine_.Apply(record).status());
  // The number stands in the log: a replay makes the same steps, however long they take there.
  const absl::Duration took = absl::FromChrono(std::chrono::steady_clock::now() - start);
  const double factor = absl::FDivDuration(options_.job_step, std::max(took, absl::Microseconds(1)));
  step_facts_ = std::clamp(static_cast<int64_t>(static_cast<double>(step_facts_) * std::min(factor, 2.0)),
                           kLeastStepFacts, kMostStepFacts);
  group.batch.records.push_back(std::move(record));
  return absl::OkStatus();
}

absl::Status Writer::Append(storage::LogBatch& batch) {
  if (batch.records.empty() && batch.personal.empty() && batch.quarantine.empty()) return absl::OkStatus();
  return log_.Append(batch).status();
}

void Writer::Write(Group group) {
  group.results.resize(group.requests.size());
  if (!appending_.has_value()) position_ = log_.last_position();
  absl::Status status = failed_;
  if (status.ok() && forget_first_) status = Forget();
  if (status.ok()) status = Apply(group);
  if (status.ok()) status = ApplyJobStep(group);
  group.position = position_;
  // What was applied stands on the group before: if that is forgotten, so is this.
  if (absl::Status before = Settle(Publishing::kBeside); status.ok()) status = std::move(before);
  if (status.ok()) status = engine_.Seal();
  if (!status.ok()) {
    // Nothing of it is in the log: a state that cannot be read now may be later.
    Refuse(group, status, absl::IsUnavailable(status) || absl::IsResourceExhausted(status));
    return;
  }
  const bool is_more_queued = (steps_ && engine_.HasJobs()) || [this] {
    MutexLock lock(&mutex_);
    return !queue_.empty();
  }();
  appending_ = std::move(group);
  appending_->appended = std::async(is_more_queued ? std::launch::async : std::launch::deferred,
                                    [this] { return Append(appending_->batch); });
  if (!is_more_queued) Settle(Publishing::kHere).IgnoreError();
}

absl::Status Writer::Settle(Publishing publishing) {
  if (!appending_.has_value()) return absl::OkStatus();
  absl::Status status = appending_->appended.get();
  // Shared only because a std::function must be copyable.
  const auto group = std::make_shared<Group>(*std::exchange(appending_, std::nullopt));
  if (status.ok() && publishing == Publishing::kBeside) {
    status = engine_.PublishBeside([this, group] { Answer(*group); });
  } else if (status.ok()) {
    status = engine_.Publish();
    if (status.ok()) Answer(*group);
  }
  // After anything but a full disk it is unknown what the log holds.
  if (!status.ok()) Refuse(*group, status, absl::IsResourceExhausted(status));
  return status;
}

void Writer::Answer(Group& group) {
  {
    MutexLock lock(&mutex_);
    published_position_ = group.position;
    published_.notify_all();
  }
  Finish(group, absl::OkStatus());
}

absl::Status Writer::Forget() {
  absl::Status status = engine_.Discard();
  forget_first_ = !status.ok();
  return status;
}

void Writer::Refuse(Group& group, const absl::Status& status, bool may_go_on) {
  const absl::Status forgotten = Forget();
  if (!forgotten.ok() && !absl::IsUnavailable(forgotten)) may_go_on = false;
  next_step_ = std::chrono::steady_clock::now() + kStepAgainAfter;
  if (!may_go_on && failed_.ok()) {
    // Either it is unknown what the log holds, or the state no longer follows it: only opening anew can tell.
    const absl::Status& cause = forgotten.ok() ? status : forgotten;
    spdlog::error("{}: writing stopped: {}", options_.program, cause.ToString());
    failed_ = MakeError(absl::StatusCode::kUnavailable, "WRITING_STOPPED",
                        absl::StrCat("the server cannot write any more: ", cause.message()),
                        "look at its log, mend the cause and restart it; then send the events again");
  }
  Finish(group, failed_.ok() ? status : failed_);
}

void Writer::Finish(Group& group, const absl::Status& status) {
  for (size_t r = 0; r < group.requests.size(); ++r) {
    if (group.results[r].status.ok()) group.results[r].status = status;
    if (group.requests[r].done) group.requests[r].done(std::move(group.results[r]));
  }
}

}  // namespace partnermetrics
