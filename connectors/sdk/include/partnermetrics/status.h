// Outcomes of SDK calls: a Status names where something is wrong, what, and what to do about it; a Result holds a value
// or a Status. The SDK uses the standard library alone, so that a plugin is free in what else it links.
//
//   Result<int> ParseCount(std::string_view text) {
//     if (text.empty()) return SourceError("Deals.csv:17", "the column Count is empty");
//     ...
//   }
//   PM_ASSIGN_OR_RETURN(int count, ParseCount(text));
//
// Values; safe to use from one thread at a time.
#ifndef PARTNERMETRICS_STATUS_H_
#define PARTNERMETRICS_STATUS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "partnermetrics/connector_abi.h"

namespace partnermetrics::sdk {

enum class Code : std::int32_t {
  kOk = PM_OK,
  kCancelled = PM_CANCELLED,
  kBadSetting = PM_BAD_SETTING,
  kBadState = PM_BAD_STATE,
  kSource = PM_SOURCE,
  kRetry = PM_RETRY,
  kLimit = PM_LIMIT,
  kUnsupported = PM_UNSUPPORTED,
  kInternal = PM_INTERNAL,
};

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  Status(Code code, std::string where, std::string message, std::string remedy = {})
      : code_(code), where_(std::move(where)), message_(std::move(message)), remedy_(std::move(remedy)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& where() const { return where_; }
  const std::string& message() const { return message_; }
  const std::string& remedy() const { return remedy_; }

 private:
  Code code_ = Code::kOk;
  std::string where_, message_, remedy_;
};

inline Status OkStatus() {
  return {};
}
inline Status Cancelled() {
  return {Code::kCancelled, {}, "the run was cancelled"};
}
// A setting is missing or wrong.
inline Status BadSetting(std::string name, std::string message, std::string remedy = {}) {
  return {Code::kBadSetting, std::move(name), std::move(message), std::move(remedy)};
}
// The state to resume from is damaged or of another version.
inline Status BadState(std::string message) {
  return {Code::kBadState, "state", std::move(message), "start a run from scratch"};
}
// The source cannot be read or is truncated.
inline Status SourceError(std::string where, std::string message, std::string remedy = {}) {
  return {Code::kSource, std::move(where), std::move(message), std::move(remedy)};
}
// The same run may work later.
inline Status RetryLater(std::string where, std::string message, std::string remedy = {}) {
  return {Code::kRetry, std::move(where), std::move(message), std::move(remedy)};
}
inline Status LimitExceeded(std::string where, std::string message, std::string remedy = {}) {
  return {Code::kLimit, std::move(where), std::move(message), std::move(remedy)};
}
// The source has a form that the plugin does not read.
inline Status Unsupported(std::string where, std::string message, std::string remedy = {}) {
  return {Code::kUnsupported, std::move(where), std::move(message), std::move(remedy)};
}
inline Status InternalError(std::string message) {
  return {Code::kInternal, {}, std::move(message)};
}

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}          // NOLINT: converts, so that functions just return
  Result(Status status) : status_(std::move(status)) {}  // NOLINT; status must not be OK

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return std::move(*value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace partnermetrics::sdk

#define PM_CONCAT_INNER(a, b) a##b
#define PM_CONCAT(a, b) PM_CONCAT_INNER(a, b)

// Leaves the function with the Status of `expression` unless it is OK.
#define PM_RETURN_IF_ERROR(expression)                                                             \
  do {                                                                                             \
    if (::partnermetrics::sdk::Status pm_status = (expression); !pm_status.ok()) return pm_status; \
  } while (false)

// Declares or assigns `target` from a Result, or leaves the function with its Status.
#define PM_ASSIGN_OR_RETURN(target, expression) \
  PM_ASSIGN_OR_RETURN_INNER(PM_CONCAT(pm_result_, __LINE__), target, expression)
#define PM_ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                                 \
  if (!result.ok()) return result.status();                   \
  target = std::move(result).value()

#endif  // PARTNERMETRICS_STATUS_H_
