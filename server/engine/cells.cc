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

CellPage& CellRow::Page(int year) {
  auto it = std::lower_bound(pages.begin(), pages.end(), year,
                             [](const CellPage& page, int wanted) { return page.year < wanted; });
  if (it == pages.end() || it->year != year) {
    it = pages.insert(it, CellPage());
    it->year = year;
  }
  return *it;
}

CellRow::Totals CellRow::Range(Day first, Day last) const {
  Totals totals;
  for (const CellPage& page : pages) {
    const Day start = YearStart(page.year), end = YearStart(page.year + 1) - 1;
    if (end < first || start > last) continue;
    if (start >= first && end <= last) {
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
  return pages.empty() ? Totals{} : Range(YearStart(pages.front().year), last);
}

std::string EncodePages(const std::vector<std::pair<absl::string_view, const CellPage*>>& pages) {
  std::string value;
  ByteWriter writer(&value);
  writer.Byte(kPagesFormat).Varint(pages.size());
  for (const auto& [measure, page] : pages) {
    writer.String(measure).Zigzag(page->count).Int128(page->sum).Varint(page->days.size());
    Day last = YearStart(page->year) - 1;
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
    page.year = year;
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

absl::Status CellTable::Load(uint32_t scope,
                             const std::function<void(absl::string_view measure, CellPage page)>& visit) const {
  const std::string prefix = keys_.Cells(scope_names_.Name(scope));
  absl::Status decoded;
  RETURN_IF_ERROR(
      store_.Scan(storage::StateTable::kCells, prefix, prefix, [&](absl::string_view key, absl::string_view value) {
        decoded = DecodePages(ByteReader(key.substr(prefix.size())).KeyI32(), value, visit);
        return decoded.ok();
      }));
  return decoded;
}

absl::StatusOr<std::shared_ptr<const CellRow>> CellTable::Read(uint32_t scope, uint32_t measure) const {
  if (scope < scopes_.size() && scopes_[scope] != nullptr) {
    const std::vector<CellRow>& rows = scopes_[scope]->rows;
    return measure < rows.size() ? std::make_shared<const CellRow>(rows[measure]) : std::make_shared<const CellRow>();
  }
  // A scope that is not in memory has not changed since the last checkpoint.
  auto row = std::make_shared<CellRow>();
  const std::string wanted = measure_names_.Name(measure);
  RETURN_IF_ERROR(Load(scope, [&](absl::string_view name, CellPage page) {
    if (name == wanted) row->pages.push_back(std::move(page));
  }));
  return row;
}

absl::Status CellTable::Add(uint32_t scope, uint32_t measure, const Contribution& contribution) {
  if (scope >= scopes_.size() || scopes_[scope] == nullptr) {
    if (auto& loaded = loaded_[scope]; loaded == nullptr) {
      loaded = std::make_unique<Scope>();
      RETURN_IF_ERROR(Load(scope, [&](absl::string_view name, CellPage page) {
        const uint32_t id = measure_names_.Id(name);
        if (loaded->rows.size() <= id) loaded->rows.resize(id + 1);
        loaded->bytes += page.days.size() * sizeof(DayCell) + sizeof(CellPage);
        loaded->rows[id].pages.push_back(std::move(page));
      }));
    }
  }
  pending_.push_back({scope, measure, contribution});
  return absl::OkStatus();
}

void CellTable::Publish() {
  for (auto& [id, scope] : loaded_) {
    if (scopes_.size() <= id) scopes_.resize(id + 1);
    bytes_ += scope->bytes;
    scopes_[id] = std::move(scope);
  }
  loaded_.clear();
  Day day = 0;
  int year = YearOf(day);
  for (const Pending& pending : pending_) {
    Scope& scope = *scopes_[pending.scope];
    if (scope.rows.size() <= pending.measure) scope.rows.resize(pending.measure + 1);
    // Most measures of an event fall on one day.
    if (pending.contribution.day != day) year = YearOf(day = pending.contribution.day);
    if (scope.dirty_years.empty()) dirty_scopes_.push_back(pending.scope);
    if (const auto at = std::lower_bound(scope.dirty_years.begin(), scope.dirty_years.end(), year);
        at == scope.dirty_years.end() || *at != year) {
      scope.dirty_years.insert(at, year);
    }
    CellPage& page = scope.rows[pending.measure].Page(year);
    const size_t days = page.days.size();
    page.Add(pending.contribution);
    if (page.days.size() > days) {
      scope.bytes += sizeof(DayCell);
      bytes_ += sizeof(DayCell);
    }
    dirty_bytes_ += sizeof(uint64_t);
  }
  pending_.clear();
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
                    if (!pages.empty()) change.value = EncodePages(pages);
                    changes.push_back(std::move(change));
                    return true;
                  }));
  return decoded;
}

void CellTable::DropAll() {
  scopes_.clear();
  bytes_ = 0;
}

void CellTable::CollectDirty(std::vector<storage::StateChange>& changes) const {
  std::vector<std::pair<std::string, uint32_t>> names;  // of all measures, in order
  for (uint32_t id = 0; id < measure_names_.size(); ++id) names.emplace_back(measure_names_.Name(id), id);
  std::sort(names.begin(), names.end());
  std::vector<std::pair<absl::string_view, const CellPage*>> pages;
  for (const uint32_t id : dirty_scopes_) {
    const Scope& scope = *scopes_[id];
    const std::string prefix = keys_.Cells(scope_names_.Name(id));
    for (const int year : scope.dirty_years) {
      pages.clear();
      for (const auto& [name, measure] : names) {
        if (measure >= scope.rows.size()) continue;
        for (const CellPage& page : scope.rows[measure].pages) {
          if (page.year == year && !page.days.empty()) pages.emplace_back(name, &page);
        }
      }
      storage::StateChange change{storage::StateTable::kCells, prefix, std::nullopt};
      ByteWriter(&change.key).KeyI32(year);
      if (!pages.empty()) change.value = EncodePages(pages);
      changes.push_back(std::move(change));
    }
  }
}

void CellTable::MarkClean() {
  for (const uint32_t id : dirty_scopes_) scopes_[id]->dirty_years.clear();
  dirty_scopes_.clear();
  dirty_bytes_ = 0;
  if (bytes_ > cache_bytes_) Evict();
}

void CellTable::Evict() {
  // Scopes are cheap to load again; dropping half of them in order of their number keeps no bookkeeping per read. A
  // batch that is open has loaded what it needs by itself, so nothing it relies on may go.
  if (!pending_.empty()) return;
  for (std::unique_ptr<Scope>& scope : scopes_) {
    if (bytes_ <= cache_bytes_ / 2) break;
    if (scope == nullptr) continue;
    bytes_ -= std::min(bytes_, scope->bytes);
    scope.reset();
  }
}

}  // namespace partnermetrics
