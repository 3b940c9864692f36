#include "server/reports/intervention_view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/errors.h"
#include "server/scoring/proto_values.h"
#include "server/scoring/requirement.h"

namespace partnermetrics {
namespace {

// The actions up to a day: they are in order.
absl::Span<const std::shared_ptr<const v1::InterventionAction>> ActionsUntil(const WatchedIntervention& intervention,
                                                                             Day as_of) {
  const auto end = std::find_if(intervention.actions.begin(), intervention.actions.end(),
                                [as_of](const auto& action) { return ToDay(action->acted_on()) > as_of; });
  return absl::MakeConstSpan(intervention.actions).first(static_cast<size_t>(end - intervention.actions.begin()));
}

const v1::InterventionAction* LastAction(const WatchedIntervention& intervention, v1::InterventionVerb verb,
                                         Day as_of) {
  const v1::InterventionAction* last = nullptr;
  for (const auto& action : ActionsUntil(intervention, as_of)) {
    if (action->verb() == verb) last = action.get();
  }
  return last;
}

v1::InterventionEventKind KindOf(v1::InterventionVerb verb) {
  switch (verb) {
    case v1::INTERVENTION_VERB_RECORD:
      return v1::INTERVENTION_EVENT_KIND_RECORDED;
    case v1::INTERVENTION_VERB_ACKNOWLEDGE:
      return v1::INTERVENTION_EVENT_KIND_ACKNOWLEDGED;
    case v1::INTERVENTION_VERB_ASSIGN:
      return v1::INTERVENTION_EVENT_KIND_ASSIGNED;
    case v1::INTERVENTION_VERB_SNOOZE:
      return v1::INTERVENTION_EVENT_KIND_SNOOZED;
    case v1::INTERVENTION_VERB_RESOLVE:
      return v1::INTERVENTION_EVENT_KIND_RESOLVED;
    default:
      return v1::INTERVENTION_EVENT_KIND_UNSPECIFIED;
  }
}

v1::InterventionEvent EventOf(const v1::InterventionAction& action) {
  v1::InterventionEvent event;
  *event.mutable_on() = action.acted_on();
  event.set_kind(KindOf(action.verb()));
  event.set_cause(action.note());
  event.set_author(action.author());
  event.set_assignee(action.assignee());
  if (action.has_snoozed_until()) *event.mutable_snoozed_until() = action.snoozed_until();
  return event;
}

v1::InterventionEvent EventOn(Day day, v1::InterventionEventKind kind, std::string cause) {
  v1::InterventionEvent event;
  SetDate(day, event.mutable_on());
  event.set_kind(kind);
  event.set_cause(std::move(cause));
  return event;
}

// Days on which it counted again after it had been put aside.
std::vector<Day> ResumedUntil(const WatchedIntervention& intervention, Day as_of) {
  std::vector<Day> days;
  std::optional<Day> aside_until;
  const auto end_aside = [&](Day today) {
    if (!aside_until || *aside_until > today) return;
    if (!intervention.ended_on || *aside_until < *intervention.ended_on) days.push_back(*aside_until);
    aside_until.reset();
  };
  for (const auto& action : ActionsUntil(intervention, as_of)) {
    const Day acted_on = ToDay(action->acted_on());
    end_aside(acted_on - 1);
    if (action->verb() != v1::INTERVENTION_VERB_SNOOZE) continue;
    const Day until = ToDay(action->snoozed_until());
    aside_until = until > acted_on ? std::make_optional(until) : std::nullopt;
  }
  end_aside(as_of);
  return days;
}

}  // namespace

std::optional<v1::InterventionStatus> StatusAt(const WatchedIntervention& intervention, Day as_of) {
  if (intervention.is_withdrawn()) {
    if (ActionsUntil(intervention, as_of).empty()) return std::nullopt;
    return v1::INTERVENTION_STATUS_WITHDRAWN;
  }
  if (intervention.opened_on > as_of) return std::nullopt;
  if (intervention.ended_on && *intervention.ended_on <= as_of) {
    return intervention.end == v1::INTERVENTION_EVENT_KIND_RESOLVED ? v1::INTERVENTION_STATUS_RESOLVED
                                                                    : v1::INTERVENTION_STATUS_CLOSED;
  }
  const v1::InterventionAction* snooze = LastAction(intervention, v1::INTERVENTION_VERB_SNOOZE, as_of);
  if (snooze != nullptr && ToDay(snooze->snoozed_until()) > as_of) return v1::INTERVENTION_STATUS_SNOOZED;
  if (LastAction(intervention, v1::INTERVENTION_VERB_ACKNOWLEDGE, as_of) != nullptr ||
      !AssigneeAt(intervention, as_of).empty()) {
    return v1::INTERVENTION_STATUS_ACKNOWLEDGED;
  }
  return v1::INTERVENTION_STATUS_OPEN;
}

v1::InterventionSeverity SeverityOf(const v1::InterventionRule& rule) {
  return rule.severity() == v1::INTERVENTION_SEVERITY_UNSPECIFIED ? v1::INTERVENTION_SEVERITY_MEDIUM : rule.severity();
}

bool IsUnderWay(v1::InterventionStatus status) {
  return status == v1::INTERVENTION_STATUS_OPEN || status == v1::INTERVENTION_STATUS_ACKNOWLEDGED ||
         status == v1::INTERVENTION_STATUS_SNOOZED;
}

v1::InterventionEvent WithdrawnEvent() {
  v1::InterventionEvent event;
  event.set_kind(v1::INTERVENTION_EVENT_KIND_WITHDRAWN);
  event.set_cause("by what is known now there was no cause");
  return event;
}

std::string AssigneeAt(const WatchedIntervention& intervention, Day as_of) {
  const v1::InterventionAction* assigned = LastAction(intervention, v1::INTERVENTION_VERB_ASSIGN, as_of);
  return assigned == nullptr ? "" : assigned->assignee();
}

std::string InterventionId::Text() const {
  return absl::StrCat(rule, "/", partner_id, "/", DayText(opened_on));
}

absl::StatusOr<InterventionId> ReadInterventionId(const std::string& text) {
  const size_t first = text.find('/'), last = text.rfind('/');
  InterventionId id;
  absl::CivilDay day;
  if (first == std::string::npos || first == last || !absl::ParseCivilTime(text.substr(last + 1), &day)) {
    return InvalidField("intervention_id", "INVALID",
                        "must be rule/partner/day, such as low_engagement/p-1/2026-03-02, as lists give it");
  }
  id.rule = text.substr(0, first);
  id.partner_id = text.substr(first + 1, last - first - 1);
  id.opened_on = ToDay(day);
  return id;
}

v1::TierCheck InterventionView::CheckAt(const v1::TierRequirement& requirement, const WatchedEvidence& met) const {
  return CheckOf(evaluator_, *input_.catalog, requirement, met.value, met.on);
}

// Of one that was withdrawn what was known when somebody acted on it.
std::string InterventionView::CauseOf(const WatchedIntervention& intervention) const {
  if (intervention.is_withdrawn()) return intervention.actions.front()->cause();
  const WatchedEvidence& first = intervention.evidence.front();
  return CheckText(CheckAt(rule().opens_when(first.condition), first));
}

std::vector<v1::InterventionEvent> InterventionView::EventsUntil(const WatchedIntervention& intervention,
                                                                 Day as_of) const {
  std::vector<v1::InterventionEvent> events;
  for (const WatchedEvidence& evidence : intervention.evidence) {
    if (evidence.on > as_of) break;
    events.push_back(EventOn(evidence.on,
                             events.empty() ? v1::INTERVENTION_EVENT_KIND_OPENED : v1::INTERVENTION_EVENT_KIND_EVIDENCE,
                             CheckText(CheckAt(rule().opens_when(evidence.condition), evidence))));
  }
  for (const auto& action : ActionsUntil(intervention, as_of)) events.push_back(EventOf(*action));
  if (!intervention.is_withdrawn()) {
    for (const Day day : ResumedUntil(intervention, as_of)) {
      events.push_back(EventOn(day, v1::INTERVENTION_EVENT_KIND_RESUMED, ""));
    }
  }
  const bool by_itself = intervention.end != v1::INTERVENTION_EVENT_KIND_RESOLVED;
  if (intervention.ended_on && *intervention.ended_on <= as_of && by_itself) {
    std::vector<std::string> causes;
    for (const WatchedEvidence& met : intervention.recovery) {
      causes.push_back(CheckText(CheckAt(rule().closes_when(met.condition), met)));
    }
    events.push_back(EventOn(*intervention.ended_on, intervention.end, absl::StrJoin(causes, ", ")));
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return ToDay(a.on()) < ToDay(b.on()); });
  if (intervention.is_withdrawn()) {
    events.push_back(WithdrawnEvent());
  }
  return events;
}

