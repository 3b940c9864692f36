// Tiers: how reviews move partners, what each threshold gives, and what is missing or threatened.
#include "server/scoring/tier.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "server/catalog/definitions.h"
#include "server/scoring/tier_outlook.h"
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The rules of movement alone, over readings.
class ReviewTest : public testing::Test {
 protected:
  void Rules(const std::string& more) {
    model_ = Fact<v1::TierModel>(
        "levels { id: 'gold' display_name: 'Gold' } levels { id: 'silver' display_name: 'Silver' }"
        " levels { id: 'bronze' display_name: 'Bronze' } " +
        more);
    tiers_.definition = &model_;
  }
  v1::TierCause Next(int qualified, bool violates = false, bool may_relegate = true) {
    const TierVerdict verdict = Review(tiers_, state_, {qualified, violates}, may_relegate);
    // What a review run states leads on as well as what is computed.
    EXPECT_EQ(FromFact(tiers_, ToFact(tiers_, state_, verdict)), verdict.state);
    state_ = verdict.state;
    return verdict.cause;
  }

  v1::TierModel model_;
  CompiledTiers tiers_;
  TierState state_;
};

TEST_F(ReviewTest, PartnersRiseAndFallAndMaySkipTiers) {
  Rules("");
  EXPECT_EQ(Next(3), v1::TIER_CAUSE_PROMOTION);
  EXPECT_EQ(state_.rank, 3);
  EXPECT_EQ(Next(3), v1::TIER_CAUSE_KEPT);
  EXPECT_EQ(Next(0), v1::TIER_CAUSE_RELEGATION);
  EXPECT_EQ(state_.rank, 0);
}

TEST_F(ReviewTest, OneLevelAtATime) {
  Rules("one_level_up: true one_level_down: true");
  Next(3);
  EXPECT_EQ(state_.rank, 1);
  Next(3);
  EXPECT_EQ(state_.rank, 2);
  Next(0);
  EXPECT_EQ(state_.rank, 1);
}

TEST_F(ReviewTest, AStreakGivesTheBestTierOfAllItsReviews) {
  Rules("promotion_streak: 3");
  EXPECT_EQ(Next(3), v1::TIER_CAUSE_KEPT);
  EXPECT_EQ(Next(2), v1::TIER_CAUSE_KEPT);
  EXPECT_EQ(state_.rise_streak, 2);
  EXPECT_EQ(Next(3), v1::TIER_CAUSE_PROMOTION);
  EXPECT_EQ(state_.rank, 2);
  EXPECT_EQ(state_.rise_streak, 0);
  Next(3);
  Next(2);  // the streak is broken
  Next(3);
  Next(3);
  EXPECT_EQ(state_.rank, 2);
  Next(3);
  EXPECT_EQ(state_.rank, 3);
}

TEST_F(ReviewTest, GraceKeepsATierForAsManyReviews) {
  Rules("grace_reviews: 1");
  Next(3);
  EXPECT_EQ(Next(1), v1::TIER_CAUSE_GRACE);
  EXPECT_EQ(state_.rank, 3);
  EXPECT_EQ(Next(3), v1::TIER_CAUSE_KEPT);
  EXPECT_EQ(Next(1), v1::TIER_CAUSE_GRACE);
  EXPECT_EQ(Next(2), v1::TIER_CAUSE_RELEGATION);
  EXPECT_EQ(state_.rank, 2);
}

TEST_F(ReviewTest, OutsideOfItsReviewsNobodyIsRelegated) {
  Rules("");
  Next(3);
  EXPECT_EQ(Next(1, false, /*may_relegate=*/false), v1::TIER_CAUSE_GRACE);
  EXPECT_EQ(state_.rank, 3);
  EXPECT_EQ(Next(1), v1::TIER_CAUSE_RELEGATION);
}

TEST_F(ReviewTest, ViolationsCountUntilCleanReviewsForgetThem) {
  Rules("max_violations: 3 clean_reviews: 2");
  Next(1, /*violates=*/true);
  EXPECT_EQ(state_.violations, 1);
  Next(1);
  EXPECT_EQ(state_.violations, 1);
  Next(1, true);
  EXPECT_EQ(state_.violations, 2);
  EXPECT_FALSE(IsOffBoarding(tiers_, state_));
  Next(1, true);
  EXPECT_TRUE(IsOffBoarding(tiers_, state_));
  Next(1);
  Next(1);
  EXPECT_EQ(state_.violations, 0);
}

