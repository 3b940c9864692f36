#include "server/watch/change_feed.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/base/errors.h"

namespace partnermetrics {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Looking takes at most a quarter of one core's time, however many facts come.
constexpr int kRestForWork = 3;

}  // namespace

ChangeFeed::ChangeFeed(ProgramRuntime& program, const Programs& programs, Options options)
    : program_(program), programs_(programs), options_(std::move(options)) {}

ChangeFeed::~ChangeFeed() {
  std::thread thread;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  changed_.notify_all();
  if (thread.joinable()) thread.join();
  Rest();
}

absl::Status ChangeFeed::Join(const std::shared_ptr<Watcher>& watcher) {
  MutexLock lock(&mutex_);
  DropGone();
  if (watchers_.size() >= options_.most_watchers) {
    return RetryLater(absl::StatusCode::kResourceExhausted, "TOO_MANY_WATCHERS",
                      "too many watch this programme already", 10'000);
  }
  watchers_.push_back(watcher);
  joined_ = true;
  if (!thread_.joinable() && !stopping_) thread_ = std::thread([this] { Loop(); });
  changed_.notify_all();
  return absl::OkStatus();
}

void ChangeFeed::DropGone() {
  watchers_.erase(
      std::remove_if(watchers_.begin(), watchers_.end(), [](const std::weak_ptr<Watcher>& w) { return w.expired(); }),
      watchers_.end());
}

absl::StatusOr<std::shared_ptr<const ChangeJournal>> ChangeFeed::Look() {
  MutexLock lock(&look_mutex_);
  if (looker_ == nullptr) {
    ASSIGN_OR_RETURN(looker_, ChangeLooker::Open(program_, programs_, options_.folder, options_.journal));
  }
  absl::Status looked = looker_->Look();
  if (looked.ok()) return looker_->journal();
  // It may know of changes that are not written.
  looker_.reset();
  return looked;
}

void ChangeFeed::Rest() {
  MutexLock lock(&look_mutex_);
  if (looker_ == nullptr) return;
  const absl::Status closed = looker_->Close();
  if (!closed.ok()) spdlog::warn("{}: journal of changes: {}", program_.id(), closed.ToString());
  looker_.reset();
}

void ChangeFeed::Loop() {
  absl::StatusOr<std::shared_ptr<const ChangeJournal>> journal = absl::UnavailableError("");
  SteadyClock::time_point next_look, last_watched = SteadyClock::now();
  MutexLock lock(&mutex_);
  while (!stopping_) {
    DropGone();
    // Who joins during the look waits for the next one. Nobody is held meanwhile: a stop waits until all are gone.
    const std::vector<std::weak_ptr<Watcher>> watchers = watchers_;
    const SteadyClock::time_point start = SteadyClock::now();
    if (!watchers.empty()) last_watched = start;
    const bool rests = start - last_watched > options_.keep_looking;
    const bool looks = !rests && (joined_ || start >= next_look);
    joined_ = false;
    mutex_.unlock();
    if (rests) {
      journal = absl::UnavailableError("");
      Rest();
    } else if (looks) {
      journal = Look();
      if (!journal.ok()) spdlog::warn("{}: changes: {}", program_.id(), journal.status().ToString());
      next_look = SteadyClock::now() + kRestForWork * (SteadyClock::now() - start);
    }
    for (const std::weak_ptr<Watcher>& weak : watchers) {
      if (const auto watcher = weak.lock(); watcher != nullptr) watcher->Tick(journal);
    }
    mutex_.lock();
    if (!stopping_ && !joined_) {
      rests ? changed_.wait(mutex_) : static_cast<void>(changed_.wait_for(mutex_, options_.period));
    }
  }
}

}  // namespace partnermetrics
