// A measure in the form in which the engine applies it, and what a fact adds to it.
//
//   for (const Contribution& c : ContributionsOf(measure, context)) cell.Add(c.day, c.contributions, c.count, c.sum);
//
// A contribution is a pure function of (resolved fact, definition). Immutable; any thread may use it.
#ifndef PARTNERMETRICS_SERVER_CATALOG_MEASURE_H_
#define PARTNERMETRICS_SERVER_CATALOG_MEASURE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "partnermetrics/v1/catalog.pb.h"
#include "server/base/civil.h"
#include "server/expr/row_expression.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {

struct CompiledMeasure {
  int index = 0;  // position among the catalogue's measures, which are sorted by id
  std::string id;
  const FactSchema* fact = nullptr;
  v1::MeasureKind kind = v1::MEASURE_KIND_UNSPECIFIED;
  v1::KeyReduction reduce = v1::KEY_REDUCTION_UNSPECIFIED;  // KEYED
  std::optional<RowExpression> where, sum;
  std::optional<RowExpression> at;           // FLOW, COHORT, LATEST, KEYED as a flow
  std::optional<RowExpression> from, until;  // STOCK, KEYED as a stock; `until` may be missing
  std::optional<RowExpression> then;         // COHORT
  std::vector<RowExpression> key;            // KEYED: its parts
  const FieldSchema* by = nullptr;           // any kind: the field whose value splits the measure, null for none
  bool by_root = false;                      // it is a field of the root
  bool reads_role = false;                   // any expression reads the role, or the root's: it differs by scope
  bool reads_credited = false;               // likewise the credited amount
  bool by_partnership = false;               // a partner counts for each time that it was one: it tells their days
  bool reads_root = false;                   // any expression reads a field of the root fact
  bool sum_is_money = false;
  bool current_state = false;

  // A fact counts on one day, not over an interval.
  bool is_flow() const { return at.has_value(); }
  // Its days hold an entry per key (KEYED) or later day (COHORT).
  bool has_entries() const { return kind == v1::MEASURE_KIND_COHORT || kind == v1::MEASURE_KIND_KEYED; }
};

// What a fact adds to one day of a measure's row.
struct Contribution {
  Day day = 0;
  int32_t contributions = 1;  // entries behind the day; at zero the day is removed
  int64_t count = 0;          // +1, or -1 on the day a stock's interval ends
  Nanos sum = 0;
};

// At most two: a stock begins and ends.
class ContributionList {
 public:
  void Add(const Contribution& contribution) { entries_[size_++] = contribution; }
  const Contribution* begin() const { return entries_.data(); }
  const Contribution* end() const { return entries_.data() + size_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Contribution& operator[](size_t i) const { return entries_[i]; }

 private:
  std::array<Contribution, 2> entries_;
  size_t size_ = 0;
};

// FLOW and all others with `at`: (at, +1, sum). STOCK and KEYED with `from`: (from, +1, +sum) and, when the interval
// ends, (until, -1, -sum); an interval whose end is not after its start gives nothing. A measure with `sum` counts only
// facts whose sum is set.
ContributionList ContributionsOf(const CompiledMeasure& measure, const EvalContext& context);

// Calls `count` with the fact; with a partner that left and signed again once for each of these times, if the measure
// counts them.
template <typename Count>
void ForEachPartnership(const CompiledMeasure& measure, const EvalContext& context, const Count& count) {
  if (!measure.by_partnership || context.row->partnerships().empty()) return count(context);
  FactRow row = *context.row;
  for (const Partnership& partnership : context.row->partnerships()) {
    row.Show(partnership);
    count({&row, context.root, context.zone});
  }
}

// What tells the entries of one day apart, for measures that have them: COHORT the day of `then`, KEYED the key, and
// under LAST also the bytes `fact`, which name the fact. False when the fact has none: it then counts nowhere.
bool EntryKey(const CompiledMeasure& measure, const EvalContext& context, absl::string_view fact, std::string& key);
// The later day of a cohort's entry.
Day CohortDay(absl::string_view entry_key);
// The key of a keyed measure's entry, without the fact.
absl::string_view ReducedKey(absl::string_view entry_key);

// A measure that is split has a row for each value of `by`: "open_deals[PROPOSAL]"; without a value "open_deals[]".
std::string SplitRowName(const CompiledMeasure& measure, const EvalContext& context);
std::string SplitRowName(absl::string_view measure, absl::string_view value);
// The measure that a row belongs to.
absl::string_view MeasureOfRow(absl::string_view row);

// Days first..until-1.
struct DayRange {
  Day first = std::numeric_limits<Day>::min();
  Day until = std::numeric_limits<Day>::max();
  bool Contains(Day day) const { return first <= day && day < until; }
};

// What of a fact's contributions falls on these days only: a stock begins not before them and ends not after them.
ContributionList Within(const CompiledMeasure& measure, const ContributionList& list, const DayRange& days);

// Where a fact would count, without its sum, if its money did not wait for an exchange rate; empty when it counts.
ContributionList ParkedContributionsOf(const CompiledMeasure& measure, const EvalContext& context);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_CATALOG_MEASURE_H_
