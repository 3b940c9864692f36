#include "partnermetrics/v1/explain_service.grpc.pb.h"
#include "server/base/errors.h"
#include "server/explain/explain_change.h"
#include "server/explain/explain_query.h"
#include "server/explain/fact_history.h"
#include "server/services/call.h"
#include "server/services/known_program.h"
#include "server/services/services.h"

namespace partnermetrics {
namespace {

class ExplainServiceImpl final : public v1::ExplainService::Service {
 public:
  explicit ExplainServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status Explain(grpc::ServerContext* context, const v1::ExplainRequest* request,
                       v1::ExplainResponse* response) override {
    return Handle(backend_, *context, "ExplainService.Explain", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const KnownProgram known, ReadKnownProgram(backend_, *request));
      return partnermetrics::Explain(backend_.programs(), known.engine(), *request, *response);
    });
  }

  grpc::Status ListContributions(grpc::ServerContext* context, const v1::ListContributionsRequest* request,
                                 v1::ListContributionsResponse* response) override {
    return Handle(backend_, *context, "ExplainService.ListContributions", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const KnownProgram known, ReadKnownProgram(backend_, *request));
      return partnermetrics::ListContributions(backend_.programs(), known, *request, *response);
    });
  }

  grpc::Status ExplainChange(grpc::ServerContext* context, const v1::ExplainChangeRequest* request,
                             v1::ExplainChangeResponse* response) override {
    return Handle(backend_, *context, "ExplainService.ExplainChange", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), request->min_position()));
      return partnermetrics::ExplainChange(backend_.programs(), backend_.past(), *program, *request, *response);
    });
  }

  grpc::Status GetFactHistory(grpc::ServerContext* context, const v1::GetFactHistoryRequest* request,
                              v1::GetFactHistoryResponse* response) override {
    return Handle(backend_, *context, "ExplainService.GetFactHistory", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), request->min_position()));
      return partnermetrics::GetFactHistory(*program, *request, *response);
    });
  }

 private:
  const Backend& backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeExplainService(const Backend& backend) {
  return std::make_unique<ExplainServiceImpl>(backend);
}

}  // namespace partnermetrics
