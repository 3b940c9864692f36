// A MeasureSource that recounts facts on every read: slow, and simple enough to be believed.
#ifndef PARTNERMETRICS_TESTS_SERVER_SCORING_FACT_SOURCE_H_
#define PARTNERMETRICS_TESTS_SERVER_SCORING_FACT_SOURCE_H_

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/scoring/measure_source.h"
#include "tests/server/expr/row_builder.h"

namespace partnermetrics {

class FactSource : public MeasureSource {
 public:
  explicit FactSource(const Catalog& catalog) : catalog_(catalog) {}

  // A fact of a partner (1, 2, …), or a direct one (0).
  void Add(const std::string& kind, const google::protobuf::Message& fact, int partner = 1,
           v1::AttributionRole role = v1::ATTRIBUTION_ROLE_UNSPECIFIED) {
    Stored stored{kind, TestRow(fact, kind), partner};
    const int role_slot = SchemaOf(kind).role_slot();
    if (role_slot >= 0 && role != v1::ATTRIBUTION_ROLE_UNSPECIFIED) stored.row.row().Set(role_slot, Value::Enum(role));
    facts_.push_back(std::move(stored));
  }

  void SetTarget(const std::string& metric, ScopeIndex scope, Day first, Day last, Nanos value) {
    targets_[{metric, scope, first, last}] = value;
  }
  void SetParked(int64_t facts) { parked_ = facts; }

  CellTotals Flow(const RowKey& row, Day first, Day last) const override {
    return Total(row, [=](Day day) { return day >= first && day <= last; });
  }
  CellTotals Stock(const RowKey& row, Day as_of) const override {
    return Total(row, [=](Day day) { return day <= as_of; });
  }
  std::optional<Day> FirstDay(const RowKey& row) const override {
    std::optional<Day> first;
    Visit(row, [&](const Contribution& c) { first = first ? std::min(*first, c.day) : c.day; });
    return first;
  }
  std::optional<Nanos> Target(absl::string_view metric, ScopeIndex scope, Day first, Day last, Day) const override {
    const auto it = targets_.find({std::string(metric), scope, first, last});
    return it == targets_.end() ? std::nullopt : std::optional<Nanos>(it->second);
  }
  int64_t ParkedFacts(const RowKey&, Day, Day) const override { return parked_; }

 private:
  struct Stored {
    std::string kind;
    TestRow row;
    int partner;
  };

  static bool InScope(int partner, ScopeIndex scope) {
    if (scope == kBusinessScope) return true;
    if (scope == kDirectScope) return partner == 0;
    if (scope == kProgramScope) return partner != 0;
    return partner == scope - kFirstPartnerScope + 1;
  }

  template <typename Visitor>
  void Visit(const RowKey& row, const Visitor& visitor) const {
    const CompiledMeasure& measure = catalog_.measures()[static_cast<size_t>(row.measure)];
    for (const Stored& fact : facts_) {
      if (fact.kind != measure.fact->name() || !InScope(fact.partner, row.scope)) continue;
      for (const Contribution& c : ContributionsOf(measure, {&fact.row.row(), nullptr, &catalog_.zone()})) visitor(c);
    }
  }

  template <typename Filter>
  CellTotals Total(const RowKey& row, const Filter& filter) const {
    CellTotals totals;
    Visit(row, [&](const Contribution& c) {
      if (!filter(c.day)) return;
      totals.count += c.count;
      totals.sum += c.sum;
    });
    return totals;
  }

  const Catalog& catalog_;
  std::vector<Stored> facts_;
  std::map<std::tuple<std::string, ScopeIndex, Day, Day>, Nanos> targets_;
  int64_t parked_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_SCORING_FACT_SOURCE_H_
