// Whose a customer is, and what facts take from it.
#include <gmock/gmock.h>

#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

constexpr char kMeasures[] = R"pb(
  measures { id: "billed" fact: "invoice" kind: MEASURE_KIND_FLOW sum: "amount" at: "date(issued_at)" }
  measures { id: "refunded" fact: "refund" kind: MEASURE_KIND_FLOW sum: "amount" at: "date(refunded_at)" }
  measures { id: "customers" fact: "customer" kind: MEASURE_KIND_FLOW at: "first_purchase_on" }
)pb";

class CustomersTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    Define(kMeasures);
    for (const char* id : {"p1", "p2"}) Ingest(absl::StrCat("record_id: '", id, "' partner { name: 'P' }"));
  }

  // A deal of customer c1, won on a day of March 2026.
  void Won(const std::string& id, const std::string& partner, int day, int64_t revision = 1,
           const std::string& more = "outcome: DEAL_OUTCOME_WON") {
    const std::string mention =
        partner.empty() ? ""
                        : absl::StrCat("attributions { role: ATTRIBUTION_ROLE_SOURCED partner_refs { external { id: '",
                                       partner, "' } } }");
    Ingest(absl::StrCat("record_id: '", id, "' revision: ", revision, " deal { customer_id: 'c1' ", mention, more,
                        " closed_on { year: 2026 month: 3 day: ", day, " } }"));
  }
  void Bill(const std::string& id, int day, const std::string& more = "") {
    Ingest(absl::StrCat("record_id: '", id, "' invoice { customer_id: 'c1' amount { units: 10 } issued_at { seconds: ",
                        Seconds(day), " } ", more, " }"));
  }
  static int64_t Seconds(int day) { return (ToDay(absl::CivilDay(2026, 3, 1)) + day - 1) * int64_t{86'400} + 43'200; }
  std::string Billed(const std::string& partner) { return Total(PartnerScope("crm:" + partner), "billed"); }
};

TEST_F(CustomersTest, ACustomerIsThatOfItsFirstWonPartnerDealFromThatDayOn) {
  Bill("i1", 9);
  Bill("i2", 10);
  Bill("i3", 20);
  EXPECT_EQ(Total(kDirectName, "billed"), "3/30");
  Won("d0", "", 1);  // no partner
  Won("d1", "p1", 10);
  EXPECT_EQ(Billed("p1"), "2/20");
  EXPECT_EQ(Total(kDirectName, "billed"), "1/10");
  Won("d2", "p2", 5);  // won before
  EXPECT_EQ(Billed("p1"), "0/0");
  EXPECT_EQ(Billed("p2"), "3/30");
  ExpectVerified();
}

TEST_F(CustomersTest, FollowsWhenTheFirstDealIsCorrectedLostDeletedOrMovesToAnotherPartner) {
  Bill("i1", 20);
  Won("d1", "p1", 10);
  Won("d2", "p2", 11);
  EXPECT_EQ(Billed("p1"), "1/10");
  Won("d1", "p1", 12, 2);
  EXPECT_EQ(Billed("p2"), "1/10");
  Won("d1", "p1", 10, 3);
  EXPECT_EQ(Billed("p1"), "1/10");
  Won("d1", "p1", 10, 4, "outcome: DEAL_OUTCOME_LOST");
  EXPECT_EQ(Billed("p2"), "1/10");
  Won("d1", "p1", 10, 5);
  Alias("crm:p2", "external { id: 'p1' }");
  EXPECT_EQ(Billed("p1"), "0/0");
  EXPECT_EQ(Billed("p2"), "1/10");
  Alias("crm:p2", "external { id: 'p1' }", true);
  EXPECT_EQ(Billed("p1"), "1/10");
  Ingest("record_id: 'd1' revision: 6 deleted: true deal {}");
  Ingest("record_id: 'd2' revision: 6 deleted: true deal {}");
  EXPECT_EQ(Billed("p1"), "0/0");
  EXPECT_EQ(Total(kDirectName, "billed"), "1/10");
  ExpectVerified();
}

