// Revenue by who brought it: figures of the programme, groups of partners by one of their fields, the top partners.
//
//   const auto reads = RevenueReads(catalog);                                   // what the source needs
//   v1::RevenueReport report = BuildRevenueDashboard(catalog, source, request);
//
// For programmes that have it. What only the caller knows (position) stays empty. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_REPORTS_REVENUE_DASHBOARD_H_
#define PARTNERMETRICS_SERVER_REPORTS_REVENUE_DASHBOARD_H_

#include <functional>
#include <string>
#include <vector>

#include "partnermetrics/v1/report_service.pb.h"
#include "server/reports/report_parts.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

// A value from a day on, up to the next one's; the first holds before, too.
struct ValueSince {
  Day from = 0;
  std::string value;
};

struct RevenueRequest {
  ReportRequest of_program;
  std::string split_by;  // a name or enum of a partner, or the id of the tiers; empty: the configured one
  int top = 0;           // 0: the configured number
  // What a partner's field was over time, in order. Not set: only what it is now is known. Of tiers it is not asked.
  std::function<std::vector<ValueSince>(ScopeIndex)> history;
  std::function<std::string(ScopeIndex)> partner_id;
};

Reads RevenueReads(const Catalog& catalog, const std::string& split_by);

v1::RevenueReport BuildRevenueDashboard(const Catalog& catalog, const MeasureSource& source,
                                        const RevenueRequest& request);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_REVENUE_DASHBOARD_H_
