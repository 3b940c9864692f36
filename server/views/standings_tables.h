// The standings of every programme, kept up to date in the background while somebody reads them, those of today and
// their monthly roll-up.
//
//   StandingsTables tables(programs);        // until it is destroyed, before the programmes are closed
//   tables.Of(program).Read(…);
//
// Thread-safe.
#ifndef PARTNERMETRICS_SERVER_VIEWS_STANDINGS_TABLES_H_
#define PARTNERMETRICS_SERVER_VIEWS_STANDINGS_TABLES_H_

#include <atomic>
#include <map>
#include <memory>

#include "server/base/periodic_thread.h"
#include "server/views/standings_table.h"

namespace partnermetrics {

class StandingsTables {
 public:
  explicit StandingsTables(Programs& programs);

  StandingsTable& Of(const ProgramRuntime& program) const { return *tables_.at(&program); }

 private:
  using Tables = std::map<const ProgramRuntime*, std::unique_ptr<StandingsTable>>;
  static Tables TablesOf(Programs& programs);
  void Refresh(const std::atomic<bool>& stopping);
  void RollUp();

  const Tables tables_;
  PeriodicThread refresh_, roll_up_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_VIEWS_STANDINGS_TABLES_H_
