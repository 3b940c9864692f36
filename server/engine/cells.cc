#include "server/engine/cells.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

using storage::ByteReader;
using storage::ByteWriter;

constexpr uint8_t kPagesFormat = 1;
// Memory of a page besides its days.
constexpr size_t kPageBytes = sizeof(std::pair<uint32_t, CellPage>);

// A broken sum here means that numbers are wrong: better to stop than to go on.
void Check(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "invariant broken: %s\n", what);
    std::abort();
  }
}

}  // namespace

void CellPage::Add(const Contribution& c) {
  count += c.count;
  sum += c.sum;
  // Most facts are new: their day is the last one or behind it.
  auto it = !days.empty() && days.back().day < c.day
                ? days.end()
                : std::lower_bound(days.begin(), days.end(), c.day,
                                   [](const DayCell& cell, Day day) { return cell.day < day; });
  if (it == days.end() || it->day != c.day) it = days.insert(it, DayCell{0, 0, c.day, 0});
  it->contributions += c.contributions;
  it->count += c.count;
  it->sum += c.sum;
  Check(it->contributions >= 0, "a day has less than no contributions");
  if (it->contributions == 0) {
    Check(it->count == 0 && it->sum == 0, "a day without contributions has a sum");
    days.erase(it);
  }
}

const CellPage* YearCells::Find(uint32_t measure) const {
  const auto it = std::lower_bound(pages.begin(), pages.end(), measure,
                                   [](const auto& page, uint32_t wanted) { return page.first < wanted; });
  return it != pages.end() && it->first == measure ? &it->second : nullptr;
}

void CellRow::AddYear(boost::intrusive_ptr<const YearCells> cells, uint32_t measure) {
  const CellPage* page = cells->Find(measure);
  if (page != nullptr && !page->days.empty()) years_.push_back({std::move(cells), page});
}

CellRow::Totals CellRow::Range(Day first, Day last) const {
  Totals totals;
  for (const Year& year : years_) {
    const CellPage& page = *year.page;
    if (page.days.back().day < first || page.days.front().day > last) continue;
    if (page.days.front().day >= first && page.days.back().day <= last) {
      totals.count += page.count;
      totals.sum += page.sum;
      continue;
    }
    auto it = std::lower_bound(page.days.begin(), page.days.end(), first,
                               [](const DayCell& cell, Day day) { return cell.day < day; });
    for (; it != page.days.end() && it->day <= last; ++it) {
      totals.count += it->count;
      totals.sum += it->sum;
    }
  }
  return totals;
}

CellRow::Totals CellRow::UpTo(Day last) const {
  return years_.empty() ? Totals{} : Range(*FirstDay(), last);
}

std::optional<Day> CellRow::FirstDay() const {
  return years_.empty() ? std::nullopt : std::optional<Day>(years_.front().page->days.front().day);
}

void CellRow::ForEachDay(const std::function<void(const DayCell&)>& visit) const {
  for (const Year& year : years_) {
    for (const DayCell& cell : year.page->days) visit(cell);
  }
}

std::string EncodePages(int year, absl::Span<const std::pair<absl::string_view, const CellPage*>> pages) {
  std::string value;
  ByteWriter writer(&value);
  writer.Byte(kPagesFormat).Varint(pages.size());
  for (const auto& [measure, page] : pages) {
    writer.String(measure).Zigzag(page->count).Int128(page->sum).Varint(page->days.size());
    Day last = YearStart(year) - 1;
    for (const DayCell& cell : page->days) {
      writer.Varint(static_cast<uint64_t>(cell.day - last)).Varint(static_cast<uint64_t>(cell.contributions));
      writer.Zigzag(cell.count).Int128(cell.sum);
      last = cell.day;
    }
  }
  return value;
}

