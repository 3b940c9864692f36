#include "clients/cli/errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace partnermetrics::cli {
namespace {

// Text as a JSON string. Bytes that are not ASCII stay as they are: messages are UTF-8.
std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string JsonOf(const CallError& error) {
  std::string out =
      absl::StrCat("{\"error\": {\"code\": ", JsonString(absl::StatusCodeToString(error.code)),
                   ", \"message\": ", JsonString(error.message), ", \"reason\": ", JsonString(error.reason),
                   ", \"remedy\": ", JsonString(error.remedy), ", \"fields\": [");
  for (size_t i = 0; i < error.fields.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? "" : ", ", "{\"field\": ", JsonString(error.fields[i].field),
                    ", \"description\": ", JsonString(error.fields[i].description), "}");
  }
  absl::StrAppend(&out, "]");
  if (error.retry_after > absl::ZeroDuration()) {
    absl::StrAppend(&out, ", \"retry_after_seconds\": ", absl::ToDoubleSeconds(error.retry_after));
  }
  return out + "}}";
}

// "--partner-name" for partner.name, when the command has such a flag.
std::string FlagOf(const Command* command, absl::string_view field) {
  if (command == nullptr) return "";
  for (const Flag& flag : command->flags) {
    if (flag.field == field) return absl::StrCat("--", flag.name);
  }
  return "";
}

void PrintText(const CallError& error, const Command* command, const Screen& screen) {
  std::ostream& out = *screen.err;
  out << Paint(screen, Style::kBad, "error:") << " " << EscapeControls(error.message);
  if (!error.reason.empty()) out << " (" << EscapeControls(error.reason) << ")";
  out << "\n";
  for (const FieldProblem& problem : error.fields) {
    const std::string flag = FlagOf(command, problem.field);
    out << "  " << EscapeControls(problem.field) << (flag.empty() ? "" : absl::StrCat(" (", flag, ")")) << ": "
        << EscapeControls(problem.description) << "\n";
  }
  if (!error.remedy.empty()) out << "  What to do: " << EscapeControls(error.remedy) << "\n";
  if (error.retry_after > absl::ZeroDuration()) {
    out << "  Try again in " << absl::FormatDuration(error.retry_after) << ".\n";
  }
}

// What helps when the server itself said nothing about it.
std::string DefaultRemedy(absl::StatusCode code, absl::string_view server) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return absl::StrCat("see that partnerd runs and listens at ", server,
                          "; name another server with --server HOST:PORT or PARTNERCTL_SERVER");
    case absl::StatusCode::kDeadlineExceeded:
      return "give the call more time with --timeout, such as --timeout 2m";
    case absl::StatusCode::kUnimplemented:
      return "the server does not know this command; run partnerctl status to compare its version with this one's";
    default:
      return "";
  }
}

}  // namespace

const char kExitCodeHelp[] =
    "Exit codes:\n"
    "  0   done\n"
    "  1   internal error, or one of unknown kind\n"
    "  2   the command line or its input is wrong; nothing was sent\n"
    "  3   the server refused a value\n"
    "  4   not found\n"
    "  5   the state does not allow it: exists already, changed meanwhile, runs already\n"
    "  6   not allowed\n"
    "  7   the server cannot be reached or did not answer in time\n"
    "  8   the server is full; try again\n"
    "  9   done in part: records or events were rejected\n"
    "  10  a run failed, was cancelled or interrupted\n"
    "  11  a check found problems or differences";

CallError ErrorOfCall(absl::StatusCode code, absl::string_view message, absl::string_view details,
                      absl::string_view server) {
  CallError error;
  error.code = code;
  error.message = message.empty() ? absl::StatusCodeToString(code) : std::string(message);
  google::rpc::Status status;
  if (status.ParseFromArray(details.data(), static_cast<int>(details.size()))) {
    for (const google::protobuf::Any& detail : status.details()) {
      google::rpc::ErrorInfo info;
      google::rpc::BadRequest bad_request;
      google::rpc::RetryInfo retry;
      if (detail.UnpackTo(&info)) {
        error.reason = info.reason();
        const auto remedy = info.metadata().find("remedy");
        if (remedy != info.metadata().end()) error.remedy = remedy->second;
      } else if (detail.UnpackTo(&bad_request)) {
        for (const auto& violation : bad_request.field_violations()) {
          error.fields.push_back({violation.field(), violation.description()});
        }
      } else if (detail.UnpackTo(&retry)) {
        error.retry_after =
            absl::Seconds(retry.retry_delay().seconds()) + absl::Nanoseconds(retry.retry_delay().nanos());
      }
    }
  }
  if (error.remedy.empty() && error.retry_after == absl::ZeroDuration()) error.remedy = DefaultRemedy(code, server);
  return error;
}

CallError UsageError(absl::string_view message, absl::string_view remedy) {
  CallError error;
  error.code = absl::StatusCode::kInvalidArgument;
  error.message = std::string(message);
  error.reason = "USAGE";
  error.remedy = std::string(remedy);
  return error;
}

ExitCode ExitCodeOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return ExitCode::kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return ExitCode::kInvalidArgument;
    case absl::StatusCode::kNotFound:
      return ExitCode::kNotFound;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition:
      return ExitCode::kConflict;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kNotAllowed;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kUnavailable;
    case absl::StatusCode::kResourceExhausted:
      return ExitCode::kExhausted;
    default:
      return ExitCode::kInternal;
  }
}

void PrintError(const CallError& error, const Command* command, Format format, const Screen& screen) {
  if (format == Format::kJson) {
    *screen.out << JsonOf(error) << std::endl;
  } else {
    PrintText(error, command, screen);
  }
}

}  // namespace partnermetrics::cli
