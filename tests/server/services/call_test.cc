#include "server/services/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

TEST(CallTest, KeepsCodeMessageAndDetails) {
  const grpc::Status status = ToGrpc(InvalidField("deal.amount", "OUT_OF_RANGE", "is too large"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "deal.amount: is too large");
  EXPECT_EQ(InfoOf(status).reason, "OUT_OF_RANGE");
  EXPECT_THAT(InfoOf(status).fields, testing::ElementsAre("deal.amount: is too large"));
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
}

// Trailers above 8 KB reach the client as another error.
TEST(CallTest, CutsDetailsToWhatTrailersHold) {
  std::vector<FieldError> errors;
  for (int i = 0; i < 25; ++i) errors.push_back({absl::StrCat("field", i), "WRONG", std::string(300, 'x')});
  const grpc::Status status = ToGrpc(InvalidFields(errors));
  EXPECT_LE(status.error_details().size(), 4'000u);
  const ErrorInfo info = InfoOf(status);
  ASSERT_GT(info.fields.size(), 5u);
  EXPECT_EQ(info.fields.back(), absl::StrCat(": and ", 25 - (info.fields.size() - 1), " more"));
}

TEST(CallTest, CutsLongMessages) {
  EXPECT_LE(ToGrpc(absl::InternalError(std::string(100'000, 'x'))).error_message().size(), 1'010u);
}

TEST(CallTest, AsksCallersToComeBackWhileTheServerIsNotReady) {
  Backend backend(absl::UnixEpoch());
  EXPECT_EQ(InfoOf(ToGrpc(backend.Ready())).reason, "STARTING");
  EXPECT_TRUE(InfoOf(ToGrpc(backend.Ready())).retry);
  backend.Close();
  EXPECT_EQ(backend.Ready().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(InfoOf(ToGrpc(backend.Ready())).reason, "STOPPING");
}

}  // namespace
}  // namespace partnermetrics
