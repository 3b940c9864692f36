#include "server/ingest/writer.h"

#include <spdlog/spdlog.h>

#include <future>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace partnermetrics {
namespace {

// One group becomes one append: large enough to share an fsync, small enough to answer soon.
constexpr size_t kGroupBytes = size_t{2} << 20;
constexpr size_t kEventOverhead = 200;

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

bool Writer::NextGroup(std::vector<WriteRequest>& group, std::vector<std::function<void()>>& work) {
  MutexLock lock(&mutex_);
  if (queue_.empty() && work_.empty() && !stopping_) {
    queued_.wait_for(mutex_, absl::ToChronoMilliseconds(options_.checkpoint_period));
  }
  size_t bytes = 0;
  while (!queue_.empty() && bytes < kGroupBytes) {
    // Whatever is appended first is a group of its own.
    if (!group.empty() && (queue_.front().append_first || group.front().append_first)) break;
    bytes += queue_.front().bytes();
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queue_bytes_ -= std::min(queue_bytes_, bytes);
  work = std::move(work_);
  work_.clear();
  room_.notify_all();
  return !stopping_ || !group.empty() || !work.empty();
}

void Writer::Loop() {
  const auto period = absl::ToChronoMilliseconds(options_.checkpoint_period);
  auto next_checkpoint = std::chrono::steady_clock::now() + period;
  std::vector<WriteRequest> group;
  std::vector<std::function<void()>> work;
  while (NextGroup(group, work)) {
    if (!group.empty()) WriteGroup(group);
    for (const auto& item : work) item();
    group.clear();
    work.clear();
    if (const auto now = std::chrono::steady_clock::now(); now >= next_checkpoint && failed_.ok()) {
      if (absl::Status status = engine_.Checkpoint(); !status.ok()) {
        spdlog::error("{}: checkpoint: {}", options_.program, status.ToString());
        failed_ = std::move(status);
      }
      next_checkpoint = now + period;
    }
  }
}

absl::Status Writer::Append(std::vector<WriteRequest>& group, std::vector<WriteResult>& results) {
  storage::LogBatch batch;
  const int64_t now_us = absl::ToUnixMicros(options_.clock());
  uint64_t position = log_.last_position();
  const auto apply = [&](storage::LogRecord& record, const WriteRequest& request) -> absl::StatusOr<Applied> {
    record.actor = request.actor;
    record.appended_at_us = now_us;
    record.position = position + 1;
    Applied applied;
    if (!request.append_first) {
      ASSIGN_OR_RETURN(applied, engine_.Apply(record));
    }
    if (applied.effect != Effect::kUnchanged) {
      ++position;
      batch.records.push_back(std::move(record));
    }
    return applied;
  };
  for (size_t r = 0; r < group.size(); ++r) {
    WriteRequest& request = group[r];
    WriteResult& result = results[r];
    result.events.reserve(request.events.size());
    for (PreparedEvent& event : request.events) {
      // What a person wrote may have changed although the fact did not.
      std::move(event.personal.begin(), event.personal.end(), std::back_inserter(batch.personal));
      storage::LogRecord record;
      record.type = storage::RecordType::kEvent;
      record.sequence = request.sequence;
      record.payload = std::move(event.payload);
      ASSIGN_OR_RETURN(const Applied applied, apply(record, request));
      result.events.push_back({applied.effect, applied.unresolved, applied.parked});
    }
    if (request.records) {
      for (storage::LogRecord& record : request.records(result.events)) {
        ASSIGN_OR_RETURN(const Applied applied, apply(record, request));
        result.moved_facts += applied.moved_facts;
      }
    }
    std::move(request.quarantine.begin(), request.quarantine.end(), std::back_inserter(batch.quarantine));
    result.position = position;
  }
  if (!batch.records.empty() || !batch.personal.empty() || !batch.quarantine.empty()) {
    RETURN_IF_ERROR(log_.Append(batch).status());
  }
  if (group.front().append_first) {
    for (const storage::LogRecord& record : batch.records) {
      ASSIGN_OR_RETURN(const Applied applied, engine_.Apply(record));
      results.front().moved_facts += applied.moved_facts;
    }
  }
  return engine_.Publish();
}

void Writer::WriteGroup(std::vector<WriteRequest>& group) {
  std::vector<WriteResult> results(group.size());
  absl::Status status = failed_.ok() ? Append(group, results) : failed_;
  if (!status.ok()) engine_.Discard();
  if (!status.ok() && status.code() != absl::StatusCode::kResourceExhausted && failed_.ok()) {
    // Either it is unknown what the log holds, or the state no longer follows it: only opening anew can tell.
    spdlog::error("{}: writing stopped: {}", options_.program, status.ToString());
    failed_ = MakeError(absl::StatusCode::kUnavailable, "WRITING_STOPPED",
                        absl::StrCat("the server cannot write any more: ", status.message()),
                        "look at its log, mend the cause and restart it; then send the events again");
    status = failed_;
  }
  if (status.ok()) {
    MutexLock lock(&mutex_);
    published_position_ = results.back().position;
    published_.notify_all();
  }
  for (size_t r = 0; r < group.size(); ++r) {
    results[r].status = status;
    if (group[r].done) group[r].done(std::move(results[r]));
  }
}

}  // namespace partnermetrics