TEST_F(ReviewTest, ReviewPeriodsAreThoseOfTheFiscalYear) {
  const auto last = [](Day day, int months, int start) { return ReviewPeriodOf(day, months, start).last; };
  EXPECT_EQ(last(On(2024, 2, 10), 1, 1), On(2024, 2, 29));
  EXPECT_EQ(last(On(2024, 2, 10), 3, 1), On(2024, 3, 31));
  EXPECT_EQ(last(On(2024, 2, 10), 6, 1), On(2024, 6, 30));
  EXPECT_EQ(last(On(2024, 2, 10), 12, 1), On(2024, 12, 31));
  EXPECT_EQ(last(On(2024, 2, 10), 3, 2), On(2024, 4, 30));
  EXPECT_EQ(last(On(2024, 1, 31), 3, 2), On(2024, 1, 31));
  EXPECT_EQ(last(On(2024, 3, 31), 6, 4), On(2024, 3, 31));
}

// Standings over facts: Gold asks for 200 of revenue in three months, Silver for 100, Bronze for nothing.
class TierTest : public FormulaTest {
 protected:
  class Source : public FactSource {
   public:
    using FactSource::FactSource;
    const TierDecisions* Decisions(ScopeIndex) const override { return &decisions; }
    TierDecisions decisions;
  };

  void Rules(const std::string& more = "entry_level: 'bronze'", const std::string& revenue = "won.sum") {
    Define(Metric("revenue", revenue,
                  "levels: SCOPE_KIND_PARTNER unit: METRIC_UNIT_MONEY direction: METRIC_DIRECTION_UP "
                  "window: WINDOW_KIND_TRAILING_3_MONTHS") +
               Metric("tier_number", "tier", "levels: SCOPE_KIND_PARTNER") +
               Metric("gold_partners", "count_partners(tier == 3)", "levels: SCOPE_KIND_PROGRAM"),
           "tiers { id: 'tier' display_name: 'Tier' category: METRIC_CATEGORY_REVENUE"
           " levels { id: 'gold' display_name: 'Gold' requirements { metric: 'revenue' min: 200 } }"
           " levels { id: 'silver' display_name: 'Silver' requirements { metric: 'revenue' min: 100 } }"
           " levels { id: 'bronze' display_name: 'Bronze' } " +
               more + " }");
    auto source = std::make_unique<Source>(*catalog_);
    decisions_ = &source->decisions;
    source_ = std::move(source);
    Partner("name: 'P'" + DateText("signed_on", On(2023, 1, 1)));
    Won(1, On(2022, 12, 1), /*partner=*/9);  // the programme has facts
  }

  v1::TierStanding At(Day as_of, ScopeIndex scope = kFirstPartnerScope) {
    const Evaluator evaluator(*catalog_, *source_);
    const Tier tier(evaluator, *catalog_, *source_, scope);
    v1::TierStanding standing = tier.StandingAt(as_of);
    AddOutlook(tier, *catalog_, *source_, scope, as_of, standing);
    return standing;
  }
  std::string TierOn(Day as_of) { return At(as_of).tier(); }

  static std::string Text(const v1::TierChange& change) {
    return absl::StrCat(change.on().year(), "-", change.on().month(), "-", change.on().day(), " ", change.from(), ">",
                        change.to(), " ", v1::TierCause_Name(change.cause()));
  }
  static std::vector<std::string> History(const v1::TierStanding& standing) {
    std::vector<std::string> texts;
    for (const v1::TierChange& change : standing.history()) texts.push_back(Text(change));
    return texts;
  }

  TierDecisions* decisions_ = nullptr;
};

TEST_F(TierTest, AReviewDecidesFromTheNextDayOn) {
  Rules();
  Won(200, On(2023, 3, 31));
  EXPECT_EQ(TierOn(On(2022, 12, 31)), "");
  EXPECT_EQ(TierOn(On(2023, 1, 1)), "bronze");
  EXPECT_EQ(TierOn(On(2023, 3, 31)), "bronze");
  EXPECT_EQ(At(On(2023, 3, 31)).qualified_tier(), "gold");
  EXPECT_EQ(TierOn(On(2023, 4, 1)), "gold");
  EXPECT_EQ(TierOn(On(2023, 6, 30)), "gold");
  EXPECT_EQ(TierOn(On(2023, 7, 1)), "bronze");  // nothing was won in the second quarter
  EXPECT_THAT(History(At(On(2023, 12, 31))),
              ElementsAre("2023-7-1 gold>bronze TIER_CAUSE_RELEGATION", "2023-4-1 bronze>gold TIER_CAUSE_PROMOTION",
                          "2023-1-1 >bronze TIER_CAUSE_ENTRY"));
  EXPECT_EQ(At(On(2023, 12, 31)).history(0).reason(), "short of Gold: X $0 (≥ $200)");
}

