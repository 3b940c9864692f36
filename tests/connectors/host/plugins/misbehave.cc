// A plugin that does the wrong thing named by its setting "mode".
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "partnermetrics/connector.h"
#include "partnermetrics/v1/event.pb.h"

namespace {

namespace sdk = partnermetrics::sdk;

class Misbehave : public sdk::Connector {
 public:
  static constexpr char kName[] = "misbehave";
  static constexpr char kVersion[] = "1.0.0";
  static Description Describe() {
    return {.summary = "Does the wrong thing.",
            .settings = {{.name = "mode", .description = "What."}, {.name = "text", .description = "With what."}}};
  }

  Status Open(const Settings& settings) override {
    mode_ = settings.Get("mode");
    text_ = settings.Get("text");
    if (mode_ == "throw_in_open") throw std::runtime_error("no way to open");
    return {};
  }

  Status Read(std::string_view state, Reader& reader, Sink& sink) override {
    const std::map<std::string, std::function<Status()>> modes = {
        {"throw", []() -> Status { throw std::runtime_error("something odd"); }},
        {"throw_int", []() -> Status { throw 7; }},
        {"segfault",
         [] {
           std::raise(SIGSEGV);
           return Status();
         }},
        {"abort", []() -> Status { std::abort(); }},
        {"exit", []() -> Status { std::exit(3); }},
        {"crash_after_page", [&] { return CrashAfterPage(sink); }},
        {"loop", [] { return Loop(); }},
        {"poll_cancel", [&] { return PollCancel(sink); }},
        {"memory", [] { return TakeMemory(); }},
        {"open", [&] { return OpenFile(reader); }},
        {"many_files", [&] { return OpenMany(reader); }},
        {"grow", [&] { return ReadTwice(reader, sink); }},
        {"garbage", [] { return WriteToChannel(std::string(64, '\xff')); }},
        {"lying_length", [] { return WriteToChannel(std::string("\x10\0\0\0\2abcdefghijklmnop", 21)); }},
        {"close_channel",
         [] {
           ::close(3);
           return Loop();
         }},
        {"secret", [&] { return TellSecret(sink); }},
        {"environment", [&] { return ReportEnvironment(sink); }},
        {"descriptors", [&] { return ReportDescriptors(sink); }},
        {"socket", [] { return Forbidden(::socket(AF_INET, SOCK_STREAM, 0) < 0); }},
        {"fork", [] { return Forbidden(::fork() < 0); }},
        {"kill", [] { return Forbidden(::kill(::getppid(), 0) != 0); }},
        {"write_file", [&] { return Forbidden(::open(text_.c_str(), O_WRONLY | O_CREAT, 0600) < 0); }},
        {"thread",
         [] {
           std::thread([] {}).join();
           return Status();
         }},
    };
    return modes.at(mode_)();
  }

 private:
  static Status Loop() {
    const volatile bool forever = true;
    while (forever) {
    }
    return {};
  }

  static Status PollCancel(Sink& sink) {
    while (!sink.Cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return sdk::Cancelled();
  }

  static Status CrashAfterPage(Sink& sink) {
    PM_RETURN_IF_ERROR(sink.Skip({"a", 1, 0}, "rule"));
    PM_RETURN_IF_ERROR(sink.Commit("one"));
    std::fprintf(stderr, "about to crash\n");
    std::raise(SIGSEGV);
    return {};
  }

  static Status TakeMemory() {
    std::vector<std::unique_ptr<char[]>> all;
    while (true) all.push_back(std::make_unique<char[]>(64U << 20U));
  }

  Status OpenFile(Reader& reader) const {
    PM_ASSIGN_OR_RETURN(const std::unique_ptr<sdk::ByteSource> file, reader.Open(text_));
    return {};
  }

  Status OpenMany(Reader& reader) const {
    std::vector<std::unique_ptr<sdk::ByteSource>> files;
    while (true) {
      PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteSource> file, reader.Open(text_));
      files.push_back(std::move(file));
    }
  }

  // Reads one byte, hands over pages until the server has taken one, and takes no notice of what happened to the file.
  Status ReadTwice(Reader& reader, Sink& sink) const {
    PM_ASSIGN_OR_RETURN(const std::unique_ptr<sdk::ByteSource> file, reader.Open(text_));
    char byte = 0;
    PM_ASSIGN_OR_RETURN(const std::size_t got, file->ReadAt(0, &byte, 1));
    if (got != 1) return sdk::SourceError(text_, "the file is empty");
    for (std::uint64_t row = 1; row <= 3; ++row) {
      PM_RETURN_IF_ERROR(sink.Skip({text_, row, 0}, "rule"));
      PM_RETURN_IF_ERROR(sink.Commit("state"));
    }
    return {};
  }

  static Status WriteToChannel(const std::string& bytes) {
    if (::write(3, bytes.data(), bytes.size()) < 0) return sdk::InternalError("no channel");
    return Loop();
  }

  Status TellSecret(Sink& sink) const {
    std::fprintf(stderr, "stderr %s\n", text_.c_str());
    sink.Log(sdk::Level::kInfo, "log " + text_);
    sink.Problem(sdk::Level::kWarning, text_, text_, text_);
    return sdk::SourceError(text_, "error " + text_, text_);
  }

  Status ReportEnvironment(Sink& sink) const {
    const char* value = std::getenv(text_.c_str());
    sink.Log(sdk::Level::kInfo, value == nullptr ? "not set" : value);
    return {};
  }

  static Status ReportDescriptors(Sink& sink) {
    std::string open;
    for (int fd = 0; fd < 256; ++fd) {
      if (::fcntl(fd, F_GETFD) >= 0) open += std::to_string(fd) + " ";
    }
    sink.Log(sdk::Level::kInfo, open);
    return {};
  }

  static Status Forbidden(bool refused) { return refused ? Status() : sdk::InternalError("it was allowed"); }

  std::string mode_;
  std::string text_;
};

}  // namespace

PARTNERMETRICS_CONNECTOR(Misbehave)
