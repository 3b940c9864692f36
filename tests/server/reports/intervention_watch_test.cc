// Interventions by one rule: when they open, what adds to them, when they close, and what people's actions do.
#include "server/reports/intervention_watch.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "gmock/gmock.h"
#include "server/reports/intervention_view.h"
#include "server/scoring/proto_values.h"
#include "server/scoring/requirement.h"
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr ScopeIndex kPartner = kFirstPartnerScope;

// A rule over deals that are open and over what was won in 30 days; "open" is a stock, so that a test says from when to
// when it has which value.
class InterventionTest : public FormulaTest {
 protected:
  void Rule(const std::string& rule, const std::string& policy = "") {
    Define(
        Metric("open_deals", "open.count", "levels: SCOPE_KIND_PARTNER direction: METRIC_DIRECTION_DOWN") +
            Metric("revenue", "won.sum",
                   "levels: SCOPE_KIND_PARTNER window: WINDOW_KIND_TRAILING_30_DAYS unit: METRIC_UNIT_MONEY") +
            Metric("average", "won.sum / won.count",
                   "levels: SCOPE_KIND_PARTNER window: WINDOW_KIND_TRAILING_30_DAYS") +
            Metric("against_all", "won.sum / at_level(PROGRAM, sum_partners(won.sum))", "levels: SCOPE_KIND_PARTNER"),
        "interventions { " + policy + " rules { id: 'too_many' display_name: 'Too many' watches: 'open_deals' " + rule +
            " } }");
    Partner("name: 'P'" + DateText("signed_on", On(2023, 1, 1)));
    Won(1, On(2022, 12, 1), /*partner=*/9);  // somebody tells of deals
  }
  // More than two open deals open it, none closes it.
  void ManyOpenDeals(const std::string& more = "", const std::string& policy = "") {
    Rule("opens_when { metric: 'open_deals' min: 2 exclusive: true } closes_when { metric: 'open_deals' max: 0 } " +
             more,
         policy);
  }
  void OpenDeals(int count, Day from, Day until) {
    for (int i = 0; i < count; ++i) Open(1, from, until);
  }

  WatchInput Input() const {
    WatchInput input{catalog_.get(), &catalog_->intervention_rules()[0], source_.get(), kPartner, actions_, false};
    SortActions(input.actions);
    return input;
  }
  RuleWatch WatchUntil(Day day) const {
    RuleWatch watch;
    watch.Advance(Input(), day);
    return watch;
  }
  void Act(Day acted_on, Day opened_on, const std::string& verb, const std::string& more = "") {
    v1::InterventionAction action = Fact<v1::InterventionAction>(
        absl::StrCat("rule: 'too_many' author: 'Ada' verb: INTERVENTION_VERB_", verb, " sequence: ", ++sequence_, " ",
                     DateText("acted_on", acted_on), DateText("opened_on", opened_on), more));
    actions_.push_back(std::make_shared<const v1::InterventionAction>(std::move(action)));
  }

