#include "server/engine/cells.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

using storage::ByteReader;
using storage::ByteWriter;

constexpr uint8_t kYearFormat = 2;
// What a page holds.
constexpr uint8_t kDays = 0, kEntries = 1;
// Memory of a page besides its days.
constexpr size_t kPageBytes = sizeof(std::pair<uint32_t, CellPage>);
// Years for which a row takes memory at once.
constexpr size_t kUsualYears = 4;
// Memory of an entry, its key of usual length included.
constexpr size_t kEntryBytes = sizeof(std::pair<std::pair<Day, std::string>, DayCell>) + 48;

std::string EncodeSorted(int year, std::vector<NamedPage>& pages) {
  std::sort(pages.begin(), pages.end(), [](const NamedPage& a, const NamedPage& b) { return a.row < b.row; });
  return EncodeYear(year, pages);
}

template <typename Pages>
auto LowerBound(Pages& pages, uint32_t row) {
  return std::lower_bound(pages.begin(), pages.end(), row,
                          [](const auto& page, uint32_t wanted) { return page.first < wanted; });
}

}  // namespace

void CellPage::Add(const Contribution& c) {
  count += c.count;
  sum += c.sum;
  days.Add(c);
}

void EntryPage::Add(absl::string_view key, const Contribution& c) {
  const auto it = entries.try_emplace({c.day, std::string(key)}, DayCell{0, 0, c.day, 0}).first;
  if (!AddTo(it->second, c)) entries.erase(it);
}

const CellPage* YearCells::Find(uint32_t row) const {
  const auto it = LowerBound(pages, row);
  return it != pages.end() && it->first == row ? &it->second : nullptr;
}

const EntryPage* YearCells::FindEntries(uint32_t row) const {
  const auto it = LowerBound(entries, row);
  return it != entries.end() && it->first == row ? &it->second : nullptr;
}

void CellRow::AddYear(const boost::intrusive_ptr<const YearCells>& cells, uint32_t row) {
  Year year;
  if (const CellPage* page = cells->Find(row); page != nullptr && !page->days.empty()) {
    year.page = page;
  } else if (const EntryPage* page = cells->FindEntries(row); page != nullptr && !page->entries.empty()) {
    year.entries = page;
  } else {
    return;
  }
  year.cells = cells;
  if (years_.empty()) years_.reserve(kUsualYears);
  years_.push_back(std::move(year));
}

CellRow::Totals CellRow::Range(Day first, Day last) const {
  Totals totals;
  for (const Year& year : years_) {
    if (year.page == nullptr) continue;
    const CellPage& page = *year.page;
    if (page.days.last_day() < first || page.days.first_day() > last) continue;
    const bool whole = page.days.first_day() >= first && page.days.last_day() <= last;
    const Totals of_year = whole ? Totals{page.count, page.sum} : page.days.Sum(first, last);
    totals.count += of_year.count;
    totals.sum += of_year.sum;
  }
  return totals;
}

CellRow::Totals CellRow::UpTo(Day last) const {
  return years_.empty() ? Totals{} : Range(*FirstDay(), last);
}

CellRow::Totals CellRow::LastDay(Day last) const {
  for (auto year = years_.rbegin(); year != years_.rend(); ++year) {
    if (year->page == nullptr) continue;
    if (const DayCells& days = year->page->days; days.first_day() <= last) return days.Latest(last);
  }
  return {};
}

void CellRow::ForEachEntry(Day first, Day last,
                           absl::FunctionRef<void(absl::string_view key, const DayCell&)> visit) const {
  for (const Year& year : years_) {
    if (year.entries == nullptr) continue;
    const auto& entries = year.entries->entries;
    for (auto it = entries.lower_bound({first, std::string()}); it != entries.end() && it->first.first <= last; ++it) {
      visit(it->first.second, it->second);
    }
  }
}

CellRow::Totals CellRow::Cohort(Day first, Day last, Day as_of) const {
  Totals totals;
  ForEachEntry(first, last, [&](absl::string_view key, const DayCell& cell) {
    if (CohortDay(key) > as_of) return;
    totals.count += cell.count;
    totals.sum += cell.sum;
  });
  return totals;
}

