// Interventions as they are answered: what a watch tells of a day, and what changed between two days.
//
//   InterventionView view(input, "p-1");
//   for (const WatchedIntervention& intervention : watch.interventions()) {
//     if (view.StatusAt(intervention, as_of)) … view.ToProto(intervention, as_of, /*with_history=*/true)
//   }
//   for (const InterventionChange& change : InterventionChanges(catalog, source, scope, actions, monday, friday)) …
//
// Thread-compatible; the input's pointers outlive the view.
#ifndef PARTNERMETRICS_SERVER_REPORTS_INTERVENTION_VIEW_H_
#define PARTNERMETRICS_SERVER_REPORTS_INTERVENTION_VIEW_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/reports/intervention_watch.h"

namespace partnermetrics {

// How far it was at the end of a day; nothing when it had not opened yet.
std::optional<v1::InterventionStatus> StatusAt(const WatchedIntervention& intervention, Day as_of);
// Open, acknowledged or snoozed.
bool IsUnderWay(v1::InterventionStatus status);
// That of the rule, or what one without stands for.
v1::InterventionSeverity SeverityOf(const v1::InterventionRule& rule);
// The last event of one whose cause was corrected away.
v1::InterventionEvent WithdrawnEvent();
// Who dealt with it at the end of a day; empty: nobody.
std::string AssigneeAt(const WatchedIntervention& intervention, Day as_of);

// "low_engagement/p-1/2026-03-02".
struct InterventionId {
  std::string rule, partner_id;
  Day opened_on = 0;
  std::string Text() const;
};
// INVALID_ARGUMENT for another text.
absl::StatusOr<InterventionId> ReadInterventionId(const std::string& text);

class InterventionView {
 public:
  InterventionView(const WatchInput& input, std::string partner_id)
      : input_(input), partner_id_(std::move(partner_id)), evaluator_(*input.catalog, *input.source) {}

  // Of one that had opened by the day.
  v1::Intervention ToProto(const WatchedIntervention& intervention, Day as_of, bool with_history) const;
  // What happened up to the day, the first first.
  std::vector<v1::InterventionEvent> EventsUntil(const WatchedIntervention& intervention, Day as_of) const;

 private:
  const v1::InterventionRule& rule() const { return *input_.rule->definition; }
  v1::TierCheck CheckAt(const v1::TierRequirement& requirement, const WatchedEvidence& met) const;
  std::string CauseOf(const WatchedIntervention& intervention) const;
  v1::InterventionRecovery RecoveryAt(Day as_of) const;
  void AddKpi(const WatchedIntervention& intervention, Day as_of, v1::InterventionKpi& kpi) const;

  const WatchInput& input_;
  const std::string partner_id_;
  const Evaluator evaluator_;
};

// Something that happened to one of a partner's interventions.
struct InterventionChange {
  InterventionId id;
  v1::InterventionEvent event;
};

// Everything that happened to the interventions of a partner after one day and up to another, by what is known now: by
// day, then by rule. The source has ReadsOfRules for the partner; `actions` are all that were done about its
// interventions, in any order. Replays the partner's days: a fraction of a millisecond for each year and rule.
std::vector<InterventionChange> InterventionChanges(const Catalog& catalog, const MeasureSource& source,
                                                    ScopeIndex scope, const std::string& partner_id,
                                                    const InterventionActions& actions, Day after, Day until,
                                                    bool facts_wait = false);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_INTERVENTION_VIEW_H_
