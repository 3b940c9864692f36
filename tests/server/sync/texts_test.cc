#include "server/sync/texts.h"

#include <gtest/gtest.h>

namespace partnermetrics {
namespace {

TEST(TextsTest, Utf8StaysAsItIs) {
  EXPECT_EQ(ToUtf8(""), "");
  EXPECT_EQ(ToUtf8("a,\"b\"\n"), "a,\"b\"\n");
  EXPECT_EQ(ToUtf8("Müller € 😀 \xED\x9F\xBF \xF4\x8F\xBF\xBF"), "Müller € 😀 \xED\x9F\xBF \xF4\x8F\xBF\xBF");
}

TEST(TextsTest, OtherBytesAreReplaced) {
  EXPECT_EQ(ToUtf8("M\xFCller"), "M\uFFFDller");                      // latin-1
  EXPECT_EQ(ToUtf8("\xC0\xAF"), "\uFFFD\uFFFD");                      // overlong
  EXPECT_EQ(ToUtf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");            // a surrogate
  EXPECT_EQ(ToUtf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // beyond Unicode
  EXPECT_EQ(ToUtf8("a\xE2\x82"), "a\uFFFD\uFFFD");                    // cut off
  EXPECT_EQ(ToUtf8(absl::string_view("\0\xFF", 2)), std::string("\0\uFFFD", 4));
}

TEST(TextsTest, TextsOfPluginsAreCutBetweenCharacters) {
  EXPECT_EQ(PluginText(std::string(kMaxTextBytes, 'x')), std::string(kMaxTextBytes, 'x'));
  EXPECT_EQ(PluginText(std::string(kMaxTextBytes - 1, 'x') + "üü"), std::string(kMaxTextBytes - 1, 'x') + "…");
  EXPECT_EQ(PluginText(std::string(kMaxTextBytes + 1, '\x80')), "…");
}

}  // namespace
}  // namespace partnermetrics
