// Closed periods: the numbers of a scope as closed, as restated and as they would be now, and what a restatement says.
//
//   quarter-2026-03-31 · programme · closed 2026-04-02 by ann, restated once
//   Metric           Closed  Restated      Now
//   Partner Revenue   $425K   $431K #1   $431K
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/cli/renderers/columns.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/renderers/report_renderer.h"
#include "partnermetrics/v1/period_service.pb.h"

namespace partnermetrics::cli {
namespace {

std::string TimesText(int64_t times) {
  return times == 1 ? "once" : times == 2 ? "twice" : absl::StrCat(times, " times");
}

std::string CountText(int64_t count, absl::string_view one) {
  return absl::StrCat(GroupDigits(count), " ", one, count == 1 ? "" : "s");
}

// "closed 2026-04-02T08:00:00Z by ann, restated once".
std::string StandingOf(const v1::ClosedPeriod& period) {
  std::string text =
      absl::StrCat("closed ", FormatMessageText(period.closed_at()), " by ", EscapeControls(period.closed_by()));
  if (period.restatements() > 0) absl::StrAppend(&text, ", restated ", TimesText(period.restatements()));
  return text;
}

void DrawClose(const v1::ClosePeriodResponse& response, const Screen& screen) {
  const v1::ClosedPeriod& period = response.period();
  const v1::PeriodStatement& close = period.statements(0);
  Line(screen, absl::StrCat(period.period_id(), " · ", FormatMessageText(period.days())), Style::kHeading);
  Line(screen, absl::StrCat(StandingOf(period), ": ", CountText(close.values(), "number"), " of ",
                            CountText(close.scopes(), "scope"), " as of position ", close.position()));
  Line(screen, absl::StrCat("See them: partnerctl period show ", period.period_id()), Style::kDim);
}

std::string Shown(const v1::StatedNumber& number) {
  return EscapeControls(number.display());
}

void DrawPeriod(const v1::GetPeriodResponse& response, const Screen& screen) {
  const v1::ClosedPeriod& period = response.period();
  Line(screen, absl::StrCat(period.period_id(), " · ", EscapeControls(FormatMessageText(response.scope()))),
       Style::kHeading);
  Line(screen, StandingOf(period));
  for (const v1::PeriodStatement& statement : period.statements()) {
    if (statement.restatement() == 0) continue;
    Line(screen, absl::StrCat("#", statement.restatement(), "  ", FormatMessageText(statement.stated_at()), "  ",
                              EscapeControls(statement.stated_by()), ": ", EscapeControls(statement.reason())));
  }
  *screen.out << "\n";
  Columns columns({Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  columns.Add({{"Metric"}, {"Closed"}, {"Restated"}, {"Now"}});
  columns.AddRule();
  for (const v1::PeriodValue& value : response.values()) {
    const bool restated = value.stated().restatement() > 0;
    columns.Add({{EscapeControls(value.display_name().empty() ? value.metric_id() : value.display_name())},
                 {value.has_closed() ? Shown(value.closed()) : "–"},
                 {restated ? absl::StrCat(Shown(value.stated()), " #", value.stated().restatement()) : ""},
                 {Shown(value.now()), value.differs() ? Style::kWarning : Style::kPlain}});
  }
  columns.Draw(screen);
  if (response.values().empty()) Line(screen, "No number is another than it was closed with.", Style::kDim);
  Line(screen, absl::StrCat("Now: position ", response.position()), Style::kDim);
}

void DrawRestatement(const v1::RestatePeriodResponse& response, const Screen& screen) {
  const v1::ClosedPeriod& period = response.period();
  const bool stated = response.stated();
  Line(screen, absl::StrCat(period.period_id(), " · ", StandingOf(period)), Style::kHeading);
  if (response.values() == 0) {
    Line(screen, "All numbers are as they were last stated.");
    return;
  }
  *screen.out << "\n";
  Columns columns({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight});
  columns.Add({{"Scope"}, {"Metric"}, {"Stated"}, {stated ? "Restated" : "Now"}});
  columns.AddRule();
  for (const v1::PeriodChange& change : response.changes()) {
    columns.Add({{EscapeControls(FormatMessageText(change.scope()))},
                 {EscapeControls(change.metric_id())},
                 {change.has_before() ? Shown(change.before()) : "–"},
                 {Shown(change.after()), Style::kWarning}});
  }
  columns.Draw(screen);
  std::string summary =
      absl::StrCat(CountText(response.values(), "number"), " of ", CountText(response.scopes(), "scope"),
                   stated ? " restated" : " would be restated");
  if (response.changes_size() < response.values()) absl::StrAppend(&summary, "; the first are shown");
  Line(screen, summary);
  if (!stated) {
    Line(screen,
         absl::StrCat("State them: partnerctl period restate ", period.period_id(),
                      " --apply --author NAME --reason TEXT"),
         Style::kDim);
  }
}

}  // namespace

std::unique_ptr<Printer> NewPeriodRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::GetPeriodResponse>>(screen, &DrawPeriod);
}
std::unique_ptr<Printer> NewPeriodCloseRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::ClosePeriodResponse>>(screen, &DrawClose);
}
std::unique_ptr<Printer> NewRestatementRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::RestatePeriodResponse>>(screen, &DrawRestatement);
}

}  // namespace partnermetrics::cli
