#include <string>
#include <utility>
#include <vector>

#include "partnermetrics/v1/score_service.grpc.pb.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/reports/scorecard.h"
#include "server/scoring/evaluator.h"
#include "server/services/call.h"
#include "server/services/dates.h"
#include "server/services/engine_source.h"
#include "server/services/metric_query.h"
#include "server/services/services.h"

namespace partnermetrics {
namespace {

class ScoreServiceImpl final : public v1::ScoreService::Service {
 public:
  explicit ScoreServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status GetScorecard(grpc::ServerContext* context, const v1::GetScorecardRequest* request,
                            v1::Scorecard* response) override {
    return Handle(backend_, *context, "ScoreService.GetScorecard", [&] { return Get(*request, *response); });
  }

 private:
  absl::Status Get(const v1::GetScorecardRequest& request, v1::Scorecard& card) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), request.min_position()));
    ScorecardRequest wanted;
    wanted.scope_proto.set_kind(v1::SCOPE_KIND_PROGRAM);
    wanted.window = request.window();
    if (!v1::Comparison_IsValid(request.comparison())) return InvalidField("comparison", "UNKNOWN", "is no comparison");
    if (request.comparison() != v1::COMPARISON_UNSPECIFIED) wanted.comparison = request.comparison();
    if (request.has_as_of()) {
      ASSIGN_OR_RETURN(wanted.as_of, ReadDate(request.as_of(), "as_of"));
    }
    std::vector<std::string> partners;
    std::optional<PartnerState> partner;
    EngineSource source;
    {
      Engine::View view(program->engine());
      if (!request.partner_id().empty()) {
        ASSIGN_OR_RETURN(std::string id, FindPartner(view, request.partner_id()));
        ASSIGN_OR_RETURN(partner, ReadPartner(view, id));
        wanted.scope = kFirstPartnerScope;
        wanted.scope_proto.set_kind(v1::SCOPE_KIND_PARTNER);
        wanted.scope_proto.set_partner_id(id);
        partners.push_back(std::move(id));
      }
      const auto metrics = ScorecardMetrics(*view.catalog(), wanted.scope_proto.kind());
      ASSIGN_OR_RETURN(
          source, EngineSource::Collect(view, ReadsOf(*view.catalog(), metrics, {wanted.scope}), std::move(partners)));
    }
    ASSIGN_OR_RETURN(wanted.target_set, ReadTargetSet(*source.catalog(), request.target_set()));
    if (!request.has_as_of()) wanted.as_of = backend_.programs().Today(*source.catalog());
    card = BuildScorecard(*source.catalog(), source, wanted);
    if (partner.has_value()) *card.mutable_partner() = std::move(partner->fields);
    card.set_unresolved_facts(source.header().unresolved_facts);
    card.set_position(source.header().position);
    return absl::OkStatus();
  }

  const Backend& backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeScoreService(const Backend& backend) {
  return std::make_unique<ScoreServiceImpl>(backend);
}

}  // namespace partnermetrics
