#include "server/scoring/tier.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/scoring/partner_days.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {
namespace {

bool Holds(const v1::TierOverride& stated, Day day) {
  return ToDay(stated.starts_on()) <= day && !(stated.has_expires_on() && ToDay(stated.expires_on()) <= day);
}

}  // namespace

Number Tier::ValueOf(const v1::TierRequirement& requirement, Day as_of) const {
  return partnermetrics::ValueOf(evaluator_, catalog_, requirement, scope_, as_of);
}

v1::TierCheck Tier::Check(const v1::TierRequirement& requirement, Day as_of) const {
  return CheckOf(evaluator_, catalog_, requirement, ValueOf(requirement, as_of), as_of);
}

Tier::Tier(const Evaluator& evaluator, const Catalog& catalog, const MeasureSource& source, ScopeIndex partner)
    : evaluator_(evaluator),
      catalog_(catalog),
      tiers_(*catalog.tiers()),
      source_(source),
      scope_(partner),
      times_(PartnerDaysOf(source.Partner(partner))),
      entry_(EntryDay()),
      reviewed_from_(entry_ ? std::optional<Day>(std::max(*entry_, FirstFact(kProgramScope).value_or(*entry_)))
                            : std::nullopt) {}

std::optional<Day> Tier::FirstFact(ScopeIndex scope) const {
  return FirstFactDay(source_, catalog_.metrics()[static_cast<size_t>(tiers_.metric)].uses, scope);
}

std::optional<Day> Tier::EntryDay() const {
  const std::optional<Day> signed_on = times_.front().signed_on;
  return signed_on ? signed_on : FirstFact(scope_);
}

bool Tier::HasLeft(Day day) const {
  const std::optional<Day> terminated_on = LastBegunBy(times_, day).terminated_on;
  return terminated_on && *terminated_on <= day;
}

Day Tier::NextReview(Day day, int months) const {
  ReviewDays days = ReviewPeriodOf(day, months, catalog_.fiscal_start_month());
  // Only promotion periods need to have been seen whole: longer ones are made of them.
  if (reviewed_from_) {
    while (ReviewPeriodOf(days.last, tiers_.promotion_months, catalog_.fiscal_start_month()).first < *reviewed_from_) {
      days = ReviewPeriodOf(days.last + 1, months, catalog_.fiscal_start_month());
    }
  }
  return days.last;
}

int Tier::AllowedBy(const CompiledTierGate& gate, Day day) const {
  std::optional<Number> value;
  for (int rank = tiers_.top(); rank > 0; --rank) {
    const v1::TierRequirement* requirement = gate.by_rank[static_cast<size_t>(rank)];
    if (requirement == nullptr) return rank;
    if (!value) value = ValueOf(*requirement, day);
    if (Meets(*requirement, *value)) return rank;
  }
  return 0;
}

TierReading Tier::ReadingAt(Day day) const {
  TierReading reading;
  reading.qualified = tiers_.top();
  for (const CompiledTierGate& gate : tiers_.gates) {
    // A gate that asks nothing of the rank allows it, whatever its metric says.
    if (gate.by_rank[static_cast<size_t>(reading.qualified)] == nullptr) continue;
    reading.qualified = std::min(reading.qualified, AllowedBy(gate, day));
  }
  reading.violates = std::any_of(tiers_.minima.begin(), tiers_.minima.end(), [&](const CompiledTierMinimum& minimum) {
    return !Meets(*minimum.requirement, ValueOf(*minimum.requirement, day));
  });
  return reading;
}

TierVerdict Tier::VerdictAt(Day reviewed_on, const TierState& before) const {
  const ReviewDays relegation = ReviewPeriodOf(reviewed_on, tiers_.relegation_months, catalog_.fiscal_start_month());
  return Review(tiers_, before, ReadingAt(reviewed_on), relegation.last == reviewed_on);
}

// Of several statements for one day the last one counts.
std::map<Day, const v1::TierReview*> Tier::ReviewsBetween(Day first, Day end) const {
  std::map<Day, const v1::TierReview*> days;
  for (Day day = NextReview(first, tiers_.promotion_months); day < end;
       day = NextReview(day + 1, tiers_.promotion_months)) {
    days[day] = nullptr;
  }
  if (const TierDecisions* decisions = source_.Decisions(scope_); decisions != nullptr) {
    for (const v1::TierReview& review : decisions->reviews) {
      const Day day = ToDay(review.reviewed_on());
      if (day >= first && day < end) days[day] = &review;
    }
  }
  return days;
}

