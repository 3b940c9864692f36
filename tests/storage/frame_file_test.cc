#include "storage/frame_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "tests/storage/temp_dir.h"

namespace partnermetrics::storage {
namespace {

using ::testing::ElementsAre;

class FrameFileTest : public testing::Test {
 protected:
  void Write(const std::vector<std::string>& frames, bool seal = true) {
    auto file = FrameWriter::Create(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    for (const std::string& frame : frames) ASSERT_TRUE((*file)->Append(frame).ok());
    if (!seal) return;
    ASSERT_TRUE((*file)->Seal().ok());
  }
  absl::StatusOr<std::vector<std::string>> Read() {
    std::vector<std::string> frames;
    const absl::Status status = ReadFrames(path_, [&](absl::string_view frame) {
      frames.emplace_back(frame);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return frames;
  }
  void Replace(const std::string& content) { std::ofstream(path_, std::ios::binary) << content; }

  const TempDir folder_;
  const std::string path_ = folder_.path() + "/frames";
};

TEST_F(FrameFileTest, FramesComeBackInOrder) {
  const std::string binary("\0\xff\n", 3);
  Write({"one", binary, std::string(100'000, 'x')});
  const auto frames = Read();
  ASSERT_TRUE(frames.ok()) << frames.status();
  EXPECT_THAT(*frames, ElementsAre("one", binary, std::string(100'000, 'x')));
}

TEST_F(FrameFileTest, AFileThatNobodyFinishedIsRefused) {
  Write({"one", "two"}, /*seal=*/false);
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(FrameFileTest, AFileThatIsNotThereIsNotFound) {
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FrameFileTest, AnotherBeginningReplacesTheFile) {
  Write({"one", "two"});
  Write({"three"});
  EXPECT_THAT(*Read(), ElementsAre("three"));
}

TEST_F(FrameFileTest, EveryDamagedByteAndEveryMissingEndIsNoticed) {
  Write({"one", "two and more"});
  const std::string whole = *ReadFile(path_);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    Replace(damaged);
    EXPECT_EQ(Read().status().code(), absl::StatusCode::kDataLoss) << "byte " << i;
    Replace(whole.substr(0, i));
    EXPECT_EQ(Read().status().code(), absl::StatusCode::kDataLoss) << "cut at " << i;
  }
  Replace(whole + "x");
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace partnermetrics::storage