CellRow::Totals CellRow::LastOfKeys(Day first, Day last) const {
  // Entries come by day, then fact: the last one stays.
  absl::flat_hash_map<absl::string_view, Nanos> sums;
  ForEachEntry(first, last, [&](absl::string_view key, const DayCell& cell) { sums[ReducedKey(key)] = cell.sum; });
  Totals totals;
  totals.count = static_cast<int64_t>(sums.size());
  for (const auto& [key, sum] : sums) totals.sum += sum;
  return totals;
}

CellRow::Totals CellRow::HeldKeys(Day last) const {
  struct Held {
    int64_t count = 0;
    Nanos sum = 0;
    Day began = 0;
  };
  absl::btree_map<absl::string_view, Held> held;  // by entry key: fact after fact of each reduced key
  ForEachEntry(std::numeric_limits<Day>::min(), last, [&](absl::string_view key, const DayCell& cell) {
    Held& entry = held[key];
    if (cell.count > 0) entry.began = cell.day;
    entry.count += cell.count;
    entry.sum += cell.sum;
  });
  Totals totals;
  for (auto it = held.begin(); it != held.end();) {
    const absl::string_view key = ReducedKey(it->first);
    const Held* latest = nullptr;
    for (; it != held.end() && ReducedKey(it->first) == key; ++it) {
      if (it->second.count > 0 && (latest == nullptr || it->second.began >= latest->began)) latest = &it->second;
    }
    if (latest == nullptr) continue;
    ++totals.count;
    totals.sum += latest->sum;
  }
  return totals;
}

std::optional<Day> CellRow::FirstDay() const {
  if (years_.empty()) return std::nullopt;
  const Year& year = years_.front();
  return year.page != nullptr ? year.page->days.first_day() : year.entries->entries.begin()->first.first;
}

void CellRow::ForEachCell(const std::function<void(absl::string_view key, const DayCell&)>& visit) const {
  for (const Year& year : years_) {
    if (year.page == nullptr) continue;
    year.page->days.ForEach([&visit](const DayCell& cell) { visit("", cell); });
  }
  ForEachEntry(std::numeric_limits<Day>::min(), std::numeric_limits<Day>::max(), visit);
}

std::string EncodeYear(int year, absl::Span<const NamedPage> pages) {
  std::string value;
  size_t days = 0;
  for (const NamedPage& page : pages) days += page.days != nullptr ? page.days->days.size() : 0;
  value.reserve(32 * pages.size() + 8 * days);  // about
  ByteWriter writer(&value);
  const auto write_cell = [&writer](const DayCell& cell) {
    writer.Varint(static_cast<uint64_t>(cell.contributions)).Zigzag(cell.count).Int128(cell.sum);
  };
  writer.Byte(kYearFormat).Varint(pages.size());
  for (const NamedPage& page : pages) {
    writer.String(page.row);
    Day last = YearStart(year) - 1;
    const auto write_day = [&](Day day) {
      writer.Varint(static_cast<uint64_t>(day - last));
      last = day;
    };
    if (page.days != nullptr) {
      writer.Byte(kDays).Zigzag(page.days->count).Int128(page.days->sum).Varint(page.days->days.size());
      page.days->days.ForEach([&](const DayCell& cell) {
        write_day(cell.day);
        write_cell(cell);
      });
      continue;
    }
    writer.Byte(kEntries).Varint(page.entries->entries.size());
    for (const auto& [id, cell] : page.entries->entries) {
      write_day(id.first);
      writer.String(id.second);
      write_cell(cell);
    }
  }
  return value;
}

