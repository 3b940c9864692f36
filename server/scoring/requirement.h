// Requirements held against metrics: those of tiers, and the conditions of interventions.
//
//   const Number value = ValueOf(evaluator, catalog, requirement, scope, as_of);
//   if (Meets(requirement, value)) …
//   v1::TierCheck check = CheckOf(evaluator, catalog, requirement, value, as_of);   // the same, for people
//
// The catalogue has the requirement's metric. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SCORING_REQUIREMENT_H_
#define PARTNERMETRICS_SERVER_SCORING_REQUIREMENT_H_

#include <string>

#include "partnermetrics/v1/score.pb.h"
#include "server/catalog/catalog.h"
#include "server/scoring/evaluator.h"

namespace partnermetrics {

// Whether a value meets a requirement; without a value by whether data is required.
bool Meets(const v1::TierRequirement& requirement, const Number& value);

// The value of the requirement's metric as of a day.
Number ValueOf(const Evaluator& evaluator, const Catalog& catalog, const v1::TierRequirement& requirement,
               ScopeIndex scope, Day as_of);
// The requirement held against that value.
v1::TierCheck CheckOf(const Evaluator& evaluator, const Catalog& catalog, const v1::TierRequirement& requirement,
                      const Number& value, Day as_of);

// "Aging 25 % (< 20 %)".
std::string CheckText(const v1::TierCheck& check);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SCORING_REQUIREMENT_H_
