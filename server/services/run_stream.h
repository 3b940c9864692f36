// One open RunConnector call: the progress of a run. The run itself goes on without it.
#ifndef PARTNERMETRICS_SERVER_SERVICES_RUN_STREAM_H_
#define PARTNERMETRICS_SERVER_SERVICES_RUN_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/services/stream_set.h"
#include "server/services/worker_pool.h"
#include "server/sync/connectors.h"
#include "storage/mutex.h"

namespace partnermetrics {

class RunStream final : public grpc::ServerWriteReactor<v1::RunConnectorResponse>,
                        public StreamSet::Stream,
                        public std::enable_shared_from_this<RunStream> {
 public:
  // Has the pool start the run. The stream keeps itself until it is done.
  static RunStream* Start(Connectors& connectors, const v1::RunConnectorRequest& request, WorkerPool& pool,
                          StreamSet& streams);

  void Stop() override;

 private:
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { self_.reset(); }

  void Begin(Connectors& connectors, const v1::RunConnectorRequest& request);
  // Takes the run as it stands; false once the stream has ended.
  bool Show(const v1::ConnectorRun& run);
  void End(const absl::Status& status);
  void Advance() PM_REQUIRES(mutex_);
  void FinishOnce(const grpc::Status& status) PM_REQUIRES(mutex_);

  std::shared_ptr<RunStream> self_;  // until gRPC is done with the stream

  Mutex mutex_;
  std::optional<v1::ConnectorRun> latest_ PM_GUARDED_BY(mutex_);  // not sent yet: older progress is left out
  v1::RunConnectorResponse sending_ PM_GUARDED_BY(mutex_);
  bool writing_ PM_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ PM_GUARDED_BY(mutex_);  // once all is said
  bool finished_ PM_GUARDED_BY(mutex_) = false;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_RUN_STREAM_H_
