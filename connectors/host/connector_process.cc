#include "connectors/host/connector_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "connectors/host/child_process.h"
#include "connectors/host/folder.h"

namespace partnermetrics::connectors {
namespace {

using Clock = std::chrono::steady_clock;
using Outcome = ConnectorEnd::Outcome;

constexpr std::size_t kReceiveBytes = 256U << 10U;
constexpr std::size_t kListBytes = 256U << 10U;  // of one kFiles frame, roughly
constexpr std::size_t kMaxErrorLine = 4096;      // of stderr
constexpr std::size_t kMaxLastOutput = 4096;     // kept of stderr
constexpr std::size_t kMinSecret = 4;            // shorter ones would blank half of every message
constexpr int kSendTimeoutMs = 10'000;
constexpr auto kLookPeriod = std::chrono::seconds(1);  // at what the process uses
constexpr auto kExitGrace = std::chrono::seconds(5);   // between "done" and the end of the process

// One command: the loop between a plugin's process and a handler.
class Session {
 public:
  Session(const ConnectorProcessOptions& options, ConnectorHandler* handler, const std::atomic<bool>& cancelled,
          int cancel_event, ChildProcess child)
      : options_(options),
        handler_(handler),
        cancelled_(cancelled),
        cancel_event_(cancel_event),
        child_(std::move(child)) {}

  ConnectorEnd Run(const Start& start) {
    SendToChild(Encode(start));
    reads_ = start.command == Command::kRead;
    StillAlive();
    GotPage();
    while (!exited_ && !stop_) Step();
    child_.Kill();  // also what it may have started and left behind
    const ChildProcess::Ended ended = child_.Wait();
    while (!stop_ && ReceiveFrames()) {
    }
    while (ReceiveErrors()) {
    }
    FlushErrorLine();
    ConnectorEnd end = End(ended.status);
    end.cpu_time = ended.cpu_time;
    end.peak_memory_bytes = std::max(end.peak_memory_bytes, peak_memory_bytes_);
    end.peak_open_files = peak_open_files_;
    end.last_output = last_output_;
    return end;
  }

