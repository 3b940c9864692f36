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

constexpr uint8_t kPageFormat = 1;
constexpr size_t kMaxLoaded = 100'000;

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
  if (it == days.end() || it->day != c.day) it = days.insert(it, DayCell{c.day, 0, 0, 0});
  it->contributions += c.contributions;
  it->count += c.count;
  it->sum += c.sum;
  Check(it->contributions >= 0, "a day has less than no contributions");
  if (it->contributions == 0) {
    Check(it->count == 0 && it->sum == 0, "a day without contributions has a sum");
    days.erase(it);
  }
}

std::string EncodePage(const CellPage& page) {
  std::string value;
  ByteWriter writer(&value);
  writer.Byte(kPageFormat).Zigzag(page.count).Int128(page.sum).Varint(page.days.size());
  Day last = YearStart(page.year) - 1;
  for (const DayCell& cell : page.days) {
    writer.Varint(static_cast<uint64_t>(cell.day - last)).Varint(static_cast<uint64_t>(cell.contributions));
    writer.Zigzag(cell.count).Int128(cell.sum);
    last = cell.day;
  }
  return value;
}

absl::StatusOr<CellPage> DecodePage(int year, absl::string_view value) {
  ByteReader reader(value);
  CellPage page;
  page.year = year;
  if (reader.Byte() != kPageFormat) return absl::DataLossError("cell page: unknown format");
  page.count = reader.Zigzag();
  page.sum = reader.Int128();
  const size_t days = reader.Count(4);
  page.days.reserve(days);
  Day last = YearStart(year) - 1;
  for (size_t i = 0; i < days; ++i) {
    DayCell cell;
    last += static_cast<Day>(std::min<uint64_t>(reader.Varint(), 1'000'000));
    cell.day = last;
    cell.contributions = static_cast<int64_t>(reader.Varint());
    cell.count = reader.Zigzag();
    cell.sum = reader.Int128();
    page.days.push_back(cell);
  }
  RETURN_IF_ERROR(reader.Finish("cell page"));
  return page;
}

CellRow::Totals CellRow::Range(Day first, Day last) const {
  Totals totals;
  for (const auto& page : pages) {
    const Day start = YearStart(page->year), end = YearStart(page->year + 1) - 1;
    if (end < first || start > last) continue;
    if (start >= first && end <= last) {
      totals.count += page->count;
      totals.sum += page->sum;
      continue;
    }
    auto it = std::lower_bound(page->days.begin(), page->days.end(), first,
                               [](const DayCell& cell, Day day) { return cell.day < day; });
    for (; it != page->days.end() && it->day <= last; ++it) {
      totals.count += it->count;
      totals.sum += it->sum;
    }
  }
  return totals;
}

CellRow::Totals CellRow::UpTo(Day last) const {
  return pages.empty() ? Totals{} : Range(YearStart(pages.front()->year), last);
}

size_t CellRow::bytes() const {
  size_t bytes = sizeof(CellRow);
  for (const auto& page : pages) bytes += page->bytes();
  return bytes;
}

absl::StatusOr<std::shared_ptr<const CellRow>> CellTable::Load(RowId id) const {
  auto row = std::make_shared<CellRow>();
  const std::string prefix = prefix_of_(id);
  absl::Status decoded;
  RETURN_IF_ERROR(store_.Scan(storage::StateTable::kCells, prefix, prefix,
                              [&](absl::string_view key, absl::string_view value) {
                                ByteReader year(key.substr(prefix.size()));
                                absl::StatusOr<CellPage> page = DecodePage(year.KeyI32(), value);
                                decoded = page.status();
                                if (!decoded.ok()) return false;
                                row->pages.push_back(std::make_shared<CellPage>(*std::move(page)));
                                return true;
                              }));
  RETURN_IF_ERROR(decoded);
  return row;
}

absl::StatusOr<std::shared_ptr<const CellRow>> CellTable::Read(RowId id) const {
  if (const auto it = rows_.find(id); it != rows_.end()) return it->second.row;
  {
    MutexLock lock(&loaded_mutex_);
    if (const auto it = loaded_.find(id); it != loaded_.end()) return it->second;
  }
  // The caller holds the engine's lock, so no checkpoint can come between the look above and this one.
  ASSIGN_OR_RETURN(auto row, Load(id));
  Remember(id, row);
  return row;
}

