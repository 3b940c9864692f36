// Checks definitions and a programme, and compiles them. Used by Catalog::Compile alone.
#ifndef PARTNERMETRICS_SERVER_CATALOG_CATALOG_COMPILER_H_
#define PARTNERMETRICS_SERVER_CATALOG_CATALOG_COMPILER_H_

#include <memory>
#include <string>
#include <vector>

#include "server/catalog/catalog.h"
#include "server/catalog/definitions.h"

namespace partnermetrics {

class CatalogCompiler {
 public:
  CatalogCompiler(const v1::Program& program, const v1::Catalog& definitions, const DefinitionSources* sources);

  absl::StatusOr<std::shared_ptr<const Catalog>> Compile();

 private:
  // The metrics that are defined, and those that the programme's scores and tiers are.
  void CollectMetrics();
  // Ids, kinds and required fields, before anything is looked up by id.
  void CheckIds();
  void CheckId(absl::string_view kind, absl::string_view id, absl::flat_hash_map<std::string, int>& by_id, int index);
  void CheckWord(absl::string_view kind, absl::string_view id);
  void CheckSnakeCase(absl::string_view word, absl::string_view kind, absl::string_view id, absl::string_view field);

  void CompileMeasures();
  void CompileMeasure(const v1::Measure& definition, CompiledMeasure& measure);
  void CompileKey(const v1::Measure& definition, CompiledMeasure& measure);
  void NoteReads(const RowExpression& expression, CompiledMeasure& measure);
  bool CheckMeasureFields(const v1::Measure& definition);
  void FindSplitField(const v1::Measure& definition, CompiledMeasure& measure);
  void CheckNoLookAhead(const v1::Measure& definition, const CompiledMeasure& measure);

  void CompileMetrics();
  void CheckMetric(const v1::Metric& definition);
  // metric_graph.cc: refuses cycles and what belongs to no stratum, collects what every metric uses. False when metrics
  // go round in a circle.
  bool Connect();
  bool Visit(int metric, std::vector<int>& path, std::vector<char>& done);
  std::vector<int> MetricsNeededBy(const Formula& formula, const FormulaNode& node) const;
  PartnerNeeds NeedsOf(const CompiledMetric& metric);
  void CheckLevels(const CompiledMetric& metric);
  bool Accumulates(const Formula& formula, int node) const;
  void CheckStarts(const CompiledMetric& metric);

  void CheckProgram();
  void CheckTargetSets();
  void CheckSegments();  // catalog_segments.cc
  void CheckProgramTargets(const google::protobuf::RepeatedPtrField<v1::ProgramTarget>& targets,
                           const std::string& field);
  // catalog_scores.cc: scores and tiers, with the formulas of their metrics.
  void CompileScores();
  void CompileScore(const v1::ScoreModel& model, const std::string& at);
  void CheckBands(const v1::ScoreModel& model, const CompiledScore& score, const std::string& at);
  CompiledScoreComponent CompileComponent(const v1::ScoreComponent& definition, const CompiledScore& score,
                                          const std::string& at);
  void CheckPart(const v1::ScorePart& part, const CompiledMetric& metric, const CompiledScore& score,
                 const std::string& at);
  void CompileTiers(const v1::TierModel& model);
  void CompileGates(const v1::TierModel& model, CompiledTiers& tiers);
  const CompiledMetric* CheckRequirement(const v1::TierRequirement& requirement, const std::string& at);
  void FailProgram(absl::string_view field, absl::string_view message);

  // catalog_interventions.cc, once it is known what metrics need.
  void CompileInterventions();
  void CompileInterventionRule(const v1::InterventionRule& definition, const std::string& at);

  // catalog_reports.cc: what the programme's reports name.
  void CheckReports();
  void CheckSla(const v1::SlaTable& sla);
  void CheckFunnels();
  void CheckPipeline(const v1::PipelineHealth& pipeline);
  void CheckRevenue(const v1::RevenueDashboard& revenue);
  // The metric of this id, defined for partners; fails when there is none.
  const CompiledMetric* CheckPartnerMetric(absl::string_view metric, const std::string& field);
  void FailReport(const std::string& field, absl::string_view message);

  // A target of the metric, wherever it stands.
  void CheckTarget(const v1::MetricTarget& target, absl::string_view metric, absl::string_view kind,
                   absl::string_view id, const std::string& field);
  // The metric of this id; fails when there is none.
  CompiledMetric* CheckMetricName(absl::string_view metric, absl::string_view kind, absl::string_view id,
                                  const std::string& field);

  void Fail(absl::string_view kind, absl::string_view id, absl::string_view field, absl::string_view message,
            size_t offset = 0);
  // The place of a field, as expressions name it in messages.
  TextLocator LocatorOf(absl::string_view kind, absl::string_view id, absl::string_view field) const;

  const DefinitionSources no_sources_;
  const DefinitionSources& sources_;
  std::shared_ptr<Catalog> catalog_;
  std::vector<std::string> errors_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_CATALOG_CATALOG_COMPILER_H_