  // "2023-03-01 opened", "2023-03-09 closed" …
  static std::vector<std::string> Texts(const std::vector<v1::InterventionEvent>& events) {
    std::vector<std::string> texts;
    for (const v1::InterventionEvent& event : events) {
      std::string kind = absl::AsciiStrToLower(v1::InterventionEventKind_Name(event.kind()).substr(24));
      texts.push_back(event.has_on() ? absl::StrCat(DayText(ToDay(event.on())), " ", kind) : kind);
    }
    return texts;
  }
  std::vector<std::string> Events(Day as_of) const {
    const WatchInput input = Input();
    const RuleWatch watch = WatchUntil(as_of);
    const InterventionView view(input, "p-1");
    std::vector<std::string> all;
    for (const auto* interventions : {&watch.interventions(), &watch.withdrawn()}) {
      for (const WatchedIntervention& intervention : *interventions) {
        for (const std::string& text : Texts(view.EventsUntil(intervention, as_of))) all.push_back(text);
      }
    }
    return all;
  }
  // Every intervention there is on a day, in full.
  static std::string All(const WatchInput& input, const RuleWatch& watch, Day as_of) {
    const InterventionView view(input, "p-1");
    std::string all;
    for (const auto* interventions : {&watch.interventions(), &watch.withdrawn()}) {
      for (const WatchedIntervention& intervention : *interventions) {
        if (!StatusAt(intervention, as_of)) continue;
        absl::StrAppend(&all, view.ToProto(intervention, as_of, true).ShortDebugString(), "\n");
      }
    }
    return all;
  }
  v1::Intervention Only(Day as_of) const {
    const WatchInput input = Input();
    const RuleWatch watch = WatchUntil(as_of);
    const auto& one = watch.interventions().empty() ? watch.withdrawn() : watch.interventions();
    EXPECT_EQ(watch.interventions().size() + watch.withdrawn().size(), 1U);
    return InterventionView(input, "p-1").ToProto(one[0], as_of, true);
  }

  // Events without actions as the rules' documentation defines them: every condition of every check day, and runs of
  // days counted backwards.
  std::vector<std::string> ByDefinition(Day first, Day last) const {
    const v1::InterventionRule& rule = *catalog_->intervention_rules()[0].definition;
    std::vector<Day> days;
    for (Day day = first; day <= last; ++day) {
      if (NextCheckDay(rule.check(), v1::WEEK_DAY_MONDAY, day) == day) days.push_back(day);
    }
    const Evaluator evaluator(*catalog_, *source_);
    const auto value = [&](const v1::TierRequirement& condition, size_t day) {
      return ValueOf(evaluator, *catalog_, condition, kPartner, days[day]);
    };
    const auto opens = [&](int condition, size_t day) {
      const Number number = value(rule.opens_when(condition), day);
      return number.has_value() && Meets(rule.opens_when(condition), number);
    };
    const auto closes = [&](size_t day) {
      bool any = false;
      for (const v1::TierRequirement& condition : rule.closes_when()) {
        const Number number = value(condition, day);
        if (number.has_value() && !Meets(condition, number)) return false;
        any = any || number.has_value();
      }
      return any;
    };
    const auto opens_for = [&](int condition, size_t day) {
      size_t since = day;
      while (since > 0 && opens(condition, since - 1)) --since;
      return days[day] - days[since];
    };
    std::vector<std::string> events;
    bool is_active = false;
    size_t news = 0;
    for (size_t day = 0; day < days.size(); ++day) {
      bool has_news = false;
      for (int condition = 0; condition < rule.opens_when_size(); ++condition) {
        if (!opens(condition, day) || opens_for(condition, day) < rule.open_after_days()) continue;
        const bool was_told =
            day > 0 && opens(condition, day - 1) && opens_for(condition, day - 1) >= rule.open_after_days();
        if (was_told) continue;
        events.push_back(absl::StrCat(DayText(days[day]), is_active ? " evidence" : " opened"));
        is_active = has_news = true;
        news = day;
      }
      if (!is_active || has_news || !closes(day)) continue;
      size_t since = day;
      while (since > news + 1 && closes(since - 1)) --since;
      if (days[day] - days[since] < rule.close_after_days()) continue;
      events.push_back(absl::StrCat(DayText(days[day]), " closed"));
      is_active = false;
    }
    return events;
  }

  InterventionActions actions_;
  int sequence_ = 0;
};

