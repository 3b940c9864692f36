// The facts behind one read of a measure: worked out again from the facts as they stand and their stored resolution.
//
//   ASSIGN_OR_RETURN(ContributionPage page, FindContributions(view, {scope, *measure, period, split}, after, 50));
//
// Of one partner only its facts are read; for the other scopes every call reads all facts of the measure's kind, under
// the view. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_EXPLAIN_FACT_CONTRIBUTIONS_H_
#define PARTNERMETRICS_SERVER_EXPLAIN_FACT_CONTRIBUTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/v1/common.pb.h"
#include "server/catalog/calendar.h"
#include "server/engine/engine.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

struct FactQuery {
  v1::Scope scope;
  const CompiledMeasure& measure;
  Period period;
  std::optional<std::string> split;  // only facts with this value of the measure's field
};

// What one fact adds. Of a KEYED measure the fact of its key that counts.
struct FactContribution {
  FactId fact;                 // a partner that several sources state has no source
  std::optional<FactId> root;  // of a part
  Day day = 0;                 // on which it counts, or begins to
  std::optional<Day> until;    // stocks: when it ends; COHORT: the day of `then`
  int64_t count = 0;
  Nanos sum = 0;
  std::string key;    // KEYED, as people read it
  int64_t facts = 1;  // KEYED: that could have counted
  int role = 0;       // v1::AttributionRole in the scope; 0: none
  std::vector<ResolvedPartner> partners;
  std::optional<int64_t> share_nanos;  // of those that the scope is about
  FactVersion version;
  uint64_t position = 0;  // of the record that states the content; 0 for partners
};

struct ContributionPage {
  CellTotals totals;  // of all, not only of the page
  int64_t rows = 0;   // likewise
  std::vector<FactContribution> page;
  std::string last;  // where the next page goes on; empty: there is none
};

// At most `size` contributions in a fixed order, from the one behind `after`.
absl::StatusOr<ContributionPage> FindContributions(const Engine::View& view, const FactQuery& query,
                                                   absl::string_view after, size_t size);

// The facts that stand behind an id: itself, or all that state a partner. Empty when there is none.
absl::StatusOr<std::vector<FactId>> FactsOf(const Engine::View& view, const FactId& id);

// Positions of all records about them, ascending; and those that state what they say now.
struct Positions {
  std::vector<uint64_t> all;
  std::vector<uint64_t> standing;
};
absl::StatusOr<Positions> PositionsOf(const Engine::View& view, const std::vector<FactId>& facts);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPLAIN_FACT_CONTRIBUTIONS_H_
