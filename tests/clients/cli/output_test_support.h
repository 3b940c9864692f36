// A screen that writes into strings, and what is shown on it.
#ifndef PARTNERMETRICS_TESTS_CLIENTS_CLI_OUTPUT_TEST_SUPPORT_H_
#define PARTNERMETRICS_TESTS_CLIENTS_CLI_OUTPUT_TEST_SUPPORT_H_

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "absl/strings/string_view.h"
#include "clients/cli/renderers/registry.h"
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

// What a renderer makes of a message.
template <typename Message>
std::string Draw(absl::string_view renderer, const std::string& text) {
  TestScreen test;
  EXPECT_TRUE(NewRenderer(renderer, test.screen)->Print(FromText<Message>(text)).ok());
  return test.out.str();
}

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_TESTS_CLIENTS_CLI_OUTPUT_TEST_SUPPORT_H_
