// Each check of the kit fails the connector that is broken in its way, says why, and passes the sound one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace partnermetrics {
namespace {

using ::testing::HasSubstr;

struct KitRun {
  int exit_code = -1;
  std::string output;

  // "pass", "FAIL" or "n/a" of a check; "" when it did not run.
  std::string Of(const std::string& check) const {
    for (const absl::string_view line : absl::StrSplit(output, '\n')) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
      if (words.size() > 1 && words[1] == check) return words[0];
    }
    return "";
  }
};

KitRun RunKit(const std::string& plugin, const std::string& arguments) {
  const std::string command =
      absl::StrCat(PM_BINARY_DIR, "/bin/partner-connector-test ", PM_BINARY_DIR, "/tests/broken/", plugin,
                   ".so --data ", PM_SOURCE_DIR, "/connectors/kit/broken/data ", arguments, " 2>&1");
  KitRun run;
  FILE* const pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> bytes;
  for (size_t got = 0; (got = std::fread(bytes.data(), 1, bytes.size(), pipe)) > 0;)
    run.output.append(bytes.data(), got);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) run.exit_code = WEXITSTATUS(status);
  return run;
}

struct Case {
  const char* plugin;
  const char* check;
  const char* says;
};

void PrintTo(const Case& broken, std::ostream* out) {
  *out << broken.plugin;
}

class KitTest : public ::testing::TestWithParam<Case> {};

TEST_P(KitTest, FailsTheConnectorThatIsBrokenInItsWay) {
  const KitRun run =
      RunKit(GetParam().plugin,
             absl::StrCat("--timeout 10 --settings label=rent token=t0p-secret --checks ", GetParam().check));
  EXPECT_EQ(run.exit_code, 1) << run.output;
  EXPECT_EQ(run.Of(GetParam().check), "FAIL") << run.output;
  EXPECT_THAT(run.output, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Ways, KitTest,
    ::testing::Values(Case{"broken_describe", "describe", "the description has no summary"},
                      Case{"broken_settings", "settings", "an unknown setting is answered with"},
                      Case{"broken_check", "check", "the plugin crashed: Segmentation fault"},
                      Case{"broken_hangs", "check", "the plugin did not return within 10s"},
                      Case{"broken_events", "events", "record_id"},
                      Case{"broken_places", "events", "a record has no place"},
                      Case{"broken_columns", "columns", "a stream has the same name in every run"},
                      Case{"broken_repeatable", "repeatable", "is another record"},
                      Case{"broken_resume", "resume", "going on from the state after record"},
                      Case{"broken_grown", "grown", "a cursor on a time must include records of the same time"},
                      Case{"broken_short_reads", "short_reads", "is missing"},
                      Case{"broken_read_errors", "read_errors", "and the run succeeds"},
                      Case{"broken_truncation", "truncation", "before their size, and the run succeeds"},
                      Case{"broken_bad_rows", "bad_rows", "passed over in silence"},
                      Case{"broken_cancel", "cancel", "goes on for more than 2 seconds"},
                      Case{"broken_stride", "sizes", "step through settings by setting_size"},
                      Case{"broken_old_host", "sizes", "the plugin crashed: Segmentation fault"},
                      Case{"broken_overrun", "sizes", "behind the end of a pm_error"},
                      Case{"broken_secrets", "secrets", "the value of token is shown"},
                      Case{"broken_memory", "memory", "read in pieces and keep nothing"},
                      Case{"broken_unload", "unload", "stays in memory"}),
    [](const auto& info) { return std::string(info.param.plugin); });

TEST(Kit, PassesASoundConnectorInEveryCheck) {
  const KitRun run = RunKit("broken_none", "--settings label=rent");
  EXPECT_EQ(run.exit_code, 0) << run.output;
  EXPECT_THAT(run.output, HasSubstr("17 checks, 0 failed"));
  EXPECT_THAT(run.output, ::testing::Not(HasSubstr("n/a ")));
}

TEST(Kit, ComparesWithAGoldenFileAndNamesTheFirstDifference) {
  const std::string golden = ::testing::TempDir() + "/golden.txt";
  const std::string compare = "--checks golden --golden " + golden;
  std::remove(golden.c_str());
  EXPECT_THAT(RunKit("broken_none", compare).output, HasSubstr("write it with --update-golden"));
  EXPECT_EQ(RunKit("broken_none", compare + " --update-golden").exit_code, 0);
  EXPECT_EQ(RunKit("broken_none", compare).exit_code, 0);
  const KitRun run = RunKit("broken_none", compare + " --settings label=rent");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.output, HasSubstr("in line 1"));
}

TEST(Kit, PrintsWhatAConnectorReads) {
  const KitRun run = RunKit("broken_none", "--print");
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.output, HasSubstr("feed.csv:1 cost {\"recordId\":\"C-000\""));
}

}  // namespace
}  // namespace partnermetrics
