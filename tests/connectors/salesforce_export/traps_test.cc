// What makes exports of Salesforce hard to read, trap by trap. All files are made by hand; those of others are read in
// salesforce_export_test.cc.
//
// clang-format off
// | trap                                                                 | test                                      |
// | -------------------------------------------------------------------- | ----------------------------------------- |
// | four dialects of CSV: booleans, times, nulls, quoting, case of names | DialectsStateTheSame                      |
// | the null id 000000000000000AAA, and empty, in one file               | TheNullIdIsNobody                         |
// | SFDMU writes false as empty                                          | DialectsStateTheSame, BooleansInTheWild   |
// | true/false, TRUE/FALSE, True/False, 1/0, 1/empty, yes/no             | BooleansInTheWild                         |
// | ISO-8859-1 without a mark, and bytes that cp1252 lacks               | EncodingsAreFound                         |
// | UTF-8 and UTF-16 with a mark; NUL bytes in cells                     | EncodingsAreFound                         |
// | 15-character ids beside 18-character ones                            | ShortAndLongIdsJoin                       |
// | ids whose letters lost their case                                    | IdsThatLostTheirCaseAreRejected           |
// | FieldHistory.csv is no history                                       | FieldHistoryIsNoHistory                   |
// | history of stages, history of fields                                 | objects_test.cc                           |
// | PartnerAccountId is empty, organisations have columns of their own   | RenamedColumnsAreMapped                   |
// | lead statuses that lie about conversion                              | SalesforceLead.StatusesThatLieAreIgnored  |
// | cases and deals that closed before they were created (imports)       | ImportedRecordsEndBeforeTheyBegin; KPIs:  |
// |                                                                      | SamplesTest.SalesforceDataCloudWorkshop   |
// | stale fiscal years, close dates of the history                       | DerivedColumnsAreNotTrusted               |
// | stage names are labels, localised and renamed                        | OutcomesComeFromFlagsAlone                |
// | forecast categories by name or by label                              | ForecastCategoriesAreReadAsWritten        |
// | headers that repeat or are empty                                     | RepeatedAndEmptyHeadersAreHarmless        |
// | re-saved in Excel: ;, CRLF, TRUE, 2/23/26 08:55 PM, 3.00E+07         | ReSavedInASpreadsheet                     |
// | 02/03/24 is ambiguous                                                | AmbiguousDatesNeedASetting                |
// | dates shift by a day through time zones                              | DatesDoNotShift                           |
// | line breaks and quotes in cells, #N/A, a missing last line end       | CellsWithAnythingInThem                   |
// | reports end with lines that are no data                              | FootersOfReportsAreRejected               |
// | numbered files, folders, gzip, several zips                          | NumberedFilesAndSeveralZipsAreOneExport   |
// | the same record in two zips                                          | ARecordInTwoZipsHasTwoRevisions           |
// | amounts in the row's own currency; rates                             | AmountsKeepTheirCurrency, objects_test.cc |
// | deleted and restored records                                         | DeletedAndRestoredRecords                 |
// | hard-deleted records                                                 | HardDeletedRecordsAreMissing…             |
// | merged accounts, merged again                                        | MergedAccountsPointOnOverSeveralHops      |
// | mirrored rows of Partner.csv                                         | MirroredLinksCountOnce                    |
// clang-format on
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

#include <cstdio>

#include "tests/connectors/plugins/plugin_run.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SalesforceTraps : public ::testing::Test {
 protected:
  SalesforceTraps() : run_("salesforce_export") {}

  void Read(const SettingMap& settings = {}) { ASSERT_EQ(run_.Read(settings), PM_OK) << run_.error(); }
  std::vector<const v1::Deal*> Deals() const { return run_.Facts(&v1::Event::has_deal, &v1::Event::deal); }
  std::vector<const v1::Customer*> Customers() const {
    return run_.Facts(&v1::Event::has_customer, &v1::Event::customer);
  }
  // The events of the run, in one text.
  std::string Stated() const {
    std::string text;
    for (const v1::Event& event : run_.events()) text += event.SerializeAsString();
    return text;
  }
  PluginRun run_;
};