TEST_F(InterventionTest, OpensWhenItsConditionHasBeenMetForLongEnough) {
  ManyOpenDeals("open_after_days: 7");
  OpenDeals(3, On(2023, 3, 1), On(2024, 1, 1));
  EXPECT_THAT(Events(On(2023, 3, 7)), IsEmpty());  // one day before
  EXPECT_THAT(Events(On(2023, 3, 8)), ElementsAre("2023-03-08 opened"));
  const v1::Intervention opened = Only(On(2023, 3, 8));
  EXPECT_EQ(opened.intervention_id(), "too_many/p-1/2023-03-08");
  EXPECT_EQ(opened.cause(), "X 3 (> 2)");
  EXPECT_EQ(opened.evidence(0).since().day(), 1);
  EXPECT_EQ(opened.severity(), v1::INTERVENTION_SEVERITY_MEDIUM);
  EXPECT_EQ(opened.partner_name(), "P");
}

TEST_F(InterventionTest, WhatEndsADayTooEarlyOpensNothing) {
  ManyOpenDeals("open_after_days: 7");
  OpenDeals(3, On(2023, 3, 1), On(2023, 3, 8));
  OpenDeals(3, On(2023, 3, 9), On(2023, 3, 16));  // the days of both do not add up
  EXPECT_THAT(Events(On(2023, 6, 1)), IsEmpty());
}

TEST_F(InterventionTest, ABoundThatIsNotMetOpensNothing) {
  ManyOpenDeals();
  OpenDeals(2, On(2023, 3, 1), On(2024, 1, 1));
  EXPECT_THAT(Events(On(2023, 6, 1)), IsEmpty());
  OpenDeals(1, On(2023, 7, 1), On(2024, 1, 1));
  EXPECT_THAT(Events(On(2023, 7, 1)), ElementsAre("2023-07-01 opened"));
}

TEST_F(InterventionTest, BetweenOpeningAndClosingNothingFlaps) {
  ManyOpenDeals();
  OpenDeals(1, On(2023, 1, 1), On(2023, 6, 1));
  for (int month = 1; month <= 5; ++month) OpenDeals(2, On(2023, month, 5), On(2023, month, 20));
  // Once a month the condition is met anew, while the intervention is under way.
  EXPECT_THAT(Events(On(2023, 12, 31)), ElementsAre("2023-01-05 opened", "2023-02-05 evidence", "2023-03-05 evidence",
                                                    "2023-04-05 evidence", "2023-05-05 evidence", "2023-06-01 closed"));
}

TEST_F(InterventionTest, ClosesWhenAllIsWellForLongEnough) {
  ManyOpenDeals("close_after_days: 14");
  OpenDeals(3, On(2023, 3, 1), On(2023, 4, 1));
  OpenDeals(1, On(2023, 4, 10), On(2023, 4, 11));  // and begins anew
  EXPECT_THAT(Events(On(2023, 4, 24)), ElementsAre("2023-03-01 opened"));
  EXPECT_THAT(Events(On(2023, 4, 25)), ElementsAre("2023-03-01 opened", "2023-04-25 closed"));
  const v1::Intervention closed = Only(On(2023, 4, 25));
  EXPECT_EQ(closed.status(), v1::INTERVENTION_STATUS_CLOSED);
  EXPECT_EQ(closed.history(0).cause(), "X 0 (≤ 0)");
}

TEST_F(InterventionTest, ASecondTriggerAddsEvidenceInsteadOfOpeningASecond) {
  Rule(
      "opens_when { metric: 'open_deals' min: 3 } opens_when { metric: 'revenue' max: 10 }"
      " closes_when { metric: 'open_deals' max: 0 }",
      DateText("starts_on", On(2023, 3, 1)));
  OpenDeals(3, On(2023, 3, 1), On(2024, 1, 1));
  Won(100, On(2023, 3, 1));
  const v1::Intervention one = Only(On(2023, 6, 1));
  ASSERT_EQ(one.evidence_size(), 2);
  EXPECT_EQ(one.evidence(0).check().metric_id(), "open_deals");
  EXPECT_EQ(one.evidence(1).check().metric_id(), "revenue");
  EXPECT_EQ(one.evidence(1).on().day(), 31);  // the 30 days from 1 March on are over
  EXPECT_EQ(one.opened_on().day(), 1);
}

