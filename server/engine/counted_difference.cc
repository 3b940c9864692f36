#include "server/engine/counted_difference.h"

#include <algorithm>

#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

bool Same(const Contribution& a, const Contribution& b) {
  return a.day == b.day && a.contributions == b.contributions && a.count == b.count && a.sum == b.sum;
}
bool Same(const RowContribution& a, const RowContribution& b) {
  return a.row == b.row && Same(a.contribution, b.contribution);
}
bool Same(const EntryContribution& a, const EntryContribution& b) {
  return a.row == b.row && Same(a.contribution, b.contribution) && a.key == b.key;
}

template <typename T>
T Signed(T contribution, int sign) {
  contribution.contribution.contributions *= sign;
  contribution.contribution.count *= sign;
  contribution.contribution.sum *= sign;
  return contribution;
}

// What only `before` has, negative, and what only `now` has. Both are in the order of the measures: what is the same
// mostly follows what was found last.
template <typename T>
void Difference(absl::Span<const T> before, absl::Span<const T> now, std::vector<bool>& matched,
                std::vector<T>& changed) {
  matched.assign(before.size(), false);
  changed.clear();
  size_t next = 0;
  for (const T& contribution : now) {
    size_t tried = 0;
    while (tried < before.size() && (matched[next] || !Same(before[next], contribution))) {
      next = next + 1 == before.size() ? 0 : next + 1;
      ++tried;
    }
    if (tried < before.size()) {
      matched[next] = true;
    } else {
      changed.push_back(contribution);
    }
  }
  for (size_t i = 0; i < before.size(); ++i) {
    if (!matched[i]) changed.push_back(Signed(before[i], -1));
  }
}

}  // namespace

void CountedDifference::Begin(bool same_rows) {
  is_open_ = true;
  same_rows_ = same_rows;
  before_.clear();
  now_.clear();
  rows_.clear();
  entries_.clear();
}

void CountedDifference::Take(CountedAs kind, absl::Span<const uint32_t> scopes, absl::Span<const RowContribution> rows,
                             absl::Span<const EntryContribution> entries, int sign) {
  (sign < 0 ? before_ : now_)
      .push_back(
          {kind, Scopes(scopes.begin(), scopes.end()), rows_.size(), rows.size(), entries_.size(), entries.size()});
  rows_.insert(rows_.end(), rows.begin(), rows.end());
  entries_.insert(entries_.end(), entries.begin(), entries.end());
}

bool CountedDifference::TakeAgain(absl::Span<const uint32_t> scopes) {
  if (!is_open_ || !same_rows_) return false;
  for (const Group& before : before_) {
    if (before.kind != CountedAs::kEverywhere) continue;
    Group& now = now_.emplace_back(before);
    now.scopes.assign(scopes.begin(), scopes.end());
    return true;
  }
  return false;
}

CountedDifference::Group* CountedDifference::PartnerOf(const Group& now) {
  for (Group& before : before_) {
    const bool is_other_scope = now.kind == CountedAs::kPartners && before.scopes != now.scopes;
    if (before.kind == now.kind && !before.scopes.empty() && !is_other_scope) return &before;
  }
  return nullptr;
}

absl::Status CountedDifference::Add(CellTable& cells, const Scopes& scopes, const Group& group, int sign) {
  if (scopes.empty()) return absl::OkStatus();
  changed_rows_.clear();
  changed_entries_.clear();
  for (size_t i = 0; i < group.rows; ++i) changed_rows_.push_back(Signed(rows_[group.first_row + i], sign));
  for (size_t i = 0; i < group.entries; ++i) changed_entries_.push_back(Signed(entries_[group.first_entry + i], sign));
  RETURN_IF_ERROR(cells.Add(scopes, changed_rows_));
  return cells.Add(scopes, changed_entries_);
}

absl::Status CountedDifference::AddBetween(CellTable& cells, const Scopes& scopes, const Group& before,
                                           const Group& now) {
  const bool is_again = before.first_row == now.first_row && before.first_entry == now.first_entry &&
                        before.rows == now.rows && before.entries == now.entries;
  if (is_again) return absl::OkStatus();
  const auto rows = absl::MakeConstSpan(rows_);
  Difference(rows.subspan(before.first_row, before.rows), rows.subspan(now.first_row, now.rows), matched_,
             changed_rows_);
  const auto entries = absl::MakeConstSpan(entries_);
  Difference(entries.subspan(before.first_entry, before.entries), entries.subspan(now.first_entry, now.entries),
             matched_, changed_entries_);
  RETURN_IF_ERROR(cells.Add(scopes, changed_rows_));
  return cells.Add(scopes, changed_entries_);
}

absl::Status CountedDifference::AddTo(CellTable& cells) {
  is_open_ = false;
  const auto has = [](const Scopes& scopes, uint32_t scope) {
    return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
  };
  // Scopes that both groups have are worked off together, the others of the one before last.
  for (const Group& now : now_) {
    Scopes both, added;
    Group* const before = PartnerOf(now);
    for (const uint32_t scope : now.scopes) {
      (before != nullptr && has(before->scopes, scope) ? both : added).push_back(scope);
    }
    RETURN_IF_ERROR(Add(cells, added, now, +1));
    if (both.empty()) continue;
    RETURN_IF_ERROR(AddBetween(cells, both, *before, now));
    before->scopes.erase(
        std::remove_if(before->scopes.begin(), before->scopes.end(), [&](uint32_t scope) { return has(both, scope); }),
        before->scopes.end());
  }
  for (const Group& before : before_) RETURN_IF_ERROR(Add(cells, before.scopes, before, -1));
  return absl::OkStatus();
}

}  // namespace partnermetrics
