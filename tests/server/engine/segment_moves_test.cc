// Partners of many facts that move to other segments: worked off step by step, while other records come in between.
#include "server/engine/segment_moves.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kMeasures[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" }
  measures { id: "sourced" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "role == SOURCED" }
  measures { id: "partners" fact: "partner" kind: MEASURE_KIND_STOCK from: "signed_on" }
)pb";
constexpr int kFacts = 12;

class SegmentMovesTest : public EngineFixture {
 protected:
  // Two partners, each of which has every second one of twelve deals.
  void SetUp() override {
    facts_at_once_ = 2;
    EngineFixture::SetUp();
    Program("segments { attribute: 'tier' membership: SEGMENT_MEMBERSHIP_AS_IS }");
    Partner("p", "Silver", 1);
    Partner("q", "Silver", 1);
    for (int i = 0; i < kFacts; ++i) Deal(i, i % 2 == 0 ? "p" : "q");
    FinishJobs();
  }

  void Program(const std::string& segments) {
    log::v1::Definitions definitions;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        absl::StrCat("id: 'test' display_name: 'Test' currency_code: 'USD' time_zone: 'UTC' ", segments),
        definitions.mutable_program()));
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(kMeasures, definitions.mutable_catalog()));
    Append(storage::RecordType::kDefinitions, definitions.SerializeAsString());
  }
  Applied Partner(const std::string& id, const std::string& tier, int revision) {
    return Ingest(absl::StrCat("record_id: '", id, "' revision: ", revision, " partner { name: '", id, "' tier: '",
                               tier, "' region: '", tier, "' signed_on { year: 2026 month: 3 day: 1 } }"));
  }
  // Deal number `id` of 100 dollars, of these partners.
  void Deal(int id, const std::string& partner, const std::string& also = "", int revision = 1) {
    std::string attributions;
    for (const std::string& name : {partner, also}) {
      if (name.empty()) continue;
      absl::StrAppend(&attributions, " attributions { role: ATTRIBUTION_ROLE_SOURCED partner_refs { external { id: '",
                      name, "' } } }");
    }
    Ingest(absl::StrCat("record_id: 'd", id + 100, "' revision: ", revision, " deal { amount { units: 100 }",
                        " closed_on { year: 2026 month: 5 day: 2 } ", attributions, " }"));
  }
  void FinishJobs() {
    while (engine_->HasJobs()) Step(3);
  }
  log::v1::JobRecord LastJob() { return Engine::View(*engine_).Jobs()->back(); }
  std::string In(const std::string& tier) { return Total(SegmentScope("tier", tier), "won"); }
  void ExpectWhole() {
    FinishJobs();
    ExpectVerified();
    ExpectReplayed();
    EXPECT_EQ(Engine::View(*engine_).incomplete(), nullptr);
  }
};

