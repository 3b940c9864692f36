#include "server/reports/standings.h"

#include <gmock/gmock.h>

#include "server/reports/due_source.h"
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class StandingsTest : public FormulaTest {
 protected:
  // Partners a, b, c … with these values; negative ones have none.
  void Stand(const std::vector<int>& values, v1::MetricDirection direction = v1::METRIC_DIRECTION_UP) {
    Define(Metric("revenue", "won.sum", "unit: METRIC_UNIT_MONEY"));
    ids_.clear();
    for (size_t i = 0; i < values.size(); ++i) ids_.push_back(std::string(1, static_cast<char>('a' + i)));
    ranking_ = std::make_unique<Ranking>(direction, ids_);
    for (size_t i = 0; i < values.size(); ++i) Set(i, values[i]);
    ranking_->Settle();
    attributes_["name"] = ids_;
    attributes_["tier"].assign(ids_.size(), "Gold");
    members_ = Members();
    for (uint32_t partner = 0; partner < ids_.size(); ++partner) members_.Set(partner, true);
    standings_.catalog = catalog_.get();
    standings_.metric = catalog_->FindMetric("revenue");
    standings_.as_of = On(2024, 3, 31);
    standings_.ranking = ranking_.get();
    standings_.ids = &ids_;
    standings_.attributes = &attributes_;
    standings_.members = &members_;
  }
  void Set(size_t partner, int value) {
    ranking_->Set(static_cast<uint32_t>(partner), value < 0 ? Number::NoData(v1::NO_DATA_REASON_NO_FACTS)
                                                            : Number::Exact(Nanos(value) * kNanosPerUnit));
  }
  // "1 b $30".
  std::vector<std::string> Rows(const LeaderboardRequest& request) const {
    std::vector<std::string> rows;
    const v1::Leaderboard board = BuildLeaderboard(standings_, request);
    for (const v1::LeaderboardRow& row : board.rows()) {
      rows.push_back(absl::StrCat(row.rank(), " ", row.partner_id(), " ", row.display()));
    }
    return rows;
  }
  static LeaderboardRequest Of(const std::string& attribute, const std::string& value) {
    LeaderboardRequest request;
    v1::Segment& segment = *request.segments.Add()->mutable_segment();
    segment.set_attribute(attribute);
    segment.set_value(value);
    return request;
  }

  std::vector<std::string> ids_;
  std::unique_ptr<Ranking> ranking_;
  std::map<std::string, std::vector<std::string>> attributes_;
  Members members_;
  Standings standings_;
};

TEST_F(StandingsTest, TheBestStandFirstAndEqualOnesById) {
  Stand({10, 30, 20, 30, -1});
  EXPECT_THAT(Rows({}), ElementsAre("1 b $30", "2 d $30", "3 c $20", "4 a $10"));
  const v1::Leaderboard board = BuildLeaderboard(standings_, {});
  EXPECT_EQ(board.ranked(), 4);
  EXPECT_EQ(board.without_value(), 1);
  EXPECT_EQ(board.rows(0).percentile(), 1);
  EXPECT_DOUBLE_EQ(board.rows(1).percentile(), 2 / 3.0);
  EXPECT_EQ(board.rows(3).percentile(), 0);
}

TEST_F(StandingsTest, WhereLowerIsBetterTheLowestIsFirst) {
  Stand({10, 30, 20}, v1::METRIC_DIRECTION_DOWN);
  EXPECT_THAT(Rows({}), ElementsAre("1 a $10", "2 c $20", "3 b $30"));
}

