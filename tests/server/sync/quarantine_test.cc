#include "server/sync/quarantine.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <thread>

#include "server/sync/quarantine_edit.h"
#include "server/sync/quarantine_expiry.h"
#include "tests/server/sync/program_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
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
    request.quarantine.push_back(
        MakeQuarantineRow(connector, origin, raw, {"Field", reason, "why"}, programs_->pseudonymiser(), rejected_at));
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

TEST_F(QuarantineTest, CountsByConnectorReasonAndField) {
  const auto counted = CountQuarantine(*programs_, {});
  ASSERT_TRUE(counted.ok()) << counted.status();
  EXPECT_EQ(counted->records(), 4);
  ASSERT_EQ(counted->counts_size(), 3);
  EXPECT_EQ(counted->counts(0).connector(), "crm");
  EXPECT_EQ(counted->counts(0).reason(), "bad_date");
  EXPECT_EQ(counted->counts(0).field(), "Field");
  EXPECT_EQ(counted->counts(0).records(), 2);
  EXPECT_EQ(counted->counts(0).oldest_at().seconds(), 1'000);
  v1::CountQuarantineRequest request;
  request.set_run_id("crm-000003");
  EXPECT_EQ(CountQuarantine(*programs_, request)->records(), 2);
}

TEST_F(QuarantineTest, DiscardedRecordsAreKeptWithTheReason) {
  v1::DiscardQuarantineRequest discard;
  EXPECT_EQ(DiscardQuarantine(*programs_, discard).status().code(), absl::StatusCode::kInvalidArgument);
  discard.set_note("test data of 2019");
  EXPECT_EQ(DiscardQuarantine(*programs_, discard).status().code(), absl::StatusCode::kInvalidArgument)
      << "everything is not what a request without fields means";
  discard.set_reason("bad_date");
  discard.set_connector("crm");
  auto discarded = DiscardQuarantine(*programs_, discard);
  ASSERT_TRUE(discarded.ok()) << discarded.status();
  EXPECT_EQ(discarded->records(), 2);
  EXPECT_THAT(List({}, 2), ElementsAre(2, 4));
  v1::ListQuarantineRequest request;
  request.set_state(v1::QUARANTINE_STATE_DISCARDED);
  EXPECT_THAT(List(request, 2), ElementsAre(1, 3));
  const auto record = GetQuarantinedRecord(*programs_, 1);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->state(), v1::QUARANTINE_STATE_DISCARDED);
  ASSERT_EQ(record->history_size(), 1);
  EXPECT_EQ(record->history(0).action(), v1::QUARANTINE_ACTION_DISCARDED);
  EXPECT_EQ(record->history(0).message(), "test data of 2019");
  EXPECT_GT(record->history(0).done_at().seconds(), 1'000);
  EXPECT_EQ(record->raw(), "1") << "somebody may look at it until it expires";

  EXPECT_EQ(DiscardQuarantine(*programs_, discard)->records(), 0) << "they are not open any more";
  discard.Clear();
  discard.set_note("by number");
  discard.add_records(4);
  EXPECT_EQ(DiscardQuarantine(*programs_, discard)->records(), 1);
  discard.clear_records();
  discard.set_all(true);
  EXPECT_EQ(DiscardQuarantine(*programs_, discard)->records(), 1);
  EXPECT_EQ(CountQuarantine(*programs_, {})->records(), 0);
}

TEST_F(QuarantineTest, NumbersThatAreNotOpenAreNamedAndNothingIsDone) {
  v1::DiscardQuarantineRequest discard;
  discard.set_note("by number");
  const auto discarded = [&](const std::vector<uint64_t>& records) {
    discard.mutable_records()->Assign(records.begin(), records.end());
    return DiscardQuarantine(*programs_, discard);
  };
  for (const uint64_t unknown : {uint64_t{0}, uint64_t{5}, uint64_t{1} << 48, (uint64_t{1} << 48) + 1, ~uint64_t{0}}) {
    const absl::Status status = discarded({1, unknown}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(status.message(), absl::StrCat("record ", unknown, " is not in quarantine; nothing was done"));
  }
  EXPECT_EQ(discarded({17, 99, 4}).status().message(), "records 17, 99 are not in quarantine; nothing was done");
  std::vector<uint64_t> many(50);
  std::iota(many.begin(), many.end(), 4);
  EXPECT_THAT(discarded(many).status().message(), HasSubstr(", 23, 24 and 29 more are not in quarantine"));
  EXPECT_THAT(List({}, 4), ElementsAre(1, 2, 3, 4));

  EXPECT_EQ(discarded({1, 4})->records(), 2);
  const std::string at = absl::FormatTime(
      absl::RFC3339_sec, absl::FromUnixSeconds(GetQuarantinedRecord(*programs_, 4)->history(0).done_at().seconds()),
      absl::UTCTimeZone());
  const absl::Status again = discarded({2, 4}).status();
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(again.message(), absl::StrCat("record 4 (discarded ", at, ") is not open any more; nothing was done"));
  EXPECT_EQ(discarded({2, 4, 9}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(List({}, 2), ElementsAre(2, 3));
  discard.set_connector("nobody");
  EXPECT_EQ(discarded({2})->records(), 0) << "it is there, and does not fit the other field";
}

TEST_F(QuarantineTest, WhatLeftQuarantineStillExpires) {
  v1::DiscardQuarantineRequest discard;
  discard.set_note("no use");
  discard.set_all(true);
  ASSERT_TRUE(DiscardQuarantine(*programs_, discard).ok());
  EXPECT_EQ(*ExpireQuarantine(program().log(), absl::FromUnixSeconds(2'000), std::atomic<bool>(false)), 4);
  EXPECT_EQ(RawBytes(1), 0U);
  EXPECT_EQ(GetQuarantinedRecord(*programs_, 1)->history_size(), 1);
}

TEST_F(QuarantineTest, ExportsPageByPageWithTheText) {
  for (int i = 0; i < 40; ++i) Put("crm", "crm-000009", "big", std::string(kMaxRawBytes, 'y'));
  v1::ExportQuarantineRequest request;
  request.set_connector("crm");
  std::vector<uint64_t> numbers;
  size_t pages = 0;
  for (uint64_t after = 0;; ++pages) {
    const auto page = ExportQuarantine(*programs_, request, after);
    ASSERT_TRUE(page.ok()) << page.status();
    if (page->empty()) break;
    for (const v1::QuarantinedRecord& record : *page) {
      EXPECT_FALSE(record.raw().empty());
      numbers.push_back(record.record());
    }
    after = page->back().record();
  }
  EXPECT_EQ(numbers.size(), 43U);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  EXPECT_GE(pages, 3U);
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
    request.quarantine.push_back(MakeQuarantineRow("crm", {}, std::string(kMaxRawBytes, 'x'), {},
                                                   programs_->pseudonymiser(), absl::FromUnixSeconds(1'000)));
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
