// Runs a plugin in a process of its own (partner-connector-host) and takes what it reads. Whatever the plugin does, the
// server lives on: a crash, an endless loop or nonsense ends in a ConnectorEnd that says so.
//
//   ConnectorProcess process({.host_binary = …, .plugin = …, .directory = "/srv/exports", .settings = {{"mode",
//   "x"}}}); ConnectorEnd end = process.Read(state, &handler);   // blocks; handler.OnPage(page) for each page if
//   (!end.ok()) return end.ToStatus();
//
// Each command starts a process and ends with it. One command at a time; Cancel from any thread.
#ifndef PARTNERMETRICS_CONNECTORS_HOST_CONNECTOR_PROCESS_H_
#define PARTNERMETRICS_CONNECTORS_HOST_CONNECTOR_PROCESS_H_

#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "connectors/host/child_process.h"
#include "connectors/host/descriptors.h"
#include "connectors/host/frames.h"

namespace partnermetrics::connectors {

struct ConnectorProcessOptions {
  std::string host_binary;  // partner-connector-host
  std::string plugin;       // the .so
  std::string directory;    // the folder that the plugin may read
  std::vector<std::pair<std::string, std::string>> settings = {};
  std::vector<std::string> secrets = {};  // values that are blanked in every message
  ConnectorLimits limits = {};
  absl::Duration stall_timeout = absl::Minutes(2);  // without any sign of life
  absl::Duration idle_timeout = absl::Minutes(30);  // of Read, without a page, whatever signs of life there are
  absl::Duration cancel_grace = absl::Seconds(10);  // between the request to stop and the kill
};

// How a command ended.
struct ConnectorEnd {
  enum class Outcome {
    kOk,
    kCancelled,
    kFailed,   // the plugin, its source, or the handler said so
    kCrashed,  // its process ended by itself, or broke the protocol
    kStalled,  // it gave no sign of life, or read nothing, and was ended
  };

  Outcome outcome = Outcome::kOk;
  std::int32_t code = PM_OK;  // of the ABI; PM_RETRY: the same run may work later
  std::string where, message, remedy;
  absl::Duration cpu_time;                         // that its process used
  std::uint64_t peak_memory_bytes = 0;             // that its process had; 0: it ended before anybody looked
  std::uint32_t peak_open_files = 0;               // likewise, as far as it was seen
  std::string last_output;                         // the end of what the plugin wrote to stderr
  absl::Status handler_status = absl::OkStatus();  // when the handler refused a page, and so ended the run

  bool ok() const { return outcome == Outcome::kOk; }
  // "Account.csv:17: the date is empty; export again with dates"
  std::string Text() const;
  absl::Status ToStatus() const;
};

// Takes what a plugin says; called by the thread that runs the command, one call at a time.
class ConnectorHandler {
 public:
  virtual ~ConnectorHandler() = default;
  // Takes a page; its views are valid for the call. The plugin waits while this works. An error ends the run.
  virtual absl::Status OnPage(const Page& page) = 0;
  // The run has stated every fact of a kind.
  virtual absl::Status OnComplete(const std::string& fact_kind) { return absl::OkStatus(); }
  virtual void OnHello(const Hello& hello) {}
  // It gave a sign of life; with everything else that it says, too.
  virtual void OnAlive() {}
  // What its process uses; about once a second.
  virtual void OnUse(const ProcessUse& use) {}
  virtual void OnProgress(const Progress& progress) {}
  virtual void OnLog(const LogLine& line) {}
  virtual void OnProblem(const Problem& problem) {}
  virtual void OnColumns(const Columns& columns) {}
};

class ConnectorProcess {
 public:
  explicit ConnectorProcess(ConnectorProcessOptions options);
  ConnectorProcess(const ConnectorProcess&) = delete;
  ConnectorProcess& operator=(const ConnectorProcess&) = delete;

  // Name, version and the ConnectorDescription in proto3 JSON.
  absl::StatusOr<Hello> Describe();
  // Problems arrive at the handler. OK means that the check ran, not that it found nothing.
  ConnectorEnd Check(ConnectorHandler* handler);
  // Reads from `state` (nothing: from scratch) to the end of the source.
  ConnectorEnd Read(std::optional<std::string> state, ConnectorHandler* handler);

  // Ends the command that runs, or the next one.
  void Cancel();

 private:
  ConnectorEnd Run(Command command, std::optional<std::string> state, ConnectorHandler* handler);

  const ConnectorProcessOptions options_;
  std::atomic<bool> cancelled_ = false;
  Descriptor cancel_event_;  // readable once cancelled
};

}  // namespace partnermetrics::connectors

#endif  // PARTNERMETRICS_CONNECTORS_HOST_CONNECTOR_PROCESS_H_
