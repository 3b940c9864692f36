// What events, aliases and definitions do to the numbers.
#include <gmock/gmock.h>

#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

constexpr char kMeasures[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "outcome == WON" }
  measures {
    id: "won_sourced"
    fact: "deal"
    kind: MEASURE_KIND_FLOW
    sum: "amount"
    at: "closed_on"
    where: "outcome == WON && role == SOURCED"
  }
  measures { id: "credited" fact: "deal" kind: MEASURE_KIND_FLOW sum: "credited_amount" at: "closed_on" }
  measures { id: "deals" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" }
  measures {
    id: "stages"
    fact: "deal_stage"
    kind: MEASURE_KIND_STOCK
    sum: "amount"
    from: "date(entered_at)"
    until: "date(left_at)"
  }
  measures { id: "billed" fact: "invoice" kind: MEASURE_KIND_FLOW sum: "amount" at: "date(issued_at)" }
  measures { id: "refunded" fact: "refund" kind: MEASURE_KIND_FLOW sum: "amount" at: "date(refunded_at)" }
  measures { id: "costs" fact: "cost" kind: MEASURE_KIND_FLOW sum: "amount" at: "incurred_on" }
)pb";

std::string Partner(const std::string& id) {
  return "record_id: '" + id + "' partner { name: '" + id + "' domains: '" + id + ".example' }";
}

std::string Deal(const std::string& id, int revision, int amount, const std::string& partner,
                 const std::string& role = "ATTRIBUTION_ROLE_SOURCED") {
  return absl::StrCat(
      "record_id: '", id, "' revision: ", revision,
      " deal { outcome: DEAL_OUTCOME_WON closed_on { year: 2026 month: 3 day: 31 } amount { units: ", amount,
      " } attributions { role: ", role, " partner_refs { external { source: 'crm' id: '", partner, "' } } } }");
}

class EngineTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    Define(kMeasures);
  }
};

TEST_F(EngineTest, ADealCountsForItsPartnerTheProgrammeAndTheBusiness) {
  Ingest(Partner("acme"));
  Ingest(Deal("d1", 1, 100, "acme"));
  EXPECT_EQ(Total("partner:crm:acme", "won"), "1/100");
  EXPECT_EQ(Total("program", "won"), "1/100");
  EXPECT_EQ(Total("business", "won"), "1/100");
  EXPECT_EQ(Total("direct", "won"), "0/0");
}

TEST_F(EngineTest, ADealWithoutPartnerIsDirect) {
  Ingest(
      "record_id: 'd1' deal { outcome: DEAL_OUTCOME_WON closed_on { year: 2026 month: 1 day: 1 } amount { units: 7 } "
      "}");
  EXPECT_EQ(Total("direct", "won"), "1/7");
  EXPECT_EQ(Total("program", "won"), "0/0");
  EXPECT_EQ(Total("business", "won"), "1/7");
}

TEST_F(EngineTest, AHigherRevisionReplacesTheContentAndALowerOneDoesNot) {
  Ingest(Partner("acme"));
  Ingest(Deal("d1", 2, 100, "acme"));
  EXPECT_EQ(Ingest(Deal("d1", 1, 999, "acme")).effect, Effect::kSuperseded);
  EXPECT_EQ(Total("program", "won"), "1/100");
  EXPECT_EQ(Ingest(Deal("d1", 3, 250, "acme")).effect, Effect::kApplied);
  EXPECT_EQ(Total("program", "won"), "1/250");
  EXPECT_EQ(Ingest(Deal("d1", 3, 250, "acme")).effect, Effect::kUnchanged);
}

TEST_F(EngineTest, AtEqualRevisionsTheLaterRunWinsThenTheLaterRecord) {
  Ingest(Partner("acme"));
  Ingest(Deal("d1", 5, 100, "acme"), 7);
  EXPECT_EQ(Ingest(Deal("d1", 5, 200, "acme"), 6).effect, Effect::kSuperseded);
  EXPECT_EQ(Ingest(Deal("d1", 5, 300, "acme"), 8).effect, Effect::kApplied);
  EXPECT_EQ(Ingest(Deal("d1", 5, 400, "acme"), 8).effect, Effect::kApplied);
  EXPECT_EQ(Total("program", "won"), "1/400");
  Engine::View view(*engine_);
  EXPECT_EQ(view.header().conflicts, 1);
}

