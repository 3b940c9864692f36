#include "server/sync/quarantine.h"

#include <gmock/gmock.h>

#include <thread>

#include "server/sync/quarantine_expiry.h"
#include "tests/server/sync/program_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class QuarantineTest : public ProgramFixture {
 protected:
  void SetUp() override {
    ProgramFixture::SetUp();
    Put("crm", "crm-000001", "bad_date", "1");
    Put("billing", "billing-000002", "BAD_NUMBER", "2");
    Put("crm", "crm-000003", "bad_date", std::string(100'000, 'x'));
    Put("crm", "crm-000003", "bad_id", "4");
  }

  void Put(const std::string& connector, const std::string& run, const std::string& reason, const std::string& raw,
           absl::Time rejected_at = absl::FromUnixSeconds(1'000)) {
    v1::Origin origin;
    origin.set_run_id(run);
    WriteRequest request;
    request.quarantine.push_back(MakeQuarantineRow(connector, origin, raw, {"Field", reason, "why"}, rejected_at));
    ASSERT_TRUE(program().writer().Write(std::move(request)).status.ok());
  }

  std::vector<uint64_t> List(const v1::ListQuarantineRequest& request, int64_t expected_total) {
    const absl::StatusOr<v1::ListQuarantineResponse> page = ListQuarantine(*programs_, request);
    EXPECT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->total_size(), expected_total);
    next_ = page->next_page_token();
    std::vector<uint64_t> numbers;
    for (const v1::QuarantinedRecord& record : page->records()) numbers.push_back(record.record());
    return numbers;
  }

  size_t RawBytes(uint64_t record) {
    const absl::StatusOr<v1::QuarantinedRecord> found = GetQuarantinedRecord(*programs_, record);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? found->raw().size() : 0;
  }

  std::string next_;
};

TEST_F(QuarantineTest, ListsOldestFirstByPages) {
  v1::ListQuarantineRequest request;
  EXPECT_THAT(List(request, 4), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(next_, "");
  request.set_page_size(3);
  EXPECT_THAT(List(request, 4), ElementsAre(1, 2, 3));
  request.set_page_token(next_);
  EXPECT_THAT(List(request, 4), ElementsAre(4));
  EXPECT_EQ(next_, "");
  request.set_page_size(1);
  EXPECT_THAT(List(request, 4), ElementsAre(4));
  EXPECT_EQ(next_, "");
}

TEST_F(QuarantineTest, Filters) {
  v1::ListQuarantineRequest request;
  request.set_connector("crm");
  EXPECT_THAT(List(request, 3), ElementsAre(1, 3, 4));
  request.set_run_id("crm-000003");
  EXPECT_THAT(List(request, 2), ElementsAre(3, 4));
  request.set_reason("bad_id");
  EXPECT_THAT(List(request, 1), ElementsAre(4));
  request.set_connector("nobody");
  EXPECT_THAT(List(request, 0), IsEmpty());
}

TEST_F(QuarantineTest, ShowsARecord) {
  auto record = GetQuarantinedRecord(*programs_, 2);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->connector(), "billing");
  EXPECT_EQ(record->reason(), "bad_number");
  EXPECT_EQ(record->raw(), "2");
  EXPECT_EQ(record->rejected_at().seconds(), 1'000);
  EXPECT_EQ(record->raw_expires_at().seconds(), 1'000 + 90 * 86'400);
  record = GetQuarantinedRecord(*programs_, 3);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->raw().size(), kMaxRawBytes);
}

TEST_F(QuarantineTest, OlderTextExpiresAndTheRestStays) {
  const std::atomic<bool> stopping = false;
  const absl::Time limit = absl::FromUnixSeconds(2'000);
  Put("crm", "crm-000004", "bad_id", "newer", limit);
  Put("crm", "crm-000004", "bad_id", "as the clock went back");
  const absl::StatusOr<v1::QuarantinedRecord> before = GetQuarantinedRecord(*programs_, 2);
  ASSERT_TRUE(before.ok()) << before.status();

  absl::StatusOr<int64_t> expired = ExpireQuarantine(program().log(), limit, stopping);
  ASSERT_TRUE(expired.ok()) << expired.status();
  EXPECT_EQ(*expired, 5);
  programs_.reset();
  programs_ = OpenPrograms(folder_.path());
  EXPECT_THAT(List({}, 6), ElementsAre(1, 2, 3, 4, 5, 6));
  for (const uint64_t record : {1, 2, 3, 4, 6}) EXPECT_EQ(RawBytes(record), 0U) << record;
  EXPECT_EQ(RawBytes(5), 5U);
  v1::QuarantinedRecord after = *GetQuarantinedRecord(*programs_, 2);
  EXPECT_EQ(after.message(), "why");
  after.set_raw(before->raw());
  EXPECT_EQ(after.SerializeAsString(), before->SerializeAsString()) << "nothing but the text goes";

  expired = ExpireQuarantine(program().log(), limit, stopping);
  ASSERT_TRUE(expired.ok()) << expired.status();
  EXPECT_EQ(*expired, 0);
  Put("crm", "crm-000005", "bad_id", "next");
  EXPECT_EQ(RawBytes(7), 4U);
}

TEST_F(QuarantineTest, ManyTextsExpireBatchByBatch) {
  constexpr int kRecords = 1'500;  // of 64 KiB: some batches
  WriteRequest request;
  for (int i = 0; i < kRecords; ++i) {
    request.quarantine.push_back(
        MakeQuarantineRow("crm", {}, std::string(kMaxRawBytes, 'x'), {}, absl::FromUnixSeconds(1'000)));
  }
  ASSERT_TRUE(program().writer().Write(std::move(request)).status.ok());
  const absl::StatusOr<int64_t> expired =
      ExpireQuarantine(program().log(), absl::FromUnixSeconds(2'000), std::atomic<bool>(false));
  ASSERT_TRUE(expired.ok()) << expired.status();
  EXPECT_EQ(*expired, 4 + kRecords);
  for (uint64_t record = 1; record <= 4 + kRecords; ++record) ASSERT_EQ(RawBytes(record), 0U) << record;
}

TEST_F(QuarantineTest, AServerExpiresWhatIsDueWhenItStarts) {
  Put("crm", "crm-000004", "bad_id", "of today", absl::Now());
  const QuarantineExpiry expiry(*programs_);
  const absl::Time end = absl::Now() + absl::Seconds(30);
  while (RawBytes(1) + RawBytes(4) > 0 && absl::Now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(RawBytes(1) + RawBytes(4), 0U);
  EXPECT_EQ(RawBytes(5), 8U);
}

TEST_F(QuarantineTest, ExpiryEndsWhenToldTo) {
  const absl::StatusOr<int64_t> expired =
      ExpireQuarantine(program().log(), absl::InfiniteFuture(), std::atomic<bool>(true));
  ASSERT_TRUE(expired.ok()) << expired.status();
  EXPECT_EQ(*expired, 0);
  EXPECT_EQ(RawBytes(1), 1U);
}

TEST_F(QuarantineTest, RefusesWhatThereIsNot) {
  EXPECT_EQ(GetQuarantinedRecord(*programs_, 0).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GetQuarantinedRecord(*programs_, 5).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(GetQuarantinedRecord(*programs_, (uint64_t{1} << 48) + 1).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(GetQuarantinedRecord(*programs_, ~uint64_t{0}).status().code(), absl::StatusCode::kNotFound);
  v1::ListQuarantineRequest request;
  request.set_page_token("x");
  EXPECT_EQ(ListQuarantine(*programs_, request).status().code(), absl::StatusCode::kInvalidArgument);
  request.clear_page_token();
  request.set_page_size(-1);
  EXPECT_EQ(ListQuarantine(*programs_, request).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace partnermetrics
