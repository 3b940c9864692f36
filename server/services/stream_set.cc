#include "server/services/stream_set.h"

#include <utility>
#include <vector>

namespace partnermetrics {

StreamSet::Stream::~Stream() {
  if (set_ != nullptr) set_->Remove(this);
}

void StreamSet::Add(const std::shared_ptr<Stream>& stream) {
  bool stopping = false;
  {
    MutexLock lock(&mutex_);
    stream->set_ = this;
    streams_[stream.get()] = stream;
    stopping = stopping_;
  }
  if (stopping) stream->Stop();
}

void StreamSet::StopAll() {
  std::vector<std::shared_ptr<Stream>> open;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    for (const auto& [key, stream] : streams_) {
      if (auto held = stream.lock(); held != nullptr) open.push_back(std::move(held));
    }
  }
  for (const auto& stream : open) stream->Stop();
}

void StreamSet::WaitUntilEmpty() {
  MutexLock lock(&mutex_);
  while (!streams_.empty()) removed_.wait(mutex_);
}

void StreamSet::Remove(const Stream* stream) {
  MutexLock lock(&mutex_);
  streams_.erase(stream);
  removed_.notify_all();
}

}  // namespace partnermetrics
