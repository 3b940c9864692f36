// Finds what happens to the interventions of a programme's partners: looks at them again and again, and gives what
// differs from what was told before, as changes for the journal of changes.
//
//   InterventionLooker looker(program, programs);
//   for (…) looker.Restore(change);                                        // what the journal told so far
//   ASSIGN_OR_RETURN(InterventionLooker::Look look, looker.LookAsOf(today, last_day));
//   journal.Append({look.position, today}, look.changes, …);
//
// Told are the events of those under way. At any time those that were told, without what was taken back, are their
// histories; so a look only has to compare the partners for whom something was worked out anew.
//
// Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_WATCH_INTERVENTION_LOOKER_H_
#define PARTNERMETRICS_SERVER_WATCH_INTERVENTION_LOOKER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "partnermetrics/v1/watch_service.pb.h"
#include "server/ingest/programs.h"
#include "server/reports/intervention_view.h"
#include "server/views/intervention_table.h"

namespace partnermetrics {

class InterventionLooker {
 public:
  InterventionLooker(ProgramRuntime& program, const Programs& programs) : program_(program), programs_(programs) {}

  struct Look {
    uint64_t position = 0;
    std::vector<v1::PartnerChange> changes;  // by partner, then by rule
  };
  // As of a day, the same one as before or a later one. `before` is the day of the look before.
  absl::StatusOr<Look> LookAsOf(Day day, Day before);

  // Everything that was told of those under way, as changes that lead there.
  void EachTold(absl::FunctionRef<void(v1::PartnerChange)> visit) const;
  // Takes over what was told.
  void Restore(const v1::PartnerChange& change);
  void Clear() { told_.clear(); }

 private:
  // An intervention under way, as it was told.
  struct Told {
    v1::PartnerChange last;  // without its event: for what all of them say
    Day opened_on = 0;
    std::vector<v1::InterventionEvent> events;
  };
  using ToldByRule = std::map<std::string, Told>;
  using Changes = std::vector<v1::PartnerChange>;

  void Compare(const InterventionBook& book, Day before, Changes& changes);
  void ComparePartner(const InterventionBook& book, const BookedPartner& partner, Day before, Changes& changes);
  void CompareRule(const WatchInput& input, const RuleWatch& watch, const std::string& partner_id, Day day, Day before,
                   ToldByRule& told, Changes& changes) const;
  // Of one that was told, or is told from now on.
  static void Tell(const v1::InterventionRule& rule, const InterventionView& view,
                   const WatchedIntervention& intervention, Day day, Told& told, Changes& changes);
  static void Withdraw(Told& told, Changes& changes);
  absl::Status AddNames(Changes& changes);

  ProgramRuntime& program_;
  const Programs& programs_;
  std::unique_ptr<InterventionTable> table_;    // from the first look on that has something to do
  std::map<std::string, ToldByRule> told_;      // by partner
  uint64_t seen_changes_ = 0, seen_begun_ = 0;  // of the table, that were compared
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_WATCH_INTERVENTION_LOOKER_H_
