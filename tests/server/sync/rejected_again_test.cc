// Records that one run after another rejects.
#include <gmock/gmock.h>

#include "server/sync/known_rejects.h"
#include "server/sync/quarantine_edit.h"
#include "tests/server/sync/run_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::SizeIs;

class RejectedAgainTest : public RunTest {};

// Rejected by the connector, and by the server.
TestPage TwoBad(const std::string& raw = "1") {
  v1::EventBatch bad;
  TestPage::AddDeal(bad, "d1", -1);
  return std::move(TestPage().Reject("bad_number", raw).Events(bad.SerializeAsString()).Deal("d2").State("s"));
}

TEST_F(RejectedAgainTest, WhatIsRejectedAgainIsCountedAndStaysOneRecord) {
  for (const int64_t again : {0, 2, 2}) {
    auto run = Begin(/*full=*/true);
    ASSERT_TRUE(TwoBad().GiveTo(*run).ok());
    const v1::ConnectorRun ended = End(*run);
    EXPECT_EQ(ended.state(), v1::RUN_STATE_PARTIAL) << ended.error();
    EXPECT_EQ(ended.records_read(), 3);
    EXPECT_EQ(ended.records_rejected(), 1);
    EXPECT_EQ(ended.events().rejected(), 1);
    EXPECT_EQ(ended.records_rejected_again(), again);
    programs_.reset();
    programs_ = OpenPrograms(folder_.path());
  }
  const std::vector<v1::QuarantinedRecord> records = Quarantine();
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].origin().run_id(), "crm-000001") << "the first one stays as it is";
}

TEST_F(RejectedAgainTest, AnotherTextPlaceReasonOrConnectorIsAnotherRecord) {
  const std::string longer(kMaxRawBytes + 1, 'x');
  const std::vector<std::pair<std::string, TestPage>> pages = [&] {
    std::vector<std::pair<std::string, TestPage>> all;
    all.emplace_back("crm", std::move(TestPage().Reject("bad", longer)));
    all.emplace_back("crm", std::move(TestPage().Reject("bad", longer + "y")));  // beyond what is kept
    all.emplace_back("crm", std::move(TestPage().Skip("rule").Reject("bad", longer)));
    all.emplace_back("crm", std::move(TestPage().Reject("worse", longer)));
    all.emplace_back("other", std::move(TestPage().Reject("bad", longer)));
    return all;
  }();
  for (const int64_t again : {0, 1}) {
    for (const auto& [connector, page] : pages) {
      config_.name = connector;
      auto run = Begin(/*full=*/true);
      ASSERT_TRUE(page.GiveTo(*run).ok());
      EXPECT_EQ(End(*run).records_rejected_again(), again);
    }
    EXPECT_THAT(Quarantine(), SizeIs(5)) << "a row that changed is a new record, and the older one stays";
  }
}

TEST_F(RejectedAgainTest, TheSameTwiceInOneRunIsOneRecordAndNotAgain) {
  auto run = Begin();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(TwoBad().GiveTo(*run).ok());
  const v1::ConnectorRun ended = End(*run);
  EXPECT_EQ(ended.records_rejected(), 2);
  EXPECT_EQ(ended.records_rejected_again(), 0);
  EXPECT_THAT(Quarantine(), SizeIs(2));
}

TEST_F(RejectedAgainTest, WhatWasDiscardedDoesNotOpenAnewUntilItChanges) {
  auto run = Begin();
  ASSERT_TRUE(TwoBad().GiveTo(*run).ok());
  End(*run);
  v1::DiscardQuarantineRequest discard;
  discard.set_all(true);
  discard.set_note("test data");
  ASSERT_EQ(DiscardQuarantine(*programs_, discard)->records(), 2);
  ASSERT_EQ(*ExpireQuarantine(program().log(), absl::InfiniteFuture(), std::atomic<bool>(false)), 2)
      << "it is known without its text, too";
  run = Begin(/*full=*/true);
  ASSERT_TRUE(TwoBad().GiveTo(*run).ok());
  EXPECT_EQ(End(*run).records_rejected_again(), 2);
  EXPECT_THAT(Quarantine(), SizeIs(0));
  run = Begin(/*full=*/true);
  ASSERT_TRUE(TwoBad("2").GiveTo(*run).ok());
  EXPECT_EQ(End(*run).records_rejected_again(), 1);
  EXPECT_THAT(Quarantine(), SizeIs(1));
}

// Its page had no state, so that its counts are lost and it is read again; what it rejected is there.
TEST_F(RejectedAgainTest, ARejectThatIsReadAgainAfterAKillIsThereOnceAndNoRepetition) {
  auto run = Begin(/*full=*/true);
  ASSERT_TRUE(TestPage().Reject("bad", "0").State("s").GiveTo(*run).ok());
  ASSERT_TRUE(TestPage().Reject("bad", "1").Reject("bad", "2").GiveTo(*run).ok());
  run.reset();
  programs_.reset();
  programs_ = OpenPrograms(folder_.path());
  EXPECT_THAT(Quarantine(), SizeIs(3));
  run = Begin(/*full=*/true);
  ASSERT_TRUE(TestPage().Reject("bad", "1").Reject("bad", "2").Reject("bad", "3").State("t").GiveTo(*run).ok());
  v1::ConnectorRun ended = End(*run);
  EXPECT_EQ(ended.run_id(), "crm-000001");
  EXPECT_EQ(ended.records_rejected(), 4);
  EXPECT_EQ(ended.records_rejected_again(), 0) << "as if nothing had been killed";
  EXPECT_THAT(Quarantine(), SizeIs(4));

  // A repetition that is killed goes on counting as one.
  run = Begin(/*full=*/true);
  ASSERT_TRUE(TestPage().Reject("bad", "0").State("s").GiveTo(*run).ok());
  run.reset();
  run = Begin(/*full=*/true);
  ASSERT_TRUE(TestPage().Reject("bad", "1").Reject("bad", "2").Reject("bad", "3").State("t").GiveTo(*run).ok());
  ended = End(*run);
  EXPECT_EQ(ended.run_id(), "crm-000002");
  EXPECT_EQ(ended.records_rejected(), 4);
  EXPECT_EQ(ended.records_rejected_again(), 4);
  EXPECT_THAT(Quarantine(), SizeIs(4));
}

TEST_F(RejectedAgainTest, WhatIsInQuarantineAlreadyNeedsNoRoomThere) {
  for (const int64_t again : {0, 2, 2}) {
    auto run = Begin(/*full=*/true);
    ASSERT_TRUE(TwoBad().GiveTo(*run).ok());
    EXPECT_EQ(End(*run).records_rejected_again(), again);
    // All that is there now, and for a run less than it rejects.
    options_.max_open_quarantine_bytes = KnownRejects::Read(program().log(), "crm", "")->open_bytes();
    options_.limits.set_quarantine_bytes(1);
  }
  auto run = Begin();
  EXPECT_EQ(TwoBad("2").GiveTo(*run).code(), absl::StatusCode::kResourceExhausted);
  End(*run);
  EXPECT_THAT(Quarantine(), SizeIs(2)) << "and what is new still does";
}

}  // namespace
}  // namespace partnermetrics