 private:
  // Waits for something to happen, and handles it.
  void Step() {
    std::array<pollfd, 4> polls = {{{channel_open_ ? child_.channel() : -1, POLLIN, 0},
                                    {errors_open_ ? child_.stderr_pipe() : -1, POLLIN, 0},
                                    {child_.exited(), POLLIN, 0},
                                    {cancel_sent_ ? -1 : cancel_event_, POLLIN, 0}}};
    const auto until = std::min(Deadline(), next_look_);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    const int ready =
        ::poll(polls.data(), polls.size(), static_cast<int>(std::clamp<std::int64_t>(left + 1, 0, 60'000)));
    if (ready < 0 && errno != EINTR) return Stop(Outcome::kFailed, PM_INTERNAL, std::strerror(errno), "");
    if (ready > 0) {
      if (polls[1].revents != 0) ReceiveErrors();
      if (polls[3].revents != 0) SendCancel();
      if (polls[0].revents != 0) ReceiveFrames();
      exited_ = polls[2].revents != 0;
    }
    if (!exited_ && Clock::now() >= Deadline()) TimeOut();
    if (!exited_ && Clock::now() >= next_look_) Look();
  }

  // At what the process uses: of one that is killed nobody else tells.
  void Look() {
    next_look_ = Clock::now() + kLookPeriod;
    const ProcessUse use = child_.Use();
    peak_memory_bytes_ = std::max(peak_memory_bytes_, use.peak_memory_bytes);
    peak_open_files_ = std::max(peak_open_files_, use.open_files);
    handler_->OnUse(use);
  }

  // When the plugin's time is up. Once it is done or was told to stop, reading on is no longer its task.
  Clock::time_point Deadline() const {
    return reads_ && !done_ && !cancel_sent_ ? std::min(deadline_, idle_deadline_) : deadline_;
  }

  void GotPage() { idle_deadline_ = Clock::now() + absl::ToChronoNanoseconds(options_.idle_timeout); }

  void StillAlive() {
    if (done_ || cancel_sent_) return;  // from then on the deadline stands
    deadline_ = Clock::now() + absl::ToChronoNanoseconds(options_.stall_timeout);
  }

  void TimeOut() {
    if (done_) {
      stop_ = true;  // it said how it ended; only its process would not go
    } else if (cancel_sent_) {
      Stop(Outcome::kCancelled, PM_CANCELLED, "the run was cancelled and the plugin, which did not stop, was ended",
           "");
    } else if (Clock::now() < deadline_) {
      Stop(Outcome::kStalled, PM_RETRY,
           absl::StrCat("the plugin read no records for ", absl::FormatDuration(options_.idle_timeout),
                        ", although it lives, and was ended"),
           "look at its log for what it does");
    } else {
      Stop(Outcome::kStalled, PM_RETRY,
           absl::StrCat("the plugin gave no sign of life for ", absl::FormatDuration(options_.stall_timeout),
                        " and was ended"),
           "look at its log for what it did last");
    }
  }

  void Stop(Outcome outcome, std::int32_t code, std::string message, std::string remedy) {
    if (stop_) return;
    stop_ = true;
    result_.outcome = outcome;
    result_.code = code;
    result_.message = std::move(message);
    result_.remedy = std::move(remedy);
  }

  void BrokeProtocol(absl::string_view why) {
    Stop(Outcome::kCrashed, PM_INTERNAL, absl::StrCat("the plugin's process sent nonsense: ", why),
         "the plugin damages the memory of its process; report this to its author");
  }

  void SendToChild(const std::string& bytes, int attached = kNoDescriptor) {
    // A closed channel is no error here: how the process ended tells more.
    if (absl::IsUnavailable(SendFrame(child_.channel(), bytes, attached, kSendTimeoutMs))) TimeOut();
  }

  void SendCancel() {
    if (cancel_sent_ || done_) return;
    SendToChild(EncodeCancel());
    cancel_sent_ = true;
    deadline_ = Clock::now() + absl::ToChronoNanoseconds(options_.cancel_grace);
  }

  // Receives once; false when nothing is there, now or any more.
  bool ReceiveFrames() {
    const ssize_t got = ::recv(child_.channel(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) channel_open_ = false;
    if (got <= 0) return false;
    decoder_.Append({buffer_.data(), static_cast<std::size_t>(got)});
    Frame frame;
    while (!stop_) {
      const absl::StatusOr<bool> found = decoder_.Next(&frame);
      if (!found.ok()) BrokeProtocol(found.status().message());
      if (!found.ok() || !*found) break;
      if (absl::Status status = Take(frame); !status.ok()) BrokeProtocol(status.message());
      handler_->OnAlive();
      StillAlive();
    }
    return true;
  }

  // Handles a frame; an error means that the frame made no sense.
  absl::Status Take(const Frame& frame) {
    if (done_) return absl::InvalidArgumentError("a frame after the end");
    switch (frame.type) {
      case FrameType::kHello:
        return With(DecodeHello(frame.payload), [&](Hello& hello) { handler_->OnHello(hello); });
      case FrameType::kPage:
        return With(DecodePage(frame.payload), [&](Page& page) { TakePage(page); });
      case FrameType::kComplete:
        return With(DecodeText(frame.payload), [&](std::string& kind) { Judge(handler_->OnComplete(kind)); });
      case FrameType::kProgress:
        return With(DecodeProgress(frame.payload), [&](Progress& progress) { handler_->OnProgress(progress); });
      case FrameType::kLog:
        return With(DecodeLog(frame.payload), [&](LogLine& line) { TakeLog(std::move(line)); });
      case FrameType::kProblem:
        return With(DecodeProblem(frame.payload), [&](Problem& problem) { TakeProblem(problem); });
      case FrameType::kColumns:
        return With(DecodeColumns(frame.payload), [&](Columns& columns) { TakeColumns(columns); });
      case FrameType::kList:
        return With(DecodeList(frame.payload), [&](std::uint64_t first) { AnswerList(first); });
      case FrameType::kOpen:
        return With(DecodeText(frame.payload), [&](std::string& name) { AnswerOpen(name); });
      case FrameType::kDone:
        return With(DecodeDone(frame.payload), [&](Done& done) { TakeDone(done); });
      case FrameType::kAlive:
        return absl::OkStatus();
      default:
        return absl::InvalidArgumentError("a frame of an unknown type");
    }
  }

  template <typename T, typename Then>
  static absl::Status With(absl::StatusOr<T> message, Then then) {
    if (message.ok()) then(*message);
    return message.status();
  }

  void TakePage(const Page& page) {
    if (Judge(handler_->OnPage(page))) SendToChild(EncodeAck());
    GotPage();
  }

  // Ends the run when the handler refused something.
  bool Judge(const absl::Status& status) {
    if (status.ok()) return true;
    Stop(Outcome::kFailed, PM_INTERNAL, std::string(status.message()), "");
    result_.handler_status = status;
    return false;
  }

  void TakeLog(LogLine line) {
    line.message = Redact(line.message);
    handler_->OnLog(line);
  }

  void TakeProblem(Problem& problem) {
    for (std::string* text : {&problem.where, &problem.message, &problem.remedy}) *text = Redact(*text);
    handler_->OnProblem(problem);
  }

  void TakeColumns(Columns& columns) {
    columns.stream = Redact(columns.stream);
    for (auto& [name, read] : columns.columns) name = Redact(name);
    handler_->OnColumns(columns);
  }

  void TakeDone(const Done& done) {
    done_ = true;
    deadline_ = Clock::now() + kExitGrace;
    result_.peak_memory_bytes = done.peak_memory_bytes;
    result_.code = done.code;
    result_.where = Redact(done.where);
    result_.message = Redact(done.message);
    result_.remedy = Redact(done.remedy);
    if (absl::StrContains(done.message, "std::bad_alloc") && options_.limits.memory_bytes != 0) {
      result_.remedy =
          absl::StrCat("it may use ", options_.limits.memory_bytes >> 20U, " MiB of memory (plugin_limits.memory_mb)");
    }
    if (done.code == PM_OK) {
      result_.outcome = Outcome::kOk;
    } else if (done.code == PM_CANCELLED && cancelled_) {
      result_.outcome = Outcome::kCancelled;
    } else {
      result_.outcome = Outcome::kFailed;
    }
  }

  // The folder is opened at its first use: describing a plugin needs none.
  absl::Status OpenFolder() {
    if (folder_) return absl::OkStatus();
    absl::StatusOr<Folder> folder = Folder::Open(options_.directory);
    if (folder.ok()) folder_ = std::move(*folder);
    return folder.status();
  }

  void AnswerList(std::uint64_t first) {
    if (!files_) {
      absl::Status status = OpenFolder();
      absl::StatusOr<std::vector<FileEntry>> files = status.ok() ? folder_->List() : status;
      if (!files.ok()) {
        return Stop(Outcome::kFailed, PM_SOURCE, std::string(files.status().message()),
                    "correct the directory of the connector or its rights");
      }
      files_ = std::move(*files);
    }
    Files answer;
    std::size_t size = 0;
    std::size_t next = std::min<std::uint64_t>(first, files_->size());
    for (; next < files_->size() && size < kListBytes; ++next) {
      answer.files.push_back((*files_)[next]);
      size += answer.files.back().name.size();
    }
    answer.last = next == files_->size();
    SendToChild(Encode(answer));
  }

  void AnswerOpen(const std::string& name) {
    absl::Status status = OpenFolder();
    const absl::StatusOr<Descriptor> file = status.ok() ? folder_->OpenFile(name) : status;
    Opened opened;
    if (!file.ok()) {
      opened.code = absl::IsResourceExhausted(file.status()) ? PM_RETRY : PM_SOURCE;
      opened.message = std::string(file.status().message());
      opened.remedy = "plugins read regular files inside the connector's folder";
    }
    SendToChild(Encode(opened), file.ok() ? file->get() : kNoDescriptor);
  }

  // Receives some of stderr, which goes into the log line by line.
  bool ReceiveErrors() {
    pollfd errors = {child_.stderr_pipe(), POLLIN, 0};
    if (!errors_open_ || ::poll(&errors, 1, 0) <= 0) return false;
    std::array<char, 4096> bytes;
    const ssize_t got = ::read(child_.stderr_pipe(), bytes.data(), bytes.size());
    if (got <= 0) {
      errors_open_ = false;
      return false;
    }
    for (const char c : absl::string_view(bytes.data(), static_cast<std::size_t>(got))) {
      if (c == '\n' || error_line_.size() == kMaxErrorLine) FlushErrorLine();
      if (c != '\n') error_line_.push_back(c);
    }
    return true;
  }

  void FlushErrorLine() {
    if (error_line_.empty()) return;
    const std::string line = Redact(error_line_);
    error_line_.clear();
    absl::StrAppend(&last_output_, line, "\n");
    if (last_output_.size() > kMaxLastOutput) last_output_.erase(0, last_output_.size() - kMaxLastOutput);
    handler_->OnLog({PM_INFO, line});
  }

  std::string Redact(const std::string& text) const {
    std::string redacted = text;
    for (const std::string& secret : options_.secrets) {
      if (secret.size() >= kMinSecret) absl::StrReplaceAll({{secret, "[secret]"}}, &redacted);
    }
    return redacted;
  }

  // What the command's end was, from what was said and how the process ended.
  ConnectorEnd End(int status) {
    if (done_ || stop_) return result_;
    if (cancel_sent_) {
      Stop(Outcome::kCancelled, PM_CANCELLED, "the run was cancelled", "");
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
      Stop(Outcome::kCrashed, PM_LIMIT,
           absl::StrCat("the plugin used more than ", options_.limits.cpu_seconds, " seconds of CPU time"),
           "split the export or raise the limit");
    } else if (WIFSIGNALED(status)) {
      const int signal = WTERMSIG(status);
      Stop(Outcome::kCrashed, PM_INTERNAL,
           absl::StrCat("the plugin crashed: ", ::strsignal(signal), " (signal ", signal, ")"),
           signal == SIGKILL ? "look whether the machine ran out of memory" : "report this to the plugin's author");
    } else {
      Stop(Outcome::kCrashed, PM_INTERNAL,
           absl::StrCat("the plugin ended its process with exit code ", WEXITSTATUS(status), " in the middle of a run"),
           "report this to the plugin's author");
    }
    return result_;
  }

  const ConnectorProcessOptions& options_;
  ConnectorHandler* const handler_;
  const std::atomic<bool>& cancelled_;
  const int cancel_event_;
  ChildProcess child_;
  std::optional<Folder> folder_;
  std::optional<std::vector<FileEntry>> files_;

  FrameDecoder decoder_;
  std::vector<char> buffer_ = std::vector<char>(kReceiveBytes);
  std::string error_line_;
  std::string last_output_;
  ConnectorEnd result_;
  Clock::time_point deadline_;       // for a sign of life, the end after a cancellation, or that of the process
  Clock::time_point idle_deadline_;  // for a page
  Clock::time_point next_look_ = Clock::now() + kLookPeriod;
  std::uint64_t peak_memory_bytes_ = 0;
  std::uint32_t peak_open_files_ = 0;
  bool reads_ = false;
  bool channel_open_ = true;
  bool errors_open_ = true;
  bool cancel_sent_ = false;
  bool done_ = false;    // the process said how the command ended
  bool stop_ = false;    // this side ended the command
  bool exited_ = false;  // the process is gone
};

absl::StatusCode ToStatusCode(const ConnectorEnd& end) {
  switch (end.outcome) {
    case Outcome::kOk:
      return absl::StatusCode::kOk;
    case Outcome::kCancelled:
      return absl::StatusCode::kCancelled;
    case Outcome::kCrashed:
      return absl::StatusCode::kInternal;
    case Outcome::kStalled:
      return absl::StatusCode::kDeadlineExceeded;
    case Outcome::kFailed:
      break;
  }
  switch (end.code) {
    case PM_BAD_SETTING:
      return absl::StatusCode::kInvalidArgument;
    case PM_RETRY:
      return absl::StatusCode::kUnavailable;
    case PM_LIMIT:
      return absl::StatusCode::kResourceExhausted;
    case PM_INTERNAL:
      return absl::StatusCode::kInternal;
    default:
      return absl::StatusCode::kFailedPrecondition;
  }
}

}  // namespace

std::string ConnectorEnd::Text() const {
  std::string text = where.empty() ? message : absl::StrCat(where, ": ", message);
  if (!remedy.empty()) absl::StrAppend(&text, "; ", remedy);
  return text;
}

absl::Status ConnectorEnd::ToStatus() const {
  if (!handler_status.ok()) return handler_status;
  return absl::Status(ToStatusCode(*this), Text());
}

ConnectorProcess::ConnectorProcess(ConnectorProcessOptions options)
    : options_(std::move(options)), cancel_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void ConnectorProcess::Cancel() {
  cancelled_ = true;
  ::eventfd_write(cancel_event_.get(), 1);  // never read, so it stays readable
}

absl::StatusOr<Hello> ConnectorProcess::Describe() {
  class KeepHello : public ConnectorHandler {
   public:
    absl::Status OnPage(const Page& page) override { return absl::InternalError("describe sent a page"); }
    void OnHello(const Hello& sent) override { hello = sent; }
    Hello hello;
  };
  KeepHello handler;
  const ConnectorEnd end = Run(Command::kDescribe, std::nullopt, &handler);
  if (!end.ok()) return end.ToStatus();
  return handler.hello;
}

ConnectorEnd ConnectorProcess::Check(ConnectorHandler* handler) {
  return Run(Command::kCheck, std::nullopt, handler);
}

ConnectorEnd ConnectorProcess::Read(std::optional<std::string> state, ConnectorHandler* handler) {
  return Run(Command::kRead, std::move(state), handler);
}

ConnectorEnd ConnectorProcess::Run(Command command, std::optional<std::string> state, ConnectorHandler* handler) {
  absl::StatusOr<ChildProcess> child = ChildProcess::Spawn(options_.host_binary, options_.plugin);
  if (!child.ok()) {
    ConnectorEnd end;
    end.outcome = Outcome::kFailed;
    end.code = PM_RETRY;
    end.message = std::string(child.status().message());
    end.remedy = "look whether partner-connector-host is installed beside partnerd";
    return end;
  }
  Session session(options_, handler, cancelled_, cancel_event_.get(), std::move(*child));
  return session.Run({command, options_.limits, options_.settings, std::move(state)});
}

}  // namespace partnermetrics::connectors
