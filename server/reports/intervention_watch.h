// The interventions of a partner by one rule, worked out day by day from its metrics and from what people did.
//
//   RuleWatch watch;
//   watch.Advance({&catalog, &rule, &source, kFirstPartnerScope, actions}, today);
//   for (const WatchedIntervention& intervention : watch.interventions()) …
//
// What is known of a day follows from days up to it alone: a watch that went on to a later day still tells what was
// under way on an earlier one (intervention_view.h). So going on from day to day, replaying all, and looking back give
// the same answers, as long as the facts are the same. When they are others, one begins with a new watch.
//
// Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_REPORTS_INTERVENTION_WATCH_H_
#define PARTNERMETRICS_SERVER_REPORTS_INTERVENTION_WATCH_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "partnermetrics/v1/intervention.pb.h"
#include "partnermetrics/v1/intervention_service.pb.h"
#include "server/catalog/catalog.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

// What people did about a partner's interventions, in order.
using InterventionActions = std::vector<std::shared_ptr<const v1::InterventionAction>>;
void SortActions(InterventionActions& actions);

// A condition that had been met for long enough.
struct WatchedEvidence {
  int condition = 0;  // of the rule's opens_when
  Day on = 0;
  Day since = 0;
  Number value;  // on that day
};

struct WatchedIntervention {
  Day opened_on = 0;
  std::optional<Day> ended_on;
  // Why it ended: resolved, closed or the partner left.
  v1::InterventionEventKind end = v1::INTERVENTION_EVENT_KIND_UNSPECIFIED;
  std::vector<WatchedEvidence> evidence;  // the first one opened it; none: its cause was corrected away
  InterventionActions actions;
  Number kpi_at_open, kpi_at_end;
  std::vector<WatchedEvidence> recovery = {};  // values of the closing conditions on the day on which it closed

  bool is_withdrawn() const { return evidence.empty(); }
};

// What a watch reads. All but the actions must outlive it.
struct WatchInput {
  const Catalog* catalog = nullptr;
  const CompiledInterventionRule* rule = nullptr;
  const MeasureSource* source = nullptr;  // with the rows of the rule's metrics, the programme's too, and attributes
  ScopeIndex scope = kFirstPartnerScope;
  InterventionActions actions = {};  // about the partner's interventions of this rule
  bool facts_wait = false;           // for a rate: then any value may change on any day
};

// What must be collected to watch partners by these rules.
Reads ReadsOfRules(const Catalog& catalog, absl::Span<const CompiledInterventionRule* const> rules,
                   absl::Span<const ScopeIndex> partners);

class RuleWatch {
 public:
  // Goes on to a day, the same as before or a later one, with the same facts and actions as before.
  void Advance(const WatchInput& input, Day until);

  // By the day on which they opened; those that were withdrawn come last.
  const std::vector<WatchedIntervention>& interventions() const { return interventions_; }
  const std::vector<WatchedIntervention>& withdrawn() const { return withdrawn_; }
  // Before this day going on changes nothing, whatever the day is, and nothing that was put aside counts again.
  Day next_work() const { return next_work_; }

 private:
  // Days without a break on which something was met.
  struct Run {
    std::optional<Day> since;
    bool is_told = false;
    Number value;  // as of the day on which it was last evaluated; without new facts it holds until the due day
    bool is_met = false;
  };
  // Conditions with the first day on which time may change their values.
  struct Conditions {
    std::vector<Run> runs;
    bool may_skip = false;  // days on which time changes nothing: only where that is sooner found out than evaluated
    Day due = 0;
  };

  using Requirements = google::protobuf::RepeatedPtrField<v1::TierRequirement>;

  void Begin(const WatchInput& input);
  static Conditions ConditionsOf(const WatchInput& input, const Requirements& requirements);
  void CheckDays(const WatchInput& input, Day last);
  void Check(const WatchInput& input, Day day);
  void Evaluate(const WatchInput& input, const Requirements& requirements, Day day, Conditions& conditions) const;
  bool CheckOpening(const WatchInput& input, Day day);
  void CheckClosing(const WatchInput& input, Day day);
  void Apply(const WatchInput& input, Day until);
  void Bind(const WatchInput& input, const std::shared_ptr<const v1::InterventionAction>& action, Day acted_on);
  void End(const WatchInput& input, Day day, v1::InterventionEventKind why);
  void NoteNextWork(const WatchInput& input, Day until);
  Number Kpi(const WatchInput& input, Day day) const;
  WatchedIntervention* Active();

  bool has_begun_ = false;
  std::optional<Day> left_on_;
  bool has_left_ = false;
  Day next_ = 0;        // the next day to look at
  size_t applied_ = 0;  // actions
  Day next_work_ = 0;
  Conditions opening_, closing_;
  std::optional<Day> closing_since_;  // all closing conditions are met since then
  std::vector<WatchedIntervention> interventions_, withdrawn_;
};

// The next day, from `day` on, on which a rule is looked at.
Day NextCheckDay(v1::InterventionCheck check, v1::WeekDay week_start, Day day);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_INTERVENTION_WATCH_H_
