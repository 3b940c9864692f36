// Cells: what each measure counts and sums in each scope, by day.
//
//   table.Add(scopes, contributions);    // applier: remembered
//   table.Seal();
//   table.TakeSealed();                  // under the engine's lock, and with it:
//   table.AddTaken();                    // added
//   table.Read(scope, measure);          // readers, under the engine's lock: shares the pages as they are now
//
// A scope has a page set per year and in it a page per row, which is a measure or one value of a measure that is split,
// in memory as in the store: an event touches many measures of few scopes on few days, and so does a scorecard. Page
// sets are copied before a change only while a reader holds them. docs/formats.md has the grammar of what is stored.
#ifndef PARTNERMETRICS_SERVER_ENGINE_CELLS_H_
#define PARTNERMETRICS_SERVER_ENGINE_CELLS_H_

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/base/civil.h"
#include "server/catalog/measure.h"
#include "server/engine/day_cells.h"
#include "server/engine/interner.h"
#include "server/engine/keys.h"
#include "storage/state_store.h"

namespace partnermetrics {

// One measure in one scope and year.
struct CellPage {
  int64_t count = 0;  // totals over the days
  Nanos sum = 0;
  DayCells days;

  void Add(const Contribution& contribution);
};

// Entries of one measure in one scope and year, for measures that tell the facts of a day apart.
struct EntryPage {
  absl::btree_map<std::pair<Day, std::string>, DayCell> entries;  // by day, then key

  void Add(absl::string_view key, const Contribution& contribution);
};

// All measures of one scope and year. Whether it is shared is asked with acquire semantics, which std::shared_ptr does
// not promise.
struct YearCells : boost::intrusive_ref_counter<YearCells> {
  int year = 0;
  std::vector<std::pair<uint32_t, CellPage>> pages;     // by number of the row, ascending
  std::vector<std::pair<uint32_t, EntryPage>> entries;  // likewise

  const CellPage* Find(uint32_t row) const;
  const EntryPage* FindEntries(uint32_t row) const;
};

// All years of one measure in one scope, as they were when it was read.
class CellRow {
 public:
  using Totals = DayTotals;

  // Years are added in ascending order; those without the row are left out.
  void AddYear(const boost::intrusive_ptr<const YearCells>& cells, uint32_t row);

  // FLOW: days first..last.
  Totals Range(Day first, Day last) const;
  // STOCK: all days up to and with `last`.
  Totals UpTo(Day last) const;
  // LATEST: the last day up to and with `last`.
  Totals LastDay(Day last) const;
  // COHORT: entries of the days first..last whose later day is not after `as_of`.
  Totals Cohort(Day first, Day last, Day as_of) const;
  // KEYED as a flow: the last entry of each key on the days first..last.
  Totals LastOfKeys(Day first, Day last) const;
  // KEYED as a stock: of each key the entry, of those that hold on `last`, that began last.
  Totals HeldKeys(Day last) const;

  // The first day with a contribution.
  std::optional<Day> FirstDay() const;
  // Days come with an empty key.
  void ForEachCell(const std::function<void(absl::string_view key, const DayCell&)>& visit) const;

 private:
  struct Year {
    boost::intrusive_ptr<const YearCells> cells;
    const CellPage* page = nullptr;  // one of both is set, and not empty
    const EntryPage* entries = nullptr;
  };
  void ForEachEntry(Day first, Day last, absl::FunctionRef<void(absl::string_view key, const DayCell&)> visit) const;

  std::vector<Year> years_;
};

// A row's page of a stored year: one of both is set.
struct NamedPage {
  absl::string_view row;
  const CellPage* days = nullptr;
  const EntryPage* entries = nullptr;
};

// The stored value of one scope and year: pages by name of the row, in the order of the names.
std::string EncodeYear(int year, absl::Span<const NamedPage> pages);
// Calls `days` or `entries` with each page.
absl::Status DecodeYear(int year, absl::string_view value,
                        const std::function<void(absl::string_view row, CellPage page)>& days,
                        const std::function<void(absl::string_view row, EntryPage page)>& entries);

// What a fact adds to one row: a measure, a value of one that is split, or what waits for a rate.
struct RowContribution {
  uint32_t row = 0;  // its number
  Contribution contribution;
};
// Likewise, for measures with entries.
struct EntryContribution {
  uint32_t row = 0;
  std::string key;
  Contribution contribution;
};

// A year's cells as they are to be stored.
struct CellChange {
  std::string key;
  std::optional<std::string> value;  // nothing: deleted
};

// A year of a scope that changed, as it was when a checkpoint took it.
struct DirtyYear {
  uint32_t scope = 0;
  boost::intrusive_ptr<const YearCells> cells;
};

// All cells of a programme, over a state store that holds those of scopes that nothing happened to lately.
//
// Thread-safety: Add, Touch, Seal, Discard and the checkpoint's methods belong to the applier; TakeSealed, AddTaken and
// Evict need the engine's lock for writing, Read and ChangedSince need it at least for reading. Between TakeSealed and
// the end of AddTaken, which may run on another thread, the applier calls only Add, Touch and Seal. Encode may be
// called by any thread.
class CellTable {
 public:
  CellTable(const Keys& keys, storage::StateStore& store, Interner& scopes, Interner& rows, size_t cache_bytes)
      : keys_(keys), store_(store), scope_names_(scopes), row_names_(rows), cache_bytes_(cache_bytes) {}

