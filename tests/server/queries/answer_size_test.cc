#include "server/queries/answer_size.h"

#include <gtest/gtest.h>

namespace partnermetrics {
namespace {

TEST(AnswerSizeTest, CutsLongTextsBetweenCharacters) {
  EXPECT_EQ(Clip("short", 10), "short");
  EXPECT_EQ(Clip("äöü", 3), "ä…");
  EXPECT_EQ(Clip("äöü", 4), "äö…");
}

}  // namespace
}  // namespace partnermetrics
