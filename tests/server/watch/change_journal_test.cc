// The journal of changes on disk: what it keeps, and what a crash or damage leaves of it.
#include "server/watch/change_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ChangeJournalTest : public testing::Test {
 protected:
  void Open() {
    journal_.reset();
    restored_.clear();
    auto journal = ChangeJournal::Open(folder_.path() + "/changes", options_, [this](const v1::PartnerChange& change) {
      restored_.push_back(change.partner_id());
    });
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }
  static v1::PartnerChange Change(const std::string& partner) {
    v1::PartnerChange change;
    change.set_partner_id(partner);
    return change;
  }
  void Begin(const ChangePoint& point, const std::vector<std::string>& partners, uint64_t id = 7) {
    const absl::Status begun = journal_->Begin(point, id, [&](ChangeJournal::Visit visit) {
      for (const std::string& partner : partners) visit(Change(partner));
    });
    ASSERT_TRUE(begun.ok()) << begun;
  }
  void Append(const ChangePoint& point, const std::vector<std::string>& partners) {
    std::vector<v1::PartnerChange> changes;
    for (const std::string& partner : partners) changes.push_back(Change(partner));
    const absl::Status appended = journal_->Append(point, changes, /*keep=*/false);
    ASSERT_TRUE(appended.ok()) << appended;
  }
  std::vector<std::string> ReadFrom(uint64_t number) const {
    std::vector<std::string> partners;
    while (number < journal_->End()->next) {
      const absl::StatusOr<ChangePage> page = journal_->Read(number);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const v1::PartnerChange& change : page->changes) partners.push_back(change.partner_id());
      number += page->changes.size();
    }
    return partners;
  }
  std::string LastFile() const {
    std::string last;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/changes")) {
      last = std::max(last, entry.path().string());
    }
    return last;
  }

  storage::TempDir folder_;
  ChangeJournal::Options options_;
  std::unique_ptr<ChangeJournal> journal_;
  std::vector<std::string> restored_;
};

TEST_F(ChangeJournalTest, IsTheSameAfterItIsOpenedAgain) {
  Open();
  EXPECT_TRUE(journal_->WantsState());
  EXPECT_FALSE(journal_->End().has_value());
  Begin({10, 100}, {"a", "b"});
  Append({11, 100}, {"c"});
  Append({12, 100}, {});
  Append({13, 101}, {"d", "e"});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(journal_->End()->journal, 7u);
    EXPECT_EQ(journal_->End()->next, 3u);
    EXPECT_EQ(journal_->End()->point, (ChangePoint{13, 101}));
    EXPECT_THAT(ReadFrom(0), ElementsAre("c", "d", "e"));
    EXPECT_THAT(ReadFrom(2), ElementsAre("e"));
    EXPECT_EQ(journal_->Read(0)->point, (ChangePoint{11, 100}));
    EXPECT_FALSE(journal_->WantsState());
    Open();
  }
  EXPECT_THAT(restored_, ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(ChangeJournalTest, ManyChangesOfOnePointComeInPages) {
  Open();
  std::vector<std::string> partners;
  for (int i = 0; i < 1'234; ++i) partners.push_back(absl::StrCat("p", i));
  Begin({1, 1}, partners);
  Append({2, 1}, partners);
  Open();
  EXPECT_EQ(ReadFrom(0), partners);
  EXPECT_THAT(ReadFrom(1'200), SizeIs(34));
  auto state = journal_->ReadState();
  ASSERT_TRUE(state.ok()) << state.status();
  size_t values = 0;
  for (auto page = state->Next(); page->has_value(); page = state->Next()) values += (*page)->changes.size();
  EXPECT_EQ(values, partners.size());
}

TEST_F(ChangeJournalTest, KeepsSomeFilesAndSaysWhenMoreIsAskedFor) {
  options_.file_bytes = 1;
  options_.files = 2;
  Open();
  Begin({1, 1}, {"a"});
  const ChangePlace begin = *journal_->End();
  uint64_t position = 1;
  for (int i = 0; i < 40; ++i) {
    Append({++position, 1}, {absl::StrCat("c", i)});
    if (journal_->WantsState()) Begin({position, 1}, {"a"});
  }
  EXPECT_EQ(journal_->Check(begin).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(journal_->Read(0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(journal_->Check(*journal_->End()).ok());
  const uint64_t end = journal_->End()->next;
  EXPECT_EQ(end, 40u);
  Open();
  EXPECT_EQ(journal_->End()->next, end);
  EXPECT_THAT(ReadFrom(end - 1), ElementsAre("c39"));
  EXPECT_EQ(journal_->Check(begin).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(ChangeJournalTest, APlaceOfAnotherJournalIsRefused) {
  Open();
  Begin({1, 1}, {});
  ChangePlace place = *journal_->End();
  EXPECT_TRUE(journal_->Check(place).ok());
  place.point.position = 2;
  EXPECT_EQ(journal_->Check(place).code(), absl::StatusCode::kOutOfRange);
  journal_->Drop();
  EXPECT_FALSE(journal_->End().has_value());
  Begin({1, 1}, {}, 8);
  place.point.position = 1;
  EXPECT_EQ(journal_->Check(place).code(), absl::StatusCode::kOutOfRange);
}

// Nobody was told of a point before it was written as a whole; so half of one may go.
TEST_F(ChangeJournalTest, HalfAPointIsForgotten) {
  Open();
  Begin({1, 1}, {"a"});
  Append({2, 1}, {"b"});
  const auto before = std::filesystem::file_size(LastFile());
  Append({3, 1}, std::vector<std::string>(700, "c"));
  const auto after = std::filesystem::file_size(LastFile());
  journal_.reset();
  // Cut within the second of two frames.
  std::filesystem::resize_file(LastFile(), after - 10);
  Open();
  EXPECT_EQ(journal_->End()->next, 1u);
  EXPECT_EQ(journal_->End()->point, (ChangePoint{2, 1}));
  EXPECT_EQ(std::filesystem::file_size(LastFile()), before);
  EXPECT_THAT(restored_, ElementsAre("a", "b"));
}

TEST_F(ChangeJournalTest, AFileWhoseStateIsIncompleteIsLeftOut) {
  options_.file_bytes = 1;
  Open();
  Begin({1, 1}, {"a"});
  for (uint64_t position = 2; !journal_->WantsState(); ++position) Append({position, 1}, {"b"});
  const ChangePlace end = *journal_->End();
  Begin(end.point, std::vector<std::string>(700, "a"));
  journal_.reset();
  std::filesystem::resize_file(LastFile(), std::filesystem::file_size(LastFile()) - 10);
  Open();
  EXPECT_EQ(journal_->End()->next, end.next);
  EXPECT_TRUE(journal_->WantsState());
}

TEST_F(ChangeJournalTest, ADamagedJournalBeginsAnew) {
  Open();
  Begin({1, 1}, {"a"});
  Append({2, 1}, {"b"});
  Append({3, 1}, {"c"});
  const std::string path = LastFile();
  journal_.reset();
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(40);
    file.put('\xff');
  }
  Open();
  EXPECT_FALSE(journal_->End().has_value());
  EXPECT_THAT(restored_, IsEmpty());
  Begin({3, 1}, {"a"}, 9);
  EXPECT_EQ(journal_->End()->journal, 9u);
}

}  // namespace
}  // namespace partnermetrics
