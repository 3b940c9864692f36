// A programme's scores and tiers, checked: what they read by position in the catalogue.
//
//   for (const CompiledScore& score : catalog.scores()) …
//
// Plain data within a Catalog, immutable as it is. Pointers lead into the catalogue's programme.
#ifndef PARTNERMETRICS_SERVER_CATALOG_SCORE_MODEL_H_
#define PARTNERMETRICS_SERVER_CATALOG_SCORE_MODEL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "partnermetrics/v1/score_model.pb.h"

namespace partnermetrics {

struct CompiledScorePart {
  const v1::ScorePart* definition = nullptr;
  int metric = 0;     // CompiledMetric::index
  double weight = 1;  // among the parts of its component
};

struct CompiledScoreComponent {
  const v1::ScoreComponent* definition = nullptr;
  std::vector<CompiledScorePart> parts;
};

struct CompiledScore {
  const v1::ScoreModel* definition = nullptr;
  int metric = 0;  // the score as a metric
  double least = 0, most = 100;
  double stable_points = 2;
  std::vector<CompiledScoreComponent> components;

  // The band of a score; null when the model has none.
  const v1::ScoreBand* BandOf(double score) const;
};

// A metric and what each tier asks of it.
struct CompiledTierGate {
  int metric = 0;
  v1::WindowKind window = v1::WINDOW_KIND_UNSPECIFIED;
  std::vector<const v1::TierRequirement*> by_rank;  // by_rank[r]: of the tier of rank r; null: nothing. [0] is null.
};

struct CompiledTierMinimum {
  int metric = 0;
  const v1::TierRequirement* requirement = nullptr;
};

// Tiers go by rank: 1 is the lowest, 0 is none.
struct CompiledTiers {
  const v1::TierModel* definition = nullptr;
  int metric = 0;  // the tier as a metric
  std::vector<CompiledTierGate> gates;
  std::vector<CompiledTierMinimum> minima;
  int entry_rank = 0;
  int promotion_months = 3;   // length of a review period
  int relegation_months = 3;  // a multiple of it

  int top() const { return definition->levels_size(); }
  // Null for rank 0.
  const v1::TierLevel* Level(int rank) const;
  // 0 for an unknown id.
  int RankOf(absl::string_view id) const;
  // Empty for rank 0.
  const std::string& IdOf(int rank) const;
  const std::string& NameOf(int rank) const;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_CATALOG_SCORE_MODEL_H_