std::string MakeZip(const std::map<std::string, std::string>& members) {
  std::string path = ::testing::TempDir() + "traps_" + std::to_string(getpid()) + ".zip";
  std::remove(path.c_str());
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  for (const auto& [name, content] : members) {
    zip_file_add(zip, name.c_str(), zip_source_buffer(zip, content.data(), content.size(), 0), 0);
  }
  EXPECT_EQ(zip_close(zip), 0);
  std::string bytes = PluginRun::Content(path);
  std::remove(path.c_str());
  return bytes;
}

std::string MakeGzip(const std::string& content) {
  const std::string path = ::testing::TempDir() + "traps_" + std::to_string(getpid()) + ".gz";
  gzFile file = gzopen(path.c_str(), "wb");
  EXPECT_EQ(gzwrite(file, content.data(), static_cast<unsigned>(content.size())), static_cast<int>(content.size()));
  EXPECT_EQ(gzclose(file), Z_OK);
  std::string bytes = PluginRun::Content(path);
  std::remove(path.c_str());
  return bytes;
}

// A deal with the columns that are needed.
constexpr char kDealHeader[] = "Id,IsDeleted,StageName,Amount,CloseDate,IsClosed,IsWon,SystemModstamp\n";
std::string DealRow(const std::string& id, const std::string& amount, const std::string& modified = "2026-02-01") {
  return id + ",0,Won," + amount + ",2026-01-31,1,1," + modified + "\n";
}
constexpr char kDeal1[] = "0065f0000000001AAA";
constexpr char kDeal2[] = "0065f0000000002AAA";

