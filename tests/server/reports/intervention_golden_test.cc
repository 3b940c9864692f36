// The signals of the source documents, at their exact thresholds, through the definitions and rules that ship.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/catalog/definitions.h"
#include "server/reports/intervention_view.h"
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SignalTest : public testing::Test {
 protected:
  void Load(const std::string& name, Day signed_on = On(2024, 1, 1)) {
    const std::string folder = PM_SOURCE_DIR "/server/catalog/definitions";
    auto definitions = LoadDefinitions({folder});
    ASSERT_TRUE(definitions.ok()) << definitions.status();
    const auto program = LoadProgram(absl::StrCat(folder, "/programs/", name, ".textproto"));
    ASSERT_TRUE(program.ok()) << program.status();
    auto catalog = Catalog::Compile(*program, definitions->catalog, &definitions->sources);
    ASSERT_TRUE(catalog.ok()) << catalog.status().message();
    catalog_ = *std::move(catalog);
    source_ = std::make_unique<FactSource>(*catalog_);
    source_->AddPartner(Fact<v1::Partner>("name: 'P'" + DateText("signed_on", signed_on)));
  }
  template <typename Message>
  void Add(const std::string& kind, const std::string& fields, int partner = 1,
           v1::AttributionRole role = v1::ATTRIBUTION_ROLE_UNSPECIFIED) {
    source_->Add(kind, Fact<Message>(fields), partner, role);
  }
  void Won(int64_t amount, Day registered, Day closed, int partner = 1) {
    Add<v1::Deal>("deal",
                  absl::StrCat("outcome: DEAL_OUTCOME_WON amount { units: ", amount, " }",
                               DateText("registered_on", registered), DateText("closed_on", closed)),
                  partner, partner == 0 ? v1::ATTRIBUTION_ROLE_UNSPECIFIED : v1::ATTRIBUTION_ROLE_SOURCED);
  }
  void Answer(const std::string& survey, const std::string& score, Day day) {
    Add<v1::SurveyResponse>("survey_response", "survey: SURVEY_KIND_" + survey + " " + score + " respondent: 'r'" +
                                                   DateText("responded_on", day));
  }

  // "2024-03-04", or "2024-03-04 to 2024-06-10": when the rule's interventions opened and ended.
  std::vector<std::string> Interventions(const std::string& rule_id, Day until) const {
    std::vector<std::string> texts;
    for (const CompiledInterventionRule& rule : catalog_->intervention_rules()) {
      if (rule.definition->id() != rule_id) continue;
      RuleWatch watch;
      watch.Advance({catalog_.get(), &rule, source_.get(), kFirstPartnerScope}, until);
      for (const WatchedIntervention& intervention : watch.interventions()) {
        texts.push_back(DayText(intervention.opened_on));
        if (intervention.ended_on) absl::StrAppend(&texts.back(), " to ", DayText(*intervention.ended_on));
      }
    }
    return texts;
  }

  std::shared_ptr<const Catalog> catalog_;
  std::unique_ptr<FactSource> source_;
};

