// Cells: what each measure counts and sums in each scope, by day.
//
//   table.Add(scope, measure, {day, 1, 1, amount});   // applier: remembered
//   table.Publish();                                  // applier, under the engine's lock: added
//   table.Read(scope, measure);                       // readers, under the engine's lock: a copy
//
// In memory a scope has a row per measure and a row a page per year. Stored is one value per scope and year with the
// pages of all measures: an event touches many measures of few scopes, and so does a scorecard. docs/formats.md has the
// grammar.
#ifndef PARTNERMETRICS_SERVER_ENGINE_CELLS_H_
#define PARTNERMETRICS_SERVER_ENGINE_CELLS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
  int year = 0;
  int64_t count = 0;  // totals over the days
  Nanos sum = 0;
  std::vector<DayCell> days;  // ascending

  void Add(const Contribution& contribution);
};

// All years of one measure in one scope.
struct CellRow {
  std::vector<CellPage> pages;  // ascending by year

  struct Totals {
    int64_t count = 0;
    Nanos sum = 0;
  };
  // Days first..last.
  Totals Range(Day first, Day last) const;
  // All days up to and with `last`.
  Totals UpTo(Day last) const;

  CellPage& Page(int year);
};

// The stored value of one scope and year: pages by measure name, in the order of the names.
std::string EncodePages(const std::vector<std::pair<absl::string_view, const CellPage*>>& pages);
// Calls `visit` with each page.
absl::Status DecodePages(int year, absl::string_view value,
                         const std::function<void(absl::string_view measure, CellPage page)>& visit);

// All cells of a programme, over a state store that holds those of scopes that nothing happened to lately.
//
// Thread-safety: Add and CollectDirty belong to the applier; Publish, MarkClean and DropMeasures need the engine's lock
// for writing, Read needs it at least for reading.
class CellTable {
 public:
  CellTable(const Keys& keys, storage::StateStore& store, Interner& scopes, Interner& measures, size_t cache_bytes)
      : keys_(keys), store_(store), scope_names_(scopes), measure_names_(measures), cache_bytes_(cache_bytes) {}

  absl::Status Add(uint32_t scope, uint32_t measure, const Contribution& contribution);
  void Publish();

  // A copy of the published row; an empty one when nothing counts.
  absl::StatusOr<std::shared_ptr<const CellRow>> Read(uint32_t scope, uint32_t measure) const;

  // Changes that take some measures out of the store, for when their definition changed; then DropAll forgets what is
  // in memory. Nothing may be dirty.
  absl::Status CollectWithout(const absl::flat_hash_set<std::string>& measures,
                              std::vector<storage::StateChange>& changes) const;
  void DropAll();

  void CollectDirty(std::vector<storage::StateChange>& changes) const;
  void MarkClean();
  size_t dirty_bytes() const { return dirty_bytes_; }

 private:
  struct Scope {
    std::vector<CellRow> rows;     // by number of the measure
    std::vector<int> dirty_years;  // ascending
    size_t bytes = 0;              // about
  };
  struct Pending {
    uint32_t scope, measure;
    Contribution contribution;
  };

  absl::Status Load(uint32_t scope, const std::function<void(absl::string_view measure, CellPage page)>& visit) const;
  void Evict();

  const Keys& keys_;
  storage::StateStore& store_;
  Interner& scope_names_;
  Interner& measure_names_;
  const size_t cache_bytes_;

  std::vector<Pending> pending_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<Scope>> loaded_;  // by this batch; not published yet
  std::vector<std::unique_ptr<Scope>> scopes_;                    // by number; null: only in the store
  std::vector<uint32_t> dirty_scopes_;
  size_t bytes_ = 0;
  size_t dirty_bytes_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_CELLS_H_
