// One open call whose answers are made one after the other, each when the caller has taken the one before: a caller
// that reads slowly holds up nothing but its own stream.
//
//   return PullStream<v1::ExportResponse>::Start([rows](v1::ExportResponse& next) { return rows->Next(next); }, pool,
//                                                streams);
#ifndef PARTNERMETRICS_SERVER_SERVICES_PULL_STREAM_H_
#define PARTNERMETRICS_SERVER_SERVICES_PULL_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/errors.h"
#include "server/services/call.h"
#include "server/services/stream_set.h"
#include "server/services/worker_pool.h"
#include "storage/mutex.h"

namespace partnermetrics {

template <typename Response>
class PullStream final : public grpc::ServerWriteReactor<Response>,
                         public StreamSet::Stream,
                         public std::enable_shared_from_this<PullStream<Response>> {
 public:
  // Fills the next answer; false when there is none any more. Called by the pool, one call at a time.
  using Next = std::function<absl::StatusOr<bool>(Response& next)>;

  // The stream keeps itself until it is done.
  static PullStream* Start(Next next, WorkerPool& pool, StreamSet& streams) {
    std::shared_ptr<PullStream> stream(new PullStream(std::move(next), pool));
    stream->self_ = stream;
    streams.Add(stream);
    stream->Post();
    return stream.get();
  }

  void Stop() override {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }

 private:
  PullStream(Next next, WorkerPool& pool) : next_(std::move(next)), pool_(pool) {}

  void Post() {
    pool_.Post([stream = this->shared_from_this()] { stream->Work(); });
  }

  void Work() {
    {
      MutexLock lock(&mutex_);
      if (cancelled_) return this->Finish(grpc::Status::CANCELLED);
      if (stopping_) {
        return this->Finish(
            ToGrpc(RetryLater(absl::StatusCode::kUnavailable, "STOPPING", "the server is stopping", 1'000)));
      }
    }
    absl::StatusOr<bool> more = false;
    {
      MutexLock lock(&turn_);
      more = next_(answer_);
    }
    if (more.ok() && *more) {
      this->StartWrite(&answer_);
    } else {
      this->Finish(ToGrpc(more.status()));
    }
  }

  void OnWriteDone(bool ok) override {
    if (!ok) OnCancel();
    Post();
  }
  void OnCancel() override {
    MutexLock lock(&mutex_);
    cancelled_ = true;
  }
  void OnDone() override { self_.reset(); }

  // Held while an answer is made. One turn follows the other anyway, by gRPC's doing: ThreadSanitizer cannot see that.
  Mutex turn_;
  const Next next_ PM_GUARDED_BY(turn_);
  WorkerPool& pool_;
  std::shared_ptr<PullStream> self_;  // until gRPC is done with the stream
  Response answer_;

  Mutex mutex_;
  bool cancelled_ PM_GUARDED_BY(mutex_) = false;
  bool stopping_ PM_GUARDED_BY(mutex_) = false;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_PULL_STREAM_H_