TEST_F(SalesforceTraps, DialectsStateTheSame) {
  const std::string dialects[] = {
      // Weekly export.
      "\"Id\",\"IsDeleted\",\"Name\",\"StageName\",\"Amount\",\"CloseDate\",\"IsClosed\",\"IsWon\",\"AccountId\","
      "\"CreatedDate\",\"SystemModstamp\"\n"
      "\"0065f0000000001AAA\",\"0\",\"A, B\",\"Won\",\"1000.5\",\"2026-01-31 00:00:00\",\"1\",\"1\","
      "\"000000000000000AAA\",\"2025-12-01 08:00:00\",\"2026-02-01 10:00:00\"\n"
      "\"0065f0000000002AAA\",\"0\",\"C\",\"New\",\"\",\"2026-04-30 00:00:00\",\"0\",\"0\",\"\","
      "\"2025-12-01 08:00:00\",\"2026-02-01 10:00:00\"\n",
      // Data Loader.
      "\"ID\",\"ISDELETED\",\"NAME\",\"STAGENAME\",\"AMOUNT\",\"CLOSEDATE\",\"ISCLOSED\",\"ISWON\",\"ACCOUNTID\","
      "\"CREATEDDATE\",\"SYSTEMMODSTAMP\"\n"
      "\"0065f0000000001AAA\",\"false\",\"A, B\",\"Won\",\"1000.50\",\"2026-01-31\",\"true\",\"true\",\"\","
      "\"2025-12-01T08:00:00.000Z\",\"2026-02-01T10:00:00.000Z\"\n"
      "\"0065f0000000002AAA\",\"false\",\"C\",\"New\",\"\",\"2026-04-30\",\"false\",\"false\",\"\","
      "\"2025-12-01T08:00:00.000Z\",\"2026-02-01T10:00:00.000Z\"\n",
      // SFDMU: UTF-8 mark, false is empty.
      "\xEF\xBB\xBFId,IsDeleted,Name,StageName,Amount,CloseDate,IsClosed,IsWon,AccountId,CreatedDate,SystemModstamp\n"
      "0065f0000000001AAA,,\"A, B\",Won,1000.5,2026-01-31,1,1,,2025-12-01T08:00:00.000+0000,"
      "2026-02-01T10:00:00.000+0000\n"
      "0065f0000000002AAA,,C,New,,2026-04-30,,,,2025-12-01T08:00:00.000+0000,2026-02-01T10:00:00.000+0000\n",
      // Bulk API with another delimiter and CRLF.
      "Id^IsDeleted^Name^StageName^Amount^CloseDate^IsClosed^IsWon^AccountId^CreatedDate^SystemModstamp\r\n"
      "0065f0000000001AAA^false^A, B^Won^1000.5^2026-01-31^true^true^^2025-12-01T08:00:00.000Z^"
      "2026-02-01T10:00:00.000Z\r\n"
      "0065f0000000002AAA^false^C^New^^2026-04-30^false^false^^2025-12-01T08:00:00.000Z^2026-02-01T10:00:00.000Z\r\n"};
  std::string first;
  for (const std::string& file : dialects) {
    run_.AddFile("Opportunity.csv", file);
    Read();
    EXPECT_THAT(run_.Rejections(), IsEmpty());
    ASSERT_THAT(Deals(), SizeIs(2));
    EXPECT_EQ(Deals()[0]->name(), "A, B");
    EXPECT_EQ(Cents(Deals()[0]->amount()), 1000'50);
    EXPECT_FALSE(Deals()[1]->has_amount());
    if (first.empty()) first = Stated();
    EXPECT_EQ(Stated(), first);
  }
}

TEST_F(SalesforceTraps, TheNullIdIsNobody) {
  run_.AddFile("Opportunity.csv",
               "Id,StageName,Amount,CloseDate,IsClosed,IsWon,AccountId,PrimaryPartnerAccountId\n"
               "0065f0000000001AAA,Won,1,2026-01-31,1,1,000000000000000AAA,000000000000000AAA\n"
               "0065f0000000002AAA,Won,1,2026-01-31,1,1,,\n"
               "0065f0000000003AAA,Won,1,2026-01-31,1,1,000000000000000,000000000000000\n");
  Read();
  EXPECT_THAT(run_.Rejections(), IsEmpty());
  ASSERT_THAT(Deals(), SizeIs(3));
  for (const v1::Deal* deal : Deals()) {
    EXPECT_EQ(deal->customer_id(), "");
    EXPECT_EQ(deal->attributions_size(), 0);
  }
  run_.AddFile("Opportunity.csv", kDealHeader + DealRow("000000000000000AAA", "1"));
  Read();
  EXPECT_THAT(run_.Rejections(), ElementsAre("Opportunity.csv:1:Id:missing_id"));
}

TEST_F(SalesforceTraps, BooleansInTheWild) {
  const std::pair<const char*, bool> spellings[] = {
      {"true", true},   {"TRUE", true},   {"True", true}, {"1", true}, {"Yes", true}, {"false", false},
      {"FALSE", false}, {"False", false}, {"0", false},   {"", false}, {"No", false}};
  for (const auto& [text, value] : spellings) {
    run_.AddFile("Opportunity.csv",
                 kDealHeader + std::string("0065f0000000001AAA,0,x,1,2026-01-31,1,") + text + ",2026-02-01\n");
    Read();
    ASSERT_THAT(Deals(), SizeIs(1)) << text;
    EXPECT_EQ(Deals()[0]->outcome() == v1::DEAL_OUTCOME_WON, value) << text;
  }
  run_.AddFile("Opportunity.csv",
               std::string(kDealHeader) + "0065f0000000001AAA,0,x,1,2026-01-31,1,maybe,2026-02-01\n");
  Read();
  EXPECT_THAT(run_.Rejections(), ElementsAre("Opportunity.csv:1:IsWon:bad_boolean"));
}

TEST_F(SalesforceTraps, EncodingsAreFound) {
  const std::string head = "Id,Name\n0015f0000000001AAA,";
  std::string utf16 = "\xFF\xFE";
  for (char c : head + "Jos") utf16 += std::string{c, '\0'};
  utf16 += std::string("\xE9\0\n\0", 4);
  const std::pair<std::string, std::string> files[] = {{head + "Jos\xE9\n", "Jos\xC3\xA9"},
                                                       {head + "A\x81\x8D\n", "A\xC2\x81\xC2\x8D"},
                                                       {head + "Jos\xC3\xA9\n", "Jos\xC3\xA9"},
                                                       {"\xEF\xBB\xBF" + head + "Jos\xC3\xA9\n", "Jos\xC3\xA9"},
                                                       {utf16, "Jos\xC3\xA9"},
                                                       {head + std::string("A\0B\n", 4), "AB"}};
  for (const auto& [file, name] : files) {
    run_.AddFile("Account.csv", file);
    Read();
    ASSERT_THAT(Customers(), SizeIs(1)) << name;
    EXPECT_EQ(Customers()[0]->name(), name);
  }
}

TEST_F(SalesforceTraps, ShortAndLongIdsJoin) {
  run_.AddFile("Account.csv", "Id,Name,Type\n0015f000ABcdEfg,Helios,Partner\n");
  run_.AddFile("Partner.csv",
               "Id,OpportunityId,AccountToId,Role,IsPrimary\n"
               "00I5f0000000001EAA,0065f0000000001,0015f000ABcdEfgAYE,Dealer,1\n");
  run_.AddFile("Opportunity.csv", kDealHeader + DealRow(kDeal1, "1"));
  Read();
  ASSERT_THAT(run_.events(), SizeIs(2));
  EXPECT_EQ(run_.events()[0].record_id(), "0015f000ABcdEfgAYE");
  ASSERT_EQ(Deals()[0]->attributions_size(), 1);
  EXPECT_EQ(Deals()[0]->attributions(0).partner_refs(0).external().id(), "0015f000ABcdEfgAYE");
}

TEST_F(SalesforceTraps, IdsThatLostTheirCaseAreRejected) {
  run_.AddFile("Account.csv", "Id,Name\n0015F0000000001AAA,Helios\n");
  Read();
  EXPECT_THAT(run_.Rejections(), ElementsAre("Account.csv:1:Id:bad_id"));
}

TEST_F(SalesforceTraps, FieldHistoryIsNoHistory) {
  run_.AddFile("FieldHistory.csv", "Id,EntityName,FieldName\n7375f0000000001AAA,Opportunity,StageName\n");
  Read();
  EXPECT_THAT(run_.records(), IsEmpty());
  EXPECT_TRUE(run_.HasProblem("FieldHistory.csv", "not read"));
}

TEST_F(SalesforceTraps, RenamedColumnsAreMapped) {
  run_.AddFile("Chancen.csv",
               "Id,Phase__c,Summe__c,CloseDate,IsClosed,IsWon,Kanal__c,PartnerAccountId\n"
               "0065f0000000001AAA,Gewonnen,7,2026-01-31,1,1,0015f0000000001AAA,\n");
  Read({{"file_map", R"({"Chancen.csv": "Opportunity"})"},
        {"column_map", R"({"Opportunity.StageName": "Phase__c", "Opportunity.Amount": "Summe__c",
                           "Opportunity.partner": ["Kanal__c"]})"}});
  ASSERT_THAT(Deals(), SizeIs(1));
  EXPECT_EQ(Deals()[0]->stage(), "Gewonnen");
  EXPECT_EQ(Deals()[0]->amount().units(), 7);
  ASSERT_EQ(Deals()[0]->attributions_size(), 1);
  EXPECT_EQ(Deals()[0]->attributions(0).partner_refs(0).external().id(), "0015f0000000001AAA");
  EXPECT_FALSE(run_.HasProblem("Chancen.csv", "not there"));

  // Renamed again: the run says what it misses, and what it does not read.
  run_.AddFile("Opportunity.csv", std::string("Id,StageName,Amount,CloseDate,IsClosed,IsWon,Partnerkanal__c\n") +
                                      "0065f0000000001AAA,Gewonnen,7,2026-01-31,1,1,0015f0000000001AAA\n");
  Read({{"column_map", R"({"Opportunity.partner": ["Kanal__c"]})"}});
  EXPECT_TRUE(run_.HasProblem("Opportunity.csv", "column_map names the column Kanal__c, which is not there"));
  EXPECT_FALSE(run_.host().columns.at("Opportunity").at("Partnerkanal__c")) << "told, and not read";
}

TEST_F(SalesforceTraps, ImportedRecordsEndBeforeTheyBegin) {
  run_.AddFile("Case.csv",
               "Id,Status,IsClosed,CreatedDate,ClosedDate\n"
               "5005f0000000001AAA,Closed,1,2026-01-10 10:00:00,2025-12-01 10:00:00\n");
  run_.AddFile("Opportunity.csv",
               "Id,StageName,Amount,CloseDate,IsClosed,IsWon,CreatedDate\n"
               "0065f0000000001AAA,Won,1,2025-12-01,1,1,2026-01-10 10:00:00\n");
  Read();
  EXPECT_THAT(run_.Rejections(), IsEmpty());
  auto tickets = run_.Facts(&v1::Event::has_support_ticket, &v1::Event::support_ticket);
  ASSERT_THAT(tickets, SizeIs(1));
  EXPECT_FALSE(tickets[0]->has_resolved_at());  // how long it took is unknown, and not negative
  // The day of the deal's end is true; how long it took is the metrics' to judge.
  ASSERT_THAT(Deals(), SizeIs(1));
  EXPECT_EQ(Deals()[0]->closed_on().year(), 2025);
}

TEST_F(SalesforceTraps, DerivedColumnsAreNotTrusted) {
  const std::string row = "0065f0000000001AAA,Won,1,2026-01-31,1,1,";
  std::string stated;
  for (const char* stale : {"2019,3,Q3", "2026,1,Q1"}) {
    run_.AddFile("Opportunity.csv",
                 "Id,StageName,Amount,CloseDate,IsClosed,IsWon,FiscalYear,FiscalQuarter,Fiscal\n" + row + stale + "\n");
    run_.AddFile("OpportunityHistory.csv",
                 "Id,OpportunityId,CreatedDate,StageName,CloseDate\n"
                 "0085f0000000001AAA,0065f0000000001AAA,2026-01-01,Won,2019-06-30\n");
    Read();
    ASSERT_THAT(Deals(), SizeIs(1));
    EXPECT_EQ(Deals()[0]->closed_on().day(), 31);
    if (stated.empty()) stated = Stated();
    EXPECT_EQ(Stated(), stated);
  }
}

TEST_F(SalesforceTraps, OutcomesComeFromFlagsAlone) {
  run_.AddFile("Opportunity.csv",
               "Id,StageName,Amount,CloseDate,IsClosed,IsWon\n"
               "0065f0000000001AAA,Closed Lost,1,2026-01-31,1,1\n"
               "0065f0000000002AAA,Cerrada ganada,1,2026-01-31,1,0\n"
               "0065f0000000003AAA,Closed Won,1,2026-01-31,0,0\n"
               "0065f0000000004AAA,Closed Won,1,2026-01-31,0,1\n");
  Read();
  ASSERT_THAT(Deals(), SizeIs(3));
  EXPECT_EQ(Deals()[0]->outcome(), v1::DEAL_OUTCOME_WON);
  EXPECT_EQ(Deals()[1]->outcome(), v1::DEAL_OUTCOME_LOST);
  EXPECT_EQ(Deals()[2]->outcome(), v1::DEAL_OUTCOME_OPEN);
  EXPECT_THAT(run_.Rejections(), ElementsAre("Opportunity.csv:4:IsWon:won_but_open"));
}

TEST_F(SalesforceTraps, ForecastCategoriesAreReadAsWritten) {
  run_.AddFile("Opportunity.csv",
               "Id,StageName,Amount,CloseDate,IsClosed,IsWon,ForecastCategory,ForecastCategoryName\n"
               "0065f0000000001AAA,x,1,2026-01-31,0,0,BestCase,Best Case\n");
  Read();
  ASSERT_THAT(Deals(), SizeIs(1));
  EXPECT_EQ(Deals()[0]->forecast_category(), "Best Case");
}

TEST_F(SalesforceTraps, RepeatedAndEmptyHeadersAreHarmless) {
  run_.AddFile("Account.csv", "Id,Name,,Name,\n0015f0000000001AAA,First,x,Second,y\n");
  Read();
  ASSERT_THAT(Customers(), SizeIs(1));
  EXPECT_EQ(Customers()[0]->name(), "First");
}

TEST_F(SalesforceTraps, ReSavedInASpreadsheet) {
  run_.AddFile("Opportunity.csv",
               "Id;StageName;Amount;CloseDate;IsClosed;IsWon;CreatedDate\r\n"
               "0065f0000000001AAA;Won;3.00E+07;2/23/26;TRUE;TRUE;2/20/26 08:55 PM\r\n");
  Read({{"date_order", "month_first"}});
  EXPECT_THAT(run_.Rejections(), IsEmpty());
  ASSERT_THAT(Deals(), SizeIs(1));
  EXPECT_EQ(Deals()[0]->amount().units(), 30'000'000);
  EXPECT_EQ(Deals()[0]->closed_on().day(), 23);
  EXPECT_EQ(Deals()[0]->created_at().seconds() % 86'400, 20 * 3600 + 55 * 60);
}

TEST_F(SalesforceTraps, AmbiguousDatesNeedASetting) {
  run_.AddFile("Opportunity.csv",
               "Id,StageName,Amount,CloseDate,IsClosed,IsWon\n0065f0000000001AAA,Won,1,02/03/24,1,1\n");
  Read();
  EXPECT_THAT(run_.Rejections(), ElementsAre("Opportunity.csv:1:CloseDate:bad_date"));
  Read({{"date_order", "day_first"}});
  ASSERT_THAT(Deals(), SizeIs(1));
  EXPECT_EQ(Deals()[0]->closed_on().month(), 3);
}

TEST_F(SalesforceTraps, DatesDoNotShift) {
  for (const char* date :
       {"2026-01-31", "2026-01-31 00:00:00", "2026-01-31T00:00:00.000Z", "2026-01-31T12:00:00.000Z"}) {
    run_.AddFile("Opportunity.csv", "Id,StageName,Amount,CloseDate,IsClosed,IsWon\n0065f0000000001AAA,Won,1," +
                                        std::string(date) + ",1,1\n");
    Read({{"time_zone", "America/Los_Angeles"}});
    ASSERT_THAT(Deals(), SizeIs(1));
    EXPECT_EQ(Deals()[0]->closed_on().day(), 31) << date;
  }
}

TEST_F(SalesforceTraps, CellsWithAnythingInThem) {
  run_.AddFile(
      "Account.csv",
      "Id,Name,Industry\n0015f0000000001AAA,\"Say \"\"hi\"\",\r\nHelios\",#N/A\n0015f0000000002AAA,B,\"Retail\"");
  Read();
  EXPECT_THAT(run_.Rejections(), IsEmpty());
  ASSERT_THAT(Customers(), SizeIs(2));
  EXPECT_EQ(Customers()[0]->name(), "Say \"hi\",\r\nHelios");
  EXPECT_EQ(Customers()[0]->industry(), "");
  EXPECT_EQ(Customers()[1]->industry(), "Retail");
}

TEST_F(SalesforceTraps, FootersOfReportsAreRejected) {
  run_.AddFile("Account.csv",
               "Id,Name\n0015f0000000001AAA,A\n\"Partners, all\"\n\"Copyright (c) 2000-2026 salesforce.com, inc.\"\n");
  Read();
  EXPECT_THAT(Customers(), SizeIs(1));
  EXPECT_THAT(run_.Rejections(), ElementsAre("Account.csv:2::wrong_column_count", "Account.csv:3::wrong_column_count"));
}

TEST_F(SalesforceTraps, NumberedFilesAndSeveralZipsAreOneExport) {
  auto account = [](int number) {
    return "Id,Name\n0015f000000000" + std::to_string(number) + "AAA,A" + std::to_string(number) + "\n";
  };
  run_.AddFile("Account.csv", account(1));
  run_.AddFile("Account_2.csv", account(2));
  run_.AddFile("account-3.csv", account(3));
  run_.AddFile("more/ACCOUNT.CSV", account(4));
  run_.AddFile("Account_8.csv.gz", MakeGzip(account(8)));
  run_.AddFile("WE_00D_1.ZIP", MakeZip({{"Account.csv", account(5)}, {"export/Account_1.csv", account(6)}}));
  // The second zip's deals have partners in the first: parts are joined over all files.
  run_.AddFile("WE_00D_2.ZIP",
               MakeZip({{"Account.csv", account(7)}, {"Opportunity.csv", kDealHeader + DealRow(kDeal1, "1")}}));
  run_.AddFile(
      "WE_00D_3.ZIP",
      MakeZip({{"Partner.csv",
                "Id,OpportunityId,AccountToId,Role\n00I5f0000000001EAA,0065f0000000001AAA,0015f0000000007AAA,\n"},
               {"Attachment.csv", "Id\n"}}));
  Read();
  EXPECT_THAT(run_.Rejections(), IsEmpty());
  EXPECT_THAT(Customers(), SizeIs(7));
  EXPECT_THAT(run_.Facts(&v1::Event::has_partner, &v1::Event::partner), SizeIs(1));
  ASSERT_THAT(Deals(), SizeIs(1));
  EXPECT_EQ(Deals()[0]->attributions_size(), 1);
  EXPECT_TRUE(run_.HasProblem("WE_00D_3.ZIP!Attachment.csv", "not read"));
}

TEST_F(SalesforceTraps, ARecordInTwoZipsHasTwoRevisions) {
  run_.AddFile("WE_1.ZIP", MakeZip({{"Opportunity.csv", kDealHeader + DealRow(kDeal1, "2", "2026-02-02 00:00:00")}}));
  run_.AddFile("WE_2.ZIP", MakeZip({{"Opportunity.csv", kDealHeader + DealRow(kDeal1, "1", "2026-02-01 00:00:00")}}));
  Read();
  ASSERT_THAT(run_.events(), SizeIs(2));
  EXPECT_EQ(run_.events()[0].record_id(), run_.events()[1].record_id());
  EXPECT_GT(run_.events()[0].revision(), run_.events()[1].revision());  // whatever the order of reading
}

TEST_F(SalesforceTraps, AmountsKeepTheirCurrency) {
  run_.AddFile("Opportunity.csv",
               "Id,StageName,Amount,CurrencyIsoCode,CloseDate,IsClosed,IsWon\n"
               "0065f0000000001AAA,Won,1,MXN,2026-01-31,1,1\n0065f0000000002AAA,Won,1,,2026-01-31,1,1\n");
  Read({{"default_currency", "EUR"}});
  ASSERT_THAT(Deals(), SizeIs(2));
  EXPECT_EQ(Deals()[0]->amount().currency_code(), "MXN");
  EXPECT_EQ(Deals()[1]->amount().currency_code(), "EUR");
}

TEST_F(SalesforceTraps, DeletedAndRestoredRecords) {
  auto deal = [](const char* deleted, const char* amount, const char* modified) {
    return std::string(kDealHeader) + kDeal1 + "," + deleted + ",Won," + amount + ",2026-01-31,1,1," + modified + "\n";
  };
  std::vector<bool> deleted;
  std::vector<int64_t> revisions;
  std::string state;
  for (const std::string& file :
       {deal("0", "1", "2026-02-01"), deal("1", "10", "2026-02-02"), deal("0", "100", "2026-02-03")}) {
    run_.AddFile("Opportunity.csv", file);
    ASSERT_EQ(run_.Read({}, state), PM_OK) << run_.error();
    ASSERT_THAT(run_.events(), SizeIs(1));
    EXPECT_TRUE(run_.events()[0].has_deal());
    deleted.push_back(run_.events()[0].deleted());
    revisions.push_back(run_.events()[0].revision());
    state = run_.last_state();
  }
  EXPECT_THAT(deleted, ElementsAre(false, true, false));
  EXPECT_TRUE(std::is_sorted(revisions.begin(), revisions.end()));
}

TEST_F(SalesforceTraps, HardDeletedRecordsAreMissingFromACompleteExport) {
  run_.AddFile("Opportunity.csv", kDealHeader + DealRow(kDeal1, "1") + DealRow(kDeal2, "1"));
  Read({{"complete_export", "true"}});
  EXPECT_THAT(run_.host().complete, ElementsAre("deal"));
  // Every record is stated, also those that did not change: the server deletes those that were not.
  run_.AddFile("Opportunity.csv", kDealHeader + DealRow(kDeal2, "1"));
  ASSERT_EQ(run_.Read({{"complete_export", "true"}}, run_.last_state()), PM_OK) << run_.error();
  ASSERT_THAT(run_.events(), SizeIs(1));
  EXPECT_EQ(run_.events()[0].record_id(), kDeal2);
  EXPECT_THAT(run_.host().complete, ElementsAre("deal"));
  // An increment says nothing about what it lacks.
  Read();
  EXPECT_THAT(run_.host().complete, IsEmpty());
}

TEST_F(SalesforceTraps, MergedAccountsPointOnOverSeveralHops) {
  run_.AddFile("Account.csv",
               "Id,IsDeleted,MasterRecordId,Name,Type,SystemModstamp\n"
               "0015f0000000001AAA,1,0015f0000000002AAA,Helios Ltd,Partner,2026-01-01\n"
               "0015f0000000002AAA,1,0015f0000000003AAA,Helios GmbH,Partner,2026-01-02\n"
               "0015f0000000003AAA,0,000000000000000AAA,Helios,Partner,2026-01-02\n"
               "0015f0000000004AAA,1,0015f0000000005AAA,Acme Ltd,Customer,2026-01-02\n"
               "0015f0000000006AAA,1,,Gone,Partner,2026-01-02\n");
  Read();
  // Merged partners stay as aliases, each of the next, so that old records find the one that is left.
  auto partners = run_.Facts(&v1::Event::has_partner, &v1::Event::partner);
  ASSERT_THAT(partners, SizeIs(3));
  EXPECT_EQ(partners[0]->merged_into_id(), "0015f0000000002AAA");
  EXPECT_EQ(partners[1]->merged_into_id(), "0015f0000000003AAA");
  EXPECT_EQ(partners[2]->merged_into_id(), "");
  std::vector<std::string> deleted;
  for (const v1::Event& event : run_.events()) {
    if (event.deleted()) deleted.push_back(event.record_id());
  }
  EXPECT_THAT(deleted, ElementsAre("0015f0000000004AAA", "0015f0000000006AAA"));
}

TEST_F(SalesforceTraps, MirroredLinksCountOnce) {
  run_.AddFile(
      "Partner.csv",
      "Id,OpportunityId,AccountFromId,AccountToId,Role,IsPrimary,ReversePartnerId\n"
      "00I5f0000000001EAA,0065f0000000001AAA,0015f0000000001AAA,0015f0000000002AAA,Dealer,0,00I5f0000000002EAA\n"
      "00I5f0000000002EAA,0065f0000000001AAA,0015f0000000002AAA,0015f0000000001AAA,,0,00I5f0000000001EAA\n"
      "00I5f0000000003EAA,000000000000000AAA,0015f0000000001AAA,0015f0000000002AAA,,0,00I5f0000000004EAA\n");
  run_.AddFile("Opportunity.csv",
               "Id,AccountId,StageName,Amount,CloseDate,IsClosed,IsWon\n"
               "0065f0000000001AAA,0015f0000000001AAA,Won,1,2026-01-31,1,1\n");
  Read();
  ASSERT_THAT(Deals(), SizeIs(1));
  ASSERT_EQ(Deals()[0]->attributions_size(), 1);  // not the deal's own customer
  EXPECT_EQ(Deals()[0]->attributions(0).partner_refs(0).external().id(), "0015f0000000002AAA");
  EXPECT_EQ(run_.Skips()["link_between_accounts"], 1);
}

}  // namespace
}  // namespace partnermetrics
