// The days of one measure in one scope and year.
//
//   DayCells days;
//   days.Add({day, 1, 1, amount});        // the day is there from now on
//   days.Sum(first, last);                // of the days first..last
//   days.Add({day, -1, -1, -amount});     // and gone again
//
// Days lie in the narrowest layout that holds them all. Most count a handful of facts and no money, and how many
// scopes fit into memory decides how fast events are counted: a day takes 8 bytes, 16 with a sum, 32 where a number is
// too large for that.
//
// Thread-safety: none of its own.
#ifndef PARTNERMETRICS_SERVER_ENGINE_DAY_CELLS_H_
#define PARTNERMETRICS_SERVER_ENGINE_DAY_CELLS_H_

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "server/base/civil.h"
#include "server/catalog/measure.h"

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

// Adds to a cell. False when nothing is left of it. Stops the process when more is taken back than was added: the
// numbers would be wrong.
bool AddTo(DayCell& cell, const Contribution& contribution);

struct DayTotals {
  int64_t count = 0;
  Nanos sum = 0;
};

class DayCells {
 public:
  bool empty() const { return size() == 0; }
  size_t size() const {
    return std::visit([](const auto& days) { return days.size(); }, days_);
  }
  // Memory taken, besides this object's own.
  size_t bytes() const {
    return std::visit([](const auto& days) { return days.capacity() * sizeof(days[0]); }, days_);
  }
  // Not of none.
  Day first_day() const {
    return std::visit([](const auto& days) { return days.front().day; }, days_);
  }
  Day last_day() const {
    return std::visit([](const auto& days) { return days.back().day; }, days_);
  }

  void Add(const Contribution& contribution);
  // Adds a day behind all others.
  void Append(const DayCell& cell);
  void Reserve(size_t days);

  DayTotals Sum(Day first, Day last) const;
  // The last day up to and with `last`; zero when there is none.
  DayTotals Latest(Day last) const;

  // Calls `visit` with each DayCell, in the order of the days.
  template <typename Visitor>
  void ForEach(Visitor visit) const {
    std::visit(
        [&](const auto& days) {
          for (const auto& day : days) visit(day.Widened());
        },
        days_);
  }

 private:
  // No sum.
  struct CountDay {
    static bool Fits(const DayCell& cell);
    explicit CountDay(const DayCell& cell);
    DayCell Widened() const { return {0, count, day, contributions}; }
    Day day;
    int16_t count;
    uint16_t contributions;
  };
  struct AmountDay {
    static bool Fits(const DayCell& cell);
    explicit AmountDay(const DayCell& cell);
    DayCell Widened() const { return {sum, count, day, contributions}; }
    int64_t sum;
    Day day;
    int16_t count;
    uint16_t contributions;
  };
  struct WideDay : DayCell {
    static bool Fits(const DayCell&) { return true; }
    explicit WideDay(const DayCell& cell) : DayCell(cell) {}
    const DayCell& Widened() const { return *this; }
  };

  template <typename To>
  void Widen();
  // Into a layout that holds the cell, too.
  void WidenFor(const DayCell& cell);
  // False when the layout does not hold what the day became: nothing was changed then.
  template <typename Cell>
  static bool TryAdd(std::vector<Cell>& days, const Contribution& contribution, DayCell& cell);

  std::variant<std::vector<CountDay>, std::vector<AmountDay>, std::vector<WideDay>> days_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_DAY_CELLS_H_
