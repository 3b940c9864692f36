// Export files that others made (tests/data/samples, each with its licence), through plugin, log and engine to the
// value of a metric. The figures are those that a look into the files gives.
#include <filesystem>
#include <string>

#include "tests/end_to_end/server_fixture.h"

namespace partnermetrics {
namespace {

class SamplesTest : public ServerFixture {
 protected:
  static void Copy(const std::string& sample, const std::string& folder) {
    std::filesystem::copy(std::string(PM_TEST_DATA "/samples/") + sample, folder);
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

TEST_F(SamplesTest, PlainSurvey) {
  const ServerFixture::Settings settings = {{"survey_kind", "partner_nps"},
                                            {"nps_column", "On a scale of 0-10, how would you rate Sudzilla?"},
                                            {"column_map", R"({"responded": "Timestamp"})"},
                                            {"date_order", "month_first"},
                                            {"respondent_side", "partner"}};
  const std::string folder = AddConnector("survey", "nps_survey", settings);
  Copy("survey/plain/sudzilla_input_01.csv", folder);
  Start();
  const v1::ConnectorRun run = RunConnector("survey");
  EXPECT_EQ(run.records_read(), 39) << run.DebugString();
  EXPECT_EQ(run.events().applied(), 39);
}

}  // namespace
}  // namespace partnermetrics
