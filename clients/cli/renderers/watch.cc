// Changes about partners as they come, a line for each:
//
//   2026-04-01  Sierra Networks           Programme Tier    Silver → Gold
//   2026-04-02  Cascadia Cloud Partners   Engagement Score  69.4 → 75.6
//   2026-04-02  Sierra Networks           Quiet portal      opened: Logins 0 (≤ 0)
//
// Where the stream stands, with the token to go on with, comes on `err`.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cli/renderers/intervention_text.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/text_layout.h"
#include "clients/cli/value_text.h"
#include "partnermetrics/v1/watch_service.pb.h"

namespace partnermetrics::cli {
namespace {

constexpr int kNameWidth = 28;
constexpr int kModelWidth = 24;

std::string TextOf(bool is_set, const v1::ChangeSide& side) {
  return is_set ? EscapeControls(side.display()) : "–";
}

// A state has no token yet, and nothing before it.
bool IsState(const v1::WatchChangesResponse& answer) {
  return answer.resume_token().empty();
}

// "assigned to Bob: he knows them (Ada)"; with its day, when that was another one.
std::string TextOf(const v1::WatchChangesResponse& answer, const v1::InterventionChange& change) {
  const v1::InterventionEvent& event = change.event();
  std::string text = absl::StrCat(change.taken_back() ? "taken back: " : "", FormatWhat(event));
  const std::string day = event.has_on() ? FormatMessageText(event.on()) : "";
  if (!day.empty() && day != FormatMessageText(answer.as_of())) absl::StrAppend(&text, " on ", day);
  if (!change.was_id().empty()) absl::StrAppend(&text, ", not as ", EscapeControls(change.was_id()));
  const std::string why = FormatWhy(event);
  return why.empty() ? text : absl::StrCat(text, event.cause().empty() ? " " : ": ", why);
}

std::string WhatOf(const v1::WatchChangesResponse& answer) {
  const v1::PartnerChange& change = answer.change();
  if (change.has_intervention()) return TextOf(answer, change.intervention());
  const std::string after = TextOf(change.has_to(), change.to());
  return IsState(answer) ? after : absl::StrCat(TextOf(change.has_from(), change.from()), " → ", after);
}

Style StyleOf(const v1::InterventionChange& change) {
  if (change.taken_back()) return Style::kDim;
  const v1::InterventionEventKind kind = change.event().kind();
  if (kind == v1::INTERVENTION_EVENT_KIND_OPENED || kind == v1::INTERVENTION_EVENT_KIND_EVIDENCE) return Style::kBad;
  return kind == v1::INTERVENTION_EVENT_KIND_CLOSED ? Style::kGood : Style::kPlain;
}

// Better is green, worse red; what came or went has no direction.
Style StyleOf(const v1::PartnerChange& change) {
  if (change.has_intervention()) return StyleOf(change.intervention());
  if (!change.has_from() || !change.has_to()) return Style::kPlain;
  if (change.to().value() == change.from().value()) return Style::kPlain;
  return change.to().value() > change.from().value() ? Style::kGood : Style::kBad;
}

class WatchRenderer : public Printer {
 public:
  explicit WatchRenderer(const Screen& screen) : screen_(screen) {}

  absl::Status Print(const google::protobuf::Message& response) override {
    const auto* answer = google::protobuf::DynamicCastToGenerated<v1::WatchChangesResponse>(&response);
    if (answer == nullptr) return absl::InternalError("the renderer \"watch\" shows WatchChangesResponse only");
    answer->has_change() ? PrintChange(*answer) : PrintPlace(*answer);
    return absl::OkStatus();
  }

 private:
  void PrintChange(const v1::WatchChangesResponse& answer) {
    const v1::PartnerChange& change = answer.change();
    const std::string name =
        EscapeControls(change.partner_name().empty() ? change.partner_id() : change.partner_name());
    *screen_.out << FormatMessageText(answer.as_of()) << "  " << PadRight(Cut(name, kNameWidth), kNameWidth) << "  "
                 << PadRight(Cut(EscapeControls(change.model_name()), kModelWidth), kModelWidth) << "  "
                 << Paint(screen_, StyleOf(change), WhatOf(answer)) << "\n"
                 << std::flush;
  }

  // Only when it moved: heartbeats would fill a log.
  void PrintPlace(const v1::WatchChangesResponse& answer) {
    if (screen_.quiet || answer.resume_token() == token_) return;
    token_ = answer.resume_token();
    *screen_.err << Paint(screen_, Style::kDim,
                          absl::StrCat(FormatMessageText(answer.as_of()), " · position ", answer.position(),
                                       " · go on from here: --resume-token ", token_))
                 << "\n"
                 << std::flush;
  }

  Screen screen_;
  std::string token_;
};

}  // namespace

std::unique_ptr<Printer> NewWatchRenderer(const Screen& screen) {
  return std::make_unique<WatchRenderer>(screen);
}

}  // namespace partnermetrics::cli
