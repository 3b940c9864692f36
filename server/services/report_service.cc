#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "partnermetrics/v1/report_service.grpc.pb.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/engine/segments.h"
#include "server/facts/fact_schema.h"
#include "server/queries/dates.h"
#include "server/queries/engine_source.h"
#include "server/queries/metric_names.h"
#include "server/queries/metric_query.h"
#include "server/queries/partner_records.h"
#include "server/reports/funnel.h"
#include "server/reports/pipeline_health.h"
#include "server/reports/revenue_dashboard.h"
#include "server/reports/roll_up.h"
#include "server/reports/scorecard.h"
#include "server/reports/sla_table.h"
#include "server/services/call.h"
#include "server/services/services.h"

namespace partnermetrics {
namespace {

constexpr int kMostTopPartners = 100;

absl::Status NotConfigured(const Catalog& catalog, absl::string_view what, absl::string_view field) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_CONFIGURED",
                   absl::StrCat("the programme '", catalog.program().id(), "' has no ", what),
                   absl::StrCat("describe it in the programme's file: reports { ", field, " { … } }"));
}

absl::Status CheckSplitField(const Catalog& catalog, const std::string& name) {
  if (name.empty()) return absl::OkStatus();
  std::vector<std::string> names;
  if (catalog.tiers() != nullptr) names.push_back(catalog.tiers()->definition->id());
  if (!names.empty() && names.front() == name) return absl::OkStatus();
  for (const FieldSchema& field : FactSchemas::Get().Find("partner")->fields()) {
    if (field.type != ValueType::kString && field.type != ValueType::kEnum) continue;
    if (field.name == name) return absl::OkStatus();
    names.push_back(field.name);
  }
  return InvalidField("split_by", "UNKNOWN_FIELD",
                      absl::StrCat("is no name or enum of a partner; there are ", absl::StrJoin(names, ", ")));
}

// What is known of the partners' hierarchy.
struct Hierarchy {
  Parents parents;
  std::map<std::string, std::string> names;
};

// A partner names the one above it by its id in the source that states it.
absl::StatusOr<Hierarchy> ReadHierarchy(const Engine::View& view) {
  Hierarchy hierarchy;
  ASSIGN_OR_RETURN(const std::vector<PartnerRecord> records, ReadPartnerRecords(view));
  for (const PartnerRecord& record : records) {
    v1::Partner partner;
    partner.ParseFromString(record.fields);
    hierarchy.names[record.partner_id] = partner.name();
    if (partner.parent_id().empty()) continue;
    const std::string source = record.partner_id.substr(0, record.partner_id.find(':'));
    for (const std::string& reference : {absl::StrCat("external:", source, ":", partner.parent_id()),
                                         absl::StrCat("external::", partner.parent_id())}) {
      ASSIGN_OR_RETURN(const auto claims, view.Claims(reference));
      if (std::string parent = WinnerOf(claims); !parent.empty()) {
        hierarchy.parents.emplace(record.partner_id, std::move(parent));
        break;
      }
    }
  }
  return hierarchy;
}

class ReportServiceImpl final : public v1::ReportService::Service {
 public:
  explicit ReportServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status GetSlaTable(grpc::ServerContext* context, const v1::GetSlaTableRequest* request,
                           v1::SlaReport* response) override {
    return Handle(backend_, *context, "ReportService.GetSlaTable", [&] { return Sla(*request, *response); });
  }
  grpc::Status GetFunnel(grpc::ServerContext* context, const v1::GetFunnelRequest* request,
                         v1::FunnelReport* response) override {
    return Handle(backend_, *context, "ReportService.GetFunnel", [&] { return Funnel(*request, *response); });
  }
  grpc::Status GetPipelineHealth(grpc::ServerContext* context, const v1::GetPipelineHealthRequest* request,
                                 v1::PipelineReport* response) override {
    return Handle(backend_, *context, "ReportService.GetPipelineHealth", [&] { return Pipeline(*request, *response); });
  }
  grpc::Status GetRevenueDashboard(grpc::ServerContext* context, const v1::GetRevenueDashboardRequest* request,
                                   v1::RevenueReport* response) override {
    return Handle(backend_, *context, "ReportService.GetRevenueDashboard",
                  [&] { return Revenue(*request, *response); });
  }

