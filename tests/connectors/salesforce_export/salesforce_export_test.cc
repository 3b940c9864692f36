// Figures of real exports as their README states them; weekly-export files, of which none is public, are made by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/plugins/plugin_run.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kMap[] = R"({"accountData.csv": "Account", "opportunityData.csv": "Opportunity"})";

TEST(SalesforceExport, DataLoaderSampleHasItsFigures) {
  PluginRun run("salesforce_export");
  run.AddSample("salesforce/dataloader/accountData.csv");
  run.AddSample("salesforce/dataloader/opportunityData.csv");
  ASSERT_EQ(run.Read({{"file_map", kMap}}), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(), IsEmpty());
  auto customers = run.Facts(&v1::Event::has_customer, &v1::Event::customer);
  auto deals = run.Facts(&v1::Event::has_deal, &v1::Event::deal);
  EXPECT_THAT(customers, SizeIs(423));
  EXPECT_THAT(deals, SizeIs(38));
  int won = 0, blank = 0;
  int64_t won_cents = 0;
  for (const v1::Deal* deal : deals) {
    blank += deal->has_amount() ? 0 : 1;
    if (deal->outcome() != v1::DEAL_OUTCOME_WON) continue;
    ++won;
    won_cents += Cents(deal->amount());
  }
  EXPECT_EQ(won, 8);
  EXPECT_EQ(blank, 5);
  EXPECT_EQ(won_cents, 2'200'000'00);
  // The file is in an 8-bit encoding: its names arrive as UTF-8.
  for (const v1::Customer* customer : customers) {
    v1::Customer copy;
    EXPECT_TRUE(copy.ParseFromString(customer->SerializeAsString()));
  }
}

TEST(SalesforceExport, SfdmuSampleHasItsFigures) {
  PluginRun run("salesforce_export");
  for (const char* file : {"Account", "Opportunity", "Lead", "Case"}) {
    run.AddSample(std::string("salesforce/data_cloud_workshop/") + file + ".csv");
  }
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(), IsEmpty());
  auto deals = run.Facts(&v1::Event::has_deal, &v1::Event::deal);
  std::map<v1::DealOutcome, int> outcomes;
  std::map<v1::DealOutcome, int64_t> cents;
  int64_t all = 0;
  for (const v1::Deal* deal : deals) {
    ++outcomes[deal->outcome()];
    cents[deal->outcome()] += Cents(deal->amount());
    all += Cents(deal->amount());
  }
  EXPECT_THAT(outcomes, UnorderedElementsAre(Pair(v1::DEAL_OUTCOME_WON, 12), Pair(v1::DEAL_OUTCOME_LOST, 3),
                                             Pair(v1::DEAL_OUTCOME_OPEN, 35)));
  EXPECT_EQ(cents[v1::DEAL_OUTCOME_WON], 10'542'562'98);
  EXPECT_EQ(all, 43'603'545'98);
  EXPECT_THAT(run.Facts(&v1::Event::has_lead, &v1::Event::lead), SizeIs(60));
  EXPECT_THAT(run.Facts(&v1::Event::has_support_ticket, &v1::Event::support_ticket), SizeIs(40));
  EXPECT_FALSE(run.host().columns.at("Opportunity").at("External_id__c"));
}

TEST(SalesforceExport, CheckNamesMissingColumns) {
  PluginRun run("salesforce_export");
  run.AddSample("salesforce/jsforce/Account_bulk2_test.csv", "Account.csv");
  ASSERT_EQ(run.Check(), PM_OK) << run.error();
  EXPECT_TRUE(run.HasProblem("Account.csv", "required column Id"));
  EXPECT_EQ(run.Read(), PM_SOURCE);
  EXPECT_THAT(run.error(), HasSubstr("Id"));
}

// Hand-made weekly export (dialect A): everything quoted, 1/0, a zone-less time, the null id, a 15-character id.
constexpr char kAccounts[] =
    "\"Id\",\"IsDeleted\",\"MasterRecordId\",\"Name\",\"Type\",\"Website\",\"CreatedDate\",\"SystemModstamp\"\n"
    "\"0015f00000AAAAAAA5\",\"0\",\"000000000000000AAA\",\"Northwind "
    "Solar\",\"Partner\",\"https://www.northwind.example/\","
    "\"2025-01-05 10:00:00\",\"2026-01-05 10:00:00\"\n"
    "\"0015f00000AAAAB\",\"0\",\"\",\"Acme\",\"Customer\",\"acme.example\",\"2025-01-06 10:00:00\","
    "\"2026-01-06 10:00:00\"\n"
    "\"0015f00000AAAACAA5\",\"0\",\"\",\"Helios\",\"\",\"\",\"2025-01-06 10:00:00\",\"2026-01-06 10:00:00\"\n";
constexpr char kPartnerHeader[] =
    "\"Id\",\"OpportunityId\",\"AccountFromId\",\"AccountToId\",\"Role\",\"IsPrimary\",\"SystemModstamp\","
    "\"IsDeleted\",\"ReversePartnerId\"\n";
constexpr char kOpportunityHeader[] =
    "\"Id\",\"IsDeleted\",\"AccountId\",\"Name\",\"StageName\",\"Amount\",\"CloseDate\",\"LeadSource\",\"IsClosed\","
    "\"IsWon\",\"PrimaryPartnerAccountId\",\"SystemModstamp\",\"CreatedDate\"\n";

std::string Opportunity(const std::string& id, const std::string& amount, const std::string& closed,
                        const std::string& source, const std::string& modified = "2026-02-01 10:00:00") {
  return "\"" + id + "\",\"0\",\"0015f00000AAAABAA5\",\"Deal\",\"Gewonnen\",\"" + amount +
         "\",\"2026-01-31 00:00:00\",\"" + source + "\",\"" + closed + "\",\"" + closed +
         "\",\"000000000000000AAA\",\"" + modified + "\",\"2025-12-01 08:00:00\"\n";
}

class WeeklyExport : public ::testing::Test {
 protected:
  WeeklyExport() : run("salesforce_export") {
    run.AddFile("Account.csv", kAccounts);
    run.AddFile("Partner.csv",
                std::string(kPartnerHeader) +
                    "\"00I5f00000AAAAAEA5\",\"0065f00000AAAAAAA5\",\"0015f00000AAAABAA5\",\"0015f00000AAAACAA5\","
                    "\"Reseller\",\"1\",\"2026-02-05 10:00:00\",\"0\",\"\"\n" +
                    "\"00I5f00000AAAABEA5\",\"000000000000000AAA\",\"0015f00000AAAABAA5\",\"0015f00000AAAAAAA5\","
                    "\"\",\"0\",\"2026-02-05 10:00:00\",\"0\",\"00I5f00000AAAACEA5\"\n");
    run.AddFile("Opportunity.csv", std::string(kOpportunityHeader) +
                                       Opportunity("0065f00000AAAAAAA5", "1000.50", "1", "Partner") +
                                       Opportunity("0065f00000AAAABAA5", "", "0", "Web"));
  }
  PluginRun run;
};

TEST_F(WeeklyExport, LinksPartnersCustomersAndDeals) {
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(), IsEmpty());
  auto partners = run.Facts(&v1::Event::has_partner, &v1::Event::partner);
  ASSERT_THAT(partners, SizeIs(2));  // one by its type, one because a deal names it
  EXPECT_THAT(partners[0]->domains(), ElementsAre("northwind.example"));
  EXPECT_EQ(partners[0]->merged_into_id(), "");
  EXPECT_THAT(run.Facts(&v1::Event::has_customer, &v1::Event::customer), SizeIs(1));
  auto deals = run.Facts(&v1::Event::has_deal, &v1::Event::deal);
  ASSERT_THAT(deals, SizeIs(2));
  EXPECT_EQ(deals[0]->customer_id(), "0015f00000AAAABAA5");
  ASSERT_EQ(deals[0]->attributions_size(), 1);
  EXPECT_EQ(deals[0]->attributions(0).partner_refs(0).external().id(), "0015f00000AAAACAA5");
  EXPECT_EQ(deals[0]->attributions(0).role(),
            v1::ATTRIBUTION_ROLE_SOURCED);  // primary, and the lead came from partners
  EXPECT_EQ(deals[0]->closed_on().day(), 31);
  EXPECT_FALSE(deals[0]->has_expected_close_on());
  EXPECT_FALSE(deals[1]->has_amount());
  EXPECT_EQ(deals[1]->attributions_size(), 0);
  EXPECT_TRUE(deals[1]->has_expected_close_on());
  // The newer Partner row makes a new revision of the deal: 2026-02-05T10:00:00Z.
  for (const v1::Event& event : run.events()) {
    if (event.record_id() != "0065f00000AAAAAAA5") continue;
    EXPECT_EQ(event.revision(), 1'770'285'600'000'000);
  }
  EXPECT_THAT(run.Skips(), UnorderedElementsAre(Pair("part_of_deal", 1), Pair("link_between_accounts", 1)));
}

TEST_F(WeeklyExport, IncrementalRunReadsOnlyWhatChanged) {
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  std::string state = run.last_state();
  run.AddFile("Attachment.csv", "Id\n");  // another export
  ASSERT_EQ(run.Read({}, state), PM_OK) << run.error();
  // The newest of each object is read again (inclusive), the two older accounts and the older deal are not.
  EXPECT_EQ(run.Skips()["unchanged"], 3);
  run.AddFile("Opportunity.csv", std::string(kOpportunityHeader) +
                                     Opportunity("0065f00000AAAAAAA5", "1000.50", "1", "Partner") +
                                     Opportunity("0065f00000AAAABAA5", "7", "0", "Web", "2026-03-01 10:00:00"));
  ASSERT_EQ(run.Read({}, state), PM_OK) << run.error();
  auto deals = run.Facts(&v1::Event::has_deal, &v1::Event::deal);
  ASSERT_THAT(deals, SizeIs(2));
  EXPECT_EQ(deals[1]->amount().units(), 7);
  // Other settings: nothing of the earlier reading counts.
  ASSERT_EQ(run.Read({{"default_currency", "EUR"}}, state), PM_OK) << run.error();
  EXPECT_EQ(run.Skips().count("unchanged"), 0u);
}

TEST_F(WeeklyExport, AnExportThatWasReadToItsEndIsNotReadAgain) {
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  const std::string state = run.last_state();
  ASSERT_EQ(run.Read({}, state), PM_OK) << run.error();
  EXPECT_THAT(run.records(), IsEmpty());
  EXPECT_EQ(run.last_state(), state);
  // What a complete export lacks is known only when all of it is read.
  const SettingMap complete = {{"complete_export", "true"}};
  ASSERT_EQ(run.Read(complete), PM_OK) << run.error();
  const size_t all = run.records().size();
  ASSERT_EQ(run.Read(complete, run.last_state()), PM_OK) << run.error();
  EXPECT_EQ(run.records().size(), all);
}

TEST_F(WeeklyExport, BadRowsOfEarlierExportsAreNotRejectedAgain) {
  const std::string bad = Opportunity("0065f00000AAAACAA5", "12,5 EUR", "0", "Web", "2026-01-15 10:00:00");
  run.AddFile("Opportunity.csv",
              std::string(kOpportunityHeader) + Opportunity("0065f00000AAAAAAA5", "1", "1", "Partner") + bad);
  run.AddFile("OpportunityHistory.csv",
              "Id,OpportunityId,CreatedDate,StageName\n0085f00000AAAAAAA5,0065f00000AAAAAAA5,2026-01-01,\n"
              "0085f00000AAAABAA5,0065f00000AAAAAAA5,2026-02-01,Won\n");
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(),
              ElementsAre("Opportunity.csv:2:Amount:bad_amount", "OpportunityHistory.csv:1:StageName:missing_stage"));
  const std::string state = run.last_state();
  // The next export has them still, and a new one that does not say when it was changed.
  run.AddFile("Opportunity.csv", std::string(kOpportunityHeader) +
                                     Opportunity("0065f00000AAAAAAA5", "1", "1", "Partner") + bad +
                                     Opportunity("0065f00000AAAABAA5", "1", "0", "Web", "yesterday"));
  ASSERT_EQ(run.Read({}, state), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(), ElementsAre("Opportunity.csv:3:SystemModstamp:bad_time"));
}

TEST_F(WeeklyExport, BadRowsAreRejectedWithTheirPlaceAndTheRestIsRead) {
  run.AddFile("Opportunity.csv",
              std::string(kOpportunityHeader) + Opportunity("0065f00000AAAAAAA5", "12,5 EUR", "1", "Partner") +
                  "\"0065f00000AAAADAA5\",\"0\"\n" + Opportunity("0065f00000AAAABAA4", "1", "0", "Web") +
                  Opportunity("0065f00000AAAABAA5", "2", "0", "Web"));
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(), ElementsAre("Opportunity.csv:1:Amount:bad_amount",
                                            "Opportunity.csv:2::wrong_column_count", "Opportunity.csv:3:Id:bad_id"));
  EXPECT_THAT(run.Facts(&v1::Event::has_deal, &v1::Event::deal), SizeIs(1));
  for (const auto& record : run.records()) {
    if (record.reject && record.file == "Opportunity.csv" && record.row == 2) {
      EXPECT_EQ(record.raw, "\"0065f00000AAAADAA5\",\"0\"");
      EXPECT_THAT(*record.message, HasSubstr("expected 13 columns, found 2"));
    }
  }
}

