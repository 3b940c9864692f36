#include "connectors/host/loader.h"

#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace partnermetrics::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Plugin(const std::string& name) {
  return PM_BINARY_DIR "/tests/plugins/" + name + ".so";
}

std::string Refusal(const std::string& name) {
  const absl::StatusOr<LoadedConnector> loaded = LoadedConnector::Load(Plugin(name));
  return loaded.ok() ? "loaded" : std::string(loaded.status().message());
}

TEST(LoaderTest, LoadsAPlugin) {
  const absl::StatusOr<LoadedConnector> loaded = LoadedConnector::Load(Plugin("lines"));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_STREQ(loaded->table().name, "lines");
  EXPECT_STREQ(loaded->table().version, "1.2.3");
}

TEST(LoaderTest, LoadsAndUnloadsManyTimes) {
  for (int i = 0; i < 20; ++i) {
    const absl::StatusOr<LoadedConnector> lines = LoadedConnector::Load(Plugin("lines"));
    const absl::StatusOr<LoadedConnector> other = LoadedConnector::Load(Plugin("misbehave"));
    ASSERT_TRUE(lines.ok() && other.ok());
    EXPECT_GT(lines->table().describe().size, 0U);
  }
}

TEST(LoaderTest, PluginsExportTheTableAlone) {
  for (const char* name : {"lines", "misbehave", "in_c"}) {
    EXPECT_THAT(*ExportedSymbols(Plugin(name)), ElementsAre("partnermetrics_connector")) << name;
  }
}

TEST(LoaderTest, AnotherVersionIsRefusedWithBothVersionsAndARemedy) {
  EXPECT_THAT(Refusal("bad_version"), HasSubstr("was built for version 7 of the connector ABI and this server speaks "
                                                "version 1; update the server or rebuild the plugin"));
  EXPECT_THAT(Refusal("old_version"), HasSubstr("was built for version 0 of the connector ABI and this server speaks "
                                                "version 1; rebuild the plugin"));
}

TEST(LoaderTest, DamagedTablesAreRefused) {
  EXPECT_THAT(Refusal("bad_magic"), HasSubstr("does not begin with the connector magic"));
  EXPECT_THAT(Refusal("bad_size"), HasSubstr("has 24 bytes and version 1 of the connector ABI has at least 80"));
  EXPECT_THAT(Refusal("bad_null"), HasSubstr("has a NULL entry"));
}

TEST(LoaderTest, APluginThatExportsMoreIsRefused) {
  EXPECT_THAT(Refusal("bad_exports"), HasSubstr("exports 1 symbols besides partnermetrics_connector (another_symbol)"));
}

TEST(LoaderTest, FilesThatAreNoPluginsAreRefused) {
  EXPECT_THAT(Refusal("bad_name"), HasSubstr("it does not export partnermetrics_connector"));
  EXPECT_THAT(Refusal("does_not_exist"), HasSubstr("cannot be read: No such file or directory"));
  const std::string text = testing::TempDir() + "/text.so";
  std::ofstream(text) << "This is no library.";
  EXPECT_THAT(std::string(ExportedSymbols(text).status().message()), HasSubstr("not a 64-bit shared library"));
  std::ofstream(text, std::ios::trunc).close();
  EXPECT_FALSE(ExportedSymbols(text).ok());
}

TEST(LoaderTest, DamagedLibrariesAreReadWithoutACrash) {
  std::ifstream in(Plugin("in_c"), std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const std::string path = testing::TempDir() + "/damaged.so";
  std::mt19937 random(20260331);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = good.substr(0, i % 2 == 0 ? good.size() : random() % good.size());
    for (int j = 0; j < 20 && !bytes.empty(); ++j) bytes[random() % bytes.size()] = static_cast<char>(random());
    for (int j = 0; j < 4 && bytes.size() > 64; ++j) bytes[40 + random() % 24] = static_cast<char>(random());
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    (void)ExportedSymbols(path).ok();
  }
}

}  // namespace
}  // namespace partnermetrics::connectors
