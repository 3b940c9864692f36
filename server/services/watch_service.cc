#include "partnermetrics/v1/watch_service.grpc.pb.h"
#include "server/services/call.h"
#include "server/services/refused_stream.h"
#include "server/services/services.h"
#include "server/services/watch_stream.h"

namespace partnermetrics {
namespace {

using Base = v1::WatchService::WithCallbackMethod_WatchChanges<v1::WatchService::Service>;

class WatchServiceImpl final : public Base {
 public:
  WatchServiceImpl(const Backend& backend, WorkerPool& pool, StreamSet& streams)
      : backend_(backend), pool_(pool), streams_(streams) {}

  grpc::ServerWriteReactor<v1::WatchChangesResponse>* WatchChanges(grpc::CallbackServerContext* context,
                                                                   const v1::WatchChangesRequest* request) override {
    const absl::Status admitted = Admit(backend_, *context, "WatchService.WatchChanges");
    if (!admitted.ok()) return new RefusedStream<v1::WatchChangesResponse>(admitted);
    return WatchStream::Start(backend_, *request, pool_, streams_);
  }

 private:
  const Backend& backend_;
  WorkerPool& pool_;
  StreamSet& streams_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeWatchService(const Backend& backend, WorkerPool& pool, StreamSet& streams) {
  return std::make_unique<WatchServiceImpl>(backend, pool, streams);
}

}  // namespace partnermetrics