TEST_F(WeeklyExport, CompleteExportSaysSoOnlyForKindsWithoutRejections) {
  ASSERT_EQ(run.Read({{"complete_export", "true"}}), PM_OK) << run.error();
  EXPECT_THAT(run.host().complete, ElementsAre("partner", "customer", "deal"));
  run.AddFile("Opportunity.csv",
              std::string(kOpportunityHeader) + Opportunity("0065f00000AAAAAAA5", "x", "1", "Partner"));
  ASSERT_EQ(run.Read({{"complete_export", "true"}}), PM_OK) << run.error();
  EXPECT_THAT(run.host().complete, ElementsAre("partner", "customer"));
}

TEST_F(WeeklyExport, ReadsCustomColumnsOfTheMap) {
  run.AddFile("Opportunity.csv",
              "Id,Name,StageName,Amount,CloseDate,IsClosed,IsWon,Kanal__c,Deal_Registration_Status__c,"
              "Deal_Registration_Date__c,SystemModstamp,CurrencyIsoCode\n"
              "0065f00000AAAAAAA5,D,Won,5,2026-01-31,true,true,0015f00000AAAAAAA5,Approved,2026-01-02,"
              "2026-02-01T10:00:00.000Z,EUR\n"
              "0065f00000AAAABAA5,D,Won,5,2026-01-31,true,true,,,,2026-02-01T10:00:00.000Z,EUX\n");
  run.host().files.erase("Partner.csv");
  ASSERT_EQ(run.Read({{"column_map", R"({"Opportunity.partner": "Kanal__c"})"}}), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(), ElementsAre("Opportunity.csv:2:CurrencyIsoCode:unknown_currency"));
  auto deals = run.Facts(&v1::Event::has_deal, &v1::Event::deal);
  ASSERT_THAT(deals, SizeIs(1));
  EXPECT_EQ(deals[0]->amount().currency_code(), "EUR");
  EXPECT_EQ(deals[0]->registered_on().day(), 2);
  ASSERT_EQ(deals[0]->attributions_size(), 1);
  EXPECT_EQ(deals[0]->attributions(0).role(), v1::ATTRIBUTION_ROLE_SOURCED);  // its registration was approved
  auto registrations = run.Facts(&v1::Event::has_deal_registration, &v1::Event::deal_registration);
  ASSERT_THAT(registrations, SizeIs(1));
  EXPECT_EQ(registrations[0]->decision(), v1::REGISTRATION_DECISION_APPROVED);
  EXPECT_EQ(registrations[0]->partner_refs(0).external().id(), "0015f00000AAAAAAA5");
  EXPECT_EQ(registrations[0]->won_on().day(), 31);
}

