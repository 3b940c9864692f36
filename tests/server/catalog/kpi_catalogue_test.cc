// Every KPI of the source documents is defined, completely.
#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/catalog/catalog.h"
#include "server/catalog/definitions.h"

namespace partnermetrics {
namespace {

// Made of several metrics by rules of a programme, not by one formula.
constexpr const char* kNotMetrics[] = {
    "enablement_funnel",  // a table: partners by the stages that they reached
};

// Tell how much there is of something; more is neither better nor worse.
constexpr const char* kWithoutDirection[] = {"pipeline_stage_share"};

template <size_t n>
bool IsOneOf(const char* const (&ids)[n], const std::string& id) {
  return std::find(ids, ids + n, id) != ids + n;
}

std::vector<std::string> KpiIds() {
  std::vector<std::string> ids;
  std::ifstream in(PM_TEST_DATA "/kpi_ids.txt");
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && !absl::StartsWith(line, "#")) ids.push_back(line);
  }
  return ids;
}

std::shared_ptr<const Catalog> Load(const std::string& program) {
  const std::string folder = PM_SOURCE_DIR "/server/catalog/definitions";
  const auto definitions = LoadDefinitions({folder});
  EXPECT_TRUE(definitions.ok()) << definitions.status();
  const auto proto = LoadProgram(absl::StrCat(folder, "/programs/", program, ".textproto"));
  EXPECT_TRUE(proto.ok()) << proto.status();
  auto catalog = Catalog::Compile(*proto, definitions->catalog, &definitions->sources);
  EXPECT_TRUE(catalog.ok()) << catalog.status().message();
  return *std::move(catalog);
}

TEST(KpiCatalogueTest, EveryKpiIsDefined) {
  const auto catalog = Load("partneros");
  const std::vector<std::string> ids = KpiIds();
  EXPECT_EQ(ids.size(), 132u);
  for (const std::string& id : ids) {
    EXPECT_EQ(catalog->FindMetric(id) == nullptr, IsOneOf(kNotMetrics, id)) << id;
  }
}

TEST(KpiCatalogueTest, TheEnablementFunnelIsAReport) {
  const auto catalog = Load("partneros");
  const v1::Funnel& funnel = catalog->program().reports().funnels(0);
  EXPECT_EQ(funnel.id(), "enablement_funnel");
  EXPECT_EQ(funnel.steps_size(), 7);
}

TEST(KpiCatalogueTest, EveryMetricSaysWhatItIs) {
  const auto catalog = Load("lightreach");
  for (const CompiledMetric& metric : catalog->metrics()) {
    SCOPED_TRACE(metric.id());
    EXPECT_NE(metric.definition.description(), "");
    EXPECT_NE(metric.definition.source(), "");
    EXPECT_NE(metric.definition.indicator(), v1::METRIC_INDICATOR_UNSPECIFIED);
    // What has a target says which side of it is good.
    EXPECT_TRUE(!metric.definition.has_target() || metric.definition.direction() != v1::METRIC_DIRECTION_UNSPECIFIED);
  }
}

TEST(KpiCatalogueTest, EveryKpiSaysWhatIsBetter) {
  const auto catalog = Load("partneros");
  for (const std::string& id : KpiIds()) {
    const CompiledMetric* metric = catalog->FindMetric(id);
    if (metric == nullptr) continue;
    EXPECT_EQ(metric->definition.direction() == v1::METRIC_DIRECTION_UNSPECIFIED, IsOneOf(kWithoutDirection, id)) << id;
  }
}

// What no metric reads would be kept for nothing.
TEST(KpiCatalogueTest, EveryMeasureIsRead) {
  const auto catalog = Load("partneros");
  std::vector<bool> read(catalog->measures().size());
  for (const CompiledMetric& metric : catalog->metrics()) {
    for (const MeasureUse& use : metric.uses) read[static_cast<size_t>(use.measure)] = true;
  }
  for (const CompiledMeasure& measure : catalog->measures()) {
    EXPECT_TRUE(read[static_cast<size_t>(measure.index)]) << measure.id;
  }
}

// Where the two versions of the document disagree, each has its set.
TEST(KpiCatalogueTest, BothVersionsHaveTheirTargets) {
  const auto catalog = Load("partneros");
  const v1::TargetSet* first = catalog->FindTargetSet("partneros_1");
  const v1::TargetSet* second = catalog->FindTargetSet("partneros_2");
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  const auto metrics = [](const v1::TargetSet& set) {
    std::vector<std::string> ids;
    for (const v1::ProgramTarget& target : set.targets()) ids.push_back(target.metric());
    return ids;
  };
  EXPECT_THAT(metrics(*first), testing::UnorderedElementsAre("certification_rate", "partner_influenced_revenue_share",
                                                             "partner_nps", "support_satisfaction"));
  EXPECT_THAT(metrics(*second), testing::UnorderedElementsAreArray(metrics(*first)));
}

}  // namespace
}  // namespace partnermetrics
