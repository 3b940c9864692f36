// Segments of partners: who belongs to them when, and what counts in them.
#include "server/engine/segments.h"

#include <gmock/gmock.h>

#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

constexpr char kMeasures[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" }
  measures { id: "credited" fact: "deal" kind: MEASURE_KIND_FLOW sum: "credited_amount" at: "closed_on" }
  measures { id: "sourced" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "role == SOURCED" }
  measures {
    id: "open"
    fact: "deal"
    kind: MEASURE_KIND_STOCK
    sum: "amount"
    from: "date(created_at)"
    until: "closed_on"
  }
  measures { id: "partners" fact: "partner" kind: MEASURE_KIND_STOCK from: "signed_on" }
)pb";
constexpr char kAsWas[] = "segments { attribute: 'tier' membership: SEGMENT_MEMBERSHIP_AS_WAS }";
constexpr char kAsIs[] = "segments { attribute: 'tier' membership: SEGMENT_MEMBERSHIP_AS_IS }";

Day March(int day) {
  return ToDay(absl::CivilDay(2026, 3, 1)) + day - 1;
}

class SegmentsTest : public EngineFixture {
 protected:
  void Program(const std::string& segments, const std::string& zone = "UTC") {
    log::v1::Definitions definitions;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        absl::StrCat("id: 'test' display_name: 'Test' currency_code: 'USD' time_zone: '", zone, "' ", segments),
        definitions.mutable_program()));
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(kMeasures, definitions.mutable_catalog()));
    Append(storage::RecordType::kDefinitions, definitions.SerializeAsString());
  }

  // What is stored from now on is stored on that day of March, at ten in the evening.
  void OnDay(int day) { now_us_ = (int64_t{March(day)} * 86'400 + 79'200) * 1'000'000; }

  void Partner(const std::string& id, const std::string& fields, int64_t revision = 1,
               const std::string& source = "crm") {
    Ingest(
        absl::StrCat("source: '", source, "' record_id: '", id, "' revision: ", revision, " partner { ", fields, " }"));
  }
  static std::string Sourced(const std::string& partner, const std::string& role = "SOURCED") {
    return absl::StrCat("attributions { role: ATTRIBUTION_ROLE_", role, " partner_refs { external { id: '", partner,
                        "' } } } ");
  }
  // A deal of 100.
  void Deal(const std::string& id, int created, int closed,
            const std::string& attributions = Sourced("p1", "SOURCED")) {
    Ingest(absl::StrCat("record_id: '", id,
                        "' deal { amount { units: 100 } created_at { seconds: ", int64_t{March(created)} * 86'400,
                        " } closed_on { year: 2026 month: 3 day: ", closed, " } ", attributions, " }"));
  }
  std::string In(const std::string& value, const std::string& measure) {
    return Total(SegmentScope("tier", value), measure);
  }
};

TEST_F(SegmentsTest, AsWasCountsAFactWhereThePartnerWasOnItsDay) {
  Program(kAsWas);
  OnDay(1);
  Partner("p1", "tier: 'Silver' signed_on { year: 2026 month: 3 day: 1 }");
  Deal("d1", 1, 5);
  Deal("d2", 1, 15);
  EXPECT_EQ(In("Silver", "won"), "2/200");
  OnDay(10);
  Partner("p1", "tier: 'Gold' signed_on { year: 2026 month: 3 day: 1 }", 2);
  EXPECT_EQ(In("Silver", "won"), "1/100");
  EXPECT_EQ(In("Gold", "won"), "1/100");
  Deal("d3", 1, 9);
  Deal("d4", 1, 10);
  EXPECT_EQ(In("Silver", "won"), "2/200");
  EXPECT_EQ(In("Gold", "won"), "2/200");
  ExpectVerified();
}

TEST_F(SegmentsTest, AStockMovesOnTheDayOnWhichThePartnerDoes) {
  Program(kAsWas);
  OnDay(1);
  Partner("p1", "tier: 'Silver' signed_on { year: 2026 month: 3 day: 1 }");
  Deal("d1", 5, 20);
  OnDay(10);
  Partner("p1", "tier: 'Gold' signed_on { year: 2026 month: 3 day: 1 }", 2);
  const auto open = [&](const std::string& value, int day) {
    return UpTo(SegmentScope("tier", value), "open", March(day));
  };
  EXPECT_EQ(open("Silver", 9), "1/100");
  EXPECT_EQ(open("Silver", 10), "0/0");
  EXPECT_EQ(open("Gold", 9), "0/0");
  EXPECT_EQ(open("Gold", 10), "1/100");
  EXPECT_EQ(open("Gold", 20), "0/0");
  // So do the partners themselves.
  EXPECT_EQ(UpTo(SegmentScope("tier", "Silver"), "partners", March(9)), "1/0");
  EXPECT_EQ(UpTo(SegmentScope("tier", "Silver"), "partners", March(10)), "0/0");
  ExpectVerified();
}

