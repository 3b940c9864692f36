#include "server/actions/intervention_actions.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/actions/own_facts.h"
#include "server/base/errors.h"
#include "server/engine/partner_entity.h"
#include "server/engine/partners.h"
#include "server/queries/dates.h"
#include "server/views/intervention_query.h"

namespace partnermetrics {
namespace {

constexpr char kActor[] = "service:intervention";
// Who takes note of what was shown.
constexpr char kOwnAuthor[] = "partnermetrics";

// The next one of a partner's rule.
int64_t NextSequence(const InterventionActions& actions, const std::string& rule) {
  int64_t last = 0;
  for (const auto& action : actions) {
    if (action->rule() == rule) last = std::max(last, action->sequence());
  }
  return last + 1;
}

v1::Event EventOf(const std::string& partner_id, v1::InterventionAction action) {
  v1::Event event;
  event.set_source(kOwnSource);
  event.set_record_id(absl::StrCat(partner_id, "/", action.rule(), "/", action.sequence()));
  action.add_partner_refs()->set_partner_id(partner_id);
  *event.mutable_intervention_action() = std::move(action);
  return event;
}

absl::Status IsOver(const v1::Intervention& intervention) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "INTERVENTION_OVER",
                   absl::StrCat("intervention '", intervention.intervention_id(), "' is not under way",
                                intervention.has_ended_on() ? " since " + DayText(ToDay(intervention.ended_on())) : ""),
                   "look at its history: partnerctl intervention show");
}

// States what somebody did and answers the intervention as of that day.
template <typename Request>
absl::Status Act(const Programs& programs, ProgramRuntime& program, const Request& request,
                 v1::InterventionAction action, v1::Intervention& response) {
  if (request.author().empty()) return InvalidField("author", "REQUIRED", "must say who does it");
  ASSIGN_OR_RETURN(InterventionId id, ReadInterventionId(request.intervention_id()));
  std::vector<v1::Event> events;
  Day acted_on = 0;
  {
    Engine::View view(program.engine());
    const Day today = programs.Today(*view.catalog());
    acted_on = today;
    if (request.has_acted_on()) {
      ASSIGN_OR_RETURN(acted_on, ReadDate(request.acted_on(), "acted_on"));
      if (acted_on > today) return InvalidField("acted_on", "OUT_OF_RANGE", "must not lie after today");
    }
    if (action.has_snoozed_until() && ToDay(action.snoozed_until()) <= acted_on) {
      return InvalidField("until", "OUT_OF_RANGE", absl::StrCat("must lie after ", DayText(acted_on)));
    }
    ASSIGN_OR_RETURN(id.partner_id, FindPartner(view, id.partner_id));
    ASSIGN_OR_RETURN(const PartnerInterventions all, ReadPartnerInterventions(view, id.partner_id, acted_on));
    ASSIGN_OR_RETURN(const FoundIntervention found, FindIntervention(all, id));
    const v1::Intervention known = ToProto(all, found);
    if (!IsUnderWay(known.status())) return IsOver(known);
    action.set_rule(known.rule());
    *action.mutable_opened_on() = known.opened_on();
    SetDate(acted_on, action.mutable_acted_on());
    action.set_sequence(NextSequence(all.partner.actions, known.rule()));
    action.set_author(request.author());
    action.set_note(request.note());
    action.set_cause(known.cause());
    events.push_back(EventOf(id.partner_id, std::move(action)));
  }
  RETURN_IF_ERROR(StateOwnFacts(programs, program, kActor, std::move(events)).status());
  v1::GetInterventionRequest get;
  get.set_intervention_id(id.Text());
  SetDate(acted_on, get.mutable_as_of());
  return GetIntervention(programs, program, get, response);
}

v1::InterventionAction ActionOf(v1::InterventionVerb verb) {
  v1::InterventionAction action;
  action.set_verb(verb);
  return action;
}

