// Records in quarantine, read again by the plugin that rejected them.
#include "tests/server/sync/connectors_fixture.h"

#include "server/sync/quarantine.h"

namespace partnermetrics {
namespace {

using storage::RecordType;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ReplayTest : public ConnectorsTest {
 protected:
  // 100 records, of which every tenth is rejected and every 25th refused by the server: 25 and 75.
  void SetUp() override {
    ConnectorsTest::SetUp();
    Configure({Counter("crm", {{"records", "100"}, {"reject_every", "10"}, {"refuse_every", "25"}})});
    ASSERT_EQ(RunToEnd("crm").state(), v1::RUN_STATE_PARTIAL);
    ASSERT_EQ(Open(), 12);
  }

  int64_t Open(v1::QuarantineState state = v1::QUARANTINE_STATE_OPEN) {
    v1::ListQuarantineRequest request;
    request.set_state(state);
    const auto list = ListQuarantine(*programs_, request);
    EXPECT_TRUE(list.ok()) << list.status();
    return list.ok() ? list->total_size() : -1;
  }

  v1::ReplayResult ReplayAll() {
    v1::ReplayQuarantineRequest request;
    request.set_all(true);
    return ReplayOnly(request);
  }
  v1::ReplayResult ReplayOnly(const v1::ReplayQuarantineRequest& request) {
    const auto response = connectors_->ReplayQuarantine(request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok() || response->results_size() != 1) return {};
    EXPECT_EQ(response->position(), program().log().last_position());
    return response->results(0);
  }
};

TEST_F(ReplayTest, WhatPassesNowLeavesWithATraceAndIsCounted) {
  Configure({Counter("crm", {{"records", "100"}})});
  const v1::ReplayResult result = ReplayAll();
  EXPECT_EQ(result.connector(), "crm");
  EXPECT_EQ(result.run_id(), "crm-000002");
  EXPECT_EQ(result.passed(), 12);
  EXPECT_EQ(result.rejected_again() + result.not_found(), 0);
  ExpectEachOnce(100);
  EXPECT_EQ(Open(), 0);
  EXPECT_EQ(Open(v1::QUARANTINE_STATE_REPLAYED), 12);

  const auto record = GetQuarantinedRecord(*programs_, 1);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->state(), v1::QUARANTINE_STATE_REPLAYED);
  EXPECT_EQ(record->raw(), "") << "the record is in the log now";
  ASSERT_EQ(record->history_size(), 1);
  EXPECT_EQ(record->history(0).action(), v1::QUARANTINE_ACTION_PASSED);
  EXPECT_EQ(record->history(0).run_id(), "crm-000002");

  const std::vector<v1::ConnectorRun> runs = Runs();
  ASSERT_THAT(runs, SizeIs(2));
  EXPECT_EQ(runs[0].trigger(), v1::RUN_TRIGGER_REPLAY);
  EXPECT_EQ(runs[0].state(), v1::RUN_STATE_SUCCEEDED) << runs[0].error();
  EXPECT_EQ(runs[0].records_read(), 12);
  EXPECT_EQ(runs[0].events().applied(), 12);
  EXPECT_EQ(RunToEnd("crm").records_read(), 0) << "the connector goes on where it stood";
}

TEST_F(ReplayTest, EventsOfAReplayNameItsRunAndThePlace) {
  Configure({Counter("crm", {{"records", "100"}})});
  ReplayAll();
  v1::Event event;
  ASSERT_TRUE(event.ParseFromString(Log(RecordType::kEvent).back().payload));
  EXPECT_EQ(event.origin().run_id(), "crm-000002");
  EXPECT_EQ(event.origin().file(), "numbers.csv");
  EXPECT_EQ(event.origin().row(), 100U);
  EXPECT_EQ(Log(RecordType::kEvent).back().sequence, 2U);
}

TEST_F(ReplayTest, WhatIsRejectedAgainStaysAndSaysSo) {
  const v1::ReplayResult result = ReplayAll();
  EXPECT_EQ(result.passed(), 0);
  EXPECT_EQ(result.rejected_again(), 12);
  EXPECT_EQ(Open(), 12) << "no second entry for the same record";
  const auto record = GetQuarantinedRecord(*programs_, 1);
  ASSERT_EQ(record->history_size(), 1);
  EXPECT_EQ(record->history(0).action(), v1::QUARANTINE_ACTION_REJECTED_AGAIN);
  EXPECT_EQ(record->history(0).message(), "amount: bad_number: the amount is no number");
  EXPECT_EQ(record->raw(), "row 10");
  EXPECT_EQ(Runs()[0].state(), v1::RUN_STATE_PARTIAL);
}

TEST_F(ReplayTest, WhatPassedAndIsRejectedLaterIsANewRecord) {
  const auto bad = Counter("crm", {{"records", "100"}, {"reject_every", "10"}, {"refuse_every", "25"}});
  Configure({Counter("crm", {{"records", "100"}})});
  ASSERT_EQ(ReplayAll().passed(), 12);
  Configure({bad});
  EXPECT_EQ(RunToEnd("crm", /*full=*/true).records_rejected_again(), 0);
  EXPECT_EQ(Open(), 12);
  EXPECT_EQ(Open(v1::QUARANTINE_STATE_REPLAYED), 12);
  EXPECT_EQ(RunToEnd("crm", /*full=*/true).records_rejected_again(), 12);
  EXPECT_EQ(Open(), 12);
}

TEST_F(ReplayTest, ByReasonByRunAndByNumber) {
  Configure({Counter("crm", {{"records", "100"}})});
  v1::ReplayQuarantineRequest request;
  EXPECT_EQ(connectors_->ReplayQuarantine(request).status().code(), absl::StatusCode::kInvalidArgument);
  request.set_reason("out_of_range");
  EXPECT_EQ(ReplayOnly(request).passed(), 2) << "those that the server refused";
  request.Clear();
  request.add_records(1);
  EXPECT_EQ(ReplayOnly(request).passed(), 1);
  const absl::Status again = connectors_->ReplayQuarantine(request).status();
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(again.message(), HasSubstr("record 1 (replayed "));
  request.add_records(999);
  const absl::Status unknown = connectors_->ReplayQuarantine(request).status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(unknown.message(), HasSubstr("record 999 is not in quarantine"));
  EXPECT_EQ(Open(), 9);
  request.Clear();
  request.set_run_id("crm-000009");
  const auto none = connectors_->ReplayQuarantine(request);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->results_size(), 0);
  request.set_run_id("crm-000001");
  EXPECT_EQ(ReplayOnly(request).passed(), 9);
  EXPECT_EQ(Open(), 0);
}