TEST_F(SegmentMovesTest, ManyFactsMoveInSteps) {
  const Applied applied = Partner("p", "Gold", 2);
  EXPECT_EQ(applied.job, log_.last_position());
  EXPECT_EQ(LastJob().kind(), v1::JOB_KIND_PARTNER);
  const std::string begun = In("Silver");
  Step(2);
  EXPECT_NE(In("Silver"), begun);
  EXPECT_NE(In("Gold"), "6/600") << "more than one step is left";
  FinishJobs();
  EXPECT_EQ(In("Gold"), "6/600");
  EXPECT_EQ(In("Silver"), "6/600");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, FewFactsMoveAtOnce) {
  facts_at_once_ = 100;
  Open();
  EXPECT_EQ(Partner("p", "Gold", 2).job, 0u);
  EXPECT_EQ(In("Gold"), "6/600");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, OnlySegmentsHaveNoValueMeanwhile) {
  Partner("p", "Gold", 2);
  const std::shared_ptr<const Incomplete> incomplete = Engine::View(*engine_).incomplete();
  ASSERT_NE(incomplete, nullptr);
  EXPECT_THAT(incomplete->attributes, ElementsAre("tier"));
  EXPECT_FALSE(incomplete->all);
  const int won = Engine::View(*engine_).catalog()->FindMeasure("won")->index;
  EXPECT_FALSE(incomplete->HasMeasure(won, /*in_business=*/true));
  EXPECT_FALSE(incomplete->HasMeasure(won, /*in_business=*/false));
  EXPECT_EQ(Total("partner:crm:p", "won"), "6/600");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, ThePartnerItselfMovesAtOnce) {
  Partner("p", "Gold", 2);
  EXPECT_EQ(Total(SegmentScope("tier", "Gold"), "partners"), "1/0");
  EXPECT_EQ(Total(SegmentScope("tier", "Silver"), "partners"), "1/0");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, EventsMeanwhileCountOnceWhetherTheirFactHasMovedOrNot) {
  Partner("p", "Gold", 2);
  Step(2);
  Deal(0, "p", "q", 2);   // moved, and another partner's, too
  Deal(10, "p", "q", 2);  // not yet
  Deal(2, "q", "", 2);    // moved, and no longer the partner's
  Deal(8, "q", "", 2);    // not yet
  Deal(1, "p", "", 2);    // the partner's only now, behind the place and before it
  Deal(11, "p", "", 2);
  Deal(-50, "p");  // new
  Deal(50, "p");
  FinishJobs();
  EXPECT_EQ(In("Gold"), "8/800");
  EXPECT_EQ(In("Silver"), "8/800");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, APartnerThatMovesAgainMeanwhileBeginsAnew) {
  Partner("p", "Gold", 2);
  Step(2);
  Partner("p", "Platinum", 3);
  Step(1);
  Partner("p", "Bronze", 4);
  Partner("p", "Gold", 5);
  Step(1);
  Deal(0, "p", "q", 2);
  Deal(10, "p", "q", 2);
  FinishJobs();
  EXPECT_EQ(In("Gold"), "6/600");
  for (const char* tier : {"Platinum", "Bronze"}) EXPECT_EQ(In(tier), "0/0");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, PartnersOfTheSameFactsMoveOneAfterTheOther) {
  for (int i = 0; i < kFacts; ++i) Deal(i, "p", "q", 2);
  Partner("p", "Gold", 2);
  Step(2);
  Partner("q", "Bronze", 2);
  Step(3);
  FinishJobs();
  EXPECT_EQ(In("Gold"), "12/1200");
  EXPECT_EQ(In("Bronze"), "12/1200");
  EXPECT_EQ(In("Silver"), "0/0");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, APartnerIsMergedAwayAndBackWhileItMoves) {
  Partner("p", "Gold", 2);
  Step(2);
  Ingest("record_id: 'p' revision: 3 partner { name: 'p' merged_into_id: 'crm:q' }");
  Step(1);
  Partner("p", "Bronze", 4);
  Step(1);
  FinishJobs();
  EXPECT_EQ(In("Bronze"), "6/600");
  EXPECT_EQ(In("Silver"), "6/600");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, SegmentsAreDeclaredOtherwiseMeanwhile) {
  Partner("p", "Gold", 2);
  Step(2);
  Program(
      "segments { attribute: 'region' membership: SEGMENT_MEMBERSHIP_AS_IS }"
      "segments { attribute: 'tier' membership: SEGMENT_MEMBERSHIP_AS_WAS }");
  Step(2);
  Partner("q", "Gold", 2);
  Partner("p", "Bronze", 3);
  FinishJobs();
  EXPECT_EQ(Total(SegmentScope("region", "Bronze"), "won"), "6/600");
  EXPECT_EQ(Total(SegmentScope("region", "Gold"), "won"), "6/600");
  ExpectWhole();
  Partner("p", "Gold", 4);
  Step(2);
  Program("");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, AMoveGoesOnWhereTheStateStandsAfterARestart) {
  Partner("p", "Gold", 2);
  Step(2);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Step(1);
  Open();  // the second step is replayed
  EXPECT_TRUE(engine_->HasJobs());
  Deal(0, "p", "q", 2);
  Deal(10, "p", "q", 2);
  FinishJobs();
  EXPECT_EQ(In("Gold"), "6/600");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, AStepThatIsNotAppendedLeavesNothing) {
  Partner("p", "Gold", 2);
  Step(2);
  log::v1::JobStep step;
  step.set_facts(1'000);
  storage::LogRecord record;
  record.type = storage::RecordType::kJobStep;
  record.position = log_.last_position() + 1;
  record.payload = step.SerializeAsString();
  ASSERT_TRUE(engine_->Apply(record).ok());
  EXPECT_FALSE(engine_->HasJobs());
  ASSERT_TRUE(engine_->Discard().ok());
  EXPECT_TRUE(engine_->HasJobs());
  FinishJobs();
  EXPECT_EQ(In("Gold"), "6/600");
  ExpectWhole();
}

TEST_F(SegmentMovesTest, NothingIsLeftOfAMoveThatIsDone) {
  Partner("p", "Gold", 2);
  ExpectWhole();
  std::vector<std::string> left;
  ASSERT_TRUE(Engine::View(*engine_)
                  .ScanIndex(Index::kSegmentMove, "",
                             [&](absl::string_view key, absl::string_view) {
                               left.emplace_back(key);
                               return true;
                             })
                  .ok());
  EXPECT_THAT(left, IsEmpty());
}

}  // namespace
}  // namespace partnermetrics
