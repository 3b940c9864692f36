// Why a number is another one than before: by time alone, and by what was known then.
#include "tests/server/services/explain_fixture.h"

namespace partnermetrics {
namespace {

class ExplainChangeTest : public ExplainServiceTest {
 protected:
  void SetUp() override {
    ExplainServiceTest::SetUp();
    Ingest({PartnerEvent("P1", "Apex", "Gold"), PartnerEvent("P2", "Birch", "Silver"), WonDeal("d1", "P1", 100, 5),
            WonDeal("d2", "P2", 200, 20)});
  }

  // What the server stores from now on is stored on that day of April 2024.
  void OnAprilDay(int day) {
    now_us_ = absl::ToUnixMicros(absl::FromCivil(absl::CivilHour(2024, 4, day, 12), absl::UTCTimeZone()));
  }

  static v1::ExplainChangeRequest Since(const std::string& metric, int march_day) {
    v1::ExplainChangeRequest request;
    request.set_metric_id(metric);
    *request.mutable_since() = MakeDate(2024, 3, march_day);
    *request.mutable_as_of() = MakeDate(2024, 3, 31);
    return request;
  }
  // As it was known on 31 March.
  static v1::ExplainChangeRequest Known(v1::ExplainChangeRequest request) {
    *request.mutable_known_on() = MakeDate(2024, 3, 31);
    return request;
  }
  grpc::Status Call(const v1::ExplainChangeRequest& request, v1::ExplainChangeResponse& response) {
    grpc::ClientContext context;
    return explain_->ExplainChange(&context, request, &response);
  }
  v1::ExplainChangeResponse Change(const v1::ExplainChangeRequest& request) {
    v1::ExplainChangeResponse response;
    const grpc::Status status = Call(request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // "AGED 1 200: d2", one for each change.
  std::vector<std::string> Reasons(const v1::ExplainChangeResponse& response) {
    std::vector<std::string> reasons;
    for (const v1::TermChange& change : response.changes()) {
      std::string& text =
          reasons.emplace_back(absl::StrCat(v1::ChangeReason_Name(change.reason()).substr(sizeof("CHANGE_REASON_") - 1),
                                            " ", change.count(), " ", ToDouble(change.sum()), ":"));
      for (const v1::FactChange& fact : change.examples()) absl::StrAppend(&text, " ", fact.fact().record_id());
    }
    return reasons;
  }
};

TEST_F(ExplainChangeTest, WhatIsKnownNowChangesByTimeAlone) {
  const v1::ExplainChangeResponse change = Change(Since("credited_sum", 10));
  EXPECT_EQ(change.before().value(), 100);
  EXPECT_EQ(change.after().value(), 300);
  EXPECT_THAT(Reasons(change), ElementsAre("AGED 1 200: d2"));
  EXPECT_EQ(change.position_before(), change.position());
}

TEST_F(ExplainChangeTest, PagesNameAllFactsOnceWithTheTotalsOfAll) {
  OnAprilDay(2);
  v1::Event corrected = WonDeal("d1", "P1", 150, 5);
  corrected.set_revision(2);
  std::vector<v1::Event> events = {corrected};
  for (int i = 0; i < 7; ++i) events.push_back(WonDeal(absl::StrCat("e", i), "P1", 10, 6 + i));
  Ingest(events);
  auto request = Known(Since("credited_sum", 31));
  request.set_page_size(3);
  std::vector<std::string> named;
  int pages = 0;
  do {
    const v1::ExplainChangeResponse page = Change(request);
    ASSERT_EQ(page.changes_size(), 2);
    EXPECT_EQ(page.changes(0).facts(), 7);
    EXPECT_EQ(page.changes(1).facts(), 1);
    for (const v1::TermChange& change : page.changes()) {
      for (const v1::FactChange& fact : change.examples()) named.push_back(fact.fact().record_id());
    }
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty() && pages < 10);
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(named, testing::UnorderedElementsAre("d1", "e0", "e1", "e2", "e3", "e4", "e5", "e6"));
}

TEST_F(ExplainChangeTest, PagesAreOfOneRequestAndWithoutExamples) {
  auto request = Since("credited_sum", 1);
  request.set_page_size(1);
  const std::string token = Change(request).next_page_token();
  ASSERT_NE(token, "");
  v1::ExplainChangeResponse response;
  auto other = Since("credited_sum", 2);
  other.set_page_token(token);
  EXPECT_EQ(Call(other, response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_examples(2);
  EXPECT_EQ(Call(request, response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ExplainChangeTest, WhatBecameKnownSinceHasItsReason) {
  OnAprilDay(2);
  v1::Event corrected = WonDeal("d1", "P1", 150, 5), deleted = WonDeal("d2", "P2", 200, 20);
  corrected.set_revision(2);
  deleted.set_revision(2);
  deleted.set_deleted(true);
  Ingest({corrected, deleted, WonDeal("d3", "P1", 30, 6), WonDeal("d4", "P1", 40, 7)});
  const v1::ExplainChangeResponse change = Change(Known(Since("credited_sum", 31)));
  EXPECT_EQ(change.before().value(), 300);
  EXPECT_EQ(change.after().value(), 220);
  EXPECT_THAT(Reasons(change), ElementsAre("ADDED 2 70: d3 d4", "REMOVED -1 -200: d2", "CORRECTED 0 50: d1"));
  EXPECT_LT(change.position_before(), change.position());
  auto few = Known(Since("credited_sum", 31));
  few.set_examples(1);
  EXPECT_THAT(Reasons(Change(few)), ElementsAre("ADDED 2 70: d3", "REMOVED -1 -200: d2", "CORRECTED 0 50: d1"));
}

TEST_F(ExplainChangeTest, WhatWasKnownWhenTheLastRecordWasStoredIsKnownNow) {
  const v1::ExplainChangeResponse change = Change(Known(Since("credited_sum", 10)));
  EXPECT_THAT(Reasons(change), ElementsAre("AGED 1 200: d2"));
  EXPECT_EQ(change.position_before(), change.position());
}

TEST_F(ExplainChangeTest, FactsMoveWithTheirPartners) {
  OnAprilDay(2);
  v1::AddAliasRequest alias;
  alias.set_partner_id("crm:P2");
  SetReference(*alias.mutable_alias(), "P1");
  grpc::ClientContext context;
  v1::AddAliasResponse added;
  const grpc::Status status = partners_->AddAlias(&context, alias, &added);
  ASSERT_TRUE(status.ok()) << status.error_message();
  auto request = Known(Since("credited_sum", 31));
  *request.mutable_scope() = ScopeOf(v1::SCOPE_KIND_PARTNER, "crm:P2");
  const v1::ExplainChangeResponse change = Change(request);
  EXPECT_EQ(change.before().value(), 200);
  EXPECT_EQ(change.after().value(), 300);
  EXPECT_THAT(Reasons(change), ElementsAre("MOVED 1 100: d1"));
}

TEST_F(ExplainChangeTest, FactsMoveBetweenSegments) {
  Ingest({PartnerEvent("P3", "Cedar", "Gold")});
  OnAprilDay(2);
  v1::Event silver = PartnerEvent("P1", "Apex", "Silver");
  silver.set_revision(2);
  *silver.mutable_partner()->mutable_attributes_since_on() = MakeDate(2024, 1, 1);
  Ingest({silver});
  auto request = Known(Since("credited_sum", 31));
  *request.mutable_scope() = SegmentOf("tier", "Gold");
  const v1::ExplainChangeResponse change = Change(request);
  EXPECT_EQ(change.before().value(), 100);
  EXPECT_EQ(change.after().value(), 0);
  EXPECT_THAT(Reasons(change), ElementsAre("MOVED -1 -100: d1"));
}

TEST_F(ExplainChangeTest, APartnerThatWasNotKnownThenHadNothing) {
  OnAprilDay(2);
  Ingest({PartnerEvent("P4", "Dogwood"), WonDeal("d4", "P4", 40, 7)});
  auto request = Known(Since("credited_sum", 31));
  *request.mutable_scope() = ScopeOf(v1::SCOPE_KIND_PARTNER, "Dogwood");
  EXPECT_THAT(Reasons(Change(request)), ElementsAre("ADDED 1 40: d4"));
}

TEST_F(ExplainChangeTest, MoneyIsConvertedByAnotherRate) {
  const auto rate = [](int units, int64_t revision) {
    v1::Event event = NewEvent("r", revision);
    event.mutable_fx_rate()->set_from_currency("EUR");
    event.mutable_fx_rate()->set_to_currency("USD");
    event.mutable_fx_rate()->mutable_rate()->set_units(units);
    *event.mutable_fx_rate()->mutable_effective_on() = MakeDate(2024, 3, 5);
    return event;
  };
  v1::Event deal = WonDeal("d3", "P1", 10, 6);
  deal.mutable_deal()->mutable_amount()->set_currency_code("EUR");
  Ingest({rate(1, 1), deal});
  OnAprilDay(2);
  Ingest({rate(2, 2)});
  EXPECT_THAT(Reasons(Change(Known(Since("credited_sum", 31)))), ElementsAre("RERATED 0 10: d3"));
}

TEST_F(ExplainChangeTest, OverPartnersThePartnersAreNamed) {
  const v1::ExplainChangeResponse change = Change(Since("active", 10));
  EXPECT_EQ(change.before().value(), 1);
  EXPECT_EQ(change.after().value(), 2);
  ASSERT_THAT(change.changes(), SizeIs(1));
  EXPECT_EQ(change.changes(0).reason(), v1::CHANGE_REASON_AGED);
  EXPECT_EQ(change.changes(0).value(), 1);
  EXPECT_EQ(change.changes(0).examples(0).partner_ids(0), "crm:P2");
}

TEST_F(ExplainChangeTest, ADayBeforeTheProgrammeIsRefused) {
  auto request = Since("credited_sum", 10);
  *request.mutable_known_on() = MakeDate(2024, 3, 1);
  v1::ExplainChangeResponse response;
  EXPECT_EQ(InfoOf(Call(request, response)).reason, "NOT_AVAILABLE");
  request.clear_since();
  EXPECT_EQ(InfoOf(Call(request, response)).reason, "REQUIRED");
}

}  // namespace
}  // namespace partnermetrics
