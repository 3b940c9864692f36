// Passing errors on.
//
//   RETURN_IF_ERROR(log->Check());                              // absl::Status
//   ASSIGN_OR_RETURN(uint64_t position, log->Append(batch));    // absl::StatusOr<uint64_t>
//
// A type with a comma in it stands in parentheses: ASSIGN_OR_RETURN((std::pair<int, int> p), Pair());
#ifndef PARTNERMETRICS_STORAGE_STATUS_MACROS_H_
#define PARTNERMETRICS_STORAGE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define PM_CONCAT_INNER(a, b) a##b
#define PM_CONCAT(a, b) PM_CONCAT_INNER(a, b)

// Strips the parentheses that protect a comma in the first argument of ASSIGN_OR_RETURN; without them it is a no-op.
#define PM_UNPARENTHESIZE(x) PM_STRIP_MARK(PM_MARK_IF_PAREN x)
#define PM_MARK_IF_PAREN(...) PM_MARK_IF_PAREN __VA_ARGS__
#define PM_STRIP_MARK(...) PM_CONCAT_VARIADIC(PM_EMPTY_, __VA_ARGS__)
#define PM_CONCAT_VARIADIC(a, ...) a##__VA_ARGS__
#define PM_EMPTY_PM_MARK_IF_PAREN

#define RETURN_IF_ERROR(expression)                               \
  do {                                                            \
    if (absl::Status pm_status = (expression); !pm_status.ok()) { \
      return pm_status;                                           \
    }                                                             \
  } while (false)

#define PM_ASSIGN_OR_RETURN(result, target, expression) \
  auto result = (expression);                           \
  if (!result.ok()) {                                   \
    return std::move(result).status();                  \
  }                                                     \
  PM_UNPARENTHESIZE(target) = std::move(result).value()

#define ASSIGN_OR_RETURN(target, ...) PM_ASSIGN_OR_RETURN(PM_CONCAT(pm_result_, __LINE__), target, (__VA_ARGS__))

#endif  // PARTNERMETRICS_STORAGE_STATUS_MACROS_H_
