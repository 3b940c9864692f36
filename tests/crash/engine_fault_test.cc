// Fails the k-th operation of the disk while a programme is written to, checkpointed, backed up and erased from, for
// many k: once alone and once with all that follow, with EIO and with ENOSPC. What was answered must be true, reads go
// on, every number equals a calculation from scratch after the next start, and a backup that is listed is whole.
//
// PM_FAULTS sets how many k are tried for each kind of fault, spread over the scenario; 0: all.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "server/engine/brute_force.h"
#include "server/ops/backups.h"
#include "tests/server/ops/ops_fixture.h"
#include "tests/storage/fault_file_system.h"

namespace partnermetrics {
namespace {

namespace fs = std::filesystem;
using Error = storage::FaultFileSystem::Error;
using Op = storage::FaultFileSystem::Op;

constexpr int kWrites = 20, kEventsPerWrite = 10;
constexpr int64_t kForGood = std::numeric_limits<int64_t>::max();

class EngineFaultTest : public OpsFixture {
 protected:
  EngineFaultTest() : files_(std::make_shared<storage::FaultFileSystem>()), env_(files_) {}

  // Nothing is opened before a fault is chosen.
  void SetUp() override { spdlog::set_level(spdlog::level::off); }

  // What callers were told of each write.
  struct Answers {
    std::set<int> accepted, refused;
    bool erased = false;
  };

  absl::StatusOr<std::unique_ptr<Programs>> TryOpen() {
    Programs::Options options = OptionsAt(Path("data"));
    options.database.env = &env_;
    options.database.memtable_bytes = 64 << 10;
    return Programs::Open(std::move(options));
  }

  WriteRequest Deals(int write) {
    WriteRequest request;
    for (int i = 0; i < kEventsPerWrite; ++i) {
      v1::Event event;
      event.set_record_id(absl::StrCat("D", write, "-", i));
      event.set_revision(1);
      event.mutable_deal()->set_outcome(v1::DEAL_OUTCOME_WON);
      event.mutable_deal()->mutable_amount()->set_units(write);
      event.mutable_deal()->mutable_closed_on()->set_year(2024);
      event.mutable_deal()->mutable_closed_on()->set_month(3);
      event.mutable_deal()->mutable_closed_on()->set_day(1 + i);
      request.events.push_back(Prepared(std::move(event)));
    }
    v1::Event lead;
    lead.set_record_id(absl::StrCat("L", write));
    lead.mutable_lead()->set_contact_name("Secretperson");
    lead.mutable_lead()->set_contact_email("ann@example.com");
    request.events.push_back(Prepared(std::move(lead)));
    return request;
  }

  void Run(Answers& answers) {
    absl::StatusOr<std::unique_ptr<Programs>> programs = TryOpen();
    if (!programs.ok()) return;
    programs_ = *std::move(programs);
    absl::StatusOr<std::unique_ptr<Backups>> backups = Backups::Open({.folder = Path("backups")}, *programs_);
    for (int write = 1; write <= kWrites; ++write) {
      const absl::Status status = program().writer().Write(Deals(write)).status;
      if (status.ok()) answers.accepted.insert(write);
      if (absl::IsResourceExhausted(status) || absl::IsFailedPrecondition(status)) answers.refused.insert(write);
      ExpectReads(answers);
      if (write == 8) program().writer().Run([&] { return program().engine().Checkpoint(); }).IgnoreError();
      if (write == 12) programs_->database().state().Flush().IgnoreError();
      if (write == 14 && backups.ok()) {
        if (const auto run = (*backups)->Start(); run.ok()) {
          while (!(*run)->Next(v1::BACKUP_PHASE_DONE, absl::Seconds(1)).ended) continue;
        }
      }
      if (write == 16) {
        const ErasureSubject ann = PersonSubject(programs_->pseudonymiser(), "ann@example.com");
        answers.erased = ErasePersonalData(program().log(), programs_->pseudonymiser(), ann).ok();
        // What is written again later is there again.
        if (answers.erased) erased_writes_ = answers.accepted;
      }
    }
    backups = absl::CancelledError();
    programs_->Close().IgnoreError();
    programs_ = nullptr;
  }

  // Readers see what was accepted, whatever the disk does.
  void ExpectReads(const Answers& answers) {
    if (answers.accepted.empty()) return;
    Engine::View view(program().engine());
    const auto fact = view.Fact(
        {FactSchemas::Get().Find("deal")->kind(), "crm", absl::StrCat("D", *answers.accepted.rbegin(), "-0")});
    EXPECT_TRUE(fact.ok() && fact->has_value()) << fact.status();
  }

