// A plugin that does the wrong thing named by its setting "mode".
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <sstream>
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

  ~Misbehave() override {
    while (mode_ == "sleep_in_close") std::this_thread::sleep_for(std::chrono::seconds(1));
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
        {"deals", [&] { return Deals(state, reader, sink); }},
        {"tiny_pages", [&] { return TinyPages(sink); }},
        {"rejects", [&] { return Rejects(sink); }},
        {"other_source", [&] { return OtherSource(sink); }},
        {"odd_events", [&] { return OddEvents(sink); }},
        {"gigabyte", [] { return WriteGigabyte(); }},
        {"sleep_in_close", [] { return Status(); }},
        {"close_streams",
         [&] {
           for (const int stream : {0, 1, 2}) ::close(stream);
           return Deals(state, reader, sink);
         }},
        {"thread",
         [] {
           std::thread([] {}).join();
           return Status();
         }},
    };
    return modes.at(mode_)();
  }

 private:
  // As many as the file "deals.txt" says, at the revision behind it: "500 1". Pages of ten, slowly.
  static Status Deals(std::string_view state, Reader& reader, Sink& sink) {
    PM_ASSIGN_OR_RETURN(const std::unique_ptr<sdk::ByteSource> file, reader.Open("deals.txt"));
    std::string text(64, '\0');
    PM_ASSIGN_OR_RETURN(const std::size_t got, file->ReadAt(0, text.data(), text.size()));
    std::istringstream numbers(text.substr(0, got));
    std::uint64_t count = 0;
    std::int64_t revision = 0;
    numbers >> count >> revision;
    for (std::uint64_t n = state.empty() ? 1 : std::stoull(std::string(state)) + 1; n <= count; ++n) {
      PM_RETURN_IF_ERROR(sink.Emit({"deals.txt", n, 0}, "raw", Deal("d" + std::to_string(n), revision)));
      if (n % 10 != 0 && n != count) continue;
      PM_RETURN_IF_ERROR(sink.Commit(std::to_string(n)));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
  }

  static partnermetrics::v1::Event Deal(const std::string& id, std::int64_t revision) {
    partnermetrics::v1::Event event;
    event.set_record_id(id);
    event.set_revision(revision);
    event.mutable_deal()->set_name("deal " + id + " of " + std::to_string(revision));
    return event;
  }

  Status TinyPages(Sink& sink) const {
    for (std::uint64_t n = 1; n <= std::stoull(text_); ++n) {
      PM_RETURN_IF_ERROR(sink.Skip({"tiny", n, 0}, "tiny"));
      PM_RETURN_IF_ERROR(sink.Commit(std::to_string(n)));
    }
    return {};
  }

  // "1000000 10": so many, with so many bytes each.
  Status Rejects(Sink& sink) const {
    std::istringstream numbers(text_);
    std::uint64_t count = 0;
    std::size_t bytes = 0;
    numbers >> count >> bytes;
    const std::string raw(bytes, 'x');
    for (std::uint64_t n = 1; n <= count; ++n) {
      PM_RETURN_IF_ERROR(sink.Reject({"rejects", n, 0}, raw, "amount", "bad_number", "is no number"));
      PM_RETURN_IF_ERROR(sink.Checkpoint(std::to_string(n)));
    }
    return {};
  }

  static Status OtherSource(Sink& sink) {
    partnermetrics::v1::Event event = Deal("d1", 99);
    event.set_source("journal");
    return sink.Emit({"other", 1, 0}, "raw", event);
  }

  static Status OddEvents(Sink& sink) {
    std::vector<partnermetrics::v1::Event> odd;
    odd.push_back(Deal("", 1));
    odd.push_back(Deal("twice", 1));
    odd.push_back(Deal("twice", 1));
    for (const int year : {0, 1970, 9999, -1}) {
      odd.push_back(Deal("year" + std::to_string(year), 1));
      odd.back().mutable_deal()->mutable_expected_close_on()->set_year(year);
      odd.back().mutable_deal()->mutable_expected_close_on()->set_month(1);
      odd.back().mutable_deal()->mutable_expected_close_on()->set_day(1);
    }
    odd.push_back(Deal("instant", 1));
    odd.back().mutable_deal()->mutable_created_at()->set_seconds(std::numeric_limits<std::int64_t>::max());
    odd.push_back(Deal("money", 1));
    odd.back().mutable_deal()->mutable_amount()->set_units(std::numeric_limits<std::int64_t>::min());
    odd.back().mutable_deal()->mutable_amount()->set_nanos(-2'000'000'000);
    odd.push_back(Deal("revision", std::numeric_limits<std::int64_t>::min()));
    std::uint64_t row = 0;
    for (const partnermetrics::v1::Event& event : odd) {
      PM_RETURN_IF_ERROR(sink.Emit({"odd", ++row, 0}, "raw", event));
    }
    // An EventBatch with an event whose record_id is no UTF-8; and bytes that are no batch.
    PM_RETURN_IF_ERROR(sink.EmitSerialized({"odd", ++row, 0}, "\xff", std::string("\x0a\x04\x1a\x02\xff\xfe", 6)));
    return sink.EmitSerialized({"odd", ++row, 0}, "raw", "\xff\xff\xff");
  }

  // A frame that claims a gigabyte, and delivers it.
  static Status WriteGigabyte() {
    std::string zeros("\x00\x00\x00\x40\x02", 5);
    zeros.resize(1 << 20);
    for (int i = 0; i < 1024; ++i) {
      if (::write(3, zeros.data(), zeros.size()) < 0) break;
    }
    return Loop();
  }

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