TEST_F(TierTest, PartnersAreReviewedFromTheirFirstWholePeriodOn) {
  Rules();
  Partner("name: 'Late'" + DateText("signed_on", On(2023, 1, 2)));
  Won(200, On(2023, 3, 1), 2);
  EXPECT_EQ(At(On(2023, 4, 1), kFirstPartnerScope + 1).tier(), "bronze");
  Won(200, On(2023, 6, 1), 2);
  EXPECT_EQ(At(On(2023, 7, 1), kFirstPartnerScope + 1).tier(), "gold");
}

TEST_F(TierTest, NobodyIsReviewedForPeriodsBeforeTheProgrammesFacts) {
  Rules();
  Partner("name: 'Old'" + DateText("signed_on", On(2020, 1, 1)));
  const v1::TierStanding standing = At(On(2022, 12, 31), kFirstPartnerScope + 1);
  EXPECT_EQ(standing.history_size(), 1);
  EXPECT_EQ(standing.next_review_on().year(), 2023);  // the fourth quarter of 2022 began without facts
  EXPECT_EQ(standing.next_review_on().month(), 3);
}

TEST_F(TierTest, RelegationMayBeRarerThanPromotion) {
  Rules("entry_level: 'bronze' relegation_reviews: REVIEW_PERIOD_HALF_YEAR");
  Won(200, On(2023, 6, 1));
  EXPECT_EQ(TierOn(On(2023, 7, 1)), "gold");
  EXPECT_EQ(TierOn(On(2023, 10, 1)), "gold");  // fell short, and is reviewed for that in December
  EXPECT_EQ(TierOn(On(2024, 1, 1)), "bronze");
  EXPECT_EQ(At(On(2023, 8, 1)).next_review_on().month(), 9);
  EXPECT_EQ(At(On(2023, 8, 1)).next_relegation_on().month(), 12);
}

// Without events a standing is what it is worked out to be, however often somebody looked.
TEST_F(TierTest, TimePassingGivesWhatEvaluatingAfreshGives) {
  Rules("entry_level: 'bronze' grace_reviews: 1");
  Won(200, On(2023, 2, 1));
  std::map<Day, std::string> seen;
  for (Day day = On(2023, 1, 1); day <= On(2024, 6, 1); day += 13) seen[day] = TierOn(day);
  for (const auto& [day, tier] : seen) EXPECT_EQ(TierOn(day), tier);
}

// Day by day with a memo, and only on the days that may turn it, the rank is the one that is worked out afresh.
TEST_F(TierTest, AMemoLeadsToTheSameRanksAndTurnsAreNotMissed) {
  Rules("entry_level: 'bronze' grace_reviews: 1 promotion_streak: 2 relegation_reviews: REVIEW_PERIOD_HALF_YEAR");
  Partner("name: 'Gone'" + DateText("signed_on", On(2023, 2, 10)) + DateText("terminated_on", On(2024, 5, 3)));
  for (int month = 1; month <= 8; ++month) {
    Won(110 * (month % 3), On(2023, month, 17));
    Won(90 * (month % 4), On(2023, month, 3), /*partner=*/2);
  }
  decisions_->overrides.push_back(Fact<v1::TierOverride>("tier: 'silver' author: 'Ada' reason: 'x' " +
                                                         DateText("starts_on", On(2023, 11, 5)) +
                                                         DateText("expires_on", On(2023, 12, 20))));
  decisions_->reviews.push_back(
      Fact<v1::TierReview>("tier: 'gold' cause: TIER_CAUSE_PROMOTION " + DateText("reviewed_on", On(2023, 8, 15))));
  const Evaluator evaluator(*catalog_, *source_);
  for (const ScopeIndex scope : {kFirstPartnerScope, kFirstPartnerScope + 1}) {
    const Tier tier(evaluator, *catalog_, *source_, scope);
    TierMemo memo;
    Day turn = 0;
    double rank = 0;
    int turns = 0;
    for (Day day = On(2022, 12, 1); day < On(2024, 8, 1); ++day) {
      const Number fresh = tier.RankAt(day);
      const Number kept = tier.RankAt(day, &memo);
      ASSERT_EQ(kept.no_data, fresh.no_data) << ToCivil(day);
      ASSERT_EQ(kept.value, fresh.value) << ToCivil(day);
      if (day >= turn) {
        turn = tier.NextTurn(day);
        rank = fresh.has_value() ? fresh.value : -1;
        ++turns;
      }
      ASSERT_EQ(fresh.has_value() ? fresh.value : -1, rank) << ToCivil(day);
    }
    EXPECT_LT(turns, 20);
  }
  // Since when there are facts decides what was reviewed: what a memo has of others does not count.
  TierMemo memo;
  const auto rank_at = [&](Day day, TierMemo* kept) {
    return Tier(evaluator, *catalog_, *source_, kFirstPartnerScope).RankAt(day, kept).value;
  };
  EXPECT_EQ(rank_at(On(2023, 7, 1), &memo), rank_at(On(2023, 7, 1), nullptr));
  memo.reviewed_from = On(2020, 1, 1);
  memo.state.rank = 7;
  EXPECT_EQ(rank_at(On(2023, 7, 2), &memo), rank_at(On(2023, 7, 2), nullptr));
}

