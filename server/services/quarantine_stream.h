// One open ExportQuarantine call: the records of quarantine, read page by page as the caller takes them.
#ifndef PARTNERMETRICS_SERVER_SERVICES_QUARANTINE_STREAM_H_
#define PARTNERMETRICS_SERVER_SERVICES_QUARANTINE_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/programs.h"
#include "server/services/stream_set.h"
#include "server/services/worker_pool.h"
#include "storage/mutex.h"

namespace partnermetrics {

class QuarantineStream final : public grpc::ServerWriteReactor<v1::QuarantinedRecord>,
                               public StreamSet::Stream,
                               public std::enable_shared_from_this<QuarantineStream> {
 public:
  // Has the pool read the first page. The stream keeps itself until it is done.
  static QuarantineStream* Start(const Programs& programs, const v1::ExportQuarantineRequest& request, WorkerPool& pool,
                                 StreamSet& streams);

  void Stop() override;

 private:
  QuarantineStream(const Programs& programs, const v1::ExportQuarantineRequest& request, WorkerPool& pool)
      : programs_(programs), request_(request), pool_(pool) {}

  void OnWriteDone(bool ok) override;
  void OnCancel() override { End(absl::CancelledError("")); }
  void OnDone() override { self_.reset(); }

  void ReadPage();
  void End(const absl::Status& status);
  // Sends the next record, has the next page read, or finishes.
  void Advance() PM_REQUIRES(mutex_);

  const Programs& programs_;
  const v1::ExportQuarantineRequest request_;
  WorkerPool& pool_;
  std::shared_ptr<QuarantineStream> self_;  // until gRPC is done with the stream

  Mutex mutex_;
  std::vector<v1::QuarantinedRecord> page_ PM_GUARDED_BY(mutex_);
  size_t next_ PM_GUARDED_BY(mutex_) = 0;      // of the page
  uint64_t after_ PM_GUARDED_BY(mutex_) = 0;   // last record of the page
  bool reading_ PM_GUARDED_BY(mutex_) = true;  // the next page
  bool writing_ PM_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ PM_GUARDED_BY(mutex_);
  bool finished_ PM_GUARDED_BY(mutex_) = false;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_QUARANTINE_STREAM_H_
