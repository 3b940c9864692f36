// Takes the value of a metric apart into what the evaluator read for it.
//
//   for (const Term& term : TermsOf(*catalog, source, *metric, kProgramScope, period)) …
//
// The parts of the formula are evaluated over a source that writes down what is read: a term's scope, days and totals
// are those of the evaluator itself, and what it did not need is no term.
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SCORING_EXPLAIN_H_
#define PARTNERMETRICS_SERVER_SCORING_EXPLAIN_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "partnermetrics/v1/explain_service.pb.h"
#include "server/catalog/calendar.h"
#include "server/catalog/catalog.h"
#include "server/scoring/measure_source.h"
#include "server/scoring/number.h"

namespace partnermetrics {

// A row that was read, in a period.
struct MeasureRead {
  RowKey row;
  Period period;
  CellTotals totals;
};

// Either a read of a measure or a pass over partners.
struct Term {
  v1::TermRole role = v1::TERM_ROLE_UNSPECIFIED;
  std::string use;  // "won.sum", "count_partners"
  std::optional<MeasureRead> read;
  Number over_partners;
  // Those that the pass counts, by id, each with its own value.
  std::vector<std::pair<ScopeIndex, Number>> partners;
};

// The terms in the order of the formula, metrics that it names taken apart too. With `split` those of one value of the
// field that measures are split by.
std::vector<Term> TermsOf(const Catalog& catalog, const MeasureSource& source, const CompiledMetric& metric,
                          ScopeIndex scope, const Period& period, const std::optional<std::string>& split);

// Whether the partners' values give that of the pass.
bool PartnersAddUp(const Term& term);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_EXPLAIN_H_
