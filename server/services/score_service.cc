#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/score_service.grpc.pb.h"
#include "server/actions/tier_actions.h"
#include "server/base/errors.h"
#include "server/queries/metric_query.h"
#include "server/queries/score_query.h"
#include "server/queries/what_if.h"
#include "server/reports/scorecard.h"
#include "server/scoring/evaluator.h"
#include "server/services/call.h"
#include "server/services/known_program.h"
#include "server/services/services.h"
#include "storage/mutex.h"

namespace partnermetrics {
namespace {

class ScoreServiceImpl final : public v1::ScoreService::Service {
 public:
  explicit ScoreServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status GetScorecard(grpc::ServerContext* context, const v1::GetScorecardRequest* request,
                            v1::Scorecard* response) override {
    return Handle(backend_, *context, "ScoreService.GetScorecard", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const KnownProgram known, ReadKnownProgram(backend_, *request));
      return Show(known.engine(), *request, /*own_data_only=*/false, *response);
    });
  }

  grpc::Status GetPartnerView(grpc::ServerContext* context, const v1::GetPartnerViewRequest* request,
                              v1::Scorecard* response) override {
    return Handle(backend_, *context, "ScoreService.GetPartnerView", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), request->min_position()));
      RETURN_IF_ERROR(CheckOwnId(*program, request->partner_id()));
      v1::GetScorecardRequest own;
      own.set_partner_id(request->partner_id());
      if (request->has_as_of()) *own.mutable_as_of() = request->as_of();
      own.set_window(request->window());
      RETURN_IF_ERROR(Show(program->engine(), own, /*own_data_only=*/true, *response));
      response->clear_unresolved_facts();  // of the whole programme
      return absl::OkStatus();
    });
  }

  grpc::Status GetScores(grpc::ServerContext* context, const v1::GetScoresRequest* request,
                         v1::GetScoresResponse* response) override {
    return Handle(backend_, *context, "ScoreService.GetScores", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const KnownProgram known, ReadKnownProgram(backend_, *request));
      return partnermetrics::GetScores(backend_.programs(), known.engine(), *request, *response);
    });
  }

  grpc::Status GetTier(grpc::ServerContext* context, const v1::GetTierRequest* request,
                       v1::GetTierResponse* response) override {
    return Handle(backend_, *context, "ScoreService.GetTier", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const KnownProgram known, ReadKnownProgram(backend_, *request));
      return partnermetrics::GetTier(backend_.programs(), known.engine(), *request, *response);
    });
  }

  grpc::Status ReviewTiers(grpc::ServerContext* context, const v1::ReviewTiersRequest* request,
                           v1::ReviewTiersResponse* response) override {
    return Handle(backend_, *context, "ScoreService.ReviewTiers", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), request->min_position()));
      MutexLock lock(&changes_);
      return partnermetrics::ReviewTiers(backend_.programs(), *program, *request, *response);
    });
  }

  grpc::Status SetTierOverride(grpc::ServerContext* context, const v1::SetTierOverrideRequest* request,
                               v1::GetTierResponse* response) override {
    return Handle(backend_, *context, "ScoreService.SetTierOverride", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), 0));
      MutexLock lock(&changes_);
      return partnermetrics::SetTierOverride(backend_.programs(), *program, *request, *response);
    });
  }

  grpc::Status EndTierOverride(grpc::ServerContext* context, const v1::EndTierOverrideRequest* request,
                               v1::GetTierResponse* response) override {
    return Handle(backend_, *context, "ScoreService.EndTierOverride", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), 0));
      MutexLock lock(&changes_);
      return partnermetrics::EndTierOverride(backend_.programs(), *program, *request, *response);
    });
  }

  grpc::Status WhatIf(grpc::ServerContext* context, const v1::WhatIfRequest* request,
                      v1::WhatIfResponse* response) override {
    return Handle(backend_, *context, "ScoreService.WhatIf", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), request->min_position()));
      return partnermetrics::WhatIf(backend_.programs(), *program, *request, *response);
    });
  }

 private:
  absl::Status Show(Engine& engine, const v1::GetScorecardRequest& request, bool own_data_only,
                    v1::Scorecard& card) const {
    ScorecardRequest wanted;
    wanted.window = request.window();
    wanted.own_data_only = own_data_only;
    if (!v1::WindowKind_IsValid(request.window())) return InvalidField("window", "UNKNOWN", "is no window");
    if (!v1::Comparison_IsValid(request.comparison())) return InvalidField("comparison", "UNKNOWN", "is no comparison");
    if (request.comparison() != v1::COMPARISON_UNSPECIFIED) wanted.comparison = request.comparison();
    ScopeReading reading;
    {
      Engine::View view(engine);
      ASSIGN_OR_RETURN(reading, ReadScope(view, request.partner_id(), ScorecardMetrics));
    }
    const Catalog& catalog = reading.catalog();
    ASSIGN_OR_RETURN(wanted.as_of, ReadAsOf(backend_.programs(), catalog, request));
    ASSIGN_OR_RETURN(wanted.target_set, ReadTargetSet(catalog, request.target_set()));
    wanted.scope = reading.scope;
    wanted.scope_proto = reading.scope_proto;
    card = BuildScorecard(catalog, reading.source, wanted);
    if (reading.partner.has_value()) *card.mutable_partner() = *std::move(reading.partner);
    card.set_unresolved_facts(reading.source.header().unresolved_facts);
    card.set_position(reading.source.header().position);
    return absl::OkStatus();
  }

  // Other names are not looked up: the answer could tell of other partners.
  static absl::Status CheckOwnId(ProgramRuntime& program, const std::string& id) {
    if (id.empty()) return InvalidField("partner_id", "REQUIRED", "must name a partner");
    Engine::View view(program.engine());
    ASSIGN_OR_RETURN(const auto known, view.IndexValue(Index::kPartner, id));
    if (known.has_value()) return absl::OkStatus();
    return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_PARTNER", absl::StrCat("there is no partner '", id, "'"),
                     "use the canonical id of the partner");
  }

  const Backend& backend_;
  Mutex changes_;  // what is decided rests on what was decided before: one at a time
};

}  // namespace

std::unique_ptr<grpc::Service> MakeScoreService(const Backend& backend) {
  return std::make_unique<ScoreServiceImpl>(backend);
}

}  // namespace partnermetrics
