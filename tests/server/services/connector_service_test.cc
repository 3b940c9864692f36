#include <gmock/gmock.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

// Over a real plugin, in its process, and the demo's export with a few bad rows.
class ConnectorServiceTest : public ServerTest {
 protected:
  ConnectorServiceTest() {
    extra_config_ = absl::StrCat("plugin_dir: \"" PM_BINARY_DIR "/lib/partnermetrics/connectors\"\n",
                                 "connectors { name: \"survey\" plugin: \"nps_survey\" directory: \"" PM_SOURCE_DIR
                                 "/demo/exports/survey\" }\n");
  }

  // Runs the connector and returns how the run ended.
  v1::ConnectorRun Run() {
    grpc::ClientContext context;
    v1::RunConnectorRequest request;
    request.set_connector("survey");
    const auto stream = connectors_->RunConnector(&context, request);
    v1::RunConnectorResponse progress;
    while (stream->Read(&progress)) {
    }
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return progress.run();
  }
};

// The first events and rejections of a feed, as a run would take them; and nothing is written.
TEST_F(ConnectorServiceTest, PreviewsTheFirstRecordsAndWritesNothing) {
  Start();
  v1::PreviewConnectorRequest request;
  request.set_connector("survey");
  request.set_records(1000);
  v1::PreviewConnectorResponse all, few;
  {
    grpc::ClientContext context;
    const grpc::Status status = connectors_->PreviewConnector(&context, request, &all);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  int rejected = 0;
  for (const v1::PreviewedRecord& record : all.records()) {
    if (record.reason().empty()) {
      EXPECT_GT(record.events_size(), 0);
      EXPECT_EQ(record.facts(), "survey_response " + record.events(0).record_id());
      EXPECT_EQ(record.events(0).survey_response().comment(), "");  // personal, so not shown
    } else {
      ++rejected;
      EXPECT_NE(record.raw(), "");
    }
  }
  EXPECT_EQ(rejected, 2);
  EXPECT_EQ(all.skipped(), 2);
  request.set_records(3);
  {
    grpc::ClientContext context;
    ASSERT_TRUE(connectors_->PreviewConnector(&context, request, &few).ok());
  }
  EXPECT_EQ(few.records_size(), 3);
  v1::ListRunsResponse runs;
  v1::ListQuarantineResponse quarantine;
  grpc::ClientContext first, second, third;
  ASSERT_TRUE(connectors_->ListRuns(&first, {}, &runs).ok());
  EXPECT_EQ(runs.runs_size(), 0);
  ASSERT_TRUE(connectors_->ListQuarantine(&second, {}, &quarantine).ok());
  EXPECT_EQ(quarantine.total_size(), 0);
  request.set_records(-1);
  EXPECT_EQ(connectors_->PreviewConnector(&third, request, &few).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ConnectorServiceTest, RunsToTheLastMessageAndKeepsWhatWasRejected) {
  Start();
  const v1::ConnectorRun run = Run();
  EXPECT_EQ(run.state(), v1::RUN_STATE_PARTIAL) << run.DebugString();
  EXPECT_GT(run.records_emitted(), 0);
  EXPECT_GT(run.records_rejected(), 0);
  EXPECT_EQ(run.records_read(), run.records_emitted() + run.records_rejected() + run.records_skipped());
  EXPECT_GT(run.events().applied(), 0);

  v1::ListRunsResponse runs;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(connectors_->ListRuns(&context, {}, &runs).ok());
  }
  ASSERT_EQ(runs.runs_size(), 1);
  EXPECT_EQ(runs.runs(0).run_id(), run.run_id());
  v1::ListQuarantineResponse quarantine;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(connectors_->ListQuarantine(&context, {}, &quarantine).ok());
  }
  ASSERT_EQ(quarantine.total_size(), run.records_rejected());
  v1::GetQuarantinedRecordRequest request;
  request.set_record(quarantine.records(0).record());
  v1::QuarantinedRecord record;
  grpc::ClientContext context;
  ASSERT_TRUE(connectors_->GetQuarantinedRecord(&context, request, &record).ok());
  EXPECT_FALSE(record.raw().empty());
}

TEST_F(ConnectorServiceTest, GoesOnWithARunWhoseCallerLeft) {
  Start();
  {
    grpc::ClientContext context;
    v1::RunConnectorRequest request;
    request.set_connector("survey");
    const auto stream = connectors_->RunConnector(&context, request);
    v1::RunConnectorResponse progress;
    stream->Read(&progress);
    context.TryCancel();
    stream->Finish();
  }
  v1::ListRunsResponse runs;
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  do {
    runs.Clear();
    grpc::ClientContext context;
    ASSERT_TRUE(connectors_->ListRuns(&context, {}, &runs).ok());
    absl::SleepFor(absl::Milliseconds(10));
  } while (absl::Now() < deadline && (runs.runs_size() == 0 || runs.runs(0).state() == v1::RUN_STATE_RUNNING));
  ASSERT_EQ(runs.runs_size(), 1);
  EXPECT_EQ(runs.runs(0).state(), v1::RUN_STATE_PARTIAL);
}

TEST_F(ConnectorServiceTest, DescribesAndChecks) {
  Start();
  v1::DescribeConnectorRequest describe;
  describe.set_connector("survey");
  v1::ConnectorDescription description;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(connectors_->DescribeConnector(&context, describe, &description).ok());
  }
  EXPECT_EQ(description.name(), "nps_survey");
  v1::CheckConnectorRequest check;
  check.set_connector("survey");
  v1::CheckConnectorResponse checked;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(connectors_->CheckConnector(&context, check, &checked).ok());
  }
  EXPECT_TRUE(checked.ok()) << checked.DebugString();
  check.set_connector("nobody");
  grpc::ClientContext context;
  EXPECT_EQ(connectors_->CheckConnector(&context, check, &checked).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace partnermetrics
