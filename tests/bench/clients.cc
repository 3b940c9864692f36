#include "tests/bench/clients.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/clock.h"
#include "partnermetrics/v1/ingest_service.pb.h"
#include "partnermetrics/v1/score_service.pb.h"
#include "tests/bench/measure.h"
#include "tests/support/server_process.h"

namespace partnermetrics::bench {
namespace {

constexpr size_t kWindow = 8;  // requests on the way, per stream
constexpr char kMethod[] = "/partnermetrics.v1.IngestService/StreamEvents";

[[noreturn]] void Die(const grpc::Status& status) {
  std::cerr << "call failed: " << status.error_code() << " " << status.error_message() << std::endl;
  std::exit(1);
}

// Writes one stream's requests as fast as the server takes them, and reads the acknowledgements beside.
class Stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Stream(const std::string& address, const Load::Requests& requests)
      : requests_(requests), stub_(ConnectTo(address)), written_at_(requests.size()) {}

  void Start() {
    stub_.PrepareBidiStreamingCall(&context_, kMethod, grpc::StubOptions(), this);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      WriteNext();
    }
    StartRead(&answer_);
    StartCall();
  }

  void AddTo(SendResult& result) {
    std::unique_lock<std::mutex> lock(mutex_);
    ended_.wait(lock, [&] { return done_; });
    if (!status_.ok()) Die(status_);
    result.applied += applied_;
    result.not_applied += not_applied_;
    result.batches.Add(latencies_);
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    if (ok) WriteNext();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      latencies_.Add(absl::Now() - written_at_[answers_++]);
      WriteNext();
    }
    v1::StreamEventsResponse response;
    grpc::ProtoBufferReader reader(&answer_);
    response.ParseFromZeroCopyStream(&reader);
    applied_ += response.counts().applied();
    not_applied_ += response.counts().unchanged() + response.counts().superseded() + response.counts().rejected();
    StartRead(&answer_);
  }
  void OnDone(const grpc::Status& status) override {
    std::lock_guard<std::mutex> lock(mutex_);
    status_ = status;
    done_ = true;
    ended_.notify_all();
  }

 private:
  // Writes while few requests wait for their acknowledgement; more would only wait in the sockets' buffers.
  void WriteNext() {
    if (writing_ || half_closed_ || next_ - answers_ >= kWindow) return;
    if (next_ == requests_.size()) {
      half_closed_ = true;
      return StartWritesDone();
    }
    const std::string& request = requests_[next_];
    const grpc::Slice slice(request.data(), request.size(), grpc::Slice::STATIC_SLICE);
    buffer_ = grpc::ByteBuffer(&slice, 1);
    written_at_[next_++] = absl::Now();
    writing_ = true;
    StartWrite(&buffer_);
  }

  const Load::Requests& requests_;
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer buffer_, answer_;
  int64_t applied_ = 0, not_applied_ = 0;

  std::mutex mutex_;
  size_t next_ = 0, answers_ = 0;
  bool writing_ = false, half_closed_ = false;
  std::vector<absl::Time> written_at_;
  Latencies latencies_;
  std::condition_variable ended_;
  bool done_ = false;
  grpc::Status status_;
};

grpc::ByteBuffer ToBuffer(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

class Reader {
 public:
  Reader(const std::string& address, const ReadLoad& load, int client)
      : load_(load), client_(client), channel_(ConnectTo(address)), stub_(channel_) {}

  // What is measured does not include it.
  void Connect() { channel_->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10)); }

  Latencies Read(const std::function<bool()>& stop) {
    Latencies latencies;
    const absl::Duration interval =
        load_.calls_per_second > 0 ? absl::Seconds(load_.clients / load_.calls_per_second) : absl::ZeroDuration();
    // Clients begin one after the other.
    absl::Time due = absl::Now() + interval * client_ / load_.clients;
    for (int64_t call = 0; !stop(); ++call, due += interval) {
      const grpc::ByteBuffer request = ToBuffer(Request(call * load_.clients + client_));
      if (load_.calls_per_second > 0) {
        absl::SleepFor(due - absl::Now());
      } else {
        due = absl::Now();
      }
      grpc::ByteBuffer answer = Call(request);
      latencies.Add(absl::Now() - due);
      if (call % kDecodedOneIn == 0) CheckAnswer(answer);
    }
    return latencies;
  }

 private:
  static constexpr int kDecodedOneIn = 64;

  v1::GetScorecardRequest Request(int64_t look) const {
    const absl::CivilDay day = absl::CivilDay(load_.year, 6, 30) - look / load_.partners;
    v1::GetScorecardRequest request;
    request.set_program(kProgram);
    request.mutable_as_of()->set_year(static_cast<int32_t>(day.year()));
    request.mutable_as_of()->set_month(day.month());
    request.mutable_as_of()->set_day(day.day());
    request.set_partner_id(absl::StrCat(kSource, ":", PartnerId(look % load_.partners)));
    return request;
  }
  grpc::ByteBuffer Call(const grpc::ByteBuffer& request) {
    grpc::ClientContext context;
    const auto call =
        stub_.PrepareUnaryCall(&context, "/partnermetrics.v1.ScoreService/GetScorecard", request, &queue_);
    call->StartCall();
    grpc::ByteBuffer answer;
    grpc::Status status;
    call->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    if (!status.ok()) Die(status);
    return answer;
  }
  static void CheckAnswer(grpc::ByteBuffer& answer) {
    v1::Scorecard card;
    grpc::ProtoBufferReader reader(&answer);
    if (card.ParseFromZeroCopyStream(&reader) && card.groups_size() > 0) return;
    Die(grpc::Status(grpc::StatusCode::INTERNAL, "no scorecard"));
  }

  const ReadLoad& load_;
  const int client_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
};

}  // namespace

double Latencies::Percentile(double share) const {
  if (micros_.empty()) return 0;
  std::vector<double> sorted = micros_;
  const auto at = static_cast<ptrdiff_t>(share * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), sorted.begin() + at, sorted.end());
  return sorted[static_cast<size_t>(at)];
}

SendResult Send(const std::string& address, const Load& load) {
  std::vector<std::unique_ptr<Stream>> streams;
  for (const Load::Requests& requests : load.streams) streams.push_back(std::make_unique<Stream>(address, requests));
  SendResult result;
  const absl::Time start = absl::Now();
  for (const auto& stream : streams) stream->Start();
  for (const auto& stream : streams) stream->AddTo(result);
  result.elapsed = absl::Now() - start;
  return result;
}

ReadResult ReadScorecards(const std::string& address, const ReadLoad& load, const std::function<bool()>& stop) {
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < load.clients; ++i) readers.push_back(std::make_unique<Reader>(address, load, i));
  for (const auto& reader : readers) reader->Connect();
  std::vector<Latencies> latencies(readers.size());
  std::vector<std::thread> threads;
  ReadResult result;
  const double cpu_before = CpuSeconds(getpid());
  const absl::Time start = absl::Now();
  for (size_t i = 0; i < readers.size(); ++i) {
    threads.emplace_back([&, i] { latencies[i] = readers[i]->Read(stop); });
  }
  for (std::thread& thread : threads) thread.join();
  result.elapsed = absl::Now() - start;
  result.cpu_seconds = CpuSeconds(getpid()) - cpu_before;
  for (const Latencies& some : latencies) result.calls.Add(some);
  return result;
}

}  // namespace partnermetrics::bench
