#include "server/base/errors.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace partnermetrics {
namespace {

constexpr char kDetailsUrl[] = "type.googleapis.com/google.rpc.Status";
constexpr char kDomain[] = "partnermetrics";
constexpr size_t kMaxFieldErrors = 30;

absl::Status WithDetails(absl::StatusCode code, absl::string_view message, google::rpc::Status details) {
  details.set_code(static_cast<int>(code));
  details.set_message(std::string(message));
  absl::Status status(code, message);
  status.SetPayload(kDetailsUrl, absl::Cord(details.SerializeAsString()));
  return status;
}

google::rpc::ErrorInfo Info(absl::string_view reason, absl::string_view remedy) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(kDomain);
  if (!remedy.empty()) (*info.mutable_metadata())["remedy"] = std::string(remedy);
  return info;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message,
                       absl::string_view remedy) {
  google::rpc::Status details;
  details.add_details()->PackFrom(Info(reason, remedy));
  return WithDetails(code, message, std::move(details));
}

absl::Status InvalidFields(const std::vector<FieldError>& errors) {
  google::rpc::BadRequest bad;
  for (size_t i = 0; i < std::min(errors.size(), kMaxFieldErrors); ++i) {
    auto* violation = bad.add_field_violations();
    violation->set_field(errors[i].field);
    violation->set_description(errors[i].description);
  }
  const FieldError& first = errors.front();
  std::string message = absl::StrCat(first.field, ": ", first.description);
  if (errors.size() > 1) absl::StrAppend(&message, " (and ", errors.size() - 1, " more)");
  google::rpc::Status details;
  details.add_details()->PackFrom(Info(first.reason, ""));
  details.add_details()->PackFrom(bad);
  return WithDetails(absl::StatusCode::kInvalidArgument, message, std::move(details));
}

absl::Status InvalidField(absl::string_view field, absl::string_view reason, absl::string_view description) {
  return InvalidFields({{std::string(field), std::string(reason), std::string(description)}});
}

absl::Status RetryLater(absl::StatusCode code, absl::string_view reason, absl::string_view message, int retry_ms) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(retry_ms / 1000);
  retry.mutable_retry_delay()->set_nanos(retry_ms % 1000 * 1'000'000);
  google::rpc::Status details;
  details.add_details()->PackFrom(Info(reason, ""));
  details.add_details()->PackFrom(retry);
  return WithDetails(code, message, std::move(details));
}

std::string ErrorDetails(const absl::Status& status) {
  if (auto payload = status.GetPayload(kDetailsUrl); payload.has_value()) return std::string(*payload);
  return "";
}

}  // namespace partnermetrics
