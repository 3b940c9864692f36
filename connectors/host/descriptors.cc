#include "connectors/host/descriptors.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace partnermetrics::connectors {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Descriptor::~Descriptor() {
  Close();
}

void Descriptor::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

absl::Status SendFrame(int socket, absl::string_view bytes, int attached, int timeout_ms) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  while (!bytes.empty()) {
    iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (attached != kNoDescriptor) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(header), &attached, sizeof(attached));
    }
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      attached = kNoDescriptor;  // it went with the first bytes
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return absl::ErrnoToStatus(errno, "sending to the other end");
    pollfd poll_socket = {socket, POLLOUT, 0};
    const int ready = ::poll(&poll_socket, 1, timeout_ms);
    if (ready == 0) return absl::UnavailableError("the other end takes nothing any more");
    if (ready < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "waiting for the other end");
  }
  return absl::OkStatus();
}

}  // namespace partnermetrics::connectors
