// A value that is explained: what it is, the reads that it was made of, and what these count.
//
//   win_rate: 75 %
//   first_attempts_approved.count / first_attempts.count = 350 / 466
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "clients/cli/renderers/columns.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/renderers/report_renderer.h"
#include "clients/cli/renderers/unit_text.h"
#include "clients/cli/value_text.h"
#include "clients/cli/value_type.h"
#include "partnermetrics/v1/explain_service.pb.h"

namespace partnermetrics::cli {
namespace {

std::string NumberText(double value) {
  return FormatInUnit(value, v1::METRIC_UNIT_COUNT, "");
}

std::string RoleText(v1::TermRole role) {
  if (role == v1::TERM_ROLE_UNSPECIFIED) return "";
  return absl::StrReplaceAll(ShortEnumName(*v1::TermRole_descriptor()->FindValueByNumber(role)), {{"_", " "}});
}

// What the value is, and how its formula leads there.
void DrawValue(const v1::ExplainResponse& response, const Screen& screen) {
  const v1::MetricValue& value = response.value();
  Line(screen, absl::StrCat(EscapeControls(value.metric_id()), ": ", EscapeControls(value.display())), Style::kHeading);
  Line(screen, absl::StrCat(FormatMessageText(value.scope()), ", ", FormatMessageText(value.window())), Style::kDim);
  std::string formula = EscapeControls(response.formula());
  if (value.has_numerator() && value.has_denominator()) {
    absl::StrAppend(&formula, " = ", NumberText(value.numerator()), " / ", NumberText(value.denominator()));
  }
  if (!formula.empty()) Line(screen, formula);
  if (value.parked_facts() > 0) {
    Line(screen, absl::StrCat("Not counted: ", GroupDigits(value.parked_facts()), " facts that wait for a rate"));
  }
}

void DrawTerms(const v1::ExplainResponse& response, const Screen& screen) {
  Columns columns(
      {Align::kRight, Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kLeft, Align::kLeft});
  columns.Add({{"Term"}, {"Read"}, {"Role"}, {"Count"}, {"Sum"}, {"Days"}, {"Scope"}});
  columns.AddRule();
  for (const v1::ExplainedTerm& term : response.terms()) {
    const bool has_sum = term.sum().units() != 0 || term.sum().nanos() != 0;
    columns.Add({{absl::StrCat(term.number())},
                 {EscapeControls(term.use())},
                 {RoleText(term.role()), Style::kDim},
                 {term.has_value() ? NumberText(term.value()) : GroupDigits(term.count())},
                 {has_sum ? FormatMessageText(term.sum()) : ""},
                 {FormatMessageText(term.window()), Style::kDim},
                 {FormatMessageText(term.scope()), Style::kDim}});
  }
  columns.Draw(screen);
}

void DrawExplanation(const v1::ExplainResponse& response, const Screen& screen) {
  DrawValue(response, screen);
  Line(screen, "");
  DrawTerms(response, screen);
  Line(screen, "");
  for (const v1::Measure& measure : response.measures()) {
    Line(screen, absl::StrCat(EscapeControls(measure.id()), ": ", EscapeControls(measure.description())));
    std::string what = absl::StrCat("  ", measure.fact());
    if (!measure.at().empty()) absl::StrAppend(&what, ", by ", measure.at());
    if (!measure.where().empty()) absl::StrAppend(&what, ", where ", measure.where());
    Line(screen, EscapeControls(what), Style::kDim);
  }
  Line(screen, absl::StrCat("Position ", response.position(), " · the facts of a term: metric facts --term N"),
       Style::kDim);
}

}  // namespace

std::unique_ptr<Printer> NewExplanationRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::ExplainResponse>>(screen, &DrawExplanation);
}

}  // namespace partnermetrics::cli