TEST_F(InterventionTest, NewEvidenceBeginsTheCountToTheEndAnew) {
  Rule("opens_when { metric: 'open_deals' min: 3 } closes_when { metric: 'revenue' min: 100 } close_after_days: 14");
  Won(100, On(2023, 3, 5));
  OpenDeals(3, On(2023, 3, 1), On(2023, 3, 10));
  EXPECT_THAT(Events(On(2023, 12, 31)), ElementsAre("2023-03-01 opened", "2023-03-19 closed"));
  OpenDeals(3, On(2023, 3, 12), On(2023, 3, 14));
  EXPECT_THAT(Events(On(2023, 12, 31)), ElementsAre("2023-03-01 opened", "2023-03-12 evidence", "2023-03-27 closed"));
}

TEST_F(InterventionTest, TellsWhenThereIsWorkAgain) {
  ManyOpenDeals("open_after_days: 14 close_after_days: 14");
  OpenDeals(3, On(2023, 3, 1), On(2023, 4, 20));
  const WatchInput input = Input();
  RuleWatch watch;
  watch.Advance(input, On(2023, 3, 2));
  EXPECT_GT(watch.next_work(), On(2023, 3, 3));
  EXPECT_LE(watch.next_work(), On(2023, 3, 15));
  watch.Advance(input, On(2023, 4, 21));
  EXPECT_LE(watch.next_work(), On(2023, 5, 4));
  watch.Advance(input, On(2023, 6, 5));
  EXPECT_GT(watch.next_work(), On(2033, 6, 5));  // all is over
}

TEST_F(InterventionTest, WithoutDataNothingOpensAndNothingCloses) {
  Rule("opens_when { metric: 'average' max: 10 } closes_when { metric: 'average' min: 20 }");
  Won(5, On(2023, 3, 1));
  EXPECT_THAT(Events(On(2023, 2, 28)), IsEmpty());
  EXPECT_THAT(Events(On(2023, 12, 31)), ElementsAre("2023-03-01 opened"));  // silence is no recovery
  EXPECT_EQ(Only(On(2023, 12, 31)).kpi().recovery(), v1::INTERVENTION_RECOVERY_UNSPECIFIED);
  Won(30, On(2024, 1, 5));
  EXPECT_THAT(Events(On(2024, 1, 5)), ElementsAre("2023-03-01 opened", "2024-01-05 closed"));
}

TEST_F(InterventionTest, OnlyCheckDaysCount) {
  ManyOpenDeals("check: INTERVENTION_CHECK_WEEK open_after_days: 7");
  OpenDeals(3, On(2023, 3, 1), On(2024, 1, 1));  // a Wednesday
  EXPECT_THAT(Events(On(2023, 3, 12)), IsEmpty());
  EXPECT_THAT(Events(On(2023, 3, 13)), ElementsAre("2023-03-13 opened"));  // seen on two Mondays, 7 days apart
  EXPECT_EQ(NextCheckDay(v1::INTERVENTION_CHECK_WEEK, v1::WEEK_DAY_SUNDAY, On(2023, 3, 1)), On(2023, 3, 5));
  EXPECT_EQ(NextCheckDay(v1::INTERVENTION_CHECK_WEEK, v1::WEEK_DAY_MONDAY, On(2023, 3, 6)), On(2023, 3, 6));
  EXPECT_EQ(NextCheckDay(v1::INTERVENTION_CHECK_MONTH, v1::WEEK_DAY_MONDAY, On(2023, 3, 1)), On(2023, 3, 1));
  EXPECT_EQ(NextCheckDay(v1::INTERVENTION_CHECK_MONTH, v1::WEEK_DAY_MONDAY, On(2023, 3, 2)), On(2023, 4, 1));
}

