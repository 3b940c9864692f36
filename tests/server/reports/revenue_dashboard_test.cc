#include "server/reports/revenue_dashboard.h"

#include <string>
#include <vector>

#include "tests/server/reports/report_fixture.h"

namespace partnermetrics {
namespace {

class RevenueDashboardTest : public ReportTest {
 protected:
  void NewPartner(const std::string& name, const std::string& tier, const std::string& more = "") {
    Partner(absl::StrCat("name: '", name, "' tier: '", tier, "' ", more));
  }
  v1::RevenueReport Dashboard(const std::string& split_by = "", int top = 0) {
    RevenueRequest request;
    request.of_program = request_;
    request.of_program.comparison = v1::COMPARISON_PREVIOUS_PERIOD;
    request.split_by = split_by;
    request.top = top;
    request.partner_id = [](ScopeIndex scope) { return absl::StrCat("id", scope); };
    return BuildRevenueDashboard(*catalog_, source_, request);
  }
  // "Platinum 3200000 48"
  static std::vector<std::string> Groups(const v1::RevenueReport& report) {
    std::vector<std::string> groups;
    for (const v1::RevenueGroup& group : report.groups()) {
      groups.push_back(absl::StrCat(group.value(), " ", group.amount().units(), " ", group.share_percent()));
    }
    return groups;
  }
  static std::vector<std::string> Top(const v1::RevenueReport& report) {
    std::vector<std::string> top;
    for (const v1::TopPartner& partner : report.top()) {
      top.push_back(absl::StrCat(partner.rank(), " ", partner.name(), " ", partner.value().display()));
    }
    return top;
  }
};

constexpr auto kInfluenced = v1::ATTRIBUTION_ROLE_INFLUENCED;

// Q1 2024: sourced 2.5M (+15 %), influenced 4.2M (+22 %); by tier 3.2, 2.1, 1.1, 0.3 of 6.7M.
TEST_F(RevenueDashboardTest, OfTheDocument) {
  NewPartner("Partner A", "Platinum");
  NewPartner("Partner B", "Gold");
  NewPartner("Partner C", "Platinum");
  NewPartner("Partner D", "Platinum");
  NewPartner("Partner E", "Silver");
  const Day day = On(2024, 2, 15), before = On(2023, 11, 15);
  Won(1'200'000, day, 1);
  Won(900'000, day, 2);
  Won(400'000, day, 3);
  Won(300'000, day, 3, kInfluenced);
  Won(500'000, day, 4, kInfluenced);
  Won(400'000, day, 5, kInfluenced);
  // Everybody else, below the first five.
  const struct {
    const char* tier;
    int64_t amount;
  } others[] = {{"Platinum", 390'000}, {"Platinum", 390'000}, {"Platinum", 20'000}, {"Gold", 390'000},
                {"Gold", 390'000},     {"Gold", 390'000},     {"Gold", 30'000},     {"Silver", 390'000},
                {"Silver", 310'000},   {"Bronze", 290'000},   {"", 10'000}};
  int partner = 5;
  for (const auto& other : others) {
    NewPartner("Other", other.tier);
    Won(other.amount, day, ++partner, kInfluenced);
  }
  Won(2'173'913, before, 1);
  Won(3'442'623, before, 2, kInfluenced);

  const v1::RevenueReport report = Dashboard();
  EXPECT_EQ(report.period(), "Q1 2024");
  ASSERT_EQ(report.figures_size(), 3);
  EXPECT_EQ(report.figures(0).value().display(), "$2.5M");
  EXPECT_NEAR(report.figures(0).value().change(), 0.15, 1e-6);
  EXPECT_EQ(report.figures(1).value().display(), "$4.2M");
  EXPECT_NEAR(report.figures(1).value().change(), 0.22, 1e-6);
  EXPECT_EQ(report.figures(2).value().display(), "$6.7M");
  EXPECT_EQ(Groups(report), (std::vector<std::string>{"Platinum 3200000 48", "Gold 2100000 31", "Silver 1100000 16",
                                                      "Other 300000 5"}));
  EXPECT_EQ(Top(report), (std::vector<std::string>{"1 Partner A $1.2M", "2 Partner B $900K", "3 Partner C $700K",
                                                   "4 Partner D $500K", "5 Partner E $400K"}));
  double share = 0;
  for (const v1::TopPartner& top : report.top()) share += top.share();
  EXPECT_NEAR(share, 3.7 / 6.7, 1e-9);
}

TEST_F(RevenueDashboardTest, EqualValuesAreInTheOrderOfTheIds) {
  for (const char* name : {"A", "B", "C"}) NewPartner(name, "Gold");
  Won(5, On(2024, 3, 1), 3);
  Won(5, On(2024, 3, 1), 2);
  Won(7, On(2024, 3, 1), 1);
  EXPECT_EQ(Top(Dashboard()), (std::vector<std::string>{"1 A $7", "2 B $5", "3 C $5"}));
  EXPECT_EQ(Top(Dashboard("", 2)), (std::vector<std::string>{"1 A $7", "2 B $5"}));
}

TEST_F(RevenueDashboardTest, ByAnyFieldOfAPartner) {
  NewPartner("A", "Gold", "region: 'EMEA' type: PARTNER_TYPE_RESELLER");
  NewPartner("B", "Gold", "region: 'NA' type: PARTNER_TYPE_RESELLER");
  NewPartner("C", "Gold", "type: PARTNER_TYPE_TECHNOLOGY");
  Won(10, On(2024, 3, 1), 1);
  Won(60, On(2024, 3, 1), 2);
  Won(30, On(2024, 3, 1), 3);
  EXPECT_EQ(Groups(Dashboard("region")), (std::vector<std::string>{"NA 60 60", "None 30 30", "EMEA 10 10"}));
  EXPECT_EQ(Groups(Dashboard("type")), (std::vector<std::string>{"reseller 70 70", "technology 30 30"}));
}

// A partner that was promoted between two wins is in both tiers, with what it won in each.
TEST_F(RevenueDashboardTest, EachWinCountsInTheTierOfItsDay) {
  NewPartner("A", "Gold");
  NewPartner("B", "Silver");
  Won(10, On(2024, 2, 29), 1);
  Won(20, On(2024, 3, 1), 1);
  Won(40, On(2024, 3, 15), 1);
  Won(100, On(2024, 3, 20), 1);
  Won(5, On(2024, 3, 2), 2);
  RevenueRequest request;
  request.of_program = request_;
  request.partner_id = [](ScopeIndex scope) { return absl::StrCat("id", scope); };
  request.history = [](ScopeIndex partner) -> std::vector<ValueSince> {
    if (partner != kFirstPartnerScope) return {{0, "Silver"}};
    return {{On(2024, 1, 1), "Silver"}, {On(2024, 3, 1), "Gold"}, {On(2024, 3, 16), "Silver"}};
  };
  const v1::RevenueReport report = BuildRevenueDashboard(*catalog_, source_, request);
  EXPECT_EQ(Groups(report), (std::vector<std::string>{"Platinum 0 0", "Gold 60 34", "Silver 115 66"}));
  EXPECT_EQ(report.groups(1).partners(), 1);
  EXPECT_EQ(report.groups(2).partners(), 2);
}

TEST_F(RevenueDashboardTest, WithoutRevenueThereIsNoTop) {
  NewPartner("A", "Gold");
  const v1::RevenueReport report = Dashboard();
  EXPECT_TRUE(report.top().empty());
  EXPECT_EQ(Groups(report), (std::vector<std::string>{"Platinum 0 0", "Gold 0 0", "Silver 0 0"}));
}

}  // namespace
}  // namespace partnermetrics