void CellTable::Remember(RowId id, const std::shared_ptr<const CellRow>& row) const {
  MutexLock lock(&loaded_mutex_);
  if (loaded_.size() < kMaxLoaded) loaded_.emplace(id, row);
}

absl::Status CellTable::Add(RowId id, const Contribution& contribution) {
  auto [it, is_new] = batch_.try_emplace(id);
  BatchRow& batch_row = it->second;
  if (is_new) {
    if (const auto published = rows_.find(id); published != rows_.end()) {
      batch_row.row = std::make_shared<CellRow>(*published->second.row);
    } else {
      ASSIGN_OR_RETURN(auto loaded, Load(id));
      batch_row.row = std::make_shared<CellRow>(*loaded);
    }
  }
  const int year = YearOf(contribution.day);
  std::shared_ptr<CellPage>& page = batch_row.touched[year];
  if (page == nullptr) {
    auto& pages = batch_row.row->pages;
    const auto old = std::lower_bound(pages.begin(), pages.end(), year,
                                      [](const auto& candidate, int wanted) { return candidate->year < wanted; });
    if (old != pages.end() && (*old)->year == year) {
      page = std::make_shared<CellPage>(**old);
      *old = page;
    } else {
      page = std::make_shared<CellPage>();
      page->year = year;
      pages.insert(old, page);
    }
  }
  page->Add(contribution);
  return absl::OkStatus();
}

void CellTable::Publish() {
  for (auto& [id, batch_row] : batch_) {
    auto& pages = batch_row.row->pages;
    pages.erase(std::remove_if(pages.begin(), pages.end(), [](const auto& page) { return page->days.empty(); }),
                pages.end());
    Entry& entry = rows_[id];
    if (entry.dirty_years.empty()) {
      if (entry.row != nullptr) clean_bytes_ -= std::min(clean_bytes_, entry.row->bytes());
      dirty_rows_.push_back(id);
    }
    for (const auto& [year, page] : batch_row.touched) {
      const auto at = std::lower_bound(entry.dirty_years.begin(), entry.dirty_years.end(), year);
      if (at == entry.dirty_years.end() || *at != year) {
        entry.dirty_years.insert(at, year);
        dirty_bytes_ += page->bytes();
      }
    }
    entry.row = std::move(batch_row.row);
  }
  MutexLock lock(&loaded_mutex_);
  for (auto& [id, row] : loaded_) {
    if (rows_.try_emplace(id, Entry{row, {}}).second) clean_bytes_ += row->bytes();
  }
  loaded_.clear();
  batch_.clear();
}

void CellTable::DropCached(const std::function<bool(RowId)>& drop) {
  absl::erase_if(rows_, [&](const auto& entry) { return drop(entry.first); });
  dirty_rows_.erase(std::remove_if(dirty_rows_.begin(), dirty_rows_.end(), drop), dirty_rows_.end());
  MutexLock lock(&loaded_mutex_);
  loaded_.clear();
}

void CellTable::CollectDirty(std::vector<storage::StateChange>& changes) const {
  for (const RowId& id : dirty_rows_) {
    const Entry& entry = rows_.at(id);
    const std::string prefix = prefix_of_(id);
    for (const int year : entry.dirty_years) {
      std::string key = prefix;
      ByteWriter(&key).KeyI32(year);
      storage::StateChange change{storage::StateTable::kCells, std::move(key), std::nullopt};
      for (const auto& page : entry.row->pages) {
        if (page->year == year) change.value = EncodePage(*page);
      }
      changes.push_back(std::move(change));
    }
  }
}

void CellTable::MarkClean() {
  for (const RowId& id : dirty_rows_) {
    Entry& entry = rows_.at(id);
    entry.dirty_years.clear();
    clean_bytes_ += entry.row->bytes();
  }
  dirty_rows_.clear();
  dirty_bytes_ = 0;
  if (clean_bytes_ > cache_bytes_) Evict();
}

void CellTable::Evict() {
  // Rows are cheap to load again; dropping half of them in hash order keeps no bookkeeping per read.
  for (auto it = rows_.begin(); it != rows_.end() && clean_bytes_ > cache_bytes_ / 2;) {
    clean_bytes_ -= std::min(clean_bytes_, it->second.row->bytes());
    rows_.erase(it++);
  }
}

}  // namespace partnermetrics
