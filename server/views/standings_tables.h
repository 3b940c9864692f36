// The standings of every programme, kept up to date in the background while somebody reads them.
//
//   StandingsTables tables(programs);        // until it is destroyed, before the programmes are closed
//   tables.Of(program).Read(…);
//
// Thread-safe.
#ifndef PARTNERMETRICS_SERVER_VIEWS_STANDINGS_TABLES_H_
#define PARTNERMETRICS_SERVER_VIEWS_STANDINGS_TABLES_H_

#include <condition_variable>
#include <map>
#include <memory>
#include <thread>

#include "server/views/standings_table.h"

namespace partnermetrics {

class StandingsTables {
 public:
  explicit StandingsTables(Programs& programs);
  ~StandingsTables();
  StandingsTables(const StandingsTables&) = delete;
  StandingsTables& operator=(const StandingsTables&) = delete;

  StandingsTable& Of(const ProgramRuntime& program) const { return *tables_.at(&program); }

 private:
  void Loop();

  std::map<const ProgramRuntime*, std::unique_ptr<StandingsTable>> tables_;
  Mutex mutex_;
  std::condition_variable_any changed_;
  bool stopping_ PM_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_VIEWS_STANDINGS_TABLES_H_