// Hand-made: the rows of two deals stand in any order, two rows change nothing, and one is bad.
constexpr char kHistory[] =
    "\"Id\",\"OpportunityId\",\"CreatedDate\",\"StageName\",\"Amount\",\"Probability\",\"CloseDate\"\n"
    "\"0085f00000AAAACAA5\",\"0065f00000AAAAAAA5\",\"2026-01-20 00:00:00\",\"Won\",\"100\",\"100\",\"2026-01-31\"\n"
    "\"0085f00000AAAADAA5\",\"0065f00000AAAABAA5\",\"2026-01-02 00:00:00\",\"New\",\"50\",\"10\",\"2026-03-31\"\n"
    "\"0085f00000AAAAAAA5\",\"0065f00000AAAAAAA5\",\"2026-01-01 00:00:00\",\"New\",\"100\",\"10\",\"2026-01-31\"\n"
    "\"0085f00000AAAABAA5\",\"0065f00000AAAAAAA5\",\"2026-01-10 00:00:00\",\"New\",\"100\",\"10\",\"2026-01-31\"\n"
    "\"0085f00000AAAAEAA5\",\"0065f00000AAAABAA5\",\"soon\",\"Won\",\"50\",\"10\",\"2026-03-31\"\n";

TEST(SalesforceHistory, MakesPeriodsWhateverTheOrder) {
  PluginRun run("salesforce_export");
  run.AddFile("OpportunityHistory.csv", kHistory);
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  std::map<std::string, v1::DealStage> stages;
  for (const v1::Event& event : run.events()) stages[event.record_id()] = event.deal_stage();
  ASSERT_EQ(stages.size(), 3u);
  const v1::DealStage& first = stages["0085f00000AAAAAAA5"];
  EXPECT_EQ(first.root_id(), "0065f00000AAAAAAA5");
  EXPECT_EQ(first.left_at().seconds() - first.entered_at().seconds(), 19 * 86'400);
  EXPECT_EQ(first.weighted_amount().units(), 10);
  EXPECT_FALSE(stages["0085f00000AAAACAA5"].has_left_at());
  EXPECT_EQ(run.Skips()["same_period"], 1);
  EXPECT_EQ(run.records().size(), 5u);
  EXPECT_THAT(run.Rejections(), ElementsAre("OpportunityHistory.csv:5:CreatedDate:bad_time"));
}

// An 18-character id: the first check character says which of the first five are upper-case.
std::string Id(const std::string& prefix, int number) {
  std::string digits = std::to_string(number);
  size_t upper = 0;
  for (size_t i = 0; i < prefix.size(); ++i) upper |= prefix[i] >= 'A' && prefix[i] <= 'Z' ? size_t{1} << i : 0;
  return prefix + std::string(12 - digits.size(), '0') + digits + "ABCDEFGH"[upper] + "AA";
}

// Every record but for its order.
std::vector<std::string> SortedRecords(const PluginRun& run) {
  std::vector<std::string> records;
  for (const auto& record : run.records()) {
    records.push_back(record.file + ":" + std::to_string(record.row) + record.events + record.reject.value_or("") +
                      record.skip.value_or(""));
  }
  std::sort(records.begin(), records.end());
  return records;
}

// Hand-made: the partners and histories of 3000 deals stand anywhere, some rows are bad, and memory is allowed for a
// fraction of them.
TEST(SalesforceExport, SmallMemoryChangesNothingButTheOrder) {
  PluginRun run("salesforce_export");
  std::string partners = "Id,OpportunityId,AccountToId,Role,IsPrimary,IsDeleted,SystemModstamp\n";
  std::string history = "Id,OpportunityId,CreatedDate,StageName,Amount\n";
  std::string deals = "Id,StageName,Amount,CloseDate,IsClosed,IsWon,SystemModstamp\n";
  constexpr int kDeals = 3000;
  for (int i = 0; i < 4 * kDeals; ++i) {
    std::string deal = Id("006", i % kDeals);
    partners += Id("00I", i) + "," + deal + "," + Id("001", i % 7) + ",Reseller," + (i < kDeals ? "1" : "0") +
                ",0,2026-01-02 00:00:00\n";
    history += Id("008", i) + "," + deal + ",2026-01-0" + std::to_string(9 - i / kDeals) + " 00:00:00,Stage " +
               std::to_string(i / kDeals) + ",5\n";
    if (i < kDeals) deals += deal + ",Won,5,2026-01-31,1,1,2026-02-01 00:00:00\n";
    if (i % 1000 == 0) history += Id("008", i) + "," + deal + ",soon,Stage,5\n,,,,\n";
    if (i % 1000 == 0 && i < kDeals) deals += "x,Won,5,2026-01-31,1,1,2026-02-01 00:00:00\n";
  }
  run.AddFile("Partner.csv", partners);
  run.AddFile("OpportunityHistory.csv", history);
  run.AddFile("Opportunity.csv", deals);
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  std::vector<std::string> all = SortedRecords(run);
  EXPECT_THAT(run.Facts(&v1::Event::has_deal, &v1::Event::deal), SizeIs(kDeals));
  EXPECT_THAT(run.Facts(&v1::Event::has_deal_stage, &v1::Event::deal_stage), SizeIs(4 * kDeals));
  EXPECT_EQ(run.Facts(&v1::Event::has_deal, &v1::Event::deal)[5]->attributions_size(), 4);
  EXPECT_THAT(run.Rejections(), SizeIs(3 + 2 * 12));

  const SettingMap small = {{"memory_megabytes", "1"}};
  ASSERT_EQ(run.Read(small), PM_OK) << run.error();
  EXPECT_EQ(SortedRecords(run), all);
  std::vector<std::pair<std::string, uint64_t>> places;
  for (const auto& record : run.records()) places.emplace_back(record.file, record.row);
  EXPECT_FALSE(std::is_sorted(places.begin(), places.end()));  // it took several passes

  // And it goes on from every state.
  std::vector<sdk::FakeHost::Page> pages = run.host().pages;
  size_t before = 0;
  for (const auto& page : pages) {
    before += page.records.size();
    if (!page.state || before == places.size()) continue;
    ASSERT_EQ(run.Read(small, *page.state), PM_OK) << run.error();
    ASSERT_EQ(run.records().size(), places.size() - before);
    EXPECT_EQ(run.records().front().file, places[before].first);
    EXPECT_EQ(run.records().front().row, places[before].second);
  }
}

// A part of the deals cannot be smaller than one deal.
TEST(SalesforceExport, OneDealMayNeedMoreMemoryThanIsAllowed) {
  PluginRun run("salesforce_export");
  std::string history = "Id,OpportunityId,CreatedDate,StageName\n";
  constexpr int kRows = 6000;
  for (int i = 0; i < kRows; ++i) {
    history += Id("008", i) + "," + Id("006", i % 10 == 0 ? i : 1) + ",2026-01-01 00:00:00," + std::to_string(i) + "\n";
  }
  run.AddFile("OpportunityHistory.csv", history);
  ASSERT_EQ(run.Read({{"memory_megabytes", "1"}}), PM_OK) << run.error();
  EXPECT_THAT(run.Facts(&v1::Event::has_deal_stage, &v1::Event::deal_stage), SizeIs(kRows));
}

// What must be held whole fails the run when it is too much, and not the process.
TEST(SalesforceExport, MorePeopleThanMemoryIsAllowedForAreAnErrorThatSaysWhatToDo) {
  PluginRun run("salesforce_export");
  run.AddFile("Account.csv", "Id,Name,IsPartner\n" + Id("001", 1) + ",Acme,1\n");
  std::string contacts = "Id,AccountId,Email\n";
  for (int i = 0; i < 60'000; ++i) contacts += Id("003", i) + "," + Id("001", 1) + ",\n";
  run.AddFile("Contact.csv", contacts);
  ASSERT_EQ(run.Read({{"lookup_megabytes", "2"}}), PM_OK) << "about 25 bytes for each: " << run.error();
  ASSERT_EQ(run.Read({{"lookup_megabytes", "1"}}), PM_SOURCE);
  EXPECT_THAT(run.error(), testing::HasSubstr("people"));
  EXPECT_THAT(run.records(), testing::IsEmpty()) << "nothing was stated that would be half of it";
}

TEST(SalesforceLead, StatusesThatLieAreIgnored) {
  PluginRun run("salesforce_export");
  run.AddFile("Lead.csv",
              "Id,Company,LastName,Status,IsConverted,ConvertedDate,ConvertedOpportunityId,LeadSource,CreatedDate,"
              "LastModifiedDate,PartnerAccountId,IsDeleted\n"
              "00Q5f00000AAAAAEA5,A,X,Closed - Converted,0,,,Partner,2026-01-01 10:00:00,2026-01-02 10:00:00,,0\n"
              "00Q5f00000AAAABEA5,B,Y,Qualified,1,2026-01-05 00:00:00,000000000000000AAA,Partner Referral,"
              "2026-01-01 10:00:00,2026-01-02 10:00:00,0015f00000AAAAAAA5,0\n"
              "00Q5f00000AAAACEA5,C,Z,New,0,,,,2026-01-01 10:00:00,2026-01-02 10:00:00,,1\n");
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  auto leads = run.Facts(&v1::Event::has_lead, &v1::Event::lead);
  ASSERT_THAT(leads, SizeIs(2));
  EXPECT_FALSE(leads[0]->has_converted_on());
  EXPECT_EQ(leads[0]->source(), v1::LEAD_SOURCE_PARTNER_SOURCED);
  EXPECT_EQ(leads[1]->converted_on().day(), 5);
  EXPECT_EQ(leads[1]->deal_id(), "");
  EXPECT_TRUE(leads[1]->has_qualified_at());
  EXPECT_EQ(leads[1]->source(), v1::LEAD_SOURCE_REFERRAL);
  EXPECT_TRUE(run.events().back().deleted());
  EXPECT_TRUE(run.events().back().has_lead());
}

TEST(SalesforceExport, ResumesFromEveryStateWithTheSameRecords) {
  PluginRun run("salesforce_export");
  std::string accounts = "Id,Name,SystemModstamp,Description\n";
  const std::string text(900, 'x');
  for (int i = 0; i < 9000; ++i) {
    std::string digits = std::to_string(100'000 + i);
    // An id of digits alone has the check characters AAA.
    accounts += "001000000" + digits + "AAA,Account " + digits + ",2026-01-01T00:00:00Z," + text + "\n";
  }
  run.AddFile("Account.csv", accounts);
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  ASSERT_EQ(run.records().size(), 9000u);
  std::vector<sdk::FakeHost::Page> pages = run.host().pages;
  ASSERT_GT(pages.size(), 2u);
  size_t before = 0;
  for (const auto& page : pages) {
    before += page.records.size();
    if (!page.state || before == 9000) continue;
    ASSERT_EQ(run.Read({}, *page.state), PM_OK) << run.error();
    EXPECT_EQ(run.records().size(), 9000 - before);
    EXPECT_EQ(run.records().front().row, before + 1);
  }
}

TEST(SalesforceExport, AnExportThatChangedIsReadFromItsBeginning) {
  PluginRun run("salesforce_export");
  std::string accounts = "Id,Name\n";
  for (int i = 0; i < 9000; ++i) accounts += Id("001", i) + ",A\n";
  run.AddFile("Account.csv", accounts);
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  ASSERT_GT(run.host().pages.size(), 2u);
  const std::string interrupted = *run.host().pages.front().state;
  ASSERT_EQ(run.Read({}, interrupted), PM_OK) << run.error();
  EXPECT_LT(run.records().size(), 9000u);
  // A file more, and what was read of the others may have other partners, names and rates.
  run.AddFile("User.csv", "Id,Name\n0055f0000000001AAA,Dana\n");
  ASSERT_EQ(run.Read({}, interrupted), PM_OK) << run.error();
  EXPECT_EQ(run.records().size(), 9000u);
}

TEST(SalesforceExport, RefusesBadSettings) {
  PluginRun run("salesforce_export");
  EXPECT_EQ(run.Read({{"column_map", "[1]"}}), PM_BAD_SETTING);
  EXPECT_EQ(run.Read({{"time_zone", "Mars/Olympus"}}), PM_BAD_SETTING);
  EXPECT_EQ(run.Read({{"role_map", R"({"Reseller": "BOSS"})"}}), PM_BAD_SETTING);
  EXPECT_EQ(run.Read({}, "garbage"), PM_BAD_STATE);
}

TEST(SalesforceExport, SurvivesFilesThatAreNone) {
  for (const std::string& content : {std::string(), std::string("\0\x01\x02\x03PNG\x7f", 8), std::string(3 << 20, 'x'),
                                     std::string("\"Id,Name\n1,2\n")}) {
    PluginRun run("salesforce_export");
    run.AddFile("Account.csv", content);
    int32_t code = run.Read();
    EXPECT_EQ(code == PM_OK, content.empty());
    EXPECT_THAT(run.events(), IsEmpty());
  }
}

}  // namespace
}  // namespace partnermetrics
