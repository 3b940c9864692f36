// What a run says of columns that come and go, and which runs move what the next one is compared with.
#include "server/sync/stream_columns.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/sync/staged.h"
#include "tests/server/sync/run_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Columns = std::vector<std::pair<std::string, bool>>;

constexpr bool kRead = true, kUnread = false;

// "deals: +Region", with "(read)" behind it.
template <typename Message>
std::vector<std::string> Changes(const Message& message) {
  std::vector<std::string> texts;
  for (const v1::SchemaChange& change : message.schema_changes()) {
    texts.push_back(absl::StrCat(change.stream(), ": ", change.change() == v1::COLUMN_CHANGE_GONE ? "-" : "+",
                                 change.column(), change.read() ? " (read)" : ""));
  }
  EXPECT_EQ(message.columns_changed(), message.schema_changes_size());
  return texts;
}

std::vector<std::string> Remarks(const v1::ConnectorRun& run) {
  std::vector<std::string> texts;
  for (const v1::ConnectorProblem& remark : run.remarks()) {
    texts.push_back(absl::StrCat(remark.where(), ": ", remark.message()));
  }
  return texts;
}

class StreamColumnsTest : public RunTest {
 protected:
  // A run that reads nothing but this header.
  v1::ConnectorRun Run(const Columns& columns, connectors::ConnectorEnd end = {}) {
    auto run = Begin();
    run->OnColumns({"deals", columns});
    return End(*run, std::move(end));
  }

  v1::ConnectorRun Stored() {
    Engine::View view(program().engine());
    return ToConnectorRun(*ReadConnectorPoint(view, "crm")->last_run, /*live=*/false);
  }

  static connectors::ConnectorEnd Ending(connectors::ConnectorEnd::Outcome outcome) {
    connectors::ConnectorEnd end;
    end.outcome = outcome;
    end.code = outcome == connectors::ConnectorEnd::Outcome::kCancelled ? PM_CANCELLED : PM_SOURCE;
    return end;
  }

  const Columns before_ = {{"Id", kRead}, {"Tier", kRead}, {"Notes", kUnread}};
};

TEST_F(StreamColumnsTest, TheFirstRunHasNoChangesAndSaysOnceWhatIsNotRead) {
  const v1::ConnectorRun first = Run(before_);
  EXPECT_THAT(Changes(first), IsEmpty());
  EXPECT_THAT(Remarks(first), ElementsAre("deals: columns that are not read: Notes"));
  const v1::ConnectorRun second = Run(before_);
  EXPECT_THAT(Changes(second), IsEmpty());
  EXPECT_THAT(Remarks(second), IsEmpty());
}

TEST_F(StreamColumnsTest, ColumnsThatComeAndGoAreSaidOnce) {
  Run(before_);
  const v1::ConnectorRun run = Run({{"Id", kRead}, {"Region", kUnread}, {"Owner", kRead}});
  EXPECT_THAT(Changes(run),
              ElementsAre("deals: -Notes", "deals: -Tier (read)", "deals: +Owner (read)", "deals: +Region"));
  EXPECT_THAT(Remarks(run), IsEmpty()) << "the change says it";
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_THAT(Changes(Stored()), SizeIs(4));
  EXPECT_THAT(Changes(Run({{"Id", kRead}, {"Region", kUnread}, {"Owner", kRead}})), IsEmpty());
}

TEST_F(StreamColumnsTest, AnotherOrderIsNoChange) {
  Run(before_);
  EXPECT_THAT(Changes(Run({{"Notes", kUnread}, {"Tier", kRead}, {"Id", kRead}})), IsEmpty());
}

TEST_F(StreamColumnsTest, ANewFileAndOneThatIsAbsentAreNoChange) {
  Run(before_);
  auto other = Begin();
  other->OnColumns({"leads", {{"Id", kRead}}});
  EXPECT_THAT(Changes(End(*other)), IsEmpty());
  auto none = Begin();
  EXPECT_THAT(Changes(End(*none)), IsEmpty());
  EXPECT_THAT(Changes(Run({{"Id", kRead}, {"Tier", kRead}})), ElementsAre("deals: -Notes"))
      << "compared with the last run that read the file";
}