TEST_F(ReplayTest, RowsThatAreGoneAreNotFound) {
  Configure({Counter("crm", {{"records", "50"}})});
  const v1::ReplayResult result = ReplayAll();
  EXPECT_EQ(result.passed(), 6);
  EXPECT_EQ(result.not_found(), 6);
  EXPECT_EQ(Open(), 6);
  v1::ListQuarantineRequest request;
  EXPECT_THAT(ListQuarantine(*programs_, request)->records(0).history(0).message(), HasSubstr("has no row"));
}

TEST_F(ReplayTest, AFailingPluginLosesNothing) {
  Configure({Counter("crm", {{"records", "100"}, {"crash_at", "45"}})});
  const v1::ReplayResult failed = ReplayAll();
  EXPECT_THAT(failed.error(), HasSubstr("signal 11"));
  EXPECT_EQ(failed.passed(), 5) << "10, 20, 25, 30 and 40";
  EXPECT_EQ(Open(), 7);
  EXPECT_EQ(Runs()[0].state(), v1::RUN_STATE_FAILED);
  Configure({Counter("crm", {{"records", "100"}})});
  EXPECT_EQ(ReplayAll().passed(), 7);
  ExpectEachOnce(100);
}

TEST_F(ReplayTest, OnlyWhatPassedIsMarkedWhenThePluginFails) {
  Configure({Counter("crm", {{"records", "100"}, {"reject_every", "20"}, {"crash_at", "45"}})});
  const v1::ReplayResult failed = ReplayAll();
  EXPECT_EQ(failed.passed(), 3) << "10, 25 and 30";
  EXPECT_EQ(failed.rejected_again(), 0) << "20 and 40: the next try will tell";
  EXPECT_EQ(Open(), 9);
  EXPECT_EQ(Open(v1::QUARANTINE_STATE_REPLAYED), 3);
  v1::ListQuarantineRequest request;
  const auto open = ListQuarantine(*programs_, request);
  ASSERT_TRUE(open.ok()) << open.status();
  for (const v1::QuarantinedRecord& record : open->records()) {
    EXPECT_EQ(GetQuarantinedRecord(*programs_, record.record())->history_size(), 0) << record.ShortDebugString();
  }
}

TEST_F(ReplayTest, NotWhileTheConnectorRunsNorInPlaceOfAnInterruptedRun) {
  Configure({Counter("crm", {{"records", "200"}, {"hold_at", "150"}})});
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, watch.observer()).ok());
  v1::ReplayQuarantineRequest request;
  request.set_all(true);
  EXPECT_THAT(ErrorDetails(connectors_->ReplayQuarantine(request).status()), HasSubstr("ALREADY_RUNNING"));
  connectors_->Stop();
  RestartServer({Counter("crm", {{"records", "200"}})});
  EXPECT_THAT(ErrorDetails(connectors_->ReplayQuarantine(request).status()), HasSubstr("INTERRUPTED_RUN"));
  EXPECT_EQ(RunToEnd("crm").run_id(), "crm-000002");
  EXPECT_EQ(ReplayAll().passed(), 12);
}

TEST_F(ReplayTest, AConnectorThatIsNotConfiguredAnyMoreSaysSo) {
  Configure({Counter("other", {{"records", "1"}})});
  v1::ReplayQuarantineRequest request;
  request.set_all(true);
  EXPECT_EQ(connectors_->ReplayQuarantine(request).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Open(), 12);
}

TEST_F(ReplayTest, ManyRecordsAreReadAgainPartByPart) {
  options_.max_replayed = 5;
  Configure({Counter("crm", {{"records", "100"}, {"reject_every", "50"}})});
  v1::ReplayQuarantineRequest request;
  request.set_all(true);
  const auto response = connectors_->ReplayQuarantine(request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->results_size(), 3) << "of 12, five at a time";
  int64_t passed = 0, rejected_again = 0;
  for (const v1::ReplayResult& result : response->results()) {
    passed += result.passed();
    rejected_again += result.rejected_again();
  }
  EXPECT_EQ(passed, 10);
  EXPECT_EQ(rejected_again, 2);
  EXPECT_EQ(Open(), 2);
}

}  // namespace
}  // namespace partnermetrics