// "Declining revenue": read as more than 10 % below the quarter before.
TEST_F(SignalTest, DecliningRevenue) {
  for (const int64_t now : {90'000, 89'999}) {
    Load("partneros");
    Won(100'000, On(2023, 11, 1), On(2023, 11, 15));
    Won(now, On(2024, 2, 1), On(2024, 2, 15));
    if (now == 90'000) {  // exactly 10 % less
      EXPECT_THAT(Interventions("declining_revenue", On(2024, 5, 14)), IsEmpty());
    } else {  // for two weeks, from Monday 19 February on
      EXPECT_THAT(Interventions("declining_revenue", On(2024, 3, 3)), IsEmpty());
      EXPECT_THAT(Interventions("declining_revenue", On(2024, 3, 4)), ElementsAre("2024-03-04"));
    }
  }
}

// "Low engagement": below 60 points.
TEST_F(SignalTest, LowEngagement) {
  for (const int logins : {8, 7}) {
    Load("partneros", On(2024, 1, 2));
    for (int i = 0; i < logins; ++i) {
      Add<v1::PortalSession>("portal_session", "started_at { seconds: 1704153600 }");  // 2 January 2024
    }
    Add<v1::DealRegistration>("deal_registration", DateText("submitted_on", On(2024, 1, 2)));
    for (int i = 0; i < 3; ++i) {
      Add<v1::MarketingActivity>("marketing_activity", DateText("started_on", On(2024, 1, 2)));
    }
    const CompiledMetric& score = *catalog_->FindMetric("engagement_score");
    const Number points = Evaluator(*catalog_, *source_)
                              .Evaluate(score, kFirstPartnerScope,
                                        PeriodOf(*catalog_, score, v1::WINDOW_KIND_UNSPECIFIED, On(2024, 1, 8)));
    if (logins == 8) {
      EXPECT_EQ(points.value, 60);
      EXPECT_THAT(Interventions("low_engagement", On(2024, 2, 4)), IsEmpty());
    } else {  // four weeks, from Monday 8 January on
      EXPECT_LT(points.value, 60);
      EXPECT_THAT(Interventions("low_engagement", On(2024, 2, 4)), IsEmpty());
      EXPECT_THAT(Interventions("low_engagement", On(2024, 2, 5)), ElementsAre("2024-02-05"));
    }
  }
}

// "Certification gaps": a required one is missing, or expires within 30 days.
TEST_F(SignalTest, CertificationGaps) {
  Load("partneros");
  Add<v1::CertificationRequirement>("certification_requirement",
                                    "track: 'sales' people: 1" + DateText("effective_on", On(2024, 1, 1)));
  Add<v1::Certification>("certification", "track: 'sales'" + DateText("certified_on", On(2024, 1, 10)) +
                                              DateText("expires_on", On(2024, 6, 30)));
  EXPECT_THAT(Interventions("certification_gaps", On(2024, 1, 1)), ElementsAre("2024-01-01"));
  EXPECT_THAT(Interventions("certification_gaps", On(2024, 5, 30)), ElementsAre("2024-01-01 to 2024-01-10"));
  EXPECT_THAT(Interventions("certification_gaps", On(2024, 5, 31)),
              ElementsAre("2024-01-01 to 2024-01-10", "2024-05-31"));
}

// "Low satisfaction": a CSAT below 4.2, or a detractor's answer.
TEST_F(SignalTest, LowSatisfaction) {
  Load("partneros");
  Answer("PARTNER_CSAT", "rating { units: 4 nanos: 200000000 }", On(2024, 2, 1));
  EXPECT_THAT(Interventions("low_satisfaction", On(2024, 4, 1)), IsEmpty());
  Answer("PARTNER_CSAT", "rating { units: 4 nanos: 190000000 }", On(2024, 2, 10));
  EXPECT_THAT(Interventions("low_satisfaction", On(2024, 2, 10)), ElementsAre("2024-02-10"));
  for (const int score : {7, 6, 0}) {
    Load("partneros");
    Answer("PARTNER_NPS", absl::StrCat("score: ", score), On(2024, 2, 1));
    if (score == 7) {
      EXPECT_THAT(Interventions("low_satisfaction", On(2024, 12, 31)), IsEmpty());
    } else {
      // It leaves the three months on 1 May and two weeks later the intervention ends.
      EXPECT_THAT(Interventions("low_satisfaction", On(2024, 2, 1)), ElementsAre("2024-02-01"));
      EXPECT_THAT(Interventions("low_satisfaction", On(2024, 12, 31)), ElementsAre("2024-02-01 to 2024-05-15"));
    }
  }
}

// "Long sales cycles": longer than those of direct deals.
TEST_F(SignalTest, LongSalesCycles) {
  for (const int days : {30, 31}) {
    Load("partneros");
    Won(1, On(2024, 1, 1), On(2024, 1, 31), /*partner=*/0);
    Won(1, On(2024, 3, 5) - days, On(2024, 3, 5));
    if (days == 30) {
      EXPECT_THAT(Interventions("long_sales_cycles", On(2024, 12, 31)), IsEmpty());
    } else {
      EXPECT_THAT(Interventions("long_sales_cycles", On(2024, 3, 24)), IsEmpty());
      EXPECT_THAT(Interventions("long_sales_cycles", On(2024, 3, 25)), ElementsAre("2024-03-25"));
    }
  }
}

// "Rejection age > 21 days".
TEST_F(SignalTest, RejectionAging) {
  Load("lightreach");
  Add<v1::Rejection>("rejection", DateText("rejected_on", On(2024, 1, 1)) + DateText("resubmitted_on", On(2024, 3, 1)));
  EXPECT_THAT(Interventions("rejection_aging", On(2024, 1, 22)), IsEmpty());  // 21 days old
  EXPECT_THAT(Interventions("rejection_aging", On(2024, 1, 23)), ElementsAre("2024-01-23"));
  EXPECT_THAT(Interventions("rejection_aging", On(2024, 3, 1)), ElementsAre("2024-01-23 to 2024-03-01"));
}

// A homeowner who answers 6 or less.
TEST_F(SignalTest, DetractorAnswers) {
  Load("lightreach");
  Answer("HOMEOWNER_NPS", "score: 7", On(2024, 1, 10));
  EXPECT_THAT(Interventions("detractor_answers", On(2024, 12, 31)), IsEmpty());
  Answer("HOMEOWNER_NPS", "score: 6", On(2024, 1, 20));
  EXPECT_THAT(Interventions("detractor_answers", On(2024, 1, 20)), ElementsAre("2024-01-20"));
  Answer("HOMEOWNER_NPS", "score: 9", On(2024, 2, 1));  // the same homeowner, content now
  EXPECT_THAT(Interventions("detractor_answers", On(2024, 2, 1)), ElementsAre("2024-01-20 to 2024-02-01"));
}

TEST_F(SignalTest, EveryRuleSaysWhatToDo) {
  for (const char* program : {"partneros", "lightreach"}) {
    Load(program);
    for (const CompiledInterventionRule& rule : catalog_->intervention_rules()) {
      SCOPED_TRACE(rule.definition->id());
      EXPECT_NE(rule.definition->source(), "");
      EXPECT_NE(rule.definition->severity(), v1::INTERVENTION_SEVERITY_UNSPECIFIED);
      EXPECT_GE(rule.definition->causes_size(), 2);
      EXPECT_GE(rule.definition->actions_size(), 2);
    }
  }
}

}  // namespace
}  // namespace partnermetrics
