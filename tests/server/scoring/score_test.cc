// Scores: points by tables and by targets, weights in force, coverage, bands and trends.
#include "server/scoring/score.h"

#include <cmath>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "server/catalog/definitions.h"
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

constexpr char kBands[] =
    " bands { id: 'healthy' display_name: 'HEALTHY' from: 75 action: 'Maintain' }"
    " bands { id: 'watch' display_name: 'WATCH' from: 60 }"
    " bands { id: 'at_risk' display_name: 'AT RISK' from: 40 }"
    " bands { id: 'critical' display_name: 'CRITICAL' from: 0 } ";

std::string Component(const std::string& title, double weight, const std::string& parts) {
  return absl::StrCat(" components { title: '", title, "' weight: ", weight, " ", parts, " } ");
}

// A part that takes its metric's value for its points.
std::string Plain(const std::string& metric) {
  return absl::StrCat(" parts { metric: '", metric,
                      "' points { value: 0 points: 0 } points { value: 100 points: 100 } } ");
}

std::string Model(const std::string& components, const std::string& more = kBands) {
  return absl::StrCat(
      "scores { id: 'score' display_name: 'Score' category: METRIC_CATEGORY_REVENUE "
      "levels: SCOPE_KIND_PROGRAM ",
      components, more, " } ");
}

class ScoreTest : public FormulaTest {
 protected:
  v1::Score Score(Day as_of = On(2024, 3, 31), const std::string& id = "score") {
    v1::Scope scope;
    scope.set_kind(v1::SCOPE_KIND_PROGRAM);
    return ScoreOf(Evaluator(*catalog_, *source_), *catalog_, *catalog_->FindScore(id), kProgramScope, scope, as_of);
  }
};

TEST_F(ScoreTest, TablesAreStraightBetweenTheirRowsAndLevelOutside) {
  const auto model = Fact<v1::ScorePart>(
      "points { value: 0 points: 10 } points { value: 10 points: 50 }"
      "points { value: 20 points: 30 }");
  EXPECT_EQ(PointsOf(model.points(), -5), 10);
  EXPECT_EQ(PointsOf(model.points(), 0), 10);
  EXPECT_EQ(PointsOf(model.points(), 2.5), 20);
  EXPECT_EQ(PointsOf(model.points(), 10), 50);
  EXPECT_EQ(PointsOf(model.points(), 15), 40);
  EXPECT_EQ(PointsOf(model.points(), 100), 30);
}

TEST_F(ScoreTest, OfATargetTheShareThatIsReachedCountsAndNoMore) {
  const auto least = Fact<v1::MetricTarget>("min: 200");
  EXPECT_EQ(ReachedShare(v1::METRIC_DIRECTION_UP, least, 150), 0.75);
  EXPECT_EQ(ReachedShare(v1::METRIC_DIRECTION_UP, least, 300), 1);
  EXPECT_EQ(ReachedShare(v1::METRIC_DIRECTION_UP, least, -10), 0);
  const auto most = Fact<v1::MetricTarget>("max: 10");
  EXPECT_EQ(ReachedShare(v1::METRIC_DIRECTION_DOWN, most, 40), 0.25);
  EXPECT_EQ(ReachedShare(v1::METRIC_DIRECTION_DOWN, most, 0), 1);
  // None is allowed, so that there is no share of it.
  EXPECT_EQ(ReachedShare(v1::METRIC_DIRECTION_DOWN, Fact<v1::MetricTarget>("max: 0"), 3), 0);
}

// The example of the source document.
TEST_F(ScoreTest, FiveEqualComponentsMake79AndHealthy) {
  Define(Metric("a", "75") + Metric("b", "85") + Metric("c", "60") + Metric("d", "95") + Metric("e", "80"),
         Model(Component("Revenue Performance", 1, Plain("a")) + Component("Pipeline Health", 1, Plain("b")) +
               Component("Engagement Level", 1, Plain("c")) + Component("Enablement Progress", 1, Plain("d")) +
               Component("Satisfaction Score", 1, Plain("e"))));
  const v1::Score score = Score();
  EXPECT_EQ(score.score(), 79);
  EXPECT_EQ(score.band().display_name(), "HEALTHY");
  EXPECT_EQ(score.band().action(), "Maintain");
  EXPECT_EQ(score.coverage(), 1);
  double sum = 0;
  for (const v1::ScoreComponentValue& component : score.components()) {
    EXPECT_EQ(component.weight_in_force(), 0.2);
    sum += component.contribution();
  }
  EXPECT_DOUBLE_EQ(sum, 79);
}

