#include "server/reports/intervention_watch.h"

#include <algorithm>
#include <tuple>

#include "absl/time/civil_time.h"
#include "server/reports/due_source.h"
#include "server/scoring/partner_days.h"
#include "server/scoring/proto_values.h"
#include "server/scoring/requirement.h"

namespace partnermetrics {
namespace {

constexpr Day kNever = DueSource::kNever;

const CompiledMetric& MetricAt(const Catalog& catalog, int index) {
  return catalog.metrics()[static_cast<size_t>(index)];
}

absl::Weekday FirstOfWeek(v1::WeekDay day) {
  if (day == v1::WEEK_DAY_SUNDAY) return absl::Weekday::sunday;
  if (day == v1::WEEK_DAY_SATURDAY) return absl::Weekday::saturday;
  return absl::Weekday::monday;
}

// The first day on which the rule concerns the partner: when both are there, and somebody tells of what it reads.
std::optional<Day> FirstDayOf(const WatchInput& input) {
  std::vector<MeasureUse> uses;
  for (const int metric : input.rule->metrics) {
    const std::vector<MeasureUse>& own = MetricAt(*input.catalog, metric).uses;
    uses.insert(uses.end(), own.begin(), own.end());
  }
  std::optional<Day> entry = PartnerDaysOf(input.source->Partner(input.scope)).front().signed_on;
  if (!entry) entry = FirstFactDay(*input.source, uses, input.scope);
  if (!entry) return std::nullopt;
  Day first = std::max(*entry, FirstFactDay(*input.source, uses, kProgramScope).value_or(*entry));
  const v1::InterventionPolicy& policy = input.catalog->program().interventions();
  if (policy.has_starts_on()) first = std::max(first, ToDay(policy.starts_on()));
  return first;
}

}  // namespace

void SortActions(InterventionActions& actions) {
  std::stable_sort(actions.begin(), actions.end(), [](const auto& a, const auto& b) {
    return std::make_tuple(ToDay(a->acted_on()), a->sequence()) < std::make_tuple(ToDay(b->acted_on()), b->sequence());
  });
}

Day NextCheckDay(v1::InterventionCheck check, v1::WeekDay week_start, Day day) {
  const absl::CivilDay civil = ToCivil(day);
  if (check == v1::INTERVENTION_CHECK_WEEK) return ToDay(absl::NextWeekday(civil - 1, FirstOfWeek(week_start)));
  if (check != v1::INTERVENTION_CHECK_MONTH) return day;
  return civil.day() == 1 ? day : ToDay(absl::CivilDay(absl::CivilMonth(civil) + 1));
}

Reads ReadsOfRules(const Catalog& catalog, absl::Span<const CompiledInterventionRule* const> rules,
                   absl::Span<const ScopeIndex> partners) {
  std::vector<const CompiledMetric*> metrics;
  for (const CompiledInterventionRule* rule : rules) {
    for (const int metric : rule->metrics) metrics.push_back(&MetricAt(catalog, metric));
  }
  std::vector<ScopeIndex> scopes = {kProgramScope};
  scopes.insert(scopes.end(), partners.begin(), partners.end());
  Reads reads = ReadsOf(catalog, metrics, scopes);
  reads.attributes = true;
  return reads;
}

WatchedIntervention* RuleWatch::Active() {
  return interventions_.empty() || interventions_.back().ended_on ? nullptr : &interventions_.back();
}

Number RuleWatch::Kpi(const WatchInput& input, Day day) const {
  const CompiledMetric& kpi = MetricAt(*input.catalog, input.rule->kpi);
  return Evaluator(*input.catalog, *input.source)
      .Evaluate(kpi, input.scope, PeriodOf(*input.catalog, kpi, input.rule->definition->window(), day));
}

void RuleWatch::Begin(const WatchInput& input) {
  has_begun_ = true;
  next_ = FirstDayOf(input).value_or(kNever);
  left_on_ = PartnerDaysOf(input.source->Partner(input.scope)).back().terminated_on;
  opening_ = ConditionsOf(input, input.rule->definition->opens_when());
  closing_ = ConditionsOf(input, input.rule->definition->closes_when());
}

RuleWatch::Conditions RuleWatch::ConditionsOf(const WatchInput& input, const Requirements& requirements) {
  Conditions conditions;
  conditions.runs.resize(static_cast<size_t>(requirements.size()));
  const v1::InterventionCheck check = input.rule->definition->check();
  conditions.may_skip =
      !input.facts_wait && check != v1::INTERVENTION_CHECK_WEEK && check != v1::INTERVENTION_CHECK_MONTH;
  for (const v1::TierRequirement& requirement : requirements) {
    const CompiledMetric& metric = *input.catalog->FindMetric(requirement.metric());
    conditions.may_skip = conditions.may_skip && IsTimeless(*input.catalog, metric);
  }
  return conditions;
}

void RuleWatch::Advance(const WatchInput& input, Day until) {
  if (!has_begun_) Begin(input);
  CheckDays(input, left_on_ ? std::min(until, *left_on_ - 1) : until);
  if (left_on_ && *left_on_ <= until && !has_left_) {
    Apply(input, *left_on_ - 1);
    if (Active() != nullptr) End(input, *left_on_, v1::INTERVENTION_EVENT_KIND_PARTNER_LEFT);
    has_left_ = true;
    next_ = kNever;
  }
  Apply(input, until);
  NoteNextWork(input, until);
}

void RuleWatch::CheckDays(const WatchInput& input, Day last) {
  const v1::InterventionRule& rule = *input.rule->definition;
  const v1::WeekDay week_start = input.catalog->program().week_start();
  while (next_ <= last) {
    const Day day = NextCheckDay(rule.check(), week_start, next_);
    if (day > last) break;
    Apply(input, day - 1);
    Check(input, day);
    next_ = day + 1;
  }
}

void RuleWatch::Check(const WatchInput& input, Day day) {
  // What was just opened, or has new evidence, has not recovered.
  if (CheckOpening(input, day)) {
    closing_since_.reset();
  } else if (Active() != nullptr) {
    CheckClosing(input, day);
  }
}

void RuleWatch::Evaluate(const WatchInput& input, const Requirements& requirements, Day day,
                         Conditions& conditions) const {
  if (day < conditions.due) return;
  DueSource due(*input.catalog, *input.source, day);
  const MeasureSource& source = conditions.may_skip ? due : *input.source;
  const Evaluator evaluator(*input.catalog, source);
  for (int i = 0; i < requirements.size(); ++i) {
    Run& run = conditions.runs[static_cast<size_t>(i)];
    run.value = ValueOf(evaluator, *input.catalog, requirements[i], input.scope, day);
    run.is_met = run.value.has_value() && Meets(requirements[i], run.value);
  }
  conditions.due = conditions.may_skip ? due.due() : day + 1;
}

bool RuleWatch::CheckOpening(const WatchInput& input, Day day) {
  const v1::InterventionRule& rule = *input.rule->definition;
  Evaluate(input, rule.opens_when(), day, opening_);
  bool has_news = false;
  for (size_t i = 0; i < opening_.runs.size(); ++i) {
    Run& run = opening_.runs[i];
    if (!run.is_met) {
      run.since.reset();
      run.is_told = false;
      continue;
    }
    if (!run.since) run.since = day;
    if (run.is_told || day - *run.since < rule.open_after_days()) continue;
    run.is_told = has_news = true;
    if (Active() == nullptr) {
      WatchedIntervention& opened = interventions_.emplace_back();
      opened.opened_on = day;
      opened.kpi_at_open = Kpi(input, day);
    }
    interventions_.back().evidence.push_back({static_cast<int>(i), day, *run.since, run.value});
  }
  return has_news;
}

void RuleWatch::CheckClosing(const WatchInput& input, Day day) {
  const v1::InterventionRule& rule = *input.rule->definition;
  Evaluate(input, rule.closes_when(), day, closing_);
  bool any = false, all = true;
  for (const Run& run : closing_.runs) {
    any = any || run.value.has_value();
    all = all && (run.is_met || !run.value.has_value());
  }
  if (!any || !all) {
    closing_since_.reset();
    return;
  }
  if (!closing_since_) closing_since_ = day;
  if (day - *closing_since_ < rule.close_after_days()) return;
  WatchedIntervention& closed = interventions_.back();
  for (size_t i = 0; i < closing_.runs.size(); ++i) {
    if (!closing_.runs[i].value.has_value()) continue;
    closed.recovery.push_back({static_cast<int>(i), day, *closing_since_, closing_.runs[i].value});
  }
  End(input, day, v1::INTERVENTION_EVENT_KIND_CLOSED);
}

void RuleWatch::End(const WatchInput& input, Day day, v1::InterventionEventKind why) {
  WatchedIntervention& ended = interventions_.back();
  ended.ended_on = day;
  ended.end = why;
  ended.kpi_at_end = Kpi(input, day);
  closing_since_.reset();
}

void RuleWatch::Apply(const WatchInput& input, Day until) {
  for (; applied_ < input.actions.size(); ++applied_) {
    const Day acted_on = ToDay(input.actions[applied_]->acted_on());
    if (acted_on > until) return;
    Bind(input, input.actions[applied_], acted_on);
  }
}

// It is about the one under way, else about the last one that was under way at any time since the day on which the one
// opened that it names, else about one that there was no cause for.
void RuleWatch::Bind(const WatchInput& input, const std::shared_ptr<const v1::InterventionAction>& action,
                     Day acted_on) {
  if (WatchedIntervention* active = Active(); active != nullptr) {
    active->actions.push_back(action);
    if (action->verb() == v1::INTERVENTION_VERB_RESOLVE) {
      End(input, acted_on, v1::INTERVENTION_EVENT_KIND_RESOLVED);
    }
    return;
  }
  const Day opened_on = ToDay(action->opened_on());
  if (!interventions_.empty() && *interventions_.back().ended_on >= opened_on) {
    interventions_.back().actions.push_back(action);
    return;
  }
  const auto known = std::find_if(withdrawn_.begin(), withdrawn_.end(),
                                  [&](const WatchedIntervention& other) { return other.opened_on == opened_on; });
  WatchedIntervention& withdrawn = known != withdrawn_.end() ? *known : withdrawn_.emplace_back();
  withdrawn.opened_on = opened_on;
  withdrawn.actions.push_back(action);
}

void RuleWatch::NoteNextWork(const WatchInput& input, Day until) {
  const v1::InterventionRule& rule = *input.rule->definition;
  next_work_ = kNever;
  const auto note = [&](Day day) {
    if (day >= next_work_) return;
    day = NextCheckDay(rule.check(), input.catalog->program().week_start(), std::max(day, next_));
    next_work_ = std::min(next_work_, day);
  };
  if (applied_ < input.actions.size()) next_work_ = ToDay(input.actions[applied_]->acted_on());
  if (left_on_ && !has_left_) next_work_ = std::min(next_work_, *left_on_);
  if (next_ == kNever) return;
  note(opening_.due);
  for (const Run& run : opening_.runs) {
    if (run.since && !run.is_told) note(*run.since + rule.open_after_days());
  }
  if (Active() == nullptr) return;
  note(closing_.due);
  if (closing_since_) note(*closing_since_ + rule.close_after_days());
  for (const auto& action : Active()->actions) {
    if (action->verb() != v1::INTERVENTION_VERB_SNOOZE || ToDay(action->snoozed_until()) <= until) continue;
    next_work_ = std::min(next_work_, ToDay(action->snoozed_until()));
  }
}

}  // namespace partnermetrics