TEST_F(EngineTest, ADeletedDealCountsNowhereAndComesBackOnlyWithAHigherRevision) {
  Ingest(Partner("acme"));
  Ingest(Deal("d1", 1, 100, "acme"));
  Ingest("record_id: 'd1' revision: 2 deleted: true deal {}");
  EXPECT_EQ(Total("business", "won"), "0/0");
  EXPECT_EQ(Ingest(Deal("d1", 1, 100, "acme")).effect, Effect::kSuperseded);
  EXPECT_EQ(Ingest(Deal("d1", 3, 100, "acme")).effect, Effect::kApplied);
  EXPECT_EQ(Total("partner:crm:acme", "won"), "1/100");
  ExpectVerified();
}

TEST_F(EngineTest, ADealOfAnUnknownPartnerWaitsAndCountsOnceThePartnerIsStated) {
  EXPECT_TRUE(Ingest(Deal("d1", 1, 100, "acme")).unresolved);
  EXPECT_EQ(Total("business", "won"), "1/100");
  EXPECT_EQ(Total("program", "won"), "0/0");
  EXPECT_EQ(Total("direct", "won"), "0/0");  // it names a partner, so it is nobody's direct deal
  Ingest(Partner("acme"));
  EXPECT_EQ(Total("partner:crm:acme", "won_sourced"), "1/100");
  EXPECT_EQ(Total("program", "won_sourced"), "1/100");
  ExpectVerified();
}

TEST_F(EngineTest, AnAdminsAliasMovesFactsAndItsRemovalTakesThemBack) {
  Ingest(Partner("acme"));
  Ingest(Deal("d1", 1, 100, "legacy-77"));
  EXPECT_EQ(Alias("crm:acme", "external { source: 'crm' id: 'legacy-77' }").moved_facts, 1);
  EXPECT_EQ(Total("partner:crm:acme", "won"), "1/100");
  EXPECT_EQ(Alias("crm:acme", "external { source: 'crm' id: 'legacy-77' }", true).moved_facts, 1);
  EXPECT_EQ(Total("partner:crm:acme", "won"), "0/0");
  ExpectVerified();
}

TEST_F(EngineTest, ADomainOfTwoPartnersLeadsToNeither) {
  const std::string invoice =
      "record_id: 'i1' revision: 1 invoice { partner_refs { domain: 'Shared.example' } issued_at { seconds: 1700000000 "
      "}"
      " amount { units: 5 } }";
  Ingest("record_id: 'a' partner { name: 'A' domains: 'shared.example' }");
  Ingest(invoice);
  EXPECT_EQ(Total("partner:crm:a", "billed"), "1/5");
  Ingest("record_id: 'b' partner { name: 'B' domains: 'shared.example' }");
  EXPECT_EQ(Total("partner:crm:a", "billed"), "0/0");
  EXPECT_EQ(Total("direct", "billed"), "1/5");  // a mail domain alone makes no partner deal
  Ingest("record_id: 'b' revision: 1 deleted: true partner {}");
  EXPECT_EQ(Total("partner:crm:a", "billed"), "1/5");
  ExpectVerified();
}

TEST_F(EngineTest, FreeMailDomainsNeverLeadToAPartner) {
  Ingest("record_id: 'a' partner { name: 'A' domains: 'gmail.com' }");
  Ingest(
      "record_id: 'i1' invoice { partner_refs { domain: 'gmail.com' } issued_at { seconds: 1700000000 } amount { "
      "units: 5 } }");
  EXPECT_EQ(Total("partner:crm:a", "billed"), "0/0");
}

TEST_F(EngineTest, TheFirstReferenceThatIsKnownWins) {
  Ingest(Partner("a"));
  Ingest(Partner("b"));
  Ingest(
      "record_id: 'i1' invoice { partner_refs { external { source: 'billing' id: 'nobody' } } partner_refs { external {"
      " source: 'crm' id: 'b' } } partner_refs { external { source: 'crm' id: 'a' } } issued_at { seconds: 1700000000 }"
      " amount { units: 5 } }");
  EXPECT_EQ(Total("partner:crm:b", "billed"), "1/5");
  EXPECT_EQ(Total("partner:crm:a", "billed"), "0/0");
}

