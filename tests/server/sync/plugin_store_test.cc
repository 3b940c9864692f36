#include "server/sync/plugin_store.h"

#include <gmock/gmock.h>

#include <fstream>
#include <string>

#include "absl/strings/ascii.h"
#include "server/base/errors.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics {
namespace {

using ::testing::HasSubstr;

// Of the text "abc", from the standard (FIPS 180-2).
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class PluginStoreTest : public testing::Test {
 protected:
  void Write(const std::string& file, const std::string& content) {
    std::ofstream(folder_.path() + "/" + file, std::ios::trunc) << content;
  }
  const storage::TempDir folder_;
};

TEST_F(PluginStoreTest, FindsAPluginWithItsHash) {
  Write("good.so", "abc");
  const auto plugin = PluginStore(folder_.path(), {}).Find("good");
  ASSERT_TRUE(plugin.ok()) << plugin.status();
  EXPECT_EQ(plugin->path, folder_.path() + "/good.so");
  EXPECT_EQ(plugin->sha256, kAbc);
}

TEST_F(PluginStoreTest, NothingElseIsLookedUp) {
  Write("good.so", "abc");
  for (const char* name : {"", "missing", "../good", "Good", "good.so"}) {
    const auto plugin = PluginStore(folder_.path(), {}).Find(name);
    EXPECT_EQ(plugin.status().code(), absl::StatusCode::kNotFound) << name;
  }
}

TEST_F(PluginStoreTest, OnlyBuildsOfTheListMayRun) {
  Write("good.so", "abc");
  Write("other.so", "abc");
  const PluginStore store(folder_.path(), {{"good", absl::AsciiStrToUpper(kAbc)}, {"other", std::string(64, '0')}});
  EXPECT_TRUE(store.Find("good").ok()) << "hexadecimal in either case";
  const absl::Status refused = store.Find("other").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(refused.message(), HasSubstr(kAbc)) << "so that it can be put into the list";
  EXPECT_THAT(ErrorDetails(refused), HasSubstr("PLUGIN_NOT_ALLOWED"));
}

TEST_F(PluginStoreTest, AnotherBuildHasAnotherHashAtOnce) {
  const PluginStore store(folder_.path(), {});
  Write("good.so", "abc");
  ASSERT_EQ(store.Find("good")->sha256, kAbc);
  Write("new.so", "abcd");
  std::filesystem::rename(folder_.path() + "/new.so", folder_.path() + "/good.so");
  EXPECT_NE(store.Find("good")->sha256, kAbc);
}

}  // namespace
}  // namespace partnermetrics
