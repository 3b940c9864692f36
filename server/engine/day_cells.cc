#include "server/engine/day_cells.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>

namespace partnermetrics {
namespace {

// A broken sum here means that numbers are wrong: better to stop than to go on.
void Check(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "invariant broken: %s\n", what);
    std::abort();
  }
}

template <typename To>
bool Holds(const Nanos& number) {
  return number >= std::numeric_limits<To>::min() && number <= std::numeric_limits<To>::max();
}
template <typename To>
bool Holds(int64_t number) {
  return number >= std::numeric_limits<To>::min() && number <= std::numeric_limits<To>::max();
}

template <typename Days>
auto LowerBound(Days& days, Day day) {
  return std::lower_bound(days.begin(), days.end(), day,
                          [](const auto& cell, Day wanted) { return cell.day < wanted; });
}

// Room for a few more at a time: there are very many short lists.
template <typename Days>
void Grow(Days& days) {
  if (days.size() == days.capacity()) days.reserve(days.size() + days.size() / 4 + 2);
}

}  // namespace

bool AddTo(DayCell& cell, const Contribution& c) {
  cell.contributions += c.contributions;
  cell.count += c.count;
  cell.sum += c.sum;
  Check(cell.contributions >= 0, "a day has less than no contributions");
  if (cell.contributions > 0) return true;
  Check(cell.count == 0 && cell.sum == 0, "a day without contributions has a sum");
  return false;
}

bool DayCells::CountDay::Fits(const DayCell& cell) {
  return cell.sum == 0 && Holds<int16_t>(cell.count) && Holds<uint16_t>(int64_t{cell.contributions});
}

DayCells::CountDay::CountDay(const DayCell& cell)
    : day(cell.day),
      count(static_cast<int16_t>(cell.count)),
      contributions(static_cast<uint16_t>(cell.contributions)) {}

bool DayCells::AmountDay::Fits(const DayCell& cell) {
  return Holds<int64_t>(cell.sum) && Holds<int16_t>(cell.count) && Holds<uint16_t>(int64_t{cell.contributions});
}

DayCells::AmountDay::AmountDay(const DayCell& cell)
    : sum(static_cast<int64_t>(cell.sum)),
      day(cell.day),
      count(static_cast<int16_t>(cell.count)),
      contributions(static_cast<uint16_t>(cell.contributions)) {}

template <typename To>
void DayCells::Widen() {
  std::vector<To> wide;
  wide.reserve(size() + 1);
  ForEach([&wide](const DayCell& cell) { wide.emplace_back(cell); });
  days_ = std::move(wide);
}

void DayCells::WidenFor(const DayCell& cell) {
  const bool fits = std::visit([&](auto& days) { return std::decay_t<decltype(days)>::value_type::Fits(cell); }, days_);
  if (fits) return;
  const bool is_of_counts = std::holds_alternative<std::vector<CountDay>>(days_);
  if (is_of_counts && AmountDay::Fits(cell)) {
    Widen<AmountDay>();
  } else {
    Widen<WideDay>();
  }
}

template <typename Cell>
bool DayCells::TryAdd(std::vector<Cell>& days, const Contribution& contribution, DayCell& cell) {
  // Most facts are new: their day is the last one or behind it.
  auto at = !days.empty() && days.back().day < contribution.day ? days.end() : LowerBound(days, contribution.day);
  const bool is_there = at != days.end() && at->day == contribution.day;
  cell = is_there ? at->Widened() : DayCell{0, 0, contribution.day, 0};
  if (!AddTo(cell, contribution)) {
    if (is_there) days.erase(at);
    return true;
  }
  if (!Cell::Fits(cell)) return false;
  if (is_there) {
    *at = Cell(cell);
    return true;
  }
  const auto index = at - days.begin();
  Grow(days);
  days.emplace(days.begin() + index, cell);
  return true;
}

void DayCells::Add(const Contribution& contribution) {
  DayCell cell;
  const auto try_add = [&](auto& days) { return TryAdd(days, contribution, cell); };
  if (std::visit(try_add, days_)) return;
  WidenFor(cell);
  std::visit(try_add, days_);
}

void DayCells::Append(const DayCell& cell) {
  WidenFor(cell);
  std::visit(
      [&](auto& days) {
        Grow(days);
        days.emplace_back(cell);
      },
      days_);
}

void DayCells::Reserve(size_t count) {
  std::visit([count](auto& days) { days.reserve(count); }, days_);
}

DayTotals DayCells::Sum(Day first, Day last) const {
  DayTotals totals;
  std::visit(
      [&](const auto& days) {
        for (auto it = LowerBound(days, first); it != days.end() && it->day <= last; ++it) {
          const DayCell& cell = it->Widened();
          totals.count += cell.count;
          totals.sum += cell.sum;
        }
      },
      days_);
  return totals;
}

DayTotals DayCells::Latest(Day last) const {
  return std::visit(
      [&](const auto& days) {
        const auto after =
            std::upper_bound(days.begin(), days.end(), last, [](Day day, const auto& cell) { return day < cell.day; });
        if (after == days.begin()) return DayTotals();
        const DayCell& cell = std::prev(after)->Widened();
        return DayTotals{cell.count, cell.sum};
      },
      days_);
}

}  // namespace partnermetrics
