// Connectors with plugins in processes of their own: runs from start to end, and everything that may come between.
#include "server/sync/connectors.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "server/sync/quarantine.h"
#include "tests/server/sync/connectors_fixture.h"

namespace partnermetrics {
namespace {

using storage::RecordType;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

// Set in the server that a test kills: its data, and the record before which its run waits.
constexpr char kServerFolder[] = "PM_TEST_SERVER_FOLDER", kServerHold[] = "PM_TEST_SERVER_HOLD";

// Process ids of the plugins that this process runs.
std::vector<pid_t> PluginProcesses() {
  std::vector<pid_t> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children(task.path() / "children");
    for (pid_t child = 0; children >> child;) found.push_back(child);
  }
  return found;
}

TEST_F(ConnectorsTest, RunsAPluginAndKeepsItsHistory) {
  Configure({Counter("crm", {{"records", "100"},
                             {"reject_every", "10"},    // 10
                             {"refuse_every", "25"},    // 2: 25 and 75; 50 and 100 are rejected before
                             {"skip_every", "33"}})});  // 3
  const v1::ConnectorRun run = RunToEnd("crm");
  EXPECT_EQ(run.run_id(), "crm-000001");
  EXPECT_EQ(run.state(), v1::RUN_STATE_PARTIAL) << run.error();
  EXPECT_EQ(run.records_read(), 100);
  EXPECT_EQ(run.records_emitted(), 87);
  EXPECT_EQ(run.records_rejected(), 10);
  EXPECT_EQ(run.records_skipped(), 3);
  EXPECT_EQ(run.events().applied(), 85);
  EXPECT_EQ(run.events().rejected(), 2);
  EXPECT_EQ(run.bytes_done(), 100U);
  EXPECT_EQ(run.bytes_total(), 100U);
  ASSERT_THAT(run.remarks(), SizeIs(1));
  EXPECT_EQ(run.remarks(0).where(), "counter:extra");
  EXPECT_THAT(EventsByRecord(), SizeIs(85));

  const auto quarantine = ListQuarantine(*programs_, {});
  ASSERT_TRUE(quarantine.ok()) << quarantine.status();
  EXPECT_EQ(quarantine->total_size(), 12);
  const auto record = GetQuarantinedRecord(*programs_, quarantine->records(0).record());
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->origin().file(), "numbers.csv");
  EXPECT_EQ(record->origin().row(), 10U);
  EXPECT_EQ(record->field(), "amount");
  EXPECT_EQ(record->reason(), "bad_number");
  EXPECT_EQ(record->raw(), "row 10");

  RestartServer({Counter("crm", {{"records", "100"}})});
  const std::vector<v1::ConnectorRun> runs = Runs();
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].state(), v1::RUN_STATE_PARTIAL);
  EXPECT_EQ(runs[0].events().applied(), 85);
  EXPECT_EQ(runs[0].skipped(0).rule(), "every_so_many");
  EXPECT_EQ(runs[0].ended_at().seconds(), run.ended_at().seconds());
  EXPECT_EQ(runs[0].remarks_size(), 1);
  EXPECT_EQ(runs[0].position(), run.position());
}

TEST_F(ConnectorsTest, ReadsWhatIsNewAndInFullAddsNothing) {
  Configure({Counter("crm", {{"records", "50"}})});
  EXPECT_EQ(RunToEnd("crm").records_read(), 50);
  Configure({Counter("crm", {{"records", "70"}})});
  const v1::ConnectorRun more = RunToEnd("crm");
  EXPECT_EQ(more.run_id(), "crm-000002");
  EXPECT_EQ(more.records_read(), 20);
  const v1::ConnectorRun full = RunToEnd("crm", /*full=*/true);
  EXPECT_EQ(full.state(), v1::RUN_STATE_SUCCEEDED) << full.error();
  EXPECT_EQ(full.records_read(), 70);
  EXPECT_EQ(full.events().applied(), 0);
  EXPECT_EQ(full.events().unchanged(), 70);
  ExpectEachOnce(70);
  const std::vector<storage::LogRecord> ends = Log(RecordType::kRunEnd);
  ASSERT_THAT(ends, SizeIs(3));
  log::v1::RunEnd end;
  ASSERT_TRUE(end.ParseFromString(ends.back().payload));
  EXPECT_THAT(end.complete_kinds(), ElementsAre("deal"));
}

