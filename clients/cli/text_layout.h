// Text on a terminal: how wide it is, how it is padded, cut, coloured and made harmless.
//
//   PadLeft("1.5 €", 8)                 // "   1.5 €": three columns of padding, although the text has 7 bytes
//   Screen screen = …; Paint(screen, Style::kGood, "85 %")
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_TEXT_LAYOUT_H_
#define PARTNERMETRICS_CLIENTS_CLI_TEXT_LAYOUT_H_

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace partnermetrics::cli {

// Where output goes and what it can show. `out` gets results, `err` progress and errors.
struct Screen {
  std::ostream* out;
  std::ostream* err;
  bool err_is_terminal = false;  // Progress may rewrite its line.
  bool color = false;
  int width = 0;  // Columns of the terminal; 0: no limit.
  bool quiet = false;
  std::function<absl::Time()> now = absl::Now;
};

enum class Style { kPlain, kHeading, kDim, kGood, kWarning, kBad };

// The text with the style's escape sequences, or as it is when the screen shows no colours.
std::string Paint(const Screen& screen, Style style, absl::string_view text);

// Columns that the UTF-8 text takes: combining marks none, East Asian wide characters and emoji two.
int DisplayWidth(absl::string_view text);

// The text filled up with blanks; longer text stays as it is.
std::string PadRight(absl::string_view text, int width);
std::string PadLeft(absl::string_view text, int width);
std::string PadCenter(absl::string_view text, int width);

// The text's beginning with "…" behind it when it is wider than that.
std::string Cut(absl::string_view text, int width);

// Text of a record made fit for one line of a terminal: control characters, which could also move the cursor or change
// colours, become escapes such as "\n" and "\x1b".
std::string EscapeControls(absl::string_view text);

// "1,234,567"; a number in text may have a sign and decimals.
std::string GroupDigits(int64_t number);
std::string GroupDigits(std::string number);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_TEXT_LAYOUT_H_
