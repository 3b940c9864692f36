// Runs and quarantine as a person controls them, by partnerctl over a real server and a real connector.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/end_to_end/server_fixture.h"

namespace partnermetrics {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int kPartialRun = 9;  // exit code of a run with rejected records

class ConnectorControlTest : public ServerFixture {
 protected:
  void SetUp() override {
    export_ = AddConnector("crm", "salesforce_export") + "/Opportunity.csv";
    Write("much", "2025-13-01");
    Start();
    EXPECT_EQ(Partnerctl({"connector", "run", "crm"}).exit_code, kPartialRun);
  }

  // An export of three deals, of which two have this amount and this date.
  void Write(const std::string& amount, const std::string& date) {
    const std::string tail = ",true,true,2025-01-01T00:00:00.000Z,2025-03-01T00:00:00.000Z\n";
    WriteFile(export_, absl::StrCat("Id,Name,StageName,Amount,CloseDate,IsClosed,IsWon,CreatedDate,SystemModstamp\n",
                                    "006A00000000001,A,Won,100,2025-03-01", tail,                    //
                                    "006A00000000002,\"B, Inc\",Won,", amount, ",2025-03-01", tail,  //
                                    "006A00000000003,C,Won,300,", date, tail));
  }

  CommandResult Partnerctl(std::vector<std::string> words) {
    words.insert(words.begin(), {PartnerctlPath(), "--server", server().address()});
    return RunCommand(words);
  }
  std::string Out(const std::vector<std::string>& words) {
    const CommandResult result = Partnerctl(words);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return result.out;
  }

