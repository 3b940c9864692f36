#include "server/sync/known_rejects.h"

#include <gmock/gmock.h>

#include "server/sync/quarantine.h"
#include "tests/server/sync/program_fixture.h"

namespace partnermetrics {
namespace {

class KnownRejectsTest : public ProgramFixture {
 protected:
  storage::QuarantineRow Row(int row, const std::string& run = "crm-000001") {
    v1::Origin origin;
    origin.set_run_id(run);
    origin.set_file("a.csv");
    origin.set_row(static_cast<uint64_t>(row));
    return MakeQuarantineRow("crm", origin, "raw", {"Field", "bad", "why"}, programs_->pseudonymiser(), absl::Now());
  }

  void Put(storage::QuarantineRow row) {
    WriteRequest request;
    request.quarantine.push_back(std::move(row));
    ASSERT_TRUE(program().writer().Write(std::move(request)).status.ok());
  }

  // Whether it would be a new record.
  bool IsNew(KnownRejects& known, int row) {
    std::vector<storage::QuarantineRow> rows = {Row(row, "crm-000002")};
    RunTally tally;
    EXPECT_TRUE(known.LeaveOut(rows, tally).ok());
    return !rows.empty();
  }
};

TEST_F(KnownRejectsTest, OfMoreThanItMayHoldTheNewestAreKnown) {
  constexpr int kRows = 100, kHeld = 3 * KnownRejects::kParts;
  for (int row = 1; row <= kRows; ++row) Put(Row(row));
  auto known = KnownRejects::Read(program().log(), "crm", "crm-000002", /*part=*/3);
  ASSERT_TRUE(known.ok()) << known.status();
  int remembered = 0;
  for (int row = kRows; row > 0; --row) {
    std::vector<storage::QuarantineRow> rows = {Row(row, "crm-000002")};
    RunTally tally;
    ASSERT_TRUE(known->LeaveOut(rows, tally).ok());
    if (tally.counts().records_rejected_again() == 0) break;
    ++remembered;
  }
  EXPECT_GE(remembered, kHeld);
  EXPECT_LT(remembered, kHeld + 3);
}

TEST_F(KnownRejectsTest, EntriesFromBeforeThereWereFingerprintsAreNotKnown) {
  storage::QuarantineRow row = Row(1);
  log::v1::QuarantineEntry entry;
  ASSERT_TRUE(entry.ParseFromString(row.value));
  entry.clear_fingerprint();
  row.value = entry.SerializeAsString();
  Put(row);
  auto known = KnownRejects::Read(program().log(), "crm", "crm-000002");
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->open_bytes(), row.value.size());
  EXPECT_TRUE(IsNew(*known, 1));
  EXPECT_FALSE(IsNew(*known, 1));
}

TEST_F(KnownRejectsTest, ADamagedEntryIsSaidByNumber) {
  storage::QuarantineRow row;
  row.value = "\xFF";
  Put(row);
  EXPECT_EQ(KnownRejects::Read(program().log(), "crm", "").status().message(), "record 1 in quarantine is damaged");
}

}  // namespace
}  // namespace partnermetrics
