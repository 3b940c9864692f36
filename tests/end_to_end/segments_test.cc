// The segments that a shipped programme declares, over the demo's feed of that programme, asked for with partnerctl.
// What must come out is counted here from the feed's files.
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/end_to_end/server_fixture.h"

namespace partnermetrics {
namespace {

constexpr char kDemo[] = PM_SOURCE_DIR "/demo/";
constexpr int kPartialRun = 9;  // exit code of a run with rejected records

// Rows of a file without quoted cells, the first one left out.
std::vector<std::vector<std::string>> ReadRows(const std::string& name) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(ReadFile(absl::StrCat(kDemo, "lightreach/feed/", name)));
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line);) rows.push_back(absl::StrSplit(line, ','));
  return rows;
}

// Projects whose M2 was approved in March 2026, by the tier of their installer; "" of those without one.
std::map<std::string, int> ApprovalsByTier() {
  std::map<std::string, std::string> tiers;
  for (const auto& installer : ReadRows("installers.csv")) tiers[installer[0]] = installer[2];
  std::map<std::string, int> approvals;
  for (const auto& project : ReadRows("projects.csv")) {
    if (absl::StartsWith(project[4], "2026-03-")) ++approvals[tiers[project[1]]];
  }
  return approvals;
}

class SegmentsTest : public ServerFixture {
 protected:
  void SetUp() override {
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        ReadFile(absl::StrCat(kDemo, "lightreach/config.textproto")), &config()));
    // The demo's paths are relative to its file, which the test's server does not read.
    for (std::string& file : *config().mutable_program_files()) file = absl::StrCat(kDemo, "lightreach/", file);
    for (auto& connector : *config().mutable_connectors()) {
      connector.set_directory(absl::StrCat(kDemo, "lightreach/", connector.directory()));
    }
    Start();
    const CommandResult run = Partnerctl({"connector", "run", "milestones"});
    ASSERT_EQ(run.exit_code, kPartialRun) << run.out << run.err;
  }

  CommandResult Partnerctl(const std::vector<std::string>& words) {
    std::vector<std::string> command = {PartnerctlPath(), "--server", server().address(), "-o", "json"};
    command.insert(command.end(), words.begin(), words.end());
    return RunCommand(command);
  }
  // Approvals of M2 in March.
  std::string Approvals(const std::string& scope) {
    const CommandResult result =
        Partnerctl({"metric", "query", "--metric-ids", "m2_approvals", "--scopes", scope, "--as-of", "2026-03-31"});
    v1::QueryMetricsResponse response;
    if (!google::protobuf::util::JsonStringToMessage(result.out, &response).ok() || response.values_size() != 1) {
      return absl::StrCat(result.out, result.err);
    }
    return ExactText(response.values(0));
  }
};

TEST_F(SegmentsTest, TiersOfInstallersHaveTheirNumbers) {
  int all = 0;
  const std::map<std::string, int> expected = ApprovalsByTier();
  EXPECT_EQ(expected.size(), 5u) << "four tiers and none";
  for (const auto& [tier, approvals] : expected) {
    EXPECT_EQ(Approvals(absl::StrCat("segment:tier=", tier)), absl::StrCat(approvals)) << tier;
    all += approvals;
  }
  EXPECT_EQ(Approvals("program"), absl::StrCat(all)) << "each counts in one tier";
  const CommandResult verified = Partnerctl({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

TEST_F(SegmentsTest, AnInstallerThatIsPromotedLeavesWhatWasInItsOldTier) {
  const std::string before = Approvals("segment:tier=Elite");
  v1::IngestEventsRequest request;
  request.set_program("lightreach");
  v1::Event& event = *request.add_events();
  event.set_source("milestones");
  event.set_record_id("SUN-02");
  event.set_revision(2'000'000'000'000'000'000);
  event.mutable_partner()->set_tier("Platinum");
  event.mutable_partner()->set_name("BrightRoof Collective");
  event.mutable_partner()->mutable_attributes_since_on()->set_year(2030);
  event.mutable_partner()->mutable_attributes_since_on()->set_month(1);
  event.mutable_partner()->mutable_attributes_since_on()->set_day(1);
  v1::IngestEventsResponse response;
  ASSERT_TRUE(Ingest(request, response).ok());
  EXPECT_EQ(Approvals("segment:tier=Elite"), before) << "it is Elite until 2030";
  const CommandResult verified = Partnerctl({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

}  // namespace
}  // namespace partnermetrics
