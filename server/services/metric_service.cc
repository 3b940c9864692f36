#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/metric_service.grpc.pb.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"
#include "server/queries/metric_query.h"
#include "server/services/call.h"
#include "server/services/known_program.h"
#include "server/services/services.h"

namespace partnermetrics {
namespace {

std::shared_ptr<const Catalog> CatalogOf(ProgramRuntime& program) {
  Engine::View view(program.engine());
  return view.catalog();
}

class MetricServiceImpl final : public v1::MetricService::Service {
 public:
  explicit MetricServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status ListMetrics(grpc::ServerContext* context, const v1::ListMetricsRequest* request,
                           v1::ListMetricsResponse* response) override {
    return Handle(backend_, *context, "MetricService.ListMetrics", [&] { return List(*request, *response); });
  }

  grpc::Status GetMetric(grpc::ServerContext* context, const v1::GetMetricRequest* request,
                         v1::GetMetricResponse* response) override {
    return Handle(backend_, *context, "MetricService.GetMetric", [&] { return Get(*request, *response); });
  }

  grpc::Status QueryMetrics(grpc::ServerContext* context, const v1::QueryMetricsRequest* request,
                            v1::QueryMetricsResponse* response) override {
    return Handle(backend_, *context, "MetricService.QueryMetrics", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const KnownProgram known, ReadKnownProgram(backend_, *request));
      return partnermetrics::QueryMetrics(backend_.programs(), known.engine(), *request, *response);
    });
  }

 private:
  absl::Status List(const v1::ListMetricsRequest& request, v1::ListMetricsResponse& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
    const auto catalog = CatalogOf(*program);
    std::vector<const v1::Metric*> metrics;
    for (const CompiledMetric& metric : catalog->metrics()) {
      const bool wanted =
          request.category() == v1::METRIC_CATEGORY_UNSPECIFIED || request.category() == metric.definition.category();
      if (wanted) metrics.push_back(&metric.definition);
    }
    std::stable_sort(metrics.begin(), metrics.end(),
                     [](const v1::Metric* a, const v1::Metric* b) { return a->category() < b->category(); });
    for (const v1::Metric* metric : metrics) *response.add_metrics() = *metric;
    return absl::OkStatus();
  }

  absl::Status Get(const v1::GetMetricRequest& request, v1::GetMetricResponse& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
    const auto catalog = CatalogOf(*program);
    const CompiledMetric* metric = catalog->FindMetric(request.metric_id());
    if (metric == nullptr) {
      std::vector<std::string> names;
      for (const CompiledMetric& known : catalog->metrics()) names.push_back(known.id());
      return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_METRIC",
                       absl::StrCat("there is no metric '", request.metric_id(), "'",
                                    SuggestNames(request.metric_id(), std::move(names))),
                       "list the metrics: partnerctl metric list");
    }
    *response.mutable_metric() = metric->definition;
    // One measure may be used in several scopes.
    absl::btree_set<int> measures;
    for (const MeasureUse& use : metric->uses) measures.insert(use.measure);
    for (const int measure : measures) {
      const std::string& id = catalog->measures()[static_cast<size_t>(measure)].id;
      const auto& definitions = catalog->definitions().measures();
      const auto definition =
          std::find_if(definitions.begin(), definitions.end(), [&](const v1::Measure& m) { return m.id() == id; });
      if (definition != definitions.end()) *response.add_measures() = *definition;
    }
    return absl::OkStatus();
  }

  const Backend& backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeMetricService(const Backend& backend) {
  return std::make_unique<MetricServiceImpl>(backend);
}

}  // namespace partnermetrics
