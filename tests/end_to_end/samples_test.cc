// Export files that others made (tests/data/samples, each with its licence), through plugin, log and engine to the
// value of a metric. The figures are those that a look into the files gives.
#include <filesystem>
#include <map>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "tests/end_to_end/server_fixture.h"

namespace partnermetrics {
namespace {

class SamplesTest : public ServerFixture {
 protected:
  static void Copy(const std::string& sample, const std::string& folder) {
    std::filesystem::copy(std::string(PM_TEST_DATA "/samples/") + sample, folder);
  }

  // A metric over shipped measures at every level: the samples' records name no partner, so the business alone has all.
  void DefineMetric(const std::string& id, const std::string& unit, const std::string& formula) {
    const std::string file = absl::StrCat(folder(), "/", id, ".textproto");
    WriteFile(file, absl::StrCat("metrics { id: \"", id, "\" display_name: \"", id, "\" description: \"", id,
                                 ".\" source: \"Test\" formula: \"", formula, "\" unit: ", unit,
                                 " category: METRIC_CATEGORY_REVENUE direction: METRIC_DIRECTION_UP"
                                 " indicator: METRIC_INDICATOR_LAGGING window: WINDOW_KIND_YEAR_TO_DATE }\n"));
    config().add_catalog_paths(PM_SOURCE_DIR "/server/catalog/definitions");
    config().add_catalog_paths(file);
  }
};

TEST_F(SamplesTest, SalesforceDataLoader) {
  const std::string folder =
      AddConnector("crm", "salesforce_export",
                   {{"file_map", R"({"accountData.csv": "Account", "opportunityData.csv": "Opportunity"})"}});
  Copy("salesforce/dataloader/accountData.csv", folder);
  Copy("salesforce/dataloader/opportunityData.csv", folder);
  Start();
  const v1::ConnectorRun run = RunConnector("crm");
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED) << run.DebugString();
  EXPECT_EQ(run.records_read(), 423 + 38);
  const v1::MetricValue revenue = Metric("total_revenue", v1::SCOPE_KIND_BUSINESS);
  EXPECT_EQ(ExactText(revenue), "2200000");
  EXPECT_EQ(revenue.facts(), 8);
  EXPECT_EQ(Status().facts(), 423 + 38);
}

TEST_F(SamplesTest, SalesforceDataCloudWorkshop) {
  const std::string folder = AddConnector("crm", "salesforce_export");
  for (const char* object : {"Opportunity", "Lead", "Case"}) {
    Copy(std::string("salesforce/data_cloud_workshop/") + object + ".csv", folder);
  }
  Start();
  const v1::ConnectorRun run = RunConnector("crm");
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED) << run.DebugString();
  EXPECT_EQ(run.records_read(), 50 + 60 + 40);
  const v1::MetricValue revenue = Metric("total_revenue", v1::SCOPE_KIND_BUSINESS);
  EXPECT_EQ(ExactText(revenue), "10542562.98");
  EXPECT_EQ(revenue.facts(), 12);
  EXPECT_EQ(Metric("total_pipeline", v1::SCOPE_KIND_BUSINESS).facts(), 35);
  // All won deals were imported, and closed before they were created: how long they took is not known.
  EXPECT_EQ(Metric("sales_cycle_length_direct", v1::SCOPE_KIND_BUSINESS).no_data(), v1::NO_DATA_REASON_NO_FACTS);
}

TEST_F(SamplesTest, StripePaymentsSavedByExcel) {
  const std::string folder = AddConnector("billing", "stripe_billing");
  Copy("stripe/country_revenue/payments.csv", folder);
  Start();
  const v1::ConnectorRun run = RunConnector("billing");
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED) << run.DebugString();
  EXPECT_EQ(run.records_read(), 622);
  // Euros and pesos wait for a rate; they are never added to dollars.
  EXPECT_EQ(Status().parked_facts(), run.events().parked());
  EXPECT_GT(run.events().parked(), 0);
}

// One programme for each currency of the file, so that each sum is stated in its own.
TEST_F(SamplesTest, StripePaymentsAddUpInEachCurrency) {
  config().clear_program_files();
  for (const char* currency : {"usd", "eur", "mxn"}) {
    const std::string program = absl::StrCat(folder(), "/", currency, ".textproto");
    WriteFile(program, absl::StrCat("id: \"", currency, "\" display_name: \"", currency, "\" currency_code: \"",
                                    absl::AsciiStrToUpper(currency), "\" time_zone: \"UTC\"\n"));
    config().add_program_files(program);
    Copy("stripe/country_revenue/payments.csv", AddConnector(currency, "stripe_billing"));
    config().mutable_connectors(config().connectors_size() - 1)->set_program(currency);
  }
  DefineMetric("payments", "METRIC_UNIT_MONEY", "payments_received.sum");
  Start();
  const std::map<std::string, std::string> sums = {{"usd", "3553"}, {"eur", "3107.5"}, {"mxn", "19115"}};
  int64_t payments = 0;
  for (const auto& [currency, sum] : sums) {
    SCOPED_TRACE(currency);
    const v1::ConnectorRun run = RunConnector(currency);
    EXPECT_EQ(run.events().applied(), 622) << run.DebugString();
    const v1::MetricValue value = Metric("payments", v1::SCOPE_KIND_BUSINESS, "", currency);
    EXPECT_EQ(ExactText(value), sum);
    EXPECT_EQ(value.facts() + run.events().parked(), 622);
    payments += value.facts();
  }
  EXPECT_EQ(payments, 622);
}

TEST_F(SamplesTest, PlainSurvey) {
  const ServerFixture::Settings settings = {{"survey_kind", "partner_nps"},
                                            {"nps_column", "On a scale of 0-10, how would you rate Sudzilla?"},
                                            {"column_map", R"({"responded": "Timestamp"})"},
                                            {"date_order", "month_first"},
                                            {"respondent_side", "partner"}};
  const std::string folder = AddConnector("survey", "nps_survey", settings);
  Copy("survey/plain/sudzilla_input_01.csv", folder);
  DefineMetric("nps", "METRIC_UNIT_POINTS",
               "100 * (nps_respondents.sum + nps_anonymous.sum) / (nps_respondents.count + nps_anonymous.count)");
  Start();
  const v1::ConnectorRun run = RunConnector("survey");
  EXPECT_EQ(run.records_read(), 39) << run.DebugString();
  EXPECT_EQ(run.events().applied(), 39);
  // 8 promoters and 22 detractors of 39.
  const v1::MetricValue nps = Metric("nps", v1::SCOPE_KIND_BUSINESS);
  EXPECT_NEAR(nps.value(), -35.897, 0.0005) << nps.DebugString();
}

}  // namespace
}  // namespace partnermetrics
