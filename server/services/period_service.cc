#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/period_service.grpc.pb.h"
#include "server/actions/period_close.h"
#include "server/actions/period_values.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/explain/explain_change.h"
#include "server/queries/metric_names.h"
#include "server/queries/past_states.h"
#include "server/queries/segment_scope.h"
#include "server/scoring/proto_values.h"
#include "server/services/call.h"
#include "server/services/services.h"
#include "storage/mutex.h"

namespace partnermetrics {
namespace {

// The scope of a request, in the words of the log. A partner that no longer exists is named by its id.
absl::StatusOr<v1::Scope> ReadScope(const Engine::View& view, const v1::Scope& scope, const std::string& partner) {
  v1::Scope read = scope;
  if (!partner.empty()) {
    read.set_kind(v1::SCOPE_KIND_PARTNER);
    read.set_partner_id(partner);
  }
  switch (read.kind()) {
    case v1::SCOPE_KIND_UNSPECIFIED:
      read.set_kind(v1::SCOPE_KIND_PROGRAM);
      return read;
    case v1::SCOPE_KIND_PARTNER:
      if (const absl::StatusOr<std::string> id = FindPartner(view, read.partner_id()); id.ok()) {
        read.set_partner_id(*id);
      }
      return read;
    case v1::SCOPE_KIND_SEGMENT: {
      ASSIGN_OR_RETURN(*read.mutable_segment(), FindSegment(view, read.segment(), "scope.segment"));
      return read;
    }
    default:
      return read;
  }
}

void FillValue(const Catalog& catalog, const std::string& metric_id,
               const std::vector<std::pair<int, PeriodNumber>>& stated, const PeriodNumber* now,
               v1::PeriodValue& value) {
  const CompiledMetric* metric = catalog.FindMetric(metric_id);
  value.set_metric_id(metric_id);
  if (metric != nullptr) value.set_display_name(metric->definition.display_name());
  if (!stated.empty()) {
    if (stated.front().first == 0) *value.mutable_closed() = ToProto(catalog, metric, stated.front().second);
    *value.mutable_stated() = ToProto(catalog, metric, stated.back().second, stated.back().first);
  }
  PeriodNumber gone;
  gone.gone = true;
  if (now == nullptr) now = &gone;
  *value.mutable_now() = ToProto(catalog, metric, *now);
  // What a job is changing is not known to differ.
  const bool is_known = now->no_data != v1::NO_DATA_REASON_REBUILDING;
  value.set_differs(is_known && (stated.empty() ? !now->gone : !(stated.back().second == *now)));
}

class PeriodServiceImpl final : public v1::PeriodService::Service {
 public:
  explicit PeriodServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status ClosePeriod(grpc::ServerContext* context, const v1::ClosePeriodRequest* request,
                           v1::ClosePeriodResponse* response) override {
    return Handle(backend_, *context, "PeriodService.ClosePeriod", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), 0));
      MutexLock lock(&changes_);
      return partnermetrics::ClosePeriod(backend_.programs(), *program, *request, backend_.periods(), *response);
    });
  }

  grpc::Status RestatePeriod(grpc::ServerContext* context, const v1::RestatePeriodRequest* request,
                             v1::RestatePeriodResponse* response) override {
    return Handle(backend_, *context, "PeriodService.RestatePeriod", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), 0));
      MutexLock lock(&changes_);
      return partnermetrics::RestatePeriod(backend_.programs(), *program, *request, backend_.periods(), *response);
    });
  }

  grpc::Status ListPeriods(grpc::ServerContext* context, const v1::ListPeriodsRequest* request,
                           v1::ListPeriodsResponse* response) override {
    return Handle(backend_, *context, "PeriodService.ListPeriods", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), 0));
      ASSIGN_OR_RETURN(const std::vector<StatedPeriod> periods, StatedPeriod::ReadAll(*program));
      for (const StatedPeriod& period : periods) {
        v1::ClosedPeriod& proto = *response->add_periods();
        FillPeriod(period, proto);
        proto.clear_statements();
      }
      return absl::OkStatus();
    });
  }

  grpc::Status ListPeriodWork(grpc::ServerContext* context, const v1::ListPeriodWorkRequest* request,
                              v1::ListPeriodWorkResponse* response) override {
    return Handle(backend_, *context, "PeriodService.ListPeriodWork", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const ProgramRuntime* program, backend_.ProgramAt(request->program(), 0));
      for (v1::PeriodWork& work : backend_.periods().List()) {
        if (work.program() == program->id()) *response->add_work() = std::move(work);
      }
      return absl::OkStatus();
    });
  }

  grpc::Status GetPeriod(grpc::ServerContext* context, const v1::GetPeriodRequest* request,
                         v1::GetPeriodResponse* response) override {
    return Handle(backend_, *context, "PeriodService.GetPeriod", [&] { return Get(*request, *response); });
  }

  grpc::Status ExplainRestatement(grpc::ServerContext* context, const v1::ExplainRestatementRequest* request,
                                  v1::ExplainChangeResponse* response) override {
    return Handle(backend_, *context, "PeriodService.ExplainRestatement", [&] { return Explain(*request, *response); });
  }

 private:
  absl::Status Get(const v1::GetPeriodRequest& request, v1::GetPeriodResponse& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
    ASSIGN_OR_RETURN(const StatedPeriod period, StatedPeriod::Read(*program, request.period_id()));
    PeriodScope now;
    std::shared_ptr<const Catalog> catalog;
    {
      const Engine::View view(program->engine());
      catalog = view.catalog();
      ASSIGN_OR_RETURN(*response.mutable_scope(), ReadScope(view, request.scope(), request.partner_id()));
      ASSIGN_OR_RETURN(now, EvaluatePeriodOf(view, period.span(), response.scope()));
      response.set_position(view.header().position);
    }
    ASSIGN_OR_RETURN(PeriodHistory history, period.HistoryOf(now.name));
    if (history.empty() && now.numbers.empty()) {
      return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_PARTNER",
                       absl::StrCat("there is no partner '", response.scope().partner_id(), "', and was none"),
                       "list the partners: partnerctl partner list");
    }
    std::set<std::string> metrics(request.metric_ids().begin(), request.metric_ids().end());
    for (const std::string& id : metrics) {
      if (history.count(id) == 0) RETURN_IF_ERROR(ReadMetric(*catalog, id, "metric_ids").status());
    }
    if (metrics.empty()) {
      for (const auto& [id, stated] : history) metrics.insert(id);
      for (const auto& [id, number] : now.numbers) metrics.insert(id);
    }
    for (const std::string& id : metrics) {
      const auto it = now.numbers.find(id);
      v1::PeriodValue value;
      FillValue(*catalog, id, history[id], it == now.numbers.end() ? nullptr : &it->second, value);
      const bool is_changed = value.differs() || value.stated().restatement() > 0;
      if (is_changed || !request.only_changed()) *response.add_values() = std::move(value);
    }
    FillPeriod(period, *response.mutable_period());
    return absl::OkStatus();
  }

  absl::Status Explain(const v1::ExplainRestatementRequest& request, v1::ExplainChangeResponse& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
    ASSIGN_OR_RETURN(const int examples, ReadExamples(request.examples()));
    ASSIGN_OR_RETURN(const StatedPeriod period, StatedPeriod::Read(*program, request.period_id()));
    const auto last = static_cast<int>(period.statements().size()) - 1;
    if (request.restatement() < 0 || request.restatement() > last) {
      return InvalidField("restatement", "OUT_OF_RANGE",
                          absl::StrCat("the period has ", last, " restatements; 0 asks for what changed since"));
    }
    const bool until_now = request.restatement() == 0;
    const auto before = static_cast<size_t>(until_now ? last : request.restatement() - 1);
    const auto position = [&](size_t i) { return period.statements()[i].content.position(); };
    ASSIGN_OR_RETURN(std::shared_ptr<Scratch> then,
                     backend_.past().At(*program, position(before), OnlyPartnerOf(request)));
    std::shared_ptr<Scratch> later;
    if (!until_now) {
      ASSIGN_OR_RETURN(later, backend_.past().At(*program, position(before + 1), OnlyPartnerOf(request)));
    }
    v1::ExplainRequest value;
    value.set_metric_id(request.metric_id());
    *value.mutable_scope() = request.scope();
    *value.mutable_as_of() = ToDate(period.span().last);
    value.set_window(period.span().Window());
    return ExplainChangeBetween(backend_.programs(), KnownProgram(*program, std::move(then)), value,
                                KnownProgram(*program, std::move(later)), value, examples, response);
  }

  const Backend& backend_;
  Mutex changes_;  // a statement goes on from the one before it: one at a time
};

}  // namespace

std::unique_ptr<grpc::Service> MakePeriodService(const Backend& backend) {
  return std::make_unique<PeriodServiceImpl>(backend);
}

}  // namespace partnermetrics
