// The bundled demo data (made by hand) through the plugins: every bad row named in demo/README.md and
// demo/lightreach/README.md, and no other, is rejected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/plugins/plugin_run.h"

namespace partnermetrics {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::vector<std::string> Reasons(const PluginRun& run) {
  std::vector<std::string> reasons;
  for (const auto& record : run.records()) {
    if (record.reject) reasons.push_back(*record.reject);
  }
  return reasons;
}

PluginRun& Load(PluginRun& run, const std::string& folder) {
  run.AddFolder(std::filesystem::path(PM_SOURCE_DIR) / "demo/exports" / folder);
  EXPECT_EQ(run.Check(), PM_OK) << run.error();
  for (const auto& problem : run.host().problems) {
    EXPECT_LT(problem.level, PM_ERROR) << problem.where << problem.message;
  }
  EXPECT_EQ(run.Read(), PM_OK) << run.error();
  return run;
}

TEST(DemoExports, Salesforce) {
  PluginRun run("salesforce_export");
  Load(run, "salesforce");
  EXPECT_THAT(Reasons(run),
              UnorderedElementsAre("bad_date", "bad_amount", "unknown_currency", "wrong_column_count", "bad_id"));
  auto partners = run.Facts(&v1::Event::has_partner, &v1::Event::partner);
  ASSERT_THAT(partners, SizeIs(12));
  EXPECT_EQ(partners[0]->name(), "Cascadia Cloud Partners");
  EXPECT_EQ(partners[0]->tier(), "Platinum");
  EXPECT_EQ(partners[0]->manager(), "Dana Whitfield");
  EXPECT_THAT(run.Facts(&v1::Event::has_customer, &v1::Event::customer), SizeIs(30));
  EXPECT_THAT(run.Facts(&v1::Event::has_deal, &v1::Event::deal), SizeIs(124));
  EXPECT_THAT(run.Facts(&v1::Event::has_support_ticket, &v1::Event::support_ticket), SizeIs(60));
}

TEST(DemoExports, Stripe) {
  PluginRun run("stripe_billing");
  Load(run, "stripe");
  EXPECT_THAT(Reasons(run), UnorderedElementsAre("bad_json", "unknown_currency"));
  EXPECT_THAT(run.Skips(), UnorderedElementsAre(Pair("draft", 1), Pair("test_mode", 1)));
  for (const v1::Refund* refund : run.Facts(&v1::Event::has_refund, &v1::Event::refund)) {
    EXPECT_NE(refund->root_id(), "");
  }
}

TEST(DemoExports, Survey) {
  PluginRun run("nps_survey");
  Load(run, "survey");
  EXPECT_THAT(Reasons(run), UnorderedElementsAre("score_out_of_range", "group_contradicts_score"));
  EXPECT_THAT(run.Skips(), UnorderedElementsAre(Pair("preview_test_or_spam", 1), Pair("unfinished", 1)));
}

TEST(DemoExports, LightreachByTable) {
  PluginRun run("table");
  run.AddFolder(std::filesystem::path(PM_SOURCE_DIR) / "demo/lightreach/feed");
  EXPECT_EQ(run.Check(), PM_OK) << run.error();
  EXPECT_THAT(run.host().problems, IsEmpty());
  EXPECT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(),
              UnorderedElementsAre("projects.csv:2240:ntp:bad_date", "submissions.csv:2990:milestone:bad_value"));
  EXPECT_THAT(run.Facts(&v1::Event::has_partner, &v1::Event::partner), SizeIs(10));
  EXPECT_THAT(run.Facts(&v1::Event::has_project, &v1::Event::project), SizeIs(2239));
  int rejected = 0, late = 0;
  for (const auto* submission : run.Facts(&v1::Event::has_milestone_submission, &v1::Event::milestone_submission)) {
    if (submission->decision() == v1::MILESTONE_DECISION_REJECTED) ++rejected;
  }
  EXPECT_THAT(run.Facts(&v1::Event::has_rejection, &v1::Event::rejection), SizeIs(rejected));
  for (const v1::Invoice* bill : run.Facts(&v1::Event::has_invoice, &v1::Event::invoice)) {
    if (bill->paid_on_time().units() == 0) ++late;
  }
  EXPECT_EQ(late, 20);
  EXPECT_THAT(run.Facts(&v1::Event::has_survey_response, &v1::Event::survey_response), SizeIs(515));
}

}  // namespace
}  // namespace partnermetrics
