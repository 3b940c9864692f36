// Prints the version and the programme of a server.
#include <grpcpp/grpcpp.h>

#include <iostream>

#include "partnermetrics/v1/admin_service.grpc.pb.h"

namespace v1 = partnermetrics::v1;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto stub = v1::AdminService::NewStub(grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::ServerStatus server;
  const grpc::Status status = stub->GetStatus(&context, v1::GetStatusRequest(), &server);
  if (!status.ok()) {
    std::cerr << status.error_message() << "\n";
    return 1;
  }
  std::cout << server.version() << " " << server.programs(0).program() << "\n";
  return 0;
}