absl::Status DecodePages(int year, absl::string_view value,
                         const std::function<void(absl::string_view measure, CellPage page)>& visit) {
  ByteReader reader(value);
  if (reader.Byte() != kPagesFormat) return absl::DataLossError("cells: unknown format");
  const size_t pages = reader.Count(4);
  for (size_t i = 0; i < pages && reader.ok(); ++i) {
    const absl::string_view measure = reader.String();
    CellPage page;
    page.count = reader.Zigzag();
    page.sum = reader.Int128();
    page.days.resize(reader.Count(4));
    Day last = YearStart(year) - 1;
    for (DayCell& cell : page.days) {
      last += static_cast<Day>(std::min<uint64_t>(reader.Varint(), 366));
      cell.day = last;
      cell.contributions = static_cast<int32_t>(reader.Varint32());
      cell.count = reader.Zigzag();
      cell.sum = reader.Int128();
    }
    if (reader.ok()) visit(measure, std::move(page));
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
        auto& pages = year.cells->pages;
        decoded = DecodePages(year.cells->year, value, [&](absl::string_view measure, CellPage page) {
          year.bytes += kPageBytes + page.days.capacity() * sizeof(DayCell);
          pages.emplace_back(measure_names_.Id(measure), std::move(page));
        });
        std::sort(pages.begin(), pages.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        loaded->years.push_back(std::move(year));
        return decoded.ok();
      }));
  RETURN_IF_ERROR(decoded);
  return loaded;
}

absl::StatusOr<CellRow> CellTable::Read(uint32_t scope, uint32_t measure) const {
  CellRow row;
  std::unique_ptr<Scope> loaded;
  // A scope that is not in memory has not changed since the last checkpoint.
  if (!IsLoaded(scope)) {
    ASSIGN_OR_RETURN(loaded, Load(scope));
  }
  for (const Year& year : (loaded != nullptr ? loaded : scopes_[scope])->years) row.AddYear(year.cells, measure);
  return row;
}

absl::Status CellTable::Add(absl::Span<const uint32_t> scopes, absl::Span<const MeasureContribution> contributions) {
  if (contributions.empty()) return absl::OkStatus();
  for (const uint32_t scope : scopes) {
    if (!IsLoaded(scope) && !loaded_.contains(scope)) {
      ASSIGN_OR_RETURN(loaded_[scope], Load(scope));
    }
    pending_.push_back(
        {scope, static_cast<uint32_t>(contributions_.size()), static_cast<uint32_t>(contributions.size())});
  }
  contributions_.insert(contributions_.end(), contributions.begin(), contributions.end());
  return absl::OkStatus();
}

void CellTable::Discard() {
  loaded_.clear();
  pending_.clear();
  contributions_.clear();
}

void CellTable::Publish() {
  for (auto& [id, scope] : loaded_) {
    if (scopes_.size() <= id) scopes_.resize(id + 1);
    for (const Year& year : scope->years) bytes_ += year.bytes;
    scopes_[id] = std::move(scope);
  }
  loaded_.clear();
  const auto contributions = absl::MakeConstSpan(contributions_);
  for (const Pending& pending : pending_) Apply(pending.scope, contributions.subspan(pending.first, pending.size));
  pending_.clear();
  contributions_.clear();
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
  return *it;
}

void CellTable::Apply(uint32_t id, absl::Span<const MeasureContribution> contributions) {
  Scope& scope = *scopes_[id];
  Year* year = nullptr;
  Day day = 0;
  size_t next = 0;  // measures come in ascending order: the page is most likely the next one
  for (const auto& [measure, contribution] : contributions) {
    if (year == nullptr || contribution.day != day) {
      day = contribution.day;
      if (const int number = YearOf(day); year == nullptr || year->cells->year != number) {
        year = &YearOfScope(id, scope, number);
        next = 0;
      }
    }
    auto& pages = year->cells->pages;
    if (next >= pages.size() || pages[next].first != measure) {
      const auto at = std::lower_bound(pages.begin(), pages.end(), measure,
                                       [](const auto& page, uint32_t wanted) { return page.first < wanted; });
      next = static_cast<size_t>(at - pages.begin());
      if (at == pages.end() || at->first != measure) {
        pages.emplace(at, measure, CellPage());
        Grow(*year, kPageBytes);
      }
    }
    CellPage& page = pages[next++].second;
    const size_t room = page.days.capacity();
    page.Add(contribution);
    if (page.days.capacity() > room) Grow(*year, (page.days.capacity() - room) * sizeof(DayCell));
  }
  updates_ += contributions.size();
}