TEST_F(EngineTest, AMergedRecordLeadsToTheSurvivor) {
  Ingest(Partner("old"));
  Ingest(Partner("new"));
  Ingest(Deal("d1", 1, 100, "old"));
  EXPECT_EQ(Total("partner:crm:old", "won"), "1/100");
  Ingest("record_id: 'old' revision: 1 partner { name: 'Old' merged_into_id: 'new' }");
  EXPECT_EQ(Total("partner:crm:old", "won"), "0/0");
  EXPECT_EQ(Total("partner:crm:new", "won"), "1/100");
  ExpectVerified();
}

TEST_F(EngineTest, TheProgrammeSeesASourcedDealAndEachPartnerItsOwnRole) {
  Ingest(Partner("a"));
  Ingest(Partner("b"));
  Ingest(
      "record_id: 'd1' deal { outcome: DEAL_OUTCOME_WON closed_on { year: 2026 month: 3 day: 31 } amount { units: 100 }"
      " attributions { role: ATTRIBUTION_ROLE_INFLUENCED partner_refs { external { source: 'crm' id: 'a' } } }"
      " attributions { role: ATTRIBUTION_ROLE_SOURCED partner_refs { external { source: 'crm' id: 'b' } } } }");
  EXPECT_EQ(Total("program", "won_sourced"), "1/100");
  EXPECT_EQ(Total("partner:crm:a", "won_sourced"), "0/0");
  EXPECT_EQ(Total("partner:crm:b", "won_sourced"), "1/100");
  EXPECT_EQ(Total("partner:crm:a", "won"), "1/100");  // full credit in its own scope
}

TEST_F(EngineTest, SharesOfADealAddUpExactly) {
  for (const char* id : {"a", "b", "c"}) Ingest(Partner(id));
  std::string deal = "record_id: 'd1' deal { closed_on { year: 2026 month: 3 day: 31 } amount { units: 100 nanos: 1 }";
  for (const char* id : {"c", "a", "b"}) {
    absl::StrAppend(&deal, " attributions { partner_refs { external { source: 'crm' id: '", id, "' } } }");
  }
  Ingest(deal + " }");
  // A third each; what rounding leaves goes to the smallest id.
  EXPECT_EQ(Total("partner:crm:a", "credited"), "1/33.333333401");
  EXPECT_EQ(Total("partner:crm:b", "credited"), "1/33.3333333");
  EXPECT_EQ(Total("partner:crm:c", "credited"), "1/33.3333333");
  EXPECT_EQ(Total("program", "credited"), "1/100.000000001");
}

TEST_F(EngineTest, APartWaitsForItsRootAndTakesItsPartner) {
  Ingest(Partner("acme"));
  const std::string stage =
      "record_id: 's1' deal_stage { root_id: 'd1' stage: 'Proposal' entered_at { seconds: 1700000000 } amount { units: "
      "9 } }";
  Ingest(stage);
  EXPECT_EQ(Total("business", "stages"), "0/0");
  {
    Engine::View view(*engine_);
    EXPECT_EQ(view.header().waiting_parts, 1);
  }
  Ingest(Deal("d1", 1, 100, "acme"));
  EXPECT_EQ(Total("partner:crm:acme", "stages"), "1/9");
  Ingest("record_id: 'd1' revision: 2 deleted: true deal {}");
  EXPECT_EQ(Total("business", "stages"), "0/0");
  ExpectVerified();
}