absl::Status DecodeYear(int year, absl::string_view value,
                        const std::function<void(absl::string_view row, CellPage page)>& days,
                        const std::function<void(absl::string_view row, EntryPage page)>& entries) {
  ByteReader reader(value);
  if (reader.Byte() != kYearFormat) return absl::DataLossError("cells: unknown format");
  const size_t pages = reader.Count(4);
  for (size_t i = 0; i < pages && reader.ok(); ++i) {
    const absl::string_view row = reader.String();
    Day last = YearStart(year) - 1;
    const auto read_cell = [&](Day day) {
      DayCell cell;
      cell.day = day;
      cell.contributions = static_cast<int32_t>(reader.Varint32());
      cell.count = reader.Zigzag();
      cell.sum = reader.Int128();
      return cell;
    };
    const auto read_day = [&] { return last += static_cast<Day>(std::min<uint64_t>(reader.Varint(), 366)); };
    const uint8_t holds = reader.Byte();
    if (holds == kDays) {
      CellPage page;
      page.count = reader.Zigzag();
      page.sum = reader.Int128();
      const size_t size = reader.Count(4);
      for (size_t left = size; left > 0; --left) {
        page.days.Append(read_cell(read_day()));
        if (left == size) page.days.Reserve(size);  // in the layout that most likely holds them all
      }
      if (reader.ok()) days(row, std::move(page));
    } else if (holds == kEntries) {
      EntryPage page;
      for (size_t left = reader.Count(5); left > 0 && reader.ok(); --left) {
        const Day day = read_day();
        std::string key(reader.String());
        page.entries.emplace_hint(page.entries.end(), std::make_pair(day, std::move(key)), read_cell(day));
      }
      if (reader.ok()) entries(row, std::move(page));
    } else {
      return absl::DataLossError("cells: unknown kind of page");
    }
  }
  return reader.Finish("cells");
}

absl::StatusOr<std::unique_ptr<CellTable::Scope>> CellTable::Load(uint32_t scope) const {
  auto loaded = std::make_unique<Scope>();
  const std::string prefix = keys_.Cells(scope_names_.Name(scope));
  absl::Status decoded;
  RETURN_IF_ERROR(
      store_.Scan(storage::StateTable::kCells, prefix, prefix, [&](absl::string_view key, absl::string_view value) {
        Year year;
        year.cells.reset(new YearCells);
        year.cells->year = ByteReader(key.substr(prefix.size())).KeyI32();
        year.bytes = sizeof(YearCells);
        decoded = DecodeYear(
            year.cells->year, value,
            [&](absl::string_view row, CellPage page) {
              year.bytes += kPageBytes + page.days.bytes();
              year.cells->pages.emplace_back(row_names_.Id(row), std::move(page));
            },
            [&](absl::string_view row, EntryPage page) {
              year.bytes += kPageBytes + page.entries.size() * kEntryBytes;
              year.cells->entries.emplace_back(row_names_.Id(row), std::move(page));
            });
        const auto by_row = [](const auto& a, const auto& b) { return a.first < b.first; };
        std::sort(year.cells->pages.begin(), year.cells->pages.end(), by_row);
        std::sort(year.cells->entries.begin(), year.cells->entries.end(), by_row);
        loaded->years.push_back(std::move(year));
        return decoded.ok();
      }));
  RETURN_IF_ERROR(decoded);
  return loaded;
}

absl::StatusOr<const CellTable::Scope*> CellTable::Published(uint32_t scope, std::unique_ptr<Scope>& loaded) const {
  if (IsLoaded(scope)) return scopes_[scope].get();
  ASSIGN_OR_RETURN(loaded, Load(scope));
  return loaded.get();
}

absl::StatusOr<CellRow> CellTable::Read(uint32_t scope, uint32_t row) const {
  ASSIGN_OR_RETURN(std::vector<CellRow> read, Read(scope, {&row, 1}));
  return std::move(read.front());
}

absl::StatusOr<std::vector<CellRow>> CellTable::Read(uint32_t scope, absl::Span<const uint32_t> rows) const {
  std::vector<CellRow> read(rows.size());
  std::unique_ptr<Scope> loaded;
  ASSIGN_OR_RETURN(const Scope* published, Published(scope, loaded));
  for (const Year& year : published->years) {
    for (size_t i = 0; i < rows.size(); ++i) read[i].AddYear(year.cells, rows[i]);
  }
  return read;
}

absl::StatusOr<std::map<std::string, CellRow>> CellTable::ReadAll(uint32_t scope, absl::string_view prefix) const {
  std::unique_ptr<Scope> loaded;
  ASSIGN_OR_RETURN(const Scope* published, Published(scope, loaded));
  std::map<std::string, CellRow> rows;
  for (const Year& year : published->years) {
    const auto add = [&](uint32_t row) {
      const std::string& name = row_names_.Name(row);
      if (absl::StartsWith(name, prefix)) rows[name].AddYear(year.cells, row);
    };
    for (const auto& [row, page] : year.cells->pages) add(row);
    for (const auto& [row, page] : year.cells->entries) add(row);
  }
  return rows;
}

