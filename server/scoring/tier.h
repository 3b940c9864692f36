// A partner's tier as of any date: worked out from the facts and from what was decided, review by review.
//
//   Tier tier(evaluator, catalog, source, kFirstPartnerScope);
//   Number rank = tier.RankAt(as_of);                          // 1 is the lowest, 0 none
//   v1::TierStanding standing = tier.StandingAt(as_of);        // with gates, overrides and history
//
// A review looks back from the last day of its period and decides from the next day on. Its outcome is computed from
// the facts as they are known now, unless a review run stated it: then that stands. A partner is reviewed from the
// first period on that it was there for as a whole and that begins with facts in the programme.
//
// The catalogue has tiers. Thread-compatible, like its source.
#ifndef PARTNERMETRICS_SERVER_SCORING_TIER_H_
#define PARTNERMETRICS_SERVER_SCORING_TIER_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "partnermetrics/v1/score.pb.h"
#include "server/catalog/catalog.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/measure_source.h"
#include "server/scoring/partner_days.h"
#include "server/scoring/requirement.h"
#include "server/scoring/tier_memo.h"
#include "server/scoring/tier_review.h"

namespace partnermetrics {

class Tier {
 public:
  Tier(const Evaluator& evaluator, const Catalog& catalog, const MeasureSource& source, ScopeIndex partner);

  // The rank of the tier in force: that of an override, else the computed one. NO_FACTS for a day on which the partner
  // was not there. With a memo reviews that it has are not repeated; it is brought up to the day.
  Number RankAt(Day as_of, TierMemo* memo = nullptr) const;
  // The first day after this one on which the rank may differ without new facts.
  Day NextTurn(Day as_of) const;

  // Everything but gap and risk (tier_outlook.h). The history tells the reasons of every change, which is much to work
  // out for those who do not want it.
  v1::TierStanding StandingAt(Day as_of, bool with_history = true) const;

  // What a review that looks back from the day decides by the facts, whatever was decided on it before; nothing when
  // the partner is not reviewed on it.
  std::optional<v1::TierReview> ReviewAt(Day reviewed_on) const;

  // What reviews up to the day before left.
  TierState StateAt(Day as_of, TierMemo* memo = nullptr) const;
  // The ranks in force up to a day: each with the day from which it holds, the first with the partner's entry.
  std::vector<std::pair<Day, int>> RanksUntil(Day as_of) const;
  // The next day from which a review looks back, from `day` on.
  Day NextReview(Day day, int months) const;

  // A requirement held against its metric as of a day.
  v1::TierCheck Check(const v1::TierRequirement& requirement, Day as_of) const;
  Number ValueOf(const v1::TierRequirement& requirement, Day as_of) const;

 private:
  struct Step {
    Day on = 0;  // from which it holds
    TierState before, state;
    v1::TierCause cause = v1::TIER_CAUSE_UNSPECIFIED;
    const v1::TierReview* stated = nullptr;  // by a review run
  };

  // The first day with a fact that tiers are decided by.
  std::optional<Day> FirstFact(ScopeIndex scope) const;
  // The first day of the partner; nothing when nobody knows of it.
  std::optional<Day> EntryDay() const;
  bool HasLeft(Day day) const;
  // The partner's entry, and every review up to the day before.
  std::vector<Step> StepsUntil(Day as_of) const;
  // The days of reviews from `first` to the day before `end`, with what review runs stated on them.
  std::map<Day, const v1::TierReview*> ReviewsBetween(Day first, Day end) const;
  TierVerdict Decide(Day reviewed_on, const v1::TierReview* stated, const TierState& before) const;
  TierVerdict VerdictAt(Day reviewed_on, const TierState& before) const;
  TierReading ReadingAt(Day day) const;
  // The rank that a gate allows on a day.
  int AllowedBy(const CompiledTierGate& gate, Day day) const;
  // The one that holds on a day; null: none.
  const v1::TierOverride* OverrideAt(Day day) const;
  // The days on which overrides begin or end.
  std::set<Day> OverrideDays() const;
  int EffectiveAt(const std::vector<Step>& steps, Day day) const;
  std::vector<std::pair<Day, int>> RanksOf(const std::vector<Step>& steps, Day as_of) const;
  std::string ReasonOf(const Step& step) const;
  // Names of the requirements that are not met, with values.
  std::string Shortfall(int rank, Day day) const;
  std::string Violations(Day day) const;
  void AddGates(int rank, Day as_of, v1::TierStanding& standing) const;
  void AddHistory(const std::vector<Step>& steps, Day as_of, v1::TierStanding& standing) const;

  const Evaluator& evaluator_;
  const Catalog& catalog_;
  const CompiledTiers& tiers_;
  const MeasureSource& source_;
  const ScopeIndex scope_;
  const std::vector<PartnerDays> times_;  // for which it was a partner
  const std::optional<Day> entry_;
  const std::optional<Day> reviewed_from_;  // reviewed are periods that begin on it or later
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_TIER_H_
