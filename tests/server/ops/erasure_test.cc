// A person's data goes, everything else stays, and no number changes.
#include "server/ops/erasure.h"

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "tests/server/ops/ops_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class ErasureTest : public OpsFixture {
 protected:
  void SetUp() override {
    OpsFixture::SetUp();
    Ingest(
        "record_id: 'P1' revision: 1 partner { name: 'Partner' contact_emails: 'ann@example.com' "
        "contact_emails: 'bob@example.com' }");
    Ingest(
        "record_id: 'L1' revision: 1 lead { contact_name: 'Ann Secretperson' contact_email: 'Ann@Example.com' "
        "contact_phone: '+49 123 456' }");
    Ingest("record_id: 'L2' revision: 1 lead { contact_name: 'Bob Remains' contact_email: 'bob@example.com' }");
    Ingest(
        "record_id: 'R1' revision: 1 survey_response { survey: SURVEY_KIND_PARTNER_NPS respondent: 'ann@example.com' "
        "comment: 'Great stuff' "
        "score: 9 responded_at { seconds: 1710000000 } }");
    Ingest(
        "record_id: 'R2' revision: 1 survey_response { survey: SURVEY_KIND_PARTNER_NPS respondent: 'bob@example.com' "
        "comment: 'Fine too' "
        "score: 7 responded_at { seconds: 1710000000 } }");
    IngestDeal(1, 100);
  }

  ErasureCounts Erase(const ErasureSubject& subject) {
    const absl::StatusOr<ErasureCounts> counts =
        ErasePersonalData(program().log(), programs_->pseudonymiser(), subject);
    EXPECT_TRUE(counts.ok()) << counts.status();
    return counts.value_or(ErasureCounts());
  }
  ErasureSubject Person(const std::string& person) { return PersonSubject(programs_->pseudonymiser(), person); }
  ErasureSubject Record(const std::string& kind, const std::string& id) {
    return RecordSubject(programs_->pseudonymiser(), "crm", kind, id);
  }

  std::vector<std::string> PersonalValues() {
    std::vector<std::string> values;
    EXPECT_TRUE(program()
                    .log()
                    .ReadAllPersonal("", "",
                                     [&](const storage::PersonalRow& row) {
                                       values.push_back(row.value);
                                       return true;
                                     })
                    .ok());
    return values;
  }
  std::vector<std::string> RawTexts() {
    std::vector<std::string> texts;
    EXPECT_TRUE(program()
                    .log()
                    .ReadQuarantine(0,
                                    [&](const storage::QuarantineRow& row) {
                                      log::v1::QuarantineEntry entry;
                                      EXPECT_TRUE(entry.ParseFromString(row.value));
                                      texts.push_back(entry.raw());
                                      return true;
                                    })
                    .ok());
    return texts;
  }
};

TEST_F(ErasureTest, APersonIsErasedWhereverTheyAreNamed) {
  const std::string cells = Cells(*programs_), facts = Facts(*programs_);
  ASSERT_THAT(cells, Not(IsEmpty()));
  EXPECT_EQ(Erase(Person(" ANN@example.com")).personal_values, 6);
  EXPECT_THAT(PersonalValues(),
              UnorderedElementsAre("bob@example.com", "Bob Remains", "bob@example.com", "bob@example.com", "Fine too"));
  EXPECT_EQ(Cells(*programs_), cells);
  EXPECT_EQ(Facts(*programs_), facts);
  EXPECT_EQ(Erase(Person("ann@example.com")).personal_values, 0);
  EXPECT_EQ(Erase(Person("nobody@example.com")).personal_values, 0);
}

TEST_F(ErasureTest, NothingIsLeftInTheFiles) {
  Quarantine("A17,Ann Secretperson,2024-99-99");
  programs_ = nullptr;
  programs_ = OpenAt(Path("data"));  // into table files
  Quarantine("\"x\",\"ann@example.com\"");
  for (const char* text : {"Secretperson", "ann@example.com", "Great stuff", "+49 123"}) {
    EXPECT_THAT(FilesWith(Path("data"), text), Not(IsEmpty())) << text;
  }
  const ErasureCounts counts = Erase(Person("ann@example.com"));
  EXPECT_EQ(counts.quarantined_records, 2);
  for (const char* text : {"Secretperson", "ann@example.com", "Ann@Example.com", "Great stuff", "+49 123"}) {
    EXPECT_THAT(FilesWith(Path("data"), text), IsEmpty()) << text;
  }
  EXPECT_THAT(FilesWith(Path("data"), "Bob Remains"), Not(IsEmpty()));
}

TEST_F(ErasureTest, WhatARecordSaysAboutPersonsIsErased) {
  EXPECT_EQ(Erase(Record("lead", "L1")).personal_values, 3);
  EXPECT_EQ(Erase(Record("partner", "P1")).personal_values, 2);
  EXPECT_THAT(PersonalValues(), UnorderedElementsAre("bob@example.com", "Bob Remains", "ann@example.com", "Great stuff",
                                                     "bob@example.com", "Fine too"));
  // Ids are told apart by case.
  EXPECT_EQ(Erase(Record("survey_response", "r1")).personal_values, 0);
  EXPECT_EQ(Erase(Record("survey_response", "R1")).personal_values, 2);
}

TEST_F(ErasureTest, QuarantinedTextThatNamesThePersonIsErased) {
  Quarantine("L9,Ann Secretperson,1");             // by a value of theirs
  Quarantine("{\"email\": \"ANN@example.com\"}");  // by their address
  Quarantine("mail Ann <ann@example.com>.", "");
  Quarantine("L9,joann@example.com,1");  // another's address
  Quarantine("L9,Bob Remains,bob@example.com");
  Quarantine("", "'ann@example.com' is no date");
  const ErasureCounts counts = Erase(Person("ann@example.com"));
  EXPECT_EQ(counts.quarantined_records, 4);
  EXPECT_THAT(RawTexts(), ElementsAre("", "", "", "L9,joann@example.com,1", "L9,Bob Remains,bob@example.com", ""));
  EXPECT_THAT(FilesWith(Path("data"), "'ann@example.com'"), IsEmpty());

  Quarantine("L2;rejected;7");
  Quarantine("L22;rejected;7");
  EXPECT_EQ(Erase(Record("lead", "L2")).quarantined_records, 2) << "by its id, and by the name in it";
  EXPECT_THAT(RawTexts(), ElementsAre("", "", "", "L9,joann@example.com,1", "", "", "", "L22;rejected;7"));
}

TEST_F(ErasureTest, TheSubjectCanBeKeptWithoutSayingWho) {
  const std::string text = Record("lead", "L1").text();
  EXPECT_FALSE(absl::StrContains(text, "L1"));
  EXPECT_FALSE(absl::StrContains(Person("ann@example.com").text(), "ann"));
  EXPECT_EQ(Erase(ErasureSubject(text)).personal_values, 3);
}

TEST_F(ErasureTest, NumbersStayAfterAReplay) {
  const std::string cells = Cells(*programs_), facts = Facts(*programs_);
  Erase(Person("ann@example.com"));
  programs_ = nullptr;
  std::filesystem::remove_all(Path("data/state"));
  programs_ = OpenAt(Path("data"));
  EXPECT_EQ(Cells(*programs_), cells);
  EXPECT_EQ(Facts(*programs_), facts);
}

}  // namespace
}  // namespace partnermetrics
