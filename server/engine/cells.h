// Cells: what a measure counts and sums in a scope, by day. A row has a page per year; pages are immutable once
// published, and a batch works on copies of the pages that it touches.
//
//   table.Add(row_id, {day, 1, 1, amount});         // applier
//   table.Publish();                                // under the engine's lock
//   std::shared_ptr<const CellRow> row = table.Read(row_id, &status);
//
// Stored: key (programme, scope, measure, year) → totals, then days as differences. docs/formats.md has the grammar.
#ifndef PARTNERMETRICS_SERVER_ENGINE_CELLS_H_
#define PARTNERMETRICS_SERVER_ENGINE_CELLS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/civil.h"
#include "server/catalog/measure.h"
#include "storage/mutex.h"
#include "storage/state_store.h"

namespace partnermetrics {

struct DayCell {
  Day day = 0;
  int64_t contributions = 0;  // entries behind the day: at zero the day is removed
  int64_t count = 0;
  Nanos sum = 0;
  friend bool operator==(const DayCell& a, const DayCell& b) {
    return a.day == b.day && a.contributions == b.contributions && a.count == b.count && a.sum == b.sum;
  }
};

struct CellPage {
  int year = 0;
  int64_t count = 0;  // totals over the days
  Nanos sum = 0;
  std::vector<DayCell> days;  // ascending

  void Add(const Contribution& contribution);
  size_t bytes() const { return sizeof(CellPage) + days.capacity() * sizeof(DayCell); }
};

std::string EncodePage(const CellPage& page);
absl::StatusOr<CellPage> DecodePage(int year, absl::string_view value);

// All years of one measure in one scope.
struct CellRow {
  std::vector<std::shared_ptr<const CellPage>> pages;  // ascending by year

  struct Totals {
    int64_t count = 0;
    Nanos sum = 0;
  };
  // Days first..last.
  Totals Range(Day first, Day last) const;
  // All days up to and with `last`.
  Totals UpTo(Day last) const;
  size_t bytes() const;
};

// Scope and measure as numbers that hold for one run of the server.
struct RowId {
  uint32_t scope = 0;
  uint32_t measure = 0;
  friend bool operator==(const RowId& a, const RowId& b) { return a.scope == b.scope && a.measure == b.measure; }
  template <typename H>
  friend H AbslHashValue(H h, const RowId& id) {
    return H::combine(std::move(h), id.scope, id.measure);
  }
};

// All rows of a programme: a cache over the state store.
//
// Thread-safety: Add and the checkpoint's methods belong to the applier; Publish and MarkClean need the engine's lock for
// writing, Read needs it at least for reading.
class CellTable {
 public:
  // `prefix_of` gives the stored key's beginning of a row, up to the year.
  CellTable(storage::StateStore& store, size_t cache_bytes, std::function<std::string(RowId)> prefix_of)
      : store_(store), cache_bytes_(cache_bytes), prefix_of_(std::move(prefix_of)) {}

  absl::Status Add(RowId id, const Contribution& contribution);
  void Publish();

  // The published row; an empty one when nothing counts.
  absl::StatusOr<std::shared_ptr<const CellRow>> Read(RowId id) const;

  // Forgets the published rows for which `drop` holds; the caller has deleted them from the store. No batch is open.
  void DropCached(const std::function<bool(RowId)>& drop);

  void CollectDirty(std::vector<storage::StateChange>& changes) const;
  void MarkClean();
  size_t dirty_bytes() const { return dirty_bytes_; }

 private:
  struct Entry {
    std::shared_ptr<const CellRow> row;
    std::vector<int> dirty_years;  // ascending
  };
  struct BatchRow {
    std::shared_ptr<CellRow> row;
    absl::flat_hash_map<int, std::shared_ptr<CellPage>> touched;
  };

  absl::StatusOr<std::shared_ptr<const CellRow>> Load(RowId id) const;
  void Remember(RowId id, const std::shared_ptr<const CellRow>& row) const;
  void Evict();

  storage::StateStore& store_;
  const size_t cache_bytes_;
  const std::function<std::string(RowId)> prefix_of_;

  absl::flat_hash_map<RowId, BatchRow> batch_;
  absl::flat_hash_map<RowId, Entry> rows_;  // published: dirty rows, and clean ones that were used
  std::vector<RowId> dirty_rows_;
  size_t dirty_bytes_ = 0;
  size_t clean_bytes_ = 0;

  // Rows that readers loaded from the store; the applier moves them into rows_ or drops them at Publish.
  mutable Mutex loaded_mutex_;
  mutable absl::flat_hash_map<RowId, std::shared_ptr<const CellRow>> loaded_ PM_GUARDED_BY(loaded_mutex_);
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_CELLS_H_