TEST_F(InterventionTest, NobodyIsWatchedBeforeBothAreThere) {
  ManyOpenDeals("", DateText("starts_on", On(2023, 5, 1)));
  OpenDeals(3, On(2023, 3, 1), On(2024, 1, 1));
  EXPECT_THAT(Events(On(2023, 6, 1)), ElementsAre("2023-05-01 opened"));
  ManyOpenDeals();
  OpenDeals(3, On(2022, 12, 20), On(2024, 1, 1));
  EXPECT_THAT(Events(On(2023, 6, 1)), ElementsAre("2023-01-01 opened"));  // the day on which it signed
  Rule("opens_when { metric: 'revenue' max: 10 } closes_when { metric: 'revenue' min: 20 }");
  source_ = std::make_unique<FactSource>(*catalog_);
  Partner("name: 'P'" + DateText("signed_on", On(2020, 1, 1)));
  Won(1, On(2022, 12, 1), /*partner=*/9);
  EXPECT_THAT(Events(On(2023, 6, 1)), ElementsAre("2022-12-01 opened"));  // the programme's first deal
}

TEST_F(InterventionTest, WhoLeavesNeedsNoInterventionAnyMore) {
  ManyOpenDeals("check: INTERVENTION_CHECK_WEEK");
  source_ = std::make_unique<FactSource>(*catalog_);
  Partner(DateText("signed_on", On(2023, 1, 1)) + DateText("terminated_on", On(2023, 5, 10)));
  OpenDeals(3, On(2023, 3, 1), On(2024, 1, 1));
  EXPECT_THAT(Events(On(2023, 5, 9)), ElementsAre("2023-03-06 opened"));
  EXPECT_THAT(Events(On(2023, 5, 10)), ElementsAre("2023-03-06 opened", "2023-05-10 partner_left"));
  EXPECT_EQ(Only(On(2024, 5, 10)).status(), v1::INTERVENTION_STATUS_CLOSED);
  ManyOpenDeals();
  source_ = std::make_unique<FactSource>(*catalog_);
  Partner(DateText("signed_on", On(2023, 1, 1)) + DateText("terminated_on", On(2023, 5, 10)));
  OpenDeals(3, On(2023, 5, 10), On(2024, 1, 1));
  EXPECT_THAT(Events(On(2024, 1, 1)), IsEmpty());
}

TEST_F(InterventionTest, PeopleAcknowledgeAssignAndSnooze) {
  ManyOpenDeals();
  const Day opened = On(2023, 3, 1);
  OpenDeals(3, opened, On(2024, 1, 1));
  Act(On(2023, 3, 2), opened, "ACKNOWLEDGE", "note: 'on it'");
  Act(On(2023, 3, 4), opened, "ASSIGN", "assignee: 'Bob'");
  Act(On(2023, 3, 6), opened, "SNOOZE", DateText("snoozed_until", On(2023, 3, 20)));
  EXPECT_EQ(Only(On(2023, 3, 1)).status(), v1::INTERVENTION_STATUS_OPEN);
  EXPECT_EQ(Only(On(2023, 3, 2)).status(), v1::INTERVENTION_STATUS_ACKNOWLEDGED);
  EXPECT_EQ(Only(On(2023, 3, 3)).assignee(), "");
  EXPECT_EQ(Only(On(2023, 3, 4)).assignee(), "Bob");
  EXPECT_EQ(Only(On(2023, 3, 6)).status(), v1::INTERVENTION_STATUS_SNOOZED);
  EXPECT_EQ(Only(On(2023, 3, 19)).snoozed_until().day(), 20);
  EXPECT_EQ(Only(On(2023, 3, 20)).status(), v1::INTERVENTION_STATUS_ACKNOWLEDGED);
  EXPECT_EQ(Only(On(2023, 3, 19)).history(0).kind(), v1::INTERVENTION_EVENT_KIND_SNOOZED);
  EXPECT_EQ(Only(On(2023, 3, 19)).history(2).cause(), "on it");
}

