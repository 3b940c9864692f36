// A MeasureSource that recounts facts on every read: slow, and simple enough to be believed.
#ifndef PARTNERMETRICS_TESTS_SERVER_SCORING_FACT_SOURCE_H_
#define PARTNERMETRICS_TESTS_SERVER_SCORING_FACT_SOURCE_H_

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
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
    // It has one partner at most, who is credited with all of it.
    const int credited_slot = SchemaOf(kind).credited_slot();
    if (credited_slot >= 0) stored.row.row().Set(credited_slot, stored.row.row()[SchemaOf(kind).amount_slot()]);
    facts_.push_back(std::move(stored));
  }

  // The next partner (1, 2, …), known by these attributes, and a fact of its own kind.
  void AddPartner(const v1::Partner& partner) {
    partners_.push_back({"partner", TestRow(partner, "partner"), 0});
    partner_scopes_.push_back(kFirstPartnerScope + static_cast<ScopeIndex>(partner_scopes_.size()));
    Add("partner", partner, static_cast<int>(partner_scopes_.size()));
  }

  void SetTarget(const std::string& metric, ScopeIndex scope, Day first, Day last, Nanos value, bool forecast = false) {
    targets_[{metric, scope, forecast}][{first, -last}] = {first, last, value};
  }
  void SetParked(int64_t facts) { parked_ = facts; }

  CellTotals Totals(const RowKey& row, const Period& period, const std::optional<std::string>& split) const override {
    const CompiledMeasure& measure = catalog_.measures()[static_cast<size_t>(row.measure)];
    const auto in_window = [&](Day day) { return day >= period.first && day <= period.last; };
    const auto value_of = [&](const Entry& entry) { return !split.has_value() || entry.split == *split; };
    CellTotals totals;
    const auto add = [&totals](const Contribution& c) {
      totals.count += c.count;
      totals.sum += c.sum;
    };
    Day latest = -1'000'000;
    std::map<std::string, std::vector<Entry>> keys;  // by key without the fact
    for (const Entry& entry : Entries(row)) {
      const Contribution& c = entry.contribution;
      if (!value_of(entry)) continue;
      switch (measure.kind) {
        case v1::MEASURE_KIND_FLOW:
          if (in_window(c.day)) add(c);
          break;
        case v1::MEASURE_KIND_COHORT:
          if (in_window(c.day) && CohortDay(entry.key) <= period.as_of) add(c);
          break;
        case v1::MEASURE_KIND_KEYED:
          if (measure.is_flow() ? in_window(c.day) : c.day <= period.last) {
            keys[std::string(ReducedKey(entry.key))].push_back(entry);
          }
          break;
        case v1::MEASURE_KIND_LATEST:
          if (c.day > period.last || c.day < latest) break;
          if (c.day > latest) totals = {};
          latest = c.day;
          add(c);
          break;
        default:
          if (c.day <= period.last) add(c);
      }
    }
    for (const auto& [key, entries] : keys) {
      const Entry* winner = nullptr;
      for (const Entry& entry : entries) {
        const bool ended = std::any_of(entries.begin(), entries.end(), [&](const Entry& other) {
          return other.fact == entry.fact && other.contribution.count < 0;
        });
        if (ended || entry.contribution.count < 0) continue;
        const auto order = [](const Entry& e) { return std::pair(e.contribution.day, e.key); };
        if (winner == nullptr || order(entry) >= order(*winner)) winner = &entry;
      }
      if (winner != nullptr) add(winner->contribution);
    }
    return totals;
  }
  std::vector<std::string> SplitValues(const RowKey& row) const override {
    std::set<std::string> values;
    for (const Entry& entry : Entries(row)) values.insert(entry.split);
    return {values.begin(), values.end()};
  }
  std::optional<Day> FirstDay(const RowKey& row) const override {
    std::optional<Day> first;
    Visit(row, [&](const Contribution& c) { first = first ? std::min(*first, c.day) : c.day; });
    return first;
  }
  void EachDay(const RowKey& row, Day first, Day last,
               absl::FunctionRef<bool(Day, const CellTotals&)> visit) const override {
    std::map<Day, CellTotals> days;
    Visit(row, [&](const Contribution& c) {
      if (c.day < first || c.day > last) return;
      days[c.day].count += c.count;
      days[c.day].sum += c.sum;
    });
    for (const auto& [day, totals] : days) {
      if (!visit(day, totals)) return;
    }
  }
  std::vector<StatedTarget> Targets(absl::string_view metric, ScopeIndex scope, bool forecast, Day) const override {
    std::vector<StatedTarget> stated;
    if (const auto it = targets_.find({std::string(metric), scope, forecast}); it != targets_.end()) {
      for (const auto& [period, target] : it->second) stated.push_back(target);
    }
    return stated;
  }
  absl::Span<const ScopeIndex> Partners() const override { return partner_scopes_; }
  const FactRow* Partner(ScopeIndex scope) const override {
    const auto index = static_cast<size_t>(scope - kFirstPartnerScope);
    return scope >= kFirstPartnerScope && index < partners_.size() ? &partners_[index].row.row() : nullptr;
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
      ForEachPartnership(measure, {&fact.row.row(), nullptr, &catalog_.zone()}, [&](const EvalContext& context) {
        for (const Contribution& c : ContributionsOf(measure, context)) visitor(c);
      });
    }
  }

  struct Entry {
    Contribution contribution;
    std::string key, split;
    size_t fact = 0;
  };

  std::vector<Entry> Entries(const RowKey& row) const {
    const CompiledMeasure& measure = catalog_.measures()[static_cast<size_t>(row.measure)];
    std::vector<Entry> entries;
    for (size_t i = 0; i < facts_.size(); ++i) {
      const Stored& fact = facts_[i];
      if (fact.kind != measure.fact->name() || !InScope(fact.partner, row.scope)) continue;
      ForEachPartnership(measure, {&fact.row.row(), nullptr, &catalog_.zone()}, [&](const EvalContext& context) {
        Entry entry;
        entry.fact = i;
        if (measure.has_entries() && !EntryKey(measure, context, absl::StrCat(1'000'000 + i), entry.key)) return;
        if (measure.by != nullptr) {
          entry.split = SplitRowName(measure, context).substr(measure.id.size() + 1);
          entry.split.pop_back();
        }
        for (const Contribution& c : ContributionsOf(measure, context)) {
          entry.contribution = c;
          entries.push_back(entry);
        }
      });
    }
    return entries;
  }

  const Catalog& catalog_;
  std::vector<Stored> facts_;
  std::vector<Stored> partners_;
  std::vector<ScopeIndex> partner_scopes_;
  // By metric, scope and kind; then by period, the longer ones first.
  std::map<std::tuple<std::string, ScopeIndex, bool>, std::map<std::pair<Day, Day>, StatedTarget>> targets_;
  int64_t parked_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_SCORING_FACT_SOURCE_H_
