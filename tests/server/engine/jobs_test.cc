// Changes that concern many facts: worked off step by step, while other records come in between.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr char kWon[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "outcome == WON" }
)pb";
constexpr char kWonAndLost[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "outcome == WON" }
  measures { id: "lost" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "outcome == LOST" }
)pb";
constexpr char kCreated[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "date(created_at)" }
)pb";

class JobsTest : public EngineFixture {
 protected:
  void SetUp() override {
    facts_at_once_ = 0;
    EngineFixture::SetUp();
  }

  // Deal number `id` of 100 dollars, created at 2 o'clock of 1 March 2024, UTC.
  void Deal(int id, int revision, const std::string& outcome, const std::string& partner = "a") {
    Ingest(absl::StrCat("record_id: 'd", id, "' revision: ", revision, " deal { outcome: DEAL_OUTCOME_", outcome,
                        " amount { currency_code: 'USD' units: ", 100 * revision,
                        " } created_at { seconds: 1709258400 } closed_on { year: 2024 month: 5 day: 2 }"
                        " attributions { role: ATTRIBUTION_ROLE_SOURCED partner_refs { external { id: '",
                        partner, "' } } } }"));
  }
  void Partner(const std::string& id) {
    Ingest(absl::StrCat("record_id: '", id, "' revision: 1 partner { name: '", id, "' }"));
  }
  void FinishJobs() {
    while (engine_->HasJobs()) Step(3);
  }
  std::vector<log::v1::JobRecord> Jobs() {
    Engine::View view(*engine_);
    return *view.Jobs();
  }
  bool HasMeasure(const std::string& id) {
    Engine::View view(*engine_);
    return view.catalog() != nullptr && view.catalog()->FindMeasure(id) != nullptr;
  }
};

TEST_F(JobsTest, AMeasureIsAddedInStepsAndComesIntoForceWhenItIsWhole) {
  Define(kWon);
  FinishJobs();
  for (int i = 0; i < 7; ++i) Deal(i, 1, i % 2 == 0 ? "WON" : "LOST");
  Define(kWonAndLost);
  Step(3);
  EXPECT_FALSE(HasMeasure("lost"));
  EXPECT_EQ(Total("business", "won"), "4/400") << "what does not change is whole at any time";
  EXPECT_EQ(Jobs().back().done(), 3);
  EXPECT_EQ(Jobs().back().total(), 7);
  FinishJobs();
  EXPECT_EQ(Total("business", "lost"), "3/300");
  EXPECT_TRUE(Jobs().back().finished());
  ExpectVerified();
  ExpectReplayed();
}

TEST_F(JobsTest, EventsMeanwhileCountOnceWhetherTheirFactWasTakenOverOrNot) {
  Define(kWonAndLost);
  FinishJobs();
  for (int i = 0; i < 6; ++i) Deal(i, 1, "LOST");
  Define(kCreated);
  Step(3);
  Deal(1, 2, "WON");   // taken over
  Deal(4, 2, "WON");   // not yet
  Deal(0, 2, "LOST");  // taken over
  Deal(9, 1, "WON");   // new, behind all
  Deal(10, 1, "WON");  // new, before the place that is reached
  FinishJobs();
  EXPECT_EQ(Total("business", "won"), "8/1100");
  ExpectVerified();
  ExpectReplayed();
}

TEST_F(JobsTest, WhatAJobChangesSaysSoUntilItIsDone) {
  Define(kWonAndLost);
  FinishJobs();
  for (int i = 0; i < 4; ++i) Deal(i, 1, "LOST");
  Define(kWon);
  Step(2);
  {
    Engine::View view(*engine_);
    ASSERT_NE(view.incomplete(), nullptr);
    EXPECT_FALSE(view.incomplete()->all);
    EXPECT_THAT(view.incomplete()->measures, ElementsAre(view.catalog()->FindMeasure("lost")->index == 0,
                                                         view.catalog()->FindMeasure("lost")->index == 1));
  }
  FinishJobs();
  EXPECT_EQ(Engine::View(*engine_).incomplete(), nullptr);
  ExpectVerified();
}

