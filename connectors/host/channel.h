// The plugin process's end of the socket to the server. A thread of its own reads it, so that a cancellation arrives
// and the process ends with its server whatever the plugin is doing.
//
//   Channel channel(3);
//   channel.Send(EncodeList(0));
//   std::string payload = channel.Await(FrameType::kFiles);
//
// Thread-safe; answers are awaited by one thread at a time.
#ifndef PARTNERMETRICS_CONNECTORS_HOST_CHANNEL_H_
#define PARTNERMETRICS_CONNECTORS_HOST_CHANNEL_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/string_view.h"
#include "connectors/host/descriptors.h"
#include "connectors/host/frames.h"

namespace partnermetrics::connectors {

class Channel {
 public:
  // `fd` is open until the process ends.
  explicit Channel(int fd);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Ends the process when the server is gone.
  void Send(absl::string_view bytes);
  // Sends a page and waits until only a few are not yet taken: the plugin reads on while the server works.
  void SendPage(absl::string_view bytes);
  // The payload of the next answer, which must be of this type. `descriptor` takes what came with it.
  std::string Await(FrameType type, Descriptor* descriptor = nullptr);
  // Tells the server, at most once a second, that the plugin lives.
  void SendAlive();

  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  void ReadLoop();
  bool Receive(FrameDecoder* decoder);
  void Take(const Frame& frame);

  const int fd_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<std::int64_t> last_alive_ns_ = 0;
  std::mutex send_mutex_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::pair<FrameType, std::string>> answers_;
  std::deque<Descriptor> descriptors_;
  std::size_t unacknowledged_ = 0;
};

}  // namespace partnermetrics::connectors

#endif  // PARTNERMETRICS_CONNECTORS_HOST_CHANNEL_H_