TEST_F(StandingsTest, TopBottomAndAround) {
  Stand({90, 80, 70, 60, 50, 40, 30});
  LeaderboardRequest request;
  request.limit = 3;
  EXPECT_THAT(Rows(request), ElementsAre("1 a $90", "2 b $80", "3 c $70"));
  request.from_bottom = true;
  EXPECT_THAT(Rows(request), ElementsAre("5 e $50", "6 f $40", "7 g $30"));
  request.around = 3;
  EXPECT_THAT(Rows(request), ElementsAre("3 c $70", "4 d $60", "5 e $50"));
  request.around = 0;
  EXPECT_THAT(Rows(request), ElementsAre("1 a $90", "2 b $80", "3 c $70"));
  request.around = 6;
  EXPECT_THAT(Rows(request), ElementsAre("5 e $50", "6 f $40", "7 g $30"));
  Set(6, -1);
  ranking_->Settle();
  EXPECT_THAT(Rows(request), IsEmpty());
}

TEST_F(StandingsTest, RanksAreThoseAmongThePartnersOfTheSegment) {
  Stand({90, 80, 70, 60});
  attributes_["tier"] = {"Gold", "Silver", "Gold", ""};
  EXPECT_THAT(Rows(Of("tier", "gold")), ElementsAre("1 a $90", "2 c $70"));
  EXPECT_THAT(Rows(Of("tier", "")), ElementsAre("1 d $60"));
  EXPECT_THAT(Rows(Of("label.unheard", "x")), IsEmpty());
  members_.Set(0, false);
  Set(0, -1);
  ranking_->Settle();
  EXPECT_THAT(Rows(Of("tier", "gold")), ElementsAre("1 c $70"));
}

// What changes is taken out and put in again, wherever it belongs now.
TEST_F(StandingsTest, KeepTheirOrderWhenFewChange) {
  Stand({90, 80, 70, 60});
  Set(0, 65);
  Set(2, -1);
  Set(3, 60);
  ranking_->Settle();
  EXPECT_THAT(ranking_->order(), ElementsAre(1, 0, 3));
  Set(2, 100);
  ranking_->Settle();
  EXPECT_THAT(ranking_->order(), ElementsAre(2, 1, 0, 3));
}

TEST_F(StandingsTest, Distribution) {
  Stand({10, 20, 30, 40, 50, -1});
  attributes_["tier"] = {"Gold", "Gold", "Silver", "Gold", "Silver", "Bronze"};
  const v1::Distribution distribution = BuildDistribution(standings_, {}, "tier");
  const v1::Spread& spread = distribution.spread();
  EXPECT_EQ(spread.partners(), 6);
  EXPECT_EQ(spread.with_value(), 5);
  EXPECT_EQ(spread.min(), 10);
  EXPECT_EQ(spread.p10(), 14);
  EXPECT_EQ(spread.p25(), 20);
  EXPECT_EQ(spread.median(), 30);
  EXPECT_EQ(spread.p90(), 46);
  EXPECT_EQ(spread.max(), 50);
  EXPECT_EQ(spread.mean(), 30);
  ASSERT_EQ(distribution.buckets_size(), 10);
  EXPECT_EQ(distribution.buckets(0).partners(), 1);
  EXPECT_EQ(distribution.buckets(9).partners(), 1);
  ASSERT_EQ(distribution.groups_size(), 3);
  EXPECT_EQ(distribution.groups(0).value(), "Gold");
  EXPECT_EQ(distribution.groups(0).spread().median(), 20);
  EXPECT_EQ(distribution.groups(2).value(), "Bronze");
  EXPECT_FALSE(distribution.groups(2).spread().has_median());
}

TEST_F(StandingsTest, EqualValuesMakeOneRange) {
  Stand({7, 7, 7});
  const v1::Distribution distribution = BuildDistribution(standings_, {}, "");
  ASSERT_EQ(distribution.buckets_size(), 1);
  EXPECT_EQ(distribution.buckets(0).partners(), 3);
  EXPECT_TRUE(distribution.groups().empty());
}

