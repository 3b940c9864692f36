// A value taken apart into what the evaluator read for it, under one view of the engine.
//
//   ASSIGN_OR_RETURN(const Explained explained, ExplainValue(programs, view, request));
//   for (const Term& term : explained.terms) …
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_EXPLAIN_EXPLAINED_VALUE_H_
#define PARTNERMETRICS_SERVER_EXPLAIN_EXPLAINED_VALUE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "partnermetrics/v1/explain_service.pb.h"
#include "server/engine/engine.h"
#include "server/explain/fact_contributions.h"
#include "server/ingest/programs.h"
#include "server/queries/engine_source.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/explain.h"

namespace partnermetrics {

// A value that is being explained, under one view of the engine.
struct Explained {
  MetricRequest request;
  std::optional<std::string> split;
  EngineSource source;
  std::vector<std::string> partners;  // by index from kFirstPartnerScope, as far as terms name them
  std::vector<Term> terms;

  const Catalog& catalog() const { return *source.catalog(); }
  absl::Span<const v1::Segment> segments() const {
    return absl::MakeConstSpan(&request.scope_proto.segment(), request.scope_proto.has_segment() ? 1 : 0);
  }
};

// `found`: the request's scope is named as another view found it, where this one may not know it.
absl::StatusOr<Explained> ExplainValue(const Programs& programs, const Engine::View& view,
                                       const v1::ExplainRequest& request, bool found = false);

// A scope that a term was read in.
v1::Scope ScopeOf(const Explained& explained, ScopeIndex scope);

// At most `size` of what a term that is a read counts, from the one behind `after`. All of it is added up and must give
// what is served: else EXPLANATION_DIFFERS.
absl::StatusOr<ContributionPage> ContributionsTo(const Engine::View& view, const Explained& explained, const Term& term,
                                                 absl::string_view after, size_t size);

// What stands behind `use` is not what is served.
absl::Status Differs(absl::string_view use, absl::string_view what);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPLAIN_EXPLAINED_VALUE_H_