  std::string export_;
};

TEST_F(ConnectorControlTest, QuarantineIsCountedExportedReplayedAndDiscarded) {
  EXPECT_THAT(Out({"quarantine", "count", "-o", "csv"}),
              AllOf(HasSubstr("crm,bad_amount,Amount,1"), HasSubstr("crm,bad_date,CloseDate,1")));
  const std::string csv = Out({"quarantine", "export", "-o", "csv"});
  EXPECT_THAT(csv, StartsWith("record,connector,origin.run_id,origin.file,origin.row,field,reason,message,"));
  EXPECT_THAT(csv, HasSubstr("\"006A00000000002,\"\"B, Inc\"\",Won,much")) << "quoted as CSV quotes";

  Write("200", "2025-13-01");
  EXPECT_THAT(Out({"quarantine", "replay", "--all", "-o", "csv"}), HasSubstr("crm,crm-000002,1,1,0"));
  EXPECT_EQ(ExactText(Metric("total_revenue", v1::SCOPE_KIND_BUSINESS)), "300");
  EXPECT_THAT(Out({"quarantine", "list", "--state", "replayed", "-o", "csv"}), HasSubstr("bad_amount"));

  EXPECT_EQ(Partnerctl({"quarantine", "discard", "2"}).exit_code, 3) << "without a reason";
  const CommandResult unknown =
      Partnerctl({"quarantine", "discard", "--records", "2", "--records", "17", "--note", "a test"});
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_THAT(unknown.err, HasSubstr("record 17 is not in quarantine; nothing was done"));
  EXPECT_THAT(Out({"quarantine", "discard", "2", "--note", "a test", "-o", "json"}), HasSubstr("\"records\": \"1\""));
  EXPECT_THAT(Out({"quarantine", "show", "2"}), HasSubstr("a test"));
  const CommandResult full = Partnerctl({"connector", "run", "crm", "--full"});
  EXPECT_EQ(full.exit_code, kPartialRun);
  EXPECT_THAT(full.out + full.err, HasSubstr("1 rejected as in a run before, and known to quarantine since then"));
  EXPECT_EQ(Out({"quarantine", "export", "-o", "csv"}).find("006A"), std::string::npos) << "none is left";
}

TEST_F(ConnectorControlTest, ARunIsStagedLookedAtAndPublished) {
  Write("200", "2025-03-01");
  EXPECT_THAT(
      Out({"connector", "run", "crm", "--full", "--stage"}),
      AllOf(HasSubstr("STAGED"), HasSubstr("nothing counts yet"), HasSubstr("connector staged show crm-000002")));
  EXPECT_EQ(ExactText(Metric("total_revenue", v1::SCOPE_KIND_BUSINESS)), "100");
  const std::string shown = Out({"connector", "staged", "show", "crm-000002"});
  EXPECT_THAT(shown, AllOf(HasSubstr("+ deal 006A00000000002"), HasSubstr("METRICS THAT WOULD MOVE"),
                           HasSubstr("partnerctl connector staged publish crm-000002")));
  EXPECT_THAT(Out({"connector", "staged", "show", "crm-000002", "-o", "json"}),
              AllOf(HasSubstr("\"added\": \"2\""), HasSubstr("\"unchanged\": \"1\"")));
  EXPECT_EQ(Partnerctl({"connector", "run", "crm"}).exit_code, 5) << "one run of a connector at a time";

  EXPECT_THAT(Out({"connector", "staged", "publish", "crm-000002"}), HasSubstr("succeeded"));
  EXPECT_EQ(ExactText(Metric("total_revenue", v1::SCOPE_KIND_BUSINESS)), "600");
  EXPECT_EQ(Partnerctl({"connector", "staged", "discard", "crm-000002"}).exit_code, 5) << "it counts now";
}

TEST_F(ConnectorControlTest, SchemaChangesAreSaidWithTheRunThatFoundThem) {
  const std::string times = "2025-01-01T00:00:00.000Z,2025-03-01T00:00:00.000Z";
  WriteFile(export_, absl::StrCat("Id,StageName,Amount,CloseDate,IsClosed,IsWon,CreatedDate,SystemModstamp,Region__c\n",
                                  "006A00000000001,Won,100,2025-03-01,true,true,", times, ",EMEA\n"));
  const auto has_changes = AllOf(
      HasSubstr("warning: Opportunity: the column Name is gone, and was read: facts lack from now on what it held\n"),
      HasSubstr("schema: Opportunity: the column Region__c is new; it is not read\n"));
  EXPECT_THAT(Out({"connector", "run", "crm", "--stage"}), has_changes);
  EXPECT_THAT(Out({"connector", "staged", "show", "crm-000002"}), has_changes);
  Out({"connector", "staged", "discard", "crm-000002"});
  EXPECT_THAT(Out({"connector", "run", "crm"}), has_changes) << "the discarded run is not compared with";
  EXPECT_THAT(Out({"connector", "log", "crm-000003", "-o", "json"}),
              AllOf(HasSubstr("\"change\": \"COLUMN_CHANGE_GONE\""), HasSubstr("\"columns_changed\": 2")));
  EXPECT_THAT(Out({"connector", "runs"}), HasSubstr("SCHEMA"));

  const std::string again = Out({"connector", "run", "crm", "--full"});
  EXPECT_THAT(again, Not(HasSubstr("Region__c")));
  Write("100", "2025-03-01");
  EXPECT_THAT(Out({"connector", "run", "crm"}), AllOf(HasSubstr("the column Name is new, and read"),
                                                      HasSubstr("the column Region__c is gone; it was not read")));
}

TEST_F(ConnectorControlTest, RunsAndCursorAreShownAndChanged) {
  EXPECT_THAT(Out({"connector", "log", "crm-000001", "-o", "json"}),
              AllOf(HasSubstr("\"plugin_sha256\": \""), HasSubstr("\"trigger\": \"RUN_TRIGGER_CALL\"")));
  EXPECT_THAT(Out({"connector", "cursor", "get", "crm"}), HasSubstr("crm-000001"));
  EXPECT_THAT(
      Out({"connector", "cursor", "reset", "crm", "--dry-run", "-o", "json"}),
      AllOf(HasSubstr("\"records\": \"3\""), HasSubstr("\"unchanged\": \"1\""), HasSubstr("\"changed\": false")));
  Out({"connector", "cursor", "reset", "crm"});
  EXPECT_EQ(RunConnector("crm").records_read(), 3);
  EXPECT_EQ(Partnerctl({"connector", "cancel", "crm"}).exit_code, 5);
  Out({"connector", "resume", "crm"});
  EXPECT_THAT(Out({"connector", "list", "-o", "csv"}), HasSubstr("crm"));
}

}  // namespace
}  // namespace partnermetrics
