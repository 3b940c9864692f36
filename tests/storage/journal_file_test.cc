#include "storage/journal_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "tests/storage/temp_dir.h"

namespace partnermetrics::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class JournalFileTest : public testing::Test {
 protected:
  std::unique_ptr<JournalFile> Create() {
    auto file = JournalFile::Create(path_, /*sync=*/true);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  absl::StatusOr<std::unique_ptr<JournalFile>> Open() {
    frames_.clear();
    return JournalFile::Open(path_, /*sync=*/true, [&](uint64_t, absl::string_view frame) {
      frames_.emplace_back(frame);
      return absl::OkStatus();
    });
  }
  std::string Content() const {
    std::ifstream file(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  void Replace(const std::string& content) { std::ofstream(path_, std::ios::binary) << content; }

  const TempDir folder_;
  const std::string path_ = folder_.path() + "/journal";
  std::vector<std::string> frames_;
};

TEST_F(JournalFileTest, FramesAreReadWhereTheyWereAppended) {
  const auto file = Create();
  const auto first = file->Append({"one", "two"});
  const auto second = file->Append({std::string(100'000, 'x')});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*file->Read((*first)[1]), "two");
  EXPECT_EQ(*file->Read((*first)[0]), "one");
  EXPECT_EQ(*file->Read((*second)[0]), std::string(100'000, 'x'));
}

TEST_F(JournalFileTest, AnOpenedFileGoesOn) {
  ASSERT_TRUE(Create()->Append({"one", "two"}).ok());
  const auto file = Open();
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(frames_, ElementsAre("one", "two"));
  ASSERT_TRUE((*file)->Append({"three"}).ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(frames_, ElementsAre("one", "two", "three"));
}

// Wherever a crash cuts the file, what was whole before is there, and appends follow it.
TEST_F(JournalFileTest, ACutEndIsForgotten) {
  const auto places = Create()->Append({"one", "two", "three"});
  ASSERT_TRUE(places.ok());
  const std::string whole = Content();
  for (size_t size = (*places)[1]; size < whole.size(); ++size) {
    Replace(whole.substr(0, size));
    const auto file = Open();
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_THAT(frames_.size(), size < (*places)[2] ? 1u : 2u) << size;
    ASSERT_TRUE((*file)->Append({"next"}).ok());
    ASSERT_TRUE(Open().ok());
    ASSERT_EQ(frames_.back(), "next");
  }
}

TEST_F(JournalFileTest, DamageBeforeTheEndIsTold) {
  const auto places = Create()->Append({"one", "two", "three"});
  std::string content = Content();
  content[(*places)[1] + 9] ^= 1;
  Replace(content);
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kDataLoss);
  Replace("something else");
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(JournalFileTest, ACutForgetsAFrameAndAllBehindIt) {
  const auto file = Create();
  const auto places = file->Append({"one", "two"});
  ASSERT_TRUE(file->Cut((*places)[0]).ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(frames_, IsEmpty());
}

}  // namespace
}  // namespace partnermetrics::storage
