// Backups of a server: made while it works, expired in time, and erasures that reach them.
#include "server/ops/backups.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "server/engine/brute_force.h"
#include "tests/server/ops/ops_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class BackupsTest : public OpsFixture {
 protected:
  void SetUp() override {
    OpsFixture::SetUp();
    Ingest("record_id: 'P1' revision: 1 partner { name: 'Partner' }");
    Ingest(
        "record_id: 'R1' revision: 1 survey_response { survey: SURVEY_KIND_PARTNER_NPS respondent: 'ann@example.com' "
        "comment: 'Secretcomment' "
        "score: 9 responded_at { seconds: 1710000000 } }");
    IngestDeal(1, 100);
    Open({.folder = Path("backups")});
  }
  void Open(Backups::Options options) {
    backups_ = nullptr;
    absl::StatusOr<std::unique_ptr<Backups>> backups = Backups::Open(std::move(options), *programs_);
    ASSERT_TRUE(backups.ok()) << backups.status();
    backups_ = *std::move(backups);
  }
  v1::BackupInfo Make() {
    const absl::StatusOr<std::shared_ptr<BackupRun>> run = backups_->Start();
    EXPECT_TRUE(run.ok()) << run.status();
    if (!run.ok()) return {};
    BackupRun::Now now;
    while (!now.ended) now = (*run)->Next(now.progress.phase(), absl::Seconds(1));
    EXPECT_TRUE(now.status.ok()) << now.status;
    EXPECT_EQ(now.progress.phase(), v1::BACKUP_PHASE_DONE);
    return now.progress.backup();
  }
  std::vector<uint64_t> Numbers() {
    std::vector<uint64_t> numbers;
    const absl::StatusOr<v1::ListBackupsResponse> list = backups_->List(true);
    EXPECT_TRUE(list.ok()) << list.status();
    for (const v1::BackupInfo& info : list->backups()) {
      EXPECT_EQ(info.damage(), "");
      numbers.push_back(info.number());
    }
    return numbers;
  }
  std::unique_ptr<Programs> Restore(uint64_t number) {
    std::filesystem::remove_all(Path("restored"));
    const auto restored = storage::RestoreBackup(Path("backups"), number, Path("restored"));
    EXPECT_TRUE(restored.ok()) << restored.status();
    return OpenAt(Path("restored"));
  }
  ErasureSubject Ann() { return PersonSubject(programs_->pseudonymiser(), "ann@example.com"); }

  std::unique_ptr<Backups> backups_;
};

TEST_F(BackupsTest, ARestoredServerGivesTheSameNumbers) {
  const v1::BackupInfo made = Make();
  ASSERT_EQ(made.positions_size(), 1);
  EXPECT_EQ(made.positions(0).log_position(), program().log().last_position());
  EXPECT_EQ(made.created_at().seconds(), absl::ToUnixSeconds(now_));
  EXPECT_EQ(made.expires_at().seconds() - made.created_at().seconds(), 30 * 86'400);
  const std::string cells = Cells(*programs_), facts = Facts(*programs_);
  IngestDeal(2, 50);
  const auto restored = Restore(made.number());
  EXPECT_EQ(Cells(*restored), cells);
  EXPECT_EQ(Facts(*restored), facts);
  // Persons keep their pseudonyms.
  EXPECT_EQ(restored->pseudonymiser().Pseudonym("ann@example.com"),
            programs_->pseudonymiser().Pseudonym("ann@example.com"));
}

TEST_F(BackupsTest, BackupsUnderLoadAreExact) {
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; !done; ++i) IngestDeal(i % 500, 1 + i);
  });
  for (int i = 0; i < 4; ++i) {
    const v1::BackupInfo made = Make();
    const auto restored = Restore(made.number());
    Engine::View view(restored->all().front()->engine());
    EXPECT_EQ(view.header().position, made.positions(0).log_position());
    const absl::StatusOr<Verification> verified = VerifyCells(view, "", 10);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_THAT(verified->differences, IsEmpty());
  }
  done = true;
  writer.join();
}

TEST_F(BackupsTest, OneAtATime) {
  for (int i = 0; i < 2'000; ++i) Quarantine(std::string(10'000, 'x'));
  const auto first = backups_->Start();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(backups_->Start().status().code(), absl::StatusCode::kAborted);
  // A stop does not wait for it.
  backups_ = nullptr;
  const BackupRun::Now now = (*first)->Next(v1::BACKUP_PHASE_UNSPECIFIED, absl::ZeroDuration());
  EXPECT_TRUE(now.ended);
}