TEST_F(StandingsTest, TiersAreShownAndCountedByName) {
  Stand({2, 1, 1, 0});
  Define(Metric("revenue", "won.sum", "levels: SCOPE_KIND_PARTNER"),
         "tiers { id: 'tier' display_name: 'Tier' category: METRIC_CATEGORY_REVENUE"
         " levels { id: 'gold' display_name: 'Gold' requirements { metric: 'revenue' min: 200 } }"
         " levels { id: 'silver' display_name: 'Silver' requirements { metric: 'revenue' min: 100 } }"
         " levels { id: 'bronze' display_name: 'Bronze' } }");
  standings_.catalog = catalog_.get();
  standings_.metric = catalog_->FindMetric("tier");
  EXPECT_THAT(Rows({}), ElementsAre("1 a Silver", "2 b Bronze", "3 c Bronze", "4 d none"));
  std::vector<std::string> tiers;
  const v1::Distribution distribution = BuildDistribution(standings_, {}, "");
  for (const v1::DistributionBucket& bucket : distribution.buckets()) {
    tiers.push_back(absl::StrCat(bucket.display_name(), " ", bucket.from(), " ", bucket.partners()));
  }
  EXPECT_THAT(tiers, ElementsAre("Gold 3 0", "Silver 2 1", "Bronze 1 2", "none 0 1"));
}

TEST_F(StandingsTest, WithoutPartnersThereIsNothing) {
  Stand({});
  EXPECT_THAT(Rows({}), IsEmpty());
  EXPECT_FALSE(BuildDistribution(standings_, {}, "").spread().has_min());
}

class DueSourceTest : public FormulaTest {
 protected:
  // Days from 15 May 2024 until the value may change; -1: never.
  int DueIn(const std::string& metric) {
    const Day today = On(2024, 5, 15);
    DueSource due(*catalog_, *source_, today);
    const CompiledMetric& found = *catalog_->FindMetric(metric);
    Evaluator(*catalog_, due)
        .Evaluate(found, kProgramScope, PeriodOf(*catalog_, found, v1::WINDOW_KIND_UNSPECIFIED, today));
    return due.due() == DueSource::kNever ? -1 : due.due() - today;
  }
};

TEST_F(DueSourceTest, WindowsOfTheCalendarMoveWhenAMonthTurns) {
  Define(Metric("revenue", "won.sum"));
  EXPECT_EQ(DueIn("revenue"), -1);
  Won(5, On(2024, 3, 31));
  EXPECT_EQ(DueIn("revenue"), -1);  // before the window
  Won(5, On(2024, 4, 1));
  EXPECT_EQ(DueIn("revenue"), 16);  // the last day of May
}

TEST_F(DueSourceTest, DaysLeaveTrailingWindowsAndEnterAll) {
  Define(Metric("revenue", "won.sum", "window: WINDOW_KIND_TRAILING_30_DAYS"));
  Won(5, On(2024, 5, 10));  // leaves on 9 June
  EXPECT_LE(DueIn("revenue"), 25);
  EXPECT_GT(DueIn("revenue"), 15);
  Won(5, On(2024, 5, 25));
  EXPECT_LE(DueIn("revenue"), 10);
  EXPECT_GT(DueIn("revenue"), 1);
}

TEST_F(DueSourceTest, StocksChangeOnDaysToCome) {
  Define(Metric("pipeline", "open.sum", "window: WINDOW_KIND_TRAILING_30_DAYS"));
  Open(5, On(2024, 1, 1), On(2024, 5, 1));
  EXPECT_EQ(DueIn("pipeline"), -1);
  Open(5, On(2024, 1, 1), On(2024, 12, 1));
  EXPECT_LE(DueIn("pipeline"), 200);
  EXPECT_GT(DueIn("pipeline"), 150);
}

TEST_F(DueSourceTest, WhatReadsTheCalendarIsNotTimeless) {
  Define(Metric("revenue", "won.sum") + Metric("daily", "revenue / days(window)") + Metric("double", "2 * revenue") +
         Metric("through", "1 + daily") + Metric("met", "meets(revenue)"));
  EXPECT_TRUE(IsTimeless(*catalog_, *catalog_->FindMetric("double")));
  for (const char* metric : {"daily", "through", "met"}) {
    EXPECT_FALSE(IsTimeless(*catalog_, *catalog_->FindMetric(metric))) << metric;
  }
}

}  // namespace
}  // namespace partnermetrics