absl::Status CellTable::LoadForBatch(uint32_t scope) {
  if (IsLoaded(scope) || sealed_.loaded.contains(scope) || batch_.loaded.contains(scope)) return absl::OkStatus();
  ASSIGN_OR_RETURN(batch_.loaded[scope], Load(scope));
  return absl::OkStatus();
}

absl::Status CellTable::Add(absl::Span<const uint32_t> scopes, absl::Span<const RowContribution> contributions) {
  if (contributions.empty()) return absl::OkStatus();
  for (const uint32_t scope : scopes) {
    RETURN_IF_ERROR(LoadForBatch(scope));
    batch_.pending.push_back(
        {scope, static_cast<uint32_t>(batch_.contributions.size()), static_cast<uint32_t>(contributions.size())});
  }
  batch_.contributions.insert(batch_.contributions.end(), contributions.begin(), contributions.end());
  return absl::OkStatus();
}

absl::Status CellTable::Add(absl::Span<const uint32_t> scopes, absl::Span<const EntryContribution> entries) {
  if (entries.empty()) return absl::OkStatus();
  for (const uint32_t scope : scopes) {
    RETURN_IF_ERROR(LoadForBatch(scope));
    for (const EntryContribution& entry : entries) batch_.entries.push_back({scope, entry});
  }
  return absl::OkStatus();
}

void CellTable::Batch::Clear() {
  pending.clear();
  contributions.clear();
  entries.clear();
  touched.clear();
  loaded.clear();
}

void CellTable::Seal() {
  std::swap(batch_, sealed_);
}

void CellTable::Discard() {
  batch_.Clear();
  sealed_.Clear();
}

void CellTable::MarkChanged(uint32_t scope) {
  if (changed_.size() <= scope) changed_.resize(scope + 1);
  changed_[scope] = publishes_;
}

uint64_t CellTable::ChangedSince(uint64_t publishes, absl::FunctionRef<void(uint32_t scope)> visit) const {
  for (uint32_t scope = 0; publishes < publishes_ && scope < changed_.size(); ++scope) {
    if (changed_[scope] > publishes) visit(scope);
  }
  return publishes_;
}

void CellTable::TakeSealed() {
  std::swap(taken_, sealed_);
  for (auto& [id, scope] : taken_.loaded) {
    if (scopes_.size() <= id) scopes_.resize(id + 1);
    for (const Year& year : scope->years) bytes_ += year.bytes;
    scopes_[id] = std::move(scope);
  }
  taken_.loaded.clear();
}

void CellTable::AddTaken() {
  ++publishes_;
  for (const uint32_t scope : taken_.touched) MarkChanged(scope);
  const auto contributions = absl::MakeConstSpan(taken_.contributions);
  for (const Pending& pending : taken_.pending) {
    updates_ += pending.size;
    Apply(pending.scope, contributions.subspan(pending.first, pending.size));
  }
  for (const PendingEntry& entry : taken_.entries) Apply(entry);
  updates_ += taken_.entries.size();
  taken_.Clear();
}

CellTable::Year& CellTable::YearOfScope(uint32_t id, Scope& scope, int wanted) {
  auto it = std::lower_bound(scope.years.begin(), scope.years.end(), wanted,
                             [](const Year& year, int number) { return year.cells->year < number; });
  if (it == scope.years.end() || it->cells->year != wanted) {
    it = scope.years.insert(it, Year());
    it->cells.reset(new YearCells);
    it->cells->year = wanted;
    bytes_ += it->bytes = sizeof(YearCells);
  } else if (it->cells->use_count() > 1) {
    // Readers get their shares under the lock that is held here for writing, so one that is alone stays so.
    it->cells.reset(new YearCells(*it->cells));
  }
  if (!it->dirty) {
    it->dirty = true;
    dirty_bytes_ += it->bytes;
  }
  if (!scope.dirty) {
    scope.dirty = true;
    dirty_scopes_.push_back(id);
  }
  MarkChanged(id);
  return *it;
}

