// Standings: leaderboards and distributions.
//
//    1.  Cascadia Cloud Partners  $329K  ██████████████████████████████
//   $0 – $33K  ████████████████████░░░░░░░░░░  8 partners
#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/renderers/columns.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/renderers/report_renderer.h"
#include "clients/cli/renderers/unit_text.h"
#include "partnermetrics/v1/standings_service.pb.h"

namespace partnermetrics::cli {
namespace {

constexpr int kBarWidth = 30;

std::string PartnersText(int64_t partners) {
  return absl::StrCat(GroupDigits(partners), partners == 1 ? " partner" : " partners");
}

// "Partner Revenue · 2026-01-01 to 2026-03-31".
template <typename Answer>
void Title(const Screen& screen, const Answer& answer, const std::string& when) {
  *screen.out << Paint(screen, Style::kHeading, absl::StrCat(EscapeControls(answer.display_name()), " · ", when))
              << "\n\n";
}

void DrawLeaderboard(const v1::Leaderboard& board, const Screen& screen) {
  Title(screen, board,
        absl::StrCat(FormatMessageText(board.window().start_on()), " to ", FormatMessageText(board.window().end_on())));
  double largest = 0;
  for (const v1::LeaderboardRow& row : board.rows()) largest = std::max(largest, std::fabs(row.value()));
  Columns columns({Align::kRight, Align::kLeft, Align::kRight, Align::kLeft});
  for (const v1::LeaderboardRow& row : board.rows()) {
    columns.Add({{absl::StrCat(GroupDigits(row.rank()), ".")},
                 {EscapeControls(row.name().empty() ? row.partner_id() : row.name())},
                 {EscapeControls(row.display())},
                 {row.value() > 0 ? Bar(row.value() / largest, kBarWidth) : "", Style::kGood}});
  }
  columns.Draw(screen);
  if (board.rows().empty()) *screen.out << "Nobody stands here.\n";
  *screen.out << "\n"
              << PartnersText(board.ranked()) << " with a value, " << GroupDigits(board.without_value())
              << " without one\n";
  DrawFooter(screen, board);
}

void DrawDistribution(const v1::Distribution& distribution, const Screen& screen) {
  Title(screen, distribution, FormatMessageText(distribution.as_of()));
  const auto value = [&](double number) {
    return FormatInUnit(number, distribution.unit(), distribution.currency_code());
  };
  int64_t largest = 0;
  for (const v1::DistributionBucket& bucket : distribution.buckets()) largest = std::max(largest, bucket.partners());
  const bool has_names = !distribution.buckets().empty() && !distribution.buckets(0).display_name().empty();
  Columns buckets({has_names ? Align::kLeft : Align::kRight, Align::kLeft, Align::kLeft, Align::kRight});
  for (const v1::DistributionBucket& bucket : distribution.buckets()) {
    const double share = largest == 0 ? 0 : static_cast<double>(bucket.partners()) / static_cast<double>(largest);
    buckets.Add({{has_names ? EscapeControls(bucket.display_name()) : value(bucket.from())},
                 {has_names ? "" : absl::StrCat("to ", value(bucket.to()))},
                 {Bar(share, kBarWidth), Style::kGood},
                 {GroupDigits(bucket.partners())}});
  }
  buckets.Draw(screen);
  if (distribution.buckets().empty()) *screen.out << "No partner has a value.\n";
  // Tiers are numbers that nobody knows them by.
  if (has_names) return DrawFooter(screen, distribution);
  *screen.out << "\n";
  Columns spreads({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kRight,
                   Align::kRight, Align::kRight, Align::kRight});
  spreads.Add({{""}, {"Partners"}, {"With value"}, {"Min"}, {"25 %"}, {"Median"}, {"75 %"}, {"Max"}, {"Mean"}});
  spreads.AddRule();
  const auto add = [&](const std::string& name, const v1::Spread& spread) {
    if (!spread.has_min()) return spreads.Add({{name}, {GroupDigits(spread.partners())}, {"0"}});
    spreads.Add({{name},
                 {GroupDigits(spread.partners())},
                 {GroupDigits(spread.with_value())},
                 {value(spread.min())},
                 {value(spread.p25())},
                 {value(spread.median())},
                 {value(spread.p75())},
                 {value(spread.max())},
                 {value(spread.mean())}});
  };
  add("All", distribution.spread());
  for (const v1::DistributionGroup& group : distribution.groups()) {
    add(group.value().empty() ? "(none)" : EscapeControls(group.value()), group.spread());
  }
  spreads.Draw(screen);
  DrawFooter(screen, distribution);
}

}  // namespace

std::unique_ptr<Printer> NewLeaderboardRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::Leaderboard>>(screen, &DrawLeaderboard);
}
std::unique_ptr<Printer> NewDistributionRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::Distribution>>(screen, &DrawDistribution);
}

}  // namespace partnermetrics::cli
