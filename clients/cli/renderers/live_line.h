// A line of progress on a terminal, rewritten until it ends.
//
//   LiveLine line(screen);
//   line.Show("60 %");   // instead of what stood there
//   line.End();          // as if nothing had stood there; the destructor does it, too
#ifndef PARTNERMETRICS_CLIENTS_CLI_RENDERERS_LIVE_LINE_H_
#define PARTNERMETRICS_CLIENTS_CLI_RENDERERS_LIVE_LINE_H_

#include "absl/strings/string_view.h"
#include "clients/cli/text_layout.h"

namespace partnermetrics::cli {

class LiveLine {
 public:
  // Writes to the screen's `err`, which must outlive it.
  explicit LiveLine(const Screen& screen) : err_(*screen.err), width_(screen.width) {}
  ~LiveLine() { End(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  void Show(absl::string_view line) {
    err_ << kBegin << (width_ > 0 ? Cut(line, width_ - 1) : line) << std::flush;
    shown_ = true;
  }
  void End() {
    if (shown_) err_ << kBegin << std::flush;
    shown_ = false;
  }

 private:
  static constexpr char kBegin[] = "\r\x1b[K";  // of the line, which is emptied

  std::ostream& err_;
  const int width_;
  bool shown_ = false;
};

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_RENDERERS_LIVE_LINE_H_