TEST_F(TierTest, ACorrectionChangesWhatReviewsWouldHaveDecided) {
  Rules();
  Won(200, On(2023, 3, 1));
  EXPECT_EQ(TierOn(On(2023, 4, 1)), "gold");
  Won(-150, On(2023, 3, 2));
  EXPECT_EQ(TierOn(On(2023, 4, 1)), "bronze");
}

TEST_F(TierTest, WhatAReviewRunStatedStands) {
  Rules();
  Won(200, On(2023, 3, 1));
  const Evaluator evaluator(*catalog_, *source_);
  auto decision = Tier(evaluator, *catalog_, *source_, kFirstPartnerScope).ReviewAt(On(2023, 3, 31));
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(decision->tier(), "gold");
  EXPECT_EQ(decision->previous_tier(), "bronze");
  EXPECT_EQ(decision->cause(), v1::TIER_CAUSE_PROMOTION);
  EXPECT_EQ(decision->reason(), "meets all that Gold asks for");
  decision->set_author("Ada");
  decisions_->reviews.push_back(*decision);
  Won(-150, On(2023, 3, 2));  // corrected after the partner was told
  const v1::TierStanding standing = At(On(2023, 4, 1));
  EXPECT_EQ(standing.tier(), "gold");
  EXPECT_TRUE(standing.history(0).recorded());
  EXPECT_EQ(standing.history(0).author(), "Ada");
  EXPECT_EQ(TierOn(On(2023, 7, 1)), "bronze");  // the next review goes on from it
  // A dry run tells what the facts say now.
  EXPECT_EQ(Tier(evaluator, *catalog_, *source_, kFirstPartnerScope).ReviewAt(On(2023, 3, 31))->tier(), "bronze");
}

TEST_F(TierTest, NobodyIsReviewedBetweenPeriods) {
  Rules();
  const Evaluator evaluator(*catalog_, *source_);
  const Tier tier(evaluator, *catalog_, *source_, kFirstPartnerScope);
  EXPECT_FALSE(tier.ReviewAt(On(2023, 3, 30)).has_value());
  EXPECT_FALSE(tier.ReviewAt(On(2022, 12, 31)).has_value());
}

TEST_F(TierTest, OverridesStandBesideTheComputedTier) {
  Rules();
  decisions_->overrides.push_back(Fact<v1::TierOverride>("tier: 'gold' author: 'Ada' reason: 'strategic' " +
                                                         DateText("starts_on", On(2023, 2, 1)) +
                                                         DateText("expires_on", On(2023, 3, 1))));
  decisions_->overrides.push_back(Fact<v1::TierOverride>("tier: 'silver' author: 'Bob' reason: 'less so' " +
                                                         DateText("starts_on", On(2023, 2, 15))));
  EXPECT_EQ(TierOn(On(2023, 1, 31)), "bronze");
  EXPECT_EQ(TierOn(On(2023, 2, 1)), "gold");
  EXPECT_EQ(TierOn(On(2023, 2, 15)), "silver");
  const v1::TierStanding standing = At(On(2023, 3, 1));
  EXPECT_EQ(standing.tier_name(), "Silver");
  EXPECT_EQ(standing.computed_tier(), "bronze");
  EXPECT_EQ(standing.override().author(), "Bob");
  EXPECT_EQ(standing.since_on().day(), 15);
  EXPECT_THAT(History(standing),
              ElementsAre("2023-2-15 gold>silver TIER_CAUSE_OVERRIDE", "2023-2-1 bronze>gold TIER_CAUSE_OVERRIDE",
                          "2023-1-1 >bronze TIER_CAUSE_ENTRY"));
  decisions_->overrides.pop_back();
  EXPECT_EQ(TierOn(On(2023, 3, 1)), "bronze");
  EXPECT_EQ(At(On(2023, 3, 1)).history(0).cause(), v1::TIER_CAUSE_OVERRIDE_ENDED);
}

