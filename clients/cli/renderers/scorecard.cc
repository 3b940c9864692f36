// The card of a partner, or of the programme:
//
//   ┌──────────────────────────────────────────────────────────┐
//   │              PARTNER SCORECARD: Acme Solar               │
//   ├──────────────────────────────────────────────────────────┤
//   │ REVENUE PERFORMANCE                                      │
//   │ ┌──────────────────────────────────────────────────────┐ │
//   │ │ Metric        Target  Actual  Achieved               │ │
//   │ │ Revenue YTD    $500K   $425K      85 %  ████████░░   │ │
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "clients/cli/renderers/columns.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/renderers/unit_text.h"
#include "clients/cli/value_text.h"
#include "clients/cli/value_type.h"
#include "partnermetrics/v1/score_service.pb.h"

namespace partnermetrics::cli {
namespace {

constexpr int kWidth = 96;     // Of the card with its frame.
constexpr int kMinWidth = 72;  // On narrow terminals.
constexpr int kBarWidth = 10;
constexpr int kGap = 2;
constexpr int kScoreWidth = 5;
constexpr double kNearTarget = 0.8;  // Attainment from which a missed target is yellow and not red.

// A row as text, before columns are aligned.
struct RowText {
  std::string name;
  std::string target;
  std::string actual;
  std::string achieved;
  std::string bar;
  std::string change;
  std::string no_data;  // Stands in place of everything right of the target.
  Style achieved_style = Style::kPlain;
  Style change_style = Style::kPlain;
};

struct ColumnWidths {
  int name = 0;
  int target = DisplayWidth("Target");
  int actual = DisplayWidth("Actual");
  int achieved = DisplayWidth("Achieved");
  int change = DisplayWidth("Change");
};

Style StyleOf(const v1::MetricValue& value) {
  switch (value.target_position()) {
    case v1::TARGET_POSITION_MET:
      return Style::kGood;
    case v1::TARGET_POSITION_ABOVE:
      return Style::kWarning;
    case v1::TARGET_POSITION_BELOW:
      return value.attainment() >= kNearTarget ? Style::kWarning : Style::kBad;
    default:
      return Style::kPlain;
  }
}

// How much of the target is reached; for ranges, which know no such share, where the value stands.
std::string AchievedText(const v1::MetricValue& value) {
  if (value.has_attainment()) return absl::StrCat(std::lround(value.attainment() * 100), " %");
  switch (value.target_position()) {
    case v1::TARGET_POSITION_MET:
      return "in range";
    case v1::TARGET_POSITION_BELOW:
      return "below";
    case v1::TARGET_POSITION_ABOVE:
      return "above";
    default:
      return "";
  }
}

// Full only when the target is reached.
std::string BarText(const v1::MetricValue& value) {
  if (!value.has_attainment()) return "";
  const int filled = static_cast<int>(std::floor(std::clamp(value.attainment(), 0.0, 1.0) * kBarWidth));
  return absl::StrCat(Repeat("█", filled), Repeat("░", kBarWidth - filled));
}

std::string ChangeText(double change) {
  const double rounded = std::round(change * 1000) / 1000;
  if (rounded == 0) return "= 0 %";
  return absl::StrCat(rounded > 0 ? "▲ " : "▼ ", FormatPercent(std::fabs(rounded)));
}

Style ChangeStyle(double change, v1::MetricDirection direction) {
  if (change == 0 || (direction != v1::METRIC_DIRECTION_UP && direction != v1::METRIC_DIRECTION_DOWN)) {
    return Style::kDim;
  }
  return (change > 0) == (direction == v1::METRIC_DIRECTION_UP) ? Style::kGood : Style::kBad;
}

RowText TextOf(const v1::ScorecardRow& row, absl::string_view currency) {
  const v1::MetricValue& value = row.value();
  RowText text;
  text.name = EscapeControls(row.metric().display_name().empty() ? row.metric().id() : row.metric().display_name());
  if (value.current_state()) text.name += " *";
  text.target = FormatTarget(value.target(), row.metric().unit(), currency);
  if (!value.has_value()) {
    const auto* reason = v1::NoDataReason_descriptor()->FindValueByNumber(value.no_data());
    const std::string why = reason == nullptr ? "" : absl::StrReplaceAll(ShortEnumName(*reason), {{"_", " "}});
    text.no_data = why.empty() || why == "unspecified" ? "no data" : absl::StrCat("no data (", why, ")");
    return text;
  }
  text.actual = EscapeControls(value.display());
  text.achieved = AchievedText(value);
  text.bar = BarText(value);
  text.achieved_style = StyleOf(value);
  if (value.has_change()) {
    text.change = ChangeText(value.change());
    text.change_style = ChangeStyle(value.change(), row.metric().direction());
  }
  return text;
}

// "Jan 2023".
std::string MonthOf(const v1::Date& date) {
  const absl::CivilDay day(date.year(), date.month(), date.day());
  return absl::FormatTime("%b %Y", absl::FromCivil(day, absl::UTCTimeZone()), absl::UTCTimeZone());
}

std::string OrDash(const std::string& text) {
  return text.empty() ? "–" : EscapeControls(text);
}

class Card {
 public:
  Card(const v1::Scorecard& card, const Screen& screen) : card_(card), screen_(screen) {
    width_ = screen.width == 0 ? kWidth : std::clamp(screen.width, kMinWidth, kWidth);
  }

