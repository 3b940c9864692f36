#include <utility>

#include "partnermetrics/v1/connector_service.grpc.pb.h"
#include "server/base/errors.h"
#include "server/services/call.h"
#include "server/services/run_stream.h"
#include "server/services/services.h"
#include "server/sync/connectors.h"
#include "server/sync/quarantine.h"

namespace partnermetrics {
namespace {

// Ends a stream that was not admitted.
class RefusedStream final : public grpc::ServerWriteReactor<v1::RunConnectorResponse> {
 public:
  explicit RefusedStream(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

using Base = v1::ConnectorService::WithCallbackMethod_RunConnector<v1::ConnectorService::Service>;

class ConnectorServiceImpl final : public Base {
 public:
  ConnectorServiceImpl(const Backend& backend, WorkerPool& pool, StreamSet& streams)
      : backend_(backend), pool_(pool), streams_(streams) {}

  grpc::Status ListConnectors(grpc::ServerContext* context, const v1::ListConnectorsRequest* request,
                              v1::ListConnectorsResponse* response) override {
    return Answer(*context, "ListConnectors", *response, [&] { return backend_.connectors().List(); });
  }

  grpc::Status DescribeConnector(grpc::ServerContext* context, const v1::DescribeConnectorRequest* request,
                                 v1::ConnectorDescription* response) override {
    return Answer(*context, "DescribeConnector", *response,
                  [&] { return backend_.connectors().Describe(request->connector()); });
  }

  grpc::Status CheckConnector(grpc::ServerContext* context, const v1::CheckConnectorRequest* request,
                              v1::CheckConnectorResponse* response) override {
    return Answer(*context, "CheckConnector", *response,
                  [&] { return backend_.connectors().Check(request->connector()); });
  }

  grpc::ServerWriteReactor<v1::RunConnectorResponse>* RunConnector(grpc::CallbackServerContext* context,
                                                                   const v1::RunConnectorRequest* request) override {
    const absl::Status admitted = Admit(backend_, *context, "ConnectorService.RunConnector");
    if (!admitted.ok()) return new RefusedStream(admitted);
    return RunStream::Start(backend_.connectors(), *request, pool_, streams_);
  }

  grpc::Status ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override {
    return Answer(*context, "ListRuns", *response, [&] { return backend_.connectors().ListRuns(*request); });
  }

  grpc::Status ListQuarantine(grpc::ServerContext* context, const v1::ListQuarantineRequest* request,
                              v1::ListQuarantineResponse* response) override {
    return Answer(*context, "ListQuarantine", *response,
                  [&] { return partnermetrics::ListQuarantine(backend_.programs(), *request); });
  }

  grpc::Status GetQuarantinedRecord(grpc::ServerContext* context, const v1::GetQuarantinedRecordRequest* request,
                                    v1::QuarantinedRecord* response) override {
    return Answer(*context, "GetQuarantinedRecord", *response,
                  [&] { return partnermetrics::GetQuarantinedRecord(backend_.programs(), request->record()); });
  }

 private:
  // Answers with what `work` (-> absl::StatusOr<Response>) gives.
  template <typename Response, typename Work>
  grpc::Status Answer(const grpc::ServerContext& context, absl::string_view method, Response& response,
                      const Work& work) {
    return Handle(backend_, context, absl::StrCat("ConnectorService.", method), [&]() -> absl::Status {
      ASSIGN_OR_RETURN(response, work());
      return absl::OkStatus();
    });
  }

  const Backend& backend_;
  WorkerPool& pool_;
  StreamSet& streams_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeConnectorService(const Backend& backend, WorkerPool& pool, StreamSet& streams) {
  return std::make_unique<ConnectorServiceImpl>(backend, pool, streams);
}

}  // namespace partnermetrics
