// Owned file descriptors, and sending frames over a socket.
//
//   Descriptor file(open("a.csv", O_RDONLY | O_CLOEXEC));
//   RETURN_IF_ERROR(SendFrame(socket, Encode(Opened{}), file.get()));
#ifndef PARTNERMETRICS_CONNECTORS_HOST_DESCRIPTORS_H_
#define PARTNERMETRICS_CONNECTORS_HOST_DESCRIPTORS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace partnermetrics::connectors {

// Closes its descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
};

inline constexpr int kNoDescriptor = -1;
inline constexpr int kForever = -1;

// Sends an encoded frame, with a descriptor attached unless that is kNoDescriptor. Blocks until the other end has taken
// it or, with UNAVAILABLE, until `timeout_ms` passed without any byte taken.
absl::Status SendFrame(int socket, absl::string_view bytes, int attached = kNoDescriptor, int timeout_ms = kForever);

}  // namespace partnermetrics::connectors

#endif  // PARTNERMETRICS_CONNECTORS_HOST_DESCRIPTORS_H_
