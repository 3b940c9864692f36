#include "server/services/metric_query.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/catalog/calendar.h"
#include "server/engine/partners.h"
#include "server/expr/diagnostics.h"
#include "server/scoring/evaluator.h"
#include "server/services/call.h"
#include "server/services/dates.h"
#include "server/services/engine_source.h"

namespace partnermetrics {
namespace {

constexpr size_t kMaxValues = 20'000;
constexpr int kDefaultSteps = 12;

struct Scopes {
  std::vector<v1::Scope> protos;
  std::vector<ScopeIndex> indexes;    // of each
  std::vector<std::string> partners;  // by index from kFirstPartnerScope

  void Add(v1::ScopeKind kind, ScopeIndex index) {
    protos.emplace_back().set_kind(kind);
    indexes.push_back(index);
  }
  void AddPartner(std::string id) {
    Add(v1::SCOPE_KIND_PARTNER, kFirstPartnerScope + static_cast<ScopeIndex>(partners.size()));
    protos.back().set_partner_id(id);
    partners.push_back(std::move(id));
  }
};

absl::StatusOr<Scopes> ReadScopes(const Engine::View& view, const v1::QueryMetricsRequest& request) {
  Scopes scopes;
  for (const v1::Scope& scope : request.scopes()) {
    switch (scope.kind()) {
      case v1::SCOPE_KIND_BUSINESS:
        scopes.Add(scope.kind(), kBusinessScope);
        break;
      case v1::SCOPE_KIND_DIRECT:
        scopes.Add(scope.kind(), kDirectScope);
        break;
      case v1::SCOPE_KIND_PROGRAM:
        scopes.Add(scope.kind(), kProgramScope);
        break;
      case v1::SCOPE_KIND_PARTNER: {
        ASSIGN_OR_RETURN(std::string id, FindPartner(view, scope.partner_id()));
        scopes.AddPartner(std::move(id));
        break;
      }
      default:
        return InvalidField("scopes.kind", "REQUIRED", "must be BUSINESS, DIRECT, PROGRAM or PARTNER");
    }
  }
  for (const std::string& name : request.partner_ids()) {
    ASSIGN_OR_RETURN(std::string id, FindPartner(view, name));
    scopes.AddPartner(std::move(id));
  }
  if (scopes.protos.empty()) scopes.Add(v1::SCOPE_KIND_PROGRAM, kProgramScope);
  return scopes;
}

absl::StatusOr<std::vector<const CompiledMetric*>> ReadMetrics(const Catalog& catalog,
                                                               const v1::QueryMetricsRequest& request) {
  std::vector<const CompiledMetric*> metrics;
  for (const std::string& id : request.metric_ids()) {
    const CompiledMetric* metric = catalog.FindMetric(id);
    if (metric == nullptr) {
      std::vector<std::string> names;
      for (const CompiledMetric& known : catalog.metrics()) names.push_back(known.id());
      return InvalidField("metric_ids", "UNKNOWN_METRIC",
                          absl::StrCat("there is no metric '", id, "'", SuggestNames(id, std::move(names))));
    }
    metrics.push_back(metric);
  }
  if (!metrics.empty()) return metrics;
  for (const CompiledMetric& metric : catalog.metrics()) metrics.push_back(&metric);
  return metrics;
}

// The periods of the request; empty: each metric's own window.
absl::StatusOr<std::vector<Period>> ReadPeriods(const Catalog& catalog, const v1::QueryMetricsRequest& request,
                                                Day as_of) {
  if (request.step() != v1::SERIES_STEP_UNSPECIFIED) {
    if (!v1::SeriesStep_IsValid(request.step())) return InvalidField("step", "UNKNOWN", "is no step of a series");
    const int fiscal = catalog.fiscal_start_month();
    const v1::WeekDay week_start = catalog.program().week_start();
    Day first = as_of;
    if (request.has_series_start_on()) {
      ASSIGN_OR_RETURN(first, ReadDate(request.series_start_on(), "series_start_on"));
      if (first > as_of) return InvalidField("series_start_on", "OUT_OF_RANGE", "must not be after as_of");
    } else {
      for (int i = 1; i < kDefaultSteps; ++i)
        first = StepOf(request.step(), first, as_of, fiscal, week_start).first - 1;
    }
    return StepsBetween(request.step(), first, as_of, fiscal, week_start);
  }
  if (request.has_window_start_on()) {
    ASSIGN_OR_RETURN(const Day first, ReadDate(request.window_start_on(), "window_start_on"));
    if (first > as_of) return InvalidField("window_start_on", "OUT_OF_RANGE", "must not be after as_of");
    return std::vector<Period>{ExplicitPeriod(first, as_of)};
  }
  return std::vector<Period>();
}

}  // namespace

absl::Status QueryMetrics(const Programs& programs, ProgramRuntime& program, const v1::QueryMetricsRequest& request,
                          v1::QueryMetricsResponse& response) {
  if (!v1::WindowKind_IsValid(request.window())) return InvalidField("window", "UNKNOWN", "is no window");
  std::optional<Day> asked;
  if (request.has_as_of()) {
    ASSIGN_OR_RETURN(asked, ReadDate(request.as_of(), "as_of"));
  }
  Day as_of = 0;
  Scopes scopes;
  std::vector<const CompiledMetric*> metrics;
  std::vector<Period> periods;
  EngineSource source;
  {
    Engine::View view(program.engine());
    const Catalog& catalog = *view.catalog();
    as_of = asked.has_value() ? *asked : programs.Today(catalog);
    ASSIGN_OR_RETURN(metrics, ReadMetrics(catalog, request));
    ASSIGN_OR_RETURN(periods, ReadPeriods(catalog, request, as_of));
    ASSIGN_OR_RETURN(scopes, ReadScopes(view, request));
    const size_t values = metrics.size() * scopes.protos.size() * std::max<size_t>(1, periods.size());
    if (values > kMaxValues) {
      return InvalidField("metric_ids", "TOO_MANY",
                          absl::StrCat("metrics times scopes times steps are ", values, "; at most ", kMaxValues,
                                       " fit into one answer"));
    }
    ASSIGN_OR_RETURN(source, EngineSource::Collect(view, RowsNeeded(metrics, scopes.indexes), scopes.partners));
  }
  const Evaluator evaluator(*source.catalog(), source);
  size_t bytes = 0;
  for (size_t s = 0; s < scopes.protos.size(); ++s) {
    for (const CompiledMetric* metric : metrics) {
      // Metrics that nobody asked for by name are left out where they make no sense.
      if (request.metric_ids().empty() && !metric->HasLevel(scopes.protos[s].kind())) continue;
      const std::vector<Period> own = {PeriodOf(*source.catalog(), *metric, request.window(), as_of)};
      for (const Period& period : periods.empty() ? own : periods) {
        v1::MetricValue& value = *response.add_values();
        value = evaluator.Value({metric, scopes.indexes[s], scopes.protos[s], period, request.compare()});
        bytes += value.ByteSizeLong();
        if (bytes > kMaxAnswerBytes) {
          return InvalidField("metric_ids", "TOO_MANY", "the answer has more than 3 MiB; ask for less at a time");
        }
      }
    }
  }
  *response.mutable_as_of() = ToDate(as_of);
  response.set_position(source.header().position);
  return absl::OkStatus();
}

}  // namespace partnermetrics
