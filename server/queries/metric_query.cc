#include "server/queries/metric_query.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/catalog/calendar.h"
#include "server/engine/partners.h"
#include "server/expr/diagnostics.h"
#include "server/queries/answer_size.h"
#include "server/queries/dates.h"
#include "server/queries/engine_source.h"
#include "server/queries/metric_names.h"
#include "server/queries/segment_scope.h"
#include "server/scoring/evaluator.h"

namespace partnermetrics {
namespace {

constexpr size_t kMaxValues = 20'000;
// Formulas evaluated for single partners by one query: some ten seconds of work.
constexpr size_t kMaxPartnerValues = 10'000'000;
constexpr int kDefaultSteps = 12;
constexpr size_t kMaxSplitValues = 64;

struct Scopes {
  std::vector<v1::Scope> protos;
  std::vector<ScopeIndex> indexes;    // of each
  std::vector<std::string> partners;  // by index from kFirstPartnerScope
  std::vector<v1::Segment> segments;  // by index down from kFirstSegmentScope

  void Add(v1::ScopeKind kind, ScopeIndex index) {
    protos.emplace_back().set_kind(kind);
    indexes.push_back(index);
  }
  void AddPartner(std::string id) {
    Add(v1::SCOPE_KIND_PARTNER, kFirstPartnerScope + static_cast<ScopeIndex>(partners.size()));
    protos.back().set_partner_id(id);
    partners.push_back(std::move(id));
  }
  void AddSegment(v1::Segment segment) {
    Add(v1::SCOPE_KIND_SEGMENT, kFirstSegmentScope - static_cast<ScopeIndex>(segments.size()));
    *protos.back().mutable_segment() = segment;
    segments.push_back(std::move(segment));
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
      case v1::SCOPE_KIND_SEGMENT: {
        ASSIGN_OR_RETURN(v1::Segment segment, FindSegment(view, scope.segment(), "scopes.segment"));
        scopes.AddSegment(std::move(segment));
        break;
      }
      default:
        return InvalidField("scopes.kind", "REQUIRED", "must be BUSINESS, DIRECT, PROGRAM, PARTNER or SEGMENT");
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
    ASSIGN_OR_RETURN(metrics.emplace_back(), ReadMetric(catalog, id, "metric_ids"));
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

// What goes over partners is evaluated once for each period, whatever the scopes.
absl::Status CheckPartnerValues(absl::Span<const CompiledMetric* const> metrics, size_t periods, size_t partners) {
  const auto over_partners = static_cast<size_t>(
      std::count_if(metrics.begin(), metrics.end(), [](const CompiledMetric* metric) { return metric->needs.all; }));
  if (over_partners * periods * partners <= kMaxPartnerValues) return absl::OkStatus();
  return InvalidField(
      "metric_ids", "TOO_MANY",
      absl::StrCat(over_partners, " metrics over ", partners, " partners for ", periods, " periods are more than ",
                   kMaxPartnerValues, " evaluations; ask for less at a time"));
}

absl::StatusOr<v1::Comparison> ReadComparison(const v1::QueryMetricsRequest& request) {
  if (!v1::Comparison_IsValid(request.comparison())) return InvalidField("comparison", "UNKNOWN", "is no comparison");
  const bool prior = request.compare() && request.comparison() == v1::COMPARISON_UNSPECIFIED;
  return prior ? v1::COMPARISON_PREVIOUS_PERIOD : request.comparison();
}

// The values of the field that a metric's measures are split by, those with the most facts first in the choice, in
// order in the answer; none when its measures are not split.
std::vector<std::string> SplitValuesOf(const EngineSource& source, const CompiledMetric& metric, ScopeIndex scope,
                                       const Period& period) {
  std::map<std::string, int64_t> facts;
  for (const MeasureUse& use : metric.uses) {
    const RowKey row = {scope, use.measure};
    for (const std::string& value : source.SplitValues(row)) facts[value] += source.Totals(row, period, value).count;
  }
  std::vector<std::string> values;
  for (const auto& [value, count] : facts) values.push_back(value);
  if (values.size() <= kMaxSplitValues) return values;
  std::stable_sort(values.begin(), values.end(),
                   [&](const std::string& a, const std::string& b) { return facts[a] > facts[b]; });
  values.resize(kMaxSplitValues);
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

absl::StatusOr<const v1::TargetSet*> ReadTargetSet(const Catalog& catalog, const std::string& id) {
  if (id.empty()) return nullptr;
  if (const v1::TargetSet* set = catalog.FindTargetSet(id); set != nullptr) return set;
  std::vector<std::string> names;
  for (const v1::TargetSet& set : catalog.program().target_sets()) names.push_back(set.id());
  return InvalidField("target_set", "UNKNOWN_TARGET_SET",
                      absl::StrCat("there is no target set '", id, "'", SuggestNames(id, std::move(names))));
}

absl::Status QueryMetrics(const Programs& programs, Engine& engine, const v1::QueryMetricsRequest& request,
                          v1::QueryMetricsResponse& response) {
  if (!v1::WindowKind_IsValid(request.window())) return InvalidField("window", "UNKNOWN", "is no window");
  ASSIGN_OR_RETURN(const v1::Comparison comparison, ReadComparison(request));
  Day as_of = 0;
  Scopes scopes;
  std::vector<const CompiledMetric*> metrics;
  std::vector<Period> periods;
  EngineSource source;
  {
    Engine::View view(engine);
    const Catalog& catalog = *view.catalog();
    ASSIGN_OR_RETURN(as_of, ReadAsOf(programs, catalog, request));
    ASSIGN_OR_RETURN(metrics, ReadMetrics(catalog, request));
    ASSIGN_OR_RETURN(periods, ReadPeriods(catalog, request, as_of));
    ASSIGN_OR_RETURN(scopes, ReadScopes(view, request));
    const size_t values = metrics.size() * scopes.protos.size() * std::max<size_t>(1, periods.size());
    if (values > kMaxValues) {
      return InvalidField("metric_ids", "TOO_MANY",
                          absl::StrCat("metrics times scopes times steps are ", values, "; at most ", kMaxValues,
                                       " fit into one answer"));
    }
    ASSIGN_OR_RETURN(source, EngineSource::Collect(view, ReadsOf(catalog, metrics, scopes.indexes),
                                                   std::move(scopes.partners), scopes.segments));
  }
  RETURN_IF_ERROR(CheckPartnerValues(metrics, std::max<size_t>(1, periods.size()), source.Partners().size()));
  ASSIGN_OR_RETURN(const v1::TargetSet* target_set, ReadTargetSet(*source.catalog(), request.target_set()));
  const Evaluator evaluator(*source.catalog(), source);
  size_t bytes = 0;
  for (size_t s = 0; s < scopes.protos.size(); ++s) {
    for (const CompiledMetric* metric : metrics) {
      // Metrics that nobody asked for by name are left out where they make no sense.
      if (request.metric_ids().empty() && !metric->HasLevel(scopes.protos[s].kind())) continue;
      const std::vector<Period> own = {PeriodOf(*source.catalog(), *metric, request.window(), as_of)};
      for (const Period& period : periods.empty() ? own : periods) {
        const MetricRequest wanted{metric, scopes.indexes[s], scopes.protos[s], period, comparison, target_set};
        v1::MetricValue& value = *response.add_values();
        value = evaluator.Value(wanted);
        bytes += value.ByteSizeLong();
        if (request.split()) {
          for (std::string& field : SplitValuesOf(source, *metric, scopes.indexes[s], period)) {
            v1::MetricValue& part = *response.add_values();
            part = Evaluator(*source.catalog(), source, field).Value(wanted);
            part.set_split_value(std::move(field));
            bytes += part.ByteSizeLong();
          }
        }
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
