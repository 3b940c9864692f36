// Ends a stream of answers that was not admitted.
//
//   if (!admitted.ok()) return new RefusedStream<v1::ExportResponse>(admitted);
//
// It deletes itself.
#ifndef PARTNERMETRICS_SERVER_SERVICES_REFUSED_STREAM_H_
#define PARTNERMETRICS_SERVER_SERVICES_REFUSED_STREAM_H_

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "server/services/call.h"

namespace partnermetrics {

template <typename Response>
class RefusedStream final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedStream(const absl::Status& status) { this->Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_REFUSED_STREAM_H_
