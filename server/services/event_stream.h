// One open StreamEvents call.
//
// A stream holds at most a few requests at a time: the next one is read only while there is room, so a writer that is
// faster than the disk is slowed down by gRPC's flow control. Requests of a stream are prepared and written in their
// order and answered in it.
#ifndef PARTNERMETRICS_SERVER_SERVICES_EVENT_STREAM_H_
#define PARTNERMETRICS_SERVER_SERVICES_EVENT_STREAM_H_

#include <google/protobuf/arena.h>
#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>

#include "absl/status/status.h"
#include "partnermetrics/v1/ingest_service.pb.h"
#include "server/ingest/programs.h"
#include "server/services/ingest_batch.h"
#include "server/services/stream_set.h"
#include "server/services/worker_pool.h"
#include "storage/mutex.h"

namespace partnermetrics {

class EventStream final : public grpc::ServerBidiReactor<v1::StreamEventsRequest, v1::StreamEventsResponse>,
                          public StreamSet::Stream,
                          public std::enable_shared_from_this<EventStream> {
 public:
  // Begins to read. The stream keeps itself until it is done.
  static EventStream* Start(Programs& programs, WorkerPool& pool, StreamSet& streams);

  void Stop() override;

 private:
  // A request that is not answered yet.
  struct Slot {
    google::protobuf::Arena arena;  // of the request: thousands of small messages, forgotten together
    v1::StreamEventsRequest* request = google::protobuf::Arena::CreateMessage<v1::StreamEventsRequest>(&arena);
    size_t bytes = 0;
    bool taken = false;     // by the worker
    bool answered = false;  // status and response are set
    absl::Status status;
    v1::StreamEventsResponse response;
  };

  EventStream(Programs& programs, WorkerPool& pool) : programs_(programs), pool_(pool) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { self_.reset(); }

  // Prepares and submits the next request; on one thread of the pool at a time, so requests keep their order.
  void Work();
  void Process(const std::shared_ptr<Slot>& slot);
  void Answered(Slot& slot, absl::Status status);
  // Does whatever the stream's state lets it do next: answer, read, finish.
  void Advance() PM_REQUIRES(mutex_);
  void FinishOnce(const grpc::Status& status) PM_REQUIRES(mutex_);
  bool HasRoom() const PM_REQUIRES(mutex_);

  Programs& programs_;
  WorkerPool& pool_;
  std::shared_ptr<EventStream> self_;  // until gRPC is done with the stream

  Mutex mutex_;
  std::shared_ptr<Slot> reading_ PM_GUARDED_BY(mutex_);            // whose request is being read
  std::deque<std::shared_ptr<Slot>> slots_ PM_GUARDED_BY(mutex_);  // in order of arrival
  std::shared_ptr<Slot> writing_ PM_GUARDED_BY(mutex_);            // whose answer is on its way
  size_t held_bytes_ PM_GUARDED_BY(mutex_) = 0;
  bool working_ PM_GUARDED_BY(mutex_) = false;
  bool half_closed_ PM_GUARDED_BY(mutex_) = false;  // the caller sends no more
  bool cancelled_ PM_GUARDED_BY(mutex_) = false;
  bool stopping_ PM_GUARDED_BY(mutex_) = false;
  bool finished_ PM_GUARDED_BY(mutex_) = false;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_EVENT_STREAM_H_