TEST_F(TierTest, WhoHasLeftHasNoTier) {
  Rules();
  Partner("name: 'Gone'" + DateText("signed_on", On(2023, 1, 1)) + DateText("terminated_on", On(2023, 5, 1)));
  EXPECT_EQ(At(On(2023, 4, 30), kFirstPartnerScope + 1).tier(), "bronze");
  EXPECT_EQ(At(On(2023, 5, 1), kFirstPartnerScope + 1).status(), v1::TIER_STATUS_UNSPECIFIED);
}

TEST_F(TierTest, WhoSignedAgainGoesOnWithItsTier) {
  Rules();
  Partner("name: 'Again' earlier_partnerships {" + DateText("signed_on", On(2023, 1, 1)) +
          DateText("terminated_on", On(2023, 5, 1)) + "}" + DateText("signed_on", On(2023, 8, 1)));
  Won(250, On(2023, 3, 1), /*partner=*/2);
  const ScopeIndex again = kFirstPartnerScope + 1;
  EXPECT_EQ(At(On(2023, 4, 30), again).tier(), "gold");
  EXPECT_EQ(At(On(2023, 5, 1), again).tier(), "");
  EXPECT_EQ(At(On(2023, 7, 31), again).tier(), "");
  EXPECT_EQ(At(On(2023, 8, 1), again).tier(), "gold");
}

TEST_F(TierTest, TheTierIsAMetric) {
  Rules();
  Won(250, On(2023, 3, 1));
  const v1::MetricValue value = Value("tier", On(2023, 6, 30), v1::COMPARISON_PREVIOUS_PERIOD, "", kFirstPartnerScope);
  EXPECT_EQ(value.value(), 3);
  EXPECT_EQ(value.display(), "Gold");
  EXPECT_EQ(value.comparison_display(), "Bronze");
  EXPECT_EQ(Value("tier_number", On(2023, 4, 1), {}, "", kFirstPartnerScope).value(), 3);
  EXPECT_EQ(Value("gold_partners", On(2023, 4, 1)).value(), 1);
}

TEST_F(TierTest, TheGapIsInTheMetricsOwnTerms) {
  Rules();
  Won(120, On(2023, 3, 1));
  const v1::TierStanding standing = At(On(2023, 4, 1));
  EXPECT_EQ(standing.next_tier_name(), "Gold");
  ASSERT_EQ(standing.gap_size(), 1);
  EXPECT_EQ(standing.gap(0).change(), 80);
  EXPECT_EQ(standing.gap(0).text(), "$80 more");
  EXPECT_EQ(At(On(2023, 4, 1)).gates(0).check().margin(), 20);
}

TEST_F(TierTest, TheRiskHasTheDayOnWhichWindowsLeaveARevenueBehind) {
  Rules();
  Won(120, On(2023, 3, 1));
  const v1::TierStanding standing = At(On(2023, 4, 1));
  ASSERT_EQ(standing.risk_size(), 1);
  // Three months that end with 31 May begin with 1 March.
  EXPECT_EQ(ToDay(absl::CivilDay(2023, standing.risk(0).fails_on().month(), standing.risk(0).fails_on().day())),
            On(2023, 6, 1));
  EXPECT_TRUE(standing.risk(0).fails_at_review());
}

// A large deal ends on the day on which a small one begins: no fewer, and too little.
TEST_F(TierTest, TheRiskTellsWhatBeginsAndEndsOnItsDay) {
  Rules("entry_level: 'bronze'", "open.sum");
  Open(150, On(2022, 12, 1), On(2023, 5, 10));
  Open(50, On(2023, 5, 10), On(2024, 5, 10));
  const v1::TierStanding standing = At(On(2023, 4, 1));
  ASSERT_EQ(standing.risk_size(), 1);
  ASSERT_EQ(standing.risk(0).causes_size(), 1);
  EXPECT_EQ(standing.risk(0).causes(0).count(), 0);
  EXPECT_EQ(
      standing.risk(0).text(),
      "not met from 2023-05-10 on, when as many begin as cease to count as \"open\"; as things stand it fails the "
      "review of 2023-06-30");
}

