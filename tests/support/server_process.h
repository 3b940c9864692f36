// The real partnerd of the build folder as a child process, on loopback, with its data in a folder of the test.
//
//   ServerProcess server(temp.path(), TestConfig());
//   ASSERT_TRUE(server.Start().ok());
//   auto stub = v1::IngestService::NewStub(server.channel());
//   server.Kill();                          // kill -9
//   ASSERT_TRUE(server.Start().ok());       // on the same data, at another port
//
// Not thread-safe; start it from the test's main thread. An error's message holds the end of the server's log.
#ifndef PARTNERMETRICS_TESTS_SUPPORT_SERVER_PROCESS_H_
#define PARTNERMETRICS_TESTS_SUPPORT_SERVER_PROCESS_H_

#include <grpcpp/channel.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "partnermetrics/config/v1/server_config.pb.h"

namespace partnermetrics {

// A configuration with one programme: "partneros" as it ships.
config::v1::ServerConfig TestConfig();

// Paths of the build folder's programs.
std::string PartnerdPath();
std::string PartnerctlPath();

// A connection of its own to a server, with room for large messages.
std::shared_ptr<grpc::Channel> ConnectTo(const std::string& address);

class ServerProcess {
 public:
  // Keeps data, log and port file in `folder`.
  ServerProcess(std::string folder, const config::v1::ServerConfig& config);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts the server and waits until it is ready.
  absl::Status Start(absl::Duration limit = absl::Seconds(60));

  // Start in two parts, to do something while it starts.
  void Spawn();
  absl::Status WaitUntilReady(absl::Duration limit = absl::Seconds(60));

  // kill -9, and waits for the end.
  void Kill();
  // Asks the server to stop. An error when it does not, or not with exit code 0.
  absl::Status Stop(absl::Duration limit = absl::Seconds(60));
  // Whether the process is there; an end that nobody asked for is a crash.
  bool IsRunning();

  pid_t pid() const { return pid_; }
  const std::string& address() const { return address_; }
  std::shared_ptr<grpc::Channel> channel() const { return ConnectTo(address_); }
  std::string data_dir() const { return folder_ + "/data"; }
  std::string log() const;

 private:
  absl::Status Failed(absl::string_view what) const;

  const std::string folder_;
  pid_t pid_ = -1;
  std::string address_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SUPPORT_SERVER_PROCESS_H_
