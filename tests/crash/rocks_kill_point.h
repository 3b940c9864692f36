// RocksDB's own kill points: places in its code where it ends the process with a chance of one in `rocksdb_kill_odds`.
// Debian's library is built with them (it has no NDEBUG) but ships no header. Declared as in 7.8.3,
// test_util/sync_point.h; the members must stay in this order.
#ifndef PARTNERMETRICS_TESTS_CRASH_ROCKS_KILL_POINT_H_
#define PARTNERMETRICS_TESTS_CRASH_ROCKS_KILL_POINT_H_

#include <string>
#include <vector>

namespace rocksdb {

struct KillPoint {
  int rocksdb_kill_odds = 0;
  std::vector<std::string> rocksdb_kill_exclude_prefixes;
  void TestKillRandom(std::string kill_point, int odds, const std::string& srcfile, int srcline);
  static KillPoint* GetInstance();
};

}  // namespace rocksdb

#endif  // PARTNERMETRICS_TESTS_CRASH_ROCKS_KILL_POINT_H_
