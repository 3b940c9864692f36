#include "server/services/event_stream.h"

#include <algorithm>
#include <utility>

#include "server/base/errors.h"
#include "server/services/call.h"

namespace partnermetrics {
namespace {

// What one stream may hold: enough to keep parsing, checks and the disk busy at the same time.
constexpr size_t kMaxHeldRequests = 8;
constexpr size_t kMaxHeldBytes = size_t{16} << 20;

}  // namespace

EventStream* EventStream::Start(Programs& programs, WorkerPool& pool, StreamSet& streams) {
  std::shared_ptr<EventStream> stream(new EventStream(programs, pool));
  stream->self_ = stream;
  {
    MutexLock lock(&stream->mutex_);
    stream->Advance();
  }
  streams.Add(stream);
  return stream.get();
}

void EventStream::Stop() {
  MutexLock lock(&mutex_);
  stopping_ = true;
  Advance();
}

void EventStream::OnReadDone(bool ok) {
  MutexLock lock(&mutex_);
  std::shared_ptr<Slot> slot = std::move(reading_);
  if (!ok) {
    half_closed_ = true;
  } else if (!finished_) {
    slot->bytes = slot->request->ByteSizeLong();
    held_bytes_ += slot->bytes;
    slots_.push_back(std::move(slot));
    if (!working_) {
      working_ = true;
      pool_.Post([stream = shared_from_this()] { stream->Work(); });
    }
  }
  Advance();
}

void EventStream::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  held_bytes_ -= writing_->bytes;
  writing_.reset();
  if (!ok) cancelled_ = true;
  Advance();
}

void EventStream::OnCancel() {
  MutexLock lock(&mutex_);
  cancelled_ = true;
  Advance();
}

void EventStream::Work() {
  std::shared_ptr<Slot> next;
  {
    MutexLock lock(&mutex_);
    const auto it = std::find_if(slots_.begin(), slots_.end(), [](const auto& slot) { return !slot->taken; });
    if (it == slots_.end()) {
      working_ = false;
      return;
    }
    next = *it;
    next->taken = true;
  }
  Process(next);
  // The next request queues up behind the work of other streams, and behind this one's answers.
  pool_.Post([stream = shared_from_this()] { stream->Work(); });
}

void EventStream::Process(const std::shared_ptr<Slot>& slot) {
  slot->response.set_sequence(slot->request->sequence());
  absl::StatusOr<IngestBatch> prepared = IngestBatch::Prepare(programs_, *slot->request);
  if (!prepared.ok()) return Answered(*slot, prepared.status());
  auto batch = std::make_shared<IngestBatch>(*std::move(prepared));
  const v1::ResultDetail detail = slot->request->detail();
  slot->request = nullptr;
  slot->arena.Reset();
  WriteRequest write = batch->TakeWrite();
  // The answer is made and sent by the pool: the writer's thread has better things to do.
  write.done = [stream = shared_from_this(), slot, batch, detail](WriteResult result) {
    stream->pool_.Post([stream, slot, batch, detail, result = std::move(result)] {
      if (result.status.ok()) batch->Answer(result, detail, slot->response);
      stream->Answered(*slot, result.status);
    });
  };
  absl::Status queued = batch->program().writer().Submit(std::move(write), /*wait=*/true);
  if (!queued.ok()) Answered(*slot, std::move(queued));
}

void EventStream::Answered(Slot& slot, absl::Status status) {
  MutexLock lock(&mutex_);
  slot.status = std::move(status);
  slot.answered = true;
  Advance();
}

bool EventStream::HasRoom() const {
  const size_t held = slots_.size() + (writing_ == nullptr ? 0 : 1);
  return held < kMaxHeldRequests && held_bytes_ < kMaxHeldBytes;
}

void EventStream::Advance() {
  if (finished_) return;
  if (writing_ == nullptr) {
    if (cancelled_) return FinishOnce(grpc::Status::CANCELLED);
    if (slots_.empty() && half_closed_) return FinishOnce(grpc::Status::OK);
    if (slots_.empty() && stopping_) {
      return FinishOnce(
          ToGrpc(RetryLater(absl::StatusCode::kUnavailable, "STOPPING", "the server is stopping", 1'000)));
    }
    if (!slots_.empty() && slots_.front()->answered) {
      if (!slots_.front()->status.ok()) return FinishOnce(ToGrpc(slots_.front()->status));
      writing_ = std::move(slots_.front());
      slots_.pop_front();
      StartWrite(&writing_->response);
    }
  }
  if (reading_ == nullptr && !half_closed_ && !stopping_ && HasRoom()) {
    reading_ = std::make_shared<Slot>();
    StartRead(reading_->request);
  }
}

void EventStream::FinishOnce(const grpc::Status& status) {
  finished_ = true;
  Finish(status);
}

}  // namespace partnermetrics
