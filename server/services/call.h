// What every call passes through, on its way in and out.
//
//   grpc::Status GetPartner(grpc::ServerContext* context, const v1::GetPartnerRequest* request,
//                           v1::PartnerEntity* response) override {
//     return Handle(backend_, *context, "PartnerService.GetPartner", [&] { return Get(*request, *response); });
//   }
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_SERVICES_CALL_H_
#define PARTNERMETRICS_SERVER_SERVICES_CALL_H_

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/services/backend.h"

namespace partnermetrics {

// Whether the caller may use the method ("PartnerService.GetPartner"). There is no authentication yet: everybody may.
// Every call asks here, unary or stream, so that authentication has one place to be added.
absl::Status Authorize(const grpc::ServerContextBase& context, absl::string_view method);

// Authorize, and the server is neither starting nor stopping.
absl::Status Admit(const Backend& backend, const grpc::ServerContextBase& context, absl::string_view method);

// The status with its details, cut to what fits into trailers (8 KB): longer ones would become another error.
grpc::Status ToGrpc(const absl::Status& status);

// Runs `work` (-> absl::Status) for an admitted call.
template <typename Work>
grpc::Status Handle(const Backend& backend, const grpc::ServerContextBase& context, absl::string_view method,
                    const Work& work) {
  absl::Status status = Admit(backend, context, method);
  if (status.ok()) status = work();
  return ToGrpc(status);
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_CALL_H_