v1::InterventionRecovery InterventionView::RecoveryAt(Day as_of) const {
  bool any = false, all = true;
  for (const v1::TierRequirement& requirement : rule().closes_when()) {
    const Number value = ValueOf(evaluator_, *input_.catalog, requirement, input_.scope, as_of);
    any = any || value.has_value();
    all = all && (!value.has_value() || Meets(requirement, value));
  }
  if (!any) return v1::INTERVENTION_RECOVERY_UNSPECIFIED;
  return all ? v1::INTERVENTION_RECOVERY_RECOVERED : v1::INTERVENTION_RECOVERY_NOT_RECOVERED;
}

void InterventionView::AddKpi(const WatchedIntervention& intervention, Day as_of, v1::InterventionKpi& kpi) const {
  const CompiledMetric& metric = input_.catalog->metrics()[static_cast<size_t>(input_.rule->kpi)];
  kpi.set_metric_id(metric.id());
  kpi.set_display_name(metric.definition.display_name());
  const auto fill = [&](Day day, const Number& number, v1::InterventionKpiValue* value) {
    SetDate(day, value->mutable_on());
    if (number.has_value()) value->set_value(number.value);
    value->set_no_data(number.no_data);
    value->set_display(evaluator_.Display(metric, number));
  };
  if (!intervention.is_withdrawn()) fill(intervention.opened_on, intervention.kpi_at_open, kpi.mutable_at_open());
  if (intervention.ended_on && *intervention.ended_on <= as_of) {
    fill(*intervention.ended_on, intervention.kpi_at_end, kpi.mutable_at_end());
  }
  const Period period = PeriodOf(*input_.catalog, metric, rule().window(), as_of);
  fill(as_of, evaluator_.Evaluate(metric, input_.scope, period), kpi.mutable_now());
  kpi.set_recovery(RecoveryAt(as_of));
}

