// One open WatchChanges call: reads the journal of changes at the caller's own pace.
//
// It holds a page of changes and one answer. A caller that reads slowly holds up nobody, and falls behind what the
// journal keeps at worst, which it is told.
#ifndef PARTNERMETRICS_SERVER_SERVICES_WATCH_STREAM_H_
#define PARTNERMETRICS_SERVER_SERVICES_WATCH_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "partnermetrics/v1/watch_service.pb.h"
#include "server/services/backend.h"
#include "server/services/stream_set.h"
#include "server/services/worker_pool.h"
#include "server/watch/change_feed.h"
#include "server/watch/watch_filter.h"
#include "storage/mutex.h"

namespace partnermetrics {

class WatchStream final : public grpc::ServerWriteReactor<v1::WatchChangesResponse>,
                          public StreamSet::Stream,
                          public ChangeFeed::Watcher,
                          public std::enable_shared_from_this<WatchStream> {
 public:
  // Has the pool check the request and join the programme's feed. The stream keeps itself until it is done.
  static WatchStream* Start(const Backend& backend, const v1::WatchChangesRequest& request, WorkerPool& pool,
                            StreamSet& streams);

  void Stop() override;
  void Tick(const absl::StatusOr<std::shared_ptr<const ChangeJournal>>& journal) override;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Step { kSend, kAgain, kWait, kEnd };

  WatchStream(const Backend& backend, const v1::WatchChangesRequest& request, WorkerPool& pool)
      : backend_(backend), request_(request), pool_(pool) {}

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { self_.reset(); }

  void Join();
  absl::Status TryJoin();
  absl::StatusOr<ChangePlace> ReadToken() const;

  // Makes the next answer, or finds that there is none; by the pool, one call at a time.
  void Work();
  absl::StatusOr<Step> Next(const ChangeJournal& journal);
  absl::Status Begin(const ChangeJournal& journal);
  Step AtEnd();
  bool HeartbeatIsDue();
  // With a token, unless the state is being sent.
  void Fill(const ChangePoint& point, bool with_token);

  void Post();
  // Ends the call once nothing is under way.
  void FinishIfIdle() PM_REQUIRES(mutex_);

  const Backend& backend_;
  const v1::WatchChangesRequest request_;
  WorkerPool& pool_;
  std::shared_ptr<WatchStream> self_;  // until gRPC is done with the stream

  // Of who is at work.
  std::string program_;
  std::optional<WatchFilter> filter_;
  std::optional<ChangePlace> token_;
  bool begun_ = false;
  std::optional<ChangeJournal::State> state_;  // while it is being sent
  ChangePage page_;
  size_t next_of_page_ = 0;
  ChangePlace place_;
  v1::WatchChangesResponse answer_;
  bool is_last_ = false;  // the answer is the last one

  Mutex mutex_;
  std::shared_ptr<const ChangeJournal> journal_ PM_GUARDED_BY(mutex_);  // from the first tick on
  bool busy_ PM_GUARDED_BY(mutex_) = true;                              // somebody is at work, or an answer on its way
  Clock::time_point sent_at_ PM_GUARDED_BY(mutex_) = Clock::now();
  std::optional<grpc::Status> end_ PM_GUARDED_BY(mutex_);  // once all is said
  bool finished_ PM_GUARDED_BY(mutex_) = false;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_WATCH_STREAM_H_