TEST_F(JobsTest, AnAliasMovesManyFactsInSteps) {
  Define(kWon);
  Partner("p");
  FinishJobs();
  for (int i = 0; i < 5; ++i) Deal(i, 1, "WON");
  const Applied applied = Alias("crm:p", "external { id: 'a' }");
  EXPECT_EQ(applied.job, log_.last_position());
  EXPECT_EQ(Total("partner:crm:p", "won"), "0/0");
  Step(2);
  EXPECT_EQ(Total("partner:crm:p", "won"), "2/200");
  Deal(0, 2, "WON");
  Deal(4, 2, "WON");
  Deal(7, 1, "WON");
  EXPECT_EQ(Total("partner:crm:p", "won"), "4/600") << "an event is resolved by the alias at once";
  FinishJobs();
  EXPECT_EQ(Total("partner:crm:p", "won"), "6/800");
  EXPECT_EQ(Jobs().back().kind(), v1::JOB_KIND_ALIAS);
  ExpectVerified();
  ExpectReplayed();
}

TEST_F(JobsTest, WhatHangsOnTheFactsOfAStepDoesNotPileUp) {
  Define(kWon);
  Partner("p");
  FinishJobs();
  for (int i = 0; i < 8; ++i) {
    Ingest(absl::StrCat("record_id: 'd", i, "' revision: 1 deal { outcome: DEAL_OUTCOME_WON customer_id: 'c", i,
                        "' amount { currency_code: 'USD' units: 100 } closed_on { year: 2024 month: 5 day: 2 }"
                        " attributions { partner_refs { external { id: 'a' } } } }"));
  }
  Alias("crm:p", "external { id: 'a' }");
  while (engine_->HasJobs()) {
    Step(2);
    EXPECT_LE(Jobs().back().ranges_size(), 3) << "the customers of two deals, and what is left of the alias";
  }
  EXPECT_EQ(Total("partner:crm:p", "won"), "8/800");
  ExpectVerified();
  ExpectReplayed();
}

