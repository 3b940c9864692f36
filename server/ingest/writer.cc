#include "server/ingest/writer.h"

#include <spdlog/spdlog.h>

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/facts/event_view.h"

namespace partnermetrics {
namespace {

// One group becomes one append: large enough to share an fsync, small enough to answer soon.
constexpr size_t kGroupBytes = size_t{4} << 20;
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

absl::Status Writer::Judge(const PreparedEvent& event, uint64_t sequence,
                           absl::flat_hash_map<FactId, StoredFact>& pending, EventResult& result) {
  EventView view;
  view.Parse(event.payload);
  const absl::string_view content = event.deleted ? absl::string_view() : view.fact;
  const FactVersion version{event.revision, sequence};
  result.effect = Effect::kApplied;
  auto it = pending.find(event.id);
  if (it == pending.end()) {
    ASSIGN_OR_RETURN(std::optional<StoredFact> current, engine_.CurrentFact(event.id));
    if (current.has_value()) it = pending.emplace(event.id, *std::move(current)).first;
  }
  if (it != pending.end()) {
    const StoredFact& current = it->second;
    result.effect = JudgeVersion(current.version, current.fact, current.deleted, version, content, event.deleted);
    if (result.effect != Effect::kApplied) return absl::OkStatus();
  }
  StoredFact& now = it == pending.end() ? pending[event.id] : it->second;
  now.version = version;
  now.deleted = event.deleted;
  now.fact = std::string(content);
  return absl::OkStatus();
}

absl::Status Writer::Append(std::vector<WriteRequest>& group, std::vector<WriteResult>& results) {
  storage::LogBatch batch;
  const int64_t now_us = absl::ToUnixMicros(options_.clock());
  absl::flat_hash_map<FactId, StoredFact> pending;  // facts as they will be once this group is applied
  std::vector<std::pair<size_t, size_t>> origin;    // per record: request, and event or npos
  std::vector<size_t> last_record(group.size());
  for (size_t r = 0; r < group.size(); ++r) {
    WriteRequest& request = group[r];
    results[r].events.resize(request.events.size());
    for (size_t e = 0; e < request.events.size(); ++e) {
      PreparedEvent& event = request.events[e];
      RETURN_IF_ERROR(Judge(event, request.sequence, pending, results[r].events[e]));
      const bool unchanged = results[r].events[e].effect == Effect::kUnchanged;
      // What a person wrote may have changed although the fact did not.
      for (storage::PersonalRow& row : event.personal) batch.personal.push_back(std::move(row));
      if (unchanged) continue;
      storage::LogRecord record;
      record.type = storage::RecordType::kEvent;
      record.sequence = request.sequence;
      record.actor = request.actor;
      record.appended_at_us = now_us;
      record.payload = std::move(event.payload);
      batch.records.push_back(std::move(record));
      origin.emplace_back(r, e);
    }
    if (request.records) {
      for (storage::LogRecord& record : request.records(results[r].events)) {
        record.actor = request.actor;
        record.appended_at_us = now_us;
        batch.records.push_back(std::move(record));
        origin.emplace_back(r, std::string::npos);
      }
    }
    for (storage::QuarantineRow& row : request.quarantine) batch.quarantine.push_back(std::move(row));
    last_record[r] = batch.records.size();
  }
  if (batch.records.empty() && batch.personal.empty() && batch.quarantine.empty()) {
    for (WriteResult& result : results) result.position = log_.last_position();
    return engine_.Publish();
  }
  const uint64_t before = log_.last_position();
  RETURN_IF_ERROR(log_.Append(batch).status());
  for (size_t r = 0; r < group.size(); ++r) results[r].position = before + last_record[r];
  for (size_t i = 0; i < batch.records.size(); ++i) {
    ASSIGN_OR_RETURN(const Applied applied, engine_.Apply(batch.records[i]));
    const auto [r, e] = origin[i];
    if (e == std::string::npos) {
      results[r].moved_facts += applied.moved_facts;
    } else {
      results[r].events[e] = {applied.effect, applied.unresolved, applied.parked};
    }
  }
  return engine_.Publish();
}

void Writer::WriteGroup(std::vector<WriteRequest>& group) {
  std::vector<WriteResult> results(group.size());
  absl::Status status = failed_.ok() ? Append(group, results) : failed_;
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
