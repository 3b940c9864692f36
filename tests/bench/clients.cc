#include "tests/bench/clients.h"

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "partnermetrics/v1/ingest_service.pb.h"
#include "partnermetrics/v1/score_service.grpc.pb.h"
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

Latencies ReadSome(const std::string& address, const ReadLoad& load, uint64_t seed, const std::function<bool()>& stop) {
  const auto stub = v1::ScoreService::NewStub(ConnectTo(address));
  std::mt19937_64 random(seed);
  Latencies latencies;
  v1::GetScorecardRequest request;
  request.set_program(kProgram);
  request.mutable_as_of()->set_year(load.year);
  request.mutable_as_of()->set_month(6);
  request.mutable_as_of()->set_day(30);
  while (!stop()) {
    request.set_partner_id(
        absl::StrCat(kSource, ":", PartnerId(static_cast<int64_t>(random() % static_cast<uint64_t>(load.partners)))));
    grpc::ClientContext context;
    v1::Scorecard card;
    const absl::Time start = absl::Now();
    const grpc::Status status = stub->GetScorecard(&context, request, &card);
    latencies.Add(absl::Now() - start);
    if (!status.ok()) Die(status);
  }
  return latencies;
}

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
  std::vector<Latencies> latencies(static_cast<size_t>(load.clients));
  std::vector<std::thread> threads;
  ReadResult result;
  const absl::Time start = absl::Now();
  for (size_t i = 0; i < latencies.size(); ++i) {
    threads.emplace_back([&, i] { latencies[i] = ReadSome(address, load, i + 1, stop); });
  }
  for (std::thread& thread : threads) thread.join();
  result.elapsed = absl::Now() - start;
  for (const Latencies& some : latencies) result.calls.Add(some);
  return result;
}

}  // namespace partnermetrics::bench
