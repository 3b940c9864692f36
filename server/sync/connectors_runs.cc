// Runs of connectors: how they begin, wait, are cancelled and end.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "connectors/host/folder.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"
#include "server/sync/connectors.h"
#include "server/sync/run_history.h"

namespace partnermetrics {
namespace {

using connectors::ConnectorEnd;
using connectors::ConnectorProcessOptions;

// A hash of the folder's files, their sizes and times; 0 when it cannot be read. Never 0 otherwise.
uint64_t FolderPrint(const std::string& path) {
  const absl::StatusOr<connectors::Folder> folder = connectors::Folder::Open(path);
  if (!folder.ok()) return 0;
  const absl::StatusOr<std::vector<connectors::FileEntry>> files = folder->List();
  if (!files.ok()) return 0;
  size_t print = 1;
  for (const connectors::FileEntry& file : *files) {
    print = absl::HashOf(print, file.name, file.size, file.modified_unix_ns);
  }
  return print | 1;
}

}  // namespace

absl::Status Connectors::Admit(const ConnectorConfig& config) const {
  if (stopping_) {
    return RetryLater(absl::StatusCode::kUnavailable, "STOPPING", "the server is stopping; run it again afterwards",
                      1'000);
  }
  std::string taken;
  if (const auto it = runs_.find(config.name); it != runs_.end() && it->second->running()) {
    taken = absl::StrCat("runs already, as ", it->second->run->Snapshot().run_id());
  } else if (tasks_.count(config.name) > 0) {
    taken = "is at work already, for a replay or a trial";
  } else if (std::any_of(queue_.begin(), queue_.end(), [&](const Request& r) { return r.config == &config; })) {
    taken = "waits in the queue already";
  }
  if (const auto it = staged_.find(config.name); it != staged_.end()) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "STAGED_RUN",
        absl::StrCat("run ", it->second.run_id, " of '", config.name, "' waits to be published"),
        absl::StrCat("publish or discard it first: partnerctl connector staged publish|discard ", it->second.run_id));
  }
  if (const auto it = runs_.find(config.name); it != runs_.end() && it->second->run->abandoned() && !it->second->done) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "RUN_HANGS",
                     absl::StrCat("the last run of '", config.name, "' was given up, and still hangs"),
                     "look at the disk; restart the server");
  }
  if (taken.empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "ALREADY_RUNNING",
                   absl::StrCat("'", config.name, "' ", taken), "wait for its end, or cancel it");
}

int Connectors::Running() const {
  return static_cast<int>(
      std::count_if(runs_.begin(), runs_.end(), [](const auto& entry) { return entry.second->running(); }));
}

absl::StatusOr<v1::ConnectorRun> Connectors::StartRun(absl::string_view connector, RunOptions options,
                                                      RunObserver observer) {
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(connector));
  // What cannot run need not wait.
  RETURN_IF_ERROR(plugins_.Find(config->plugin).status());
  MutexLock starting(&start_mutex_);
  {
    MutexLock lock(&mutex_);
    RETURN_IF_ERROR(Admit(*config));
    if (!queue_.empty() || Running() >= options_.max_runs) {
      v1::ConnectorRun queued = QueuedRun(config->name, queue_.size());
      queued.set_full(options.full);
      queued.set_trigger(options.trigger);
      if (observer && !observer(queued)) observer = nullptr;
      queue_.push_back({config, std::move(options), std::move(observer)});
      return queued;
    }
  }
  return Begin({config, std::move(options), std::move(observer)});
}

absl::StatusOr<v1::ConnectorRun> Connectors::Begin(Request request) {
  const ConnectorConfig& config = *request.config;
  std::unique_ptr<ActiveRun> ended;
  {
    MutexLock lock(&mutex_);
    if (const auto it = runs_.find(config.name); it != runs_.end()) {
      ended = std::move(it->second);
      runs_.erase(it);
    }
  }
  if (ended != nullptr) ended->thread.join();
  ASSIGN_OR_RETURN(ConnectorProcessOptions process, ProcessOptions(config));
  ASSIGN_OR_RETURN(const PluginFile plugin, plugins_.Find(config.plugin));
  request.options.plugin_sha256 = plugin.sha256;
  request.options.staged_files = &staged_files_;
  request.options.keep_staged = options_.keep_staged;
  request.options.limits = RunLimits();
  request.options.max_open_quarantine_bytes = options_.max_open_quarantine_bytes;
  request.options.lease = options_.lease;
  RunObserver observer = Observe(config.name, plugin.sha256, std::move(request.observer));
  ASSIGN_OR_RETURN(
      auto run, SyncRun::Begin(config, std::move(request.options), programs_, ProgramOf(config), std::move(observer)));
  {
    MutexLock lock(&schedule_mutex_);
    scheduler_.Began(config.name);
  }
  auto active = std::make_unique<ActiveRun>(std::move(run), std::move(process));
  v1::ConnectorRun begun = active->run->Snapshot();
  ActiveRun& started = *active;
  MutexLock lock(&mutex_);
  runs_[config.name] = std::move(active);
  started.thread = std::thread([this, &started] {
    const ConnectorEnd end = started.process.Read(started.run->state(), started.run.get());
    started.run->Finish(end, stopping_);
    started.done = true;
    MutexLock ended_lock(&mutex_);
    changed_.notify_all();
  });
  return begun;
}