void CellTable::Apply(uint32_t id, absl::Span<const RowContribution> contributions) {
  Scope& scope = *scopes_[id];
  Year* year = nullptr;
  Day day = 0;
  size_t next = 0;  // rows mostly come in ascending order: the page is most likely the next one
  for (const auto& [row, contribution] : contributions) {
    if (year == nullptr || contribution.day != day) {
      day = contribution.day;
      if (const int number = YearOf(day); year == nullptr || year->cells->year != number) {
        year = &YearOfScope(id, scope, number);
        next = 0;
      }
    }
    auto& pages = year->cells->pages;
    if (next >= pages.size() || pages[next].first != row) {
      const auto at = LowerBound(pages, row);
      next = static_cast<size_t>(at - pages.begin());
      if (at == pages.end() || at->first != row) {
        pages.emplace(at, row, CellPage());
        Grow(*year, kPageBytes);
      }
    }
    CellPage& page = pages[next++].second;
    const size_t bytes = page.days.bytes();
    page.Add(contribution);
    if (page.days.bytes() > bytes) Grow(*year, page.days.bytes() - bytes);
  }
}

void CellTable::Apply(const PendingEntry& pending) {
  const auto& [row, key, contribution] = pending.entry;
  Year& year = YearOfScope(pending.scope, *scopes_[pending.scope], YearOf(contribution.day));
  auto& pages = year.cells->entries;
  auto at = LowerBound(pages, row);
  if (at == pages.end() || at->first != row) {
    at = pages.emplace(at, row, EntryPage());
    Grow(year, kPageBytes);
  }
  const size_t size = at->second.entries.size();
  at->second.Add(key, contribution);
  if (at->second.entries.size() > size) Grow(year, kEntryBytes);
}

void CellTable::Grow(Year& year, size_t bytes) {
  year.bytes += bytes;
  bytes_ += bytes;
  dirty_bytes_ += bytes;
}

std::vector<DirtyYear> CellTable::TakeDirty() {
  std::vector<DirtyYear> dirty;
  for (const uint32_t id : dirty_scopes_) {
    Scope& scope = *scopes_[id];
    scope.dirty = false;
    for (Year& year : scope.years) {
      if (!year.dirty) continue;
      year.dirty = false;
      dirty.push_back({id, year.cells});
    }
  }
  dirty_scopes_.clear();
  dirty_bytes_ = 0;
  return dirty;
}

CellChange CellTable::Encode(const DirtyYear& year) const {
  std::vector<NamedPage> pages;
  for (const auto& [row, page] : year.cells->pages) {
    if (!page.days.empty()) pages.push_back({row_names_.Name(row), &page, nullptr});
  }
  for (const auto& [row, page] : year.cells->entries) {
    if (!page.entries.empty()) pages.push_back({row_names_.Name(row), nullptr, &page});
  }
  CellChange change{keys_.Cells(scope_names_.Name(year.scope)), std::nullopt};
  ByteWriter(&change.key).KeyI32(year.cells->year);
  if (!pages.empty()) change.value = EncodeSorted(year.cells->year, pages);
  return change;
}

void CellTable::Evict() {
  if (bytes_ <= cache_bytes_) return;
  // A batch that is not published adds to scopes as they are in memory.
  absl::flat_hash_set<uint32_t> needed;
  for (const Batch* batch : {&batch_, &sealed_}) {
    for (const Pending& pending : batch->pending) needed.insert(pending.scope);
    for (const PendingEntry& entry : batch->entries) needed.insert(entry.scope);
  }
  // Scopes are cheap to load again; dropping half of them in order of their number keeps no bookkeeping per read.
  for (uint32_t id = 0; id < scopes_.size() && bytes_ > cache_bytes_ / 2; ++id) {
    std::unique_ptr<Scope>& scope = scopes_[id];
    if (scope == nullptr || scope->dirty || needed.contains(id)) continue;
    for (const Year& year : scope->years) bytes_ -= std::min(bytes_, year.bytes);
    scope.reset();
  }
}

}  // namespace partnermetrics
