#include "server/reports/pipeline_health.h"

#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "tests/server/reports/report_fixture.h"

namespace partnermetrics {
namespace {

constexpr char kDefinitions[] = R"pb(
  measures {
    id: "open"
    fact: "deal"
    kind: MEASURE_KIND_STOCK
    sum: "amount"
    from: "registered_on"
    until: "closed_on"
    by: "stage"
  }
  metrics {
    id: "by_stage"
    display_name: "By stage"
    category: METRIC_CATEGORY_PIPELINE
    unit: METRIC_UNIT_MONEY
    formula: "open.sum"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
  metrics {
    id: "deals"
    display_name: "Deals"
    category: METRIC_CATEGORY_PIPELINE
    unit: METRIC_UNIT_COUNT
    formula: "open.count"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
)pb";

constexpr char kProgram[] = R"pb(
  id: "p"
  display_name: "P"
  currency_code: "USD"
  time_zone: "UTC"
  reports { pipeline { stages_metric: "by_stage" stages: "Discovery" stages: "Qualified" figures: "deals" } }
)pb";

class PipelineHealthTest : public testing::Test {
 protected:
  PipelineHealthTest() : catalog_(Compile()), source_(*catalog_) {}

  static std::shared_ptr<const Catalog> Compile() {
    v1::Catalog definitions;
    v1::Program program;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kDefinitions, &definitions));
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kProgram, &program));
    auto catalog = Catalog::Compile(program, definitions);
    EXPECT_TRUE(catalog.ok()) << catalog.status().message();
    return *std::move(catalog);
  }

  void Open(const std::string& stage, int64_t dollars, int partner = 1, const std::string& more = "") {
    source_.Add("deal",
                Fact<v1::Deal>(absl::StrCat("stage: '", stage, "' amount { units: ", dollars, " }",
                                            DateText("registered_on", On(2024, 2, 1)), more)),
                partner);
  }
  v1::PipelineReport Report(ScopeIndex scope = kProgramScope) {
    ReportRequest request;
    request.as_of = On(2024, 3, 31);
    request.scope = scope;
    request.scope_proto.set_kind(scope == kProgramScope ? v1::SCOPE_KIND_PROGRAM : v1::SCOPE_KIND_PARTNER);
    return BuildPipelineHealth(*catalog_, source_, request);
  }
  // "Discovery 2300000 45"
  static std::vector<std::string> Stages(const v1::PipelineReport& report) {
    std::vector<std::string> stages;
    for (const v1::PipelineStage& stage : report.stages()) {
      stages.push_back(absl::StrCat(stage.stage(), " ", stage.value().exact().units(), " ", stage.share_percent()));
    }
    return stages;
  }

  std::shared_ptr<const Catalog> catalog_;
  FactSource source_;
};

// The document shows amounts from which its shares do not follow (45, 30, 18, 7 of 2.3, 1.5, 0.9, 0.4 of 5.1); these,
// which are shown alike, give them.
TEST_F(PipelineHealthTest, OfTheDocument) {
  Open("Negotiation", 370'000);
  Open("Proposal", 920'000);
  Open("Discovery", 2'000'000);
  Open("Discovery", 300'000);
  Open("Qualified", 1'530'000);
  const v1::PipelineReport report = Report();
  EXPECT_EQ(Stages(report), (std::vector<std::string>{"Discovery 2300000 45", "Qualified 1530000 30",
                                                      "Proposal 920000 18", "Negotiation 370000 7"}));
  EXPECT_EQ(report.total().display(), "$5.1M");
  EXPECT_EQ(report.stages(0).value().display(), "$2.3M");
  EXPECT_EQ(report.stages(0).value().facts(), 2);
  ASSERT_EQ(report.figures_size(), 1);
  EXPECT_EQ(report.figures(0).display_name(), "Deals");
  EXPECT_EQ(report.figures(0).value().value(), 5);
}

TEST_F(PipelineHealthTest, StagesThatAreNotNamedFollowTheLargestFirst) {
  Open("Small", 1);
  Open("Large", 8);
  Open("qualified", 1);
  EXPECT_EQ(Stages(Report()), (std::vector<std::string>{"qualified 1 10", "Large 8 80", "Small 1 10"}));
}

TEST_F(PipelineHealthTest, WhatIsClosedIsNotOpen) {
  Open("Qualified", 5);
  Open("Discovery", 5, 1, DateText("closed_on", On(2024, 3, 31)));
  EXPECT_EQ(Stages(Report()), std::vector<std::string>{"Qualified 5 100"});
}

TEST_F(PipelineHealthTest, OfOnePartner) {
  Open("Qualified", 5, 1);
  Open("Qualified", 3, 2);
  EXPECT_EQ(Stages(Report(kFirstPartnerScope + 1)), std::vector<std::string>{"Qualified 3 100"});
}

TEST_F(PipelineHealthTest, WithoutDealsThereAreNoStages) {
  EXPECT_EQ(Report().stages_size(), 0);
  EXPECT_EQ(Report().total().value(), 0);
}

}  // namespace
}  // namespace partnermetrics
