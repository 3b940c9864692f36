#include "clients/cli/errors.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/clients/cli/output_test_support.h"
#include "tests/clients/cli/table_of.h"

namespace partnermetrics::cli {
namespace {

std::string Details() {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  info.set_reason("INVALID_FIELDS");
  (*info.mutable_metadata())["remedy"] = "correct the fields and send the request again";
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("partner.name");
  violation->set_description("must not be empty");
  violation = bad.add_field_violations();
  violation->set_field("partner.labels[0].key");
  violation->set_description("\"ä\nb\" is not a key");
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(500000000);
  status.add_details()->PackFrom(info);
  status.add_details()->PackFrom(bad);
  status.add_details()->PackFrom(retry);
  return status.SerializeAsString();
}

TEST(ErrorsTest, TextSaysWhatWhereAndWhatToDo) {
  TestScreen test;
  const CallError error =
      ErrorOfCall(absl::StatusCode::kInvalidArgument, "2 fields are wrong", Details(), "127.0.0.1:7400");
  PrintError(error, &CommandOf(Commands(), "partner create"), Format::kTable, test.screen);
  EXPECT_EQ(test.out.str(), "");
  EXPECT_EQ(test.err.str(), R"(error: 2 fields are wrong (INVALID_FIELDS)
  partner.name (--partner-name): must not be empty
  partner.labels[0].key: "ä\nb" is not a key
  What to do: correct the fields and send the request again
  Try again in 500ms.
)");
}

TEST(ErrorsTest, JsonIsJsonAndGoesToStandardOutput) {
  TestScreen test;
  const CallError error = ErrorOfCall(absl::StatusCode::kInvalidArgument, "say \"please\"\t", Details(), "");
  PrintError(error, nullptr, Format::kJson, test.screen);
  EXPECT_EQ(test.err.str(), "");
  google::protobuf::Struct json;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(test.out.str(), &json).ok()) << test.out.str();
  const auto& fields = json.fields().at("error").struct_value().fields();
  EXPECT_EQ(fields.at("code").string_value(), "INVALID_ARGUMENT");
  EXPECT_EQ(fields.at("message").string_value(), "say \"please\"\t");
  EXPECT_EQ(fields.at("reason").string_value(), "INVALID_FIELDS");
  EXPECT_EQ(fields.at("retry_after_seconds").number_value(), 0.5);
  EXPECT_EQ(fields.at("fields").list_value().values(1).struct_value().fields().at("description").string_value(),
            "\"ä\nb\" is not a key");
}

TEST(ErrorsTest, UnreachableServersAreNamed) {
  const CallError error = ErrorOfCall(absl::StatusCode::kUnavailable, "connection refused", "", "host:1");
  EXPECT_EQ(error.remedy,
            "see that partnerd runs and listens at host:1; name another server with --server HOST:PORT or "
            "PARTNERCTL_SERVER");
}

TEST(ErrorsTest, DamagedDetailsLeaveTheMessage) {
  const CallError error = ErrorOfCall(absl::StatusCode::kNotFound, "no such partner", "\xff\xff", "");
  EXPECT_EQ(error.message, "no such partner");
  EXPECT_TRUE(error.fields.empty());
}

TEST(ErrorsTest, ExitCodesByClass) {
  const std::pair<absl::StatusCode, int> expected[] = {
      {absl::StatusCode::kOk, 0},
      {absl::StatusCode::kUnknown, 1},
      {absl::StatusCode::kInternal, 1},
      {absl::StatusCode::kUnimplemented, 1},
      {absl::StatusCode::kInvalidArgument, 3},
      {absl::StatusCode::kOutOfRange, 3},
      {absl::StatusCode::kNotFound, 4},
      {absl::StatusCode::kAlreadyExists, 5},
      {absl::StatusCode::kAborted, 5},
      {absl::StatusCode::kFailedPrecondition, 5},
      {absl::StatusCode::kPermissionDenied, 6},
      {absl::StatusCode::kUnauthenticated, 6},
      {absl::StatusCode::kUnavailable, 7},
      {absl::StatusCode::kDeadlineExceeded, 7},
      {absl::StatusCode::kResourceExhausted, 8},
  };
  for (const auto& [code, exit_code] : expected) {
    EXPECT_EQ(static_cast<int>(ExitCodeOf(code)), exit_code) << absl::StatusCodeToString(code);
    EXPECT_NE(std::string(kExitCodeHelp).find("\n  " + std::to_string(exit_code) + " "), std::string::npos);
  }
}

}  // namespace
}  // namespace partnermetrics::cli
