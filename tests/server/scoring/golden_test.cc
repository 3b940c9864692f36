// The numbers of the source documents, from facts that give them, through the definitions that ship.
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/catalog/definitions.h"
#include "server/reports/scorecard.h"
#include "server/scoring/display.h"
#include "server/scoring/evaluator.h"
#include "tests/server/scoring/fact_source.h"

namespace partnermetrics {
namespace {

constexpr ScopeIndex kPartner = kFirstPartnerScope;

Day On(int year, int month, int day) {
  return ToDay(absl::CivilDay(year, month, day));
}

class GoldenTest : public testing::Test {
 protected:
  GoldenTest() : catalog_(Load("partneros")), source_(*catalog_) {}

  static std::shared_ptr<const Catalog> Load(const std::string& name) {
    const std::string folder = PM_SOURCE_DIR "/server/catalog/definitions";
    auto definitions = LoadDefinitions({folder});
    EXPECT_TRUE(definitions.ok()) << definitions.status();
    const auto program = LoadProgram(absl::StrCat(folder, "/programs/", name, ".textproto"));
    EXPECT_TRUE(program.ok()) << program.status();
    auto catalog = Catalog::Compile(*program, definitions->catalog, &definitions->sources);
    EXPECT_TRUE(catalog.ok()) << catalog.status().message();
    return *catalog;
  }

  static std::string DateText(const std::string& field, Day day) {
    const absl::CivilDay civil = ToCivil(day);
    return absl::StrCat(" ", field, " { year: ", civil.year(), " month: ", civil.month(), " day: ", civil.day(), " } ");
  }

  void Won(int64_t dollars, Day day, int partner = 1, v1::AttributionRole role = v1::ATTRIBUTION_ROLE_SOURCED) {
    source_.Add("deal",
                Fact<v1::Deal>(absl::StrCat("outcome: DEAL_OUTCOME_WON amount { units: ", dollars, " }",
                                            DateText("closed_on", day))),
                partner, role);
  }

  void Open(int64_t dollars, int partner = 1, v1::AttributionRole role = v1::ATTRIBUTION_ROLE_SOURCED) {
    source_.Add("deal",
                Fact<v1::Deal>(absl::StrCat("outcome: DEAL_OUTCOME_OPEN amount { units: ", dollars,
                                            " } created_at { seconds: 1705000000 }")),
                partner, role);
  }

  v1::MetricValue Value(const std::string& id, ScopeIndex scope, Day as_of, bool compare = false) {
    const CompiledMetric* metric = catalog_->FindMetric(id);
    if (metric == nullptr) {
      ADD_FAILURE() << "no metric " << id;
      return {};
    }
    v1::Scope proto;
    proto.set_kind(scope >= kFirstPartnerScope ? v1::SCOPE_KIND_PARTNER
                   : scope == kBusinessScope   ? v1::SCOPE_KIND_BUSINESS
                   : scope == kDirectScope     ? v1::SCOPE_KIND_DIRECT
                                               : v1::SCOPE_KIND_PROGRAM);
    const Period period = PeriodOf(*catalog_, *metric, v1::WINDOW_KIND_UNSPECIFIED, as_of);
    const auto comparison = compare ? v1::COMPARISON_PREVIOUS_PERIOD : v1::COMPARISON_UNSPECIFIED;
    return Evaluator(*catalog_, source_).Value({metric, scope, proto, period, comparison});
  }

