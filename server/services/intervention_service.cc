#include <spdlog/spdlog.h>

#include <map>
#include <memory>
#include <vector>

#include "partnermetrics/v1/intervention_service.grpc.pb.h"
#include "server/actions/intervention_actions.h"
#include "server/base/errors.h"
#include "server/services/call.h"
#include "server/services/services.h"
#include "server/views/intervention_query.h"
#include "storage/mutex.h"

namespace partnermetrics {
namespace {

class InterventionServiceImpl final : public v1::InterventionService::Service {
 public:
  explicit InterventionServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status ListInterventions(grpc::ServerContext* context, const v1::ListInterventionsRequest* request,
                                 v1::ListInterventionsResponse* response) override {
    return Handle(backend_, *context, "InterventionService.ListInterventions", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), request->min_position()));
      std::vector<int> unnoted;
      RETURN_IF_ERROR(partnermetrics::ListInterventions(backend_.programs(), *program, TableOf(*program), *request,
                                                        *response, &unnoted));
      if (unnoted.empty()) return absl::OkStatus();
      MutexLock lock(&actions_);
      const absl::Status noted = NoteShown(backend_.programs(), *program, *response, unnoted);
      if (!noted.ok()) spdlog::warn("{}: interventions: {}", program->id(), noted.ToString());
      return absl::OkStatus();
    });
  }

  grpc::Status GetIntervention(grpc::ServerContext* context, const v1::GetInterventionRequest* request,
                               v1::Intervention* response) override {
    return Handle(backend_, *context, "InterventionService.GetIntervention", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), request->min_position()));
      return partnermetrics::GetIntervention(backend_.programs(), *program, *request, *response);
    });
  }

  grpc::Status AcknowledgeIntervention(grpc::ServerContext* context, const v1::AcknowledgeInterventionRequest* request,
                                       v1::Intervention* response) override {
    return Do(*context, "InterventionService.AcknowledgeIntervention", *request, *response,
              &partnermetrics::AcknowledgeIntervention);
  }
  grpc::Status AssignIntervention(grpc::ServerContext* context, const v1::AssignInterventionRequest* request,
                                  v1::Intervention* response) override {
    return Do(*context, "InterventionService.AssignIntervention", *request, *response,
              &partnermetrics::AssignIntervention);
  }
  grpc::Status SnoozeIntervention(grpc::ServerContext* context, const v1::SnoozeInterventionRequest* request,
                                  v1::Intervention* response) override {
    return Do(*context, "InterventionService.SnoozeIntervention", *request, *response,
              &partnermetrics::SnoozeIntervention);
  }
  grpc::Status ResolveIntervention(grpc::ServerContext* context, const v1::ResolveInterventionRequest* request,
                                   v1::Intervention* response) override {
    return Do(*context, "InterventionService.ResolveIntervention", *request, *response,
              &partnermetrics::ResolveIntervention);
  }

  grpc::Status RecordInterventions(grpc::ServerContext* context, const v1::RecordInterventionsRequest* request,
                                   v1::RecordInterventionsResponse* response) override {
    return Handle(backend_, *context, "InterventionService.RecordInterventions", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), 0));
      MutexLock lock(&actions_);
      return partnermetrics::RecordInterventions(backend_.programs(), *program, TableOf(*program), *request, *response);
    });
  }

 private:
  template <typename Request>
  grpc::Status Do(grpc::ServerContext& context, absl::string_view method, const Request& request,
                  v1::Intervention& response,
                  absl::Status (*act)(const Programs&, ProgramRuntime&, const Request&, v1::Intervention&)) {
    return Handle(backend_, context, method, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
      MutexLock lock(&actions_);
      return act(backend_.programs(), *program, request, response);
    });
  }

  // Made when somebody first asks: programmes open after the services.
  InterventionTable& TableOf(ProgramRuntime& program) {
    MutexLock lock(&tables_mutex_);
    std::unique_ptr<InterventionTable>& table = tables_[&program];
    if (table == nullptr) table = std::make_unique<InterventionTable>(program, backend_.programs());
    return *table;
  }

  const Backend& backend_;
  Mutex actions_;  // what is done rests on what was done before: one at a time
  Mutex tables_mutex_;
  std::map<const ProgramRuntime*, std::unique_ptr<InterventionTable>> tables_ PM_GUARDED_BY(tables_mutex_);
};

}  // namespace

std::unique_ptr<grpc::Service> MakeInterventionService(const Backend& backend) {
  return std::make_unique<InterventionServiceImpl>(backend);
}

}  // namespace partnermetrics
