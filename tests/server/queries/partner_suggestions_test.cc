#include "server/queries/partner_suggestions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace partnermetrics {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

PartnerRecord Partner(const std::string& id, const std::string& name, const std::vector<std::string>& domains = {}) {
  v1::Partner fields;
  fields.set_name(name);
  for (const std::string& domain : domains) fields.add_domains(domain);
  return {id, fields.SerializeAsString()};
}

// "p1 95 same domain acme.com"
std::vector<std::string> Texts(const std::vector<v1::PartnerSuggestion>& suggestions) {
  std::vector<std::string> texts;
  for (const v1::PartnerSuggestion& one : suggestions) {
    texts.push_back(one.partner_id() + " " + std::to_string(one.score()) + " " + one.reason());
  }
  return texts;
}

class PartnerSuggestionsTest : public testing::Test {
 protected:
  std::vector<std::string> Suggest(const ReferenceEvidence& evidence) const {
    return Texts(PartnerSuggester(partners_).Suggest(evidence));
  }

  const std::vector<PartnerRecord> partners_ = {Partner("p1", "ACME Solar LLC", {"acme.com"}),
                                                Partner("p2", "Bright Homes", {"bright-homes.co.uk"}),
                                                Partner("p3", "Acme Roofing Inc.", {"acme-roofing.com"}),
                                                Partner("p4", "Sunrise Energy", {"emea.sunrise.example"})};
};

TEST_F(PartnerSuggestionsTest, TheSameDomainSaysMost) {
  EXPECT_THAT(Suggest({.domains = {"acme.com"}}), testing::ElementsAre("p1 95 same domain acme.com"));
}

TEST_F(PartnerSuggestionsTest, DomainsOfOneCompanyBelongTogether) {
  EXPECT_THAT(Suggest({.domains = {"eu.acme.com"}}),
              testing::ElementsAre("p1 80 domain eu.acme.com belongs with acme.com"));
  EXPECT_THAT(Suggest({.domains = {"sunrise.example"}}),
              testing::ElementsAre("p4 80 domain sunrise.example belongs with emea.sunrise.example"));
  EXPECT_THAT(Suggest({.domains = {"acme.de"}}), testing::ElementsAre("p1 60 similar domain acme.com"));
  EXPECT_THAT(Suggest({.domains = {"www.bright-homes.com"}}),
              testing::ElementsAre("p2 60 similar domain bright-homes.co.uk"));
  EXPECT_THAT(Suggest({.domains = {"notacme.com"}}), IsEmpty()) << "a part of a word is no domain";
}

TEST_F(PartnerSuggestionsTest, NamesAreComparedWithoutCasePunctuationAndLegalForm) {
  EXPECT_THAT(Suggest({.names = {"Acme-Solar, Inc."}}), testing::ElementsAre("p1 90 same name 'Acme-Solar, Inc.'"));
  EXPECT_THAT(Suggest({.names = {"Brigth Homes"}}), testing::ElementsAre("p2 63 similar name 'Brigth Homes'"));
  EXPECT_THAT(Suggest({.names = {"cus_NffrFeUfNV2Hib"}}), IsEmpty());
}

TEST_F(PartnerSuggestionsTest, ReasonsAddUpAndTheOrderIsFixed) {
  const std::vector<std::string> both = Suggest({.names = {"Acme"}, .domains = {"acme.com"}});
  ASSERT_THAT(both, SizeIs(1));
  EXPECT_EQ(both[0], "p1 98 same domain acme.com") << "the name is similar too";
  EXPECT_EQ(Suggest({.names = {"Acme Solar"}, .same_id = "p2"}),
            (std::vector<std::string>{"p1 90 same name 'Acme Solar'", "p2 85 the same id in another source"}));
}

TEST_F(PartnerSuggestionsTest, TheCommandIsReadyToPaste) {
  EXPECT_EQ(ConfirmCommand("", "crm:001", "external:stripe:cus_1"),
            "partnerctl partner alias add --partner-id crm:001 --alias external:stripe:cus_1");
  EXPECT_EQ(ConfirmCommand("solar", "p1", "external:portal:Joe's; rm -rf"),
            "partnerctl partner alias add --program solar --partner-id p1 --alias 'external:portal:Joe'\\''s; rm -rf'");
  EXPECT_EQ(ConfirmCommand("", "p1", "email:~3f"), "") << "a pseudonym cannot be typed";
}

}  // namespace
}  // namespace partnermetrics
