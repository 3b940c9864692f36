// Exports: complete, of one position, and without personal data unless it was asked for.
#include "server/ops/export.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_split.h"
#include "google/protobuf/util/json_util.h"
#include "tests/server/ops/ops_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ExportTest : public OpsFixture {
 protected:
  std::pair<std::string, v1::ExportResponse> ExportOf(const v1::ExportFactsRequest& request) {
    return ReadAll(ExportFacts(*programs_, program(), request));
  }
  std::pair<std::string, v1::ExportResponse> ExportOf(const v1::ExportCellsRequest& request) {
    return ReadAll(ExportCells(*programs_, program(), request));
  }
  static std::vector<std::string> Lines(const std::string& text) {
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }
  template <typename Row>
  static Row Parse(const std::string& line) {
    Row row;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &row).ok()) << line;
    return row;
  }
};

TEST_F(ExportTest, FactsAsJsonLines) {
  Ingest("record_id: 'P1' revision: 3 partner { name: 'Partner' }");
  IngestDeal(1, 100);
  IngestDeal(2, 200);
  Ingest("record_id: 'D2' revision: 2 deleted: true deal {}");
  const auto [text, end] = ExportOf(v1::ExportFactsRequest());
  const std::vector<std::string> lines = Lines(text);
  ASSERT_EQ(lines.size(), 2u) << text;
  EXPECT_EQ(end.rows(), 2);
  EXPECT_EQ(end.position(), program().log().last_position());
  EXPECT_FALSE(end.holds_personal_data());
  const auto partner = Parse<v1::ExportedFact>(lines[0]);
  EXPECT_EQ(partner.event().record_id(), "P1");
  EXPECT_EQ(partner.event().revision(), 3);
  EXPECT_EQ(partner.event().partner().name(), "Partner");
  const auto deal = Parse<v1::ExportedFact>(lines[1]);
  EXPECT_EQ(deal.event().source(), "crm");
  EXPECT_EQ(deal.event().deal().amount().units(), 100);
  EXPECT_EQ(deal.position(), end.position() - 2);
  ASSERT_EQ(deal.partners_size(), 1);
  EXPECT_EQ(deal.partners(0).partner_id(), "crm:P1");
  EXPECT_EQ(deal.partners(0).share(), "1");
  EXPECT_FALSE(deal.unresolved());

  v1::ExportFactsRequest request;
  request.add_kinds("deal");
  EXPECT_EQ(ExportOf(request).second.rows(), 1);
  request.set_source("another");
  EXPECT_EQ(ExportOf(request).first, "");
  EXPECT_EQ(ExportOf(request).second.position(), end.position());
}

TEST_F(ExportTest, FactsAsCsv) {
  Ingest("record_id: 'P1' revision: 3 partner { name: 'Partner' }");
  IngestDeal(1, 100);
  Ingest(
      "record_id: 'with, comma' revision: 2 deal { outcome: DEAL_OUTCOME_OPEN amount { currency_code: 'EUR' units: 5 "
      "nanos: 500000000 } closed_on { year: 2024 month: 3 day: 9 } }");
  v1::ExportFactsRequest request;
  request.set_format(v1::EXPORT_FORMAT_CSV);
  request.add_kinds("deal");
  const auto [text, end] = ExportOf(request);
  const std::vector<std::string> lines = absl::StrSplit(text, "\r\n");
  ASSERT_EQ(lines.size(), 4u) << text;
  EXPECT_THAT(lines[0], StartsWith("source,record_id,revision,position,partners,unresolved,parked,waiting,"));
  EXPECT_THAT(lines[0], HasSubstr(",deal.amount,deal.amount_currency,"));
  EXPECT_THAT(lines[1], StartsWith("crm,D1,1,"));
  EXPECT_THAT(lines[1], HasSubstr(",crm:P1 ATTRIBUTION_ROLE_SOURCED 1,false,false,false,"));
  EXPECT_THAT(lines[1], HasSubstr("2024-03-02"));
  EXPECT_THAT(lines[2], StartsWith("crm,\"with, comma\",2,"));
  EXPECT_THAT(lines[2], HasSubstr(",5.5,EUR,"));
  EXPECT_EQ(end.rows(), 2);

  request.add_kinds("partner");
  EXPECT_EQ(ExportFacts(*programs_, program(), request).status().code(), absl::StatusCode::kInvalidArgument);
  request.clear_kinds();
  EXPECT_EQ(ExportFacts(*programs_, program(), request).status().code(), absl::StatusCode::kInvalidArgument);
  request.add_kinds("deel");
  EXPECT_THAT(std::string(ExportFacts(*programs_, program(), request).status().message()), HasSubstr("deal"));
}

