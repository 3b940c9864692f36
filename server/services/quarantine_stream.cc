#include "server/services/quarantine_stream.h"

#include <utility>

#include "server/base/errors.h"
#include "server/services/call.h"
#include "server/sync/quarantine.h"

namespace partnermetrics {

QuarantineStream* QuarantineStream::Start(const Programs& programs, const v1::ExportQuarantineRequest& request,
                                          WorkerPool& pool, StreamSet& streams) {
  const std::shared_ptr<QuarantineStream> stream(new QuarantineStream(programs, request, pool));
  stream->self_ = stream;
  streams.Add(stream);
  pool.Post([stream] { stream->ReadPage(); });
  return stream.get();
}

void QuarantineStream::ReadPage() {
  uint64_t after = 0;
  {
    MutexLock lock(&mutex_);
    after = after_;
    if (end_.has_value()) {  // while it waited for the pool
      reading_ = false;
      return Advance();
    }
  }
  absl::StatusOr<std::vector<v1::QuarantinedRecord>> page = ExportQuarantine(programs_, request_, after);
  MutexLock lock(&mutex_);
  reading_ = false;
  if (!page.ok() || page->empty()) {
    if (!end_.has_value()) end_ = ToGrpc(page.status());
  } else {
    page_ = *std::move(page);
    next_ = 0;
    after_ = page_.back().record();
  }
  Advance();
}

void QuarantineStream::Stop() {
  End(RetryLater(absl::StatusCode::kUnavailable, "STOPPING", "the server is stopping; export again afterwards", 1'000));
}

void QuarantineStream::End(const absl::Status& status) {
  MutexLock lock(&mutex_);
  if (!end_.has_value()) end_ = ToGrpc(status);
  Advance();
}

void QuarantineStream::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  writing_ = false;
  if (!ok && !end_.has_value()) end_ = grpc::Status::CANCELLED;
  Advance();
}

void QuarantineStream::Advance() {
  if (finished_ || writing_ || reading_) return;
  if (end_.has_value()) {
    finished_ = true;
    Finish(*end_);
  } else if (next_ < page_.size()) {
    writing_ = true;
    StartWrite(&page_[next_++]);
  } else {
    reading_ = true;
    pool_.Post([self = shared_from_this()] { self->ReadPage(); });
  }
}

}  // namespace partnermetrics
