// Errors as people and scripts meet them: what went wrong, at which field, what to do next, and the exit code.
//
//   CallError error = ErrorOfCall(grpc_status, "127.0.0.1:7400");
//   PrintError(error, &command, Format::kTable, screen);
//   return static_cast<int>(ExitCodeOf(error.code));
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_ERRORS_H_
#define PARTNERMETRICS_CLIENTS_CLI_ERRORS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "clients/cli/command_table.h"
#include "clients/cli/text_layout.h"

namespace partnermetrics::cli {

// Documented in --help (kExitCodeHelp); scripts rely on the numbers.
enum class ExitCode {
  kOk = 0,
  kInternal = 1,
  kUsage = 2,
  kInvalidArgument = 3,
  kNotFound = 4,
  kConflict = 5,
  kNotAllowed = 6,
  kUnavailable = 7,
  kExhausted = 8,
  kPartial = 9,
  kRunFailed = 10,
  kCheckFailed = 11,
};

extern const char kExitCodeHelp[];

enum class Format { kTable, kJson, kCsv };

// A field that the server refused.
struct FieldProblem {
  std::string field;
  std::string description;
};

struct CallError {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string message;
  std::string reason;  // UPPER_SNAKE_CASE, for programs.
  std::string remedy;
  std::vector<FieldProblem> fields;
  absl::Duration retry_after = absl::ZeroDuration();  // Zero: must not be retried by itself.
};

// The error of a call: a grpc::Status as its code, message and the bytes of its details (a google.rpc.Status).
CallError ErrorOfCall(absl::StatusCode code, absl::string_view message, absl::string_view details,
                      absl::string_view server);

// A command line or input that no request can be made of.
CallError UsageError(absl::string_view message, absl::string_view remedy);

ExitCode ExitCodeOf(absl::StatusCode code);

// Prints the error: on `err` as text, or under -o json on `out` as {"error": {…}} so that every answer there is JSON.
// `command` (may be null) gives the flags that state the fields at fault.
void PrintError(const CallError& error, const Command* command, Format format, const Screen& screen);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_ERRORS_H_