TEST_F(SegmentsTest, AsIsTakesTheHistoryAlong) {
  Program(kAsIs);
  OnDay(1);
  Partner("p1", "tier: 'Silver'");
  Deal("d1", 1, 5);
  OnDay(10);
  Partner("p1", "tier: 'Gold'", 2);
  EXPECT_EQ(In("Silver", "won"), "0/0");
  EXPECT_EQ(In("Gold", "won"), "1/100");
  ExpectVerified();
}

TEST_F(SegmentsTest, ARecordMaySaySinceWhenItsAttributesHold) {
  Program(kAsWas);
  OnDay(20);
  Partner("p1", "tier: 'Silver'");
  Deal("d1", 1, 5);
  Deal("d2", 1, 15);
  Partner("p1", "tier: 'Gold' attributes_since_on { year: 2026 month: 3 day: 10 }", 2);
  EXPECT_EQ(In("Gold", "won"), "2/200") << "it holds from before the first day that is known, and so for ever";
  Partner("p2", "tier: 'Silver' attributes_since_on { year: 2026 month: 3 day: 2 }");
  Partner("p2", "tier: 'Gold' attributes_since_on { year: 2026 month: 3 day: 10 }", 2);
  Deal("d3", 1, 5, Sourced("p2"));
  Deal("d4", 1, 15, Sourced("p2"));
  EXPECT_EQ(In("Silver", "won"), "1/100");
  EXPECT_EQ(In("Gold", "won"), "3/300");
  ExpectVerified();
}

TEST_F(SegmentsTest, RolesAndCreditsAreThoseOfTheSegmentsPartners) {
  Program(kAsWas);
  Partner("p1", "tier: 'Gold'");
  Partner("p2", "tier: 'Silver'");
  Partner("p3", "");
  Deal("d1", 1, 5, Sourced("p1", "INFLUENCED") + Sourced("p2") + Sourced("p3", "INFLUENCED"));
  EXPECT_EQ(In("Gold", "won"), "1/100");
  EXPECT_EQ(In("Gold", "sourced"), "0/0");
  EXPECT_EQ(In("Silver", "sourced"), "1/100");
  // A third each; what rounding leaves goes to the smallest id.
  EXPECT_EQ(In("Gold", "credited"), "1/33.3333334");
  EXPECT_EQ(In("Silver", "credited"), "1/33.3333333");
  EXPECT_EQ(In("", "credited"), "1/33.3333333") << "partners without a tier are a segment too";
  Partner("p3", "tier: 'Silver'", 2);
  Partner("p1", "tier: 'Silver'", 2);
  ExpectVerified();
}

TEST_F(SegmentsTest, ADealOfTwoPartnersCountsOnceInTheSegmentOfBoth) {
  Program(kAsIs);
  Partner("p1", "tier: 'Gold'");
  Partner("p2", "tier: 'Gold'");
  Deal("d1", 1, 5, Sourced("p1") + Sourced("p2", "INFLUENCED"));
  EXPECT_EQ(In("Gold", "won"), "1/100");
  EXPECT_EQ(In("Gold", "credited"), "1/100");
  Partner("p2", "tier: 'Silver'", 2);
  EXPECT_EQ(In("Gold", "credited"), "1/50");
  EXPECT_EQ(In("Silver", "won"), "1/100");
  ExpectVerified();
}

TEST_F(SegmentsTest, SegmentsAreDeclaredChangedAndDroppedOnARunningProgramme) {
  Program("");
  OnDay(1);
  Partner("p1", "tier: 'Silver' region: 'EMEA'");
  Deal("d1", 1, 5);
  OnDay(3);
  Partner("p1", "tier: 'Gold' region: 'EMEA'", 2);
  EXPECT_EQ(In("Gold", "won"), "0/0");
  Program(kAsWas);
  EXPECT_EQ(In("Gold", "won"), "1/100");
  EXPECT_EQ(Total(kProgramName, "won"), "1/100");
  ExpectVerified();
  Program(absl::StrCat(kAsIs, " segments { attribute: 'region' membership: SEGMENT_MEMBERSHIP_AS_IS }"));
  EXPECT_EQ(In("Gold", "won"), "1/100");
  EXPECT_EQ(Total(SegmentScope("region", "EMEA"), "won"), "1/100");
  ExpectVerified();
  Program("segments { attribute: 'region' membership: SEGMENT_MEMBERSHIP_AS_IS }");
  EXPECT_EQ(In("Gold", "won"), "0/0");
  EXPECT_EQ(Total(SegmentScope("region", "EMEA"), "won"), "1/100");
  ExpectVerified();
}