TEST_F(StreamColumnsTest, AColumnThatIsNoLongerReadIsRemarked) {
  Run(before_);
  const v1::ConnectorRun run = Run({{"Id", kRead}, {"Tier", kUnread}, {"Notes", kUnread}});
  EXPECT_THAT(Changes(run), IsEmpty());
  EXPECT_THAT(Remarks(run), ElementsAre("deals: columns that are no longer read: Tier"));
  EXPECT_THAT(Changes(Run({{"Id", kRead}, {"Notes", kUnread}})), ElementsAre("deals: -Tier")) << "not read any more";
}

TEST_F(StreamColumnsTest, OfSeveralFilesTheLastOneCountsAndAColumnIsReadThatAnyReads) {
  Run(before_);
  auto run = Begin();
  run->OnColumns({"deals", {{"Id", kRead}, {"Old", kRead}, {"Tier", kRead}}});
  run->OnColumns({"deals", {{"Id", kUnread}, {"Tier", kUnread}, {"Notes", kUnread}, {"New", kUnread}}});
  EXPECT_THAT(Changes(run->Snapshot()), ElementsAre("deals: +New")) << "while it goes on, too";
  const v1::ConnectorRun ended = End(*run);
  EXPECT_THAT(Changes(ended), ElementsAre("deals: +New"));
  EXPECT_THAT(Remarks(ended), IsEmpty());
}

TEST_F(StreamColumnsTest, ARunThatDoesNotFinishShowsChangesAndIsNotComparedWith) {
  using Outcome = connectors::ConnectorEnd::Outcome;
  Run(before_);
  const Columns after = {{"Id", kRead}, {"Tier", kRead}};
  EXPECT_THAT(Changes(Run(after, Ending(Outcome::kFailed))), ElementsAre("deals: -Notes"));
  EXPECT_THAT(Changes(Run(after, Ending(Outcome::kCancelled))), ElementsAre("deals: -Notes"));
  EXPECT_THAT(Changes(Stored()), ElementsAre("deals: -Notes"));
  EXPECT_THAT(Changes(Run(after)), ElementsAre("deals: -Notes"));
  EXPECT_THAT(Changes(Run(after)), IsEmpty());
}

TEST_F(StreamColumnsTest, ARunWithRejectedRecordsIsFinished) {
  Run(before_);
  auto run = Begin();
  run->OnColumns({"deals", {{"Id", kRead}}});
  ASSERT_TRUE(TestPage().Reject("bad_number", "x").State("s").GiveTo(*run).ok());
  EXPECT_EQ(End(*run).state(), v1::RUN_STATE_PARTIAL);
  EXPECT_THAT(Changes(Run({{"Id", kRead}})), IsEmpty());
}

TEST_F(StreamColumnsTest, WhatWasInterruptedIsSaidByTheRunThatReadsTheFileNext) {
  Run(before_);
  auto run = Begin();
  run->OnColumns({"deals", {{"Id", kRead}}});
  ASSERT_TRUE(TestPage().Deal("d1").State("s").GiveTo(*run).ok());
  run.reset();  // as a kill does
  auto again = Begin();
  EXPECT_THAT(Changes(End(*again)), IsEmpty());
  EXPECT_THAT(Changes(Run({{"Id", kRead}})), ElementsAre("deals: -Notes", "deals: -Tier (read)"));
}

TEST_F(StreamColumnsTest, TheStateMadeAnewFromTheLogIsTheSame) {
  Run(before_);
  Run({{"Id", kRead}, {"Tier", kRead}});
  const auto state = [this] {
    Engine::View view(program().engine());
    return ReadKnownColumns(view, "crm")->SerializeAsString();
  };
  const std::string live = state();
  EXPECT_NE(live, "");
  programs_.reset();
  ASSERT_GT(std::filesystem::remove_all(folder_.path() + "/state"), 0U);
  programs_ = OpenPrograms(folder_.path());
  ASSERT_NE(programs_, nullptr);
  EXPECT_EQ(state(), live);
  EXPECT_THAT(Changes(Stored()), ElementsAre("deals: -Notes"));
  EXPECT_THAT(Changes(Run({{"Id", kRead}})), ElementsAre("deals: -Tier (read)"));
}