// More than are stored as one value.
TEST_F(EngineTest, ManyPartsOfARootFollowIt) {
  const auto stage = [&](int number, const std::string& root, int revision = 1) {
    Ingest(absl::StrCat("record_id: 's", number, "' revision: ", revision, " deal_stage { root_id: '", root,
                        "' entered_at { seconds: 1700000000 } amount { units: 1 } }"));
  };
  const auto expect_stages = [&](const std::string& acme, const std::string& other) {
    EXPECT_EQ(Total("partner:crm:acme", "stages"), acme);
    EXPECT_EQ(Total("partner:crm:other", "stages"), other);
    {
      Engine::View view(*engine_);
      const auto facts = view.FactsOf("crm:acme", *FactSchemas::Get().Find("deal_stage"));
      ASSERT_TRUE(facts.ok()) << facts.status();
      EXPECT_EQ(absl::StrCat(facts->size(), "/", facts->size()), acme);
    }
    ExpectVerified();
  };
  Ingest(Partner("acme"));
  Ingest(Partner("other"));
  for (int i = 0; i < 20; ++i) stage(i * 7 % 40, "d1");
  Ingest(Deal("d1", 1, 100, "acme"));
  for (int i = 20; i < 40; ++i) stage(i * 7 % 40, "d1");
  expect_stages("40/40", "0/0");
  Ingest(Deal("d1", 2, 100, "other"));
  expect_stages("0/0", "40/40");
  Ingest(Deal("d2", 1, 100, "acme"));
  for (int i = 0; i < 40; i += 2) stage(i, "d2", 2);
  expect_stages("20/20", "20/20");
  for (int i = 1; i < 40; i += 4) Ingest(absl::StrCat("record_id: 's", i, "' revision: 3 deleted: true deal_stage {}"));
  Ingest(Deal("d1", 3, 100, "acme"));
  expect_stages("30/30", "0/0");
  ExpectReplayed();
}

TEST_F(EngineTest, AnInvoiceWithoutPartnerTakesThatOfItsCustomer) {
  Ingest(Partner("acme"));
  Ingest("record_id: 'i1' invoice { customer_id: 'c1' issued_at { seconds: 1700000000 } amount { units: 5 } }");
  Ingest("record_id: 'r1' refund { root_id: 'i1' refunded_at { seconds: 1700000000 } amount { units: 2 } }");
  EXPECT_EQ(Total("direct", "billed"), "1/5");
  Ingest("record_id: 'c1' customer { partner_refs { external { source: 'crm' id: 'acme' } } }");
  EXPECT_EQ(Total("direct", "billed"), "0/0");
  EXPECT_EQ(Total("partner:crm:acme", "billed"), "1/5");
  EXPECT_EQ(Total("partner:crm:acme", "refunded"), "1/2");
  Ingest("record_id: 'c1' revision: 1 deleted: true customer {}");
  EXPECT_EQ(Total("direct", "billed"), "1/5");
  EXPECT_EQ(Total("direct", "refunded"), "1/2");
  ExpectVerified();
}

TEST_F(EngineTest, ADealWithoutPartnerIsDirectWhoeverItsCustomerBelongsTo) {
  Ingest(Partner("acme"));
  Ingest("record_id: 'c1' customer { partner_refs { external { source: 'crm' id: 'acme' } } }");
  Ingest("record_id: 'd1' deal { customer_id: 'c1' closed_on { year: 2026 month: 1 day: 1 } }");
  EXPECT_EQ(Total("direct", "deals"), "1/0");
}

