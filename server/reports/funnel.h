// Funnels: how many partners got how far.
//
//   const v1::Funnel* funnel = FindFunnel(catalog, "");                       // the first
//   const Reads reads = ReadsOfEveryPartner(FunnelMetrics(catalog, *funnel));
//   v1::FunnelReport report = BuildFunnel(catalog, source, *funnel, as_of);
//
// A partner is at a step when it reached that one and all before it: what partners skipped shows in `reached` alone.
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_REPORTS_FUNNEL_H_
#define PARTNERMETRICS_SERVER_REPORTS_FUNNEL_H_

#include <string>
#include <vector>

#include "partnermetrics/v1/report_service.pb.h"
#include "server/catalog/catalog.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

// Null when there is none; an empty id means the first.
const v1::Funnel* FindFunnel(const Catalog& catalog, const std::string& id);

std::vector<const CompiledMetric*> FunnelMetrics(const Catalog& catalog, const v1::Funnel& funnel);

v1::FunnelReport BuildFunnel(const Catalog& catalog, const MeasureSource& source, const v1::Funnel& funnel, Day as_of);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_FUNNEL_H_
