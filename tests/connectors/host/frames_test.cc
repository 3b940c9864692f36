#include "connectors/host/frames.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace partnermetrics::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

pm_bytes Bytes(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The payload of an encoded frame.
absl::string_view Payload(const std::string& frame) {
  return absl::string_view(frame).substr(5);
}

std::string SamplePage() {
  const std::string state = "state";
  const pm_bytes state_bytes = Bytes(state);
  const std::vector<pm_record> records = {
      {Bytes("events"), Bytes("raw"), "a.csv", 1, 10, nullptr, nullptr, nullptr, nullptr},
      {{}, Bytes("raw2"), "a.csv", 2, 20, "bad_date", nullptr, "Date", "no date"},
      {{}, {}, "a.csv", 3, 30, nullptr, "rule", nullptr, nullptr}};
  return EncodePage(records, &state_bytes);
}

TEST(FramesTest, PagesComeBackAsTheyWere) {
  const std::string frame = SamplePage();
  const absl::StatusOr<Page> page = DecodePage(Payload(frame));
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->records.size(), 3U);
  EXPECT_EQ(page->state, "state");
  EXPECT_EQ(page->records[0].events, "events");
  EXPECT_EQ(page->records[0].raw, "raw");
  EXPECT_EQ(page->records[1].reject, "bad_date");
  EXPECT_EQ(page->records[1].field, "Date");
  EXPECT_EQ(page->records[1].message, "no date");
  EXPECT_EQ(page->records[1].row, 2U);
  EXPECT_EQ(page->records[1].offset, 20U);
  EXPECT_EQ(page->records[2].skip, "rule");
}

TEST(FramesTest, APageWithoutStateHasNone) {
  const std::string frame = EncodePage({}, nullptr);
  EXPECT_EQ(DecodePage(Payload(frame))->state, std::nullopt);
}

TEST(FramesTest, StartComesBackAsItWas) {
  const std::string frame = Encode(Start{Command::kRead, {1, 2, 3}, {{"a", "b"}, {"c", ""}}, "state"});
  const absl::StatusOr<Start> start = DecodeStart(Payload(frame));
  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_EQ(start->command, Command::kRead);
  EXPECT_EQ(start->limits.cpu_seconds, 2U);
  EXPECT_EQ(start->settings.size(), 2U);
  EXPECT_EQ(start->settings[0].second, "b");
  EXPECT_EQ(start->state, "state");
}

TEST(FramesTest, ColumnsComeBackAsTheyWere) {
  const std::string frame = Encode(Columns{"Account", {{"Id", true}, {"", false}}});
  const absl::StatusOr<Columns> columns = DecodeColumns(Payload(frame));
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_EQ(columns->stream, "Account");
  EXPECT_THAT(columns->columns, ElementsAre(Pair("Id", true), Pair("", false)));
  for (std::size_t size = 0; size < Payload(frame).size(); ++size) {
    EXPECT_FALSE(DecodeColumns(Payload(frame).substr(0, size)).ok()) << size;
  }
}

TEST(FramesTest, ARecordMustHaveOneOutcome) {
  const std::string frame =
      EncodePage({{Bytes("events"), {}, "a.csv", 1, 0, "reason", nullptr, nullptr, nullptr}}, nullptr);
  EXPECT_THAT(std::string(DecodePage(Payload(frame)).status().message()), HasSubstr("more than one of"));
}

TEST(FramesTest, EveryTruncationAndExtensionIsRefused) {
  const std::string page = SamplePage();
  const std::string start = Encode(Start{Command::kCheck, {}, {{"a", "b"}}, "s"});
  for (std::size_t size = 0; size < Payload(page).size(); ++size) {
    EXPECT_FALSE(DecodePage(Payload(page).substr(0, size)).ok()) << size;
  }
  for (std::size_t size = 0; size < Payload(start).size(); ++size) {
    EXPECT_FALSE(DecodeStart(Payload(start).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodePage(std::string(Payload(page)) + "x").ok());
  EXPECT_FALSE(DecodeStart(std::string(Payload(start)) + "x").ok());
}

TEST(FramesTest, ACountThatLiesReservesNothing) {
  std::string payload(1, '\0');
  payload += std::string(4, '\xff');  // four billion records
  EXPECT_FALSE(DecodePage(payload).ok());
}

TEST(FramesTest, DamagedPayloadsNeverCrash) {
  std::mt19937 random(20260331);
  const std::string page = SamplePage();
  for (int i = 0; i < 100'000; ++i) {
    std::string damaged(Payload(page));
    for (int j = 0; j < 3; ++j) damaged[random() % damaged.size()] = static_cast<char>(random());
    (void)DecodePage(damaged).ok();
    (void)DecodeStart(damaged).ok();
    (void)DecodeFiles(damaged).ok();
    (void)DecodeProblem(damaged).ok();
    (void)DecodeColumns(damaged).ok();
    (void)DecodeHello(damaged).ok();
  }
}

TEST(FrameDecoderTest, FramesComeOutHoweverTheBytesArrive) {
  const std::string bytes = Encode(Progress{1, 2, "rows"}) + EncodeAck() + SamplePage();
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    FrameDecoder decoder;
    std::vector<FrameType> types;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      decoder.Append(absl::string_view(bytes).substr(at, step));
      Frame frame;
      while (*decoder.Next(&frame)) types.push_back(frame.type);
    }
    EXPECT_THAT(types, testing::ElementsAre(FrameType::kProgress, FrameType::kAck, FrameType::kPage));
  }
}

TEST(FrameDecoderTest, AFrameThatClaimsTooMuchIsRefusedBeforeItsBytesCome) {
  FrameDecoder decoder;
  decoder.Append(std::string("\xff\xff\xff\x7f\x02", 5));
  Frame frame;
  EXPECT_THAT(std::string(decoder.Next(&frame).status().message()), HasSubstr("claims 2147483647 bytes"));
}

}  // namespace
}  // namespace partnermetrics::connectors