TEST_F(BackupsTest, OldOnesGo) {
  Open({.folder = Path("backups"), .keep = 2, .keep_for = absl::Hours(24)});
  for (int i = 0; i < 3; ++i) {
    Make();
    now_ += absl::Hours(10);
  }
  EXPECT_THAT(Numbers(), ElementsAre(2, 3)) << "no more than two";
  now_ += absl::Hours(5);
  Make();  // the second is 25 hours old
  EXPECT_THAT(Numbers(), ElementsAre(3, 4));
  now_ += absl::Hours(100);
  Open({.folder = Path("backups"), .keep_for = absl::Hours(24)});
  for (int i = 0; i < 500 && Numbers().size() > 1; ++i) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_THAT(Numbers(), ElementsAre(4)) << "the last one is better than none";
}

TEST_F(BackupsTest, AnErasureReachesTheBackups) {
  Make();
  const std::string cells = Cells(*programs_);
  const absl::StatusOr<v1::EraseSubjectResponse> erased = backups_->Erase(program(), Ann());
  ASSERT_TRUE(erased.ok()) << erased.status();
  EXPECT_EQ(erased->personal_values(), 2);
  ASSERT_EQ(erased->held_by_size(), 1);
  EXPECT_EQ(erased->held_by(0).backup(), 1u);
  EXPECT_EQ(erased->held_by(0).expires_at().seconds(), absl::ToUnixSeconds(now_ + absl::Hours(24) * 30));
  Make();  // which never had it

  // A restore of the older one erases it again.
  auto restored = Restore(1);
  EXPECT_THAT(FilesWith(Path("restored"), "Secretcomment"), Not(IsEmpty()));
  { ASSERT_TRUE(Backups::Open({}, *restored).ok()); }
  EXPECT_THAT(FilesWith(Path("restored"), "Secretcomment"), IsEmpty());
  EXPECT_EQ(Cells(*restored), cells);
  EXPECT_THAT(*storage::PendingErasures(Path("restored")), IsEmpty());
  restored = nullptr;
  restored = Restore(2);
  EXPECT_THAT(FilesWith(Path("restored"), "Secretcomment"), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(Path("restored/erasures.pending")));
  EXPECT_FALSE(absl::StrContains(*storage::ReadFile(Path("backups/erasures")), "ann@"));
}

TEST_F(BackupsTest, TheLastBackupGoesWhenItHoldsErasedData) {
  Make();
  ASSERT_TRUE(backups_->Erase(program(), Ann()).ok());
  now_ += absl::Hours(24) * 31;
  Open({.folder = Path("backups")});
  // A thread deletes it, file by file; while it does, the list may call it damaged.
  const auto is_gone = [this] {
    const auto listed = backups_->List(false);
    return listed.ok() && listed->backups().empty() && FilesWith(Path("backups"), "Secretcomment").empty();
  };
  for (int i = 0; i < 1'000 && !is_gone(); ++i) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_THAT(Numbers(), IsEmpty());
  EXPECT_THAT(FilesWith(Path("backups"), "Secretcomment"), IsEmpty());
}

TEST_F(BackupsTest, WithoutAFolderThereAreNone) {
  Open({});
  EXPECT_EQ(backups_->Start().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(backups_->List(false).status().code(), absl::StatusCode::kFailedPrecondition);
  const absl::StatusOr<v1::EraseSubjectResponse> erased = backups_->Erase(program(), Ann());
  ASSERT_TRUE(erased.ok()) << erased.status();
  EXPECT_EQ(erased->personal_values(), 2);
  EXPECT_EQ(erased->held_by_size(), 0);
}

TEST_F(BackupsTest, AnotherKeyIsRefused) {
  backups_ = nullptr;
  programs_ = nullptr;
  std::string key = *storage::ReadFile(Path("data/pseudonym.key"));
  key[3] = static_cast<char>(key[3] ^ 1);
  ASSERT_TRUE(storage::WriteFile(Path("data"), "pseudonym.key", key).ok());
  Programs::Options options;
  options.database.data_dir = Path("data");
  options.clock = [this] { return now_; };
  const absl::Status refused = Programs::Open(std::move(options)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(refused.message(), "key for pseudonyms")) << refused;
}

}  // namespace
}  // namespace partnermetrics
