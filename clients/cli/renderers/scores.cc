// Scores, tiers, and what they would be:
//
//   Health Score: 79 of 100  ████████████████░░░░  HEALTHY  ▲ 5 since 2023-12-31
//   Platinum since 2024-04-01 · active · next review 2024-06-30
//   Engagement Score     57.5 At Risk  →  82.5 Highly Engaged
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
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
#include "partnermetrics/v1/score_service.pb.h"

namespace partnermetrics::cli {
namespace {

constexpr int kScoreBar = 20;
constexpr int kPointsBar = 10;
constexpr int kShownChanges = 8;

std::string Points(double points) {
  return FormatInUnit(points, v1::METRIC_UNIT_POINTS, "");
}

double ShareOf(const v1::Score& score, double points) {
  return score.most() > score.least() ? (points - score.least()) / (score.most() - score.least()) : 0;
}

// The upper half of a scale is fine, its lower third is not.
Style StyleOf(double share) {
  return share >= 0.6 ? Style::kGood : share >= 0.4 ? Style::kWarning : Style::kBad;
}

std::string NoDataText(v1::NoDataReason reason) {
  const auto* name = v1::NoDataReason_descriptor()->FindValueByNumber(reason);
  if (name == nullptr || reason == v1::NO_DATA_REASON_UNSPECIFIED) return "no data";
  return absl::StrCat("no data (", absl::StrReplaceAll(ShortEnumName(*name), {{"_", " "}}), ")");
}

std::string TrendText(const v1::Score& score) {
  if (!score.has_change()) return "";
  const std::string since = absl::StrCat(" since ", FormatMessageText(score.previous_on()));
  if (score.trend() == v1::SCORE_TREND_STABLE) {
    return absl::StrCat("stable (", score.change() > 0 ? "+" : "", Points(score.change()), ")", since);
  }
  return absl::StrCat(score.change() > 0 ? "▲ " : "▼ ", Points(std::fabs(score.change())), since);
}

void DrawComponents(const v1::Score& score, const Screen& screen) {
  Columns columns({Align::kLeft, Align::kRight, Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  columns.Add({{"Component"}, {"Points"}, {""}, {"Weight"}, {"Adds"}, {"From"}});
  columns.AddRule();
  for (const v1::ScoreComponentValue& component : score.components()) {
    std::vector<std::string> parts;
    for (const v1::ScorePartValue& part : component.parts()) {
      parts.push_back(absl::StrCat(EscapeControls(part.display_name()), " ",
                                   part.has_points() ? EscapeControls(part.display()) : NoDataText(part.no_data())));
    }
    const double share = ShareOf(score, component.points());
    columns.Add({{EscapeControls(component.title())},
                 {component.has_points() ? Points(component.points()) : "–"},
                 {component.has_points() ? Bar(std::clamp(share, 0.0, 1.0), kPointsBar) : "", StyleOf(share)},
                 {component.has_points() ? FormatPercent(component.weight_in_force()) : "–"},
                 {component.has_points() ? Points(component.contribution()) : ""},
                 {absl::StrJoin(parts, ", "), Style::kDim}});
  }
  columns.Draw(screen);
}

void DrawScore(const v1::Score& score, const Screen& screen) {
  if (!score.has_score()) {
    Line(screen, absl::StrCat(EscapeControls(score.display_name()), ": ", NoDataText(score.no_data())),
         Style::kHeading);
  } else {
    const double share = ShareOf(score, score.score());
    std::string text = absl::StrCat(EscapeControls(score.display_name()), ": ", Points(score.score()), " of ",
                                    Points(score.most()), "  ", Bar(std::clamp(share, 0.0, 1.0), kScoreBar));
    if (score.has_band()) absl::StrAppend(&text, "  ", EscapeControls(score.band().display_name()));
    Line(screen, text, StyleOf(share));
    std::vector<std::string> notes;
    if (!score.band().action().empty()) notes.push_back(EscapeControls(score.band().action()));
    if (const std::string trend = TrendText(score); !trend.empty()) notes.push_back(trend);
    if (score.coverage() < 1) notes.push_back(absl::StrCat("data for ", FormatPercent(score.coverage())));
    if (!notes.empty()) Line(screen, absl::StrJoin(notes, " · "));
  }
  Line(screen, "");
  DrawComponents(score, screen);
  Line(screen, "");
}

void DrawScores(const v1::GetScoresResponse& response, const Screen& screen) {
  if (response.scores().empty()) Line(screen, "The programme defines no scores for this scope.", Style::kDim);
  for (const v1::Score& score : response.scores()) DrawScore(score, screen);
  if (response.scores().empty()) return;
  Line(screen,
       absl::StrCat("As of ", FormatMessageText(response.scores(0).as_of()), " · position ", response.position()),
       Style::kDim);
}

std::string NameOf(const v1::TierModel& model, const std::string& id) {
  for (const v1::TierLevel& level : model.levels()) {
    if (level.id() == id) return EscapeControls(level.display_name());
  }
  return id.empty() ? "none" : EscapeControls(id);
}

std::string StatusText(v1::TierStatus status) {
  const auto* name = v1::TierStatus_descriptor()->FindValueByNumber(status);
  return name == nullptr ? "" : absl::StrReplaceAll(ShortEnumName(*name), {{"_", "-"}});
}

Cell MetCell(const v1::TierCheck& check) {
  if (!check.has_value()) return {check.met() ? "–" : "✗", check.met() ? Style::kDim : Style::kBad};
  return check.met() ? Cell{"✓", Style::kGood} : Cell{"✗", Style::kBad};
}

std::vector<Cell> CheckCells(const v1::TierCheck& check) {
  return {{EscapeControls(check.display_name())},
          {EscapeControls(check.display())},
          {EscapeControls(check.requirement_display())},
          MetCell(check),
          {check.has_margin() ? EscapeControls(check.margin_display()) : ""}};
}

void DrawGates(const v1::TierStanding& standing, const Screen& screen) {
  Columns columns({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft, Align::kRight, Align::kLeft});
  columns.Add({{"Metric"}, {"Value"}, {"Asks for"}, {""}, {"Margin"}, {"Alone would be"}});
  columns.AddRule();
  for (const v1::TierGate& gate : standing.gates()) {
    std::vector<Cell> cells = CheckCells(gate.check());
    cells.push_back({absl::StrCat(gate.tier_name().empty() ? "none" : EscapeControls(gate.tier_name()),
                                  gate.binding() ? "  ◀ decides" : ""),
                     gate.binding() ? Style::kWarning : Style::kPlain});
    columns.Add(std::move(cells));
  }
  columns.Draw(screen);
  if (standing.minima().empty()) return;
  Line(screen, "");
  Columns minima({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft, Align::kRight});
  minima.Add({{"Minimum of the programme"}, {"Value"}, {"Asks for"}, {""}, {"Margin"}});
  minima.AddRule();
  for (const v1::TierCheck& check : standing.minima()) minima.Add(CheckCells(check));
  minima.Draw(screen);
}

void DrawOutlook(const v1::TierStanding& standing, const Screen& screen) {
  if (!standing.next_tier().empty()) {
    Line(screen, "");
    Line(screen, absl::StrCat("Missing for ", EscapeControls(standing.next_tier_name())), Style::kHeading);
    if (standing.gap().empty()) Line(screen, "Nothing: a review may promote.", Style::kGood);
    Columns columns({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
    for (const v1::TierGap& gap : standing.gap()) {
      columns.Add({{EscapeControls(gap.check().display_name())},
                   {EscapeControls(gap.check().display())},
                   {EscapeControls(gap.check().requirement_display())},
                   {EscapeControls(gap.text())}});
    }
    columns.Draw(screen);
  }
  if (standing.risk().empty()) return;
  Line(screen, "");
  Line(screen, "What could cost the tier", Style::kHeading);
  Columns columns({Align::kLeft, Align::kRight, Align::kLeft});
  for (const v1::TierRisk& risk : standing.risk()) {
    const Style style = !risk.has_fails_on() ? Style::kDim : risk.fails_at_review() ? Style::kBad : Style::kWarning;
    columns.Add({{absl::StrCat(EscapeControls(risk.check().display_name()), risk.minimum() ? " (minimum)" : "")},
                 {EscapeControls(risk.check().requirement_display())},
                 {EscapeControls(risk.text()), style}});
  }
  columns.Draw(screen);
}

void DrawHistory(const v1::GetTierResponse& response, const Screen& screen) {
  const auto& history = response.standing().history();
  if (history.empty()) return;
  Line(screen, "");
  Line(screen, "History", Style::kHeading);
  Columns columns({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft});
  for (int i = 0; i < std::min(history.size(), kShownChanges); ++i) {
    const v1::TierChange& change = history[i];
    const auto* cause = v1::TierCause_descriptor()->FindValueByNumber(change.cause());
    std::string tiers = NameOf(response.model(), change.to());
    if (change.from() != change.to()) tiers = absl::StrCat(NameOf(response.model(), change.from()), " → ", tiers);
    std::string reason = EscapeControls(change.reason());
    if (!change.author().empty()) absl::StrAppend(&reason, " (", EscapeControls(change.author()), ")");
    columns.Add({{FormatMessageText(change.on())},
                 {tiers},
                 {cause == nullptr ? "" : absl::StrReplaceAll(ShortEnumName(*cause), {{"_", " "}})},
                 {reason, Style::kDim}});
  }
  columns.Draw(screen);
  if (history.size() > kShownChanges) {
    Line(screen, absl::StrCat("… and ", history.size() - kShownChanges, " before (-o json shows all)"), Style::kDim);
  }
}

void DrawTier(const v1::GetTierResponse& response, const Screen& screen) {
  const v1::TierStanding& standing = response.standing();
  const std::string who = response.partner_name().empty() ? standing.partner_id() : response.partner_name();
  if (standing.status() == v1::TIER_STATUS_UNSPECIFIED) {
    Line(screen, absl::StrCat(EscapeControls(who), " was not a partner on ", FormatMessageText(standing.as_of())),
         Style::kHeading);
    return;
  }
  Line(screen, absl::StrCat(EscapeControls(who), ": ", NameOf(response.model(), standing.tier())), Style::kHeading);
  const Style style = standing.status() == v1::TIER_STATUS_ACTIVE ? Style::kGood : Style::kBad;
  std::string text = absl::StrCat(StatusText(standing.status()), " · since ", FormatMessageText(standing.since_on()),
                                  " · next review ", FormatMessageText(standing.next_review_on()));
  if (standing.violations() > 0) {
    absl::StrAppend(&text, " · violations: ", standing.violations());
    if (standing.max_violations() > 0) absl::StrAppend(&text, " of ", standing.max_violations());
  }
  Line(screen, text, style);
  if (standing.has_override()) {
    Line(screen,
         absl::StrCat("Given by ", EscapeControls(standing.override().author()), ": ",
                      EscapeControls(standing.override().reason()),
                      standing.override().has_expires_on()
                          ? absl::StrCat(" (until ", FormatMessageText(standing.override().expires_on()), ")")
                          : "",
                      "; reviews gave ", NameOf(response.model(), standing.computed_tier())),
         Style::kWarning);
  }
  if (standing.qualified_tier() != standing.computed_tier()) {
    Line(screen, absl::StrCat("Today's numbers alone: ", NameOf(response.model(), standing.qualified_tier())),
         Style::kWarning);
  }
  Line(screen, "");
  DrawGates(standing, screen);
  DrawOutlook(standing, screen);
  DrawHistory(response, screen);
  Line(screen, "");
  Line(screen, absl::StrCat("As of ", FormatMessageText(standing.as_of()), " · position ", response.position()),
       Style::kDim);
}

std::string ScoreText(const v1::Score& score) {
  if (!score.has_score()) return NoDataText(score.no_data());
  return absl::StrCat(Points(score.score()), " ", EscapeControls(score.band().display_name()));
}

Style ChangeStyle(double before, double after) {
  return after > before ? Style::kGood : after < before ? Style::kBad : Style::kDim;
}

void DrawWhatIf(const v1::WhatIfResponse& response, const Screen& screen) {
  Columns columns({Align::kLeft, Align::kRight, Align::kLeft, Align::kLeft});
  columns.Add({{"What"}, {"Is"}, {""}, {"Would be"}});
  columns.AddRule();
  for (const v1::WhatIfValue& value : response.values()) {
    columns.Add({{EscapeControls(value.display_name())},
                 {EscapeControls(value.before().display())},
                 {"→"},
                 {EscapeControls(value.after().display())}});
  }
  for (const v1::WhatIfScore& score : response.scores()) {
    columns.Add({{EscapeControls(score.before().display_name())},
                 {ScoreText(score.before())},
                 {"→"},
                 {ScoreText(score.after()), ChangeStyle(score.before().score(), score.after().score())}});
  }
  if (response.has_tier_before()) {
    const auto name = [](const v1::TierStanding& standing) {
      return standing.tier_name().empty() ? std::string("none") : EscapeControls(standing.tier_name());
    };
    columns.Add(
        {{"Tier"},
         {name(response.tier_before())},
         {"→"},
         {name(response.tier_after()), ChangeStyle(response.tier_before().rank(), response.tier_after().rank())}});
  }
  columns.Draw(screen);
  Line(screen, "");
  Line(screen, absl::StrCat("Nothing was written · position ", response.position()), Style::kDim);
}

}  // namespace

std::unique_ptr<Printer> NewScoresRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::GetScoresResponse>>(screen, &DrawScores);
}

std::unique_ptr<Printer> NewTierRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::GetTierResponse>>(screen, &DrawTier);
}

std::unique_ptr<Printer> NewWhatIfRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::WhatIfResponse>>(screen, &DrawWhatIf);
}

}  // namespace partnermetrics::cli