TierVerdict Tier::Decide(Day reviewed_on, const v1::TierReview* stated, const TierState& before) const {
  if (stated != nullptr) return {FromFact(tiers_, *stated), stated->cause()};
  return VerdictAt(reviewed_on, before);
}

std::vector<Tier::Step> Tier::StepsUntil(Day as_of) const {
  std::vector<Step> steps;
  if (!entry_ || *entry_ > as_of) return steps;
  Step step;
  step.on = *entry_;
  step.state.rank = tiers_.entry_rank;
  step.cause = v1::TIER_CAUSE_ENTRY;
  steps.push_back(step);

  for (const auto& [day, stated] : ReviewsBetween(*entry_, as_of)) {
    if (HasLeft(day)) continue;
    step.on = day + 1;
    step.before = step.state;
    step.stated = stated;
    const TierVerdict verdict = Decide(day, stated, step.before);
    step.state = verdict.state;
    step.cause = verdict.cause;
    steps.push_back(step);
  }
  return steps;
}

const v1::TierOverride* Tier::OverrideAt(Day day) const {
  const TierDecisions* decisions = source_.Decisions(scope_);
  const v1::TierOverride* found = nullptr;
  if (decisions == nullptr) return found;
  for (const v1::TierOverride& stated : decisions->overrides) {
    if (Holds(stated, day)) found = &stated;
  }
  return found;
}

std::set<Day> Tier::OverrideDays() const {
  std::set<Day> days;
  const TierDecisions* decisions = source_.Decisions(scope_);
  if (decisions == nullptr) return days;
  for (const v1::TierOverride& stated : decisions->overrides) {
    days.insert(ToDay(stated.starts_on()));
    if (stated.has_expires_on()) days.insert(ToDay(stated.expires_on()));
  }
  return days;
}

std::vector<std::pair<Day, int>> Tier::RanksOf(const std::vector<Step>& steps, Day as_of) const {
  std::vector<std::pair<Day, int>> ranks;
  if (steps.empty()) return ranks;
  std::set<Day> turns = OverrideDays();
  for (const Step& step : steps) turns.insert(step.on);
  for (auto turn = turns.lower_bound(steps.front().on); turn != turns.end() && *turn <= as_of; ++turn) {
    const int rank = EffectiveAt(steps, *turn);
    if (ranks.empty() || rank != ranks.back().second) ranks.emplace_back(*turn, rank);
  }
  return ranks;
}

std::vector<std::pair<Day, int>> Tier::RanksUntil(Day as_of) const {
  return RanksOf(StepsUntil(as_of), as_of);
}

TierState Tier::StateAt(Day as_of, TierMemo* memo) const {
  TierState state;
  if (!entry_ || *entry_ > as_of) return state;
  const bool goes_on = memo != nullptr && memo->until && *memo->until <= as_of && memo->entry == entry_ &&
                       memo->reviewed_from == reviewed_from_;
  state.rank = tiers_.entry_rank;
  if (goes_on) state = memo->state;
  for (const auto& [day, stated] : ReviewsBetween(goes_on ? *memo->until : *entry_, as_of)) {
    if (HasLeft(day)) continue;
    state = Decide(day, stated, state).state;
  }
  if (memo != nullptr) *memo = {as_of, state, entry_, reviewed_from_};
  return state;
}

int Tier::EffectiveAt(const std::vector<Step>& steps, Day day) const {
  if (const v1::TierOverride* stated = OverrideAt(day); stated != nullptr) return tiers_.RankOf(stated->tier());
  int rank = 0;
  for (const Step& step : steps) {
    if (step.on <= day) rank = step.state.rank;
  }
  return rank;
}

Number Tier::RankAt(Day as_of, TierMemo* memo) const {
  if (!entry_ || *entry_ > as_of || HasLeft(as_of)) return Number::NoData(v1::NO_DATA_REASON_NO_FACTS);
  const v1::TierOverride* stated = OverrideAt(as_of);
  const int rank = stated != nullptr ? tiers_.RankOf(stated->tier()) : StateAt(as_of, memo).rank;
  return Number::Exact(Nanos(rank) * kNanosPerUnit, 1);
}

