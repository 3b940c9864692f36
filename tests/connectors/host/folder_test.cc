#include "connectors/host/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace partnermetrics::connectors {
namespace {

using ::testing::HasSubstr;

class FolderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(path_ + "/inside/sub");
    std::ofstream(path_ + "/secret.txt") << "secret";
    std::ofstream(path_ + "/inside/b.csv") << "12345";
    std::ofstream(path_ + "/inside/sub/a.csv") << "1";
    std::ofstream(path_ + "/inside/.upload") << "1";
    std::filesystem::create_symlink("../secret.txt", path_ + "/inside/link.txt");
    std::filesystem::create_symlink("..", path_ + "/inside/up");
    ASSERT_EQ(::mkfifo((path_ + "/inside/pipe").c_str(), 0600), 0);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string Refusal(const std::string& name) {
    const absl::StatusOr<Folder> folder = Folder::Open(path_ + "/inside");
    const absl::StatusOr<Descriptor> file = folder->OpenFile(name);
    return file.ok() ? "opened" : std::string(file.status().message());
  }

  const std::string path_ = testing::TempDir() + "/folder_test_" + std::to_string(::getpid());
};

TEST_F(FolderTest, ListsRegularFilesInOrder) {
  const absl::StatusOr<Folder> folder = Folder::Open(path_ + "/inside");
  for (int i = 0; i < 2; ++i) {
    const absl::StatusOr<std::vector<FileEntry>> files = folder->List();
    ASSERT_TRUE(files.ok()) << files.status();
    ASSERT_EQ(files->size(), 2U);
    EXPECT_EQ((*files)[0].name, "b.csv");
    EXPECT_EQ((*files)[0].size, 5U);
    EXPECT_EQ((*files)[1].name, "sub/a.csv");
  }
}

TEST_F(FolderTest, OpensFilesInside) {
  EXPECT_EQ(Refusal("b.csv"), "opened");
  EXPECT_EQ(Refusal("sub/a.csv"), "opened");
  EXPECT_EQ(Refusal("sub/../b.csv"), "opened");
}

TEST_F(FolderTest, RefusesWaysOut) {
  EXPECT_THAT(Refusal("../secret.txt"), HasSubstr("leads out of the connector's folder"));
  EXPECT_THAT(Refusal("/etc/passwd"), HasSubstr("leads out of the connector's folder"));
  EXPECT_THAT(Refusal("link.txt"), HasSubstr("symbolic link"));
  EXPECT_THAT(Refusal("up/secret.txt"), HasSubstr("symbolic link"));
}

TEST_F(FolderTest, RefusesWhatIsNoRegularFile) {
  EXPECT_THAT(Refusal("pipe"), HasSubstr("not a regular file"));
  EXPECT_THAT(Refusal("sub"), HasSubstr("not a regular file"));
  EXPECT_THAT(Refusal("nothing.csv"), HasSubstr("does not exist"));
  EXPECT_THAT(Refusal(""), HasSubstr("does not exist"));
}

TEST_F(FolderTest, AMissingFolderSaysSo) {
  EXPECT_THAT(std::string(Folder::Open(path_ + "/nothing").status().message()), HasSubstr("does not exist"));
  EXPECT_THAT(std::string(Folder::Open(path_ + "/secret.txt").status().message()), HasSubstr("is not a folder"));
}

}  // namespace
}  // namespace partnermetrics::connectors
