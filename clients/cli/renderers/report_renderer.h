// A renderer made of a function that draws one kind of message, and what such functions share.
//
//   std::unique_ptr<Printer> NewSlaRenderer(const Screen& screen) {
//     return std::make_unique<ReportRenderer<v1::SlaReport>>(screen, &DrawSla);
//   }
#ifndef PARTNERMETRICS_CLIENTS_CLI_RENDERERS_REPORT_RENDERER_H_
#define PARTNERMETRICS_CLIENTS_CLI_RENDERERS_REPORT_RENDERER_H_

#include "absl/strings/str_cat.h"
#include "clients/cli/printers/printer.h"
#include "clients/cli/text_layout.h"
#include "clients/cli/value_text.h"

namespace partnermetrics::cli {

template <typename Message>
class ReportRenderer : public Printer {
 public:
  using Draw = void (*)(const Message&, const Screen&);
  ReportRenderer(const Screen& screen, Draw draw) : screen_(screen), draw_(draw) {}

  absl::Status Print(const google::protobuf::Message& response) override {
    const auto* message = google::protobuf::DynamicCastToGenerated<Message>(&response);
    if (message == nullptr) {
      return absl::InternalError(absl::StrCat("this renderer shows ", Message::descriptor()->name(), " messages only"));
    }
    draw_(*message, screen_);
    *screen_.out << std::flush;
    return absl::OkStatus();
  }

 private:
  Screen screen_;
  Draw draw_;
};

// A line of a report.
inline void Line(const Screen& screen, absl::string_view text, Style style = Style::kPlain) {
  *screen.out << Paint(screen, style, text) << "\n";
}

// "As of 2024-03-31 · position 4711", the last line of a report.
template <typename Report>
void DrawFooter(const Screen& screen, const Report& report) {
  Line(screen, absl::StrCat("As of ", FormatMessageText(report.as_of()), " · position ", report.position()),
       Style::kDim);
}

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_RENDERERS_REPORT_RENDERER_H_
