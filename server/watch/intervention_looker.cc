#include "server/watch/intervention_looker.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {
namespace {

// Names that are read under one lock of the engine.
constexpr size_t kBlock = 500;

// Texts of conditions are made of values that are known already.
const EngineSource& NoRows() {
  static const EngineSource& source = *new EngineSource;
  return source;
}

bool IsEnd(v1::InterventionEventKind kind) {
  return kind == v1::INTERVENTION_EVENT_KIND_RESOLVED || kind == v1::INTERVENTION_EVENT_KIND_CLOSED ||
         kind == v1::INTERVENTION_EVENT_KIND_PARTNER_LEFT || kind == v1::INTERVENTION_EVENT_KIND_WITHDRAWN;
}

// What makes an event another one. What a condition's value was, a correction may change a little.
std::string KeyOf(v1::InterventionEvent event) {
  if (event.author().empty()) event.clear_cause();
  return event.SerializeAsString();
}

std::vector<v1::InterventionEvent>::iterator Find(std::vector<v1::InterventionEvent>& events,
                                                  const v1::InterventionEvent& event) {
  return std::find_if(events.begin(), events.end(), [key = KeyOf(event)](const auto& e) { return KeyOf(e) == key; });
}

// What is noted about one that is over is not told.
std::vector<v1::InterventionEvent> UpToEnd(std::vector<v1::InterventionEvent> events) {
  const auto end = std::find_if(events.begin(), events.end(), [](const auto& event) { return IsEnd(event.kind()); });
  if (end != events.end()) events.erase(end + 1, events.end());
  return events;
}

// What became of the one that was told as opened on a day, and was under way on the day of the look before: like an
// action about it, it follows the one that a correction put into its place.
const WatchedIntervention* Match(const RuleWatch& watch, Day opened_on, Day before) {
  const WatchedIntervention* last = nullptr;
  for (const WatchedIntervention& intervention : watch.interventions()) {
    if (intervention.opened_on == opened_on) return &intervention;
    if (intervention.opened_on <= before) last = &intervention;
  }
  return last == nullptr || (last->ended_on && *last->ended_on < opened_on) ? nullptr : last;
}

v1::PartnerChange ChangeOf(const v1::PartnerChange& last, const v1::InterventionEvent& event) {
  v1::PartnerChange change = last;
  *change.mutable_intervention()->mutable_event() = event;
  return change;
}

}  // namespace

