// A screen that writes into strings.
#ifndef PARTNERMETRICS_TESTS_CLIENTS_CLI_OUTPUT_TEST_SUPPORT_H_
#define PARTNERMETRICS_TESTS_CLIENTS_CLI_OUTPUT_TEST_SUPPORT_H_

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "clients/cli/text_layout.h"

namespace partnermetrics::cli {

struct TestScreen {
  std::ostringstream out;
  std::ostringstream err;
  Screen screen = {.out = &out, .err = &err};
};

template <typename Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_TESTS_CLIENTS_CLI_OUTPUT_TEST_SUPPORT_H_