TEST_F(InterventionTest, WhatWasPutAsideCountsAgainOnItsDay) {
  ManyOpenDeals();
  const Day opened = On(2023, 3, 1);
  OpenDeals(3, opened, On(2023, 4, 20));
  const auto snooze = [&](Day acted_on, Day until) {
    Act(acted_on, opened, "SNOOZE", DateText("snoozed_until", until));
  };
  snooze(On(2023, 3, 6), On(2023, 3, 20));
  snooze(On(2023, 3, 8), On(2023, 3, 15));   // instead
  snooze(On(2023, 3, 15), On(2023, 4, 1));   // at once again
  snooze(On(2023, 4, 10), On(2023, 4, 20));  // the day on which it ends
  EXPECT_THAT(Events(On(2023, 3, 31)),
              ElementsAre("2023-03-01 opened", "2023-03-06 snoozed", "2023-03-08 snoozed", "2023-03-15 snoozed"));
  EXPECT_THAT(Events(On(2023, 6, 1)),
              ElementsAre("2023-03-01 opened", "2023-03-06 snoozed", "2023-03-08 snoozed", "2023-03-15 snoozed",
                          "2023-04-01 resumed", "2023-04-10 snoozed", "2023-04-20 closed"));
  // Who goes on by the days that the watch names meets that day.
  const WatchInput input = Input();
  RuleWatch watch;
  std::vector<Day> days;
  for (Day day = On(2023, 3, 20); day < On(2023, 4, 5); day = watch.next_work()) {
    days.push_back(day);
    watch.Advance(input, day);
  }
  EXPECT_THAT(days, testing::Contains(On(2023, 4, 1)));
}

TEST_F(InterventionTest, WhatIsResolvedOpensAgainOnlyWhenItBeginsAnew) {
  ManyOpenDeals();
  OpenDeals(3, On(2023, 3, 1), On(2023, 5, 1));
  OpenDeals(3, On(2023, 6, 1), On(2024, 1, 1));
  Act(On(2023, 3, 10), On(2023, 3, 1), "RESOLVE", "note: 'spoke to them'");
  EXPECT_THAT(Events(On(2023, 5, 31)), ElementsAre("2023-03-01 opened", "2023-03-10 resolved"));
  EXPECT_EQ(Only(On(2023, 3, 9)).status(), v1::INTERVENTION_STATUS_OPEN);
  EXPECT_EQ(Only(On(2023, 3, 10)).status(), v1::INTERVENTION_STATUS_RESOLVED);
  EXPECT_THAT(Events(On(2023, 6, 1)), ElementsAre("2023-03-01 opened", "2023-03-10 resolved", "2023-06-01 opened"));
}

TEST_F(InterventionTest, ADaysActionsComeAfterItsNumbers) {
  ManyOpenDeals();
  OpenDeals(3, On(2023, 3, 1), On(2023, 5, 1));
  Act(On(2023, 3, 1), On(2023, 3, 1), "RESOLVE");
  EXPECT_THAT(Events(On(2023, 3, 31)), ElementsAre("2023-03-01 opened", "2023-03-01 resolved"));
}

TEST_F(InterventionTest, TellsWhetherTheKpiRecovered) {
  ManyOpenDeals();
  OpenDeals(1, On(2023, 3, 1), On(2023, 3, 15));
  OpenDeals(3, On(2023, 3, 1), On(2023, 4, 1));
  Act(On(2023, 3, 20), On(2023, 3, 1), "RESOLVE");
  v1::InterventionKpi kpi = Only(On(2023, 3, 25)).kpi();
  EXPECT_EQ(kpi.at_open().value(), 4);
  EXPECT_EQ(kpi.at_end().value(), 3);
  EXPECT_EQ(kpi.now().value(), 3);
  EXPECT_EQ(kpi.recovery(), v1::INTERVENTION_RECOVERY_NOT_RECOVERED);
  kpi = Only(On(2023, 4, 1)).kpi();
  EXPECT_EQ(kpi.at_end().value(), 3);
  EXPECT_EQ(kpi.now().value(), 0);
  EXPECT_EQ(kpi.recovery(), v1::INTERVENTION_RECOVERY_RECOVERED);
}