absl::StatusOr<InterventionLooker::Look> InterventionLooker::LookAsOf(Day day, Day before) {
  Look look;
  {
    Engine::View view(program_.engine());
    look.position = view.header().position;
    if (view.catalog()->intervention_rules().empty() && told_.empty()) return look;
  }
  if (table_ == nullptr) table_ = std::make_unique<InterventionTable>(program_, programs_, day);
  table_->MoveTo(day);
  RETURN_IF_ERROR(table_->Read([&](const InterventionBook& book) {
    look.position = book.position;
    Compare(book, before, look.changes);
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(AddNames(look.changes));
  std::stable_sort(look.changes.begin(), look.changes.end(),
                   [](const auto& a, const auto& b) { return a.partner_id() < b.partner_id(); });
  return look;
}

void InterventionLooker::Compare(const InterventionBook& book, Day before, Changes& changes) {
  for (const BookedPartner& partner : book.partners) {
    if (partner.changed_at > seen_changes_) ComparePartner(book, partner, before, changes);
  }
  if (book.begun != seen_begun_) {
    // Nobody states them any more.
    absl::flat_hash_set<absl::string_view> there;
    for (const BookedPartner& partner : book.partners) there.insert(partner.id);
    for (auto it = told_.begin(); it != told_.end();) {
      const bool is_gone = !there.contains(it->first);
      for (auto& [rule, told] : it->second) {
        if (is_gone) Withdraw(told, changes);
      }
      it = is_gone ? told_.erase(it) : std::next(it);
    }
    seen_begun_ = book.begun;
  }
  // Until a job is done what it is changing stays as it was told, and is compared then.
  const auto rules = book.catalog->intervention_rules();
  if (std::none_of(rules.begin(), rules.end(), [&](const auto& rule) { return IsChanging(book, rule); })) {
    seen_changes_ = book.changes;
  }
}

void InterventionLooker::ComparePartner(const InterventionBook& book, const BookedPartner& partner, Day before,
                                        Changes& changes) {
  const auto rules = book.catalog->intervention_rules();
  const auto known = told_.find(partner.id);
  ToldByRule told = known == told_.end() ? ToldByRule() : std::move(known->second);
  for (auto it = told.begin(); it != told.end();) {
    const bool is_watched = !partner.is_gone && std::any_of(rules.begin(), rules.end(), [&](const auto& rule) {
      return rule.definition->id() == it->first;
    });
    if (!is_watched) Withdraw(it->second, changes);
    it = is_watched ? std::next(it) : told.erase(it);
  }
  for (size_t rule = 0; rule < partner.watches.size(); ++rule) {
    if (partner.watches[rule].interventions().empty() && told.empty()) continue;
    if (IsChanging(book, rules[rule])) continue;
    const WatchInput input{book.catalog, &rules[rule], &NoRows()};
    CompareRule(input, partner.watches[rule], partner.id, book.day, before, told, changes);
  }
  if (!told.empty()) {
    told_[partner.id] = std::move(told);
  } else if (known != told_.end()) {
    told_.erase(known);
  }
}

void InterventionLooker::CompareRule(const WatchInput& input, const RuleWatch& watch, const std::string& partner_id,
                                     Day day, Day before, ToldByRule& told, Changes& changes) const {
  const std::string& rule = input.rule->definition->id();
  const InterventionView view(input, partner_id);
  const auto& all = watch.interventions();
  const WatchedIntervention* now = all.empty() || all.back().ended_on ? nullptr : &all.back();
  if (const auto known = told.find(rule); known != told.end()) {
    const WatchedIntervention* same = Match(watch, known->second.opened_on, before);
    same == nullptr ? Withdraw(known->second, changes)
                    : Tell(*input.rule->definition, view, *same, day, known->second, changes);
    if (same != nullptr && same == now) return;
    told.erase(known);
  }
  if (now == nullptr) return;
  Told& opened = told[rule];
  opened.last.set_partner_id(partner_id);
  Tell(*input.rule->definition, view, *now, day, opened, changes);
}

void InterventionLooker::Tell(const v1::InterventionRule& rule, const InterventionView& view,
                              const WatchedIntervention& intervention, Day day, Told& told, Changes& changes) {
  v1::PartnerChange& last = told.last;
  last.set_kind(v1::CHANGE_KIND_INTERVENTION);
  last.set_model_id(rule.id());
  last.set_model_name(rule.display_name());
  v1::InterventionChange& shown = *last.mutable_intervention();
  const std::string id = InterventionId{rule.id(), last.partner_id(), intervention.opened_on}.Text();
  const std::string was_id = shown.intervention_id() == id ? "" : shown.intervention_id();
  shown.set_intervention_id(id);
  shown.set_severity(SeverityOf(rule));
  shown.set_status(StatusAt(intervention, day).value_or(v1::INTERVENTION_STATUS_UNSPECIFIED));
  told.opened_on = intervention.opened_on;

  std::vector<v1::InterventionEvent> before = std::exchange(told.events, UpToEnd(view.EventsUntil(intervention, day)));
  Changes news;
  for (const v1::InterventionEvent& event : told.events) {
    if (const auto known = Find(before, event); known != before.end()) {
      before.erase(known);
    } else {
      news.push_back(ChangeOf(last, event));
    }
  }
  auto next = news.begin();
  if (!was_id.empty()) {
    // It opens once more, and takes everything else with it.
    next->mutable_intervention()->set_was_id(was_id);
    changes.push_back(std::move(*next++));
    before.erase(before.begin());
  }
  for (const v1::InterventionEvent& event : before) {
    changes.push_back(ChangeOf(last, event));
    changes.back().mutable_intervention()->set_taken_back(true);
  }
  std::move(next, news.end(), std::back_inserter(changes));
}

void InterventionLooker::Withdraw(Told& told, Changes& changes) {
  told.last.mutable_intervention()->set_status(v1::INTERVENTION_STATUS_WITHDRAWN);
  changes.push_back(ChangeOf(told.last, WithdrawnEvent()));
}

absl::Status InterventionLooker::AddNames(Changes& changes) {
  for (size_t i = 0; i < changes.size();) {
    Engine::View view(program_.engine());
    for (const size_t end = std::min(changes.size(), i + kBlock); i < end; ++i) {
      ASSIGN_OR_RETURN(const auto partner, ReadPartnerFields(view, changes[i].partner_id()));
      if (!partner) continue;
      changes[i].set_partner_name(partner->name());
      if (const auto told = told_.find(changes[i].partner_id()); told != told_.end()) {
        for (auto& [rule, intervention] : told->second) intervention.last.set_partner_name(partner->name());
      }
    }
  }
  return absl::OkStatus();
}

void InterventionLooker::EachTold(absl::FunctionRef<void(v1::PartnerChange)> visit) const {
  for (const auto& [partner, by_rule] : told_) {
    for (const auto& [rule, told] : by_rule) {
      for (const v1::InterventionEvent& event : told.events) visit(ChangeOf(told.last, event));
    }
  }
}

void InterventionLooker::Restore(const v1::PartnerChange& change) {
  const v1::InterventionChange& intervention = change.intervention();
  const v1::InterventionEvent& event = intervention.event();
  ToldByRule& by_rule = told_[change.partner_id()];
  if (IsEnd(event.kind())) {
    by_rule.erase(change.model_id());
    if (by_rule.empty()) told_.erase(change.partner_id());
    return;
  }
  Told& told = by_rule[change.model_id()];
  told.last = change;
  told.last.mutable_intervention()->clear_event();
  told.last.mutable_intervention()->clear_was_id();
  told.last.mutable_intervention()->clear_taken_back();
  if (event.kind() == v1::INTERVENTION_EVENT_KIND_OPENED) {
    // Of one that moved the others stay.
    if (!told.events.empty()) told.events.erase(told.events.begin());
    told.events.insert(told.events.begin(), event);
    told.opened_on = ToDay(event.on());
  } else if (!intervention.taken_back()) {
    told.events.push_back(event);
  } else if (const auto known = Find(told.events, event); known != told.events.end()) {
    told.events.erase(known);
  }
}

}  // namespace partnermetrics
