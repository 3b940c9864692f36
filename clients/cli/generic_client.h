// Calls any method of any service by its table entry, with messages made by reflection.
//
//   GenericClient client("127.0.0.1:7400");
//   grpc::Status status = client.Call(command, absl::Seconds(30), next_request, on_response);
//
// One call at a time.
#ifndef PARTNERMETRICS_CLIENTS_CLI_GENERIC_CLIENT_H_
#define PARTNERMETRICS_CLIENTS_CLI_GENERIC_CLIENT_H_

#include <google/protobuf/message.h>
#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "clients/cli/command_table.h"

namespace partnermetrics::cli {

class GenericClient {
 public:
  // Fills in the next request; false: there is none. Called in the thread of Call.
  using NextRequest = std::function<bool(google::protobuf::Message* request)>;
  // Called for one response after the other, in a thread of gRPC; false cancels the call.
  using OnResponse = std::function<bool(const google::protobuf::Message& response)>;

  explicit GenericClient(const std::string& server);

  // Sends all requests and returns when the server has ended the call. InfiniteDuration: no deadline.
  grpc::Status Call(const Command& command, absl::Duration timeout, const NextRequest& next_request,
                    const OnResponse& on_response);

 private:
  grpc::GenericStub stub_;
};

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_GENERIC_CLIENT_H_