TEST_F(JobsTest, WhosePartnersFactsAreMakesNoDifferenceToTheBusiness) {
  Define(R"pb(
    measures { id: "partners" fact: "partner" kind: MEASURE_KIND_STOCK from: "signed_on" }
    measures { id: "sourced" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" where: "role == SOURCED" }
    measures { id: "staff" fact: "headcount" kind: MEASURE_KIND_FLOW sum: "fte" at: "starts_on" }
    measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" }
  )pb");
  Partner("p");
  FinishJobs();
  for (int i = 0; i < 3; ++i) Deal(i, 1, "WON");
  Alias("crm:p", "external { id: 'a' }");
  Step(1);
  const std::shared_ptr<const Incomplete> incomplete = Engine::View(*engine_).incomplete();
  ASSERT_NE(incomplete, nullptr);
  const auto has = [&](const std::string& measure, bool in_business) {
    return incomplete->HasMeasure(Engine::View(*engine_).catalog()->FindMeasure(measure)->index, in_business);
  };
  EXPECT_TRUE(has("won", false));
  EXPECT_FALSE(has("won", true)) << "the business has every deal";
  EXPECT_EQ(Total("business", "won"), "3/300");
  EXPECT_TRUE(has("sourced", true)) << "a role is one only of a partner that is known";
  EXPECT_FALSE(has("partners", false)) << "they are counted at one go";
  EXPECT_FALSE(has("staff", false)) << "never has a partner";
}

TEST_F(JobsTest, ARateLeavesWhatHasNoMoneyAsItIs) {
  Define(R"pb(
    measures { id: "answers" fact: "survey_response" kind: MEASURE_KIND_FLOW at: "responded_on" }
    measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" }
  )pb");
  FinishJobs();
  for (int i = 0; i < 3; ++i) {
    Ingest(absl::StrCat("record_id: 'd", i, "' revision: 1 deal { outcome: DEAL_OUTCOME_WON amount { currency_code: ",
                        "'EUR' units: 100 } closed_on { year: 2024 month: 5 day: 2 } }"));
  }
  Ingest(
      "record_id: 'r' revision: 1 fx_rate { from_currency: 'EUR' to_currency: 'USD' rate { units: 2 } "
      "effective_on { year: 2024 month: 5 day: 1 } }");
  Step(1);
  const std::shared_ptr<const Incomplete> incomplete = Engine::View(*engine_).incomplete();
  ASSERT_NE(incomplete, nullptr);
  const auto catalog = Engine::View(*engine_).catalog();
  EXPECT_TRUE(incomplete->HasMeasure(catalog->FindMeasure("won")->index, /*in_business=*/true));
  EXPECT_FALSE(incomplete->HasMeasure(catalog->FindMeasure("answers")->index, /*in_business=*/false));
  FinishJobs();
  EXPECT_EQ(Total("business", "won"), "3/600");
}

TEST_F(JobsTest, JobsThatMeetOnTheSameFactsGiveWhatOneAfterTheOtherWould) {
  Define(kWonAndLost);
  Partner("p");
  Partner("q");
  FinishJobs();
  for (int i = 0; i < 6; ++i) Deal(i, 1, "WON");
  Alias("crm:p", "external { id: 'a' }");
  Step(2);
  Define(kCreated, "America/New_York");
  Step(1);
  Alias("crm:p", "external { id: 'a' }", /*removed=*/true);
  Alias("crm:q", "external { id: 'a' }");
  Define(kWon, "Asia/Tokyo");
  EXPECT_THAT(Jobs(), SizeIs(8)) << "three done: the first definitions and the partners'; five open";
  FinishJobs();
  EXPECT_EQ(Total("partner:crm:p", "won"), "0/0");
  EXPECT_EQ(Total("partner:crm:q", "won"), "6/600");
  ExpectVerified();
  ExpectReplayed();
}

TEST_F(JobsTest, PartnersThatChangeMeanwhileCountOnceWhetherTheyWereTakenOverOrNot) {
  constexpr char kPartners[] = R"pb(
    measures { id: "partners" fact: "partner" kind: MEASURE_KIND_STOCK from: "signed_on" $UNTIL }
  )pb";
  const auto sign = [this](const std::string& id, int day) {
    Ingest(absl::StrCat("record_id: '", id, "' revision: ", day, " partner { name: '", id,
                        "' signed_on { year: 2024 month: 3 day: ", day, " } }"));
  };
  Define(absl::StrReplaceAll(kPartners, {{"$UNTIL", ""}}));
  for (const char* id : {"p", "q", "r"}) sign(id, 1);
  FinishJobs();
  Define(absl::StrReplaceAll(kPartners, {{"$UNTIL", "until: 'signed_on + days(10)'"}}));
  Step(4);  // the three records and the first partner
  sign("p", 2);
  sign("q", 2);
  FinishJobs();
  EXPECT_EQ(UpTo("business", "partners", ToDay(absl::CivilDay(2024, 3, 1))), "1/0");
  EXPECT_EQ(UpTo("business", "partners", ToDay(absl::CivilDay(2024, 3, 2))), "3/0");
  EXPECT_EQ(Total("business", "partners"), "0/0");
  ExpectVerified();
  ExpectReplayed();
}

