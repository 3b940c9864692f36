#include "connectors/host/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

namespace partnermetrics::connectors {
namespace {

constexpr std::size_t kPageWindow = 2;
constexpr std::size_t kReceiveBytes = 64U << 10U;
constexpr int kExitServerGone = 75;
constexpr int kExitProtocol = 76;

// The process is of no use without its server: no destructor of the plugin may delay the end.
[[noreturn]] void EndProcess(int code, const char* why) {
  std::fprintf(stderr, "partner-connector-host: %s\n", why);
  ::_exit(code);
}

}  // namespace

Channel::Channel(int fd) : fd_(fd) {
  std::thread([this] { ReadLoop(); }).detach();
}

void Channel::Send(absl::string_view bytes) {
  const std::lock_guard<std::mutex> lock(send_mutex_);
  if (!SendFrame(fd_, bytes).ok()) EndProcess(kExitServerGone, "the server closed the channel");
}

void Channel::SendPage(absl::string_view bytes) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return unacknowledged_ < kPageWindow || cancelled(); });
    ++unacknowledged_;
  }
  Send(bytes);
}

std::string Channel::Await(FrameType type, Descriptor* descriptor) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return !answers_.empty(); });
  if (answers_.front().first != type) EndProcess(kExitProtocol, "the server sent an unexpected answer");
  std::string payload = std::move(answers_.front().second);
  answers_.pop_front();
  if (descriptor != nullptr && !descriptors_.empty()) {
    *descriptor = std::move(descriptors_.front());
    descriptors_.pop_front();
  }
  return payload;
}

void Channel::SendAlive() {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  std::int64_t last = last_alive_ns_.load(std::memory_order_relaxed);
  if (now - last < kSecond || !last_alive_ns_.compare_exchange_strong(last, now)) return;
  Send(EncodeAlive());
}

void Channel::ReadLoop() {
  FrameDecoder decoder;
  while (Receive(&decoder)) {
    Frame frame;
    while (true) {
      const absl::StatusOr<bool> found = decoder.Next(&frame);
      if (!found.ok()) EndProcess(kExitProtocol, "the server sent a malformed frame");
      if (!*found) break;
      Take(frame);
    }
  }
  ::_exit(kExitServerGone);
}

// Reads some bytes; descriptors come attached to the frame that announces them.
bool Channel::Receive(FrameDecoder* decoder) {
  std::array<char, kReceiveBytes> bytes;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part = {bytes.data(), bytes.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t got = 0;
  do {
    got = ::recvmsg(fd_, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    int received = -1;
    std::memcpy(&received, CMSG_DATA(header), sizeof(received));
    const std::lock_guard<std::mutex> lock(mutex_);
    descriptors_.emplace_back(received);
  }
  decoder->Append({bytes.data(), static_cast<std::size_t>(got)});
  return true;
}

void Channel::Take(const Frame& frame) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (frame.type == FrameType::kCancel) {
    cancelled_ = true;
  } else if (frame.type == FrameType::kAck) {
    if (unacknowledged_ > 0) --unacknowledged_;
  } else {
    answers_.emplace_back(frame.type, std::string(frame.payload));
  }
  changed_.notify_all();
}

}  // namespace partnermetrics::connectors
