// Fails the k-th operation of the disk, for every k: once alone and once with all that follow.
//
// Writing operations, with EIO and with ENOSPC, while a programme is written to, checkpointed, backed up and erased
// from: what was answered must be true, reads go on, every number equals a calculation from scratch after the next
// start, and a backup that is listed is whole.
//
// Reading operations, with EIO, while a programme is opened, written to and read: it opens or says why not, every
// answer is the right number or an error, and all goes on once the disk can be read again, without a restart.
//
// PM_FAULTS sets how many k are tried for each kind of fault, spread over the scenario; without it: all.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
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
constexpr int64_t kOnce = 1, kForGood = std::numeric_limits<int64_t>::max();

class EngineFaultTest : public OpsFixture {
 protected:
  EngineFaultTest() : files_(std::make_shared<storage::FaultFileSystem>()), env_(files_) {}

  // Nothing is opened before a fault is chosen.
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  // What is open uses this file system.
  void TearDown() override { programs_ = nullptr; }

  absl::StatusOr<std::unique_ptr<Programs>> TryOpen(const std::string& folder) {
    Programs::Options options = OptionsAt(folder);
    options.database.env = &env_;
    return Programs::Open(std::move(options));
  }

  WriteRequest Deals(int write) {
    WriteRequest request;
    for (int i = 0; i < kEventsPerWrite; ++i) {
      v1::Event event;
      event.set_record_id(absl::StrCat("D", write, "-", i));
      event.set_revision(1);
      // Long enough for several blocks of a table: what one fact brings into memory is not all.
      event.mutable_deal()->set_name(std::string(1'000, 'n'));
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

  // Calls `run` with every k that is to be tried of so many operations; whether these are all.
  static bool ForEachFault(int64_t operations, const std::function<void(int64_t k)>& run) {
    const char* text = std::getenv("PM_FAULTS");
    const int64_t faults = text == nullptr ? operations : std::strtoll(text, nullptr, 10);
    const int64_t stride = std::max<int64_t>(1, operations / std::max<int64_t>(faults, 1));
    int runs = 0;
    for (int64_t k = 0; k < operations && !HasFailure(); k += stride, ++runs) {
      SCOPED_TRACE(absl::StrCat("fault ", k));
      run(k);
    }
    std::cout << runs << " runs over " << operations << " operations\n";
    return stride == 1;
  }

  std::shared_ptr<storage::FaultFileSystem> files_;
  storage::FaultEnv env_;
};

// By kind of error, and how often it comes.
class WriteFaultTest : public EngineFaultTest, public testing::WithParamInterface<std::tuple<Error, int64_t>> {
 protected:
  // What callers were told of each write.
  struct Answers {
    std::set<int> accepted, refused;
    bool erased = false;
  };

  void Run(Answers& answers) {
    absl::StatusOr<std::unique_ptr<Programs>> programs = TryOpen(Path("data"));
    if (!programs.ok()) return;
    programs_ = *std::move(programs);
    absl::StatusOr<std::unique_ptr<Backups>> backups = Backups::Open({.folder = Path("backups")}, *programs_);
    for (int write = 1; write <= kWrites; ++write) {
      const absl::Status status = program().writer().Write(Deals(write)).status;
      if (status.ok()) answers.accepted.insert(write);
      if (absl::IsResourceExhausted(status) || absl::IsFailedPrecondition(status)) answers.refused.insert(write);
      ExpectReads(answers);
      if (write == 8 || write == 12) {
        program().writer().Run([&] { return program().engine().Checkpoint(); }).IgnoreError();
      }
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
    absl::StatusOr<std::unique_ptr<Programs>> programs = TryOpen(Path("data"));
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

  std::set<int> erased_writes_;
  int backups_checked_ = 0;
};

TEST_P(WriteFaultTest, AnswersAreTrueAndNumbersRight) {
  const auto [error, times] = GetParam();
  // Counts the operations of a run without faults.
  files_->FailNext(Op::kAny, "", error, kForGood, kOnce);
  Answers all;
  Run(all);
  ASSERT_EQ(all.accepted.size(), static_cast<size_t>(kWrites));
  EXPECT_TRUE(all.erased);
  const int64_t operations = kForGood - files_->skips_left();
  EXPECT_GT(operations, 2 * kWrites);
  ASSERT_NO_FATAL_FAILURE(Check(all));
  EXPECT_EQ(backups_checked_, 1);
  ForEachFault(operations, [this, error = error, times = times](int64_t k) {
    files_->FailNext(Op::kAny, "", error, k, times);
    Answers answers;
    Run(answers);
    Check(answers);
  });
}

INSTANTIATE_TEST_SUITE_P(, WriteFaultTest,
                         testing::Combine(testing::Values(Error::kIo, Error::kNoSpace),
                                          testing::Values(kOnce, kForGood)),
                         [](const auto& info) {
                           return absl::StrCat(std::get<0>(info.param) == Error::kIo ? "EIO" : "ENOSPC",
                                               std::get<1>(info.param) == kOnce ? "Once" : "ForGood");
                         });

// By how often an error comes.
class ReadFaultTest : public EngineFaultTest, public testing::WithParamInterface<int64_t> {
 protected:
  // What can be read, by name.
  using Answers = std::map<std::string, absl::StatusOr<std::string>>;

  // A programme whose log and state are in tables, in their write-ahead log and, as regards the state, yet to be made.
  void Make() {
    programs_ = Opened(Path("made"));
    for (int write = 1; write <= kWrites; ++write) {
      if (write == kWrites / 2) programs_ = Opened(Path("made"));
      ASSERT_TRUE(program().writer().Write(Deals(write)).status.ok());
    }
    fs::copy(Path("made"), Path("crashed"), fs::copy_options::recursive);
    programs_ = nullptr;
  }

  // The programme as a crash left it.
  void Crash() {
    programs_ = nullptr;
    fs::remove_all(Path("data"));
    fs::copy(Path("crashed"), Path("data"), fs::copy_options::recursive);
  }

  std::unique_ptr<Programs> Opened(const std::string& folder) {
    programs_ = nullptr;
    absl::StatusOr<std::unique_ptr<Programs>> programs = TryOpen(folder);
    EXPECT_TRUE(programs.ok()) << programs.status();
    return programs.ok() ? *std::move(programs) : nullptr;
  }

  Answers ReadAll() {
    Answers answers;
    for (const std::string& scope : {std::string("business"), std::string("program"), std::string("direct")}) {
      Engine::View view(program().engine());
      answers["cells of " + scope] = CellsOf(view, scope);
    }
    const int deal = FactSchemas::Get().Find("deal")->kind();
    for (int write = 1; write <= kWrites; ++write) {
      const std::string id = absl::StrCat("D", write, "-1");
      Engine::View view(program().engine());
      const absl::StatusOr<std::optional<StoredFact>> fact = view.Fact({deal, "crm", id});
      answers[id] = !fact.ok()          ? absl::StatusOr<std::string>(fact.status())
                    : fact->has_value() ? (*fact)->fact
                                        : "none";
    }
    answers["log"] = Text([&](std::string& text) {
      return program().log().Read(0, [&](const storage::LogRecord& record) {
        if (record.type == storage::RecordType::kEvent) absl::StrAppend(&text, record.payload, "\n");
        return true;
      });
    });
    answers["record 7"] = Text([&](std::string& text) -> absl::Status {
      const absl::StatusOr<storage::LogRecord> record = program().log().Get(7);
      if (record.ok()) text = record->payload;
      return record.status();
    });
    answers["persons"] = Text([&](std::string& text) {
      return program().log().ReadAllPersonal("", "", [&](const storage::PersonalRow& row) {
        absl::StrAppend(&text, row.key, "=", row.value, "\n");
        return true;
      });
    });
    answers["facts"] = Text([&](std::string& text) -> absl::Status {
      absl::StatusOr<std::unique_ptr<Export>> rows = ExportFacts(*programs_, program(), {});
      if (!rows.ok()) return rows.status();
      v1::ExportResponse piece;
      absl::StatusOr<bool> more = true;
      while ((more = (*rows)->Next(piece)).ok() && *more) text += piece.data();
      return more.status();
    });
    answers["verified"] = Text([&](std::string& text) -> absl::Status {
      Engine::View view(program().engine());
      const absl::StatusOr<Verification> verified = VerifyCells(view, "", 10);
      if (verified.ok()) text = absl::StrCat(verified->differences.size(), " differences");
      return verified.status();
    });
    return answers;
  }

  static absl::StatusOr<std::string> Text(const std::function<absl::Status(std::string& text)>& read) {
    std::string text;
    if (absl::Status status = read(text); !status.ok()) return status;
    return text;
  }
  static absl::StatusOr<std::string> CellsOf(const Engine::View& view, const std::string& scope) {
    return Text([&](std::string& text) -> absl::Status {
      const absl::StatusOr<std::map<std::string, CellRow>> rows = view.AllRows(scope);
      if (!rows.ok()) return rows.status();
      for (const auto& [name, row] : *rows) {
        row.ForEachCell([&, &name = name](absl::string_view, const DayCell& cell) {
          absl::StrAppend(&text, name, " ", cell.day, " ", cell.count, " ", NanosText(cell.sum), "\n");
        });
      }
      return absl::OkStatus();
    });
  }

  // Each answer is the truth, or, while the disk cannot be read, an error that says that it cannot be had now.
  // An export begins with a checkpoint: after an error while tables were merged RocksDB takes none until it is opened
  // anew.
  enum class Disk { kFaulty, kSoundAgain, kSound };
  void ExpectTrue(const Answers& answers, const Answers& truth, Disk disk) {
    for (const auto& [name, answer] : answers) {
      const bool may_fail = disk == Disk::kFaulty || (disk == Disk::kSoundAgain && name == "facts");
      EXPECT_TRUE(answer.ok() || may_fail) << name << ": " << answer.status();
      if (answer.ok()) {
        EXPECT_EQ(*answer, *truth.at(name)) << name;
      } else {
        EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << name << ": " << answer.status();
        ++errors_;
      }
    }
  }

  // A corrected deal of a write that is only on disk.
  WriteRequest Correction() {
    WriteRequest request = Deals(3);
    request.events.resize(1);
    v1::Event event;
    event.set_record_id("D3-1");
    event.set_revision(2);
    event.mutable_deal()->set_outcome(v1::DEAL_OUTCOME_LOST);
    request.events.push_back(Prepared(std::move(event)));
    return request;
  }

  // Opens, corrects and reads; gives whether it did open. Whether it was corrected stands in `corrected`.
  bool Run(bool& corrected) {
    absl::StatusOr<std::unique_ptr<Programs>> programs = TryOpen(Path("data"));
    if (!programs.ok()) {
      EXPECT_EQ(programs.status().code(), absl::StatusCode::kUnavailable) << programs.status();
      ++errors_;
      return false;
    }
    programs_ = *std::move(programs);
    const absl::Status status = program().writer().Write(Correction()).status;
    corrected = status.ok();
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
      ++refused_writes_;
    }
    return true;
  }

  // Of opening and reading, and of writing.
  int64_t errors_ = 0, refused_writes_ = 0;
};

TEST_P(ReadFaultTest, AnswersAreRightOrErrorsAndAllGoesOn) {
  Make();
  Crash();
  programs_ = Opened(Path("data"));
  Answers before = ReadAll();
  Crash();
  files_->FailNext(Op::kRead, "", Error::kIo, kForGood, kOnce);
  bool corrected = false;
  ASSERT_TRUE(Run(corrected) && corrected);
  Answers after = ReadAll();
  const int64_t operations = kForGood - files_->skips_left();
  for (const auto& [name, answer] : after) ASSERT_TRUE(answer.ok()) << name << ": " << answer.status();
  EXPECT_NE(*before["cells of business"], *after["cells of business"]);
  EXPECT_EQ(*after["verified"], "0 differences");

  const bool all = ForEachFault(operations, [&](int64_t k) {
    Crash();
    files_->FailNext(Op::kRead, "", Error::kIo, k, GetParam());
    bool corrected = false;
    const bool opened = Run(corrected);
    if (opened) ExpectTrue(ReadAll(), corrected ? after : before, Disk::kFaulty);
    files_->Heal();
    if (!opened) programs_ = Opened(Path("data"));
    ASSERT_NE(programs_, nullptr);
    // It can be read again, and be written to.
    ExpectTrue(ReadAll(), corrected ? after : before, Disk::kSoundAgain);
    EXPECT_TRUE(program().writer().Write(Correction()).status.ok());
    ExpectTrue(ReadAll(), after, Disk::kSoundAgain);
    programs_ = Opened(Path("data"));
    ExpectTrue(ReadAll(), after, Disk::kSound);
  });
  EXPECT_GT(errors_, 0);
  // Few reads are those of a write: a sample of the faults may pass over them all.
  if (all) {
    EXPECT_GT(refused_writes_, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(, ReadFaultTest, testing::Values(kOnce, kForGood),
                         [](const auto& info) { return info.param == kOnce ? "Once" : "ForGood"; });

}  // namespace
}  // namespace partnermetrics
