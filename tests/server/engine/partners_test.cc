#include "server/engine/partners.h"

#include <gmock/gmock.h>

#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

class PartnersTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    Define("");
    Ingest("record_id: 'a1' partner { name: 'Acme Corp' tier: 'Silver' domains: 'acme.example' country: 'US' }");
    Ingest("record_id: 'b1' partner { name: 'Bolt' domains: 'bolt.example' }");
  }
  PartnerState Get(const std::string& id) {
    Engine::View view(*engine_);
    auto partner = ReadPartner(view, id);
    EXPECT_TRUE(partner.ok() && partner->has_value()) << id;
    return **partner;
  }
};

TEST_F(PartnersTest, TheServersOwnStatementGoesBeforeTheSources) {
  Ingest("source: 'partnermetrics' record_id: 'crm:a1' partner { tier: 'Gold' }");
  const PartnerState partner = Get("crm:a1");
  EXPECT_EQ(partner.fields.tier(), "Gold");
  EXPECT_EQ(partner.fields.name(), "Acme Corp");
  EXPECT_THAT(partner.sources, ::testing::ElementsAre("partnermetrics", "crm"));
}

TEST_F(PartnersTest, AliasesAreTheReferencesThatLeadToIt) {
  EXPECT_THAT(Get("crm:a1").aliases,
              ::testing::ElementsAre("domain:acme.example", "external::a1", "external:crm:a1", "partner:crm:a1"));
}

TEST_F(PartnersTest, AliasesOfAdminsAreListedUntilRemoved) {
  Alias("crm:a1", "external { source: 'billing' id: 'cus_7' }");
  EXPECT_THAT(Get("crm:a1").aliases, ::testing::Contains("external:billing:cus_7"));
  Alias("crm:a1", "external { source: 'billing' id: 'cus_7' }", true);
  EXPECT_THAT(Get("crm:a1").aliases, ::testing::Not(::testing::Contains("external:billing:cus_7")));
}

TEST_F(PartnersTest, IsFoundByIdExternalIdDomainAndName) {
  Engine::View view(*engine_);
  for (const char* name : {"crm:a1", "a1", "ACME.example", "acme corp"}) {
    const auto found = FindPartner(view, name);
    ASSERT_TRUE(found.ok()) << name << ": " << found.status();
    EXPECT_EQ(*found, "crm:a1");
  }
  EXPECT_EQ(FindPartner(view, "nobody").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PartnersTest, TwoOfOneNameMustBeNamedById) {
  Ingest("record_id: 'a2' partner { name: 'ACME CORP' }");
  Engine::View view(*engine_);
  const auto found = FindPartner(view, "Acme Corp");
  EXPECT_EQ(found.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(found.status().message(), ::testing::HasSubstr("crm:a1, crm:a2"));
}

TEST_F(PartnersTest, UnresolvedFactsAreListedByReference) {
  for (const char* id : {"1", "2"}) {
    Ingest(absl::StrCat("record_id: '", id,
                        "' invoice { partner_refs { external { source: 'x' id: 'ghost' } } issued_at"
                        " { seconds: 1 } amount { units: 1 } }"));
  }
  Engine::View view(*engine_);
  const auto groups = UnresolvedReferences(view);
  ASSERT_TRUE(groups.ok());
  ASSERT_EQ(groups->size(), 1u);
  EXPECT_EQ((*groups)[0].reference, "external:x:ghost");
  EXPECT_EQ((*groups)[0].facts, 2);
  EXPECT_EQ((*groups)[0].example.record_id, "1");
}

// Signed in 2023, left in March 2024, signed again in June.
TEST_F(PartnersTest, OneThatSignedAgainCountsInBothOfItsTimes) {
  Define(R"pb(
    measures { id: "partners" fact: "partner" kind: MEASURE_KIND_STOCK from: "signed_on" until: "terminated_on" }
    measures { id: "signed" fact: "partner" kind: MEASURE_KIND_FLOW at: "signed_on" }
    measures { id: "left" fact: "partner" kind: MEASURE_KIND_FLOW at: "terminated_on" }
    measures { id: "described" fact: "partner" kind: MEASURE_KIND_FLOW at: "attributes_since_on" }
  )pb");
  const std::string since = "attributes_since_on { year: 2023 month: 1 day: 10 } ";
  const std::string last = "signed_on { year: 2024 month: 6 day: 1 } activated_on { year: 2024 month: 6 day: 20 } ";
  const std::string first =
      "earlier_partnerships { signed_on { year: 2023 month: 1 day: 10 } terminated_on { year: 2024 month: 3 day: 15 } "
      "}";
  Ingest("record_id: 'r1' revision: 1 partner { " + since + last + first + " }");
  const auto on = [&](int year, int month) {
    return UpTo("program", "partners", ToDay(absl::CivilDay(year, month, 10)));
  };
  EXPECT_EQ(on(2024, 2), "1/0");
  EXPECT_EQ(on(2024, 4), "0/0");
  EXPECT_EQ(on(2024, 7), "1/0");
  EXPECT_EQ(Total("partner:crm:r1", "signed"), "2/0");
  EXPECT_EQ(Total("partner:crm:r1", "left"), "1/0");
  EXPECT_EQ(Total("partner:crm:r1", "described"), "1/0") << "it is described once, however often it signed";
  ExpectVerified();

  // Another source that knows an earlier end of the gap gives it its way.
  Ingest("source: 'partnermetrics' record_id: 'crm:r1' partner { signed_on { year: 2024 month: 2 day: 1 } }");
  EXPECT_EQ(on(2024, 4), "1/0");
  EXPECT_EQ(on(2024, 2), "1/0");
  ExpectVerified();
  Ingest("record_id: 'r1' revision: 2 deleted: true partner {}");
  EXPECT_EQ(on(2024, 7), "1/0");
  EXPECT_EQ(on(2023, 7), "0/0");
  ExpectVerified();
}

TEST_F(PartnersTest, ADeletedPartnerIsGone) {
  Ingest("record_id: 'b1' revision: 1 deleted: true partner {}");
  Engine::View view(*engine_);
  EXPECT_EQ(view.header().partners, 1);
  EXPECT_THAT(*PartnerIds(view), ::testing::ElementsAre("crm:a1"));
}

}  // namespace
}  // namespace partnermetrics