// More than are stored as one value.
TEST_F(CustomersTest, OfManyWonDealsThePartnerOfTheFirstIsTaken) {
  const auto expect_partner = [&](int day) {
    EXPECT_EQ(Billed("p1"), day % 2 == 1 ? "1/10" : "0/0") << day;
    EXPECT_EQ(Billed("p2"), day % 2 == 0 ? "1/10" : "0/0") << day;
    ExpectVerified();
  };
  Bill("i1", 30);
  for (const int day : {5, 3, 9, 2, 11, 7, 10, 8, 4, 6}) {
    Won(absl::StrCat("d", day), day % 2 == 1 ? "p1" : "p2", day);
  }
  Ingest("record_id: 'd6' revision: 2 deleted: true deal {}");  // none of the first
  Ingest("record_id: 'd3' revision: 2 deleted: true deal {}");  // one of them, not the first
  for (const int day : {2, 4, 5, 7, 8}) {
    expect_partner(day);
    Ingest(absl::StrCat("record_id: 'd", day, "' revision: 2 deleted: true deal {}"));
  }
  expect_partner(9);
  Won("d9", "p1", 12, 2);  // becomes the last
  expect_partner(10);
  Won("d9", "p1", 1, 3);  // becomes the first again
  expect_partner(1);
  ExpectReplayed();
}

TEST_F(CustomersTest, WhatTheCustomersRecordSaysGoesBeforeItsDealsAndForAllTime) {
  Bill("i1", 5);
  Won("d1", "p1", 10);
  Ingest("record_id: 'c1' customer { partner_refs { external { id: 'p2' } } }");
  EXPECT_EQ(Billed("p2"), "1/10");
  Ingest("record_id: 'c1' revision: 1 customer { partner_refs { external { id: 'p1' } } }");
  EXPECT_EQ(Billed("p1"), "1/10");
  Ingest("record_id: 'c1' revision: 2 customer {}");  // the same partner, but only from the deal's day on
  EXPECT_EQ(Billed("p1"), "0/0");
  ExpectVerified();
}

TEST_F(CustomersTest, PartsAndTheCustomerItselfFollow) {
  Ingest("record_id: 'c1' customer { first_purchase_on { year: 2026 month: 3 day: 10 } }");
  Bill("i1", 20);
  Ingest(absl::StrCat("record_id: 'r1' refund { root_id: 'i1' amount { units: 4 } refunded_at { seconds: ", Seconds(21),
                      " } }"));
  Won("d1", "p1", 10);
  EXPECT_EQ(Total(PartnerScope("crm:p1"), "refunded"), "1/4");
  EXPECT_EQ(Total(PartnerScope("crm:p1"), "customers"), "1/0");
  Won("d1", "p1", 11, 2);  // the first purchase was before
  EXPECT_EQ(Total(PartnerScope("crm:p1"), "customers"), "0/0");
  ExpectVerified();
}

TEST_F(CustomersTest, AnInvoiceThatNamesAPartnerKeepsIt) {
  Won("d1", "p1", 1);
  Bill("i1", 5, "partner_refs { external { id: 'p2' } }");
  EXPECT_EQ(Billed("p1"), "0/0");
  EXPECT_EQ(Billed("p2"), "1/10");
  ExpectVerified();
}

TEST_F(CustomersTest, TheZoneDecidesOnWhichDayADealWasWon) {
  // 02:00 UTC on 11 March is 10 March in New York, and so is the invoice's evening.
  Ingest(
      absl::StrCat("record_id: 'd1' deal { customer_id: 'c1' outcome: DEAL_OUTCOME_WON attributions { partner_refs {",
                   " external { id: 'p1' } } } closed_at { seconds: ", Seconds(11) - 36'000, " } }"));
  Bill("i1", 10);
  EXPECT_EQ(Billed("p1"), "0/0");
  Define(kMeasures, "America/New_York");
  EXPECT_EQ(Billed("p1"), "1/10");
  ExpectVerified();
  Define(kMeasures, "UTC");
  EXPECT_EQ(Billed("p1"), "0/0");
  ExpectVerified();
}

TEST_F(CustomersTest, FactsOfACustomersPartnerAreFoundWithoutReadingAll) {
  Won("d1", "p1", 1);
  Bill("i1", 5);
  Bill("i2", 6, "partner_refs { external { id: 'p2' } }");
  Engine::View view(*engine_);
  const FactSchema& invoice = *FactSchemas::Get().Find("invoice");
  const auto facts = view.FactsOf("crm:p1", invoice);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_THAT(*facts, ::testing::ElementsAre(FactId{invoice.kind(), "crm", "i1"}));
}

}  // namespace
}  // namespace partnermetrics