  grpc::Status GetGroupReport(grpc::ServerContext* context, const v1::GetGroupReportRequest* request,
                              v1::GroupReport* response) override {
    return Handle(backend_, *context, "ReportService.GetGroupReport", [&] { return Group(*request, *response); });
  }

 private:
  // The date asked for, else today.
  template <typename Request>
  absl::StatusOr<Day> AsOf(const Request& request, const Catalog& catalog) const {
    if (!request.has_as_of()) return backend_.programs().Today(catalog);
    return ReadDate(request.as_of(), "as_of");
  }

  // The partner's scope, or the programme's when none is named.
  static absl::Status ReadScope(const Engine::View& view, const std::string& partner, ReportRequest& wanted,
                                std::vector<std::string>& partners) {
    wanted.scope_proto.set_kind(v1::SCOPE_KIND_PROGRAM);
    if (partner.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(std::string id, FindPartner(view, partner));
    wanted.scope = kFirstPartnerScope;
    wanted.scope_proto.set_kind(v1::SCOPE_KIND_PARTNER);
    wanted.scope_proto.set_partner_id(id);
    partners.push_back(std::move(id));
    return absl::OkStatus();
  }

  absl::Status Sla(const v1::GetSlaTableRequest& request, v1::SlaReport& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), request.min_position()));
    ReportRequest wanted;
    if (!v1::WindowKind_IsValid(request.window())) return InvalidField("window", "UNKNOWN", "is no window");
    wanted.window = request.window();
    std::vector<std::string> partners;
    EngineSource source;
    {
      Engine::View view(program->engine());
      const Catalog& catalog = *view.catalog();
      if (!catalog.program().reports().has_sla()) return NotConfigured(catalog, "table of service levels", "sla");
      ASSIGN_OR_RETURN(wanted.as_of, AsOf(request, catalog));
      RETURN_IF_ERROR(ReadScope(view, request.partner_id(), wanted, partners));
      ASSIGN_OR_RETURN(source, EngineSource::Collect(view, ReadsOf(catalog, SlaMetrics(catalog), {wanted.scope}),
                                                     std::move(partners)));
    }
    ASSIGN_OR_RETURN(wanted.target_set, ReadTargetSet(*source.catalog(), request.target_set()));
    response = BuildSlaTable(*source.catalog(), source, wanted);
    response.set_position(source.header().position);
    return absl::OkStatus();
  }

  absl::Status Funnel(const v1::GetFunnelRequest& request, v1::FunnelReport& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), request.min_position()));
    Day as_of = 0;
    EngineSource source;
    {
      Engine::View view(program->engine());
      const Catalog& catalog = *view.catalog();
      ASSIGN_OR_RETURN(as_of, AsOf(request, catalog));
      const v1::Funnel* funnel = FindFunnel(catalog, request.funnel_id());
      if (funnel == nullptr) return NoFunnel(catalog, request.funnel_id());
      ASSIGN_OR_RETURN(source, EngineSource::Collect(view, ReadsOfEveryPartner(FunnelMetrics(catalog, *funnel)), {}));
    }
    const Catalog& catalog = *source.catalog();
    response = BuildFunnel(catalog, source, *FindFunnel(catalog, request.funnel_id()), as_of);
    response.set_position(source.header().position);
    return absl::OkStatus();
  }

  static absl::Status NoFunnel(const Catalog& catalog, const std::string& id) {
    const auto& funnels = catalog.program().reports().funnels();
    if (funnels.empty()) return NotConfigured(catalog, "funnel", "funnels");
    std::vector<std::string> ids;
    for (const v1::Funnel& funnel : funnels) ids.push_back(funnel.id());
    return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_FUNNEL", absl::StrCat("there is no funnel '", id, "'"),
                     absl::StrCat("the programme has: ", absl::StrJoin(ids, ", ")));
  }

  absl::Status Pipeline(const v1::GetPipelineHealthRequest& request, v1::PipelineReport& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), request.min_position()));
    ReportRequest wanted;
    std::vector<std::string> partners;
    EngineSource source;
    {
      Engine::View view(program->engine());
      const Catalog& catalog = *view.catalog();
      if (!catalog.program().reports().has_pipeline()) return NotConfigured(catalog, "pipeline report", "pipeline");
      ASSIGN_OR_RETURN(wanted.as_of, AsOf(request, catalog));
      RETURN_IF_ERROR(ReadScope(view, request.partner_id(), wanted, partners));
      ASSIGN_OR_RETURN(source, EngineSource::Collect(view, ReadsOf(catalog, PipelineMetrics(catalog), {wanted.scope}),
                                                     std::move(partners)));
    }
    response = BuildPipelineHealth(*source.catalog(), source, wanted);
    response.set_position(source.header().position);
    return absl::OkStatus();
  }

  absl::Status Revenue(const v1::GetRevenueDashboardRequest& request, v1::RevenueReport& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), request.min_position()));
    if (!v1::WindowKind_IsValid(request.window())) return InvalidField("window", "UNKNOWN", "is no window");
    if (!v1::Comparison_IsValid(request.comparison())) return InvalidField("comparison", "UNKNOWN", "is no comparison");
    if (request.top() < 0 || request.top() > kMostTopPartners) {
      return InvalidField("top", "OUT_OF_RANGE", absl::StrCat("must be between 0 and ", kMostTopPartners));
    }
    RevenueRequest wanted;
    wanted.split_by = request.split_by();
    wanted.top = request.top();
    wanted.of_program.window = request.window();
    wanted.of_program.scope_proto.set_kind(v1::SCOPE_KIND_PROGRAM);
    wanted.of_program.comparison =
        request.comparison() == v1::COMPARISON_UNSPECIFIED ? v1::COMPARISON_PREVIOUS_PERIOD : request.comparison();
    EngineSource source;
    std::map<ScopeIndex, std::vector<ValueSince>> histories;
    {
      Engine::View view(program->engine());
      const Catalog& catalog = *view.catalog();
      if (!catalog.program().reports().has_revenue()) return NotConfigured(catalog, "revenue dashboard", "revenue");
      RETURN_IF_ERROR(CheckSplitField(catalog, request.split_by()));
      ASSIGN_OR_RETURN(wanted.of_program.as_of, AsOf(request, catalog));
      ASSIGN_OR_RETURN(source, EngineSource::Collect(view, RevenueReads(catalog, request.split_by()), {}));
      ASSIGN_OR_RETURN(histories, ReadHistories(view, source, request.split_by()));
    }
    // Of an attribute that is not kept as it was only what it is now is known.
    if (!histories.empty()) wanted.history = [&](ScopeIndex partner) { return histories[partner]; };
    wanted.partner_id = [&](ScopeIndex scope) { return source.partner_id(scope); };
    response = BuildRevenueDashboard(*source.catalog(), source, wanted);
    response.set_position(source.header().position);
    return absl::OkStatus();
  }

  // What a field was over time, of the partners with facts that are split by it, where the programme keeps it as it
  // was.
  static absl::StatusOr<std::map<ScopeIndex, std::vector<ValueSince>>> ReadHistories(const Engine::View& view,
                                                                                     const EngineSource& source,
                                                                                     const std::string& split_by) {
    std::map<ScopeIndex, std::vector<ValueSince>> histories;
    const Catalog& catalog = *view.catalog();
    const v1::RevenueDashboard& configured = catalog.program().reports().revenue();
    const auto attribute = SegmentIndex(catalog.program(), split_by.empty() ? configured.split_by() : split_by);
    if (!attribute) return histories;
    const v1::SegmentAttribute& declared = catalog.program().segments(static_cast<int>(*attribute));
    if (declared.membership() != v1::SEGMENT_MEMBERSHIP_AS_WAS) return histories;
    const CompiledMetric& metric = *catalog.FindMetric(configured.split_metric());
    for (const ScopeIndex partner : source.Partners()) {
      const bool has_facts = std::any_of(metric.uses.begin(), metric.uses.end(), [&](const MeasureUse& use) {
        return source.FirstDay({partner, use.measure}).has_value();
      });
      if (!has_facts) continue;
      ASSIGN_OR_RETURN(const SegmentSpans spans, view.SegmentsOf(source.partner_id(partner)));
      for (const SegmentSpan& span : spans[*attribute]) histories[partner].push_back({span.from, span.value});
    }
    return histories;
  }

  static absl::StatusOr<std::vector<const CompiledMetric*>> GroupMetrics(const Catalog& catalog,
                                                                         const v1::GetGroupReportRequest& request) {
    if (request.metric_ids().empty()) return ScorecardMetrics(catalog, v1::SCOPE_KIND_PARTNER);
    std::vector<const CompiledMetric*> metrics;
    for (const std::string& id : request.metric_ids()) {
      ASSIGN_OR_RETURN(metrics.emplace_back(), ReadMetric(catalog, id, "metric_ids"));
    }
    return metrics;
  }

  absl::Status Group(const v1::GetGroupReportRequest& request, v1::GroupReport& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), request.min_position()));
    if (!v1::WindowKind_IsValid(request.window())) return InvalidField("window", "UNKNOWN", "is no window");
    ReportRequest wanted;
    wanted.window = request.window();
    std::vector<const CompiledMetric*> metrics;
    std::vector<ScopeIndex> scopes;
    EngineSource source;
    {
      Engine::View view(program->engine());
      const Catalog& catalog = *view.catalog();
      ASSIGN_OR_RETURN(wanted.as_of, AsOf(request, catalog));
      ASSIGN_OR_RETURN(metrics, GroupMetrics(catalog, request));
      ASSIGN_OR_RETURN(const std::string head, FindPartner(view, request.partner_id()));
      ASSIGN_OR_RETURN(const Hierarchy hierarchy, ReadHierarchy(view));
      std::vector<std::string> ids;
      for (const auto& [id, depth] : GroupOf(hierarchy.parents, head)) {
        v1::GroupMember& member = *response.add_members();
        member.set_partner_id(id);
        if (const auto name = hierarchy.names.find(id); name != hierarchy.names.end()) member.set_name(name->second);
        member.set_depth(depth);
        scopes.push_back(kFirstPartnerScope + static_cast<ScopeIndex>(ids.size()));
        ids.push_back(id);
      }
      ASSIGN_OR_RETURN(source, EngineSource::Collect(view, ReadsOf(catalog, metrics, scopes), std::move(ids)));
    }
    AddGroupRows(source, metrics, scopes, wanted, response);
    response.set_program(source.catalog()->program().id());
    response.set_currency_code(source.catalog()->program().currency_code());
    *response.mutable_as_of() = ToDate(wanted.as_of);
    response.set_position(source.header().position);
    return absl::OkStatus();
  }

  static void AddGroupRows(const EngineSource& source, const std::vector<const CompiledMetric*>& metrics,
                           const std::vector<ScopeIndex>& scopes, const ReportRequest& of_head,
                           v1::GroupReport& response) {
    const Catalog& catalog = *source.catalog();
    ReportRequest own = of_head;
    own.scope = scopes.front();
    own.scope_proto.set_kind(v1::SCOPE_KIND_PARTNER);
    own.scope_proto.set_partner_id(response.members(0).partner_id());
    ReportRequest of_group = own;
    of_group.scope = scopes.back() + 1;
    const GroupSource group(source, scopes, of_group.scope);
    const Evaluator of_partners(catalog, source), of_groups(catalog, group);
    for (const CompiledMetric* metric : metrics) {
      v1::GroupReportRow& row = *response.add_rows();
      row.set_display_name(metric->definition.display_name());
      row.set_unit(metric->definition.unit());
      row.set_rule(RollUpRuleOf(catalog, *metric));
      *row.mutable_own() = ValueOf(catalog, of_partners, metric->id(), own);
      if (row.rule() == v1::ROLL_UP_RULE_NONE) {
        row.mutable_value()->set_metric_id(metric->id());
        row.mutable_value()->set_no_data(v1::NO_DATA_REASON_WRONG_SCOPE);
        continue;
      }
      *row.mutable_value() = ValueOf(catalog, of_groups, metric->id(), of_group);
    }
  }

  const Backend& backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeReportService(const Backend& backend) {
  return std::make_unique<ReportServiceImpl>(backend);
}

}  // namespace partnermetrics
