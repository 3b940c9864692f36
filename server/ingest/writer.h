// The one way into a programme's log: requests are applied, appended with one fsync for all that wait, published and
// answered. Nobody sees what is applied before it is durable; if it cannot be appended it is forgotten. While one group
// of requests is appended the next one is applied.
//
//   WriteRequest request;
//   request.events = …;
//   WriteResult result = writer.Write(std::move(request));    // durable, applied and visible now
//
// Thread-safe.
#ifndef PARTNERMETRICS_SERVER_INGEST_WRITER_H_
#define PARTNERMETRICS_SERVER_INGEST_WRITER_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/engine/engine.h"
#include "server/ingest/prepare.h"
#include "storage/event_log.h"
#include "storage/mutex.h"

namespace partnermetrics {

// Gives the time of day. Only for when a record was appended.
using Clock = std::function<absl::Time()>;

struct EventResult {
  Effect effect = Effect::kNone;
  bool unresolved = false;
  bool parked = false;
};

struct WriteResult {
  absl::Status status;
  uint64_t position = 0;            // of the last record of the request; the log's end when it wrote none
  uint64_t job = 0;                 // that was opened for the request's records, the last one; 0: none was
  std::vector<EventResult> events;  // one per event
  int64_t moved_facts = 0;          // facts that count for another partner because of the request's records
};

struct WriteRequest {
  std::string actor;
  uint64_t sequence = 0;  // of the run, for the order of equal revisions
  // Asked by the writer's thread before it begins with the request: an error refuses it and no other. For requests that
  // make sense only when the ones before them were written.
  std::function<absl::Status()> admit;
  std::vector<PreparedEvent> events;
  std::vector<storage::QuarantineRow> quarantine;
  // Records behind the events, made when it is known what became of each event: a run's page with its counts.
  std::function<std::vector<storage::LogRecord>(const std::vector<EventResult>& results)> records;
  std::function<void(WriteResult)> done;  // called by the writer's thread; must not block

  size_t bytes() const;
};

class Writer {
 public:
  struct Options {
    std::string program;
    Clock clock;
    size_t queue_bytes = size_t{64} << 20;
    // One group of requests becomes one append: large enough to share an fsync, small enough to answer soon.
    size_t group_bytes = size_t{2} << 20;
    // After a crash no more is to be replayed than what came in such a time. Checkpoints are also cut by size; many
    // small ones cost more than they save, as each is merged with the ones before.
    absl::Duration checkpoint_period = absl::Minutes(1);
    // How long a job may take between two groups of requests, about: by that the facts of its steps are chosen.
    absl::Duration job_step = absl::Milliseconds(40);
  };

  Writer(const Options& options, Engine& engine, storage::EventLog& log);
  // Finishes what is queued.
  ~Writer();

  // Queues a request. With `wait`, blocks while the queue is full; else RESOURCE_EXHAUSTED then.
  absl::Status Submit(WriteRequest request, bool wait);

  // Queues a request and waits for its result.
  WriteResult Write(WriteRequest request, bool wait_for_room = false);

  // Waits until readers see the position. DEADLINE_EXCEEDED after `timeout`.
  absl::Status WaitFor(uint64_t position, absl::Duration timeout);

  // Runs `work` on the writer's thread between requests, and waits for it.
  absl::Status Run(std::function<absl::Status()> work);

  // Finishes what is queued, writes a checkpoint and stops. Later requests are UNAVAILABLE.
  absl::Status Stop();

 private:
  void Loop();
  // Requests that are appended and published together.
  struct Group {
    std::vector<WriteRequest> requests;
    std::vector<WriteResult> results;  // one per request
    uint64_t position = 0;             // of its last record; the one before it when it has none
    storage::LogBatch batch;
    std::future<absl::Status> appended;
  };

  // Takes the next requests; false when the writer stops. Does not wait for them while a group is being appended or a
  // job is to be worked on.
  bool Next(Group& group, std::vector<std::function<void()>>& work);
  void Write(Group group);
  absl::Status Apply(Group& group);
  // Works on the open jobs, behind the requests of a group.
  absl::Status ApplyJobStep(Group& group);
  absl::Status Append(storage::LogBatch& batch);
  // Waits for the group that is being appended, and publishes and answers it: itself, or beside what the writer does
  // next. Gives what became of it.
  enum class Publishing { kHere, kBeside };
  absl::Status Settle(Publishing publishing);
  // Answers a group that readers see. Called by the thread that published it.
  void Answer(Group& group);
  // Forgets what is applied and not published.
  absl::Status Forget();
  // Answers a group that could not be written, and stops writing unless it may go on.
  void Refuse(Group& group, const absl::Status& status, bool may_go_on);
  static void Finish(Group& group, const absl::Status& status);

  const Options options_;
  Engine& engine_;
  storage::EventLog& log_;

  Mutex mutex_;
  std::condition_variable_any queued_, room_, published_;
  std::deque<WriteRequest> queue_ PM_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> work_ PM_GUARDED_BY(mutex_);
  size_t queue_bytes_ PM_GUARDED_BY(mutex_) = 0;
  uint64_t published_position_ PM_GUARDED_BY(mutex_) = 0;
  bool stopping_ PM_GUARDED_BY(mutex_) = false;

  // Of the writer's thread.
  std::optional<Group> appending_;
  uint64_t position_ = 0;       // of the last record that was applied
  bool steps_ = false;          // whether this round works on a job
  int64_t step_facts_ = 1'000;  // of the next step
  // After a step of a job could not be written: not to be tried again before.
  std::chrono::steady_clock::time_point next_step_;
  // What was to be forgotten is not yet, as the state could not be read: before anything else is applied.
  bool forget_first_ = false;
  absl::Status failed_;  // once set, nothing is written any more
  std::thread thread_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_INGEST_WRITER_H_