// By the unequal weights of the sibling document the same points make 78.25.
TEST_F(ScoreTest, WeightsNeedNotAddUpToAnything) {
  Define(Metric("a", "75") + Metric("b", "85") + Metric("c", "60") + Metric("d", "95") + Metric("e", "80"),
         Model(Component("1", 30, Plain("a")) + Component("2", 20, Plain("b")) + Component("3", 20, Plain("c")) +
               Component("4", 15, Plain("d")) + Component("5", 15, Plain("e"))));
  EXPECT_EQ(Score().score(), (75 * 30 + 85 * 20 + 60 * 20 + 95 * 15 + 80 * 15) / 100.0);
}

TEST_F(ScoreTest, BandsBeginWithTheirBoundAndEndBeforeTheNext) {
  Define(Metric("a", "0"), Model(Component("A", 1, Plain("a"))));
  const CompiledScore& score = *catalog_->FindScore("score");
  for (const auto& [from, name] : {std::pair(75.0, "healthy"), {60.0, "watch"}, {40.0, "at_risk"}}) {
    EXPECT_EQ(score.BandOf(from)->id(), name);
    EXPECT_NE(score.BandOf(std::nextafter(from, 0))->id(), name);
  }
  EXPECT_EQ(score.BandOf(100)->id(), "healthy");
  EXPECT_EQ(score.BandOf(0)->id(), "critical");
}

// 0.1 + 0.2 + … in doubles is less than it should be; a score is rounded to billionths before it is put into a band.
TEST_F(ScoreTest, WhatAddsUpToABoundIsInTheBand) {
  std::string metrics, components;
  for (int i = 0; i < 10; ++i) {
    metrics += Metric(absl::StrCat("m", i), i % 2 == 0 ? "59.9" : "60.1");
    components += Component(absl::StrCat("c", i), 0.1, Plain(absl::StrCat("m", i)));
  }
  Define(metrics, Model(components));
  EXPECT_EQ(Score().score(), 60);
  EXPECT_EQ(Score().band().id(), "watch");
}

TEST_F(ScoreTest, WhatHasNoDataGivesItsWeightToTheRest) {
  Define(Metric("a", "50") + Metric("b", "100") + Metric("none", "avg(won)"),
         Model(Component("A", 3, Plain("a")) + Component("B", 1, Plain("b") + Plain("none")) +
               Component("C", 4, Plain("none"))));
  const v1::Score score = Score();
  EXPECT_EQ(score.score(), (50 * 3 + 100 * 1) / 4.0);
  EXPECT_EQ(score.coverage(), (3 + 0.5 + 0) / 8);
  EXPECT_EQ(score.components(0).weight_in_force(), 0.75);
  EXPECT_EQ(score.components(1).coverage(), 0.5);
  EXPECT_FALSE(score.components(2).has_points());
  EXPECT_EQ(score.components(2).weight_in_force(), 0);
  EXPECT_EQ(score.components(2).parts(0).no_data(), v1::NO_DATA_REASON_NO_FACTS);
}

TEST_F(ScoreTest, TooLittleDataMakesNoScore) {
  const std::string components = Component("A", 1, Plain("a")) + Component("B", 1, Plain("none"));
  Define(Metric("a", "50") + Metric("none", "avg(won)"), Model(components, " min_coverage: 0.6 "));
  EXPECT_FALSE(Score().has_score());
  EXPECT_EQ(Score().no_data(), v1::NO_DATA_REASON_TOO_FEW);
  Define(Metric("none", "avg(won)"), Model(Component("B", 1, Plain("none"))));
  EXPECT_EQ(Score().no_data(), v1::NO_DATA_REASON_NO_FACTS);
}

TEST_F(ScoreTest, AttainmentIsAgainstWhatTheTargetAsksForByNow) {
  Define(Metric("revenue", "won.sum", "direction: METRIC_DIRECTION_UP target { min: 9100 }"),
         Model(Component("Revenue", 1, "parts { metric: 'revenue' }")));
  Won(2000, On(2024, 1, 10));
  EXPECT_EQ(Score(On(2024, 3, 31)).score(), 21.978021978);  // 2,000 of 9,100
  EXPECT_EQ(Score(On(2024, 2, 9)).score(), 50);             // after 40 of 91 days 4,000 are asked for
  EXPECT_EQ(Score(On(2024, 1, 10)).score(), 100);
}

