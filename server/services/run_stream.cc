#include "server/services/run_stream.h"

#include <utility>

#include "server/base/errors.h"
#include "server/services/call.h"

namespace partnermetrics {

RunStream* RunStream::Start(Connectors& connectors, const v1::RunConnectorRequest& request, WorkerPool& pool,
                            StreamSet& streams) {
  auto stream = std::make_shared<RunStream>();
  stream->self_ = stream;
  streams.Add(stream);
  pool.Post([stream, request, &connectors] { stream->Begin(connectors, request); });
  return stream.get();
}

void RunStream::Begin(Connectors& connectors, const v1::RunConnectorRequest& request) {
  // The run may outlive the stream.
  const RunObserver observer = [weak = weak_from_this()](const v1::ConnectorRun& now) {
    const auto stream = weak.lock();
    return stream != nullptr && stream->Show(now);
  };
  RunOptions options;
  options.full = request.full();
  options.allow_vanishing = request.allow_vanishing();
  options.staged = request.stage();
  if (request.stage() && request.allow_vanishing()) {
    return End(InvalidField("allow_vanishing", "NOT_NOW", "is asked for when the run is published"));
  }
  absl::StatusOr<v1::ConnectorRun> run = connectors.StartRun(request.connector(), std::move(options), observer);
  if (!run.ok()) End(run.status());
}

bool RunStream::Show(const v1::ConnectorRun& run) {
  MutexLock lock(&mutex_);
  if (finished_) return false;
  latest_ = run;
  const bool goes_on = run.state() == v1::RUN_STATE_RUNNING || run.state() == v1::RUN_STATE_QUEUED;
  if (!goes_on && !end_.has_value()) end_ = grpc::Status::OK;
  Advance();
  return !finished_;
}

void RunStream::End(const absl::Status& status) {
  MutexLock lock(&mutex_);
  if (!end_.has_value()) end_ = ToGrpc(status);
  Advance();
}

void RunStream::Stop() {
  End(RetryLater(absl::StatusCode::kUnavailable, "STOPPING",
                 "the server is stopping; the next run goes on where this one stands", 1'000));
}

void RunStream::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  writing_ = false;
  if (!ok && !end_.has_value()) end_ = grpc::Status::CANCELLED;
  Advance();
}

void RunStream::OnCancel() {
  MutexLock lock(&mutex_);
  latest_.reset();
  end_ = grpc::Status::CANCELLED;
  Advance();
}

void RunStream::Advance() {
  if (finished_ || writing_) return;
  if (latest_.has_value()) {
    *sending_.mutable_run() = *std::move(latest_);
    latest_.reset();
    writing_ = true;
    StartWrite(&sending_);
  } else if (end_.has_value()) {
    FinishOnce(*end_);
  }
}

void RunStream::FinishOnce(const grpc::Status& status) {
  finished_ = true;
  Finish(status);
}

}  // namespace partnermetrics
