// Starts partner-connector-host with nothing of the server's but a socket and a pipe for its stderr.
//
//   ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Spawn("/usr/bin/partner-connector-host", "/…/stripe.so"));
//   … child.channel(), child.stderr_pipe(), child.exited() in poll …
//   int status = child.Wait().status;
//
// Destroying a running child kills it and waits for it. Thread-compatible.
#ifndef PARTNERMETRICS_CONNECTORS_HOST_CHILD_PROCESS_H_
#define PARTNERMETRICS_CONNECTORS_HOST_CHILD_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/host/descriptors.h"

namespace partnermetrics::connectors {

// What a process uses, and has used until now.
struct ProcessUse {
  absl::Duration cpu_time;
  std::uint64_t peak_memory_bytes = 0;
  std::uint32_t open_files = 0;
};

class ChildProcess {
 public:
  static absl::StatusOr<ChildProcess> Spawn(const std::string& binary, const std::string& plugin);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  int channel() const { return channel_.get(); }
  int stderr_pipe() const { return stderr_.get(); }
  int exited() const { return pidfd_.get(); }  // readable once the process has ended

  // What it uses now; zeros once it has ended.
  ProcessUse Use() const;

  void Kill();
  struct Ended {
    int status = 0;  // as waitpid gives it
    absl::Duration cpu_time;
  };
  // Waits for the end.
  Ended Wait();

 private:
  ChildProcess(pid_t pid, Descriptor channel, Descriptor err, Descriptor pidfd)
      : pid_(pid), channel_(std::move(channel)), stderr_(std::move(err)), pidfd_(std::move(pidfd)) {}

  pid_t pid_;  // 0 once waited for
  Descriptor channel_;
  Descriptor stderr_;
  Descriptor pidfd_;
};

}  // namespace partnermetrics::connectors

#endif  // PARTNERMETRICS_CONNECTORS_HOST_CHILD_PROCESS_H_
