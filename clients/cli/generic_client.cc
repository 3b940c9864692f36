#include "clients/cli/generic_client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/slice.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "clients/cli/request_builder.h"

namespace partnermetrics::cli {
namespace {

constexpr int kMaxMessageBytes = 16 << 20;

std::shared_ptr<grpc::Channel> Connect(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // An http_proxy set for the web would swallow calls to 127.0.0.1 and servers nearby.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

// Every kind of call is the same on the wire: requests, half-close, responses, status. So one reactor serves all.
class CallReactor : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  CallReactor(grpc::ClientContext* context, std::unique_ptr<google::protobuf::Message> response,
              const GenericClient::OnResponse& on_response)
      : context_(context), response_(std::move(response)), on_response_(on_response) {}

  void Start() {
    AddHold();  // For writes, which begin outside of reactions.
    StartRead(&read_buffer_);
    StartCall();
  }

  // False when the call has ended and takes no more requests.
  bool Write(const google::protobuf::Message& request) {
    const grpc::Slice slice(request.SerializeAsString());
    write_buffer_ = grpc::ByteBuffer(&slice, 1);
    std::unique_lock<std::mutex> lock(mutex_);
    write_ = WriteState::kPending;
    StartWrite(&write_buffer_);
    changed_.wait(lock, [this] { return write_ != WriteState::kPending; });
    return write_ == WriteState::kDone;
  }

  grpc::Status Finish() {
    StartWritesDone();
    RemoveHold();
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return finished_; });
    return std::move(status_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    grpc::ProtoBufferReader reader(&read_buffer_);
    if (!response_->ParseFromZeroCopyStream(&reader)) {
      Cancel(grpc::Status(grpc::StatusCode::INTERNAL,
                          absl::StrCat("the server's answer is not a ", response_->GetTypeName())));
      return;
    }
    if (!on_response_(*response_)) {
      Cancel(grpc::Status(grpc::StatusCode::CANCELLED, "the response could not be shown"));
      return;
    }
    StartRead(&read_buffer_);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    write_ = ok ? WriteState::kDone : WriteState::kFailed;
    changed_.notify_all();
  }

  void OnDone(const grpc::Status& status) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    status_ = own_status_.ok() ? status : own_status_;
    finished_ = true;
    changed_.notify_all();
  }

 private:
  enum class WriteState { kPending, kDone, kFailed };

  void Cancel(grpc::Status why) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      own_status_ = std::move(why);
    }
    context_->TryCancel();
  }

  grpc::ClientContext* const context_;
  const std::unique_ptr<google::protobuf::Message> response_;
  const GenericClient::OnResponse& on_response_;
  grpc::ByteBuffer read_buffer_;
  grpc::ByteBuffer write_buffer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  WriteState write_ = WriteState::kDone;
  bool finished_ = false;
  grpc::Status status_;
  grpc::Status own_status_;  // Why this side gave up; goes before what gRPC then reports.
};

}  // namespace

GenericClient::GenericClient(const std::string& server) : stub_(Connect(server)) {}

grpc::Status GenericClient::Call(const Command& command, absl::Duration timeout, const NextRequest& next_request,
                                 const OnResponse& on_response) {
  grpc::ClientContext context;
  if (timeout != absl::InfiniteDuration()) context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  CallReactor reactor(&context, NewMessage(command.response()), on_response);
  stub_.PrepareBidiStreamingCall(&context, absl::StrCat("/", command.service, "/", command.method), {}, &reactor);
  reactor.Start();
  const std::unique_ptr<google::protobuf::Message> request = NewMessage(command.request());
  while (next_request(request.get()) && reactor.Write(*request)) {
  }
  return reactor.Finish();
}

}  // namespace partnermetrics::cli