TEST_F(EngineTest, MoneyOfAnotherCurrencyWaitsAndTheCountGoesIn) {
  EXPECT_TRUE(Ingest("record_id: 'd1' deal { outcome: DEAL_OUTCOME_WON closed_on { year: 2026 month: 1 day: 1 }"
                     " amount { currency_code: 'EUR' units: 7 } }")
                  .parked);
  EXPECT_EQ(Total("business", "won"), "0/0");
  EXPECT_EQ(Total("business", "deals"), "1/0");
  {
    Engine::View view(*engine_);
    EXPECT_EQ(view.header().parked_facts, 1);
    const auto rows = view.Rows("business", {ParkedRowName("won"), "won", "unheard"});
    ASSERT_EQ(rows->size(), 3u);
    EXPECT_EQ((*rows)[0].UpTo(100'000).count, 1);  // shown beside the sum that lacks it
    EXPECT_EQ((*rows)[1].UpTo(100'000).count, 0);
    EXPECT_FALSE((*rows)[2].FirstDay().has_value());
  }
  ExpectVerified();
}

TEST_F(EngineTest, ACostWithoutPartnerBelongsToTheProgramme) {
  Ingest("record_id: 'c1' cost { incurred_on { year: 2026 month: 1 day: 1 } amount { units: 7 } }");
  EXPECT_EQ(Total("program", "costs"), "1/7");
  EXPECT_EQ(Total("direct", "costs"), "0/0");
}

TEST_F(EngineTest, AnInstantFallsOnTheDayOfTheProgrammesZone) {
  // 2026-01-01 03:00 UTC is still 2025 in New York.
  Define(kMeasures, "America/New_York");
  Ingest("record_id: 'i1' invoice { issued_at { seconds: 1767236400 } amount { units: 5 } }");
  EXPECT_EQ(UpTo("business", "billed", ToDay(absl::CivilDay(2025, 12, 31))), "1/5");
  Define(kMeasures, "UTC");  // the whole history is counted anew
  EXPECT_EQ(UpTo("business", "billed", ToDay(absl::CivilDay(2025, 12, 31))), "0/0");
  EXPECT_EQ(Total("business", "billed"), "1/5");
  ExpectVerified();
}

TEST_F(EngineTest, ANewMeasureCountsTheFactsThatAreThere) {
  Ingest(Partner("acme"));
  Ingest(Deal("d1", 1, 100, "acme"));
  Define(std::string(kMeasures) +
         R"pb(measures { id: "large" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" where: "amount >= 100" })pb");
  EXPECT_EQ(Total("partner:crm:acme", "large"), "1/0");
  EXPECT_EQ(Total("partner:crm:acme", "won"), "1/100");
  ExpectVerified();
}

TEST_F(EngineTest, AChangedMeasureForgetsWhatItCountedBefore) {
  Ingest(Partner("acme"));
  Ingest(Deal("d1", 1, 100, "acme"));
  Ingest(Deal("d2", 1, 5, "acme"));
  Define(R"pb(measures {
                id: "won"
                fact: "deal"
                kind: MEASURE_KIND_FLOW
                sum: "amount"
                at: "closed_on"
                where: "outcome == WON && amount > 50"
              })pb");
  EXPECT_EQ(Total("program", "won"), "1/100");
  ExpectVerified();
}

TEST_F(EngineTest, ADomainThatIsDeclaredSharedLeadsNowhereFromThenOn) {
  Ingest("record_id: 'a' partner { name: 'A' domains: 'a.example' }");
  Ingest(
      "record_id: 'i1' invoice { partner_refs { domain: 'a.example' } issued_at { seconds: 1700000000 } amount { "
      "units: 5 } }");
  EXPECT_EQ(Total("partner:crm:a", "billed"), "1/5");
  Define(kMeasures, "UTC", "a.example");
  EXPECT_EQ(Total("partner:crm:a", "billed"), "0/0");
  EXPECT_EQ(Total("direct", "billed"), "1/5");
  Define(kMeasures);
  EXPECT_EQ(Total("partner:crm:a", "billed"), "1/5");
  ExpectVerified();
}

TEST_F(EngineTest, AnotherProgrammeCurrencyCountsTheHistoryAnew) {
  Ingest(
      "record_id: 'd1' deal { outcome: DEAL_OUTCOME_WON closed_on { year: 2026 month: 1 day: 1 }"
      " amount { currency_code: 'EUR' units: 7 } }");
  EXPECT_EQ(Total("business", "won"), "0/0");
  Define(kMeasures, "UTC", "", "EUR");
  EXPECT_EQ(Total("business", "won"), "1/7");
  ExpectVerified();
}

TEST_F(EngineTest, RecordsThatMakeNoSenseHaveNoEffect) {
  Append(storage::RecordType::kEvent, "this is no event");
  Append(storage::RecordType::kRunPage, "");
  Engine::View view(*engine_);
  EXPECT_EQ(view.header().without_effect, 2);
  EXPECT_EQ(view.header().position, 3u);
}

TEST_F(EngineTest, StatementsOfAPeriodAreKeptInOrder) {
  const auto state = [&](uint32_t number) {
    log::v1::PeriodStatement statement;
    statement.set_period_id("month-2026-01-31");
    statement.set_number(number);
    Append(storage::RecordType::kPeriodStatement, statement.SerializeAsString());
  };
  state(0);
  state(0);  // is stated already
  state(2);  // the one before it is missing
  state(1);
  Append(storage::RecordType::kPeriodStatement, "this is no statement");
  Append(storage::RecordType::kPeriodValues, "");
  for (const bool restarted : {false, true}) {
    if (restarted) Open();
    Engine::View view(*engine_);
    EXPECT_EQ(view.header().without_effect, 3);
    log::v1::PeriodRecord period;
    ASSERT_TRUE(period.ParseFromString(**view.IndexValue(Index::kPeriod, "month-2026-01-31")));
    EXPECT_THAT(period.statements(), ::testing::ElementsAre(2, 5)) << "behind the definitions";
  }
}

TEST_F(EngineTest, ARestartGoesOnFromTheCheckpointAndReplaysTheRest) {
  Ingest(Partner("acme"));
  Ingest(Deal("d1", 1, 100, "acme"));
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Ingest(Deal("d2", 1, 50, "acme"));
  Open();
  EXPECT_EQ(Total("partner:crm:acme", "won"), "2/150");
}

TEST_F(EngineTest, RefusesAStateThatIsAheadOfTheLog) {
  Ingest(Partner("acme"));
  ASSERT_TRUE(engine_->Checkpoint().ok());
  MemoryLog shorter;
  const auto engine = Engine::Open({"test", 0, 0}, state_, shorter);
  ASSERT_FALSE(engine.ok());
  EXPECT_THAT(engine.status().message(), ::testing::HasSubstr("the log ends at 0"));
}

TEST_F(EngineTest, ACheckpointThatFailedIsMadeUpForByTheNext) {
  class FailingState : public MemoryState {
   public:
    absl::Status WriteCheckpoint(absl::Span<const storage::StateChange> changes) override {
      if (fail) return absl::ResourceExhaustedError("disk full");
      return MemoryState::WriteCheckpoint(changes);
    }
    bool fail = false;
  };
  FailingState state;
  engine_ = *Engine::Open({"test", size_t{1} << 20, size_t{1} << 30}, state, log_);
  ASSERT_TRUE(engine_->Replay([](uint64_t, uint64_t) {}).ok());
  Ingest(Partner("acme"));
  Ingest(Deal("d1", 1, 100, "acme"));
  state.fail = true;
  EXPECT_EQ(engine_->Checkpoint().code(), absl::StatusCode::kResourceExhausted);
  state.fail = false;
  Ingest(Deal("d2", 1, 20, "acme"));
  ASSERT_TRUE(engine_->Checkpoint().ok());
  engine_ = *Engine::Open({"test", size_t{1} << 20, size_t{1} << 30}, state, log_);
  EXPECT_EQ(Total("partner:crm:acme", "won"), "2/120");
  ExpectVerified();
}

TEST_F(EngineTest, AChangedNumberIsFoundByVerify) {
  Ingest(Partner("acme"));
  Ingest(Deal("d1", 1, 100, "acme"));
  ASSERT_TRUE(engine_->Checkpoint().ok());
  // Damage one stored cell, then let the engine read it.
  const std::string key = state_.table(storage::StateTable::kCells).begin()->first;
  CellPage page;
  page.Add({ToDay(absl::CivilDay(2026, 3, 31)), 1, 1, Nanos(101) * kNanosPerUnit});
  const NamedPage won{"won", &page, nullptr};
  ASSERT_TRUE(state_.WriteCheckpoint({{storage::StateTable::kCells, key, EncodeYear(2026, {&won, 1})}}).ok());
  Open();
  Engine::View view(*engine_);
  const auto verification = VerifyCells(view, "", 10);
  ASSERT_TRUE(verification.ok());
  EXPECT_FALSE(verification->differences.empty());
}

TEST_F(EngineTest, APartnerOfTwoSourcesCountsOnceWithTheFieldsOfBoth) {
  Define(
      R"pb(measures { id: "signed" fact: "partner" kind: MEASURE_KIND_STOCK from: "signed_on" }
           measures { id: "gold" fact: "partner" kind: MEASURE_KIND_STOCK from: "signed_on" where: "tier == 'Gold'" })pb");
  Ingest("record_id: 'a' partner { name: 'A' tier: 'Silver' signed_on { year: 2025 month: 1 day: 1 } }");
  EXPECT_EQ(Total("program", "signed"), "1/0");
  EXPECT_EQ(Total("program", "gold"), "0/0");
  Ingest("source: 'partnermetrics' record_id: 'crm:a' partner { tier: 'Gold' }");
  EXPECT_EQ(Total("program", "signed"), "1/0");
  EXPECT_EQ(Total("partner:crm:a", "gold"), "1/0");
  Ingest("source: 'partnermetrics' record_id: 'crm:a' revision: 1 deleted: true partner {}");
  EXPECT_EQ(Total("program", "gold"), "0/0");
  ExpectVerified();
}

}  // namespace
}  // namespace partnermetrics