  std::shared_ptr<const Catalog> catalog_;
  FactSource source_;
};

// The partner scorecard of Q1 2024: 425K of 500K, 1.8M of 1.5M, 6 of 8 deals, 71K against 62K.
TEST_F(GoldenTest, ScorecardRowsWithTargets) {
  for (const int64_t dollars : {150'000, 100'000, 75'000, 50'000, 30'000, 20'000}) Won(dollars, On(2024, 2, 15));
  for (const int64_t dollars : {1'000'000, 800'000}) Open(dollars);
  const Day first = On(2024, 1, 1), last = On(2024, 3, 31);
  source_.SetTarget("partner_revenue_ytd", kPartner, first, last, Nanos(500'000) * kNanosPerUnit);
  source_.SetTarget("partner_pipeline", kPartner, first, last, Nanos(1'500'000) * kNanosPerUnit);
  source_.SetTarget("deals_closed", kPartner, first, last, Nanos(8) * kNanosPerUnit);
  source_.SetTarget("avg_deal_size", kPartner, first, last, Nanos(62'000) * kNanosPerUnit);

  ScorecardRequest request;
  request.scope = kPartner;
  request.scope_proto.set_kind(v1::SCOPE_KIND_PARTNER);
  request.scope_proto.set_partner_id("p1");
  request.as_of = last;
  const v1::Scorecard card = BuildScorecard(*catalog_, source_, request);
  EXPECT_EQ(card.period(), "Q1 2024");
  EXPECT_EQ(card.currency_code(), "USD");
  ASSERT_EQ(card.groups(0).title(), "Revenue performance");
  const auto& rows = card.groups(0).rows();
  ASSERT_EQ(rows.size(), 4);
  const char* expected[][2] = {
      {"Revenue YTD", "$425K"}, {"Pipeline", "$1.8M"}, {"Deals Closed", "6"}, {"Avg Deal Size", "$71K"}};
  const double attainments[] = {0.85, 1.2, 0.75, 425.0 / 6 / 62};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(rows[i].metric().display_name(), expected[i][0]);
    EXPECT_EQ(rows[i].value().display(), expected[i][1]);
    EXPECT_DOUBLE_EQ(rows[i].value().attainment(), attainments[i]);
  }
  EXPECT_EQ(rows[0].value().exact().units(), 425'000);
  EXPECT_EQ(rows[0].value().target_position(), v1::TARGET_POSITION_BELOW);
  EXPECT_EQ(rows[1].value().target_position(), v1::TARGET_POSITION_MET);
  // From unrounded numbers: 70,833.33 over 62,000 is 114.2 %, not 71 over 62.
  EXPECT_EQ(DisplayValue(Number::Inexact(rows[3].value().attainment()), v1::METRIC_UNIT_PERCENT, "USD"), "114 %");
  EXPECT_DOUBLE_EQ(rows[3].value().numerator(), 425'000);
  EXPECT_DOUBLE_EQ(rows[3].value().denominator(), 6);
  EXPECT_FALSE(rows[3].value().has_exact());
  EXPECT_GT(card.coverage(), 0);
  EXPECT_LT(card.coverage(), 1);
}

// Sourced 2.5M and influenced 4.2M are disjoint and make 6.7M; 15 % and 22 % up on the quarter before.
TEST_F(GoldenTest, RevenueDashboard) {
  Won(2'500'000, On(2024, 3, 31), 1, v1::ATTRIBUTION_ROLE_SOURCED);
  Won(4'200'000, On(2024, 1, 1), 2, v1::ATTRIBUTION_ROLE_INFLUENCED);
  Won(3'300'000, On(2024, 2, 1), 0, v1::ATTRIBUTION_ROLE_UNSPECIFIED);
  Won(2'173'913, On(2023, 12, 31), 1, v1::ATTRIBUTION_ROLE_SOURCED);
  Won(3'442'623, On(2023, 10, 1), 2, v1::ATTRIBUTION_ROLE_INFLUENCED);
  const Day as_of = On(2024, 3, 31);
  EXPECT_EQ(Value("partner_sourced_revenue", kProgramScope, as_of).display(), "$2.5M");
  EXPECT_NEAR(Value("partner_sourced_revenue", kProgramScope, as_of, true).change(), 0.15, 1e-6);
  EXPECT_EQ(Value("partner_influenced_revenue", kProgramScope, as_of).display(), "$4.2M");
  EXPECT_NEAR(Value("partner_influenced_revenue", kProgramScope, as_of, true).change(), 0.22, 1e-6);
  EXPECT_EQ(Value("partner_revenue", kProgramScope, as_of).exact().units(), 6'700'000);
  EXPECT_DOUBLE_EQ(Value("partner_sourced_revenue_share", kProgramScope, as_of).value(), 0.25);
  EXPECT_EQ(Value("partner_sourced_revenue_share", kProgramScope, as_of).target_position(), v1::TARGET_POSITION_MET);
  EXPECT_DOUBLE_EQ(Value("partner_influenced_revenue_share", kProgramScope, as_of).value(), 0.42);
  const v1::MetricValue attach = Value("partner_attach_rate", kProgramScope, as_of);
  EXPECT_EQ(attach.display(), "67 %");
  EXPECT_EQ(attach.target_position(), v1::TARGET_POSITION_ABOVE);
  EXPECT_FALSE(attach.has_attainment());
  // Direct deals are 3.3M; a partner's deals are not.
  EXPECT_DOUBLE_EQ(Value("avg_deal_size_direct", kBusinessScope, as_of).value(), 3'300'000);
  EXPECT_NEAR(Value("avg_deal_size_vs_direct", kProgramScope, as_of).value(), 3.35 / 3.3, 1e-12);
}

// 39 answers: 10 promoters, 5 passives, 24 detractors, a score of 0 among them; one answer without a score.
TEST_F(GoldenTest, NetPromoterScore) {
  const auto answer = [&](const std::string& score) {
    source_.Add("survey_response", Fact<v1::SurveyResponse>(absl::StrCat("survey: SURVEY_KIND_PARTNER_NPS ", score,
                                                                         DateText("responded_on", On(2024, 2, 1)))));
  };
  for (int i = 0; i < 10; ++i) answer(absl::StrCat("score: ", 9 + i % 2));
  for (int i = 0; i < 5; ++i) answer(absl::StrCat("score: ", 7 + i % 2));
  for (int i = 0; i < 24; ++i) answer(absl::StrCat("score: ", i % 7));
  answer("");
  const v1::MetricValue nps = Value("partner_nps", kPartner, On(2024, 3, 31));
  EXPECT_NEAR(nps.value(), -35.897, 0.0005);
  EXPECT_EQ(nps.display(), "-35.9");
  EXPECT_EQ(nps.facts(), 39);
  EXPECT_EQ(nps.target_position(), v1::TARGET_POSITION_BELOW);
}

// Version 2 of the document asks for more promoters and for less of support; it is in force from its own date.
TEST_F(GoldenTest, TheTwoVersionsOfTheDocumentHaveTheirTargets) {
  const Day before = On(2026, 2, 20), after = On(2026, 2, 21);
  EXPECT_EQ(Value("partner_nps", kPartner, before).target().min(), 40);
  EXPECT_EQ(Value("partner_nps", kPartner, after).target().min(), 50);
  EXPECT_EQ(Value("partner_nps", kPartner, after).target_set(), "partneros_2");
  EXPECT_EQ(Value("support_satisfaction", kPartner, before).target().min(), 4.5);
  EXPECT_TRUE(Value("support_satisfaction", kPartner, after).target().exclusive());
  EXPECT_TRUE(Value("partner_influenced_revenue_share", kProgramScope, before).target().has_max());
  EXPECT_FALSE(Value("partner_influenced_revenue_share", kProgramScope, after).target().has_max());
  // What version 2 does not name stays as it was.
  EXPECT_EQ(Value("partner_csat", kPartner, after).target().min(), 4.2);
}

// Aging is more than 60 days: not on day 60, on day 61; nothing happens in between but time.
TEST_F(GoldenTest, AgingBeginsOnDay61) {
  const Day approved = On(2024, 1, 1);
  source_.Add("project", Fact<v1::Project>(DateText("m1_approved_on", approved)));
  source_.Add("project", Fact<v1::Project>(DateText("m1_approved_on", approved) + DateText("pto_on", approved + 40)));
  source_.Add("project", Fact<v1::Project>(DateText("m1_approved_on", approved + 30)));
  EXPECT_EQ(Value("m1_not_pto_backlog", kPartner, approved + 39).value(), 3);
  EXPECT_EQ(Value("m1_not_pto_aging_rate", kPartner, approved + 60).value(), 0);
  EXPECT_EQ(Value("m1_not_pto_aging_rate", kPartner, approved + 61).value(), 0.5);
  EXPECT_EQ(Value("m1_not_pto_aging_rate", kPartner, approved + 61).target_position(), v1::TARGET_POSITION_ABOVE);
  EXPECT_EQ(Value("m1_not_pto_aging_rate", kPartner, approved - 1).no_data(), v1::NO_DATA_REASON_NO_FACTS);
}

TEST_F(GoldenTest, RejectionAge) {
  const auto rejection = [&](const std::string& dates) {
    source_.Add("rejection", Fact<v1::Rejection>("root_id: 'p' milestone: MILESTONE_M1 " + dates));
  };
  rejection(DateText("rejected_on", On(2024, 3, 1)));
  rejection(DateText("rejected_on", On(2024, 3, 11)));
  rejection(DateText("rejected_on", On(2024, 3, 1)) + DateText("resubmitted_on", On(2024, 3, 21)));
  EXPECT_DOUBLE_EQ(Value("rejection_age_days", kPartner, On(2024, 3, 21)).value(), 15);
  EXPECT_EQ(Value("rejection_aging_count", kPartner, On(2024, 3, 22)).value(), 0);
  EXPECT_EQ(Value("rejection_aging_count", kPartner, On(2024, 3, 23)).value(), 1);
}

TEST_F(GoldenTest, FirstTimeApprovalOnTheBoundary) {
  for (int i = 0; i < 5; ++i) {
    source_.Add("milestone_submission",
                Fact<v1::MilestoneSubmission>(
                    absl::StrCat("root_id: 'p' attempt: 1 milestone: ", i < 3 ? "MILESTONE_M1" : "MILESTONE_M2",
                                 " decision: ", i < 4 ? "MILESTONE_DECISION_APPROVED" : "MILESTONE_DECISION_REJECTED",
                                 DateText("decided_on", On(2024, 2, 1)))));
  }
  // Second attempts do not count.
  source_.Add("milestone_submission",
              Fact<v1::MilestoneSubmission>("root_id: 'p' attempt: 2 milestone: MILESTONE_M2 decision: "
                                            "MILESTONE_DECISION_APPROVED" +
                                            DateText("decided_on", On(2024, 2, 2))));
  EXPECT_EQ(Value("first_time_approval_rate", kPartner, On(2024, 3, 31)).value(), 0.8);
  EXPECT_EQ(Value("first_time_approval_rate_m1", kPartner, On(2024, 3, 31)).value(), 1);
  EXPECT_EQ(Value("first_time_approval_rate_m2", kPartner, On(2024, 3, 31)).value(), 0.5);
}

// The service levels of the document: 18 h, 4 days, 3.5 h, 52 h, 12 days, 28 days; all but one meet their target.
TEST_F(GoldenTest, ServiceLevels) {
  const auto span = [](const std::string& from, const std::string& to, int64_t hours_halved) {
    const int64_t start = 1'706'800'000;  // 1 February 2024
    return absl::StrCat(from, " { seconds: ", start, " } ", to, " { seconds: ", start + hours_halved * 1'800, " } ");
  };
  source_.Add("deal_registration", Fact<v1::DealRegistration>(span("submitted_at", "decided_at", 36)));
  source_.Add("mdf_request", Fact<v1::MdfRequest>(span("requested_at", "decided_at", 4 * 48)));
  source_.Add("support_ticket", Fact<v1::SupportTicket>(span("opened_at", "first_response_at", 7)));
  source_.Add("support_ticket", Fact<v1::SupportTicket>(span("opened_at", "resolved_at", 104)));
  source_.Add("incentive_payout", Fact<v1::IncentivePayout>(span("requested_at", "paid_at", 28 * 48)));
  source_.Add("onboarding",
              Fact<v1::Onboarding>(DateText("started_on", On(2024, 2, 1)) + DateText("completed_on", On(2024, 2, 13))));
  const Day as_of = On(2024, 2, 29);
  EXPECT_EQ(Value("deal_registration_response_time", kProgramScope, as_of).display(), "18 h");
  EXPECT_EQ(Value("mdf_processing_time", kProgramScope, as_of).display(), "4 days");
  EXPECT_EQ(Value("support_response_time", kProgramScope, as_of).display(), "3.5 h");
  EXPECT_EQ(Value("support_resolution_time", kProgramScope, as_of).display(), "52 h");
  EXPECT_EQ(Value("support_resolution_time", kProgramScope, as_of).target_position(), v1::TARGET_POSITION_ABOVE);
  EXPECT_DOUBLE_EQ(Value("support_resolution_time", kProgramScope, as_of).attainment(), 48.0 / 52);
  EXPECT_EQ(Value("onboarding_time", kProgramScope, as_of).display(), "12 days");
  EXPECT_EQ(Value("onboarding_time", kProgramScope, as_of).target_position(), v1::TARGET_POSITION_MET);
  EXPECT_EQ(Value("payment_processing_time", kProgramScope, On(2024, 3, 31)).no_data(), v1::NO_DATA_REASON_NO_FACTS);
  EXPECT_EQ(Value("payment_processing_time", kProgramScope, as_of).display(), "28 days");
}

TEST_F(GoldenTest, CoverageNeedsATarget) {
  Open(1'800'000);
  const Day as_of = On(2024, 2, 10);
  EXPECT_EQ(Value("pipeline_coverage_ratio", kPartner, as_of).no_data(), v1::NO_DATA_REASON_NO_TARGET);
  // While the quarter runs, the target is that of the whole quarter.
  source_.SetTarget("partner_revenue", kPartner, On(2024, 1, 1), On(2024, 3, 31), Nanos(500'000) * kNanosPerUnit);
  const v1::MetricValue coverage = Value("pipeline_coverage_ratio", kPartner, as_of);
  EXPECT_EQ(coverage.display(), "3.6x");
  EXPECT_EQ(coverage.target_position(), v1::TARGET_POSITION_MET);
}

TEST_F(GoldenTest, GrowthNeedsHistory) {
  Won(100, On(2024, 2, 1));
  EXPECT_EQ(Value("partner_revenue_growth_yoy", kPartner, On(2024, 3, 31)).no_data(),
            v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  Won(80, On(2023, 3, 31));
  EXPECT_DOUBLE_EQ(Value("partner_revenue_growth_yoy", kPartner, On(2024, 3, 31)).value(), 0.25);
  // The day before, last year's window ends before the first deal.
  EXPECT_EQ(Value("partner_revenue_growth_yoy", kPartner, On(2024, 3, 30)).no_data(),
            v1::NO_DATA_REASON_NOT_ENOUGH_HISTORY);
  Won(70, On(2022, 6, 1));
  EXPECT_EQ(Value("partner_revenue_growth_yoy", kPartner, On(2024, 3, 30)).no_data(), v1::NO_DATA_REASON_NO_FACTS);
  EXPECT_FALSE(Value("partner_revenue", kPartner, On(2022, 6, 30), true).has_comparison());
  EXPECT_EQ(Value("partner_revenue", kPartner, On(2023, 6, 30), true).comparison(), 80);
}

TEST_F(GoldenTest, ValuesSayWhatTheyAre) {
  EXPECT_EQ(Value("partner_revenue", kPartner, On(2024, 3, 31)).display(), "$0");
  EXPECT_EQ(Value("partner_revenue", kDirectScope, On(2024, 3, 31)).no_data(), v1::NO_DATA_REASON_WRONG_SCOPE);
  EXPECT_EQ(Value("partner_revenue", kDirectScope, On(2024, 3, 31)).display(), "no data");
  source_.SetParked(3);
  EXPECT_EQ(Value("partner_revenue", kPartner, On(2024, 3, 31)).no_data(), v1::NO_DATA_REASON_RATE_MISSING);
  EXPECT_EQ(Value("partner_revenue", kPartner, On(2024, 3, 31)).parked_facts(), 3);
  Won(5, On(2024, 3, 31));
  EXPECT_EQ(Value("partner_revenue", kPartner, On(2024, 3, 31)).value(), 5);
}

// Everything that evaluation reads is among the rows that it announced.
TEST_F(GoldenTest, RowsNeededAreAllThatIsRead) {
  class Recorder : public MeasureSource {
   public:
    CellTotals Totals(const RowKey& row, const Period&, const std::optional<std::string>&) const override {
      return Read(row);
    }
    std::vector<std::string> SplitValues(const RowKey&) const override { return {}; }
    std::optional<Day> FirstDay(const RowKey& row) const override {
      Read(row);
      return 0;
    }
    void EachDay(const RowKey& row, Day, Day, absl::FunctionRef<bool(Day, const CellTotals&)>) const override {
      Read(row);
    }
    std::vector<StatedTarget> Targets(absl::string_view, ScopeIndex, bool, Day) const override { return {}; }
    CellTotals Read(const RowKey& row) const {
      read.push_back(row);
      return {3, Nanos(7) * kNanosPerUnit};
    }
    mutable std::vector<RowKey> read;
  };
  for (const CompiledMetric& metric : catalog_->metrics()) {
    const Recorder source;
    v1::Scope scope;
    scope.set_kind(v1::SCOPE_KIND_PARTNER);
    Evaluator(*catalog_, source)
        .Value({&metric, kPartner, scope, PeriodOf(*catalog_, metric, v1::WINDOW_KIND_UNSPECIFIED, 20'000),
                v1::COMPARISON_PREVIOUS_YEAR});
    const CompiledMetric* one[] = {&metric};
    const ScopeIndex scopes[] = {kPartner};
    const std::vector<RowKey> needed = ReadsOf(*catalog_, one, scopes).rows;
    for (const RowKey& row : source.read) {
      EXPECT_TRUE(std::binary_search(needed.begin(), needed.end(), row)) << metric.id();
    }
  }
}

}  // namespace
}  // namespace partnermetrics
