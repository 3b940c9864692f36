#include "server/facts/personal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/protobuf/text_format.h"

namespace partnermetrics {
namespace {

v1::Event Event(const std::string& text) {
  v1::Event event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
  return event;
}

TEST(Pseudonymiser, GivesOnePseudonymPerPersonAndKey) {
  const Pseudonymiser a("0123456789abcdef"), b("another key here");
  EXPECT_EQ(a.Pseudonym("Ann@Example.com "), a.Pseudonym("ann@example.com"));
  EXPECT_NE(a.Pseudonym("ann@example.com"), a.Pseudonym("bob@example.com"));
  EXPECT_NE(a.Pseudonym("ann@example.com"), b.Pseudonym("ann@example.com"));
  EXPECT_EQ(a.Pseudonym(a.Pseudonym("ann@example.com")), a.Pseudonym("ann@example.com"));
}

TEST(Pseudonymiser, FingerprintsTellEveryByteAndKeyApart) {
  const Pseudonymiser a("0123456789abcdef"), b("another key here");
  EXPECT_EQ(a.Fingerprint("Ann,12"), a.Fingerprint("Ann,12"));
  for (const char* other : {"ann,12", "Ann,12 ", "Ann,13", ""}) {
    EXPECT_NE(a.Fingerprint("Ann,12"), a.Fingerprint(other)) << other;
  }
  EXPECT_NE(a.Fingerprint("Ann,12"), b.Fingerprint("Ann,12"));
  EXPECT_EQ(a.Fingerprint("Ann,12"), 0x8dd308a2de876394) << "stored: never another one for the same key";
}

TEST(Pseudonymiser, NothingPersonalIsLeftInTheEvent) {
  const Pseudonymiser pseudonymiser("0123456789abcdef");
  v1::Event event = Event(
      "source: 'survey' record_id: 'R_1' survey_response { respondent: 'ann@example.com' comment: 'Ask for Ann Miller'"
      " score: 9 partner_refs { email: 'ann@example.com' } partner_refs { domain: 'example.com' } }");
  std::vector<storage::PersonalRow> rows;
  pseudonymiser.Split(event, rows);
  EXPECT_THAT(event.ShortDebugString(), ::testing::Not(::testing::HasSubstr("ann@")));
  EXPECT_THAT(event.ShortDebugString(), ::testing::Not(::testing::HasSubstr("Miller")));
  EXPECT_EQ(event.survey_response().score(), 9);
  EXPECT_EQ(event.survey_response().partner_refs(0).email(), pseudonymiser.Pseudonym("ann@example.com"));
  EXPECT_EQ(event.survey_response().partner_refs(1).domain(), "example.com");

  std::vector<std::string> kept;
  for (const auto& row : rows) {
    EXPECT_EQ(row.subject, pseudonymiser.Pseudonym("ann@example.com"));
    kept.push_back(row.key + "=" + row.value);
  }
  EXPECT_THAT(kept, ::testing::UnorderedElementsAre(
                        "survey/survey_response/R_1/survey_response.respondent=ann@example.com",
                        "survey/survey_response/R_1/survey_response.comment=Ask for Ann Miller",
                        "survey/survey_response/R_1/survey_response.partner_refs.0.email=ann@example.com"));
}

TEST(Pseudonymiser, AnEventWithoutPersonalDataStaysAsItIs) {
  v1::Event event = Event("source: 'crm' record_id: 'd' deal { name: 'Big deal' amount { units: 5 } }");
  const std::string before = event.SerializeAsString();
  std::vector<storage::PersonalRow> rows;
  Pseudonymiser("0123456789abcdef").Split(event, rows);
  EXPECT_EQ(event.SerializeAsString(), before);
  EXPECT_TRUE(rows.empty());
}

TEST(Pseudonymiser, WithoutAPersonTheFactItselfIsTheSubject) {
  v1::Event event = Event("source: 'survey' record_id: 'R_2' survey_response { comment: 'hello' }");
  std::vector<storage::PersonalRow> rows;
  Pseudonymiser("0123456789abcdef").Split(event, rows);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].subject, "fact:survey/survey_response/R_2");
}

}  // namespace
}  // namespace partnermetrics
