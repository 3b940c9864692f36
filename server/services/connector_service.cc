#include <utility>

#include "partnermetrics/v1/connector_service.grpc.pb.h"
#include "server/base/errors.h"
#include "server/queries/staged_run.h"
#include "server/services/call.h"
#include "server/services/quarantine_stream.h"
#include "server/services/refused_stream.h"
#include "server/services/run_stream.h"
#include "server/services/services.h"
#include "server/sync/connectors.h"
#include "server/sync/quarantine.h"
#include "server/sync/quarantine_edit.h"

namespace partnermetrics {
namespace {

using Base = v1::ConnectorService::WithCallbackMethod_RunConnector<
    v1::ConnectorService::WithCallbackMethod_ExportQuarantine<v1::ConnectorService::Service>>;

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

  grpc::Status PreviewConnector(grpc::ServerContext* context, const v1::PreviewConnectorRequest* request,
                                v1::PreviewConnectorResponse* response) override {
    return Answer(*context, "PreviewConnector", *response,
                  [&] { return backend_.connectors().PreviewRecords(*request); });
  }

  grpc::ServerWriteReactor<v1::RunConnectorResponse>* RunConnector(grpc::CallbackServerContext* context,
                                                                   const v1::RunConnectorRequest* request) override {
    const absl::Status admitted = Admit(backend_, *context, "ConnectorService.RunConnector");
    if (!admitted.ok()) return new RefusedStream<v1::RunConnectorResponse>(admitted);
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

  grpc::Status GetStagedRun(grpc::ServerContext* context, const v1::GetStagedRunRequest* request,
                            v1::StagedRun* response) override {
    return Answer(*context, "GetStagedRun", *response, [&] {
      MutexLock one_at_a_time(&looking_);
      return LookAtStagedRun(backend_.programs(), backend_.connectors(), *request);
    });
  }

  grpc::Status PublishStagedRun(grpc::ServerContext* context, const v1::PublishStagedRunRequest* request,
                                v1::ConnectorRun* response) override {
    return Answer(*context, "PublishStagedRun", *response,
                  [&] { return backend_.connectors().PublishStaged(*request); });
  }

  grpc::Status DiscardStagedRun(grpc::ServerContext* context, const v1::DiscardStagedRunRequest* request,
                                v1::ConnectorRun* response) override {
    return Answer(*context, "DiscardStagedRun", *response,
                  [&] { return backend_.connectors().DiscardStaged(*request); });
  }

  grpc::Status CancelRun(grpc::ServerContext* context, const v1::CancelRunRequest* request,
                         v1::ConnectorRun* response) override {
    return Answer(*context, "CancelRun", *response,
                  [&] { return backend_.connectors().CancelRun(request->connector()); });
  }

  grpc::Status ResumeConnector(grpc::ServerContext* context, const v1::ResumeConnectorRequest* request,
                               v1::Connector* response) override {
    return Answer(*context, "ResumeConnector", *response,
                  [&] { return backend_.connectors().Resume(request->connector()); });
  }

  grpc::Status GetRun(grpc::ServerContext* context, const v1::GetRunRequest* request,
                      v1::ConnectorRun* response) override {
    return Answer(*context, "GetRun", *response, [&] { return backend_.connectors().GetRun(request->run_id()); });
  }

  grpc::Status GetCursor(grpc::ServerContext* context, const v1::GetCursorRequest* request,
                         v1::ConnectorCursor* response) override {
    return Answer(*context, "GetCursor", *response,
                  [&] { return backend_.connectors().GetCursor(request->connector()); });
  }

  grpc::Status SetCursor(grpc::ServerContext* context, const v1::SetCursorRequest* request,
                         v1::ChangeCursorResponse* response) override {
    return Answer(*context, "SetCursor", *response, [&] { return backend_.connectors().SetCursor(*request); });
  }

  grpc::Status ResetCursor(grpc::ServerContext* context, const v1::ResetCursorRequest* request,
                           v1::ChangeCursorResponse* response) override {
    return Answer(*context, "ResetCursor", *response, [&] { return backend_.connectors().ResetCursor(*request); });
  }

  grpc::Status CountQuarantine(grpc::ServerContext* context, const v1::CountQuarantineRequest* request,
                               v1::CountQuarantineResponse* response) override {
    return Answer(*context, "CountQuarantine", *response,
                  [&] { return partnermetrics::CountQuarantine(backend_.programs(), *request); });
  }

  grpc::Status ReplayQuarantine(grpc::ServerContext* context, const v1::ReplayQuarantineRequest* request,
                                v1::ReplayQuarantineResponse* response) override {
    return Answer(*context, "ReplayQuarantine", *response,
                  [&] { return backend_.connectors().ReplayQuarantine(*request); });
  }

  grpc::Status DiscardQuarantine(grpc::ServerContext* context, const v1::DiscardQuarantineRequest* request,
                                 v1::DiscardQuarantineResponse* response) override {
    return Answer(*context, "DiscardQuarantine", *response,
                  [&] { return partnermetrics::DiscardQuarantine(backend_.programs(), *request); });
  }

  grpc::ServerWriteReactor<v1::QuarantinedRecord>* ExportQuarantine(
      grpc::CallbackServerContext* context, const v1::ExportQuarantineRequest* request) override {
    const absl::Status admitted = Admit(backend_, *context, "ConnectorService.ExportQuarantine");
    if (!admitted.ok()) return new RefusedStream<v1::QuarantinedRecord>(admitted);
    return QuarantineStream::Start(backend_.programs(), *request, pool_, streams_);
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
  Mutex looking_;  // at a staged run, which takes memory
  WorkerPool& pool_;
  StreamSet& streams_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeConnectorService(const Backend& backend, WorkerPool& pool, StreamSet& streams) {
  return std::make_unique<ConnectorServiceImpl>(backend, pool, streams);
}

}  // namespace partnermetrics
