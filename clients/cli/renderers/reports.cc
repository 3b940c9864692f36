// Reports: service levels, funnel, pipeline, revenue.
//
//   Deal Reg Response     ≤ 24 h    18 h  ✓ MEET      100 %     2  20 days
//   Completed Training        85  ███████████████████████████░░░░░   85 %    85 %
//   Discovery    ████████████████████░░░░░░░░░░   45 %  $2.3M
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "clients/cli/renderers/columns.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/renderers/report_renderer.h"
#include "clients/cli/renderers/unit_text.h"
#include "clients/cli/value_text.h"
#include "clients/cli/value_type.h"
#include "partnermetrics/v1/report_service.pb.h"

namespace partnermetrics::cli {
namespace {

constexpr int kFunnelBar = 32;
constexpr int kShareBar = 30;

// "Operational SLA performance · March 2024 · salesforce:001".
void Title(const Screen& screen, const std::string& title, const std::string& when, const std::string& partner) {
  Line(screen, absl::StrCat(EscapeControls(title), " · ", when, partner.empty() ? "" : " · ", EscapeControls(partner)),
       Style::kHeading);
  Line(screen, "");
}

std::string ReasonText(const v1::MetricValue& value) {
  const auto* reason = v1::NoDataReason_descriptor()->FindValueByNumber(value.no_data());
  if (reason == nullptr || value.no_data() == v1::NO_DATA_REASON_UNSPECIFIED) return "no data";
  return absl::StrCat("no data (", absl::StrReplaceAll(ShortEnumName(*reason), {{"_", " "}}), ")");
}

std::string ShownText(const v1::MetricValue& value) {
  return value.has_value() ? EscapeControls(value.display()) : ReasonText(value);
}

// "▲ 15 %" against the period before; empty without a comparison.
Cell ChangeCell(const v1::MetricValue& value, v1::MetricDirection direction) {
  if (!value.has_change()) return {};
  const double rounded = std::round(value.change() * 1000) / 1000;
  if (rounded == 0) return {"= 0 %", Style::kDim};
  Style style = Style::kDim;
  if (direction == v1::METRIC_DIRECTION_UP || direction == v1::METRIC_DIRECTION_DOWN) {
    style = (rounded > 0) == (direction == v1::METRIC_DIRECTION_UP) ? Style::kGood : Style::kBad;
  }
  return {absl::StrCat(rounded > 0 ? "▲ " : "▼ ", FormatPercent(std::fabs(rounded))), style};
}

Cell StatusCell(v1::SlaStatus status) {
  switch (status) {
    case v1::SLA_STATUS_MEET:
      return {"✓ MEET", Style::kGood};
    case v1::SLA_STATUS_MISS:
      return {"✗ MISS", Style::kBad};
    default:
      return {"–", Style::kDim};
  }
}

void DrawSla(const v1::SlaReport& report, const Screen& screen) {
  Title(screen, report.title(), report.period(), report.partner_id());
  Columns columns(
      {Align::kLeft, Align::kRight, Align::kRight, Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  columns.Add({{"Metric"}, {"Target"}, {"Actual"}, {"Status"}, {"In time"}, {"Still open"}, {"Open for"}});
  columns.AddRule();
  for (const v1::SlaReportRow& row : report.rows()) {
    const bool open = row.has_open() && row.open().value() > 0;
    columns.Add({{EscapeControls(row.display_name())},
                 {FormatTarget(row.value().target(), row.unit(), report.currency_code())},
                 {row.value().has_value() ? EscapeControls(row.value().display()) : "no data",
                  row.value().has_value() ? Style::kPlain : Style::kDim},
                 StatusCell(row.status()),
                 {row.in_time().has_value() ? EscapeControls(row.in_time().display()) : ""},
                 {row.open().has_value() ? EscapeControls(row.open().display()) : ""},
                 {open && row.open_age().has_value() ? EscapeControls(row.open_age().display()) : ""}});
  }
  columns.Draw(screen);
  Line(screen, "");
  const v1::MetricValue& compliance = report.compliance();
  const std::string target = FormatTarget(compliance.target(), v1::METRIC_UNIT_PERCENT, "");
  const Style style = !compliance.has_value()                                     ? Style::kDim
                      : compliance.target_position() == v1::TARGET_POSITION_BELOW ? Style::kWarning
                                                                                  : Style::kGood;
  std::string text = absl::StrCat("Overall SLA compliance: ", ShownText(compliance));
  if (!target.empty()) absl::StrAppend(&text, " (target ", target, ")");
  absl::StrAppend(&text, " · ", report.met(), " of ", report.met() + report.missed(), " met");
  if (report.without_data() > 0) absl::StrAppend(&text, ", ", report.without_data(), " without data");
  Line(screen, text, style);
  DrawFooter(screen, report);
}

void DrawFunnel(const v1::FunnelReport& report, const Screen& screen) {
  Title(screen, report.title(), FormatMessageText(report.as_of()), "");
  Columns columns({Align::kLeft, Align::kRight, Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  columns.Add({{"Step"}, {"Partners"}, {""}, {"Of all"}, {"Of the step before"}, {"Reached it at all"}});
  columns.AddRule();
  for (const v1::FunnelReportStep& step : report.steps()) {
    columns.Add({{EscapeControls(step.display_name())},
                 {GroupDigits(step.partners())},
                 {step.has_share() ? Bar(step.share(), kFunnelBar) : "", Style::kGood},
                 {step.has_share() ? FormatPercent(step.share()) : "–"},
                 {step.has_conversion() ? FormatPercent(step.conversion()) : ""},
                 {step.reached() == step.partners() ? "" : GroupDigits(step.reached()), Style::kDim}});
  }
  columns.Draw(screen);
  DrawFooter(screen, report);
}

void DrawFigures(const google::protobuf::RepeatedPtrField<v1::ReportFigure>& figures, const Screen& screen) {
  Columns columns({Align::kLeft, Align::kRight, Align::kLeft});
  for (const v1::ReportFigure& figure : figures) {
    columns.Add({{absl::StrCat(EscapeControls(figure.display_name()), ":")},
                 {ShownText(figure.value()), figure.value().has_value() ? Style::kPlain : Style::kDim},
                 ChangeCell(figure.value(), figure.direction())});
  }
  columns.Draw(screen);
}

void DrawPipeline(const v1::PipelineReport& report, const Screen& screen) {
  Title(screen, report.title(), FormatMessageText(report.as_of()), report.partner_id());
  Columns columns({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  for (const v1::PipelineStage& stage : report.stages()) {
    columns.Add({{stage.stage().empty() ? "(no stage)" : EscapeControls(stage.stage())},
                 {Bar(stage.share_percent() / 100.0, kShareBar), Style::kGood},
                 {absl::StrCat(stage.share_percent(), " %")},
                 {ShownText(stage.value())},
                 {absl::StrCat(GroupDigits(stage.value().facts()), stage.value().facts() == 1 ? " deal" : " deals"),
                  Style::kDim}});
  }
  columns.Draw(screen);
  Line(screen, report.stages().empty() ? "Nothing is open." : absl::StrCat("All stages: ", ShownText(report.total())));
  if (!report.figures().empty()) Line(screen, "");
  DrawFigures(report.figures(), screen);
  DrawFooter(screen, report);
}

void DrawRevenue(const v1::RevenueReport& report, const Screen& screen) {
  Title(screen, report.title(), report.period(), "");
  DrawFigures(report.figures(), screen);
  Line(screen, "");
  Line(screen, absl::StrCat("By ", EscapeControls(report.split_by())), Style::kHeading);
  Columns groups({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  for (const v1::RevenueGroup& group : report.groups()) {
    std::string partners;
    if (!group.is_rest()) {
      partners = absl::StrCat(GroupDigits(group.partners()), group.partners() == 1 ? " partner" : " partners");
    }
    groups.Add({{EscapeControls(group.value())},
                {Bar(group.share_percent() / 100.0, kShareBar), group.is_rest() ? Style::kDim : Style::kGood},
                {absl::StrCat(group.share_percent(), " %")},
                {EscapeControls(group.display())},
                {std::move(partners), Style::kDim}});
  }
  groups.Draw(screen);
  if (report.groups().empty()) Line(screen, "No partner brought revenue in this time.", Style::kDim);
  if (!report.top().empty()) {
    Line(screen, "");
    Line(screen, absl::StrCat("Top ", report.top_size(), " partners"), Style::kHeading);
  }
  Columns top({Align::kRight, Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  for (const v1::TopPartner& partner : report.top()) {
    top.Add({{absl::StrCat(partner.rank(), ".")},
             {EscapeControls(partner.name().empty() ? partner.partner_id() : partner.name())},
             {ShownText(partner.value())},
             {partner.has_share() ? FormatPercent(partner.share()) : ""},
             ChangeCell(partner.value(), v1::METRIC_DIRECTION_UP)});
  }
  top.Draw(screen);
  DrawFooter(screen, report);
}

std::string RuleText(v1::RollUpRule rule) {
  switch (rule) {
    case v1::ROLL_UP_RULE_ADD_UP:
      return "added up";
    case v1::ROLL_UP_RULE_ADD_SHARES:
      return "shares added up";
    default:
      return "of one partner only";
  }
}

void DrawGroup(const v1::GroupReport& report, const Screen& screen) {
  Title(screen, "Group of partners", FormatMessageText(report.as_of()), "");
  for (const v1::GroupMember& member : report.members()) {
    Line(screen, absl::StrCat(Repeat("  ", member.depth()), member.depth() == 0 ? "" : "└ ",
                              EscapeControls(member.name().empty() ? member.partner_id() : member.name())));
  }
  Line(screen, "");
  Columns columns({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  columns.Add({{"Metric"}, {"Group"}, {"Head alone"}, {"Rule"}});
  columns.AddRule();
  for (const v1::GroupReportRow& row : report.rows()) {
    const bool has_value = row.value().has_value();
    const std::string none = row.rule() == v1::ROLL_UP_RULE_NONE ? "–" : "no data";
    columns.Add({{EscapeControls(row.display_name())},
                 {has_value ? EscapeControls(row.value().display()) : none, has_value ? Style::kPlain : Style::kDim},
                 {row.own().has_value() ? EscapeControls(row.own().display()) : "no data",
                  row.own().has_value() ? Style::kPlain : Style::kDim},
                 {RuleText(row.rule()), Style::kDim}});
  }
  columns.Draw(screen);
  DrawFooter(screen, report);
}

}  // namespace

std::unique_ptr<Printer> NewGroupRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::GroupReport>>(screen, &DrawGroup);
}
std::unique_ptr<Printer> NewSlaRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::SlaReport>>(screen, &DrawSla);
}
std::unique_ptr<Printer> NewFunnelRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::FunnelReport>>(screen, &DrawFunnel);
}
std::unique_ptr<Printer> NewPipelineRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::PipelineReport>>(screen, &DrawPipeline);
}
std::unique_ptr<Printer> NewRevenueRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::RevenueReport>>(screen, &DrawRevenue);
}

}  // namespace partnermetrics::cli
