// A programme with its definitions, checked and compiled.
//
//   ASSIGN_OR_RETURN(Definitions definitions, LoadDefinitions({DefaultDefinitionsDir()}));   // definitions.h
//   ASSIGN_OR_RETURN(auto catalog, Catalog::Compile(program, definitions.catalog, &definitions.sources));
//   for (const CompiledMeasure* measure : catalog->measures_of(deal->kind())) …
//
// Everything is checked here, so that nothing can fail later. Immutable; any thread may use it.
#ifndef PARTNERMETRICS_SERVER_CATALOG_CATALOG_H_
#define PARTNERMETRICS_SERVER_CATALOG_CATALOG_H_

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "partnermetrics/v1/catalog.pb.h"
#include "server/catalog/formula.h"
#include "server/catalog/intervention_rule.h"
#include "server/catalog/measure.h"
#include "server/catalog/score_model.h"

namespace partnermetrics {

class DefinitionSources;

// What a formula needs besides measures, itself or through other metrics. Metrics come in four strata, each over those
// before it: over cells of the scope; over those of other scopes; over partners; and metrics of a partner that compare
// it with the others. The first two need nothing here.
struct PartnerNeeds {
  bool attributes = false;  // of the scope's partner
  bool many = false;        // goes over the partners of its scope
  bool all = false;         // goes over partners in its own or another scope
  bool target = false;      // reads targets of the scope
  bool targets = false;     // reads targets of every partner
  bool tier = false;        // reads what was decided on the tier of the scope's partner
  bool tiers = false;       // reads that of every partner
};

struct CompiledMetric {
  int index = 0;  // position among the catalogue's metrics, which are sorted by id
  v1::Metric definition;
  Formula formula;
  std::vector<MeasureUse> uses;  // every measure that it needs, those of other metrics included
  PartnerNeeds needs;
  std::vector<int> target_metrics;  // metrics whose values are its targets
  bool current_state = false;       // uses a measure that is "as known today"
  bool accumulates = false;         // sums or counts of a period are those of its parts added up

  const std::string& id() const { return definition.id(); }
  bool HasLevel(v1::ScopeKind kind) const;
};

class Catalog {
 public:
  // INVALID_ARGUMENT with every problem found, one per line, each with its place and remedy. Without `sources` places
  // are named by definition and field.
  static absl::StatusOr<std::shared_ptr<const Catalog>> Compile(const v1::Program& program,
                                                                const v1::Catalog& definitions,
                                                                const DefinitionSources* sources = nullptr);

  const v1::Program& program() const { return program_; }
  const absl::TimeZone& zone() const { return zone_; }
  int fiscal_start_month() const { return std::max(1, program_.fiscal_year_start_month()); }

  // Sorted by id; an element's `index` is its position.
  absl::Span<const CompiledMeasure> measures() const { return measures_; }
  absl::Span<const CompiledMetric> metrics() const { return metrics_; }
  const CompiledMeasure* FindMeasure(absl::string_view id) const;
  const CompiledMetric* FindMetric(absl::string_view id) const;
  // Measures over one kind of fact (FactSchema::kind()).
  absl::Span<const CompiledMeasure* const> measures_of(int kind) const;

  // The programme's scores, in its order, and its tiers if it has some. Each is one of the metrics, too.
  absl::Span<const CompiledScore> scores() const { return scores_; }
  const CompiledTiers* tiers() const { return tiers_ ? &*tiers_ : nullptr; }
  const CompiledScore* FindScore(absl::string_view id) const;
  // When the programme intervenes, in its order.
  absl::Span<const CompiledInterventionRule> intervention_rules() const { return intervention_rules_; }

  const v1::TargetSet* FindTargetSet(absl::string_view id) const;
  // The set that came into force last as of a day; null when there is none.
  const v1::TargetSet* TargetSetAt(Day day) const;

  // Measures that a part of a formula needs, those of other metrics included: sorted, each once.
  std::vector<MeasureUse> UsesOf(const Formula& formula, int node) const;

  // Definitions sorted by id, as they go into the log, and the SHA-256 (hex) of programme and definitions.
  const v1::Catalog& definitions() const { return definitions_; }
  const std::string& hash() const { return hash_; }

 private:
  friend class CatalogCompiler;
  Catalog() = default;
  void CollectUses(const Formula& formula, int node, v1::ScopeKind level, std::vector<MeasureUse>& uses) const;
  void CollectMetricUses(int metric, v1::ScopeKind level, std::vector<MeasureUse>& uses) const;

  v1::Program program_;
  v1::Catalog definitions_;
  std::string hash_;
  absl::TimeZone zone_;
  std::vector<CompiledMeasure> measures_;
  std::vector<CompiledMetric> metrics_;
  std::vector<CompiledScore> scores_;
  std::optional<CompiledTiers> tiers_;
  std::vector<CompiledInterventionRule> intervention_rules_;
  absl::flat_hash_map<std::string, int> measure_by_id_, metric_by_id_;
  std::vector<std::vector<const CompiledMeasure*>> measures_by_kind_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_CATALOG_CATALOG_H_
