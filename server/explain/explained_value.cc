#include "server/explain/explained_value.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/queries/dates.h"
#include "server/queries/metric_names.h"
#include "server/queries/partner_records.h"
#include "server/queries/segment_scope.h"

namespace partnermetrics {
namespace {

absl::StatusOr<ScopeIndex> ReadScope(const Engine::View& view, bool found, v1::Scope& scope,
                                     std::vector<std::string>& partners) {
  switch (scope.kind()) {
    case v1::SCOPE_KIND_UNSPECIFIED:
      scope.set_kind(v1::SCOPE_KIND_PROGRAM);
      return kProgramScope;
    case v1::SCOPE_KIND_PROGRAM:
      return kProgramScope;
    case v1::SCOPE_KIND_BUSINESS:
      return kBusinessScope;
    case v1::SCOPE_KIND_DIRECT:
      return kDirectScope;
    case v1::SCOPE_KIND_PARTNER: {
      if (!found) {
        ASSIGN_OR_RETURN(*scope.mutable_partner_id(), FindPartner(view, scope.partner_id()));
      }
      partners.push_back(scope.partner_id());
      return kFirstPartnerScope;
    }
    case v1::SCOPE_KIND_SEGMENT: {
      if (!found) {
        ASSIGN_OR_RETURN(*scope.mutable_segment(), FindSegment(view, scope.segment(), "scope.segment"));
      }
      return kFirstSegmentScope;
    }
    default:
      return InvalidField("scope.kind", "UNKNOWN", "must be BUSINESS, DIRECT, PROGRAM, PARTNER or SEGMENT");
  }
}

absl::StatusOr<Period> ReadPeriod(const Programs& programs, const Catalog& catalog, const CompiledMetric& metric,
                                  const v1::ExplainRequest& request) {
  if (!v1::WindowKind_IsValid(request.window())) return InvalidField("window", "UNKNOWN", "is no window");
  ASSIGN_OR_RETURN(const Day as_of, ReadAsOf(programs, catalog, request));
  if (!request.has_window_start_on()) return PeriodOf(catalog, metric, request.window(), as_of);
  ASSIGN_OR_RETURN(const Day first, ReadDate(request.window_start_on(), "window_start_on"));
  if (first > as_of) return InvalidField("window_start_on", "OUT_OF_RANGE", "must not be after as_of");
  return ExplicitPeriod(first, as_of);
}

}  // namespace

absl::StatusOr<Explained> ExplainValue(const Programs& programs, const Engine::View& view,
                                       const v1::ExplainRequest& request, bool found) {
  const Catalog& catalog = *view.catalog();
  Explained explained;
  ASSIGN_OR_RETURN(const CompiledMetric* metric, ReadMetric(catalog, request.metric_id(), "metric_id"));
  explained.request.metric = metric;
  explained.request.scope_proto = request.scope();
  ASSIGN_OR_RETURN(explained.request.scope, ReadScope(view, found, explained.request.scope_proto, explained.partners));
  ASSIGN_OR_RETURN(explained.request.period, ReadPeriod(programs, catalog, *metric, request));
  if (request.has_split_value()) explained.split = request.split_value();
  ASSIGN_OR_RETURN(explained.source, EngineSource::Collect(view, ReadsOf(catalog, {metric}, {explained.request.scope}),
                                                           explained.partners, explained.segments()));
  if (!explained.source.Partners().empty()) {
    ASSIGN_OR_RETURN(const std::vector<PartnerRecord> records, ReadPartnerRecords(view));
    for (size_t i = 0; i < records.size(); ++i) {
      const auto index = static_cast<size_t>(explained.source.Partners()[i] - kFirstPartnerScope);
      if (explained.partners.size() <= index) explained.partners.resize(index + 1);
      explained.partners[index] = records[i].partner_id;
    }
  }
  if (metric->HasLevel(explained.request.scope_proto.kind())) {
    explained.terms =
        TermsOf(catalog, explained.source, *metric, explained.request.scope, explained.request.period, explained.split);
    for (const Term& term : explained.terms) {
      if (explained.source.Knows(term.read ? term.read->row.scope : kProgramScope)) continue;
      return MakeError(
          absl::StatusCode::kFailedPrecondition, "NOT_AVAILABLE",
          absl::StrCat("of what stands behind ", term.use, " only the partner's own part is known as of then"),
          "ask for a metric of the partner alone, or raise known_on_records of the server's configuration");
    }
  }
  return explained;
}

v1::Scope ScopeOf(const Explained& explained, ScopeIndex scope) {
  // Of a segment only that which was asked for.
  if (IsSegment(scope)) return explained.request.scope_proto;
  v1::Scope proto;
  proto.set_kind(LevelOf(scope));
  if (proto.kind() == v1::SCOPE_KIND_PARTNER) {
    proto.set_partner_id(explained.partners[static_cast<size_t>(scope - kFirstPartnerScope)]);
  }
  return proto;
}

absl::Status Differs(absl::string_view use, absl::string_view what) {
  return MakeError(absl::StatusCode::kInternal, "EXPLANATION_DIFFERS",
                   absl::StrCat("what stands behind ", use, " does not add up to what is served: ", what),
                   "compare what is served with the facts: partnerctl verify");
}

absl::StatusOr<ContributionPage> ContributionsTo(const Engine::View& view, const Explained& explained, const Term& term,
                                                 absl::string_view after, size_t size) {
  const CompiledMeasure& measure = explained.catalog().measures()[static_cast<size_t>(term.read->row.measure)];
  const FactQuery query = {ScopeOf(explained, term.read->row.scope), measure, term.read->period, explained.split};
  ASSIGN_OR_RETURN(ContributionPage page, FindContributions(view, query, after, size));
  const CellTotals& served = term.read->totals;
  if (page.totals.count == served.count && page.totals.sum == served.sum) return page;
  return Differs(term.use, absl::StrCat("facts give count ", page.totals.count, " and sum ", NanosText(page.totals.sum),
                                        ", served are count ", served.count, " and sum ", NanosText(served.sum)));
}

}  // namespace partnermetrics