TEST_F(ScoreTest, OtherScalesCountFromTheirLeast) {
  Define(Metric("revenue", "won.sum", "direction: METRIC_DIRECTION_UP target { min: 100 }"),
         Model(Component("Revenue", 1, "parts { metric: 'revenue' }"),
               "least: 1 most: 10 bands { id: 'good' display_name: 'Good' from: 8 }"
               " bands { id: 'fair' display_name: 'Fair' from: 5 } bands { id: 'poor' display_name: 'Poor' from: 1 }"));
  EXPECT_EQ(Score().score(), 1);
  EXPECT_EQ(Score().band().id(), "poor");
  Won(50, On(2024, 1, 10));
  EXPECT_EQ(Score().score(), 5.5);
  EXPECT_EQ(Score().band().id(), "fair");
}

TEST_F(ScoreTest, TrendsCompareWithTheSameDayAQuarterEarlier) {
  Define(Metric("open_deals", "open.count"), Model(Component("Open", 1, Plain("open_deals"))));
  for (int i = 0; i < 74; ++i) Open(1, On(2023, 12, 1), On(2030, 1, 1));
  for (int i = 0; i < 5; ++i) Open(1, On(2024, 3, 1), On(2030, 1, 1));
  const v1::Score score = Score(On(2024, 3, 31));
  EXPECT_EQ(score.score(), 79);
  EXPECT_EQ(score.previous(), 74);
  EXPECT_EQ(score.change(), 5);
  EXPECT_EQ(score.trend(), v1::SCORE_TREND_IMPROVING);
  EXPECT_EQ(Score(On(2024, 2, 29)).trend(), v1::SCORE_TREND_UNSPECIFIED);  // nothing was there on 30 November
}

TEST_F(ScoreTest, TwoPointsAreStableAndMoreIsNot) {
  Define(Metric("open_deals", "open.count"), Model(Component("Open", 1, Plain("open_deals"))));
  for (int i = 0; i < 50; ++i) Open(1, On(2023, 12, 1), On(2024, 5, 1));
  for (int i = 0; i < 2; ++i) Open(1, On(2024, 1, 15), On(2030, 1, 1));
  EXPECT_EQ(Score(On(2024, 3, 31)).trend(), v1::SCORE_TREND_STABLE);
  Open(1, On(2024, 1, 15), On(2030, 1, 1));
  EXPECT_EQ(Score(On(2024, 3, 31)).trend(), v1::SCORE_TREND_IMPROVING);
  EXPECT_EQ(Score(On(2024, 6, 30)).trend(), v1::SCORE_TREND_DECLINING);
}

// A trend knows nothing of what came later: the score of a quarter ago is that of a card of that day.
TEST_F(ScoreTest, TheEarlierScoreIsThatOfItsDay) {
  Define(Metric("revenue", "won.sum"), Model(Component("Revenue", 1, Plain("revenue"))));
  Won(30, On(2023, 12, 20));
  Won(40, On(2024, 2, 1));
  EXPECT_EQ(Score(On(2024, 3, 31)).previous(), Score(On(2023, 12, 31)).score());
}

// A score is a metric: queries, formulas, targets and other scores read it.
TEST_F(ScoreTest, AScoreIsAMetric) {
  Define(
      Metric("a", "62") + Metric("at_risk", "score < 60 ? 1 : 0"),
      Model(Component("A", 1, Plain("a"))) +
          "scores { id: 'above' display_name: 'Above' category: METRIC_CATEGORY_REVENUE levels: SCOPE_KIND_PROGRAM " +
          Component("Score", 1, Plain("score")) + " } ");
  EXPECT_EQ(Value("score", On(2024, 3, 31)).value(), 62);
  EXPECT_EQ(Value("score", On(2024, 3, 31)).display(), "62");
  EXPECT_EQ(Value("at_risk", On(2024, 3, 31)).value(), 0);
  EXPECT_EQ(Value("above", On(2024, 3, 31)).value(), 62);
}