TEST_F(ExportTest, PersonalDataOnlyWhenAskedFor) {
  Ingest("record_id: 'L1' revision: 1 lead { contact_name: 'Ann Miller' contact_email: 'ann@example.com' }");
  Ingest(
      "record_id: 'R1' revision: 1 survey_response { survey: SURVEY_KIND_PARTNER_NPS respondent: 'ann@example.com' "
      "comment: 'Great' score: 9 "
      "responded_at { seconds: 1710000000 } }");
  v1::ExportFactsRequest request;
  EXPECT_THAT(ExportOf(request).first, Not(HasSubstr("Ann Miller")));
  EXPECT_THAT(ExportOf(request).first, Not(HasSubstr("ann@example.com")));
  request.set_personal_data(true);
  const auto [text, end] = ExportOf(request);
  EXPECT_TRUE(end.holds_personal_data());
  EXPECT_EQ(end.rows(), 2 + 4);
  EXPECT_THAT(text, HasSubstr(R"({"fact":"crm/lead/L1","field":"lead.contact_name","personal_value":"Ann Miller"})"));
  request.add_kinds("survey_response");
  EXPECT_EQ(ExportOf(request).second.rows(), 1 + 2);
  request.set_format(v1::EXPORT_FORMAT_CSV);
  EXPECT_EQ(ExportFacts(*programs_, program(), request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ExportTest, CellsAddUp) {
  Ingest("record_id: 'P1' revision: 1 partner { name: 'Partner' }");
  for (int i = 0; i < 5; ++i) IngestDeal(i % 2, 100 + i);
  v1::ExportCellsRequest request;
  request.add_scopes("partner:crm:P1");
  request.add_measures("won");
  const auto [text, end] = ExportOf(request);
  EXPECT_THAT(
      Lines(text),
      ElementsAre(
          R"({"scope":"partner:crm:P1","measure":"won","day":"2024-03-01","contributions":"1","count":"1","sum":"104"})",
          R"({"scope":"partner:crm:P1","measure":"won","day":"2024-03-02","contributions":"1","count":"1","sum":"103"})"));
  EXPECT_EQ(end.position(), program().log().last_position());
  request.set_format(v1::EXPORT_FORMAT_CSV);
  EXPECT_EQ(ExportOf(request).first,
            "scope,measure,day,entry,contributions,count,sum\r\n"
            "partner:crm:P1,won,2024-03-01,,1,1,104\r\n"
            "partner:crm:P1,won,2024-03-02,,1,1,103\r\n");
  request.clear_scopes();
  request.add_scopes("program");
  request.add_scopes("partner:crm:P1");
  request.add_scopes("program");
  EXPECT_EQ(ExportOf(request).second.rows(), 4);
  EXPECT_GE(ExportOf(v1::ExportCellsRequest()).second.rows(), 6);
}

TEST_F(ExportTest, StandsAtOnePositionWhileTheLogGoesOn) {
  Ingest("record_id: 'P1' revision: 1 partner { name: 'Partner' }");
  for (int i = 0; i < 300; ++i) {
    Ingest(absl::StrCat("record_id: 'big", i, "' revision: 1 deal { name: '", std::string(10'000, 'x'), "' }"));
  }
  const uint64_t position = program().log().last_position();
  absl::StatusOr<std::unique_ptr<Export>> rows = ExportFacts(*programs_, program(), {});
  ASSERT_TRUE(rows.ok()) << rows.status();
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; !done; ++i) IngestDeal(i, i + 1);
  });
  std::string text;
  v1::ExportResponse piece;
  int pieces = 0;
  for (; *(*rows)->Next(piece); ++pieces) {
    EXPECT_EQ(piece.position(), position);
    text += piece.data();
  }
  done = true;
  writer.join();
  EXPECT_GE(pieces, 3);
  EXPECT_EQ(Lines(text).size(), 301u);
  for (const std::string& line : Lines(text)) EXPECT_LE(Parse<v1::ExportedFact>(line).position(), position);
}

}  // namespace
}  // namespace partnermetrics
