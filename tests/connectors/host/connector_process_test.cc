// Good plugins through the whole way: process, channel, wrapper.
#include "connectors/host/connector_process.h"

#include <thread>

#include "google/protobuf/util/json_util.h"
#include "partnermetrics/v1/connector.pb.h"
#include "partnermetrics/v1/event.pb.h"
#include "tests/connectors/host/process_fixture.h"

namespace partnermetrics::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Outcome = ConnectorEnd::Outcome;

class ConnectorProcessTest : public ProcessTest {
 protected:
  ConnectorProcessOptions Lines(const std::string& repeat = "1") const {
    ConnectorProcessOptions options = Options("lines");
    options.settings = {{"prefix", "p-"}, {"repeat", repeat}};
    return options;
  }

  static std::vector<std::string> Ids(const Recorder& recorder) {
    std::vector<std::string> ids;
    for (const Recorder::Record& record : recorder.records) {
      v1::EventBatch batch;
      EXPECT_TRUE(batch.ParseFromString(record.events));
      for (const v1::Event& event : batch.events()) ids.push_back(event.record_id());
    }
    return ids;
  }
};

TEST_F(ConnectorProcessTest, DescribesItself) {
  const absl::StatusOr<Hello> hello = ConnectorProcess(Options("lines")).Describe();
  ASSERT_TRUE(hello.ok()) << hello.status();
  EXPECT_EQ(hello->name, "lines");
  EXPECT_EQ(hello->version, "1.2.3");
  v1::ConnectorDescription description;
  const auto parsed = google::protobuf::util::JsonStringToMessage(hello->description_json, &description);
  ASSERT_TRUE(parsed.ok()) << parsed << hello->description_json;
  EXPECT_EQ(description.summary(), "Reads \"lines\".");
  ASSERT_EQ(description.settings_size(), 2);
  EXPECT_TRUE(description.settings(0).required());
  EXPECT_EQ(description.settings(1).default_value(), "1");
  EXPECT_EQ(description.fact_kinds(0), "deal");
  EXPECT_EQ(description.delete_model(), v1::DELETE_MODEL_SNAPSHOT);
}

TEST_F(ConnectorProcessTest, ReadsRecordsWithTheirPlaces) {
  Write("a.txt", "one\nbad line\n");
  Write("b.txt", "skip this\ntwo");
  Recorder recorder;
  const ConnectorEnd end = ConnectorProcess(Lines()).Read(std::nullopt, &recorder);
  ASSERT_TRUE(end.ok()) << end.Text();
  ASSERT_EQ(recorder.records.size(), 4U);
  EXPECT_THAT(Ids(recorder), ElementsAre("p-one", "p-two"));
  EXPECT_EQ(recorder.records[0].file, "a.txt");
  EXPECT_EQ(recorder.records[1].reject, "bad_line");
  EXPECT_EQ(recorder.records[1].raw, "bad line");
  EXPECT_EQ(recorder.records[1].row, 2U);
  EXPECT_EQ(recorder.records[1].field, "line");
  EXPECT_EQ(recorder.records[2].skip, "skip_rule");
  EXPECT_THAT(recorder.complete, ElementsAre("deal"));
  EXPECT_EQ(recorder.progress["records"].done, 4U);  // as the plugin says
  EXPECT_EQ(recorder.progress["bytes"].done, 26U);   // as the host sees
  EXPECT_EQ(recorder.progress["bytes"].total, 26U);
  EXPECT_EQ(recorder.states.back(), "4");
}

TEST_F(ConnectorProcessTest, TellsTheColumnsOfAStream) {
  Recorder recorder;
  const ConnectorEnd end = ConnectorProcess(Lines()).Read(std::nullopt, &recorder);
  ASSERT_TRUE(end.ok()) << end.Text();
  ASSERT_EQ(recorder.columns.size(), 1U);
  EXPECT_EQ(recorder.columns[0].stream, "lines");
  EXPECT_THAT(recorder.columns[0].columns,
              testing::ElementsAre(testing::Pair("line", true), testing::Pair("comment", false)));
}