TEST_F(SegmentsTest, TheZoneDecidesOnWhichDayAPartnerMoved) {
  Program(kAsWas);
  OnDay(1);
  Partner("p1", "tier: 'Silver'");
  OnDay(10);
  Partner("p1", "tier: 'Gold'", 2);
  Deal("d1", 1, 10);
  EXPECT_EQ(In("Gold", "won"), "1/100");
  Program(kAsWas, "Asia/Tokyo");  // there it was the 11th
  EXPECT_EQ(In("Gold", "won"), "0/0");
  EXPECT_EQ(In("Silver", "won"), "1/100");
  ExpectVerified();
}

TEST_F(SegmentsTest, TheBestSourceThatHasAnAttributeDecides) {
  Program(absl::StrCat(kAsWas, " source_precedence: 'prm'"));
  Partner("p1", "tier: 'Silver'");
  Partner("x1", "external_ids { source: 'crm' id: 'p1' }", 1, "prm");
  Deal("d1", 1, 5);
  // The server's own record of the same partner goes before all.
  Ingest("source: 'partnermetrics' record_id: 'crm:p1' partner { tier: 'Gold' }");
  EXPECT_EQ(In("Gold", "won"), "0/0") << "two partners claim the id: the deal is of neither";
  Ingest("source: 'prm' record_id: 'x1' revision: 2 deleted: true partner {}");
  EXPECT_EQ(In("Gold", "won"), "1/100");
  Ingest("source: 'partnermetrics' record_id: 'crm:p1' revision: 1 deleted: true partner {}");
  EXPECT_EQ(In("Silver", "won"), "1/100");
  ExpectVerified();
}

TEST_F(SegmentsTest, FactsMoveWithThePartnerThatTheyLeadTo) {
  Program(kAsWas);
  Partner("p1", "tier: 'Silver'");
  Partner("p2", "tier: 'Gold'");
  Deal("d1", 1, 5);
  Alias("crm:p2", "external { id: 'p1' }");
  EXPECT_EQ(In("Silver", "won"), "0/0");
  EXPECT_EQ(In("Gold", "won"), "1/100");
  Partner("p2", "tier: 'Silver'", 2);
  ExpectVerified();
}

TEST(PiecesOf, StretchesEndWhereSomeOfThePartnersMove) {
  const SegmentSpans gold_then_silver = {{{kFirstDay, "Gold"}, {10, "Silver"}}};
  const SegmentSpans gold = {{{kFirstDay, "Gold"}}};
  const SegmentSpans* const partners[] = {&gold_then_silver, &gold};
  const std::vector<SegmentPiece> pieces = PiecesOf(partners, 0);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0].partners, (std::vector<int>{0, 1}));
  EXPECT_EQ(pieces[0].days.until, 10);
  EXPECT_EQ(pieces[1].value, "Gold");
  EXPECT_EQ(pieces[1].partners, std::vector<int>{1});
  EXPECT_EQ(pieces[1].days.until, kNoDay);
  EXPECT_EQ(pieces[2].value, "Silver");
  EXPECT_EQ(pieces[2].days.first, 10);
}

TEST(Statements, AreReadAsTheyWereStored) {
  v1::Partner partner;
  partner.set_tier("Gold");
  partner.set_name("not an attribute");
  partner.mutable_attributes_since_on()->set_year(2026);
  partner.mutable_attributes_since_on()->set_month(3);
  partner.mutable_attributes_since_on()->set_day(1);
  std::vector<AttributeStatement> statements;
  EXPECT_TRUE(AddStatement(statements, 7, partner.SerializeAsString()));
  EXPECT_FALSE(AddStatement(statements, 8, partner.SerializeAsString())) << "it says nothing new";
  EXPECT_TRUE(AddStatement(statements, 9, ""));
  const auto decoded = DecodeStatements(EncodeStatements(statements));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ASSERT_EQ(decoded->size(), 2u);
  EXPECT_EQ((*decoded)[0].since, March(1));
  EXPECT_EQ((*decoded)[0].attributes.ShortDebugString(), "tier: \"Gold\"");
  EXPECT_EQ((*decoded)[1].learned_at_us, 9);
  EXPECT_FALSE(DecodeStatements("\x01").ok());
}

}  // namespace
}  // namespace partnermetrics