TEST_F(JobsTest, AnotherTimeZoneMovesEachFactToItsDay) {
  Define(kCreated);
  FinishJobs();
  for (int i = 0; i < 5; ++i) Deal(i, 1, "WON");
  const Day first_of_march = ToDay(absl::CivilDay(2024, 3, 1));
  EXPECT_EQ(UpTo("business", "won", first_of_march - 1), "0/0");
  Define(kCreated, "America/New_York");
  Step(2);
  EXPECT_TRUE(Engine::View(*engine_).incomplete()->all) << "neither the old days nor the new ones";
  EXPECT_EQ(UpTo("business", "won", first_of_march - 1), "2/200");
  FinishJobs();
  EXPECT_EQ(UpTo("business", "won", first_of_march - 1), "5/500");
  ExpectVerified();
  ExpectReplayed();
}

TEST_F(JobsTest, AJobGoesOnWhereTheStateStandsAfterARestart) {
  Define(kWon);
  FinishJobs();
  for (int i = 0; i < 9; ++i) Deal(i, 1, "LOST");
  Define(kWonAndLost);
  Step(2);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Step(2);
  Open();  // the second step is replayed
  EXPECT_TRUE(engine_->HasJobs());
  EXPECT_EQ(Jobs().back().done(), 4);
  Deal(1, 2, "LOST");
  Deal(8, 2, "LOST");
  FinishJobs();
  EXPECT_EQ(Total("business", "lost"), "9/1100");
  ExpectVerified();
  ExpectReplayed();
}

TEST_F(JobsTest, AStepThatIsNotAppendedLeavesNothing) {
  Define(kWon);
  FinishJobs();
  for (int i = 0; i < 4; ++i) Deal(i, 1, "LOST");
  Define(kWonAndLost);
  log::v1::JobStep step;
  step.set_facts(10);
  storage::LogRecord record;
  record.type = storage::RecordType::kJobStep;
  record.position = log_.last_position() + 1;
  record.payload = step.SerializeAsString();
  ASSERT_TRUE(engine_->Apply(record).ok());
  EXPECT_FALSE(engine_->HasJobs());
  ASSERT_TRUE(engine_->Discard().ok());
  EXPECT_TRUE(engine_->HasJobs());
  EXPECT_FALSE(HasMeasure("lost"));
  FinishJobs();
  EXPECT_EQ(Total("business", "lost"), "4/400");
  ExpectVerified();
  ExpectReplayed();
}

TEST_F(JobsTest, AnAliasThatIsNotAppendedLeadsNowhere) {
  Define(kWon);
  Partner("p");
  FinishJobs();
  Deal(0, 1, "WON");
  log::v1::AliasChange change;
  change.set_partner_id("crm:p");
  change.mutable_alias()->mutable_external()->set_id("a");
  storage::LogRecord record;
  record.type = storage::RecordType::kAlias;
  record.position = log_.last_position() + 1;
  record.payload = change.SerializeAsString();
  ASSERT_TRUE(engine_->Apply(record).ok());
  log::v1::JobStep step;
  step.set_facts(10);
  record.type = storage::RecordType::kJobStep;
  ++record.position;
  record.payload = step.SerializeAsString();
  ASSERT_TRUE(engine_->Apply(record).ok());
  ASSERT_TRUE(engine_->Discard().ok());
  Deal(1, 1, "WON");
  EXPECT_EQ(Total("partner:crm:p", "won"), "0/0");
  ExpectVerified();
  ExpectReplayed();
}

TEST_F(JobsTest, WhatConcernsFewFactsNeedsNoJob) {
  facts_at_once_ = 100;
  Open();
  Define(kWon);
  Partner("p");
  for (int i = 0; i < 5; ++i) Deal(i, 1, "WON");
  const Applied applied = Alias("crm:p", "external { id: 'a' }");
  EXPECT_EQ(applied.job, 0u);
  EXPECT_EQ(applied.moved_facts, 5);
  Define(kWonAndLost);
  EXPECT_FALSE(engine_->HasJobs());
  EXPECT_TRUE(HasMeasure("lost"));
  ExpectVerified();
  ExpectReplayed();
}

}  // namespace
}  // namespace partnermetrics