  void Draw() {
    PrepareRows();
    Rule("┌", "─", "┐");
    DrawTitle();
    Rule("├", "─", "┤");
    DrawAttributes();
    Rule("├", "─", "┤");
    DrawScores();
    if (!key_rows_.empty()) DrawGroup("Key metrics", key_rows_);
    for (size_t i = 0; i < groups_.size(); ++i) DrawGroup(card_.groups(static_cast<int>(i)).title(), groups_[i]);
    if (groups_.empty()) Line("No metrics are on this scorecard.", Style::kDim);
    DrawFooter();
    Rule("└", "─", "┘");
  }

 private:
  bool OfPartner() const { return !card_.partner_id().empty(); }

  void PrepareRows() {
    key_rows_ = Prepare(card_.key_rows());
    for (const v1::ScorecardGroup& group : card_.groups()) groups_.push_back(Prepare(group.rows()));
    columns_.name = BoxWidth() - (kGap + columns_.target + kGap + columns_.actual + RightPartWidth());
  }

  std::vector<RowText> Prepare(const google::protobuf::RepeatedPtrField<v1::ScorecardRow>& rows) {
    std::vector<RowText> texts;
    for (const v1::ScorecardRow& row : rows) {
      RowText text = TextOf(row, card_.currency_code());
      columns_.target = std::max(columns_.target, DisplayWidth(text.target));
      columns_.actual = std::max(columns_.actual, DisplayWidth(text.actual));
      columns_.achieved = std::max(columns_.achieved, DisplayWidth(text.achieved));
      columns_.change = std::max(columns_.change, DisplayWidth(text.change));
      texts.push_back(std::move(text));
    }
    return texts;
  }

  // "Health Score  79  ████████░░  HEALTHY  ▲ 5".
  void DrawScores() {
    int name_width = 0;
    for (const v1::Score& score : card_.scores()) name_width = std::max(name_width, DisplayWidth(score.display_name()));
    if (!card_.scores().empty()) Line("");
    for (const v1::Score& score : card_.scores()) {
      std::string text = absl::StrCat(PadRight(EscapeControls(score.display_name()), name_width), PadRight("", kGap));
      if (!score.has_score()) {
        Line(absl::StrCat(text, "no data"), Style::kDim);
        continue;
      }
      const double share = (score.score() - score.least()) / (score.most() - score.least());
      absl::StrAppend(&text, PadLeft(FormatInUnit(score.score(), v1::METRIC_UNIT_POINTS, ""), kScoreWidth),
                      PadRight("", kGap), Bar(std::clamp(share, 0.0, 1.0), kBarWidth), PadRight("", kGap),
                      EscapeControls(score.band().display_name()));
      if (score.trend() == v1::SCORE_TREND_STABLE) absl::StrAppend(&text, ", stable");
      if (score.trend() == v1::SCORE_TREND_IMPROVING) absl::StrAppend(&text, ", improving");
      if (score.trend() == v1::SCORE_TREND_DECLINING) absl::StrAppend(&text, ", declining");
      if (score.coverage() < 1) absl::StrAppend(&text, " (data for ", FormatPercent(score.coverage()), ")");
      Line(text);
    }
  }

  std::string TierText() const {
    if (!card_.has_tier()) return OrDash(card_.partner().tier());
    std::string name = card_.tier().tier_name().empty() ? "none" : EscapeControls(card_.tier().tier_name());
    if (card_.tier().status() == v1::TIER_STATUS_PROBATION) return absl::StrCat(name, " (probation)");
    if (card_.tier().status() == v1::TIER_STATUS_OFF_BOARDING) return absl::StrCat(name, " (off-boarding)");
    return name;
  }

  int LineWidth() const { return width_ - 4; }
  int BoxWidth() const { return LineWidth() - 4; }
  int RightPartWidth() const { return kGap + columns_.achieved + kGap + kBarWidth + kGap + columns_.change; }

  void Rule(absl::string_view left, absl::string_view middle, absl::string_view right) {
    *screen_.out << left << Repeat(middle, width_ - 2) << right << "\n";
  }

  // One line inside the frame; `text` may hold escape sequences, so the padding comes from the caller.
  void Framed(absl::string_view text) { *screen_.out << "│ " << text << " │\n"; }

  void Line(absl::string_view text, Style style = Style::kPlain) {
    const std::string cut = Cut(text, LineWidth());
    const std::string padding = PadRight("", LineWidth() - DisplayWidth(cut));
    Framed(absl::StrCat(Paint(screen_, style, cut), padding));
  }

