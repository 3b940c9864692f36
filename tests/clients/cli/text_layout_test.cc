#include "clients/cli/text_layout.h"

#include <gtest/gtest.h>

#include <sstream>

namespace partnermetrics::cli {
namespace {

TEST(TextLayoutTest, WidthCountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("Müller"), 6);
  EXPECT_EQ(DisplayWidth("mu\u0308"), 2);  // A combining mark.
  EXPECT_EQ(DisplayWidth("株式会社"), 8);
  EXPECT_EQ(DisplayWidth("🚀"), 2);
  EXPECT_EQ(DisplayWidth("█░"), 2);
  EXPECT_EQ(DisplayWidth("a\xf0\x80"), 2);  // Cut off: must not read past the end.
}

TEST(TextLayoutTest, PadsAndCuts) {
  EXPECT_EQ(PadRight("é", 3), "é  ");
  EXPECT_EQ(PadLeft("é", 3), "  é");
  EXPECT_EQ(PadCenter("é", 4), " é  ");
  EXPECT_EQ(PadLeft("long", 2), "long");
  EXPECT_EQ(Cut("abcdef", 6), "abcdef");
  EXPECT_EQ(Cut("abcdef", 4), "abc…");
  EXPECT_EQ(Cut("株式会社", 5), "株式…");
}

TEST(TextLayoutTest, ControlCharactersOfRecordsDoNotReachTheTerminal) {
  EXPECT_EQ(EscapeControls("a\x1b[31mb\nc\td\r"), "a\\x1b[31mb\\nc\\td\\r");
  EXPECT_EQ(EscapeControls("\u0085\u202e"), "\\x85\\u202e");
  EXPECT_EQ(EscapeControls("Müller 株"), "Müller 株");
}

TEST(TextLayoutTest, GroupsDigits) {
  EXPECT_EQ(GroupDigits(0), "0");
  EXPECT_EQ(GroupDigits(999), "999");
  EXPECT_EQ(GroupDigits(1000), "1,000");
  EXPECT_EQ(GroupDigits(-1234567), "-1,234,567");
  EXPECT_EQ(GroupDigits(-123), "-123");
}

TEST(TextLayoutTest, PaintsOnlyOnColourScreens) {
  Screen screen = {};
  EXPECT_EQ(Paint(screen, Style::kBad, "x"), "x");
  screen.color = true;
  EXPECT_EQ(Paint(screen, Style::kBad, "x"), "\x1b[31mx\x1b[0m");
}

}  // namespace
}  // namespace partnermetrics::cli
