// What no client and no file may do to the server: end it, or lose what it has (docs/promises.md, P3 and P7).
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>

#include <climits>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/end_to_end/server_fixture.h"

namespace partnermetrics {
namespace {

constexpr int kLongLineMb = 100;

v1::Event GoodDeal(const std::string& id) {
  v1::Event event;
  event.set_record_id(id);
  event.set_revision(1);
  v1::Deal& deal = *event.mutable_deal();
  deal.set_outcome(v1::DEAL_OUTCOME_WON);
  deal.mutable_amount()->set_units(1'000);
  deal.mutable_amount()->set_currency_code("USD");
  deal.mutable_closed_on()->set_year(2025);
  deal.mutable_closed_on()->set_month(3);
  deal.mutable_closed_on()->set_day(31);
  return event;
}

class BadEventsTest : public ServerFixture {
 protected:
  void SetUp() override {
    Start();
    ExpectStored(GoodDeal("first"));
  }
  // Nothing of what was refused is there, and good events still come through.
  void TearDown() override {
    EXPECT_EQ(Status().facts(), 1);
    ExpectStored(GoodDeal("last"));
    EXPECT_EQ(ExactText(Metric("total_revenue", v1::SCOPE_KIND_BUSINESS)), "2000");
    ServerFixture::TearDown();
  }

  static v1::IngestEventsRequest Request() {
    v1::IngestEventsRequest request;
    request.set_program("partneros");
    request.set_source("test");
    return request;
  }
  void ExpectStored(const v1::Event& event) {
    v1::IngestEventsRequest request = Request();
    *request.add_events() = event;
    v1::IngestEventsResponse response;
    const grpc::Status status = Ingest(request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.counts().applied(), 1) << response.DebugString();
  }
  // The event is rejected at the field, for the reason, with a message.
  void ExpectRejected(const v1::Event& event, const std::string& field, const std::string& reason) {
    v1::IngestEventsRequest request = Request();
    *request.add_events() = event;
    v1::IngestEventsResponse response;
    const grpc::Status status = Ingest(request, response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.results_size(), 1);
    EXPECT_EQ(response.results(0).outcome(), v1::EVENT_OUTCOME_REJECTED);
    EXPECT_EQ(response.results(0).field(), field);
    EXPECT_EQ(response.results(0).reason(), reason);
    EXPECT_FALSE(response.results(0).message().empty());
  }
};

TEST_F(BadEventsTest, AbsurdDatesAreRejected) {
  v1::Event event = GoodDeal("bad");
  for (const int year : {-1, 0, 1, 1989, 2100, 9'999, INT_MAX}) {
    SCOPED_TRACE(year);
    event.mutable_deal()->mutable_closed_on()->set_year(year);
    ExpectRejected(event, "deal.closed_on", year < 1 || year == INT_MAX ? "BAD_DATE" : "OUT_OF_RANGE");
  }
  event = GoodDeal("bad");
  event.mutable_deal()->mutable_closed_on()->set_day(32);
  ExpectRejected(event, "deal.closed_on", "BAD_DATE");
  event = GoodDeal("bad");
  for (const int64_t seconds : {int64_t{0}, int64_t{253'402'300'799}}) {
    SCOPED_TRACE(seconds);
    event.mutable_deal()->mutable_created_at()->set_seconds(seconds);
    ExpectRejected(event, "deal.created_at", "OUT_OF_RANGE");
  }
  for (const int64_t seconds : {INT64_MAX, INT64_MIN}) {
    SCOPED_TRACE(seconds);
    event.mutable_deal()->mutable_created_at()->set_seconds(seconds);
    ExpectRejected(event, "deal.created_at", "BAD_INSTANT");
  }
}

TEST_F(BadEventsTest, AbsurdAmountsAreRejected) {
  v1::Event event = GoodDeal("bad");
  for (const int64_t units : {int64_t{1'000'000'000'000'001}, INT64_MAX, INT64_MIN}) {
    event.mutable_deal()->mutable_amount()->set_units(units);
    SCOPED_TRACE(units);
    ExpectRejected(event, "deal.amount.units", "OUT_OF_RANGE");
  }
  event = GoodDeal("bad");
  event.mutable_deal()->mutable_amount()->set_nanos(1'000'000'000);
  ExpectRejected(event, "deal.amount.nanos", "OUT_OF_RANGE");
  event = GoodDeal("bad");
  event.mutable_deal()->mutable_amount()->set_currency_code("dollars");
  ExpectRejected(event, "deal.amount.currency_code", "UNKNOWN_CURRENCY");
}

TEST_F(BadEventsTest, WhatIsMissingOrUnknownIsNamed) {
  v1::Event event = GoodDeal("");
  ExpectRejected(event, "record_id", "REQUIRED");
  event = GoodDeal(std::string(10'000, 'x'));
  ExpectRejected(event, "record_id", "TOO_LONG");
  event = GoodDeal("bad");
  event.set_revision(-1);
  ExpectRejected(event, "revision", "OUT_OF_RANGE");
  event = GoodDeal("bad");
  event.clear_fact();
  ExpectRejected(event, "fact", "REQUIRED");
  event = GoodDeal("bad");
  event.set_program("another");
  ExpectRejected(event, "program", "WRONG_PROGRAM");
  event = GoodDeal("bad");
  event.GetReflection()->MutableUnknownFields(&event)->AddVarint(5'000, 1);
  ExpectRejected(event, "event", "UNKNOWN_FIELD");
}

TEST_F(BadEventsTest, GoodEventsOfABatchStandBesideBadOnes) {
  v1::IngestEventsRequest request = Request();
  for (int i = 0; i < 10; ++i) {
    v1::Event& event = *request.add_events();
    event = GoodDeal("first");  // unchanged
    if (i % 2 == 1) event.set_revision(-1);
  }
  v1::IngestEventsResponse response;
  ASSERT_TRUE(Ingest(request, response).ok());
  EXPECT_EQ(response.counts().unchanged(), 5);
  EXPECT_EQ(response.counts().rejected(), 5);
  EXPECT_EQ(response.results_size(), 5);
}

TEST_F(BadEventsTest, TooMuchAtOnceIsRefusedWhole) {
  v1::IngestEventsRequest request = Request();
  for (int i = 0; i <= 10'000; ++i) *request.add_events() = GoodDeal(absl::StrCat("many-", i));
  v1::IngestEventsResponse response;
  grpc::Status status = Ingest(request, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();

  request.clear_events();
  request.add_events()->mutable_deal()->set_name(std::string(20 << 20, 'x'));
  status = Ingest(request, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();

  request.clear_events();
  request.set_program("another");
  *request.add_events() = GoodDeal("lost");
  status = Ingest(request, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND) << status.error_message();
}

TEST_F(BadEventsTest, ATextThatIsNoUtf8IsRefused) {
  v1::Event event = GoodDeal("bad");
  event.mutable_deal()->set_name("\xff\xfe broken");
  v1::IngestEventsRequest request = Request();
  *request.add_events() = event;
  v1::IngestEventsResponse response;
  const grpc::Status status = Ingest(request, response);
  EXPECT_TRUE(!status.ok() || response.counts().rejected() == 1) << response.DebugString();
}

class BadFilesTest : public ServerFixture {
 protected:
  static constexpr char kHeader[] = "Id,Name,StageName,Amount,CloseDate,IsClosed,IsWon,CreatedDate,SystemModstamp\n";

  // One Opportunity.csv with this content is read; then a good one. What the bad one did is told by the first run.
  v1::ConnectorRun RunOver(const std::string& content) {
    const std::string export_folder = AddConnector("crm", "salesforce_export");
    WriteFile(export_folder + "/Opportunity.csv", content);
    Start();
    const v1::ConnectorRun run = RunConnector("crm");
    WriteFile(export_folder + "/Opportunity.csv", std::string(kHeader) +
                                                      "006A00000000001,Good,Won,100.50,2025-03-01,true,true,"
                                                      "2025-01-01T00:00:00.000Z,2026-03-01T00:00:00.000Z\n");
    const v1::ConnectorRun good = RunConnector("crm", /*full=*/true);
    EXPECT_EQ(good.state(), v1::RUN_STATE_SUCCEEDED) << good.DebugString();
    EXPECT_EQ(good.events().applied(), 1);
    EXPECT_EQ(ExactText(Metric("total_revenue", v1::SCOPE_KIND_BUSINESS)), "100.5");
    return run;
  }
};

TEST_F(BadFilesTest, Empty) {
  const v1::ConnectorRun run = RunOver("");
  EXPECT_EQ(run.records_read(), 0);
  EXPECT_TRUE(run.remarks_size() > 0 || !run.error().empty()) << run.DebugString();
}

TEST_F(BadFilesTest, HeaderWithoutWhatIsNeeded) {
  const v1::ConnectorRun run = RunOver("Id,Colour\n006A00000000001,red\n");
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_FALSE(run.error().empty());
}

TEST_F(BadFilesTest, Binary) {
  std::string content;
  for (int i = 0; i < 1 << 20; ++i) content += static_cast<char>((i * 2'654'435'761u) >> 13);
  const v1::ConnectorRun run = RunOver(content);
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED) << run.DebugString();
  EXPECT_FALSE(run.error().empty());
  EXPECT_EQ(run.events().applied(), 0);
}

TEST_F(BadFilesTest, CutOffInTheMiddleOfAQuotedCell) {
  const v1::ConnectorRun run = RunOver(std::string(kHeader) + "006A00000000002,\"Half a na");
  EXPECT_NE(run.state(), v1::RUN_STATE_SUCCEEDED) << run.DebugString();
  EXPECT_EQ(run.events().applied(), 0);
}

TEST_F(BadFilesTest, OneLineOfAHundredMegabytes) {
  const v1::ConnectorRun run = RunOver(std::string(size_t{kLongLineMb} << 20, 'x'));
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED) << run.state();
  EXPECT_FALSE(run.error().empty());
  EXPECT_LT(run.error().size(), 2'000u);
}

TEST_F(BadFilesTest, ARowOfAHundredMegabytes) {
  const v1::ConnectorRun run =
      RunOver(std::string(kHeader) + "006A00000000003,\"" + std::string(size_t{kLongLineMb} << 20, 'x') +
              "\",Won,1,2025-03-01,true,true,2025-01-01T00:00:00.000Z,2025-03-01T00:00:00.000Z\n");
  EXPECT_NE(run.state(), v1::RUN_STATE_SUCCEEDED) << run.state();
  EXPECT_EQ(run.events().applied(), 0);
}

// What Excel and Data Loader write on Windows: the words survive, nothing is half read.
TEST_F(BadFilesTest, OtherEncodingsAreReadForWhatTheyAre) {
  const std::string row =
      "006A00000000006,M\xC3\xBCller,Won,7,2025-03-01,true,true,2025-01-01T00:00:00.000Z,2025-03-01T00:00:00.000Z\n";
  std::string utf16 = "\xFF\xFE", latin1;
  const std::string utf8 = kHeader + row;
  for (size_t i = 0; i < utf8.size(); ++i) {
    char byte = utf8[i];
    if (byte == '\xC3') byte = static_cast<char>(utf8[++i] + 0x40);  // of the one letter beyond ASCII
    utf16 += byte;
    utf16 += '\0';
    latin1 += byte;
  }
  const std::string export_folder = AddConnector("crm", "salesforce_export");
  WriteFile(export_folder + "/Opportunity.csv", utf16);
  Start();
  const v1::ConnectorRun first = RunConnector("crm");
  EXPECT_EQ(first.state(), v1::RUN_STATE_SUCCEEDED) << first.DebugString();
  EXPECT_EQ(first.events().applied(), 1);
  for (const std::string& same : {latin1, utf8}) {
    WriteFile(export_folder + "/Opportunity.csv", same);
    const v1::ConnectorRun again = RunConnector("crm", /*full=*/true);
    EXPECT_EQ(again.state(), v1::RUN_STATE_SUCCEEDED) << again.DebugString();
    EXPECT_EQ(again.events().unchanged(), 1) << "the same words in another encoding are the same record";
  }
}

TEST_F(BadFilesTest, AnEncodingThatIsNotReadFailsByName) {
  std::string ebcdic;  // code page 1047 of the header's letters; its line ends are no line feeds
  for (const char c : std::string(kHeader)) ebcdic += static_cast<char>(c + 0x80);
  const v1::ConnectorRun run = RunOver(ebcdic);
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED) << run.DebugString();
  EXPECT_THAT(run.error(), testing::HasSubstr("Opportunity.csv"));
  EXPECT_EQ(run.events().applied(), 0);
}

TEST_F(BadFilesTest, RowsWithFaultsGoIntoQuarantineWithPlaceAndReason) {
  const v1::ConnectorRun run =
      RunOver(std::string(kHeader) +
              "006A00000000004,A,Won,much,2025-03-01,true,true,2025-01-01T00:00:00.000Z,2025-03-01T00:00:00.000Z\n"
              "006A00000000005,B,Won,5,2025-13-01,true,true,2025-01-01T00:00:00.000Z,2025-03-01T00:00:00.000Z\n"
              "short,row\n");
  EXPECT_EQ(run.state(), v1::RUN_STATE_PARTIAL) << run.DebugString();
  EXPECT_EQ(run.records_rejected(), 3);
  const std::vector<v1::QuarantinedRecord> records = Quarantine("crm");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].field(), "Amount");
  EXPECT_EQ(records[1].field(), "CloseDate");
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].origin().file(), "Opportunity.csv");
    EXPECT_EQ(records[i].origin().row(), i + 1);
    EXPECT_FALSE(records[i].reason().empty());
    EXPECT_FALSE(records[i].message().empty());
    EXPECT_FALSE(records[i].raw().empty());
  }
}

}  // namespace
}  // namespace partnermetrics