TEST_F(TierTest, RefusesWhatMakesNoSense) {
  const auto refusal = [&](const std::string& tiers) {
    return Refusal(Metric("a", "1", "levels: SCOPE_KIND_PARTNER") + Metric("p", "1", "levels: SCOPE_KIND_PROGRAM"),
                   "tiers { id: 'tier' display_name: 'T' category: METRIC_CATEGORY_REVENUE " + tiers + " }");
  };
  const std::string low = " levels { id: 'low' display_name: 'L' requirements { metric: 'a' min: 5 } } ";
  EXPECT_THAT(refusal(""), HasSubstr("tiers need levels"));
  EXPECT_THAT(refusal(low + low), HasSubstr("defined twice"));
  EXPECT_THAT(refusal(low + "entry_level: 'lov'"), HasSubstr("unknown tier \"lov\" (did you mean \"low\"?)"));
  EXPECT_THAT(refusal("levels { id: 'h' display_name: 'H' requirements { metric: 'a' min: 4 } }" + low),
              HasSubstr("a better tier asks for at least as much"));
  EXPECT_THAT(refusal("levels { id: 'h' display_name: 'H' requirements { metric: 'a' max: 4 } }" + low),
              HasSubstr("in the same direction"));
  EXPECT_THAT(refusal("levels { id: 'h' display_name: 'H' requirements { metric: 'a' } }"),
              HasSubstr("either min or max"));
  EXPECT_THAT(refusal("levels { id: 'h' display_name: 'H' requirements { metric: 'p' min: 1 } }"),
              HasSubstr("not defined for partners"));
  EXPECT_THAT(refusal(low + "promotion_reviews: REVIEW_PERIOD_HALF_YEAR relegation_reviews: REVIEW_PERIOD_QUARTER"),
              HasSubstr("as often as they are promoted, or more rarely"));
}

// The tiers of the LightReach document, with values put in the place of the metrics.
class LightReachTest : public FormulaTest {
 protected:
  static std::string Folder() { return PM_SOURCE_DIR "/server/catalog/definitions"; }

  // The tier for which these values qualify; the others are as Platinum asks.
  std::string Qualified(const std::map<std::string, std::string>& values) {
    Put(values);
    return StandingAt(On(2024, 3, 31)).qualified_tier();
  }
  std::vector<std::string> Violated(const std::map<std::string, std::string>& values) {
    Put(values);
    std::vector<std::string> ids;
    const v1::TierStanding standing = StandingAt(On(2024, 3, 31));
    for (const v1::TierCheck& check : standing.minima()) {
      if (!check.met()) ids.push_back(check.metric_id());
    }
    return ids;
  }

  void Put(const std::map<std::string, std::string>& values) {
    std::map<std::string, std::string> all = {{"first_time_approval_rate", "0.81"},
                                              {"m2_conversion_rate", "0.81"},
                                              {"m1_not_pto_aging_rate", "0.04"},
                                              {"m2_approvals_per_month", "101"},
                                              {"homeowner_collection_rate", "0.99"},
                                              {"homeowner_nps", "10"},
                                              {"ntp_approvals", "3"}};
    for (const auto& [id, value] : values) all[id] = value;
    std::string metrics;
    for (const auto& [id, value] : all) metrics += Metric(id, value, "levels: SCOPE_KIND_PARTNER");
    const auto program = LoadProgram(Folder() + "/programs/lightreach.textproto");
    ASSERT_TRUE(program.ok()) << program.status();
    std::string tiers;
    google::protobuf::TextFormat::PrintToString(program->tiers(), &tiers);
    Define(metrics, "tiers { " + tiers + " }");
    Partner("name: 'P'" + DateText("signed_on", On(2023, 1, 1)));
  }
  v1::TierStanding StandingAt(Day as_of) {
    const Evaluator evaluator(*catalog_, *source_);
    return Tier(evaluator, *catalog_, *source_, kFirstPartnerScope).StandingAt(as_of);
  }
};

TEST_F(LightReachTest, RatesAreStrict) {
  for (const std::string metric : {"first_time_approval_rate", "m2_conversion_rate"}) {
    EXPECT_EQ(Qualified({{metric, "0.8001"}}), "platinum");
    EXPECT_EQ(Qualified({{metric, "0.8"}}), "elite");
    EXPECT_EQ(Qualified({{metric, "0.7001"}}), "elite");
    EXPECT_EQ(Qualified({{metric, "0.7"}}), "pro");
    EXPECT_EQ(Qualified({{metric, "0.6001"}}), "pro");
    EXPECT_EQ(Qualified({{metric, "0.6"}}), "certified");
    EXPECT_EQ(Qualified({{metric, "0.5001"}}), "certified");
    EXPECT_EQ(Qualified({{metric, "0.5"}}), "");
    EXPECT_THAT(Violated({{metric, "0.5"}}), ElementsAre(metric));
  }
}

