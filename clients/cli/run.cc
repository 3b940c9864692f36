#include "clients/cli/run.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "clients/cli/command_line.h"
#include "clients/cli/completion.h"
#include "clients/cli/generic_client.h"
#include "clients/cli/outcome.h"
#include "clients/cli/printers/printer.h"
#include "clients/cli/renderers/registry.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::Message;

constexpr absl::Duration kUnaryTimeout = absl::Seconds(30);

// Makes the requests of a call from --json and flags: one, or for methods that take a stream one per line of input.
class RequestSource {
 public:
  RequestSource(const Invocation& invocation, const Environment& environment)
      : invocation_(invocation), environment_(environment) {}

  // Opens --json's file.
  absl::Status Open() {
    const bool streaming = invocation_.command->client_streaming;
    const std::string json = invocation_.options.json.value_or(streaming ? "-" : "");
    input_ = environment_.in;
    if (json == "-") return absl::OkStatus();
    absl::string_view path = json;
    if (absl::ConsumePrefix(&path, "@")) {
      auto file = std::make_unique<std::ifstream>(std::string(path));
      if (!*file) return absl::InvalidArgumentError(absl::StrCat("--json: cannot read the file ", path));
      owned_input_ = std::move(file);
    } else {
      owned_input_ = std::make_unique<std::istringstream>(json);
    }
    input_ = owned_input_.get();
    return absl::OkStatus();
  }

  // False at the end or after an error, which status() then has.
  bool Next(Message* request) {
    request->Clear();
    const bool streaming = invocation_.command->client_streaming;
    if (!(streaming ? NextOfStream(request) : OnlyOne(request))) return false;
    if (status_.ok()) status_ = ApplyFlags(invocation_.flags, environment_.time, request);
    return status_.ok();
  }

  const absl::Status& status() const { return status_; }

 private:
  bool OnlyOne(Message* request) {
    if (std::exchange(line_, 1) != 0) return false;
    if (!invocation_.options.json.has_value()) return true;
    std::stringstream text;
    text << input_->rdbuf();
    status_ = ParseJsonRequest(text.str(), request);
    return status_.ok();
  }

  bool NextOfStream(Message* request) {
    std::string text;
    while (std::getline(*input_, text)) {
      ++line_;
      if (absl::StripAsciiWhitespace(text).empty()) continue;
      status_ = ParseJsonRequest(text, request);
      if (!status_.ok()) {
        status_ = absl::InvalidArgumentError(absl::StrCat("line ", line_, " of the requests: ", status_.message()));
      }
      return status_.ok();
    }
    return false;
  }

  const Invocation& invocation_;
  const Environment& environment_;
  std::istream* input_ = nullptr;
  std::unique_ptr<std::istream> owned_input_;
  int64_t line_ = 0;
  absl::Status status_;
};

std::unique_ptr<Printer> NewPrinter(const Command& command, Format format, const Screen& screen) {
  switch (format) {
    case Format::kJson:
      return NewJsonPrinter(command, screen);
    case Format::kCsv:
      return NewCsvPrinter(command, screen);
    case Format::kTable:
      break;
  }
  return command.renderer.empty() ? NewTablePrinter(command, screen) : NewRenderer(command.renderer, screen);
}

// One command from its request to its exit code.
class CommandRun {
 public:
  CommandRun(const Invocation& invocation, const Environment& environment, const Screen& screen)
      : invocation_(invocation), environment_(environment), screen_(screen) {}

  ExitCode Run() {
    const Command& command = *invocation_.command;
    RequestSource requests(invocation_, environment_);
    if (absl::Status status = requests.Open(); !status.ok()) return UsageFailure(status);
    // A request that cannot be made shall not open a connection.
    auto first = NewMessage(command.request());
    bool has_first = requests.Next(first.get());
    if (!requests.status().ok()) return UsageFailure(requests.status());

    printer_ = NewPrinter(command, invocation_.options.format, screen_);
    if (printer_ == nullptr) {
      return Failure(absl::StatusCode::kInternal, absl::StrCat("no renderer is called ", command.renderer), "");
    }
    const grpc::Status status = GenericClient(invocation_.options.server)
                                    .Call(
                                        command, Timeout(),
                                        [&](Message* request) {
                                          if (!std::exchange(has_first, false)) return requests.Next(request);
                                          request->GetReflection()->Swap(request, first.get());
                                          return true;
                                        },
                                        [&](const Message& response) { return Show(response); });
    if (status.ok()) printer_->Finish();
    printer_.reset();
    if (!requests.status().ok()) return UsageFailure(requests.status());
    if (!print_status_.ok()) return Failure(print_status_.code(), print_status_.message(), "");
    if (status.ok()) return outcome_;
    return Failure(static_cast<absl::StatusCode>(status.error_code()), status.error_message(), status.error_details());
  }

 private:
  absl::Duration Timeout() const {
    const Command& command = *invocation_.command;
    const bool streaming = command.client_streaming || command.server_streaming;
    return invocation_.options.timeout.value_or(streaming ? absl::InfiniteDuration() : kUnaryTimeout);
  }

  bool Show(const Message& response) {
    outcome_ = std::max(outcome_, OutcomeOf(response));
    print_status_ = printer_->Print(response);
    return print_status_.ok();
  }

  ExitCode Failure(absl::StatusCode code, absl::string_view message, absl::string_view details) {
    PrintError(ErrorOfCall(code, message, details, invocation_.options.server), invocation_.command,
               invocation_.options.format, screen_);
    return ExitCodeOf(code);
  }

  ExitCode UsageFailure(const absl::Status& status) {
    PrintError(UsageError(status.message(), absl::StrCat("see partnerctl ", invocation_.command->words, " --help")),
               nullptr, invocation_.options.format, screen_);
    return ExitCode::kUsage;
  }

  const Invocation& invocation_;
  const Environment& environment_;
  const Screen& screen_;
  std::unique_ptr<Printer> printer_;
  absl::Status print_status_;
  ExitCode outcome_ = ExitCode::kOk;
};

}  // namespace

int RunPartnerctl(absl::Span<const Command> commands, const std::vector<std::string>& args,
                  const Environment& environment) {
  if (!args.empty() && args.front() == kCompleteCommand) {
    *environment.screen.out << CompletionText(commands, {args.begin() + 1, args.end()}) << std::flush;
    return static_cast<int>(ExitCode::kOk);
  }
  const Invocation invocation = ParseCommandLine(commands, args);
  Screen screen = environment.screen;
  if (invocation.options.color != "auto") screen.color = invocation.options.color == "always";
  screen.quiet |= invocation.options.quiet;
  if (invocation.usage_error.has_value()) {
    PrintError(*invocation.usage_error, nullptr, invocation.options.format, screen);
    return static_cast<int>(ExitCode::kUsage);
  }
  if (invocation.command == nullptr) {
    *screen.out << invocation.text << std::flush;
    return static_cast<int>(ExitCode::kOk);
  }
  return static_cast<int>(CommandRun(invocation, environment, screen).Run());
}

}  // namespace partnermetrics::cli
