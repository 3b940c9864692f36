#include "server/reports/sla_table.h"

#include <string>

#include "server/catalog/calendar.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {
namespace {

v1::SlaStatus StatusOf(const v1::MetricValue& value) {
  switch (value.target_position()) {
    case v1::TARGET_POSITION_UNSPECIFIED:
      return v1::SLA_STATUS_NO_DATA;
    case v1::TARGET_POSITION_MET:
      return v1::SLA_STATUS_MEET;
    default:
      return v1::SLA_STATUS_MISS;
  }
}

}  // namespace

std::vector<const CompiledMetric*> SlaMetrics(const Catalog& catalog) {
  const v1::SlaTable& table = catalog.program().reports().sla();
  std::vector<std::string> ids = {table.compliance()};
  for (const v1::SlaRow& row : table.rows()) {
    for (const std::string* id : {&row.metric(), &row.in_time(), &row.open(), &row.open_age()}) {
      if (!id->empty()) ids.push_back(*id);
    }
  }
  return MetricsNamed(catalog, ids);
}

v1::SlaReport BuildSlaTable(const Catalog& catalog, const MeasureSource& source, const ReportRequest& asked) {
  const v1::SlaTable& table = catalog.program().reports().sla();
  ReportRequest request = asked;
  if (request.window == v1::WINDOW_KIND_UNSPECIFIED) {
    request.window = catalog.FindMetric(table.compliance())->definition.window();
  }
  v1::SlaReport report;
  report.set_program(catalog.program().id());
  report.set_partner_id(request.scope_proto.partner_id());
  report.set_title(table.title().empty() ? "Service levels" : table.title());
  *report.mutable_as_of() = ToDate(request.as_of);
  report.set_period(
      PeriodText(PeriodOf(request.window, request.as_of, catalog.fiscal_start_month()), catalog.fiscal_start_month()));
  report.set_currency_code(catalog.program().currency_code());

  const Evaluator evaluator(catalog, source);
  for (const v1::SlaRow& configured : table.rows()) {
    const v1::Metric& metric = catalog.FindMetric(configured.metric())->definition;
    const auto value = [&](const std::string& id) { return ValueOf(catalog, evaluator, id, request); };
    v1::SlaReportRow& row = *report.add_rows();
    row.set_display_name(configured.display_name().empty() ? metric.display_name() : configured.display_name());
    row.set_unit(metric.unit());
    *row.mutable_value() = value(configured.metric());
    row.set_status(StatusOf(row.value()));
    if (!configured.in_time().empty()) *row.mutable_in_time() = value(configured.in_time());
    if (!configured.open().empty()) *row.mutable_open() = value(configured.open());
    if (!configured.open_age().empty()) *row.mutable_open_age() = value(configured.open_age());
    switch (row.status()) {
      case v1::SLA_STATUS_MEET:
        report.set_met(report.met() + 1);
        break;
      case v1::SLA_STATUS_MISS:
        report.set_missed(report.missed() + 1);
        break;
      default:
        report.set_without_data(report.without_data() + 1);
    }
  }
  *report.mutable_compliance() = ValueOf(catalog, evaluator, table.compliance(), request);
  return report;
}

}  // namespace partnermetrics