  void DrawTitle() {
    std::string name = OfPartner() ? card_.partner().name() : card_.program_name();
    if (name.empty()) name = OfPartner() ? card_.partner_id() : card_.program();
    const std::string title =
        absl::StrCat(OfPartner() ? "PARTNER SCORECARD: " : "PROGRAMME TOTALS: ", EscapeControls(name));
    Framed(Paint(screen_, Style::kHeading, PadCenter(Cut(title, LineWidth()), LineWidth())));
    if (!card_.period().empty()) Line(PadCenter(EscapeControls(card_.period()), LineWidth()));
  }

  void DrawAttributes() {
    const v1::Partner& partner = card_.partner();
    const std::string coverage = absl::StrCat("Metrics With Data: ", FormatPercent(card_.coverage()));
    if (!OfPartner()) {
      Pair(absl::StrCat("Programme: ", OrDash(card_.program())), coverage);
      return;
    }
    Pair(absl::StrCat("Partner Tier: ", TierText()),
         absl::StrCat("Partner Since: ", partner.has_signed_on() ? MonthOf(partner.signed_on()) : "–"));
    Pair(absl::StrCat("Partner Manager: ", OrDash(partner.manager())), coverage);
  }

  void Pair(absl::string_view left, absl::string_view right) {
    const int half = (LineWidth() - 3) / 2;
    const int rest = LineWidth() - 3 - half;
    Line(absl::StrCat(PadRight(Cut(left, half), half), " │ ", PadRight(Cut(right, rest), rest)));
  }

  void DrawGroup(const std::string& title, const std::vector<RowText>& rows) {
    Line("");
    Line(absl::AsciiStrToUpper(EscapeControls(title)), Style::kHeading);
    Framed(absl::StrCat("┌", Repeat("─", LineWidth() - 2), "┐"));
    RowText heading;
    heading.name = "Metric";
    heading.target = "Target";
    heading.actual = "Actual";
    heading.achieved = "Achieved";
    heading.change = "Change";
    Boxed(RowLine(heading));
    for (const RowText& row : rows) Boxed(RowLine(row));
    Framed(absl::StrCat("└", Repeat("─", LineWidth() - 2), "┘"));
  }

  void Boxed(absl::string_view text) { Framed(absl::StrCat("│ ", text, " │")); }

  std::string RowLine(const RowText& row) const {
    const std::string gap = PadRight("", kGap);
    const std::string left = absl::StrCat(PadRight(Cut(row.name, columns_.name), columns_.name), gap,
                                          PadLeft(row.target, columns_.target), gap);
    if (!row.no_data.empty()) {
      const int width = columns_.actual + RightPartWidth();
      return absl::StrCat(left, Paint(screen_, Style::kDim, PadRight(Cut(row.no_data, width), width)));
    }
    return absl::StrCat(left, PadLeft(row.actual, columns_.actual), gap,
                        Paint(screen_, row.achieved_style, PadLeft(row.achieved, columns_.achieved)), gap,
                        Paint(screen_, row.achieved_style, PadRight(row.bar, kBarWidth)), gap,
                        Paint(screen_, row.change_style, PadRight(row.change, columns_.change)));
  }

  void DrawFooter() {
    Line("");
    std::string text = "As of ";
    absl::StrAppend(&text, card_.has_as_of() ? FormatMessageText(card_.as_of()) : "today", " · position ",
                    card_.position());
    Line(text, Style::kDim);
    bool current_state = false;
    bool parked = false;
    for (const v1::ScorecardGroup& group : card_.groups()) {
      for (const v1::ScorecardRow& row : group.rows()) {
        current_state |= row.value().current_state();
        parked |= row.value().parked_facts() > 0;
      }
    }
    if (current_state) Line("* as known today: the value of a past window moves with what happened since", Style::kDim);
    if (card_.unresolved_facts() > 0) {
      Line(absl::StrCat("Not counted: ", GroupDigits(card_.unresolved_facts()),
                        " facts whose partner is unknown (partnerctl partner unresolved)"),
           Style::kWarning);
    }
    if (parked) Line("Not counted: money of facts that wait for an exchange rate", Style::kWarning);
  }

  const v1::Scorecard& card_;
  const Screen& screen_;
  int width_;
  ColumnWidths columns_;
  std::vector<RowText> key_rows_;
  std::vector<std::vector<RowText>> groups_;
};

class ScorecardRenderer : public Printer {
 public:
  explicit ScorecardRenderer(const Screen& screen) : screen_(screen) {}

  absl::Status Print(const google::protobuf::Message& response) override {
    const auto* card = google::protobuf::DynamicCastToGenerated<v1::Scorecard>(&response);
    if (card == nullptr) return absl::InternalError("the renderer \"scorecard\" shows Scorecard messages only");
    Card(*card, screen_).Draw();
    *screen_.out << std::flush;
    return absl::OkStatus();
  }

 private:
  Screen screen_;
};

}  // namespace

std::unique_ptr<Printer> NewScorecardRenderer(const Screen& screen) {
  return std::make_unique<ScorecardRenderer>(screen);
}

}  // namespace partnermetrics::cli