TEST_F(ScoreTest, RefusesWhatMakesNoSense) {
  const std::string a = Metric("a", "1");
  const auto refusal = [&](const std::string& program) { return Refusal(a, program); };
  using testing::HasSubstr;
  EXPECT_THAT(refusal(Model("")), HasSubstr("a score needs components"));
  EXPECT_THAT(refusal(Model(Component("", 1, Plain("a")))), HasSubstr("title is required"));
  EXPECT_THAT(refusal(Model(Component("A", 0, Plain("a")))), HasSubstr("a weight lies above 0"));
  EXPECT_THAT(refusal(Model(Component("A", 1, ""))), HasSubstr("needs parts"));
  EXPECT_THAT(refusal(Model(Component("A", 1, Plain("b")))), HasSubstr("unknown metric \"b\""));
  EXPECT_THAT(refusal(Model(Component("A", 1, "parts { metric: 'a' }"))), HasSubstr("give a table of points"));
  EXPECT_THAT(refusal(Model(Component("A", 1, "parts { metric: 'a' points { value: 1 points: 1 } }"))),
              HasSubstr("at least two rows"));
  EXPECT_THAT(refusal(Model(Component(
                  "A", 1, "parts { metric: 'a' points { value: 2 points: 1 } points { value: 2 points: 2 } }"))),
              HasSubstr("values of a table ascend"));
  EXPECT_THAT(refusal(Model(Component(
                  "A", 1, "parts { metric: 'a' points { value: 1 points: 1 } points { value: 2 points: 101 } }"))),
              HasSubstr("points lie between 0 and 100"));
  EXPECT_THAT(refusal(Model(Component("A", 1, Plain("score")))), HasSubstr("score → score"));
  EXPECT_THAT(refusal(Model(Component("A", 1, Plain("a")), "bands { id: 'b' display_name: 'B' from: 10 }")),
              HasSubstr("the last band begins at the least score"));
  EXPECT_THAT(
      refusal(Model(Component("A", 1, Plain("a")),
                    "bands { id: 'b' display_name: 'B' from: 0 } bands { id: 'c' display_name: 'C' from: 50 }")),
      HasSubstr("the best band stands first"));
  EXPECT_THAT(Refusal(a + Metric("score", "1"), Model(Component("A", 1, Plain("a")))), HasSubstr("defined twice"));
  EXPECT_THAT(Refusal(Metric("a", "1", "levels: SCOPE_KIND_PARTNER"), Model(Component("A", 1, Plain("a")))),
              HasSubstr("not defined for SCOPE_KIND_PROGRAM"));
}

// The programme that ships.
class PartnerOsScoreTest : public testing::Test {
 protected:
  // Only kinds of which there is a fact are reported.
  class Source : public FactSource {
   public:
    explicit Source(const Catalog& catalog) : FactSource(catalog), catalog_(catalog) {}
    void Report(const std::string& kind, const google::protobuf::Message& fact, int partner = 1) {
      reported_.insert(kind);
      Add(kind, fact, partner);
    }
    bool IsReported(int measure) const override {
      return reported_.count(catalog_.measures()[static_cast<size_t>(measure)].fact->name()) > 0;
    }

   private:
    const Catalog& catalog_;
    std::set<std::string> reported_;
  };

  void SetUp() override {
    const std::string folder = PM_SOURCE_DIR "/server/catalog/definitions";
    const auto definitions = LoadDefinitions({folder});
    ASSERT_TRUE(definitions.ok()) << definitions.status();
    const auto program = LoadProgram(folder + "/programs/partneros.textproto");
    ASSERT_TRUE(program.ok()) << program.status();
    auto catalog = Catalog::Compile(*program, definitions->catalog, &definitions->sources);
    ASSERT_TRUE(catalog.ok()) << catalog.status().message();
    catalog_ = *std::move(catalog);
    source_ = std::make_unique<Source>(*catalog_);
  }

  v1::Score Score(const std::string& id, Day as_of) {
    v1::Scope scope;
    scope.set_kind(v1::SCOPE_KIND_PARTNER);
    return ScoreOf(Evaluator(*catalog_, *source_), *catalog_, *catalog_->FindScore(id), kFirstPartnerScope, scope,
                   as_of);
  }

  // The partner of the document's scorecard: 12 logins a month, all certifications, two marketing activities, 3 of 4
  // events.
  void AddScorecardFacts() {
    for (int i = 0; i < 12; ++i) {
      source_->Report("portal_session", Fact<v1::PortalSession>(absl::StrCat(
                                            "login: true started_at { seconds: ", 1709290800 + i * 86400, " }")));
    }
    source_->Report(
        "certification_requirement",
        Fact<v1::CertificationRequirement>("track: 'sales' people: 3" + DateText("effective_on", On(2023, 1, 1))));
    for (int i = 0; i < 3; ++i) {
      source_->Report("certification",
                      Fact<v1::Certification>("track: 'sales'" + DateText("certified_on", On(2023, 5, 1))));
    }
    for (int i = 0; i < 2; ++i) {
      source_->Report("marketing_activity", Fact<v1::MarketingActivity>(DateText("started_on", On(2024, 2, 1))));
    }
    for (int i = 0; i < 4; ++i) {
      source_->Report("event_invitation", Fact<v1::EventInvitation>(
                                              absl::StrCat("event_id: 'e", i, "' attended: ", i < 3 ? "true" : "false",
                                                           DateText("event_on", On(2024, 2, 10)))));
    }
  }

