// A programme's rules of intervention, checked: what they read by position in the catalogue.
//
//   for (const CompiledInterventionRule& rule : catalog.intervention_rules()) …
//
// Plain data within a Catalog, immutable as it is. Pointers lead into the catalogue's programme.
#ifndef PARTNERMETRICS_SERVER_CATALOG_INTERVENTION_RULE_H_
#define PARTNERMETRICS_SERVER_CATALOG_INTERVENTION_RULE_H_

#include <vector>

#include "partnermetrics/v1/intervention_model.pb.h"

namespace partnermetrics {

struct CompiledInterventionRule {
  const v1::InterventionRule* definition = nullptr;
  int kpi = 0;               // CompiledMetric::index of what it watches
  std::vector<int> metrics;  // of all its conditions and of the KPI: sorted, each once
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_CATALOG_INTERVENTION_RULE_H_