Day Tier::NextTurn(Day as_of) const {
  std::set<Day> turns = OverrideDays();
  turns.insert(NextReview(as_of, tiers_.promotion_months) + 1);
  if (entry_) turns.insert(*entry_);
  for (const PartnerDays& time : times_) {
    if (time.signed_on) turns.insert(*time.signed_on);
    if (time.terminated_on) turns.insert(*time.terminated_on);
  }
  if (const TierDecisions* decisions = source_.Decisions(scope_); decisions != nullptr) {
    for (const v1::TierReview& review : decisions->reviews) turns.insert(ToDay(review.reviewed_on()) + 1);
  }
  return *turns.upper_bound(as_of);
}

std::optional<v1::TierReview> Tier::ReviewAt(Day reviewed_on) const {
  if (!entry_ || *entry_ > reviewed_on || HasLeft(reviewed_on)) return std::nullopt;
  if (NextReview(reviewed_on, tiers_.promotion_months) != reviewed_on) return std::nullopt;
  Step step;
  step.on = reviewed_on + 1;
  step.before = StateAt(reviewed_on);
  const TierVerdict verdict = VerdictAt(reviewed_on, step.before);
  step.state = verdict.state;
  step.cause = verdict.cause;
  v1::TierReview fact = ToFact(tiers_, step.before, verdict);
  SetDate(reviewed_on, fact.mutable_reviewed_on());
  fact.set_reason(ReasonOf(step));
  return fact;
}

std::string Tier::Shortfall(int rank, Day day) const {
  std::vector<std::string> texts;
  for (const CompiledTierGate& gate : tiers_.gates) {
    const v1::TierRequirement* requirement = gate.by_rank[static_cast<size_t>(rank)];
    if (requirement == nullptr) continue;
    const v1::TierCheck check = Check(*requirement, day);
    if (!check.met()) texts.push_back(CheckText(check));
  }
  return absl::StrJoin(texts, ", ");
}

std::string Tier::Violations(Day day) const {
  std::vector<std::string> texts;
  for (const CompiledTierMinimum& minimum : tiers_.minima) {
    const v1::TierCheck check = Check(*minimum.requirement, day);
    if (!check.met()) texts.push_back(CheckText(check));
  }
  return absl::StrJoin(texts, ", ");
}

std::string Tier::ReasonOf(const Step& step) const {
  if (step.stated != nullptr) return step.stated->reason();
  const Day day = step.on - 1;
  std::string reason;
  switch (step.cause) {
    case v1::TIER_CAUSE_ENTRY:
      return "joined the programme";
    case v1::TIER_CAUSE_PROMOTION:
      reason = absl::StrCat("meets all that ", tiers_.NameOf(step.state.rank), " asks for");
      break;
    case v1::TIER_CAUSE_RELEGATION:
    case v1::TIER_CAUSE_GRACE:
      reason = absl::StrCat("short of ", tiers_.NameOf(step.before.rank), ": ", Shortfall(step.before.rank, day));
      break;
    default:
      break;
  }
  if (step.state.violations > step.before.violations) {
    absl::StrAppend(&reason, reason.empty() ? "" : "; ", "minima not met: ", Violations(day));
  }
  return reason;
}

