// Changes one byte of a data folder at a random place, starts on it, and compares all facts and cells with those from
// before: the server refuses with a message, or it rebuilds, or everything is right. Never is a number wrong, and
// what was found damaged in the state is whole after the next start.
//
// PM_FLIPS sets the number of bytes, PM_SEED the seed.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>
#include <vector>

#include "absl/strings/match.h"
#include "tests/server/ops/ops_fixture.h"
#include "tests/support/environment.h"

namespace partnermetrics {
namespace {

namespace fs = std::filesystem;

class BitRotTest : public OpsFixture {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::off);
    OpsFixture::SetUp();
    Ingest("record_id: 'P1' revision: 1 partner { name: 'Partner' contact_emails: 'ann@example.com' }");
    for (int i = 0; i < 150; ++i) IngestDeal(i, 100 + i);
    Quarantine("raw text");
    programs_ = nullptr;  // into table files
    programs_ = OpenAt(Path("data"));
    for (int i = 0; i < 80; ++i) IngestDeal(150 + i, 200 + i);  // and some that are only in the write-ahead log
    cells_ = Cells(*programs_);
    facts_ = Facts(*programs_);
    log_ = LogText(*programs_);
    // As a crash leaves it: a stop would write everything into tables.
    fs::copy(Path("data"), Path("crashed"), fs::copy_options::recursive);
    programs_ = nullptr;
  }

  // Everything that the log holds; an error is part of the text.
  static std::string LogText(Programs& programs) {
    std::string text;
    storage::EventLog& log = programs.all().front()->log();
    const auto add = [&text](auto&&... parts) {
      absl::StrAppend(&text, parts..., "\n");
      return true;
    };
    text += log.Read(0, [&](const storage::LogRecord& r) { return add(r.position, " ", r.payload); }).ToString();
    text +=
        log.ReadAllPersonal("", "", [&](const storage::PersonalRow& r) { return add(r.key, " ", r.value); }).ToString();
    text +=
        log.ReadQuarantine(0, [&](const storage::QuarantineRow& r) { return add(r.record, " ", r.value); }).ToString();
    return text;
  }

  // All rows of an export, or the error.
  static absl::StatusOr<std::string> Rows(absl::StatusOr<std::unique_ptr<Export>> rows) {
    if (!rows.ok()) return rows.status();
    std::string text;
    v1::ExportResponse piece;
    while (true) {
      const absl::StatusOr<bool> more = (*rows)->Next(piece);
      if (!more.ok()) return more.status();
      if (!*more) return text;
      text += piece.data();
    }
  }

  absl::StatusOr<std::unique_ptr<Programs>> TryOpen() { return Programs::Open(OptionsAt(Path("flipped"))); }

  // What became of the damage: "refused …", "harmless", "rebuilt", "found when read".
  std::string Outcome(bool of_log) {
    absl::StatusOr<std::unique_ptr<Programs>> programs = TryOpen();
    if (!programs.ok()) {
      EXPECT_GT(programs.status().message().size(), 20u);
      return "refused";
    }
    const absl::StatusOr<std::string> cells = Rows(ExportCells(**programs, *(*programs)->all().front(), {}));
    const absl::StatusOr<std::string> facts = Rows(ExportFacts(**programs, *(*programs)->all().front(), {}));
    EXPECT_TRUE(!cells.ok() || *cells == cells_) << "cells are wrong";
    EXPECT_TRUE(!facts.ok() || *facts == facts_) << "facts are wrong";
    const std::string log = LogText(**programs);
    EXPECT_TRUE(log == log_ || absl::StrContains(log, "DATA_LOSS")) << "the log is wrong";
    if (cells.ok() && facts.ok()) {
      if (log != log_) return "found when read";
      return (*programs)->database().state_was_reset() ? "rebuilt" : "harmless";
    }
    // The state is made anew at the next start.
    programs->reset();
    programs = TryOpen();
    if (of_log && !programs.ok()) return "refused later";
    EXPECT_TRUE(programs.ok()) << programs.status();
    if (!programs.ok()) return "stays damaged";
    EXPECT_TRUE(Cells(**programs) == cells_ && Facts(**programs) == facts_);
    return "found when read, then rebuilt";
  }

  std::string cells_, facts_, log_;
};

TEST_F(BitRotTest, NeverAWrongNumber) {
  const uint64_t flips = NumberFromEnvironment("PM_FLIPS", 200);
  const uint64_t seed = NumberFromEnvironment("PM_SEED", std::random_device()());
  std::cout << "PM_FLIPS=" << flips << " PM_SEED=" << seed << std::endl;
  std::mt19937_64 random(seed);
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(Path("crashed"))) {
    if (entry.is_regular_file() && entry.file_size() > 0) files.push_back(fs::relative(entry.path(), Path("crashed")));
  }
  std::sort(files.begin(), files.end());
  std::map<std::string, int> outcomes;
  for (uint64_t i = 0; i < flips && !HasFailure(); ++i) {
    fs::remove_all(Path("flipped"));
    fs::copy(Path("crashed"), Path("flipped"), fs::copy_options::recursive);
    // Every file as often as every other: small ones matter as much.
    const fs::path& file = files[random() % files.size()];
    std::string content = *storage::ReadFile(Path("flipped/" + file.string()));
    const size_t at = random() % content.size();
    const int flip = static_cast<int>(random() % 2 == 0 ? 1U << random() % 8 : 1 + random() % 255);
    content[at] = static_cast<char>(content[at] ^ flip);
    const fs::path path = Path("flipped/" + file.string());
    ASSERT_TRUE(storage::WriteFile(path.parent_path(), path.filename(), content).ok());
    SCOPED_TRACE(absl::StrCat("flip ", i, ": ", file.string(), " byte ", at, " ^ ", flip));
    const std::string part = absl::StrContains(file.string(), '/') ? file.parent_path().string() : file.string();
    ++outcomes[absl::StrCat(part, ": ", Outcome(part == "log"))];
  }
  for (const auto& [outcome, count] : outcomes) std::cout << "  " << count << " × " << outcome << "\n";
  if (flips >= 200) {
    EXPECT_GE(outcomes.size(), 6u) << "the flips reach little";
  }
}

}  // namespace
}  // namespace partnermetrics
