// Runs that nobody asks for, failures that add up, builds of plugins, and the cursor.
#include "tests/server/sync/connectors_fixture.h"

#include <filesystem>

namespace partnermetrics {
namespace {

using storage::RecordType;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kPlugins[] = PM_BINARY_DIR "/tests/sync_plugins";

ConnectorConfig Every(ConnectorConfig config, const std::string& every) {
  config.schedule = *Schedule::Parse(every, "");
  return config;
}

class OwnRunsTest : public ConnectorsTest {
 protected:
  // Lets everything run that is due at a time.
  void RunDue(absl::Time now) {
    connectors_->RunDue(now);
    AwaitIdle();
  }
  v1::Connector Shown(int i = 0) {
    const auto list = connectors_->List();
    EXPECT_TRUE(list.ok()) << list.status();
    return list->connectors(i);
  }

  const absl::Time start_ = absl::Now();
};

TEST_F(OwnRunsTest, AScheduleRunsAConnectorAndSaysWhenNext) {
  Configure({Every(Counter("crm", {{"records", "5"}}), "6h"), Counter("manual", {{"records", "1"}})});
  EXPECT_EQ(Shown().schedule(), "every 6h");
  EXPECT_EQ(Shown(1).schedule(), "");
  EXPECT_FALSE(Shown(1).has_next_run_at());
  RunDue(absl::Now());
  std::vector<v1::ConnectorRun> runs = Runs();
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].trigger(), v1::RUN_TRIGGER_SCHEDULE);
  EXPECT_EQ(runs[0].records_read(), 5);
  const absl::Time next = absl::FromUnixSeconds(Shown().next_run_at().seconds());
  EXPECT_GE(next, start_ + absl::Hours(6) - absl::Seconds(1));
  RunDue(next - absl::Minutes(1));
  EXPECT_THAT(Runs(), SizeIs(1));
  RunDue(next + absl::Seconds(1));
  EXPECT_THAT(Runs(), SizeIs(2));
}

TEST_F(OwnRunsTest, AFailingPluginIsTriedLaterThenSuspendedAlsoAfterARestart) {
  ConnectorConfig config = Every(Counter("crm", {{"records", "5"}, {"crash_at", "1"}}), "24h");
  config.max_failures = 2;
  Configure({config});
  RunDue(start_ + absl::Seconds(1));
  EXPECT_EQ(Shown().consecutive_failures(), 1);
  EXPECT_FALSE(Shown().suspended());
  RunDue(start_ + absl::Seconds(2));
  EXPECT_THAT(Runs(), SizeIs(1)) << "not at once";
  RestartServer({config});
  EXPECT_EQ(Shown().consecutive_failures(), 1) << "the history knows";
  RunDue(start_ + absl::Minutes(5));
  EXPECT_TRUE(Shown().suspended());
  EXPECT_FALSE(Shown().has_next_run_at());
  RestartServer({config});
  EXPECT_TRUE(Shown().suspended());
  RunDue(start_ + absl::Hours(1'000));
  EXPECT_THAT(Runs(), SizeIs(2));

  const auto resumed = connectors_->Resume("crm");
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_FALSE(resumed->suspended());
  RestartServer({config});
  EXPECT_FALSE(Shown().suspended()) << "that somebody resumed it is in the history too";
}

TEST_F(OwnRunsTest, ASuspendedConnectorCanBeRunByHandAndASuccessEndsIt) {
  ConnectorConfig config = Every(Counter("crm", {{"records", "5"}, {"crash_at", "1"}}), "24h");
  config.max_failures = 1;
  Configure({config});
  EXPECT_EQ(RunToEnd("crm").state(), v1::RUN_STATE_FAILED);
  EXPECT_TRUE(Shown().suspended());
  config.settings = {{"records", "5"}};
  Configure({config});
  EXPECT_EQ(RunToEnd("crm").state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_FALSE(Shown().suspended());
  EXPECT_EQ(Shown().consecutive_failures(), 0);
}

TEST_F(OwnRunsTest, AfterARestartAnInterruptedRunGoesOnByItself) {
  Configure({Every(Counter("crm", {{"records", "50"}, {"hold_at", "35"}}), "24h")});
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, watch.observer()).ok());
  connectors_->Stop();
  RestartServer({Every(Counter("crm", {{"records", "50"}}), "24h")});
  RunDue(absl::Now() + absl::Seconds(1));
  const std::vector<v1::ConnectorRun> runs = Runs();
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].state(), v1::RUN_STATE_SUCCEEDED) << runs[0].error();
  EXPECT_EQ(runs[0].trigger(), v1::RUN_TRIGGER_RESUME);
  EXPECT_EQ(runs[0].records_read(), 50);
}

