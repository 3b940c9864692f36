#include "server/services/pulse.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>

#include "absl/synchronization/notification.h"

namespace partnermetrics {
namespace {

constexpr auto kPeriod = std::chrono::milliseconds(100);
constexpr auto kDeadline = std::chrono::seconds(1);

}  // namespace

Pulse::Pulse(grpc::Server& server)
    : stub_(server.InProcessChannel(grpc::ChannelArguments())),
      thread_(kPeriod, [this](const std::atomic<bool>&) { Beat(); }) {}

void Pulse::Beat() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  const grpc::ByteBuffer request(nullptr, 0);
  grpc::ByteBuffer response;
  absl::Notification answered;
  // What it answers is of no interest.
  stub_.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                  [&answered](const grpc::Status&) { answered.Notify(); });
  answered.WaitForNotification();
}

}  // namespace partnermetrics