TEST_F(InterventionTest, WhatIsCorrectedAwayIsWithdrawn) {
  ManyOpenDeals();
  Act(On(2023, 3, 2), On(2023, 3, 1), "ACKNOWLEDGE", "cause: 'X 3 (> 2)'");
  Act(On(2023, 3, 5), On(2023, 3, 1), "RESOLVE");
  EXPECT_THAT(Events(On(2023, 3, 1)), IsEmpty());
  EXPECT_THAT(Events(On(2023, 3, 9)), ElementsAre("2023-03-02 acknowledged", "2023-03-05 resolved", "withdrawn"));
  const v1::Intervention withdrawn = Only(On(2023, 3, 9));
  EXPECT_EQ(withdrawn.status(), v1::INTERVENTION_STATUS_WITHDRAWN);
  EXPECT_EQ(withdrawn.cause(), "X 3 (> 2)");
  EXPECT_EQ(withdrawn.intervention_id(), "too_many/p-1/2023-03-01");
  EXPECT_FALSE(withdrawn.has_ended_on());
}

TEST_F(InterventionTest, ActionsFollowAnInterventionThatACorrectionMoves) {
  ManyOpenDeals();
  Act(On(2023, 3, 10), On(2023, 3, 8), "ACKNOWLEDGE");
  OpenDeals(3, On(2023, 3, 1), On(2023, 3, 8));  // it turned out to be earlier, and over when somebody acted on it
  EXPECT_THAT(Events(On(2023, 3, 31)),
              ElementsAre("2023-03-01 opened", "2023-03-08 closed", "2023-03-10 acknowledged"));
  Act(On(2023, 3, 20), On(2023, 3, 15), "ACKNOWLEDGE");  // of another one, which is none any more
  EXPECT_THAT(Events(On(2023, 3, 31)), ElementsAre("2023-03-01 opened", "2023-03-08 closed", "2023-03-10 acknowledged",
                                                   "2023-03-20 acknowledged", "withdrawn"));
}

TEST_F(InterventionTest, ChangesBetweenTwoDays) {
  ManyOpenDeals();
  OpenDeals(3, On(2023, 3, 1), On(2023, 4, 1));
  Act(On(2023, 3, 10), On(2023, 3, 1), "ACKNOWLEDGE");
  const auto changes = [&](Day after, Day until) {
    std::vector<std::string> texts;
    for (const InterventionChange& change :
         InterventionChanges(*catalog_, *source_, kPartner, "p-1", actions_, after, until)) {
      texts.push_back(change.id.Text() + ": " + Texts({change.event})[0]);
    }
    return texts;
  };
  EXPECT_THAT(changes(On(2023, 2, 1), On(2023, 3, 1)), ElementsAre("too_many/p-1/2023-03-01: 2023-03-01 opened"));
  EXPECT_THAT(changes(On(2023, 3, 1), On(2023, 4, 1)), ElementsAre("too_many/p-1/2023-03-01: 2023-03-10 acknowledged",
                                                                   "too_many/p-1/2023-03-01: 2023-04-01 closed"));
  EXPECT_THAT(changes(On(2023, 4, 1), On(2023, 12, 31)), IsEmpty());
}

