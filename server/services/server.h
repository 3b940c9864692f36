// A server: the data folder, the connectors and the gRPC services, started and stopped as one.
//
//   ASSIGN_OR_RETURN(auto server, Server::Start(std::move(loaded), absl::Now));
//   …  server->port()  …
//   RETURN_IF_ERROR(server->Stop());
//
// The port opens first: health is NOT_SERVING and every call UNAVAILABLE until the log is replayed. Stop and the
// destructor belong to one thread.
#ifndef PARTNERMETRICS_SERVER_SERVICES_SERVER_H_
#define PARTNERMETRICS_SERVER_SERVICES_SERVER_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/config/config.h"
#include "server/ingest/writer.h"

namespace partnermetrics {

class Server {
 public:
  // Returns once calls are answered. UNAVAILABLE: the address is taken; else errors of the data folder.
  static absl::StatusOr<std::unique_ptr<Server>> Start(LoadedConfig config, Clock clock);
  // Stops, and drops errors.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The bound port.
  int port() const;

  // Takes no more calls, ends the open ones, interrupts runs, writes a checkpoint and closes the data folder. At most
  // some seconds.
  absl::Status Stop();

 private:
  class Parts;

  explicit Server(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_SERVER_H_