TEST_F(StreamColumnsTest, AStagedRunShowsChangesAndCountsOncePublished) {
  StagedFiles::Options unlimited;
  unlimited.min_free_bytes = 0;
  const StagedFiles files(folder_.path(), unlimited);
  options_.staged_files = &files;
  const auto stage = [&] {
    options_.staged = true;
    v1::ConnectorRun run = Run({{"Id", kRead}, {"Tier", kRead}});
    options_.staged = false;
    EXPECT_EQ(run.state(), v1::RUN_STATE_STAGED) << run.error();
    EXPECT_THAT(Changes(run), ElementsAre("deals: -Notes"));
    Engine::View view(program().engine());
    return *ReadConnectorPoint(view, "crm")->last_run;
  };
  Run(before_);
  const log::v1::RunRecord discarded = stage();
  ASSERT_TRUE(DiscardStagedRun(program(), discarded, "a test").ok());
  EXPECT_THAT(Changes(Stored()), ElementsAre("deals: -Notes"));

  const log::v1::RunRecord published = stage();
  auto staged = ReadStagedRun(program(), files, published);
  ASSERT_TRUE(staged.ok()) << staged.status();
  ASSERT_TRUE(PublishStagedRun(config_, *programs_, program(), *std::move(staged), false).ok());
  EXPECT_THAT(Changes(Stored()), ElementsAre("deals: -Notes"));
  EXPECT_THAT(Changes(Run({{"Id", kRead}, {"Tier", kRead}})), IsEmpty());
}

TEST_F(StreamColumnsTest, NamesAreCutAndMadeText) {
  Run({{"Id", kRead}});
  const v1::ConnectorRun run = Run({{"Id", kRead}, {"\xFF", kRead}, {std::string(5'000, 'x'), kRead}});
  ASSERT_THAT(run.schema_changes(), SizeIs(2));
  EXPECT_LE(run.schema_changes(0).column().size(), 1'100U);
  EXPECT_EQ(run.schema_changes(1).column(), "\uFFFD");
}

TEST(StreamColumns, ListsTheFirstChangesAndCountsAll) {
  log::v1::ConnectorColumns known;
  known.add_streams()->set_stream("deals");
  StreamColumns columns(known);
  connectors::Columns told{"deals", {}};
  for (int i = 0; i < 300; ++i) told.columns.emplace_back(absl::StrCat("c", i), kRead);
  columns.Take(told);
  v1::ConnectorRun run;
  columns.Show(run);
  EXPECT_EQ(run.columns_changed(), 300);
  EXPECT_THAT(run.schema_changes(), SizeIs(StreamColumns::kMostChanges));
}

TEST(StreamColumns, FollowsStreamsUpToASizeAndSaysWhichItDoesNot) {
  StreamColumns columns(log::v1::ConnectorColumns(), /*most_bytes=*/100);
  columns.Take({"small", {{"a", kRead}}});
  columns.Take({"large", {{std::string(100, 'x'), kRead}}});
  columns.Take({"small", {{"a", kRead}, {std::string(60, 'b'), kRead}}});  // in place of what it was
  log::v1::RunEnd end;
  columns.Put(end);
  ASSERT_THAT(end.columns(), SizeIs(1));
  EXPECT_THAT(end.columns(0).columns(), SizeIs(2));
  ASSERT_THAT(columns.Remarks(), SizeIs(1));
  EXPECT_EQ(columns.Remarks()[0].where(), "large");
  EXPECT_THAT(columns.Remarks()[0].message(), HasSubstr("are not followed"));
}

}  // namespace
}  // namespace partnermetrics