TEST_F(OwnRunsTest, ARunOfAConnectorThatIsGoneDoesNotStayOpen) {
  Configure({Counter("crm", {{"records", "50"}, {"hold_at", "35"}})});
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, watch.observer()).ok());
  connectors_->Stop();
  RestartServer({Counter("other", {{"records", "1"}})});
  ASSERT_THAT(Runs(), SizeIs(1));
  EXPECT_EQ(Runs()[0].state(), v1::RUN_STATE_CANCELLED);
  EXPECT_THAT(Runs()[0].error(), HasSubstr("'crm' is not configured any more"));
}

TEST_F(OwnRunsTest, AnotherBuildIsUsedByTheNextRun) {
  const storage::TempDir plugins;
  const auto install = [&](const std::string& build) {
    std::filesystem::copy_file(std::string(kPlugins) + "/" + build + ".so", plugins.path() + "/new.so");
    std::filesystem::rename(plugins.path() + "/new.so", plugins.path() + "/counter.so");
  };
  install("counter");
  connectors_ = MakeConnectors(*programs_, {Counter("crm", {{"records", "5"}})}, plugins.path());
  const v1::ConnectorRun first = RunToEnd("crm");
  EXPECT_EQ(first.plugin_version(), "2.0.0");
  EXPECT_EQ(first.plugin_sha256(), Shown().plugin_sha256());
  install("counter_next");
  const v1::ConnectorRun second = RunToEnd("crm", /*full=*/true);
  EXPECT_EQ(second.plugin_version(), "2.1.0");
  EXPECT_NE(second.plugin_sha256(), first.plugin_sha256());
  EXPECT_EQ(second.plugin_sha256(), Shown().plugin_sha256());
}

