// Asks the server itself for its health ten times a second, so that gRPC's threads for streams never rest.
//
// When a second passes without an event for one of them, gRPC 1.51 lets it sleep for 100 ms. The one that waits for the
// sockets on behalf of all threads may be among them, and does not always hand this on: then every call, of streams
// or not, waits until it wakes. Of steady calls one in a hundred took 90 ms; with the pulse it takes 2 ms
// (tests/bench, scorecards of 16 clients), for a thousandth of a processor.
#ifndef PARTNERMETRICS_SERVER_SERVICES_PULSE_H_
#define PARTNERMETRICS_SERVER_SERVICES_PULSE_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>

#include "server/base/periodic_thread.h"

namespace partnermetrics {

class Pulse {
 public:
  // Ends before the server shuts down.
  explicit Pulse(grpc::Server& server);

 private:
  // Through the callback interface, whose events go to the same threads as those of the server's streams.
  void Beat();

  grpc::GenericStub stub_;
  PeriodicThread thread_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_PULSE_H_
