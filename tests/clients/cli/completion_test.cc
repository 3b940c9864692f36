// What completion offers, from the tables; and that a real bash offers it.
#include "clients/cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/child.h"

namespace partnermetrics::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

std::vector<std::string> Words(std::vector<std::string> line) {
  std::vector<std::string> words;
  for (const Candidate& candidate : Complete(Commands(), std::move(line))) words.push_back(candidate.word);
  return words;
}

TEST(CompletionTest, OffersTheNextWordOfCommands) {
  EXPECT_THAT(Words({""}), IsSupersetOf({"connector", "metric", "partner", "quarantine", "scorecard", "completion"}));
  EXPECT_THAT(Words({"quar"}), ElementsAre("quarantine"));
  EXPECT_THAT(Words({"partner", "al"}), ElementsAre("alias"));
  EXPECT_THAT(Words({"partner", "alias", ""}), Contains("add"));
  EXPECT_THAT(Words({"completion", ""}), ElementsAre("bash", "zsh"));
  EXPECT_THAT(Words({"no-such", ""}), IsEmpty());
}

TEST(CompletionTest, EveryCommandIsReachedWordByWord) {
  for (const Command& command : Commands()) {
    const std::vector<std::string> words = absl::StrSplit(command.words, ' ');
    for (size_t i = 0; i < words.size(); ++i) {
      const std::vector<std::string> line(words.begin(), words.begin() + static_cast<int>(i) + 1);
      EXPECT_THAT(Words(line), Contains(words[i])) << command.words;
    }
  }
}

TEST(CompletionTest, OffersEveryFlagOfTheCommandAndTheGlobalOnes) {
  for (const Command& command : Commands()) {
    std::vector<std::string> line = absl::StrSplit(command.words, ' ');
    line.emplace_back("--");
    const std::vector<std::string> offered = Words(line);
    for (const Flag& flag : command.flags) EXPECT_THAT(offered, Contains(absl::StrCat("--", flag.name)));
    EXPECT_THAT(offered, IsSupersetOf({"--server", "--output", "--quiet", "--help"})) << command.words;
  }
}

TEST(CompletionTest, AFlagThatStandsThereIsNotOfferedAgainUnlessItRepeats) {
  EXPECT_THAT(Words({"metric", "query", "--compare", "--metric-ids", "x", "-q", "--"}),
              testing::AllOf(Not(Contains("--compare")), Contains("--metric-ids"), Contains("--step")));
}

TEST(CompletionTest, OffersTheValuesOfEnums) {
  EXPECT_THAT(Words({"metric", "query", "--step", ""}), ElementsAre("day", "week", "month", "quarter", "year"));
  EXPECT_THAT(Words({"metric", "query", "--step", "q"}), ElementsAre("quarter"));
  EXPECT_THAT(Words({"status", "-o", ""}), ElementsAre("table", "json", "csv"));
  EXPECT_THAT(Words({
                  "--color",
                  "al",
              }),
              ElementsAre("always"));
  EXPECT_THAT(Words({"metric", "query", "--metric-ids", ""}), IsEmpty()) << "any text";
}

TEST(CompletionTest, ValuesMayStandBehindASign) {
  EXPECT_THAT(Words({"metric", "query", "--step=q"}), ElementsAre("--step=quarter")) << "as zsh gives it";
  EXPECT_THAT(Words({"metric", "query", "--step", "=", "q"}), ElementsAre("quarter")) << "as bash gives it";
  EXPECT_THAT(Words({"metric", "query", "--step", "="}), Contains("month"));
  EXPECT_THAT(Words({"metric", "query", "--compare", "=", "f"}), ElementsAre("false"));
}

TEST(CompletionTest, GlobalFlagsMayComeFirst) {
  EXPECT_THAT(Words({"--server", "partner", "-o", "json", "scorec"}), ElementsAre("scorecard"));
}

TEST(CompletionTest, FlagsCarryTheFirstSentenceOfTheirHelp) {
  EXPECT_THAT(CompletionText(Commands(), {"connector", "run", "--fu"}),
              "--full\tRead everything again instead of what is new since the last run.\n");
}

std::string Partnerctl() {
  return PM_BINARY_DIR "/bin/partnerctl";
}

// What bash would offer for these words, of which the last stands at the cursor.
std::set<std::string> InBash(const std::vector<std::string>& words) {
  std::string script = absl::StrCat("source <(", Partnerctl(), " completion bash) && COMP_WORDS=(", Partnerctl());
  for (const std::string& word : words) absl::StrAppend(&script, " '", word, "'");
  absl::StrAppend(&script, ") && COMP_CWORD=", words.size(), " && _partnerctl ", Partnerctl(),
                  " && printf '%s\\n' \"${COMPREPLY[@]}\"");
  const CommandResult result = RunCommand({"/bin/bash", "--norc", "-c", script});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return absl::StrSplit(result.out, '\n', absl::SkipEmpty());
}

TEST(CompletionTest, BashOffersCommandsFlagsAndValues) {
  EXPECT_THAT(InBash({"connector", "ru"}), ElementsAre("run", "runs"));
  EXPECT_THAT(InBash({"connector", "run", "--fu"}), ElementsAre("--full"));
  EXPECT_THAT(InBash({"metric", "query", "--step", "=", "w"}), ElementsAre("week"));
  EXPECT_THAT(InBash({"nonsense", ""}), IsEmpty());
}

TEST(CompletionTest, BashOffersFilesBehindAnAt) {
  EXPECT_THAT(InBash({"status", "--json", absl::StrCat("@", PM_BINARY_DIR, "/bin/partnerc")}),
              ElementsAre(absl::StrCat("@", Partnerctl())));
}

TEST(CompletionTest, ZshGetsAScriptOfItsOwn) {
  const CommandResult script = RunCommand({Partnerctl(), "completion", "zsh"});
  EXPECT_EQ(script.exit_code, 0) << script.err;
  EXPECT_THAT(script.out, HasSubstr("#compdef partnerctl"));
  if (access("/usr/bin/zsh", X_OK) != 0) GTEST_SKIP() << "no zsh here to read it";
  EXPECT_EQ(RunCommand({"/usr/bin/zsh", "-n", "-c", script.out}).exit_code, 0);
}

TEST(CompletionTest, OtherShellsAreAUsageError) {
  const CommandResult fish = RunCommand({Partnerctl(), "completion", "fish"});
  EXPECT_EQ(fish.exit_code, 2);
  EXPECT_THAT(fish.err, HasSubstr("fish"));
  EXPECT_EQ(RunCommand({Partnerctl(), "completion"}).exit_code, 2);
}

}  // namespace
}  // namespace partnermetrics::cli
