#include "server/facts/event_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/protobuf/text_format.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics {
namespace {

std::string EventBytes(const std::string& text) {
  v1::Event event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
  return event.SerializeAsString();
}

TEST(EventView, ReadsTheEnvelope) {
  const std::string bytes = EventBytes(
      "program: 'p' source: 'crm' record_id: 'd1' revision: 42 deleted: true origin { file: 'a.csv' row: 7 } deal {}");
  EventView view;
  ASSERT_TRUE(view.Parse(bytes));
  EXPECT_EQ(view.source, "crm");
  EXPECT_EQ(view.record_id, "d1");
  EXPECT_EQ(view.revision, 42);
  EXPECT_TRUE(view.deleted);
  EXPECT_EQ(view.schema->name(), "deal");
  EXPECT_EQ(view.fact, "");
}

TEST(EventView, RefusesWhatIsNoEvent) {
  EventView view;
  EXPECT_FALSE(view.Parse(""));
  EXPECT_FALSE(view.Parse("\xff\xff"));
  EXPECT_FALSE(view.Parse(EventBytes("record_id: 'x'")));  // no fact
  EXPECT_FALSE(view.Parse(EventBytes("deal {}")));         // no record
}

std::vector<PartnerMention> Mentions(const std::string& kind, const std::string& text) {
  EventView view;
  static std::string bytes;
  bytes = EventBytes("record_id: 'x' " + kind + " { " + text + " }");
  EXPECT_TRUE(view.Parse(bytes));
  return ReadMentions(*view.schema, view.fact);
}

TEST(ReadMentions, KeepsTheOrderOfTrust) {
  const auto mentions = Mentions("invoice",
                                 "partner_refs { external { source: 'crm' id: '1' } } partner_refs { email: '~abc' }"
                                 " partner_refs { domain: 'Example.COM' } partner_refs { partner_id: 'p' }");
  ASSERT_EQ(mentions.size(), 1u);
  EXPECT_THAT(mentions[0].references,
              ::testing::ElementsAre("external:crm:1", "email:~abc", "domain:example.com", "partner:p"));
}

TEST(ReadMentions, ADealHasOneMentionPerAttribution) {
  const auto mentions =
      Mentions("deal",
               "attributions { role: ATTRIBUTION_ROLE_SOURCED split { nanos: 600000000 } partner_refs"
               " { domain: 'a.com' } } attributions { partner_refs { domain: 'b.com' } } attributions {}");
  ASSERT_EQ(mentions.size(), 2u);
  EXPECT_EQ(mentions[0].role, v1::ATTRIBUTION_ROLE_SOURCED);
  EXPECT_EQ(mentions[0].split_nanos, 600'000'000);
  EXPECT_EQ(mentions[1].split_nanos, -1);
}

TEST(ReadMentions, ASplitIsAShareOrAPercentage) {
  const auto split = [](const std::string& decimal) {
    return Mentions("deal", "attributions { partner_refs { domain: 'a.com' } split { " + decimal + " } }")[0]
        .split_nanos;
  };
  EXPECT_EQ(split("units: 60"), 60'000'000'000);
  EXPECT_EQ(split("units: 272713513980"), -1);  // as if there were none: sums of such would overflow
  EXPECT_EQ(split("units: -1"), -1);
  EXPECT_EQ(split("nanos: -1"), -1);
}

TEST(ReadMentions, EmptyReferencesNameNobody) {
  EXPECT_TRUE(Mentions("invoice", "partner_refs {} partner_refs { external { source: 'crm' } }").empty());
}

}  // namespace
}  // namespace partnermetrics