TEST_F(OwnRunsTest, APluginThatIsNotOnTheListDoesNotRun) {
  Connectors::Options options;
  options.connectors = {Counter("crm", {{"records", "5"}})};
  options.plugin_dir = kPlugins;
  options.host_binary = PM_BINARY_DIR "/bin/partner-connector-host";
  options.allowed_plugins = {{"counter", std::string(64, 'a')}};
  connectors_ = *Connectors::Create(options, *programs_);
  EXPECT_EQ(connectors_->StartRun("crm", {}, nullptr).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(connectors_->Describe("counter").status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(connectors_->Check("crm").status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(Log(RecordType::kRunBegin), SizeIs(0));
}

TEST_F(OwnRunsTest, ARunTellsWhatItUsedAndWhatItMay) {
  Configure({Counter("crm", {{"records", "5"}})});
  const v1::ConnectorRun run = RunToEnd("crm");
  EXPECT_GT(run.cpu_time().seconds() * 1'000'000'000 + run.cpu_time().nanos(), 0);
  EXPECT_GT(run.peak_memory_bytes(), 1U << 20);
  const v1::RunLimits limits = Shown().limits();
  EXPECT_EQ(limits.memory_bytes(), uint64_t{2} << 30);
  EXPECT_EQ(limits.cpu_seconds(), 3'600U);
  EXPECT_EQ(limits.processes(), 0);
  EXPECT_EQ(limits.stall_timeout().seconds(), 120);
}

TEST_F(OwnRunsTest, ARunIsShownWithTheEndOfItsLog) {
  Configure({Counter("crm", {{"records", "100"}, {"crash_at", "45"}})});
  RunToEnd("crm");
  const auto run = connectors_->GetRun("crm-000001");
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->state(), v1::RUN_STATE_FAILED);
  ASSERT_THAT(run->log(), SizeIs(1));
  EXPECT_EQ(run->log(0).message(), "about to crash");
  EXPECT_EQ(connectors_->GetRun("crm-000002").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(connectors_->GetRun("").status().code(), absl::StatusCode::kInvalidArgument);
}

class CursorTest : public OwnRunsTest {
 protected:
  void SetUp() override {
    OwnRunsTest::SetUp();
    Configure({Counter("crm", {{"records", "50"}})});
    ASSERT_EQ(RunToEnd("crm").records_read(), 50);
  }
  v1::SetCursorRequest To(const std::string& state, bool dry_run = false) {
    v1::SetCursorRequest request;
    request.set_connector("crm");
    request.set_state(state);
    request.set_dry_run(dry_run);
    return request;
  }
};

TEST_F(CursorTest, IsShownWithTheRunThatLeftIt) {
  const auto cursor = connectors_->GetCursor("crm");
  ASSERT_TRUE(cursor.ok()) << cursor.status();
  EXPECT_EQ(cursor->state(), "50");
  EXPECT_FALSE(cursor->base64());
  EXPECT_EQ(cursor->run_id(), "crm-000001");
  EXPECT_TRUE(cursor->has_set_at());
  EXPECT_EQ(connectors_->GetCursor("nobody").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CursorTest, ATrialSaysWhatWouldBeReadAndChangesNothing) {
  const uint64_t position = program().log().last_position();
  Configure({Counter("crm", {{"records", "60"}, {"skip_every", "30"}})});
  const auto plan = connectors_->SetCursor(To("40", /*dry_run=*/true));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_FALSE(plan->changed());
  EXPECT_EQ(plan->before().state(), "50");
  EXPECT_EQ(plan->after().state(), "40");
  EXPECT_EQ(plan->records(), 20);
  EXPECT_EQ(plan->unchanged(), 10) << "41 to 50 are known";
  ASSERT_THAT(plan->files(), SizeIs(1));
  EXPECT_EQ(plan->files(0).file(), "numbers.csv");
  EXPECT_EQ(plan->files(0).records(), 20);

  v1::ResetCursorRequest reset;
  reset.set_connector("crm");
  reset.set_dry_run(true);
  EXPECT_EQ(connectors_->ResetCursor(reset)->records(), 60);
  EXPECT_EQ(program().log().last_position(), position);
  EXPECT_EQ(connectors_->GetCursor("crm")->state(), "50");
}

TEST_F(CursorTest, SetItIsWhereTheNextRunGoesOn) {
  const auto changed = connectors_->SetCursor(To("30"));
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_TRUE(changed->changed());
  EXPECT_EQ(changed->after().state(), "30");
  EXPECT_EQ(changed->after().run_id(), "crm-000002");
  EXPECT_EQ(Runs()[0].trigger(), v1::RUN_TRIGGER_CURSOR) << "the history tells who moved it";
  RestartServer({Counter("crm", {{"records", "50"}})});
  const v1::ConnectorRun run = RunToEnd("crm");
  EXPECT_EQ(run.records_read(), 20);
  EXPECT_EQ(run.events().unchanged(), 20);
}

TEST_F(CursorTest, ResetItMeansFromTheStart) {
  v1::ResetCursorRequest reset;
  reset.set_connector("crm");
  const auto changed = connectors_->ResetCursor(reset);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->after().state(), "");
  EXPECT_EQ(RunToEnd("crm").records_read(), 50);
}

TEST_F(CursorTest, StatesThatAreNoTextAreBase64) {
  v1::SetCursorRequest request = To("MQAy");  // 1, a zero byte, 2
  request.set_base64(true);
  ASSERT_TRUE(connectors_->SetCursor(request).ok());
  const auto cursor = connectors_->GetCursor("crm");
  EXPECT_TRUE(cursor->base64());
  EXPECT_EQ(cursor->state(), "MQAy");
  request.set_state("no base64!");
  EXPECT_EQ(connectors_->SetCursor(request).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(connectors_->SetCursor(To("")).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CursorTest, NotUnderARunNorInPlaceOfAnInterruptedOne) {
  Configure({Counter("crm", {{"records", "100"}, {"hold_at", "75"}})});
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, watch.observer()).ok());
  EXPECT_THAT(ErrorDetails(connectors_->SetCursor(To("30")).status()), HasSubstr("ALREADY_RUNNING"));
  connectors_->Stop();
  RestartServer({Counter("crm", {{"records", "100"}})});
  EXPECT_THAT(ErrorDetails(connectors_->SetCursor(To("30")).status()), HasSubstr("INTERRUPTED_RUN"));
  EXPECT_TRUE(connectors_->SetCursor(To("30", /*dry_run=*/true)).ok()) << "looking is free";
}

}  // namespace
}  // namespace partnermetrics
