// What scoring reads of an engine: collected at one position under its lock, evaluated outside of it.
//
//   EngineSource source;
//   {
//     Engine::View view(program.engine());
//     ASSIGN_OR_RETURN(source, EngineSource::Collect(view, ReadsOf(catalog, metrics, scopes), partners));
//   }
//   Evaluator evaluator(*source.catalog(), source);
//
// Rows are shared with the engine, not copied. Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_QUERIES_ENGINE_SOURCE_H_
#define PARTNERMETRICS_SERVER_QUERIES_ENGINE_SOURCE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "server/engine/engine.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/measure_source.h"
#include "storage/bytes.h"

namespace partnermetrics {

namespace v1 {
class Partner;
}

class EngineSource final : public MeasureSource {
 public:
  EngineSource() = default;

  // `partners[i]` is the partner of scope kFirstPartnerScope + i, `segments[i]` the segment of kFirstSegmentScope - i.
  static absl::StatusOr<EngineSource> Collect(const Engine::View& view, Reads reads, std::vector<std::string> partners,
                                              absl::Span<const v1::Segment> segments = {});

  // What the source stands at.
  const Header& header() const { return header_; }
  const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }
  // Supposes further contributions to a row that was collected, and that facts of its kind are reported. `entry` is
  // the key of measures that tell the facts of a day apart, `split` the value of those that are split.
  struct Supposed {
    Contribution contribution;
    std::string entry, split;
  };
  void Suppose(const RowKey& row, absl::Span<const Supposed> contributions);
  // Supposes that nobody stated targets for the metric.
  void ForgetTargets(absl::string_view metric);
  // Supposes other definitions, of the same measures.
  void SupposeCatalog(std::shared_ptr<const Catalog> catalog) { catalog_ = std::move(catalog); }

  // Of a partner's scope.
  const std::string& partner_id(ScopeIndex scope) const {
    return partner_ids_[static_cast<size_t>(scope - kFirstPartnerScope)];
  }
  // What sources state about a partner whose attributes were read; nothing when none states it.
  std::optional<v1::Partner> PartnerFields(ScopeIndex scope) const;

  CellTotals Totals(const RowKey& row, const Period& period, const std::optional<std::string>& split) const override;
  std::vector<std::string> SplitValues(const RowKey& row) const override;
  std::optional<Day> FirstDay(const RowKey& row) const override;
  void EachDay(const RowKey& row, Day first, Day last,
               absl::FunctionRef<bool(Day, const CellTotals&)> visit) const override;
  std::vector<StatedTarget> Targets(absl::string_view metric, ScopeIndex scope, bool forecast,
                                    Day as_of) const override;
  absl::Span<const ScopeIndex> Partners() const override { return all_partners_; }
  bool InSegment(ScopeIndex segment, ScopeIndex partner, Day day) const override;
  const FactRow* Partner(ScopeIndex scope) const override;
  const TierDecisions* Decisions(ScopeIndex scope) const override;
  int64_t ParkedFacts(const RowKey& row, Day first, Day last) const override;
  bool IsReported(int measure) const override;
  bool IsWhole(const RowKey& row) const override;
  bool Knows(ScopeIndex scope) const override;
  int64_t FreshAtMicros(const RowKey& row) const override;

 private:
  struct DatedTarget {
    StatedTarget target;
    Day known_on = 0;  // known from this day
  };
  // By scope, metric and whether it is a forecast. The longer ones of those that begin on one day stand first, those of
  // one period in the order in which they were stated.
  using TargetTable = std::map<std::tuple<ScopeIndex, std::string, bool>, std::vector<DatedTarget>>;
  using ScopeNames = absl::flat_hash_map<std::string, ScopeIndex>;

  // Adds all partners to those asked for, and reads what is known of them.
  absl::Status CollectPartners(const Engine::View& view, const Reads& reads, std::vector<std::string>& partners);
  // When partners are gone over in a segment: who of them is in it.
  absl::Status CollectMembers(const Engine::View& view, const std::vector<std::string>& partners,
                              absl::Span<const v1::Segment> segments);
  absl::Status CollectRows(const Engine::View& view, const std::vector<std::string>& partners,
                           absl::Span<const v1::Segment> segments);
  void CollectFreshness();
  absl::Status CollectDecisions(const Engine::View& view, const ScopeNames& scopes, bool all);
  absl::Status CollectTargets(const Engine::View& view, const ScopeNames& scopes, bool all);
  void AddTarget(ScopeIndex scope, storage::ByteReader& key, absl::string_view value);
  using Rows = std::vector<CellRow>;  // in the order of keys_
  // Sorted, each once.
  void SetKeys(std::vector<RowKey> keys);
  // The place of a key among keys_; nothing for rows that were not collected.
  std::optional<size_t> PlaceOf(const RowKey& row) const;
  // Null for rows that were not collected.
  const CellRow* Find(const Rows& rows, const RowKey& row) const;

  Header header_;
  std::shared_ptr<const Catalog> catalog_;
  std::shared_ptr<const Incomplete> incomplete_;  // null: nothing is
  absl::flat_hash_set<ScopeIndex> incomplete_segments_;
  std::string only_partner_;              // empty: all scopes are known
  std::vector<std::string> partner_ids_;  // by scope, from kFirstPartnerScope
  std::vector<RowKey> keys_;              // sorted
  ScopeIndex first_scope_ = 0;            // of keys_
  std::vector<size_t> scope_ends_;        // where the keys of a scope end, from first_scope_
  std::vector<int64_t> fresh_at_us_;      // by kind, as the header says
  Rows rows_;
  absl::flat_hash_map<RowKey, std::map<std::string, CellRow>> split_rows_;  // of split measures, by value
  Rows parked_rows_;                                                        // empty while no fact waits for a rate
  TargetTable targets_;
  absl::flat_hash_map<ScopeIndex, TierDecisions> decisions_;
  absl::flat_hash_set<int> supposed_kinds_;  // kinds of fact that are reported only by supposition
  absl::flat_hash_map<std::pair<ScopeIndex, ScopeIndex>, std::vector<DayRange>> members_;  // of segments
  std::vector<ScopeIndex> all_partners_;                         // by id; empty when no metric goes over partners
  absl::flat_hash_map<ScopeIndex, std::string> partner_fields_;  // serialised v1::Partner
  mutable absl::flat_hash_map<ScopeIndex, std::unique_ptr<FactRow>> partner_rows_;  // decoded when they are first read
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_ENGINE_SOURCE_H_
