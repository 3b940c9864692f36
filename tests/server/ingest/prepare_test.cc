#include "server/ingest/prepare.h"

#include <gtest/gtest.h>

#include "google/protobuf/text_format.h"

namespace partnermetrics {
namespace {

std::variant<PreparedEvent, FieldError> PrepareText(const std::string& text) {
  static const Pseudonymiser pseudonymiser("0123456789abcdef");
  v1::Event event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
  return Prepare(v1::Event(event), {"partneros", "billing", "USD", ToDay(absl::CivilDay(2026, 3, 31)), &pseudonymiser});
}

std::string ErrorOf(const std::string& text) {
  const auto prepared = PrepareText(text);
  const auto* error = std::get_if<FieldError>(&prepared);
  return error == nullptr ? "ok" : error->field + " " + error->reason;
}

TEST(Prepare, FillsInProgrammeAndSource) {
  const auto prepared = PrepareText("record_id: 'd1' revision: 3 deal { amount { units: 5 } }");
  const auto& event = std::get<PreparedEvent>(prepared);
  EXPECT_EQ(event.id, (FactId{21, "billing", "d1"}));
  EXPECT_EQ(event.revision, 3);
  v1::Event logged;
  ASSERT_TRUE(logged.ParseFromString(event.payload));
  EXPECT_EQ(logged.program(), "partneros");
  EXPECT_EQ(logged.source(), "billing");
}

TEST(Prepare, NamesTheFieldAtFaultWithItsKind) {
  EXPECT_EQ(ErrorOf("record_id: 'd1' deal { amount { nanos: 2000000000 } }"), "deal.amount.nanos OUT_OF_RANGE");
  EXPECT_EQ(ErrorOf("record_id: 'c1' cost { amount { units: 1 } }"), "cost.incurred_on REQUIRED");
  EXPECT_EQ(ErrorOf("program: 'other' record_id: 'd1' deal {}"), "program WRONG_PROGRAM");
}

TEST(Prepare, KeepsNothingOfADeletedFactButItsKind) {
  const auto prepared = PrepareText("record_id: 'd1' deleted: true deal { amount { nanos: 2000000000 } }");
  v1::Event logged;
  ASSERT_TRUE(logged.ParseFromString(std::get<PreparedEvent>(prepared).payload));
  EXPECT_TRUE(logged.has_deal());
  EXPECT_FALSE(logged.deal().has_amount());
}

TEST(Prepare, SplitsPersonalDataOff) {
  const auto prepared = PrepareText(
      "record_id: 'R' survey_response { survey: SURVEY_KIND_PARTNER_NPS respondent: 'ann@example.com' score: 9 }");
  const auto& event = std::get<PreparedEvent>(prepared);
  EXPECT_EQ(event.personal.size(), 1u);
  EXPECT_EQ(event.payload.find("ann@"), std::string::npos);
}

}  // namespace
}  // namespace partnermetrics
