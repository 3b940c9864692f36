#include "server/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

constexpr char kProgram[] = R"pb(id: "acme" display_name: "Acme" currency_code: "USD" time_zone: "UTC")pb";

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    Write("acme.textproto", kProgram);
    Write("catalog.textproto", "");
    std::filesystem::create_directories(Path("plugins"));
    Write("plugins/salesforce_export.so", "");
  }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(Path(name)) << text; }

  absl::StatusOr<LoadedConfig> Load(const std::string& text, const ConfigOverrides& overrides = {}) const {
    Write("partnerd.textproto", text);
    return LoadConfig(Path("partnerd.textproto"), overrides);
  }

  // What is wrong with the file, with its folder written as DIR.
  std::string Problems(const std::string& text) const {
    const auto loaded = Load(text);
    if (loaded.ok()) return "";
    EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
    return absl::StrReplaceAll(loaded.status().message(), {{folder_.path(), "DIR"}});
  }

  // What is wrong with lines that follow a good beginning of six lines.
  std::string ProblemsAfter(const std::string& lines) const {
    return Problems(
        absl::StrCat("# A comment.\n"
                     "data_dir: \"data\"\n"
                     "program_files: \"acme.textproto\"\n"
                     "catalog_paths: \"catalog.textproto\"\n"
                     "plugin_dir: \"plugins\"\n"
                     "\n",
                     lines));
  }

  storage::TempDir folder_;
};

TEST_F(ConfigTest, FillsInDefaultsAndResolvesPaths) {
  const auto loaded = Load(R"pb(
    data_dir: "data"
    program_files: "acme.textproto"
    catalog_paths: "catalog.textproto"
    plugin_dir: "./plugins"
    connectors { name: "sf" plugin: "salesforce_export" directory: "../exports" })pb");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->server.listen(), "127.0.0.1:7400");
  EXPECT_EQ(loaded->server.data_dir(), Path("data"));
  EXPECT_EQ(loaded->server.storage_memory_mb(), 256);
  EXPECT_EQ(loaded->server.max_threads(), 64);
  EXPECT_EQ(loaded->server.log_level(), "info");
  ASSERT_EQ(loaded->definitions.size(), 1u);
  EXPECT_EQ(loaded->definitions[0].program().id(), "acme");
  ASSERT_EQ(loaded->connectors.size(), 1u);
  EXPECT_EQ(loaded->connectors[0].directory,
            (std::filesystem::path(folder_.path()).parent_path() / "exports").string());
}

TEST_F(ConfigTest, PutsFlagsBeforeTheFile) {
  ConfigOverrides overrides;
  overrides.listen = "[::1]:0";
  overrides.data_dir = "/var/other";
  overrides.log_level = "debug";
  const auto loaded =
      Load(R"pb(
             listen: "127.0.0.1:1" program_files: "acme.textproto" catalog_paths: "catalog.textproto")pb",
           overrides);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->server.listen(), "[::1]:0");
  EXPECT_EQ(loaded->server.data_dir(), "/var/other");
  EXPECT_EQ(loaded->server.log_level(), "debug");
}

TEST_F(ConfigTest, ResolvesSecrets) {
  setenv("PM_TEST_SECRET", "from the environment", 1);
  Write("secret", "from a file\n");
  const auto loaded = Load(R"pb(
    data_dir: "data"
    program_files: "acme.textproto"
    catalog_paths: "catalog.textproto"
    plugin_dir: "plugins"
    pseudonym_key_env: "PM_TEST_SECRET"
    connectors {
      name: "sf"
      plugin: "salesforce_export"
      directory: "."
      settings { name: "a" value: "plain" }
      settings { name: "b" from_env: "PM_TEST_SECRET" }
      settings { name: "c" from_file: "secret" }
    })pb");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->pseudonym_key, "from the environment");
  EXPECT_THAT(loaded->connectors[0].settings,
              ElementsAre(Pair("a", "plain"), Pair("b", "from the environment"), Pair("c", "from a file")));
  EXPECT_THAT(loaded->connectors[0].secrets, ElementsAre("from the environment", "from a file"));
}

