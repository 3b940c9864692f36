// A fact that changes touches the cells that change with it, and no others.
#include "server/engine/counted_difference.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class CountedDifferenceTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    Define(R"pb(
      measures { id: "credited" fact: "deal" kind: MEASURE_KIND_FLOW sum: "credited_amount" at: "closed_on" }
      measures {
        id: "customers"
        fact: "deal"
        kind: MEASURE_KIND_KEYED
        key: "customer_id"
        at: "closed_on"
        reduce: KEY_REDUCTION_ANY
      }
      measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" }
    )pb");
    for (const char* id : {"a", "b"}) {
      Ingest(absl::StrCat("record_id: '", id, "' revision: 1 partner { name: '", id, "' }"));
    }
    Changed();
  }
  void Deal(int amount, const std::vector<std::string>& partners, const std::string& owner = "") {
    std::string text =
        absl::StrCat("record_id: 'd' revision: ", ++revision_, " deal { outcome: DEAL_OUTCOME_WON owner: '", owner,
                     "' customer_id: 'c' amount { currency_code: 'USD' units: ", amount,
                     " } closed_on { year: 2024 month: 5 day: 2 }");
    for (const std::string& partner : partners) {
      absl::StrAppend(&text, " attributions { role: ATTRIBUTION_ROLE_SOURCED partner_refs { external { id: '", partner,
                      "' } } }");
    }
    Ingest(text + " }");
  }
  // The scopes that changed since the last call.
  std::vector<std::string> Changed() {
    std::vector<std::string> scopes;
    seen_ = Engine::View(*engine_).ChangedScopes(seen_, [&](const std::string& scope) { scopes.push_back(scope); });
    return scopes;
  }
  std::string Totals(const std::string& scope) {
    return absl::StrCat(Total(scope, "won"), " ", Total(scope, "credited"));
  }

  int revision_ = 0;
  uint64_t seen_ = 0;
};

TEST_F(CountedDifferenceTest, WhatNoMeasureReadsTouchesNothing) {
  Deal(100, {"a"}, "Ann");
  EXPECT_THAT(Changed(), UnorderedElementsAre("business", "program", "partner:crm:a"));
  Deal(100, {"a"}, "Bob");
  EXPECT_THAT(Changed(), IsEmpty());
  EXPECT_EQ(Totals("partner:crm:a"), "1/100 1/100");
  ExpectVerified();
}

TEST_F(CountedDifferenceTest, AnotherPartnerTouchesTheTwoAlone) {
  Deal(100, {"a"});
  Changed();
  Deal(100, {"b"});
  EXPECT_THAT(Changed(), UnorderedElementsAre("partner:crm:a", "partner:crm:b"));
  EXPECT_EQ(Totals("partner:crm:a"), "0/0 0/0");
  EXPECT_EQ(Totals("partner:crm:b"), "1/100 1/100");
  ExpectVerified();
}

TEST_F(CountedDifferenceTest, AFurtherPartnerTakesItsShareFromTheFirst) {
  Deal(100, {"a"});
  Changed();
  Deal(100, {"a", "b"});
  EXPECT_THAT(Changed(), UnorderedElementsAre("partner:crm:a", "partner:crm:b"));
  EXPECT_EQ(Totals("partner:crm:a"), "1/100 1/50");
  EXPECT_EQ(Totals("partner:crm:b"), "1/100 1/50");
  EXPECT_EQ(Totals("business"), "1/100 1/100");
  ExpectVerified();
}

TEST_F(CountedDifferenceTest, AnotherAmountTouchesAllScopes) {
  Deal(100, {"a"});
  Changed();
  Deal(300, {"a"});
  EXPECT_THAT(Changed(), UnorderedElementsAre("business", "program", "partner:crm:a"));
  EXPECT_EQ(Totals("program"), "1/300 1/300");
  ExpectVerified();
}

TEST_F(CountedDifferenceTest, WhatCountedNothingCountsWhenItHasADay) {
  Ingest("record_id: 'd' revision: 1 deal { outcome: DEAL_OUTCOME_OPEN amount { currency_code: 'USD' units: 100 } }");
  EXPECT_THAT(Changed(), IsEmpty());
  revision_ = 1;
  Deal(100, {"a"});
  EXPECT_EQ(Totals("business"), "1/100 1/100");
  EXPECT_EQ(Totals("partner:crm:a"), "1/100 1/100");
  ExpectVerified();
}

TEST_F(CountedDifferenceTest, WithoutPartnersADealBecomesADirectOne) {
  Deal(100, {"a"});
  Changed();
  Deal(100, {});
  EXPECT_THAT(Changed(), UnorderedElementsAre("program", "direct", "partner:crm:a"));
  EXPECT_EQ(Totals("direct"), "1/100 1/100");
  EXPECT_EQ(Totals("program"), "0/0 0/0");
  ExpectVerified();
}

}  // namespace
}  // namespace partnermetrics
