// Every way of reading a row of cells, worked out again from its cells in the plainest way.
#ifndef PARTNERMETRICS_TESTS_PROPERTY_ROW_READS_H_
#define PARTNERMETRICS_TESTS_PROPERTY_ROW_READS_H_

#include <rapidcheck.h>

#include <map>
#include <string>
#include <vector>

#include "server/engine/cells.h"

namespace partnermetrics {

struct Entry {
  std::string key;
  DayCell cell;
};

inline void ExpectTotals(const CellRow::Totals& served, const CellRow::Totals& wanted) {
  RC_ASSERT(served.count == wanted.count && served.sum == wanted.sum);
}

// What is read at several dates, worked out again from the entries in the plainest way.
inline void VerifyReads(const CellRow& row, const std::vector<Entry>& entries) {
  for (const int offset : {0, 59, 60, 365, 366, 500, 799}) {
    const Day last = ToDay(absl::CivilDay(2024, 1, 1) + offset), first = last - 89;
    CellRow::Totals window, stock, latest, cohort;
    Day latest_day = -1'000'000;
    std::map<std::string, Nanos> flow_keys;
    struct Open {
      int64_t count = 0;
      Nanos sum = 0;
      Day began = 0;
    };
    std::map<std::string, Open> open;
    for (const auto& [key, cell] : entries) {
      const auto add = [&cell = cell](CellRow::Totals& totals) { totals.count += cell.count, totals.sum += cell.sum; };
      if (cell.day > last) continue;
      if (cell.day > latest_day) latest = {}, latest_day = cell.day;
      add(stock);
      add(latest);
      Open& held = open[key];
      if (cell.count > 0) held.began = cell.day;
      held.count += cell.count, held.sum += cell.sum;
      if (cell.day < first) continue;
      add(window);
      if (key.size() == sizeof(int32_t) && CohortDay(key) <= last + 30) add(cohort);
      if (!key.empty()) flow_keys[std::string(ReducedKey(key))] = cell.sum;
    }
    if (entries.front().key.empty()) {
      ExpectTotals(row.Range(first, last), window);
      ExpectTotals(row.UpTo(last), stock);
      ExpectTotals(row.LastDay(last), latest);
      continue;
    }
    if (entries.front().key.size() == sizeof(int32_t)) {
      ExpectTotals(row.Cohort(first, last, last + 30), cohort);
      continue;
    }
    CellRow::Totals flow, held;
    for (const auto& [key, sum] : flow_keys) ++flow.count, flow.sum += sum;
    std::map<std::string, Open> winners;
    for (const auto& [key, now] : open) {
      const auto it = winners.find(std::string(ReducedKey(key)));
      if (now.count > 0 && (it == winners.end() || now.began >= it->second.began)) {
        winners[std::string(ReducedKey(key))] = now;
      }
    }
    for (const auto& [key, now] : winners) ++held.count, held.sum += now.sum;
    ExpectTotals(row.LastOfKeys(first, last), flow);
    ExpectTotals(row.HeldKeys(last), held);
  }
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_PROPERTY_ROW_READS_H_
