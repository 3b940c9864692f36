// Interventions: a table of those of a programme, and a card of one.
//
//   ● high    Harbor & Pine  Low engagement  2026-03-02  open  Engagement Score 38.8 (< 60)  38.8 → 31.3
//   Low engagement · Harbor & Pine Consulting
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "clients/cli/renderers/columns.h"
#include "clients/cli/renderers/intervention_text.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/renderers/report_renderer.h"
#include "clients/cli/value_text.h"
#include "clients/cli/value_type.h"
#include "partnermetrics/v1/intervention_service.pb.h"

namespace partnermetrics::cli {
namespace {

std::string NameOf(const google::protobuf::EnumDescriptor* descriptor, int number) {
  const auto* value = descriptor->FindValueByNumber(number);
  return value == nullptr ? "" : absl::StrReplaceAll(ShortEnumName(*value), {{"_", " "}});
}

std::string StatusText(v1::InterventionStatus status) {
  return NameOf(v1::InterventionStatus_descriptor(), status);
}

std::string SeverityText(v1::InterventionSeverity severity) {
  return NameOf(v1::InterventionSeverity_descriptor(), severity);
}

Style StyleOf(v1::InterventionSeverity severity) {
  if (severity == v1::INTERVENTION_SEVERITY_HIGH) return Style::kBad;
  return severity == v1::INTERVENTION_SEVERITY_LOW ? Style::kDim : Style::kWarning;
}

Style StyleOf(v1::InterventionRecovery recovery) {
  if (recovery == v1::INTERVENTION_RECOVERY_RECOVERED) return Style::kGood;
  return recovery == v1::INTERVENTION_RECOVERY_NOT_RECOVERED ? Style::kWarning : Style::kDim;
}

std::string PartnerOf(const v1::Intervention& intervention) {
  return EscapeControls(intervention.partner_name().empty() ? intervention.partner_id() : intervention.partner_name());
}

// "38.8 → 31.3".
std::string KpiText(const v1::InterventionKpi& kpi) {
  std::vector<std::string> values;
  if (kpi.has_at_open()) values.push_back(EscapeControls(kpi.at_open().display()));
  if (kpi.has_at_end()) values.push_back(EscapeControls(kpi.at_end().display()));
  values.push_back(EscapeControls(kpi.now().display()));
  return absl::StrJoin(values, " → ");
}

void DrawInterventions(const v1::ListInterventionsResponse& response, const Screen& screen) {
  if (response.interventions().empty()) {
    Line(screen, "No interventions.", Style::kDim);
  } else {
    Columns columns({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft,
                     Align::kLeft});
    columns.Add({{"Partner"}, {"Signal"}, {"Severity"}, {"Status"}, {"Cause"}, {"KPI then → now"}, {"Who"}, {"Id"}});
    columns.AddRule();
    for (const v1::Intervention& intervention : response.interventions()) {
      std::string cause = EscapeControls(intervention.cause());
      if (intervention.evidence_size() > 1) absl::StrAppend(&cause, " +", intervention.evidence_size() - 1);
      columns.Add({{PartnerOf(intervention)},
                   {EscapeControls(intervention.display_name())},
                   {SeverityText(intervention.severity()), StyleOf(intervention.severity())},
                   {StatusText(intervention.status())},
                   {std::move(cause)},
                   {KpiText(intervention.kpi()), StyleOf(intervention.kpi().recovery())},
                   {intervention.assignee().empty() ? "–" : EscapeControls(intervention.assignee())},
                   {EscapeControls(intervention.intervention_id()), Style::kDim}});
    }
    columns.Draw(screen);
  }
  *screen.out << "\n";
  if (response.total_size() > response.interventions_size()) {
    Line(screen, absl::StrCat(response.interventions_size(), " of ", response.total_size(), " interventions"));
  }
  DrawFooter(screen, response);
}

void DrawHead(const v1::Intervention& intervention, const Screen& screen) {
  Line(screen, absl::StrCat(EscapeControls(intervention.display_name()), " · ", PartnerOf(intervention)),
       Style::kHeading);
  std::vector<std::string> facts = {
      StatusText(intervention.status()), absl::StrCat(SeverityText(intervention.severity()), " severity"),
      absl::StrCat(intervention.status() == v1::INTERVENTION_STATUS_WITHDRAWN ? "was opened " : "opened ",
                   FormatMessageText(intervention.opened_on()))};
  if (intervention.has_ended_on()) facts.push_back("ended " + FormatMessageText(intervention.ended_on()));
  if (intervention.has_snoozed_until()) facts.push_back("until " + FormatMessageText(intervention.snoozed_until()));
  if (!intervention.assignee().empty()) facts.push_back("assigned to " + EscapeControls(intervention.assignee()));
  Line(screen, absl::StrJoin(facts, " · "), StyleOf(intervention.severity()));
}

void DrawEvidence(const v1::Intervention& intervention, const Screen& screen) {
  Columns columns({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  for (const v1::InterventionEvidence& evidence : intervention.evidence()) {
    std::string since;
    if (FormatMessageText(evidence.since()) != FormatMessageText(evidence.on())) {
      since = "met since " + FormatMessageText(evidence.since());
    }
    columns.Add({{FormatMessageText(evidence.on())},
                 {EscapeControls(evidence.check().display_name())},
                 {EscapeControls(evidence.check().display())},
                 {EscapeControls(evidence.check().requirement_display())},
                 {std::move(since), Style::kDim}});
  }
  Line(screen, "Why", Style::kHeading);
  if (intervention.evidence().empty()) {
    Line(screen, absl::StrCat("By what is known now there was no cause. Then: ", EscapeControls(intervention.cause())));
  }
  columns.Draw(screen);
  if (!intervention.possible_causes().empty()) {
    Line(screen,
         absl::StrCat("Possible causes: ", EscapeControls(absl::StrJoin(intervention.possible_causes(), ", "))));
  }
  if (!intervention.recommended_actions().empty()) {
    Line(screen, absl::StrCat("What to do: ", EscapeControls(absl::StrJoin(intervention.recommended_actions(), ", "))));
  }
}

void DrawKpi(const v1::InterventionKpi& kpi, const Screen& screen) {
  Line(screen, absl::StrCat(EscapeControls(kpi.display_name()), kpi.has_at_end() ? ": did it help?" : ""),
       Style::kHeading);
  Columns columns({Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft});
  const auto add = [&](const char* when, const v1::InterventionKpiValue& value, Cell note) {
    columns.Add({{when}, {FormatMessageText(value.on())}, {EscapeControls(value.display())}, std::move(note)});
  };
  if (kpi.has_at_open()) add("at the opening", kpi.at_open(), {});
  if (kpi.has_at_end()) add("at the end", kpi.at_end(), {});
  const std::string recovery = kpi.recovery() == v1::INTERVENTION_RECOVERY_UNSPECIFIED
                                   ? "not known"
                                   : NameOf(v1::InterventionRecovery_descriptor(), kpi.recovery());
  add("now", kpi.now(), {recovery, StyleOf(kpi.recovery())});
  columns.Draw(screen);
}

void DrawHistory(const v1::Intervention& intervention, const Screen& screen) {
  Line(screen, "History", Style::kHeading);
  Columns columns({Align::kLeft, Align::kLeft, Align::kLeft});
  for (const v1::InterventionEvent& event : intervention.history()) {
    columns.Add(
        {{event.has_on() ? FormatMessageText(event.on()) : "–"}, {FormatWhat(event)}, {FormatWhy(event), Style::kDim}});
  }
  columns.Draw(screen);
}

void DrawIntervention(const v1::Intervention& intervention, const Screen& screen) {
  DrawHead(intervention, screen);
  *screen.out << "\n";
  DrawEvidence(intervention, screen);
  *screen.out << "\n";
  DrawKpi(intervention.kpi(), screen);
  *screen.out << "\n";
  DrawHistory(intervention, screen);
  *screen.out << "\n";
  Line(screen, EscapeControls(intervention.intervention_id()), Style::kDim);
  DrawFooter(screen, intervention);
}

}  // namespace

std::unique_ptr<Printer> NewInterventionsRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::ListInterventionsResponse>>(screen, &DrawInterventions);
}

std::unique_ptr<Printer> NewInterventionRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::Intervention>>(screen, &DrawIntervention);
}

}  // namespace partnermetrics::cli