TEST_F(LightReachTest, LessAgingIsBetter) {
  EXPECT_EQ(Qualified({{"m1_not_pto_aging_rate", "0.0499"}}), "platinum");
  EXPECT_EQ(Qualified({{"m1_not_pto_aging_rate", "0.05"}}), "elite");
  EXPECT_EQ(Qualified({{"m1_not_pto_aging_rate", "0.1"}}), "pro");
  EXPECT_EQ(Qualified({{"m1_not_pto_aging_rate", "0.15"}}), "certified");
  EXPECT_EQ(Qualified({{"m1_not_pto_aging_rate", "0.2"}}), "");
  EXPECT_THAT(Violated({{"m1_not_pto_aging_rate", "0.2"}}), ElementsAre("m1_not_pto_aging_rate"));
}

TEST_F(LightReachTest, VolumeIsALadderOfLowerBounds) {
  const std::pair<std::string, std::string> ladder[] = {{"3", ""},           {"3.01", "certified"}, {"24", "certified"},
                                                        {"25", "certified"}, {"30", "certified"},   {"50", "certified"},
                                                        {"50.01", "pro"},    {"75", "pro"},         {"75.01", "elite"},
                                                        {"100", "elite"},    {"100.01", "platinum"}};
  for (const auto& [volume, tier] : ladder) EXPECT_EQ(Qualified({{"m2_approvals_per_month", volume}}), tier) << volume;
  EXPECT_THAT(Violated({{"m2_approvals_per_month", "3"}}), ElementsAre("m2_approvals_per_month"));
}

// "> 98 %" for every tier and "98 %" as the minimum: exactly 98 % meets the minimum and no tier. NPS likewise.
TEST_F(LightReachTest, CollectionAndNpsGateEveryTier) {
  EXPECT_EQ(Qualified({{"homeowner_collection_rate", "0.9801"}}), "platinum");
  EXPECT_EQ(Qualified({{"homeowner_collection_rate", "0.98"}}), "");
  EXPECT_THAT(Violated({{"homeowner_collection_rate", "0.98"}}), ElementsAre());
  EXPECT_THAT(Violated({{"homeowner_collection_rate", "0.9799"}}), ElementsAre("homeowner_collection_rate"));
  EXPECT_EQ(Qualified({{"homeowner_nps", "0.1"}}), "platinum");
  EXPECT_EQ(Qualified({{"homeowner_nps", "0"}}), "");
  EXPECT_THAT(Violated({{"homeowner_nps", "0"}}), ElementsAre());
  EXPECT_THAT(Violated({{"homeowner_nps", "-1"}}), ElementsAre("homeowner_nps"));
}

TEST_F(LightReachTest, ThreeNtpApprovalsAQuarterAreAMinimumAndNoGate) {
  EXPECT_EQ(Qualified({{"ntp_approvals", "2"}}), "platinum");
  EXPECT_THAT(Violated({{"ntp_approvals", "2"}}), ElementsAre("ntp_approvals"));
  EXPECT_THAT(Violated({{"ntp_approvals", "3"}}), ElementsAre());
}

TEST_F(LightReachTest, TheLowestMetricDecides) {
  Put({{"m2_conversion_rate", "0.65"}, {"m1_not_pto_aging_rate", "0.08"}});
  const v1::TierStanding standing = StandingAt(On(2024, 3, 31));
  EXPECT_EQ(standing.qualified_tier(), "pro");
  std::map<std::string, std::string> tiers;
  for (const v1::TierGate& gate : standing.gates()) {
    tiers[gate.check().metric_id()] = gate.tier();
    EXPECT_EQ(gate.binding(), gate.check().metric_id() == "m2_conversion_rate");
  }
  EXPECT_EQ(tiers["m2_conversion_rate"], "pro");
  EXPECT_EQ(tiers["m1_not_pto_aging_rate"], "elite");
  EXPECT_EQ(tiers["first_time_approval_rate"], "platinum");
}

TEST_F(LightReachTest, AMetricWithoutDataAsksForNothingUnlessDataIsRequired) {
  EXPECT_EQ(Qualified({{"m1_not_pto_aging_rate", "avg(won)"}}), "platinum");
  EXPECT_EQ(Qualified({{"m2_approvals_per_month", "avg(won)"}}), "");
}

TEST_F(LightReachTest, NewPartnersAreCertifiedAndThreeViolationsLeadOut) {
  Put({{"ntp_approvals", "0"}});
  EXPECT_EQ(StandingAt(On(2023, 1, 1)).tier(), "certified");
  EXPECT_EQ(StandingAt(On(2023, 4, 1)).status(), v1::TIER_STATUS_PROBATION);
  EXPECT_EQ(StandingAt(On(2023, 7, 1)).violations(), 2);
  EXPECT_EQ(StandingAt(On(2023, 10, 1)).status(), v1::TIER_STATUS_OFF_BOARDING);
  EXPECT_THAT(StandingAt(On(2023, 4, 1)).history(0).reason(), HasSubstr("minima not met: X 0 (≥ 3)"));
}

