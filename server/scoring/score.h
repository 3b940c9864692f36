// Scores: components with weights, made of the points that metrics get.
//
//   ScoreResult result = EvaluateScore(evaluator, catalog, *catalog.FindScore("health_score"), scope, as_of);
//   v1::Score score = ScoreOf(evaluator, catalog, model, scope, scope_proto, as_of);   // with band and trend
//
// What has no data is left out, and the rest takes its weight. Points and scores are rounded to billionths, so that a
// score of 80 is 80 in whatever order it was added up. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SCORING_SCORE_H_
#define PARTNERMETRICS_SERVER_SCORING_SCORE_H_

#include <optional>
#include <vector>

#include "google/protobuf/repeated_field.h"
#include "partnermetrics/v1/score.pb.h"
#include "server/catalog/catalog.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/number.h"

namespace partnermetrics {

struct ScorePartResult {
  Period period;  // of the metric
  Number value;
  std::optional<v1::MetricTarget> target;  // that the points come from
  std::optional<double> points;
  v1::NoDataReason no_data = v1::NO_DATA_REASON_UNSPECIFIED;  // why there are no points
  double weight_in_force = 0;                                 // within the component
};

struct ScoreComponentResult {
  std::optional<double> points;
  double weight_in_force = 0;  // within the score
  double coverage = 0;
  std::vector<ScorePartResult> parts;
};

struct ScoreResult {
  Number score;
  double coverage = 0;
  std::vector<ScoreComponentResult> components;
};

// Points of a value by a table: straight lines between its rows, level outside of them.
double PointsOf(const google::protobuf::RepeatedPtrField<v1::ScorePoint>& table, double value);

// Share of a target that is reached, 0 to 1: all of it when it is met, nothing when it is missed by what has no share.
double ReachedShare(v1::MetricDirection direction, const v1::MetricTarget& target, double value);

// The score as of a day: metrics over their windows that end with it, values of a running period against what their
// targets ask for by then.
ScoreResult EvaluateScore(const Evaluator& evaluator, const Catalog& catalog, const CompiledScore& score,
                          ScopeIndex scope, Day as_of, const v1::TargetSet* target_set = nullptr);

// With band, and the trend against the same evaluation a quarter earlier.
v1::Score ScoreOf(const Evaluator& evaluator, const Catalog& catalog, const CompiledScore& score, ScopeIndex scope,
                  const v1::Scope& scope_proto, Day as_of, const v1::TargetSet* target_set = nullptr);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_SCORE_H_
