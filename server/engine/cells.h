// Cells: what each measure counts and sums in each scope, by day.
//
//   table.Add(scopes, contributions);    // applier: remembered
//   table.Publish();                     // applier, under the engine's lock: added
//   table.Read(scope, measure);          // readers, under the engine's lock: shares the pages as they are now
//
// A scope has a page set per year and in it a page per measure, in memory as in the store: an event touches many
// measures of few scopes on few days, and so does a scorecard. Page sets are copied before a change only while a reader
// holds them. docs/formats.md has the grammar of what is stored.
#ifndef PARTNERMETRICS_SERVER_ENGINE_CELLS_H_
#define PARTNERMETRICS_SERVER_ENGINE_CELLS_H_

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/base/civil.h"
#include "server/catalog/measure.h"
#include "server/engine/interner.h"
#include "server/engine/keys.h"
#include "storage/state_store.h"

namespace partnermetrics {

struct DayCell {
  Nanos sum = 0;
  int64_t count = 0;
  Day day = 0;
  int32_t contributions = 0;  // entries behind the day: at zero the day is removed
  friend bool operator==(const DayCell& a, const DayCell& b) {
    return a.day == b.day && a.contributions == b.contributions && a.count == b.count && a.sum == b.sum;
  }
};

// One measure in one scope and year.
struct CellPage {
  int64_t count = 0;  // totals over the days
  Nanos sum = 0;
  std::vector<DayCell> days;  // ascending

  void Add(const Contribution& contribution);
};

// All measures of one scope and year. Whether it is shared is asked with acquire semantics, which std::shared_ptr does
// not promise.
struct YearCells : boost::intrusive_ref_counter<YearCells> {
  int year = 0;
  std::vector<std::pair<uint32_t, CellPage>> pages;  // by number of the measure, ascending

  const CellPage* Find(uint32_t measure) const;
};

// All years of one measure in one scope, as they were when it was read.
class CellRow {
 public:
  struct Totals {
    int64_t count = 0;
    Nanos sum = 0;
  };

  // Years are added in ascending order; those without the measure are left out.
  void AddYear(boost::intrusive_ptr<const YearCells> cells, uint32_t measure);

  // Days first..last.
  Totals Range(Day first, Day last) const;
  // All days up to and with `last`.
  Totals UpTo(Day last) const;
  // The first day with a contribution.
  std::optional<Day> FirstDay() const;
  void ForEachDay(const std::function<void(const DayCell&)>& visit) const;

 private:
  struct Year {
    boost::intrusive_ptr<const YearCells> cells;
    const CellPage* page = nullptr;
  };
  std::vector<Year> years_;
};

// The stored value of one scope and year: pages by measure name, in the order of the names.
std::string EncodePages(int year, absl::Span<const std::pair<absl::string_view, const CellPage*>> pages);
// Calls `visit` with each page.
absl::Status DecodePages(int year, absl::string_view value,
                         const std::function<void(absl::string_view measure, CellPage page)>& visit);

// What a fact adds to one measure.
struct MeasureContribution {
  uint32_t measure = 0;  // its number
  Contribution contribution;
};

// All cells of a programme, over a state store that holds those of scopes that nothing happened to lately.
//
// Thread-safety: Add, Discard and the checkpoint's methods belong to the applier; Publish, DropAll and Evict need the
// engine's lock for writing, Read needs it at least for reading.
class CellTable {
 public:
  CellTable(const Keys& keys, storage::StateStore& store, Interner& scopes, Interner& measures, size_t cache_bytes)
      : keys_(keys), store_(store), scope_names_(scopes), measure_names_(measures), cache_bytes_(cache_bytes) {}

  // Adds the contributions in each of the scopes.
  absl::Status Add(absl::Span<const uint32_t> scopes, absl::Span<const MeasureContribution> contributions);
  void Publish();
  // Forgets what was added since the last Publish.
  void Discard();

  // The published row; an empty one when nothing counts.
  absl::StatusOr<CellRow> Read(uint32_t scope, uint32_t measure) const;

  // Changes that take some measures out of the store, for when their definition changed; then DropAll forgets what is
  // in memory. Nothing may be dirty.
  absl::Status CollectWithout(const absl::flat_hash_set<std::string>& measures,
                              std::vector<storage::StateChange>& changes) const;
  void DropAll();

  // A checkpoint: takes what changed since the last one; once it is written, Evict keeps the cache within its budget.
  void TakeDirty(std::vector<storage::StateChange>& changes);
  void Evict();
  size_t dirty_bytes() const { return dirty_bytes_; }
  // Days added or changed since the process began.
  uint64_t updates() const { return updates_; }

 private:
  struct Year {
    boost::intrusive_ptr<YearCells> cells;
    bool dirty = false;
    size_t bytes = 0;  // about
  };
  struct Scope {
    std::vector<Year> years;  // ascending
    bool dirty = false;
  };
  // Contributions first..first+size of the batch, added to a scope.
  struct Pending {
    uint32_t scope;
    uint32_t first, size;
  };

  bool IsLoaded(uint32_t scope) const { return scope < scopes_.size() && scopes_[scope] != nullptr; }
  absl::StatusOr<std::unique_ptr<Scope>> Load(uint32_t scope) const;
  Year& YearOfScope(uint32_t id, Scope& scope, int year);
  void Apply(uint32_t id, absl::Span<const MeasureContribution> contributions);
  void Grow(Year& year, size_t bytes);

  const Keys& keys_;
  storage::StateStore& store_;
  Interner& scope_names_;
  Interner& measure_names_;
  const size_t cache_bytes_;

  std::vector<Pending> pending_;
  std::vector<MeasureContribution> contributions_;                // of the batch
  absl::flat_hash_map<uint32_t, std::unique_ptr<Scope>> loaded_;  // by this batch; not published yet
  std::vector<std::unique_ptr<Scope>> scopes_;                    // by number; null: only in the store
  std::vector<uint32_t> dirty_scopes_;
  size_t bytes_ = 0;
  size_t dirty_bytes_ = 0;
  uint64_t updates_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_CELLS_H_
