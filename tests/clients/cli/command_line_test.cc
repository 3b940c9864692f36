#include "clients/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/clients/cli/table_of.h"

namespace partnermetrics::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Invocation Parse(const std::vector<std::string>& args) {
  return ParseCommandLine(Commands(), args);
}

std::map<std::string, std::vector<std::string>> FlagsOf(const Invocation& invocation) {
  std::map<std::string, std::vector<std::string>> flags;
  for (const FlagValue& given : invocation.flags) flags[std::string(given.flag->name)] = given.values;
  return flags;
}

TEST(CommandLineTest, FindsTheCommandAndItsFlags) {
  const Invocation invocation = Parse({"partner", "list", "--filter", "tier == \"gold\"", "--page-size", "10"});
  ASSERT_NE(invocation.command, nullptr);
  EXPECT_EQ(invocation.command->method, "ListPartners");
  EXPECT_THAT(FlagsOf(invocation)["filter"], ElementsAre("tier == \"gold\""));
  EXPECT_THAT(FlagsOf(invocation)["page-size"], ElementsAre("10"));
}

TEST(CommandLineTest, ArgumentsMayBeGivenByPositionOrByName) {
  EXPECT_THAT(FlagsOf(Parse({"scorecard", "acme"}))["partner-id"], ElementsAre("acme"));
  EXPECT_THAT(FlagsOf(Parse({"scorecard", "--partner-id", "acme"}))["partner-id"], ElementsAre("acme"));
  EXPECT_TRUE(FlagsOf(Parse({"scorecard"})).empty());
  // A partner may be called like a command.
  EXPECT_THAT(FlagsOf(Parse({"scorecard", "partner"}))["partner-id"], ElementsAre("partner"));
}

TEST(CommandLineTest, ValuesStayAsTheyAre) {
  const auto flags = FlagsOf(Parse({"metric", "query", "--metric-ids", "[a,b]", "--metric-ids", "c d", "--compare"}));
  EXPECT_THAT(flags.at("metric-ids"), ElementsAre("[a,b]", "c d"));
  EXPECT_THAT(flags.at("compare"), ElementsAre("true"));
  EXPECT_THAT(FlagsOf(Parse({"metric", "query", "--compare=false"}))["compare"], ElementsAre("false"));
}

TEST(CommandLineTest, GlobalFlagsStandAnywhere) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"-o", "json", "--timeout", "5s", "--server", "h:1", "status"},
        std::vector<std::string>{"status", "-o", "json", "--timeout", "5s", "--server", "h:1"}}) {
    const Invocation invocation = Parse(args);
    ASSERT_NE(invocation.command, nullptr);
    EXPECT_EQ(invocation.options.format, Format::kJson);
    EXPECT_EQ(invocation.options.timeout, absl::Seconds(5));
    EXPECT_EQ(invocation.options.server, "h:1");
  }
}

TEST(CommandLineTest, EveryCommandCanBeCalledByItsWords) {
  for (const Command& command : Commands()) {
    const std::vector<std::string> words = absl::StrSplit(command.words, ' ');
    EXPECT_EQ(Parse(words).command, &command) << command.words;
  }
}

TEST(CommandLineTest, HelpTellsFlagsFormsAndExitCodes) {
  EXPECT_THAT(Parse({"--help"}).text, HasSubstr("Exit codes:"));
  EXPECT_THAT(Parse({"partner", "--help"}).text, HasSubstr("Reads and maintains partners"));
  const std::string help = Parse({"metric", "query", "--help"}).text;
  EXPECT_THAT(help, HasSubstr("--window-start-on DATE"));
  EXPECT_THAT(help, HasSubstr("trailing_12_months"));
  EXPECT_THAT(help, HasSubstr("SCOPE: business, direct, program, partner:ID or segment:ATTRIBUTE=VALUE"));
  EXPECT_THAT(Parse({"--version"}).text, HasSubstr("partnerctl "));
}

TEST(CommandLineTest, WrongCommandLinesAreUsageErrors) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"partner"},
      {"partner", "lst"},
      {"partner", "list", "--fliter", "x"},
      {"partner", "list", "--filter"},
      {"partner", "list", "--page-size", "1", "--page-size", "2"},
      {"status", "extra"},
      {"status", "-o", "xml"},
      {"status", "--timeout", "soon"},
      {"status", "--timeout", "-5s"},
  };
  for (const auto& args : wrong) {
    const Invocation invocation = Parse(args);
    EXPECT_EQ(invocation.command, nullptr) << testing::PrintToString(args);
    ASSERT_TRUE(invocation.usage_error.has_value()) << testing::PrintToString(args);
    EXPECT_FALSE(invocation.usage_error->message.empty());
    EXPECT_THAT(invocation.usage_error->remedy, HasSubstr("--help"));
  }
  EXPECT_THAT(Parse({"partner", "lst"}).usage_error->message,
              HasSubstr("\"lst\" is no command; partnerctl partner has: get, list, "));
  EXPECT_THAT(Parse({"--help"}).text, testing::ContainsRegex("quarantine +list, show"));
  EXPECT_EQ(Parse({"status", "-o", "json", "extra"}).options.format, Format::kJson);
}

}  // namespace
}  // namespace partnermetrics::cli
