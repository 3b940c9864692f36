#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "partnermetrics/connector.h"
#include "partnermetrics/v1/event.pb.h"
#include "tests/connectors/sdk/fake_host.h"

namespace partnermetrics::sdk {
namespace {

class SinkTest : public testing::Test {
 protected:
  static v1::Event Deal(const std::string& id) {
    v1::Event event;
    event.set_record_id(id);
    event.mutable_deal();
    return event;
  }

  FakeHost host_;
  Sink sink_{host_.table()};
};

TEST_F(SinkTest, ColumnsAreToldToAHostThatTakesThem) {
  sink_.Columns("Account", {{"Id", true}, {"Notes", false}});
  EXPECT_EQ(host_.columns["Account"], (std::map<std::string, bool>{{"Id", true}, {"Notes", false}}));
  EXPECT_TRUE(host_.problems.empty());
}

TEST_F(SinkTest, AnOlderHostHearsOfColumnsThatAreNotRead) {
  host_.BeOld();
  sink_.Columns("Account", {{"Id", true}, {"Notes", false}, {"Fax", false}});
  EXPECT_TRUE(host_.columns.empty());
  ASSERT_EQ(host_.problems.size(), 1U);
  EXPECT_EQ(host_.problems[0].where, "Account");
  EXPECT_EQ(host_.problems[0].message, "columns that are not read: Notes, Fax");
}

TEST_F(SinkTest, RecordsArriveAsTheyWereGiven) {
  ASSERT_TRUE(sink_.Emit({"a.csv", 1, 10}, "raw", Deal("d1")).ok());
  ASSERT_TRUE(sink_.Reject({"a.csv", 2, 20}, "raw2", "Date", "bad_date", "no date").ok());
  ASSERT_TRUE(sink_.Skip({"b.csv", 1, 0}, "test_mode").ok());
  EXPECT_TRUE(host_.pages.empty());
  ASSERT_TRUE(sink_.Commit("state").ok());
  ASSERT_EQ(host_.pages.size(), 1U);
  EXPECT_EQ(host_.pages[0].state, "state");
  const std::vector<FakeHost::Record>& records = host_.pages[0].records;
  ASSERT_EQ(records.size(), 3U);
  v1::EventBatch batch;
  ASSERT_TRUE(batch.ParseFromString(records[0].events));
  EXPECT_EQ(batch.events(0).record_id(), "d1");
  EXPECT_EQ(records[0].raw, "raw");
  EXPECT_EQ(records[0].file, "a.csv");
  EXPECT_EQ(records[0].offset, 10U);
  EXPECT_EQ(records[0].reject, std::nullopt);
  EXPECT_EQ(records[1].file, "a.csv");
  EXPECT_EQ(records[1].reject, "bad_date");
  EXPECT_EQ(records[1].field, "Date");
  EXPECT_EQ(records[1].message, "no date");
  EXPECT_EQ(records[2].file, "b.csv");
  EXPECT_EQ(records[2].skip, "test_mode");
}

TEST_F(SinkTest, PagesEndAtCheckpointsAndTheirStatesCoverThemExactly) {
  const std::string raw(1000, 'x');
  for (int i = 1; i <= 3000; ++i) {
    ASSERT_TRUE(sink_.Emit({"a.csv", static_cast<std::uint64_t>(i), 0}, raw, Deal(std::to_string(i))).ok());
    if (i % 7 == 0) {
      ASSERT_TRUE(sink_.Checkpoint(std::to_string(i)).ok());
    }
  }
  ASSERT_TRUE(sink_.Finish().ok());
  EXPECT_GT(host_.pages.size(), 5U);
  std::uint64_t last = 0;
  for (const FakeHost::Page& page : host_.pages) {
    EXPECT_LT(page.bytes, 300'000U);
    last += page.records.size();
    if (last < 3000) {
      EXPECT_EQ(page.state, std::to_string(last));
    }
  }
  EXPECT_EQ(last, 3000U);
  EXPECT_EQ(host_.pages.back().state, std::nullopt);  // 3000 is no checkpoint
}

TEST_F(SinkTest, TheLastCheckpointIsKept) {
  ASSERT_TRUE(sink_.Skip({"a", 1, 0}, "rule").ok());
  ASSERT_TRUE(sink_.Checkpoint("s1").ok());
  ASSERT_TRUE(sink_.Finish().ok());
  ASSERT_EQ(host_.pages.size(), 1U);
  EXPECT_EQ(host_.pages[0].state, "s1");
}

TEST_F(SinkTest, AStateWithoutRecordsIsHandedOver) {
  ASSERT_TRUE(sink_.Checkpoint("nothing new").ok());
  ASSERT_TRUE(sink_.Finish().ok());
  ASSERT_EQ(host_.pages.size(), 1U);
  EXPECT_EQ(host_.pages[0].state, "nothing new");
  EXPECT_TRUE(host_.pages[0].records.empty());
}

TEST_F(SinkTest, NothingGivesNoPage) {
  ASSERT_TRUE(sink_.Finish().ok());
  EXPECT_TRUE(host_.pages.empty());
}

TEST_F(SinkTest, PagesStayUnderTheLimitWithoutCheckpoints) {
  const std::string raw(100'000, 'x');
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(sink_.Reject({"a", 1, 0}, raw, "f", "r", "m").ok());
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(sink_.Skip({"a", 1, 0}, "r").ok());
  ASSERT_TRUE(sink_.Finish().ok());
  std::size_t records = 0;
  for (const FakeHost::Page& page : host_.pages) {
    EXPECT_LE(page.bytes, PM_PAGE_MAX_BYTES);
    EXPECT_LE(page.records.size(), PM_PAGE_MAX_RECORDS);
    EXPECT_EQ(page.state, std::nullopt);
    records += page.records.size();
  }
  EXPECT_EQ(records, 100'200U);
}

TEST_F(SinkTest, HugeRecordsAreRejectedAndTheirRawBytesCut) {
  v1::Event huge = Deal(std::string(2U << 20U, 'x'));
  ASSERT_TRUE(sink_.Emit({"a", 1, 0}, std::string(8U << 20U, 'y'), huge).ok());
  ASSERT_TRUE(sink_.Finish().ok());
  EXPECT_EQ(host_.pages[0].records[0].reject, "record_too_large");
  EXPECT_EQ(host_.pages[0].records[0].raw.size(), 256U << 10U);
}

TEST_F(SinkTest, TextsWithZeroBytesStayWhole) {
  ASSERT_TRUE(sink_.Reject({"a", 1, 0}, std::string("r\0w", 3), "f", "r", std::string("a\0b", 3)).ok());
  ASSERT_TRUE(sink_.Finish().ok());
  EXPECT_EQ(host_.pages[0].records[0].raw, std::string("r\0w", 3));
  EXPECT_EQ(host_.pages[0].records[0].message, "a b");
}

TEST_F(SinkTest, ErrorsStay) {
  host_.commit_code = PM_CANCELLED;
  ASSERT_TRUE(sink_.Skip({"a", 1, 0}, "r").ok());
  const Status status = sink_.Commit("s");
  EXPECT_EQ(status.code(), Code::kCancelled);
  EXPECT_EQ(status.message(), "refused");
  host_.commit_code = PM_OK;
  EXPECT_EQ(sink_.Skip({"a", 1, 0}, "r").code(), Code::kCancelled);
  EXPECT_EQ(sink_.Checkpoint("s").code(), Code::kCancelled);
  EXPECT_EQ(sink_.Complete("deal").code(), Code::kCancelled);
  EXPECT_EQ(sink_.Finish().code(), Code::kCancelled);
  EXPECT_TRUE(host_.pages.empty() && host_.complete.empty());
}

TEST_F(SinkTest, CancellationEndsTheNextRecord) {
  host_.is_cancelled = true;
  EXPECT_EQ(sink_.Skip({"a", 1, 0}, "r").code(), Code::kCancelled);
}

}  // namespace
}  // namespace partnermetrics::sdk