RunObserver Connectors::Observe(const std::string& connector, const std::string& plugin_sha256, RunObserver observer) {
  return [this, connector, plugin_sha256, observer = std::move(observer)](const v1::ConnectorRun& run) mutable {
    if (run.state() == v1::RUN_STATE_STAGED) {
      const int64_t until_us = google::protobuf::util::TimeUtil::TimestampToMicroseconds(run.staged_until());
      MutexLock lock(&mutex_);
      staged_[connector] = {run.run_id(), absl::FromUnixMicros(until_us)};
    }
    if (run.state() != v1::RUN_STATE_RUNNING) {
      MutexLock lock(&schedule_mutex_);
      scheduler_.Ended(connector, run.state(), programs_.Now(), plugin_sha256);
    }
    if (observer && !observer(run)) observer = nullptr;
    return true;
  };
}

void Connectors::StartQueued() {
  while (true) {
    MutexLock starting(&start_mutex_);
    Request next;
    {
      MutexLock lock(&mutex_);
      if (stopping_ || queue_.empty() || Running() >= options_.max_runs) return;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    const std::string name = next.config->name;
    const RunObserver observer = next.observer;
    const absl::Status begun = Begin(std::move(next)).status();
    if (begun.ok()) continue;
    spdlog::error("{}: its run does not begin: {}", name, begun.ToString());
    {
      MutexLock lock(&schedule_mutex_);
      scheduler_.Refused(name, programs_.Now());
    }
    v1::ConnectorRun failed = QueuedRun(name, 0);
    failed.set_state(v1::RUN_STATE_FAILED);
    failed.set_error(std::string(begun.message()));
    if (observer) observer(failed);
  }
}

absl::StatusOr<v1::ConnectorRun> Connectors::CancelRun(absl::string_view connector) {
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(connector));
  MutexLock lock(&mutex_);
  if (const auto it = runs_.find(config->name); it != runs_.end() && it->second->running()) {
    it->second->process.Cancel();
    return it->second->run->Snapshot();
  }
  if (const auto it = tasks_.find(config->name); it != tasks_.end()) {
    it->second->Cancel();
    v1::ConnectorRun task = QueuedRun(config->name, 0);
    task.set_state(v1::RUN_STATE_RUNNING);
    return task;
  }
  const auto waits =
      std::find_if(queue_.begin(), queue_.end(), [&](const Request& request) { return request.config == config; });
  if (waits == queue_.end()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_RUNNING",
                     absl::StrCat("'", connector, "' does not run"));
  }
  v1::ConnectorRun cancelled = QueuedRun(config->name, 0);
  cancelled.set_state(v1::RUN_STATE_CANCELLED);
  if (waits->observer) waits->observer(cancelled);
  queue_.erase(waits);
  MutexLock schedule(&schedule_mutex_);
  scheduler_.Ended(config->name, v1::RUN_STATE_CANCELLED, programs_.Now(), "");
  return cancelled;
}

void Connectors::RunDue(absl::Time now) {
  const Scheduler::Surroundings surroundings = {
      [this](const std::string& name) { return FolderPrint((*Find(name))->directory); },
      [this](const std::string& name) {
        const absl::StatusOr<PluginFile> plugin = plugins_.Find((*Find(name))->plugin);
        return plugin.ok() ? plugin->sha256 : "";
      }};
  std::vector<Scheduler::Due> due;
  {
    MutexLock lock(&schedule_mutex_);
    due = scheduler_.TakeDue(now, surroundings);
  }
  for (const Scheduler::Due& one : due) {
    const absl::Status started = StartRun(one.connector, {.trigger = one.trigger}, nullptr).status();
    if (started.ok()) continue;
    spdlog::log(absl::IsFailedPrecondition(started) ? spdlog::level::debug : spdlog::level::warn,
                "{}: its run is put off: {}", one.connector, started.ToString());
    MutexLock lock(&schedule_mutex_);
    scheduler_.Refused(one.connector, now);
  }
}

void Connectors::Loop() {
  const auto tick = std::chrono::milliseconds(
      std::min<int64_t>(absl::ToInt64Milliseconds(options_.tick), absl::ToInt64Milliseconds(absl::Hours(24))));
  const bool by_clock = options_.tick < absl::InfiniteDuration();
  while (!stopping_) {
    StartQueued();
    if (by_clock) {
      EndExpired(programs_.Now());
      RunDue(programs_.Now());
    }
    MutexLock lock(&mutex_);
    const bool can_start = !queue_.empty() && Running() < options_.max_runs;
    if (!stopping_ && !can_start) changed_.wait_for(mutex_, tick);
  }
}

std::vector<v1::ConnectorRun> Connectors::OpenRuns() const {
  std::vector<v1::ConnectorRun> open;
  MutexLock lock(&mutex_);
  for (const auto& [name, active] : runs_) {
    if (!active->done) open.push_back(active->run->Snapshot());
  }
  return open;
}

void Connectors::Stop() {
  std::deque<Request> waiting;
  std::vector<std::thread*> threads;
  {
    MutexLock starting(&start_mutex_);
    MutexLock lock(&mutex_);
    stopping_ = true;
    waiting.swap(queue_);
    for (const auto& [name, active] : runs_) {
      active->process.Cancel();
      if (active->thread.joinable()) threads.push_back(&active->thread);
    }
    for (const auto& [name, process] : tasks_) process->Cancel();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  for (std::thread* thread : threads) thread->join();
  for (const Request& request : waiting) {
    v1::ConnectorRun cancelled = QueuedRun(request.config->name, 0);
    cancelled.set_state(v1::RUN_STATE_CANCELLED);
    cancelled.set_error("the server stopped before it began");
    if (request.observer) request.observer(cancelled);
  }
  MutexLock lock(&mutex_);
  while (!tasks_.empty()) changed_.wait(mutex_);
}

}  // namespace partnermetrics