TEST_F(ConnectorProcessTest, GoesOnFromEveryState) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += std::to_string(i) + "\n";
  Write("a.txt", text);
  Recorder all;
  ASSERT_TRUE(ConnectorProcess(Lines("200")).Read(std::nullopt, &all).ok());
  ASSERT_EQ(all.records.size(), 20'000U);
  ASSERT_GT(all.pages, 4);
  for (const std::optional<std::string>& state : all.states) {
    ASSERT_TRUE(state.has_value());
    Recorder rest;
    ASSERT_TRUE(ConnectorProcess(Lines("200")).Read(*state, &rest).ok());
    EXPECT_EQ(rest.records.size(), 20'000U - std::stoull(*state));
  }
}

TEST_F(ConnectorProcessTest, AnEmptyFolderGivesNoRecords) {
  Recorder recorder;
  EXPECT_TRUE(ConnectorProcess(Lines()).Read(std::nullopt, &recorder).ok());
  EXPECT_TRUE(recorder.records.empty());
}

TEST_F(ConnectorProcessTest, CheckReportsProblems) {
  Recorder recorder;
  EXPECT_TRUE(ConnectorProcess(Lines()).Check(&recorder).ok());
  ASSERT_EQ(recorder.problems.size(), 1U);
  EXPECT_EQ(recorder.problems[0].level, PM_ERROR);
  EXPECT_EQ(recorder.problems[0].where, "folder");
  EXPECT_EQ(recorder.problems[0].remedy, "export something");
}

TEST_F(ConnectorProcessTest, WrongSettingsAreNamed) {
  Recorder recorder;
  ConnectorProcessOptions options = Options("lines");
  ConnectorEnd end = ConnectorProcess(options).Read(std::nullopt, &recorder);
  EXPECT_EQ(end.code, PM_BAD_SETTING);
  EXPECT_EQ(end.Text(), "prefix: the setting is required and was not given; Text before each id.");
  options.settings = {{"prefix", "x"}, {"prefixx", "x"}};
  end = ConnectorProcess(options).Read(std::nullopt, &recorder);
  EXPECT_EQ(end.Text(), "prefixx: the connector has no such setting; its settings are: prefix, repeat");
  EXPECT_TRUE(absl::IsInvalidArgument(end.ToStatus()));
}

TEST_F(ConnectorProcessTest, AMissingFolderIsNamed) {
  Recorder recorder;
  ConnectorProcessOptions options = Lines();
  options.directory = "/does/not/exist";
  const ConnectorEnd end = ConnectorProcess(options).Read(std::nullopt, &recorder);
  EXPECT_EQ(end.outcome, Outcome::kFailed);
  EXPECT_THAT(end.Text(), HasSubstr("/does/not/exist does not exist"));
}

TEST_F(ConnectorProcessTest, TheHandlerEndsTheRun) {
  Write("a.txt", "one\n");
  Recorder recorder;
  recorder.on_page = [] { return absl::ResourceExhaustedError("the disk is full"); };
  const ConnectorEnd end = ConnectorProcess(Lines("100000")).Read(std::nullopt, &recorder);
  EXPECT_EQ(end.outcome, Outcome::kFailed);
  EXPECT_EQ(recorder.pages, 1);
  EXPECT_TRUE(absl::IsResourceExhausted(end.ToStatus())) << end.ToStatus();
}

TEST_F(ConnectorProcessTest, ThePluginWaitsForASlowHandler) {
  Write("a.txt", "one\n");
  Recorder recorder;
  ConnectorProcessOptions options = Lines("50000");
  options.stall_timeout = absl::Milliseconds(500);  // the handler's own time does not count
  recorder.on_page = [] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return absl::OkStatus();
  };
  const ConnectorEnd end = ConnectorProcess(options).Read(std::nullopt, &recorder);
  EXPECT_TRUE(end.ok()) << end.Text();
  EXPECT_EQ(recorder.records.size(), 50'000U);
}

TEST_F(ConnectorProcessTest, APluginInCWorks) {
  Recorder recorder;
  const ConnectorEnd end = ConnectorProcess(Options("in_c")).Read(std::nullopt, &recorder);
  ASSERT_TRUE(end.ok()) << end.Text();
  ASSERT_EQ(recorder.records.size(), 1U);
  EXPECT_EQ(recorder.records[0].skip, "rule");
  EXPECT_EQ(recorder.records[0].row, 7U);
  EXPECT_TRUE(recorder.columns.empty()) << "it was written before hosts could be told";
}

TEST_F(ConnectorProcessTest, AMissingHostBinaryIsNamed) {
  ConnectorProcessOptions options = Lines();
  options.host_binary = "/does/not/exist";
  EXPECT_THAT(ConnectorProcess(options).Describe().status().ToString(), HasSubstr("/does/not/exist"));
}

TEST_F(ConnectorProcessTest, RefusalsOfTheLoaderArrive) {
  EXPECT_THAT(ConnectorProcess(Options("bad_version")).Describe().status().ToString(),
              HasSubstr("was built for version 7 of the connector ABI and this server speaks version 1"));
  EXPECT_THAT(ConnectorProcess(Options("bad_exports")).Describe().status().ToString(), HasSubstr("another_symbol"));
  EXPECT_THAT(ConnectorProcess(Options("nothing")).Describe().status().ToString(), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace partnermetrics::connectors