v1::TierStanding Tier::StandingAt(Day as_of, bool with_history) const {
  v1::TierStanding standing;
  standing.set_model_id(tiers_.definition->id());
  SetDate(as_of, standing.mutable_as_of());
  standing.set_max_violations(tiers_.definition->max_violations());
  const std::vector<Step> steps = StepsUntil(as_of);
  if (steps.empty() || HasLeft(as_of)) return standing;
  const TierState& state = steps.back().state;
  const int rank = EffectiveAt(steps, as_of);
  standing.set_tier(tiers_.IdOf(rank));
  standing.set_tier_name(tiers_.NameOf(rank));
  standing.set_rank(rank);
  standing.set_computed_tier(tiers_.IdOf(state.rank));
  standing.set_qualified_tier(tiers_.IdOf(ReadingAt(as_of).qualified));
  standing.set_status(state.violations == 0          ? v1::TIER_STATUS_ACTIVE
                      : IsOffBoarding(tiers_, state) ? v1::TIER_STATUS_OFF_BOARDING
                                                     : v1::TIER_STATUS_PROBATION);
  standing.set_violations(state.violations);
  SetDate(NextReview(as_of, tiers_.promotion_months), standing.mutable_next_review_on());
  SetDate(NextReview(as_of, tiers_.relegation_months), standing.mutable_next_relegation_on());
  if (const v1::TierOverride* stated = OverrideAt(as_of); stated != nullptr) {
    v1::TierOverrideInForce& in_force = *standing.mutable_override();
    in_force.set_tier(stated->tier());
    in_force.set_author(stated->author());
    in_force.set_reason(stated->reason());
    *in_force.mutable_starts_on() = stated->starts_on();
    if (stated->has_expires_on()) *in_force.mutable_expires_on() = stated->expires_on();
  }
  AddGates(state.rank, as_of, standing);
  for (const CompiledTierMinimum& minimum : tiers_.minima) {
    *standing.add_minima() = Check(*minimum.requirement, as_of);
  }
  SetDate(RanksOf(steps, as_of).back().first, standing.mutable_since_on());
  if (with_history) AddHistory(steps, as_of, standing);
  return standing;
}

void Tier::AddGates(int rank, Day as_of, v1::TierStanding& standing) const {
  std::vector<int> allowed;
  for (const CompiledTierGate& gate : tiers_.gates) allowed.push_back(AllowedBy(gate, as_of));
  const int least = allowed.empty() ? tiers_.top() : *std::min_element(allowed.begin(), allowed.end());
  for (size_t i = 0; i < tiers_.gates.size(); ++i) {
    v1::TierGate& gate = *standing.add_gates();
    const auto& by_rank = tiers_.gates[i].by_rank;
    // Of a metric that only better tiers ask for, what the lowest of these does.
    const auto asked = std::find_if(by_rank.begin() + std::max(rank, 1), by_rank.end(),
                                    [](const v1::TierRequirement* requirement) { return requirement != nullptr; });
    if (asked != by_rank.end()) *gate.mutable_check() = Check(**asked, as_of);
    gate.set_tier(tiers_.IdOf(allowed[i]));
    gate.set_tier_name(tiers_.NameOf(allowed[i]));
    gate.set_binding(allowed[i] == least && least < tiers_.top());
  }
}

void Tier::AddHistory(const std::vector<Step>& steps, Day as_of, v1::TierStanding& standing) const {
  std::vector<v1::TierChange> changes;
  for (const Step& step : steps) {
    const bool is_change = step.cause != v1::TIER_CAUSE_KEPT || step.state.violations != step.before.violations;
    if (!is_change) continue;
    v1::TierChange change;
    SetDate(step.on, change.mutable_on());
    change.set_from(tiers_.IdOf(step.before.rank));
    change.set_to(tiers_.IdOf(step.state.rank));
    change.set_cause(step.cause);
    change.set_reason(ReasonOf(step));
    change.set_recorded(step.stated != nullptr);
    if (step.stated != nullptr) change.set_author(step.stated->author());
    change.set_violations(step.state.violations);
    changes.push_back(std::move(change));
  }
  for (const Day day : OverrideDays()) {
    const v1::TierOverride* before = OverrideAt(day - 1);
    const v1::TierOverride* now = OverrideAt(day);
    if (day > as_of || before == now) continue;
    v1::TierChange change;
    SetDate(day, change.mutable_on());
    change.set_from(tiers_.IdOf(EffectiveAt(steps, day - 1)));
    change.set_to(tiers_.IdOf(EffectiveAt(steps, day)));
    change.set_cause(now != nullptr ? v1::TIER_CAUSE_OVERRIDE : v1::TIER_CAUSE_OVERRIDE_ENDED);
    change.set_reason(now != nullptr ? now->reason() : absl::StrCat("ended: ", before->reason()));
    change.set_recorded(true);
    change.set_author(now != nullptr ? now->author() : before->author());
    changes.push_back(std::move(change));
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const v1::TierChange& a, const v1::TierChange& b) { return ToDay(a.on()) > ToDay(b.on()); });
  for (v1::TierChange& change : changes) *standing.add_history() = std::move(change);
}

}  // namespace partnermetrics