TEST_F(ConfigTest, ReportsAMissingFile) {
  const auto loaded = LoadConfig(Path("nothing.textproto"));
  EXPECT_EQ(loaded.status().message(),
            absl::StrCat(Path("nothing.textproto"),
                         ": the file cannot be read; check its name and permissions, or copy "
                         "config/partnerd.textproto and edit it"));
}

TEST_F(ConfigTest, ReportsMistakesOfSyntaxWithTheirPlace) {
  EXPECT_EQ(ProblemsAfter("lisen: \"127.0.0.1:1\"\n"),
            "DIR/partnerd.textproto:7:6: Message type \"partnermetrics.config.v1.ServerConfig\" has no field named "
            "\"lisen\"; correct or remove it (did you mean \"listen\"?)");
  EXPECT_THAT(ProblemsAfter("max_threads: many\n"), StartsWith("DIR/partnerd.textproto:7:14: Expected integer"));
  EXPECT_THAT(ProblemsAfter("connectors {\n"), StartsWith("DIR/partnerd.textproto:8:1: "));
  EXPECT_THAT(ProblemsAfter("data_dir: \"again\"\n"), StartsWith("DIR/partnerd.textproto:7:9: Non-repeated field"));
}

TEST_F(ConfigTest, ReportsEveryBadValueAtOnce) {
  EXPECT_EQ(
      ProblemsAfter("listen: \"localhost\"\nlog_level: \"loud\"\nstorage_memory_mb: -1\nmax_threads: 2\n"),
      "DIR/partnerd.textproto:7:1: listen 'localhost' is no address and port; write it as \"127.0.0.1:7400\"; port "
      "0 takes a free one\n"
      "DIR/partnerd.textproto:9:1: storage_memory_mb is negative; give a positive number, or leave it out\n"
      "DIR/partnerd.textproto:10:1: max_threads is 2; give at least 8, or leave it out for 64\n"
      "DIR/partnerd.textproto:8:1: log_level 'loud' is unknown; use one of debug, info, warning, error");
}

TEST_F(ConfigTest, ReportsWhatIsMissing) {
  EXPECT_EQ(Problems("catalog_paths: \"catalog.textproto\"\n"),
            "DIR/partnerd.textproto: data_dir is missing; name the folder for log and state, here or by --data-dir\n"
            "DIR/partnerd.textproto: program_files is missing; name at least one programme file");
  EXPECT_EQ(
      Problems("data_dir: \"d\"\ncatalog_paths: \"catalog.textproto\"\nprogram_files: \"acm.textproto\"\n"),
      "DIR/partnerd.textproto:3:1: there is no programme file DIR/acm.textproto; correct the path; it counts from "
      "the configuration's folder");
  EXPECT_EQ(
      Problems("data_dir: \"d\"\ncatalog_paths: \"definitions\"\nprogram_files: \"acme.textproto\"\n"),
      "DIR/partnerd.textproto:2:1: there is no file or folder DIR/definitions; correct the path; it counts from the "
      "configuration's folder");
}

TEST_F(ConfigTest, ReportsAProgrammeThatIsThereTwice) {
  Write("copy.textproto", kProgram);
  EXPECT_EQ(
      ProblemsAfter("program_files: \"copy.textproto\"\n"),
      "DIR/partnerd.textproto:7:1: programme 'acme' is in DIR/acme.textproto already; give one of them another id, "
      "or remove it");
}

TEST_F(ConfigTest, ReportsMistakesOfDefinitionsInTheirFile) {
  Write("catalog.textproto", "measures {\n  id: \"m\"\n  fact: \"deel\"\n  kind: MEASURE_KIND_FLOW\n}\n");
  EXPECT_THAT(ProblemsAfter(""), HasSubstr("DIR/catalog.textproto:3"));
}

