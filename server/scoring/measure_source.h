// What scoring reads: the rows of measures, for the scopes of one query. The engine's view implements it.
//
//   for (const RowKey& row : RowsNeeded(metrics, scopes)) view.Collect(row);   // under the engine's lock
//   Evaluator evaluator(catalog, view);                                        // outside it
//
// Thread-compatible: one query reads it from one thread.
#ifndef PARTNERMETRICS_SERVER_SCORING_MEASURE_SOURCE_H_
#define PARTNERMETRICS_SERVER_SCORING_MEASURE_SOURCE_H_

#include <cstdint>
#include <optional>

#include "server/base/civil.h"
#include "server/catalog/catalog.h"

namespace partnermetrics {

// Scopes of one query by number. The first three are fixed; the caller numbers its partners from kFirstPartnerScope.
using ScopeIndex = int32_t;
inline constexpr ScopeIndex kBusinessScope = 0;
inline constexpr ScopeIndex kDirectScope = 1;
inline constexpr ScopeIndex kProgramScope = 2;
inline constexpr ScopeIndex kFirstPartnerScope = 3;

// One row of cells: a measure in a scope.
struct RowKey {
  ScopeIndex scope = kProgramScope;
  int measure = 0;  // CompiledMeasure::index
  friend bool operator==(const RowKey& a, const RowKey& b) { return a.scope == b.scope && a.measure == b.measure; }
  friend bool operator<(const RowKey& a, const RowKey& b) {
    return a.scope != b.scope ? a.scope < b.scope : a.measure < b.measure;
  }
};

struct CellTotals {
  int64_t count = 0;
  Nanos sum = 0;
};

class MeasureSource {
 public:
  virtual ~MeasureSource() = default;

  // The days first..last of a flow.
  virtual CellTotals Flow(const RowKey& row, Day first, Day last) const = 0;
  // All days up to and with `as_of` of a stock.
  virtual CellTotals Stock(const RowKey& row, Day as_of) const = 0;
  // The first day with a contribution; not set for an empty row.
  virtual std::optional<Day> FirstDay(const RowKey& row) const = 0;
  // Value of the target fact (quota) of this metric, scope and exact period, if there is one known on `as_of`.
  virtual std::optional<Nanos> Target(absl::string_view metric, ScopeIndex scope, Day first, Day last,
                                      Day as_of) const = 0;
  // Facts whose money waits for a rate and is not in the row, on the days first..last of a flow, or on `last` of a
  // stock.
  virtual int64_t ParkedFacts(const RowKey& row, Day first, Day last) const { return 0; }
  // Whether the programme ever had a fact of the measure's kind. Without one its zeros mean that nobody reports it.
  virtual bool IsReported(int measure) const { return true; }
  // When the newest fact of the row's kind was stored, in microseconds since 1970; 0: unknown.
  virtual int64_t FreshAtMicros(const RowKey& row) const { return 0; }
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_MEASURE_SOURCE_H_