TEST_F(ConnectorsTest, ListsConnectorsAndRunsByPages) {
  Configure({Counter("crm", {{"records", "1"}}), Counter("billing", {{"records", "2"}})});
  for (const char* name : {"crm", "billing", "crm"}) RunToEnd(name);
  const auto list = connectors_->List();
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_THAT(list->connectors(), SizeIs(2));
  EXPECT_EQ(list->connectors(0).connector(), "billing");
  EXPECT_EQ(list->connectors(0).source(), "billing");
  EXPECT_EQ(list->connectors(0).program(), "acme");
  EXPECT_EQ(list->connectors(1).last_run().run_id(), "crm-000003");
  EXPECT_EQ(list->connectors(1).last_run().state(), v1::RUN_STATE_SUCCEEDED);

  v1::ListRunsRequest request;
  request.set_page_size(2);
  std::vector<v1::ConnectorRun> runs = Runs(request);
  ASSERT_THAT(runs, SizeIs(2));
  EXPECT_EQ(runs[0].run_id(), "crm-000003");
  EXPECT_EQ(runs[1].run_id(), "billing-000002");
  request.set_page_token(next_page_);
  runs = Runs(request);
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].run_id(), "crm-000001");
  EXPECT_EQ(next_page_, "");
  request.Clear();
  request.set_connector("billing");
  EXPECT_THAT(Runs(request), SizeIs(1));
  request.set_page_token("nonsense");
  EXPECT_EQ(connectors_->ListRuns(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ConnectorsTest, DescribesPlugins) {
  Configure({Counter("crm", {{"records", "1"}})});
  for (const char* name : {"crm", "counter"}) {
    const auto description = connectors_->Describe(name);
    ASSERT_TRUE(description.ok()) << description.status();
    EXPECT_EQ(description->name(), "counter");
    EXPECT_EQ(description->version(), "2.0.0");
    EXPECT_EQ(description->summary(), "Counts.");
    EXPECT_THAT(description->fact_kinds(), ElementsAre("deal"));
    EXPECT_TRUE(description->settings(0).required());
  }
  for (const char* name : {"nobody", "../sync_plugins/counter", ""}) {
    EXPECT_FALSE(connectors_->Describe(name).ok()) << name;
  }
}

TEST_F(ConnectorsTest, ChecksAndShowsNoSecret) {
  ConnectorConfig none = Counter("none", {{"records", "0"}, {"token", "hunter22"}});
  none.secrets = {"hunter22"};
  Configure({none, Counter("wrong", {{"recordz", "1"}}), Counter("good", {{"records", "1"}})});
  auto check = connectors_->Check("none");
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_FALSE(check->ok());
  ASSERT_THAT(check->problems(), SizeIs(2));
  EXPECT_EQ(check->problems(0).level(), v1::PROBLEM_LEVEL_ERROR);
  EXPECT_EQ(check->problems(0).remedy(), "count up");
  EXPECT_EQ(check->problems(1).message(), "it is [secret]");
  check = connectors_->Check("wrong");
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_FALSE(check->ok());
  ASSERT_THAT(check->problems(), SizeIs(1));
  EXPECT_EQ(check->problems(0).where(), "recordz");
  check = connectors_->Check("good");
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_TRUE(check->ok());
  EXPECT_EQ(connectors_->Check("nobody").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ConnectorsTest, OneRunOfAConnectorAndTwoInAllTheRestWaits) {
  const Settings held = {{"records", "100"}, {"hold_at", "35"}};
  Configure({Counter("a", held), Counter("b", held), Counter("c", {{"records", "5"}}), Counter("d", held)});
  Watch a, b, c, d;
  ASSERT_TRUE(connectors_->StartRun("a", {}, a.observer()).ok());
  absl::Status status = connectors_->StartRun("a", {}, nullptr).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(ErrorDetails(status), HasSubstr("ALREADY_RUNNING"));
  ASSERT_TRUE(connectors_->StartRun("b", {}, b.observer()).ok());
  EXPECT_THAT(connectors_->OpenRuns(), SizeIs(2));
  EXPECT_EQ(connectors_->CancelRun("c").status().code(), absl::StatusCode::kFailedPrecondition);

  auto queued = connectors_->StartRun("c", {}, c.observer());
  ASSERT_TRUE(queued.ok()) << queued.status();
  EXPECT_EQ(queued->state(), v1::RUN_STATE_QUEUED);
  EXPECT_EQ(queued->queue_position(), 0);
  EXPECT_EQ(c.last().state(), v1::RUN_STATE_QUEUED);
  queued = connectors_->StartRun("d", {}, d.observer());
  ASSERT_TRUE(queued.ok()) << queued.status();
  EXPECT_EQ(queued->queue_position(), 1);
  EXPECT_THAT(ErrorDetails(connectors_->StartRun("c", {}, nullptr).status()), HasSubstr("ALREADY_RUNNING"));
  EXPECT_EQ(connectors_->List()->connectors(2).last_run().state(), v1::RUN_STATE_QUEUED);
  EXPECT_EQ(connectors_->CancelRun("d")->state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(d.AwaitEnd().state(), v1::RUN_STATE_CANCELLED);

  AwaitRecordsOf("a", 30);
  ASSERT_TRUE(connectors_->CancelRun("a").ok());
  const v1::ConnectorRun cancelled = a.AwaitEnd();
  EXPECT_EQ(cancelled.state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(cancelled.records_read(), cancelled.events().applied());
  // Its place is free.
  EXPECT_EQ(c.AwaitEnd().state(), v1::RUN_STATE_SUCCEEDED) << c.last().error();
  connectors_->Stop();
  EXPECT_EQ(b.AwaitEnd().state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_EQ(connectors_->StartRun("a", {}, nullptr).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ConnectorsTest, WhatWaitsWhenTheServerStopsIsCancelled) {
  const Settings held = {{"records", "100"}, {"hold_at", "35"}};
  Configure({Counter("a", held), Counter("b", held), Counter("c", {{"records", "5"}})});
  Watch c;
  for (const char* name : {"a", "b"}) ASSERT_TRUE(connectors_->StartRun(name, {}, nullptr).ok());
  ASSERT_TRUE(connectors_->StartRun("c", {}, c.observer()).ok());
  connectors_->Stop();
  EXPECT_EQ(c.AwaitEnd().state(), v1::RUN_STATE_CANCELLED);
  EXPECT_THAT(c.last().error(), HasSubstr("stopped"));
}

TEST_F(ConnectorsTest, ParallelRunsHaveSequencesOfTheirOwn) {
  Configure({Counter("a", {{"records", "500"}}), Counter("b", {{"records", "500"}})});
  Watch a, b;
  ASSERT_TRUE(connectors_->StartRun("a", {}, a.observer()).ok());
  ASSERT_TRUE(connectors_->StartRun("b", {}, b.observer()).ok());
  EXPECT_EQ(a.AwaitEnd().run_id(), "a-000001");
  EXPECT_EQ(b.AwaitEnd().run_id(), "b-000002");
  EXPECT_EQ(a.AwaitEnd().events().applied(), 500);
  EXPECT_EQ(b.AwaitEnd().events().applied(), 500);
}

TEST_F(ConnectorsTest, ACrashFailsTheRunAndTheServerGoesOn) {
  Configure({Counter("crm", {{"records", "100"}, {"crash_at", "45"}}), Counter("good", {{"records", "5"}})});
  const v1::ConnectorRun crashed = RunToEnd("crm");
  EXPECT_EQ(crashed.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(crashed.error(), AllOf(HasSubstr("signal 11"), HasSubstr("about to crash")));
  EXPECT_EQ(crashed.events().applied(), 40);
  EXPECT_EQ(RunToEnd("good").state(), v1::RUN_STATE_SUCCEEDED);

  Configure({Counter("crm", {{"records", "100"}})});
  const v1::ConnectorRun rest = RunToEnd("crm");
  EXPECT_EQ(rest.run_id(), "crm-000003");
  EXPECT_EQ(rest.records_read(), 60);
  EXPECT_EQ(rest.events().applied(), 60);
}

TEST_F(ConnectorsTest, AKilledPluginLosesAndDoublesNothing) {
  Configure({Counter("crm", {{"records", "200"}, {"pause_ms", "20"}})});
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, watch.observer()).ok());
  watch.AwaitRecords(50);
  const std::vector<pid_t> plugins = PluginProcesses();
  ASSERT_THAT(plugins, SizeIs(1));
  ASSERT_EQ(::kill(plugins[0], SIGKILL), 0);
  const v1::ConnectorRun killed = watch.AwaitEnd();
  EXPECT_EQ(killed.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(killed.error(), HasSubstr("signal 9"));
  const v1::ConnectorRun rest = RunToEnd("crm");
  EXPECT_EQ(rest.state(), v1::RUN_STATE_SUCCEEDED) << rest.error();
  EXPECT_EQ(killed.records_read() + rest.records_read(), 200);
  ExpectEachOnce(200);
}

TEST_F(ConnectorsTest, ARunGoesOnAfterTheServerWasStopped) {
  const std::vector<ConnectorConfig> configs = {Counter("crm", {{"records", "200"}, {"pause_ms", "20"}})};
  Configure(configs);
  Watch watch;
  ASSERT_TRUE(connectors_->StartRun("crm", {}, watch.observer()).ok());
  watch.AwaitRecords(50);
  connectors_->Stop();
  EXPECT_EQ(watch.AwaitEnd().state(), v1::RUN_STATE_INTERRUPTED);
  RestartServer(configs);
  EXPECT_EQ(Runs()[0].state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_GE(Runs()[0].records_read(), 50);
  const v1::ConnectorRun run = RunToEnd("crm");
  EXPECT_EQ(run.run_id(), "crm-000001");
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED) << run.error();
  EXPECT_EQ(run.records_read(), 200);
  EXPECT_EQ(run.events().applied(), 200);
  EXPECT_THAT(Runs(), SizeIs(1));
  ExpectEachOnce(200);
}

// Not a test of its own: the server that the next test starts, and kills once it says that its run goes on. However
// long that test has to wait for a processor, the run does not end before.
TEST(ConnectorsServer, DISABLED_RunsUntilItIsKilled) {
  const std::string folder = ::getenv(kServerFolder);
  const std::unique_ptr<Programs> programs = OpenPrograms(folder);
  const auto connectors = MakeConnectors(*programs, {Counter("crm", {{"records", "100000"},
                                                                     {"page", "20"},
                                                                     {"pause_ms", "1"},
                                                                     {"reject_every", "7"},
                                                                     {"hold_at", ::getenv(kServerHold)}})});
  Watch watch;
  const auto begun = connectors->StartRun("crm", {}, watch.observer());
  ASSERT_TRUE(begun.ok()) << begun.status();
  watch.AwaitRecords(begun->records_read() + 1);
  std::ofstream(folder + "/going_on") << "yes";
  watch.AwaitEnd();
}

TEST_F(ConnectorsTest, ARunGoesOnAfterTheServerWasKilled) {
  programs_.reset();
  const std::string going_on = folder_.path() + "/going_on";
  constexpr int kKills = 5, kRecords = 100'000, kRejected = kRecords / 7;
  for (int kill = 0; kill < kKills; ++kill) {
    std::string self = std::filesystem::read_symlink("/proc/self/exe");
    std::string filter = "--gtest_filter=ConnectorsServer.*", disabled = "--gtest_also_run_disabled_tests";
    std::string folder = absl::StrCat(kServerFolder, "=", folder_.path());
    std::vector<char*> arguments = {self.data(), filter.data(), disabled.data(), nullptr};
    std::string hold = absl::StrCat(kServerHold, "=", (kill + 1) * kRecords / (kKills + 1));
    std::vector<char*> environment = {folder.data(), hold.data(), nullptr};
    pid_t server = 0;
    ASSERT_EQ(::posix_spawn(&server, self.c_str(), nullptr, nullptr, arguments.data(), environment.data()), 0);
    int status = 0;
    while (!std::filesystem::exists(going_on)) {
      ASSERT_EQ(::waitpid(server, &status, WNOHANG), 0) << "the server ended before its run went on";
      absl::SleepFor(absl::Milliseconds(1));
    }
    absl::SleepFor(absl::Milliseconds(17 * kill));
    ASSERT_EQ(::kill(server, SIGKILL), 0);
    ASSERT_EQ(::waitpid(server, &status, 0), server);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the server ended before it was killed";
    std::filesystem::remove(going_on);
  }
  programs_ = OpenPrograms(folder_.path());
  ASSERT_NE(programs_, nullptr);
  Configure({Counter("crm", {{"records", absl::StrCat(kRecords)}, {"page", "1000"}, {"reject_every", "7"}})});
  const std::vector<v1::ConnectorRun> before = Runs();
  ASSERT_THAT(before, SizeIs(1));
  EXPECT_EQ(before[0].state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_GT(before[0].records_read(), 0);
  EXPECT_LT(before[0].records_read(), kRecords);

  const v1::ConnectorRun run = RunToEnd("crm");
  EXPECT_EQ(run.run_id(), "crm-000001");
  EXPECT_EQ(run.state(), v1::RUN_STATE_PARTIAL) << run.error();
  EXPECT_EQ(run.records_read(), kRecords);
  EXPECT_EQ(run.records_rejected(), kRejected);
  EXPECT_EQ(run.events().applied(), kRecords - kRejected);
  EXPECT_THAT(Log(RecordType::kRunBegin), SizeIs(kKills + 1));
  ExpectEachOnce(kRecords - kRejected);
  const auto quarantine = ListQuarantine(*programs_, {});
  ASSERT_TRUE(quarantine.ok()) << quarantine.status();
  EXPECT_EQ(quarantine->total_size(), kRejected);
}

TEST_F(ConnectorsTest, TheErrorBudgetEndsARun) {
  ConnectorConfig config = Counter("crm", {{"records", "1000"}, {"reject_every", "2"}});
  config.max_rejected = 20;
  Configure({config});
  const v1::ConnectorRun run = RunToEnd("crm");
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(run.error(), HasSubstr("25 of 50 records were rejected"));
  EXPECT_EQ(run.records_read(), 50);
}

TEST_F(ConnectorsTest, ASampleExportReadTwiceAppendsItsEventsOnce) {
  ConnectorConfig config;
  config.name = "salesforce";
  config.plugin = "salesforce_export";
  config.directory = PM_TEST_DATA "/samples/salesforce/data_cloud_workshop";
  connectors_ = MakeConnectors(*programs_, {config}, PM_BINARY_DIR "/lib/partnermetrics/connectors");
  const v1::ConnectorRun first = RunToEnd("salesforce");
  ASSERT_THAT(first.state(), AnyOf(v1::RUN_STATE_SUCCEEDED, v1::RUN_STATE_PARTIAL)) << first.error();
  EXPECT_GT(first.events().applied(), 0);
  const size_t events = Log(RecordType::kEvent).size();
  const v1::ConnectorRun again = RunToEnd("salesforce", /*full=*/true);
  EXPECT_EQ(again.state(), first.state());
  EXPECT_EQ(again.records_read(), first.records_read());
  EXPECT_EQ(again.events().unchanged(), first.events().applied() + first.events().unchanged());
  EXPECT_EQ(Log(RecordType::kEvent).size(), events);
}

TEST_F(ConnectorsTest, RefusesWhatCannotRun) {
  ConnectorConfig config = Counter("crm", {{"records", "1"}});
  config.plugin = "missing";
  Configure({config, Counter("wrong", {})});
  EXPECT_EQ(connectors_->StartRun("nobody", {}, nullptr).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(connectors_->StartRun("", {}, nullptr).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(connectors_->StartRun("crm", {}, nullptr).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Log(RecordType::kRunBegin), SizeIs(0));
  const v1::ConnectorRun wrong = RunToEnd("wrong");
  EXPECT_EQ(wrong.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(wrong.error(), HasSubstr("records: the setting is required"));
}

TEST_F(ConnectorsTest, RefusesBadConfigurations) {
  const auto create = [&](std::vector<ConnectorConfig> configs) {
    Connectors::Options options;
    options.connectors = std::move(configs);
    return Connectors::Create(std::move(options), *programs_).status();
  };
  EXPECT_TRUE(create({}).ok());
  EXPECT_EQ(create({Counter("a", {}), Counter("b", {}), Counter("a", {})}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(create({Counter("", {})}).code(), absl::StatusCode::kInvalidArgument);
  ConnectorConfig config = Counter("a", {});
  config.program = "other";
  EXPECT_EQ(create({config}).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace partnermetrics