TEST_F(ConfigTest, ReportsMistakesOfConnectors) {
  EXPECT_EQ(
      ProblemsAfter("connectors { name: \"a\" plugin: \"salesforce_exprt\" directory: \".\" }\n"),
      "DIR/partnerd.textproto:7:24: connector 'a': there is no plugin 'salesforce_exprt' in DIR/plugins; correct its "
      "name (did you mean \"salesforce_export\"?)");
  EXPECT_EQ(ProblemsAfter("connectors { plugin: \"salesforce_export\" directory: \".\" }\n"),
            "DIR/partnerd.textproto:7:1: a connector has no name; give it a name: \"salesforce\"");
  const std::string good = "connectors { name: \"a\" plugin: \"salesforce_export\" directory: \".\" }\n";
  EXPECT_EQ(ProblemsAfter(good + good),
            "DIR/partnerd.textproto:8:14: connector 'a' is there twice; give each instance a name of its own");
  EXPECT_EQ(
      ProblemsAfter("connectors {\n  name: \"a\"\n  plugin: \"salesforce_export\"\n  program: \"acne\"\n"
                    "  max_rejected_share: 20\n  settings { name: \"key\" from_env: \"PM_TEST_UNSET\" }\n"
                    "  settings { name: \"key\" value: \"\" }\n  settings { name: \"other\" }\n}\n"),
      "DIR/partnerd.textproto:7:1: connector 'a': directory is missing; name the folder that it reads\n"
      "DIR/partnerd.textproto:10:3: connector 'a': there is no programme 'acne'; use one of acme\n"
      "DIR/partnerd.textproto:11:3: connector 'a': max_rejected_share is no share; give a number from 0 (no limit) "
      "to 1\n"
      "DIR/partnerd.textproto:12:26: connector 'a': setting 'key': environment variable PM_TEST_UNSET is not set; "
      "set it before the server starts\n"
      "DIR/partnerd.textproto:14:3: connector 'a': setting 'other' has no value; give value, from_env or from_file");
}

TEST_F(ConfigTest, ReportsMistakesOfOwnRunsAndLimits) {
  const std::string a = "connectors { name: \"a\" plugin: \"salesforce_export\" directory: \".\" ";
  EXPECT_THAT(ProblemsAfter(a + "every: \"6\" }\n"), HasSubstr("every '6' is no duration of a minute or more"));
  EXPECT_THAT(ProblemsAfter(a + "cron: \"61 * * * *\" }\n"), HasSubstr("cron '61 * * * *': the minute '61' is none"));
  EXPECT_THAT(ProblemsAfter(a + "every: \"6h\" cron: \"* * * * *\" }\n"), HasSubstr("keep one of them"));
  EXPECT_THAT(ProblemsAfter(a + "max_vanished_share: 2 }\n"), HasSubstr("max_vanished_share is no share"));
  EXPECT_THAT(ProblemsAfter(a + "max_failures: -1 }\n"), HasSubstr("max_failures is negative"));
  EXPECT_THAT(ProblemsAfter("plugin_limits { memory_mb: -1 }\n"), HasSubstr("plugin_limits is negative"));
  EXPECT_THAT(ProblemsAfter("allowed_plugins { plugin: \"a\" sha256: \"12\" }\n"),
              HasSubstr("needs its name and 64 hexadecimal digits"));
}

TEST_F(ConfigTest, ReportsAnUnknownPluginFolder) {
  EXPECT_EQ(Problems("data_dir: \"d\"\ncatalog_paths: \"catalog.textproto\"\nprogram_files: \"acme.textproto\"\n"
                     "plugin_dir: \"plugin\"\n"),
            "DIR/partnerd.textproto:4:1: there is no plugin folder DIR/plugin; set plugin_dir to the folder with the "
            "connectors' .so files");
}

TEST_F(ConfigTest, RefusesAShortKey) {
  setenv("PM_TEST_SHORT", "short", 1);
  EXPECT_EQ(
      ProblemsAfter("pseudonym_key_env: \"PM_TEST_SHORT\"\n"),
      "DIR/partnerd.textproto:7:1: the key in PM_TEST_SHORT has less than 16 bytes; use at least 16 random bytes, "
      "and keep them");
}

}  // namespace
}  // namespace partnermetrics