// Events are those that the definition gives. Going on day by day, in jumps, and looking back all tell what working
// everything out afresh for the day tells, and so does a watch that never leaves a day out.
TEST_F(InterventionTest, TimePassingGivesWhatEvaluatingAfreshGives) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto roll = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    const char* checks[] = {"DAY", "WEEK", "MONTH"};
    actions_.clear();
    Rule(
        absl::StrCat("opens_when { metric: 'open_deals' min: 3 } opens_when { metric: 'average' max: 10 }"
                     " closes_when { metric: 'open_deals' max: 1 } closes_when { metric: 'average' min: 12 }"
                     " open_after_days: ",
                     roll(10), " close_after_days: ", roll(10), " check: INTERVENTION_CHECK_", checks[roll(3)]));
    const Day first = On(2023, 1, 1), last = On(2023, 12, 31);
    for (int i = 0; i < 20; ++i) {
      const Day from = first + roll(330);
      OpenDeals(1 + roll(3), from, from + 1 + roll(40));
      Won(roll(25), first + roll(365));
    }
    ASSERT_EQ(Events(last), ByDefinition(first, last));
    const char* verbs[] = {"ACKNOWLEDGE", "RESOLVE", "RECORD"};
    for (int i = 0; i < 6; ++i) {
      const Day acted_on = first + roll(365);
      Act(acted_on, acted_on - roll(30), verbs[roll(3)]);
    }
    const WatchInput input = Input();
    WatchInput never_leaves_out = input;
    never_leaves_out.facts_wait = true;
    RuleWatch steps, jumps, whole;
    whole.Advance(input, last);
    for (Day day = first; day <= last; ++day) {
      steps.Advance(input, day);
      if (jumps.next_work() <= day) jumps.Advance(input, day);
      if (roll(6) > 0) continue;
      RuleWatch afresh;
      afresh.Advance(never_leaves_out, day);
      const std::string expected = All(input, afresh, day);
      ASSERT_EQ(All(input, steps, day), expected) << DayText(day);
      ASSERT_EQ(All(input, whole, day), expected) << DayText(day);
      ASSERT_EQ(All(input, jumps, day), expected) << DayText(day);
    }
    ASSERT_EQ(All(input, jumps, last), All(input, whole, last));
  }
}

TEST_F(InterventionTest, RulesThatCannotWorkAreRefused) {
  const std::string metrics =
      Metric("deals", "open.count") + Metric("totals", "won.sum", "levels: SCOPE_KIND_PROGRAM") +
      Metric("share", "won.sum / at_level(PROGRAM, sum_partners(won.sum))", "levels: SCOPE_KIND_PARTNER");
  const auto refusal = [&](const std::string& rules) { return Refusal(metrics, "interventions { " + rules + " }"); };
  const std::string good =
      "rules { id: 'r' display_name: 'R' watches: 'deals' opens_when { metric: 'deals' min: 1 }"
      " closes_when { metric: 'deals' max: 0 } } ";
  EXPECT_EQ(refusal(good), "accepted");
  EXPECT_THAT(refusal(good + good), testing::HasSubstr("interventions.rules[1].id: this id is defined twice"));
  const std::string empty = refusal("rules { id: 'R' watches: 'x' open_after_days: -1 }");
  EXPECT_THAT(empty, testing::HasSubstr("interventions.rules[0].display_name: display_name is required"));
  EXPECT_THAT(empty, testing::HasSubstr("opens_when: a rule needs a condition that opens"));
  EXPECT_THAT(empty, testing::HasSubstr("closes_when: a rule needs a condition that closes"));
  EXPECT_THAT(empty, testing::HasSubstr("open_after_days: days are 0 or more"));
  EXPECT_THAT(empty, testing::HasSubstr("watches: unknown metric \"x\""));
  const std::string others = refusal(
      "rules { id: 'r' display_name: 'R' watches: 'totals' opens_when { metric: 'share' max: 0.1 }"
      " closes_when { metric: 'deals' } }");
  EXPECT_THAT(others, testing::HasSubstr("\"share\" compares a partner with others, which no rule may"));
  EXPECT_THAT(others, testing::HasSubstr("watches: \"totals\" is not defined for partners"));
  EXPECT_THAT(others, testing::HasSubstr("closes_when[0]: a requirement has either min or max"));
}

}  // namespace
}  // namespace partnermetrics