v1::Intervention InterventionView::ToProto(const WatchedIntervention& intervention, Day as_of,
                                           bool with_history) const {
  v1::Intervention proto;
  proto.set_intervention_id(InterventionId{rule().id(), partner_id_, intervention.opened_on}.Text());
  proto.set_partner_id(partner_id_);
  static const int name = FactSchemas::Get().Find("partner")->Find("name")->slot;
  if (const FactRow* partner = input_.source->Partner(input_.scope);
      partner != nullptr && !(*partner)[name].is_null()) {
    proto.set_partner_name(std::string((*partner)[name].text));
  }
  proto.set_rule(rule().id());
  proto.set_display_name(rule().display_name());
  proto.set_severity(SeverityOf(rule()));
  proto.set_status(StatusAt(intervention, as_of).value_or(v1::INTERVENTION_STATUS_UNSPECIFIED));
  SetDate(intervention.opened_on, proto.mutable_opened_on());
  if (intervention.ended_on && *intervention.ended_on <= as_of) {
    SetDate(*intervention.ended_on, proto.mutable_ended_on());
  }
  proto.set_assignee(AssigneeAt(intervention, as_of));
  if (proto.status() == v1::INTERVENTION_STATUS_SNOOZED) {
    *proto.mutable_snoozed_until() = LastAction(intervention, v1::INTERVENTION_VERB_SNOOZE, as_of)->snoozed_until();
  }
  proto.set_cause(CauseOf(intervention));
  for (const WatchedEvidence& evidence : intervention.evidence) {
    if (evidence.on > as_of) break;
    v1::InterventionEvidence& shown = *proto.add_evidence();
    SetDate(evidence.on, shown.mutable_on());
    SetDate(evidence.since, shown.mutable_since());
    *shown.mutable_check() = CheckAt(rule().opens_when(evidence.condition), evidence);
  }
  *proto.mutable_possible_causes() = rule().causes();
  *proto.mutable_recommended_actions() = rule().actions();
  AddKpi(intervention, as_of, *proto.mutable_kpi());
  if (!with_history) return proto;
  const std::vector<v1::InterventionEvent> events = EventsUntil(intervention, as_of);
  for (auto event = events.rbegin(); event != events.rend(); ++event) *proto.add_history() = *event;
  return proto;
}

std::vector<InterventionChange> InterventionChanges(const Catalog& catalog, const MeasureSource& source,
                                                    ScopeIndex scope, const std::string& partner_id,
                                                    const InterventionActions& actions, Day after, Day until,
                                                    bool facts_wait) {
  std::vector<InterventionChange> changes;
  for (const CompiledInterventionRule& rule : catalog.intervention_rules()) {
    WatchInput input{&catalog, &rule, &source, scope, {}, facts_wait};
    for (const auto& action : actions) {
      if (action->rule() == rule.definition->id()) input.actions.push_back(action);
    }
    SortActions(input.actions);
    RuleWatch watch;
    watch.Advance(input, until);
    const InterventionView view(input, partner_id);
    const auto add = [&](const std::vector<WatchedIntervention>& interventions) {
      for (const WatchedIntervention& intervention : interventions) {
        for (v1::InterventionEvent& event : view.EventsUntil(intervention, until)) {
          if (!event.has_on() || ToDay(event.on()) <= after) continue;
          changes.push_back({{rule.definition->id(), partner_id, intervention.opened_on}, std::move(event)});
        }
      }
    };
    add(watch.interventions());
    add(watch.withdrawn());
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const auto& a, const auto& b) { return ToDay(a.event.on()) < ToDay(b.event.on()); });
  return changes;
}

}  // namespace partnermetrics