// Takes note of these interventions of a list, but for those of which somebody else did meanwhile.
absl::StatusOr<std::vector<v1::Event>> NotesOf(ProgramRuntime& program, const v1::ListInterventionsResponse& list,
                                               absl::Span<const int> places, const std::string& author) {
  std::vector<v1::Event> events;
  Engine::View view(program.engine());
  for (const int place : places) {
    const v1::Intervention& intervention = list.interventions(place);
    ASSIGN_OR_RETURN(const InterventionActions actions, ReadInterventionActions(view, intervention.partner_id()));
    const bool is_known = std::any_of(actions.begin(), actions.end(), [&](const auto& action) {
      return action->rule() == intervention.rule() && ToDay(action->acted_on()) >= ToDay(intervention.opened_on());
    });
    if (is_known) continue;
    v1::InterventionAction action = ActionOf(v1::INTERVENTION_VERB_RECORD);
    action.set_rule(intervention.rule());
    *action.mutable_opened_on() = intervention.opened_on();
    *action.mutable_acted_on() = list.as_of();
    action.set_sequence(NextSequence(actions, intervention.rule()));
    action.set_author(author);
    action.set_cause(intervention.cause());
    events.push_back(EventOf(intervention.partner_id(), std::move(action)));
  }
  return events;
}

}  // namespace

absl::Status NoteShown(const Programs& programs, ProgramRuntime& program, const v1::ListInterventionsResponse& list,
                       absl::Span<const int> unnoted) {
  {
    Engine::View view(program.engine());
    if (ToDay(list.as_of()) != programs.Today(*view.catalog())) return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(std::vector<v1::Event> events, NotesOf(program, list, unnoted, kOwnAuthor));
  if (events.empty()) return absl::OkStatus();
  return StateOwnFacts(programs, program, kActor, std::move(events)).status();
}

absl::Status AcknowledgeIntervention(const Programs& programs, ProgramRuntime& program,
                                     const v1::AcknowledgeInterventionRequest& request, v1::Intervention& response) {
  return Act(programs, program, request, ActionOf(v1::INTERVENTION_VERB_ACKNOWLEDGE), response);
}

absl::Status AssignIntervention(const Programs& programs, ProgramRuntime& program,
                                const v1::AssignInterventionRequest& request, v1::Intervention& response) {
  v1::InterventionAction action = ActionOf(v1::INTERVENTION_VERB_ASSIGN);
  action.set_assignee(request.assignee());
  return Act(programs, program, request, std::move(action), response);
}

absl::Status SnoozeIntervention(const Programs& programs, ProgramRuntime& program,
                                const v1::SnoozeInterventionRequest& request, v1::Intervention& response) {
  v1::InterventionAction action = ActionOf(v1::INTERVENTION_VERB_SNOOZE);
  if (!request.has_until()) return InvalidField("until", "REQUIRED", "must say until when");
  ASSIGN_OR_RETURN(const Day until, ReadDate(request.until(), "until"));
  SetDate(until, action.mutable_snoozed_until());
  return Act(programs, program, request, std::move(action), response);
}

absl::Status ResolveIntervention(const Programs& programs, ProgramRuntime& program,
                                 const v1::ResolveInterventionRequest& request, v1::Intervention& response) {
  if (request.note().empty()) return InvalidField("note", "REQUIRED", "must say what came of it");
  return Act(programs, program, request, ActionOf(v1::INTERVENTION_VERB_RESOLVE), response);
}

absl::Status RecordInterventions(const Programs& programs, ProgramRuntime& program, InterventionTable& table,
                                 const v1::RecordInterventionsRequest& request,
                                 v1::RecordInterventionsResponse& response) {
  if (request.author().empty()) return InvalidField("author", "REQUIRED", "must say who takes note");
  v1::ListInterventionsRequest list;
  list.set_page_size(1000);
  std::vector<v1::Event> events;
  do {
    v1::ListInterventionsResponse page;
    std::vector<int> unnoted;
    RETURN_IF_ERROR(ListInterventions(programs, program, table, list, page, &unnoted));
    response.set_position(page.position());
    list.set_page_token(page.next_page_token());
    ASSIGN_OR_RETURN(std::vector<v1::Event> notes, NotesOf(program, page, unnoted, request.author()));
    std::move(notes.begin(), notes.end(), std::back_inserter(events));
  } while (!list.page_token().empty());
  if (events.empty()) return absl::OkStatus();
  response.set_recorded(static_cast<int32_t>(events.size()));
  ASSIGN_OR_RETURN(const uint64_t position, StateOwnFacts(programs, program, kActor, std::move(events)));
  response.set_position(position);
  return absl::OkStatus();
}

}  // namespace partnermetrics