// The shipped definitions, over projects.
class LightReachOutlookTest : public LightReachTest {
 protected:
  void SetUp() override {
    const auto definitions = LoadDefinitions({Folder()});
    const auto program = LoadProgram(Folder() + "/programs/lightreach.textproto");
    ASSERT_TRUE(definitions.ok() && program.ok());
    auto catalog = Catalog::Compile(*program, definitions->catalog, &definitions->sources);
    ASSERT_TRUE(catalog.ok()) << catalog.status().message();
    catalog_ = *std::move(catalog);
    source_ = std::make_unique<FactSource>(*catalog_);
    Partner("name: 'P'" + DateText("signed_on", On(2024, 1, 1)));
  }
  void Projects(int count, Day m1_approved) {
    for (int i = 0; i < count; ++i) source_->Add("project", Fact<v1::Project>(DateText("m1_approved_on", m1_approved)));
  }
  v1::TierStanding Outlook(Day as_of) {
    const Evaluator evaluator(*catalog_, *source_);
    const Tier tier(evaluator, *catalog_, *source_, kFirstPartnerScope);
    v1::TierStanding standing = tier.StandingAt(as_of);
    AddOutlook(tier, *catalog_, *source_, kFirstPartnerScope, as_of, standing);
    return standing;
  }
  static const v1::TierRisk& RiskOf(const v1::TierStanding& standing, const std::string& metric) {
    for (const v1::TierRisk& risk : standing.risk()) {
      if (risk.check().metric_id() == metric && !risk.minimum()) return risk;
    }
    ADD_FAILURE() << "no risk of " << metric;
    return standing.risk(0);
  }
};

// 2 of 10 projects are not below 20 %: the second that turns 61 days old costs the tier, on a day that is known.
TEST_F(LightReachOutlookTest, AProjectThatTurns61DaysOldCostsTheTier) {
  Projects(1, On(2024, 1, 10));
  Projects(1, On(2024, 1, 18));
  Projects(8, On(2024, 3, 1));
  const v1::TierStanding standing = Outlook(On(2024, 3, 12));
  const v1::TierRisk& risk = RiskOf(standing, "m1_not_pto_aging_rate");
  EXPECT_EQ(risk.fails_on().month(), 3);
  EXPECT_EQ(risk.fails_on().day(), 19);  // 61 days after 18 January
  ASSERT_EQ(risk.causes_size(), 1);
  EXPECT_EQ(risk.causes(0).measure_id(), "m1_not_pto_aging");
  EXPECT_EQ(risk.causes(0).count(), 1);
  EXPECT_TRUE(risk.fails_at_review());
  EXPECT_THAT(risk.text(),
              HasSubstr("not met from 2024-03-19 on, when 1 more counts as \"Projects with M1 approved more "
                        "than 60 days ago and without permission to operate\"; as things stand"));
}

TEST_F(LightReachOutlookTest, TheGapCountsProjectsAndAttempts) {
  Projects(4, On(2024, 1, 1));  // aging from 2 March on
  Projects(26, On(2024, 3, 20));
  for (int i = 0; i < 10; ++i) {
    source_->Add("milestone_submission", Fact<v1::MilestoneSubmission>(absl::StrCat(
                                             "milestone: MILESTONE_M1 attempt: 1 decision: MILESTONE_DECISION_",
                                             i < 6 ? "APPROVED" : "REJECTED", DateText("decided_on", On(2024, 3, 5)))));
  }
  std::map<std::string, v1::TierGap> gaps;
  const v1::TierStanding standing = Outlook(On(2024, 3, 25));
  for (const v1::TierGap& gap : standing.gap()) gaps[gap.check().metric_id()] = gap;
  // Pro asks for more than 60 %: 6 of 10 are not.
  EXPECT_EQ(gaps["first_time_approval_rate"].change(), 1);
  EXPECT_EQ(gaps["first_time_approval_rate"].facts(), 1);
  EXPECT_EQ(gaps["first_time_approval_rate"].text(), "1 more of the 10, or 1 more in a row");
  // 4 of 30 are 13.3 %, which is below 15 % already.
  EXPECT_EQ(gaps.count("m1_not_pto_aging_rate"), 0u);
  EXPECT_EQ(gaps["m2_approvals_per_month"].change(), 151);  // more than 50 a month in three months
  EXPECT_EQ(gaps["m2_approvals_per_month"].text(), "151 more");
}

}  // namespace
}  // namespace partnermetrics