void CellTable::Grow(Year& year, size_t bytes) {
  year.bytes += bytes;
  bytes_ += bytes;
  dirty_bytes_ += bytes;
}

absl::Status CellTable::CollectWithout(const absl::flat_hash_set<std::string>& measures,
                                       std::vector<storage::StateChange>& changes) const {
  absl::Status decoded;
  RETURN_IF_ERROR(
      store_.Scan(storage::StateTable::kCells, keys_.program(), keys_.program(),
                  [&](absl::string_view key, absl::string_view value) {
                    std::vector<std::pair<std::string, CellPage>> kept;
                    bool dropped = false;
                    const int year = ByteReader(key.substr(key.size() - sizeof(int32_t))).KeyI32();
                    decoded = DecodePages(year, value, [&](absl::string_view measure, CellPage page) {
                      if (measures.contains(measure)) {
                        dropped = true;
                      } else {
                        kept.emplace_back(measure, std::move(page));
                      }
                    });
                    if (!decoded.ok() || !dropped) return decoded.ok();
                    std::vector<std::pair<absl::string_view, const CellPage*>> pages;
                    for (const auto& [measure, page] : kept) pages.emplace_back(measure, &page);
                    storage::StateChange change{storage::StateTable::kCells, std::string(key), std::nullopt};
                    if (!pages.empty()) change.value = EncodePages(year, pages);
                    changes.push_back(std::move(change));
                    return true;
                  }));
  return decoded;
}

void CellTable::DropAll() {
  scopes_.clear();
  bytes_ = 0;
}

void CellTable::TakeDirty(std::vector<storage::StateChange>& changes) {
  std::vector<std::string> names;  // of all measures, by number
  for (uint32_t id = 0; id < measure_names_.size(); ++id) names.push_back(measure_names_.Name(id));
  std::vector<std::pair<absl::string_view, const CellPage*>> pages;
  for (const uint32_t id : dirty_scopes_) {
    Scope& scope = *scopes_[id];
    scope.dirty = false;
    const std::string prefix = keys_.Cells(scope_names_.Name(id));
    for (Year& year : scope.years) {
      if (!year.dirty) continue;
      year.dirty = false;
      pages.clear();
      for (const auto& [measure, page] : year.cells->pages) {
        if (!page.days.empty()) pages.emplace_back(names[measure], &page);
      }
      std::sort(pages.begin(), pages.end());
      storage::StateChange change{storage::StateTable::kCells, prefix, std::nullopt};
      ByteWriter(&change.key).KeyI32(year.cells->year);
      if (!pages.empty()) change.value = EncodePages(year.cells->year, pages);
      changes.push_back(std::move(change));
    }
  }
  dirty_scopes_.clear();
  dirty_bytes_ = 0;
}

void CellTable::Evict() {
  // A batch that is open has loaded what it needs by itself, so nothing it relies on may go.
  if (bytes_ <= cache_bytes_ || !pending_.empty()) return;
  // Scopes are cheap to load again; dropping half of them in order of their number keeps no bookkeeping per read.
  for (std::unique_ptr<Scope>& scope : scopes_) {
    if (bytes_ <= cache_bytes_ / 2) break;
    if (scope == nullptr || scope->dirty) continue;
    for (const Year& year : scope->years) bytes_ -= std::min(bytes_, year.bytes);
    scope.reset();
  }
}

}  // namespace partnermetrics
