// A value that is explained: what it is, the reads that it was made of, and what these count; and the facts of one of
// these reads.
//
//   win_rate: 75 %
//   first_attempts_approved.count / first_attempts.count = 350 / 466
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

// Nothing for what is not specified.
template <typename Enum>
std::string EnumText(Enum value) {
  if (value == Enum()) return "";
  const auto* known = google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(value);
  return known == nullptr ? "" : absl::StrReplaceAll(ShortEnumName(*known), {{"_", " "}});
}

std::string SumText(const v1::Decimal& sum) {
  return sum.units() != 0 || sum.nanos() != 0 ? FormatMessageText(sum) : "";
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

void DrawTerms(const google::protobuf::RepeatedPtrField<v1::ExplainedTerm>& terms, const Screen& screen) {
  Columns columns(
      {Align::kRight, Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kLeft, Align::kLeft});
  columns.Add({{"Term"}, {"Read"}, {"Role"}, {"Count"}, {"Sum"}, {"Days"}, {"Scope"}});
  columns.AddRule();
  for (const v1::ExplainedTerm& term : terms) {
    columns.Add({{absl::StrCat(term.number())},
                 {EscapeControls(term.use())},
                 {EnumText(term.role()), Style::kDim},
                 {term.has_value() ? NumberText(term.value()) : GroupDigits(term.count())},
                 {SumText(term.sum())},
                 {FormatMessageText(term.window()), Style::kDim},
                 {FormatMessageText(term.scope()), Style::kDim}});
  }
  columns.Draw(screen);
}

void DrawExplanation(const v1::ExplainResponse& response, const Screen& screen) {
  DrawValue(response, screen);
  Line(screen, "");
  DrawTerms(response.terms(), screen);
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

std::string ValueText(const v1::Contribution& row) {
  return row.has_value() ? NumberText(row.value()) : "";
}
std::string OriginText(const v1::Contribution& row) {
  const v1::Origin& origin = row.origin();
  return origin.file().empty() ? "" : absl::StrCat(EscapeControls(origin.file()), ":", origin.row());
}

// The columns in which some row says something.
void DrawRows(const v1::ListContributionsResponse& response, const Screen& screen) {
  struct Column {
    const char* heading;
    Align align;
    std::string (*text)(const v1::Contribution&);
  };
  using Row = v1::Contribution;
  static constexpr Column kColumns[] = {
      {"Record", Align::kLeft, [](const Row& row) { return EscapeControls(row.fact().record_id()); }},
      {"Kind", Align::kLeft, [](const Row& row) { return EscapeControls(row.fact().kind()); }},
      {"Source", Align::kLeft, [](const Row& row) { return EscapeControls(row.fact().source()); }},
      {"Counts on", Align::kLeft, [](const Row& row) { return FormatMessageText(row.counts_on()); }},
      {"Key", Align::kLeft, [](const Row& row) { return EscapeControls(row.key()); }},
      {"Count", Align::kRight, [](const Row& row) { return GroupDigits(row.count()); }},
      {"Sum", Align::kRight, [](const Row& row) { return SumText(row.sum()); }},
      {"Value", Align::kRight, &ValueText},
      {"Partners", Align::kLeft, [](const Row& row) { return EscapeControls(absl::StrJoin(row.partner_ids(), ", ")); }},
      {"Role", Align::kLeft, [](const Row& row) { return EnumText(row.role()); }},
      {"Read from", Align::kLeft, &OriginText},
  };
  std::vector<Align> aligns;
  std::vector<Cell> headings;
  std::vector<std::vector<Cell>> lines(static_cast<size_t>(response.contributions_size()));
  for (const Column& column : kColumns) {
    std::vector<std::string> texts;
    for (const Row& row : response.contributions()) texts.push_back(column.text(row));
    if (std::all_of(texts.begin(), texts.end(), [](const std::string& text) { return text.empty(); })) continue;
    aligns.push_back(column.align);
    headings.push_back({column.heading});
    for (size_t i = 0; i < texts.size(); ++i) lines[i].push_back({std::move(texts[i])});
  }
  Columns columns(std::move(aligns));
  columns.Add(std::move(headings));
  columns.AddRule();
  for (std::vector<Cell>& line : lines) columns.Add(std::move(line));
  columns.Draw(screen);
}

void DrawContributions(const v1::ListContributionsResponse& response, const Screen& screen) {
  google::protobuf::RepeatedPtrField<v1::ExplainedTerm> terms;
  *terms.Add() = response.term();
  DrawTerms(terms, screen);
  Line(screen, "");
  if (response.contributions().empty()) {
    Line(screen, "Nothing is counted there.");
  } else {
    DrawRows(response, screen);
  }
  Line(screen, absl::StrCat("Position ", response.position()), Style::kDim);
  if (!response.next_page_token().empty()) {
    Line(screen, absl::StrCat("There is more: add --page-token ", EscapeControls(response.next_page_token())));
  }
}

}  // namespace

std::unique_ptr<Printer> NewContributionsRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::ListContributionsResponse>>(screen, &DrawContributions);
}

std::unique_ptr<Printer> NewExplanationRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::ExplainResponse>>(screen, &DrawExplanation);
}

}  // namespace partnermetrics::cli
