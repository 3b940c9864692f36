// What scoring reads: the rows of measures, for the scopes of one query. The engine's view implements it.
//
//   const Reads reads = ReadsOf(catalog, metrics, scopes);   // evaluator.h
//   …                                                        // collected under the engine's lock
//   Evaluator evaluator(catalog, source);                    // outside it
//
// Thread-compatible: one query reads it from one thread.
#ifndef PARTNERMETRICS_SERVER_SCORING_MEASURE_SOURCE_H_
#define PARTNERMETRICS_SERVER_SCORING_MEASURE_SOURCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "partnermetrics/v1/tiering.pb.h"
#include "server/base/civil.h"
#include "server/catalog/calendar.h"
#include "server/catalog/catalog.h"
#include "server/facts/fact_row.h"

namespace partnermetrics {

// Scopes of one query by number. The first three are fixed; the caller numbers its partners from kFirstPartnerScope.
using ScopeIndex = int32_t;
inline constexpr ScopeIndex kBusinessScope = 0;
inline constexpr ScopeIndex kDirectScope = 1;
inline constexpr ScopeIndex kProgramScope = 2;
inline constexpr ScopeIndex kFirstPartnerScope = 3;
// Segments are numbered downwards.
inline constexpr ScopeIndex kFirstSegmentScope = -1;
inline bool IsSegment(ScopeIndex scope) {
  return scope <= kFirstSegmentScope;
}

// One row of cells: a measure in a scope.
struct RowKey {
  ScopeIndex scope = kProgramScope;
  int measure = 0;  // CompiledMeasure::index
  friend bool operator==(const RowKey& a, const RowKey& b) { return a.scope == b.scope && a.measure == b.measure; }
  friend bool operator<(const RowKey& a, const RowKey& b) {
    return a.scope != b.scope ? a.scope < b.scope : a.measure < b.measure;
  }
  template <typename H>
  friend H AbslHashValue(H h, const RowKey& key) {
    return H::combine(std::move(h), key.scope, key.measure);
  }
};

struct CellTotals {
  int64_t count = 0;
  Nanos sum = 0;
};

// A target as a fact states it.
struct StatedTarget {
  Day first = 0;
  Day last = 0;
  Nanos value = 0;
};

// What facts state about a partner's tier.
struct TierDecisions {
  std::vector<v1::TierOverride> overrides;  // by the day on which they start
  std::vector<v1::TierReview> reviews;      // by the day that they look back from
};

class MeasureSource {
 public:
  virtual ~MeasureSource() = default;

  // The measure's count and sum in a period, by its kind. Of a split measure those of one value of its field, or of all
  // when `split` is not set.
  virtual CellTotals Totals(const RowKey& row, const Period& period, const std::optional<std::string>& split) const = 0;
  // The values by which a split measure is split there, in order.
  virtual std::vector<std::string> SplitValues(const RowKey& row) const = 0;
  // The first day with a contribution; not set for an empty row.
  virtual std::optional<Day> FirstDay(const RowKey& row) const = 0;
  // Calls `visit` with the changes of each day from first to last, in order, until it gives false.
  virtual void EachDay(const RowKey& row, Day first, Day last,
                       absl::FunctionRef<bool(Day, const CellTotals&)> visit) const = 0;
  // The target facts of this metric and scope that are known on `as_of`, quotas or forecasts: one for each period, by
  // first day and then the longer ones first.
  virtual std::vector<StatedTarget> Targets(absl::string_view metric, ScopeIndex scope, bool forecast,
                                            Day as_of) const = 0;
  // Every partner of the programme, by id.
  virtual absl::Span<const ScopeIndex> Partners() const { return {}; }
  // Whether a partner is in a segment on a day.
  virtual bool InSegment(ScopeIndex segment, ScopeIndex partner, Day day) const { return false; }
  // A partner's attributes; null for other scopes.
  virtual const FactRow* Partner(ScopeIndex scope) const { return nullptr; }
  // What was decided on a partner's tier; null: nothing.
  virtual const TierDecisions* Decisions(ScopeIndex scope) const { return nullptr; }
  // Facts whose money waits for a rate and is not in the row, on the days first..last of a flow, or on `last` of a
  // stock.
  virtual int64_t ParkedFacts(const RowKey& row, Day first, Day last) const { return 0; }
  // Whether the programme ever had a fact of the measure's kind. Without one its zeros mean that nobody reports it.
  virtual bool IsReported(int measure) const { return true; }
  // Whether the row counts all facts by the same definitions and as they are resolved now; not while a job changes it.
  virtual bool IsWhole(const RowKey& row) const { return true; }
  // Whether anything is known of the scope: a source may have been made for one partner alone.
  virtual bool Knows(ScopeIndex scope) const { return true; }
  // When the newest fact of the row's kind was stored, in microseconds since 1970; 0: unknown.
  virtual int64_t FreshAtMicros(const RowKey& row) const { return 0; }
};

// Passes everything on to another source, which must outlive it. For those that change or note some of it.
class ForwardingSource : public MeasureSource {
 public:
  explicit ForwardingSource(const MeasureSource& source) : source_(source) {}

  CellTotals Totals(const RowKey& row, const Period& period, const std::optional<std::string>& split) const override {
    return source_.Totals(row, period, split);
  }
  std::vector<std::string> SplitValues(const RowKey& row) const override { return source_.SplitValues(row); }
  std::optional<Day> FirstDay(const RowKey& row) const override { return source_.FirstDay(row); }
  void EachDay(const RowKey& row, Day first, Day last,
               absl::FunctionRef<bool(Day, const CellTotals&)> visit) const override {
    source_.EachDay(row, first, last, visit);
  }
  std::vector<StatedTarget> Targets(absl::string_view metric, ScopeIndex scope, bool forecast,
                                    Day as_of) const override {
    return source_.Targets(metric, scope, forecast, as_of);
  }
  absl::Span<const ScopeIndex> Partners() const override { return source_.Partners(); }
  bool InSegment(ScopeIndex segment, ScopeIndex partner, Day day) const override {
    return source_.InSegment(segment, partner, day);
  }
  const FactRow* Partner(ScopeIndex scope) const override { return source_.Partner(scope); }
  const TierDecisions* Decisions(ScopeIndex scope) const override { return source_.Decisions(scope); }
  int64_t ParkedFacts(const RowKey& row, Day first, Day last) const override {
    return source_.ParkedFacts(row, first, last);
  }
  bool IsReported(int measure) const override { return source_.IsReported(measure); }
  bool IsWhole(const RowKey& row) const override { return source_.IsWhole(row); }
  bool Knows(ScopeIndex scope) const override { return source_.Knows(scope); }
  int64_t FreshAtMicros(const RowKey& row) const override { return source_.FreshAtMicros(row); }

 protected:
  const MeasureSource& source_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_MEASURE_SOURCE_H_
