// Metrics of a partner together with those below it.
//
//   const std::vector<GroupMember> members = GroupOf(parents, "crm:distributor");
//   GroupSource group(source, scopes_of_members, kGroup);          // a further scope
//   if (RollUpRuleOf(catalog, metric) != v1::ROLL_UP_RULE_NONE) Evaluator(catalog, group).Evaluate(metric, kGroup,
//   period);
//
// Functions are free of state; a GroupSource is as its source.
#ifndef PARTNERMETRICS_SERVER_REPORTS_ROLL_UP_H_
#define PARTNERMETRICS_SERVER_REPORTS_ROLL_UP_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "partnermetrics/v1/report_service.pb.h"
#include "server/catalog/catalog.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

// By partner: the one above it.
using Parents = std::map<std::string, std::string>;

// The head, and behind each partner those below it, by id; with the steps below the head. Each once, whatever circles
// there are.
std::vector<std::pair<std::string, int>> GroupOf(const Parents& parents, const std::string& head);

// How the metric of a group comes about.
v1::RollUpRule RollUpRuleOf(const Catalog& catalog, const CompiledMetric& metric);

// Passes everything on, and has one more scope: the sum of some.
class GroupSource final : public ForwardingSource {
 public:
  GroupSource(const MeasureSource& source, std::vector<ScopeIndex> members, ScopeIndex group)
      : ForwardingSource(source), members_(std::move(members)), group_(group) {}

  CellTotals Totals(const RowKey& row, const Period& period, const std::optional<std::string>& split) const override;
  std::optional<Day> FirstDay(const RowKey& row) const override;
  int64_t ParkedFacts(const RowKey& row, Day first, Day last) const override;

 private:
  const std::vector<ScopeIndex> members_;
  const ScopeIndex group_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_ROLL_UP_H_
