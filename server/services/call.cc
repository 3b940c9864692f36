#include "server/services/call.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/errors.h"
#include "server/queries/answer_size.h"

namespace partnermetrics {
namespace {

constexpr size_t kMaxMessageBytes = 1'000;
constexpr size_t kMaxDetailBytes = 4'000;

// Drops field violations from the end until the details fit, and says how many.
void DropViolations(google::rpc::Status& details) {
  for (auto& detail : *details.mutable_details()) {
    google::rpc::BadRequest bad;
    if (!detail.UnpackTo(&bad)) continue;
    auto* violations = bad.mutable_field_violations();
    int dropped = 0;
    while (violations->size() > 1 && details.ByteSizeLong() > kMaxDetailBytes) {
      violations->RemoveLast();
      ++dropped;
      detail.PackFrom(bad);
    }
    if (dropped == 0) return;
    google::rpc::BadRequest::FieldViolation more;
    more.set_description(absl::StrCat("and ", dropped, " more"));
    *violations->Add() = std::move(more);
    detail.PackFrom(bad);
  }
}

std::string FittingDetails(const absl::Status& status, const std::string& message) {
  std::string encoded = ErrorDetails(status);
  if (encoded.size() <= kMaxDetailBytes) return encoded;
  google::rpc::Status details;
  if (!details.ParseFromString(encoded)) return "";
  details.set_message(message);
  DropViolations(details);
  encoded = details.SerializeAsString();
  return encoded.size() <= kMaxDetailBytes ? encoded : "";
}

}  // namespace

absl::Status Authorize(const grpc::ServerContextBase& context, absl::string_view method) {
  return absl::OkStatus();
}

absl::Status Admit(const Backend& backend, const grpc::ServerContextBase& context, absl::string_view method) {
  RETURN_IF_ERROR(Authorize(context, method));
  return backend.Ready();
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message = Clip(status.message(), kMaxMessageBytes);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message, FittingDetails(status, message));
}

}  // namespace partnermetrics
