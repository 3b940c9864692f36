// A batch of events on its way: checked, written, and turned into an answer.
//
//   ASSIGN_OR_RETURN(IngestBatch batch, IngestBatch::Prepare(programs, request));
//   WriteResult result = batch.program().writer().Write(batch.TakeWrite());
//   RETURN_IF_ERROR(result.status);
//   batch.Answer(result, request.detail(), response);
//
// Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_SERVICES_INGEST_BATCH_H_
#define PARTNERMETRICS_SERVER_SERVICES_INGEST_BATCH_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "partnermetrics/v1/ingest_service.pb.h"
#include "server/ingest/prepare.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

inline constexpr int kMaxBatchEvents = 10'000;

class IngestBatch {
 public:
  // Checks the events of a request one by one; what is wrong with one event becomes its result. INVALID_ARGUMENT for
  // too many events, NOT_FOUND for an unknown programme. `Request` is IngestEventsRequest or StreamEventsRequest; its
  // events are used up.
  template <typename Request>
  static absl::StatusOr<IngestBatch> Prepare(Programs& programs, Request& request) {
    return Prepare(programs, request.program(), request.source(), *request.mutable_events());
  }

  ProgramRuntime& program() const { return *program_; }
  // What goes to the writer. Once.
  WriteRequest TakeWrite() { return std::move(write_); }

  // Fills an IngestEventsResponse or StreamEventsResponse.
  template <typename Response>
  void Answer(const WriteResult& result, v1::ResultDetail detail, Response& response) const {
    response.set_position(result.position);
    FillResults(result, detail, *response.mutable_counts(), *response.mutable_results());
  }

 private:
  using Events = google::protobuf::RepeatedPtrField<v1::Event>;
  using Results = google::protobuf::RepeatedPtrField<v1::EventResult>;

  static absl::StatusOr<IngestBatch> Prepare(Programs& programs, const std::string& program, const std::string& source,
                                             Events& events);
  void FillResults(const WriteResult& result, v1::ResultDetail detail, v1::IngestCounts& counts,
                   Results& results) const;

  ProgramRuntime* program_ = nullptr;
  WriteRequest write_;
  int size_ = 0;
  std::vector<std::pair<int, FieldError>> rejected_;  // by index in the batch
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_INGEST_BATCH_H_