  std::shared_ptr<const Catalog> catalog_;
  std::unique_ptr<Source> source_;
};

TEST_F(PartnerOsScoreTest, EngagementOfTheDocumentsScorecardLacksTwoComponents) {
  AddScorecardFacts();
  const v1::Score score = Score("engagement_score", On(2024, 3, 31));
  double points = 0;
  for (const v1::ScoreComponentValue& component : score.components()) {
    points += component.points() * component.weight() / 100;
  }
  EXPECT_NEAR(points, 57.5, 1e-6);  // of the 65 that have data
  EXPECT_EQ(score.coverage(), 0.65);
  EXPECT_NEAR(score.score(), 57.5 / 0.65, 1e-6);
  EXPECT_EQ(score.band().display_name(), "Highly Engaged");
}

TEST_F(PartnerOsScoreTest, EngagementWithAllComponents) {
  AddScorecardFacts();
  for (int i = 0; i < 2; ++i) {
    source_->Report("deal_registration", Fact<v1::DealRegistration>("submitted_at { seconds: 1709290800 }"));
  }
  source_->Report("communication", Fact<v1::Communication>("direction: COMMUNICATION_DIRECTION_OUTBOUND"
                                                           " sent_at { seconds: 1709290800 }"));
  const v1::Score score = Score("engagement_score", On(2024, 3, 31));
  EXPECT_EQ(score.coverage(), 1);
  EXPECT_NEAR(score.score(), 20 + 20 + 10 + 10 + 0 + 7.5, 1e-6);  // two of five registrations, no answer
  EXPECT_EQ(score.band().display_name(), "Engaged");
  EXPECT_EQ(score.band().action(), "Maintain");
}

TEST_F(PartnerOsScoreTest, EveryBoundaryOfEveryBand) {
  const auto expect = [&](const std::string& id, double from, const std::string& band, const std::string& below) {
    const CompiledScore& score = *catalog_->FindScore(id);
    EXPECT_EQ(score.BandOf(from)->display_name(), band);
    EXPECT_EQ(from > score.least ? score.BandOf(std::nextafter(from, -1))->display_name() : "", below);
  };
  expect("engagement_score", 80, "Highly Engaged", "Engaged");
  expect("engagement_score", 60, "Engaged", "At Risk");
  expect("engagement_score", 40, "At Risk", "Disengaged");
  expect("engagement_score", 0, "Disengaged", "");
  expect("health_score", 75, "HEALTHY", "WATCH");
  expect("health_score", 60, "WATCH", "AT RISK");
  expect("health_score", 40, "AT RISK", "CRITICAL");
  expect("health_score", 0, "CRITICAL", "");
  expect("health_scorecard", 8, "Healthy", "Needs Attention");
  expect("health_scorecard", 5, "Needs Attention", "At Risk");
  expect("health_scorecard", 1, "At Risk", "");
}

TEST_F(PartnerOsScoreTest, BothHealthModelsReadTheSameFacts) {
  AddScorecardFacts();
  source_->Report("survey_response", Fact<v1::SurveyResponse>("survey: SURVEY_KIND_PARTNER_CSAT rating { units: 3 }"
                                                              " responded_at { seconds: 1709290800 }"));
  const v1::Score health = Score("health_score", On(2024, 3, 31));
  const v1::Score scorecard = Score("health_scorecard", On(2024, 3, 31));
  // Engagement 88.46, certifications 100, 3 of 4.2 in the survey; no revenue target, no pipeline.
  EXPECT_NEAR(health.score(), (88.461538462 + 100 + 300 / 4.2) / 3, 1e-6);
  EXPECT_NEAR(scorecard.score(), (20 * (1 + 9 * 0.88461538462) + 20 * 10 + 15 * 5.5) / 55, 1e-6);
}

}  // namespace
}  // namespace partnermetrics
