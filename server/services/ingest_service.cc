#include "partnermetrics/v1/ingest_service.grpc.pb.h"
#include "server/services/call.h"
#include "server/services/event_stream.h"
#include "server/services/ingest_batch.h"
#include "server/services/services.h"

namespace partnermetrics {
namespace {

// Ends a stream that was not admitted.
class RefusedStream final : public grpc::ServerBidiReactor<v1::StreamEventsRequest, v1::StreamEventsResponse> {
 public:
  explicit RefusedStream(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

using Base = v1::IngestService::WithCallbackMethod_StreamEvents<v1::IngestService::Service>;

class IngestServiceImpl final : public Base {
 public:
  IngestServiceImpl(const Backend& backend, WorkerPool& pool, StreamSet& streams)
      : backend_(backend), pool_(pool), streams_(streams) {}

  grpc::Status IngestEvents(grpc::ServerContext* context, const v1::IngestEventsRequest* request,
                            v1::IngestEventsResponse* response) override {
    return Handle(backend_, *context, "IngestService.IngestEvents", [&]() -> absl::Status {
      v1::IngestEventsRequest own = *request;
      ASSIGN_OR_RETURN(IngestBatch batch, IngestBatch::Prepare(backend_.programs(), own));
      const WriteResult result = batch.program().writer().Write(batch.TakeWrite());
      RETURN_IF_ERROR(result.status);
      batch.Answer(result, request->detail(), *response);
      return absl::OkStatus();
    });
  }

  grpc::ServerBidiReactor<v1::StreamEventsRequest, v1::StreamEventsResponse>* StreamEvents(
      grpc::CallbackServerContext* context) override {
    const absl::Status admitted = Admit(backend_, *context, "IngestService.StreamEvents");
    if (!admitted.ok()) return new RefusedStream(admitted);
    return EventStream::Start(backend_.programs(), pool_, streams_);
  }

 private:
  const Backend& backend_;
  WorkerPool& pool_;
  StreamSet& streams_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeIngestService(const Backend& backend, WorkerPool& pool, StreamSet& streams) {
  return std::make_unique<IngestServiceImpl>(backend, pool, streams);
}

}  // namespace partnermetrics