  void Check(const Answers& answers) {
    files_->Heal();
    absl::StatusOr<std::unique_ptr<Programs>> programs = TryOpen();
    ASSERT_TRUE(programs.ok()) << programs.status();
    programs_ = *std::move(programs);
    {
      Engine::View view(program().engine());
      const int deal = FactSchemas::Get().Find("deal")->kind();
      for (int write = 1; write <= kWrites; ++write) {
        int there = 0;
        for (int i = 0; i < kEventsPerWrite; ++i) {
          there += view.Fact({deal, "crm", absl::StrCat("D", write, "-", i)})->has_value() ? 1 : 0;
        }
        EXPECT_TRUE(there == 0 || there == kEventsPerWrite) << "write " << write << " is torn: " << there;
        EXPECT_TRUE(answers.accepted.count(write) == 0 || there > 0) << "write " << write << " is lost";
        EXPECT_TRUE(answers.refused.count(write) == 0 || there == 0) << "write " << write << " was refused";
      }
      const absl::StatusOr<Verification> verified = VerifyCells(view, "", 10);
      ASSERT_TRUE(verified.ok()) << verified.status();
      EXPECT_TRUE(verified->differences.empty());
    }
    EXPECT_TRUE(program().writer().Write(Deals(kWrites + 1)).status.ok());
    if (answers.erased) {
      const auto row = [&](const storage::PersonalRow& row) {
        for (const int write : erased_writes_)
          EXPECT_FALSE(absl::StartsWith(row.key, absl::StrCat("crm/lead/L", write, "/")));
        return true;
      };
      EXPECT_TRUE(program().log().ReadAllPersonal("", "", row).ok());
    }
    programs_ = nullptr;
    const absl::StatusOr<std::unique_ptr<storage::BackupFolder>> folder =
        storage::BackupFolder::Open(Path("backups"), nullptr);
    ASSERT_TRUE(folder.ok()) << folder.status();
    const absl::StatusOr<std::vector<storage::Backup>> listed = (*folder)->List();
    for (const storage::Backup& backup : *listed) {
      EXPECT_TRUE((*folder)->Verify(backup).ok()) << (*folder)->Verify(backup);
      ++backups_checked_;
    }
    fs::remove_all(Path("data"));
    fs::remove_all(Path("backups"));
  }

  std::shared_ptr<storage::FaultFileSystem> files_;
  storage::FaultEnv env_;
  std::set<int> erased_writes_;
  int backups_checked_ = 0;
};

TEST_F(EngineFaultTest, AnswersAreTrueAndNumbersRight) {
  const char* text = std::getenv("PM_FAULTS");
  const int64_t faults = text == nullptr ? 50 : std::strtoll(text, nullptr, 10);
  // Counts the operations of a run without faults.
  files_->FailNext(Op::kAny, "", Error::kIo, kForGood, 1);
  Answers all;
  Run(all);
  ASSERT_EQ(all.accepted.size(), static_cast<size_t>(kWrites));
  EXPECT_TRUE(all.erased);
  const int64_t operations = kForGood - files_->skips_left();
  ASSERT_NO_FATAL_FAILURE(Check(all));
  EXPECT_EQ(backups_checked_, 1);
  const int64_t stride = faults == 0 ? 1 : std::max<int64_t>(1, operations / faults);
  int runs = 0;
  for (const Error error : {Error::kIo, Error::kNoSpace}) {
    for (const int64_t times : {int64_t{1}, kForGood}) {
      for (int64_t k = runs % stride; k < operations; k += stride) {
        SCOPED_TRACE(
            absl::StrCat("fault ", k, error == Error::kIo ? " EIO" : " ENOSPC", times == 1 ? "" : " for good"));
        files_->FailNext(Op::kAny, "", error, k, times);
        Answers answers;
        Run(answers);
        ASSERT_NO_FATAL_FAILURE(Check(answers));
        ASSERT_FALSE(HasFailure());
        ++runs;
      }
    }
  }
  std::cout << runs << " runs over " << operations << " operations, " << backups_checked_ << " backups\n";
  EXPECT_GT(operations, 2 * kWrites);
}

}  // namespace
}  // namespace partnermetrics
