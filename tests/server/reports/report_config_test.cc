// What a programme's reports may name; mistakes are refused when the server starts.
#include <gmock/gmock.h>

#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

using testing::HasSubstr;

class ReportConfigTest : public FormulaTest {
 protected:
  static std::string Refused(const std::string& reports) {
    return Refusal(Metric("revenue", "won.sum") + Metric("size", "avg(won)", "target { min: 5 }") +
                       Metric("typical", "average_partners(revenue)", "levels: [SCOPE_KIND_PROGRAM]"),
                   absl::StrCat("reports { ", reports, " }"));
  }
};

TEST_F(ReportConfigTest, NamesMetricsThatExist) {
  EXPECT_EQ(Refused("sla { compliance: 'size' rows { metric: 'size' } }"), "accepted");
  EXPECT_EQ(Refused("sla { compliance: 'size' rows { metric: 'sise' } }"),
            R"(program "p", reports.sla.rows[0].metric: unknown metric "sise" (did you mean "size"?))");
  EXPECT_THAT(Refused("sla { compliance: 'size' rows { metric: 'size' open_age: 'x' } }"),
              HasSubstr(R"(program "p", reports.sla.rows[0].open_age: unknown metric "x")"));
  EXPECT_EQ(Refused("sla { compliance: 'size' }"),
            R"(program "p", reports.sla.rows: a table of service levels needs rows)");
}

TEST_F(ReportConfigTest, FunnelsAreOverMetricsOfPartners) {
  EXPECT_EQ(Refused("funnels { id: 'f' steps { metric: 'revenue' at_least: 5 } }"), "accepted");
  EXPECT_EQ(
      Refused("funnels { id: 'f' steps { metric: 'typical' } }"),
      "program \"p\", reports.funnels[0].steps[0].metric: \"typical\" is not defined for partners; its levels need "
      "SCOPE_KIND_PARTNER");
  EXPECT_THAT(Refused("funnels { id: 'f' }"), HasSubstr("a funnel needs steps"));
  EXPECT_THAT(Refused("funnels { id: 'f' steps { metric: 'revenue' } } funnels { id: 'f' steps { metric: 'size' } }"),
              HasSubstr("reports.funnels[1].id: this id is defined twice"));
}

TEST_F(ReportConfigTest, StagesAreThoseOfASplitMeasure) {
  EXPECT_THAT(Refused("pipeline { stages_metric: 'revenue' }"), HasSubstr("has measures that are not split"));
}

TEST_F(ReportConfigTest, RevenueIsSplitByAFieldOfPartners) {
  const std::string metrics = "split_metric: 'revenue' top_metric: 'revenue' ";
  EXPECT_EQ(Refused("revenue { " + metrics + "split_by: 'region' }"), "accepted");
  EXPECT_EQ(
      Refused("revenue { " + metrics + "split_by: 'regoin' }"),
      R"(program "p", reports.revenue.split_by: "regoin" is no name or enum of a partner (did you mean "region"?))");
  EXPECT_THAT(Refused("revenue { " + metrics + "split_by: 'signed_on' }"),
              HasSubstr("is no name or enum of a partner"));
  EXPECT_THAT(Refused("revenue { " + metrics + "split_by: 'tier' top: 101 }"),
              HasSubstr("between 0 and 100 partners are shown"));
}

}  // namespace
}  // namespace partnermetrics