  // Adds the contributions in each of the scopes.
  absl::Status Add(absl::Span<const uint32_t> scopes, absl::Span<const RowContribution> contributions);
  absl::Status Add(absl::Span<const uint32_t> scopes, absl::Span<const EntryContribution> entries);
  // Says that something else changed about a scope than its cells: what is known of a partner, a target.
  void Touch(uint32_t scope) { batch_.touched.push_back(scope); }
  // Ends the batch. No other may be sealed and not published.
  void Seal();
  // Adds the sealed batch to the cells: the first step takes it, the second may run while the applier adds to the next
  // batch and seals it.
  void TakeSealed();
  void AddTaken();
  // Forgets what is not published.
  void Discard();

  // Calls `visit` with the scopes that changed after the given number of Publishes, and gives the number by now.
  uint64_t ChangedSince(uint64_t publishes, absl::FunctionRef<void(uint32_t scope)> visit) const;

  // The published row; an empty one when nothing counts.
  absl::StatusOr<CellRow> Read(uint32_t scope, uint32_t row) const;
  // Several of one scope, in the order in which they are asked for.
  absl::StatusOr<std::vector<CellRow>> Read(uint32_t scope, absl::Span<const uint32_t> rows) const;
  // The rows of a scope whose names begin with `prefix`, by name.
  absl::StatusOr<std::map<std::string, CellRow>> ReadAll(uint32_t scope, absl::string_view prefix) const;

  // A checkpoint: takes what changed since the last one; once it is written, Evict keeps the cache within its budget.
  std::vector<DirtyYear> TakeDirty();
  // What is stored of a year: nothing when it became empty.
  CellChange Encode(const DirtyYear& year) const;
  void Evict();
  size_t dirty_bytes() const { return dirty_bytes_; }

  // Contributions added since the start, once for each scope that they count in.
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
  struct PendingEntry {
    uint32_t scope;
    EntryContribution entry;
  };

  struct Batch {
    std::vector<Pending> pending;
    std::vector<RowContribution> contributions;
    std::vector<PendingEntry> entries;
    std::vector<uint32_t> touched;
    absl::flat_hash_map<uint32_t, std::unique_ptr<Scope>> loaded;  // by this batch; not published yet

    void Clear();
  };

  bool IsLoaded(uint32_t scope) const { return scope < scopes_.size() && scopes_[scope] != nullptr; }
  absl::StatusOr<std::unique_ptr<Scope>> Load(uint32_t scope) const;
  absl::Status LoadForBatch(uint32_t scope);
  // What is published of a scope, or `loaded` with what the store has: one that is not in memory has not changed since
  // the last checkpoint.
  absl::StatusOr<const Scope*> Published(uint32_t scope, std::unique_ptr<Scope>& loaded) const;
  void MarkChanged(uint32_t scope);
  Year& YearOfScope(uint32_t id, Scope& scope, int year);
  void Apply(uint32_t id, absl::Span<const RowContribution> contributions);
  void Apply(const PendingEntry& pending);
  void Grow(Year& year, size_t bytes);

  const Keys& keys_;
  storage::StateStore& store_;
  Interner& scope_names_;
  Interner& row_names_;
  const size_t cache_bytes_;

  Batch batch_, sealed_, taken_;
  std::vector<std::unique_ptr<Scope>> scopes_;  // by number; null: only in the store
  uint64_t publishes_ = 0;
  uint64_t updates_ = 0;
  std::vector<uint64_t> changed_;  // by number: the last Publish that changed the scope; 0: none since the start
  std::vector<uint32_t> dirty_scopes_;
  size_t bytes_ = 0;
  size_t dirty_bytes_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_CELLS_H_
