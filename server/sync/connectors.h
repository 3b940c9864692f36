// The configured connectors: what they are, whether they would work, their runs and what they could not read.
//
//   ASSIGN_OR_RETURN(auto connectors, Connectors::Create(options, *programs));
//   ASSIGN_OR_RETURN(v1::ConnectorRun begun, connectors->StartRun("salesforce", /*full=*/false, observer));
//   …                     // the run goes on by itself
//   connectors->Stop();   // before the programmes are closed
//
// Thread-safe.
#ifndef PARTNERMETRICS_SERVER_SYNC_CONNECTORS_H_
#define PARTNERMETRICS_SERVER_SYNC_CONNECTORS_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "connectors/host/connector_process.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/programs.h"
#include "server/sync/connector_config.h"
#include "server/sync/run.h"
#include "storage/mutex.h"

namespace partnermetrics {

class Connectors {
 public:
  struct Options {
    std::vector<ConnectorConfig> connectors;
    std::string plugin_dir;
    std::string host_binary;  // partner-connector-host
    int max_runs = 2;         // at the same time
    connectors::ConnectorLimits limits = {};
    absl::Duration stall_timeout = absl::Minutes(2);
    absl::Duration cancel_grace = absl::Seconds(5);
  };

  // INVALID_ARGUMENT for names that are empty or used twice, NOT_FOUND for programmes that there are not.
  static absl::StatusOr<std::unique_ptr<Connectors>> Create(Options options, Programs& programs);
  ~Connectors();

  // All connectors by name, with their last runs.
  absl::StatusOr<v1::ListConnectorsResponse> List();
  // Describes a plugin, named by a connector or by itself.
  absl::StatusOr<v1::ConnectorDescription> Describe(absl::string_view connector_or_plugin);
  // Whether a run could start. A plugin that cannot even look is a problem among the others, not an error.
  absl::StatusOr<v1::CheckConnectorResponse> Check(absl::string_view connector);

  // Starts a run, or goes on with an interrupted one, and returns once that is durable. FAILED_PRECONDITION
  // (ALREADY_RUNNING) while the connector runs, RESOURCE_EXHAUSTED (TOO_MANY_RUNS) while too many others do.
  absl::StatusOr<v1::ConnectorRun> StartRun(absl::string_view connector, bool full, RunObserver observer);
  // Cancels the run of a connector; it ends within seconds. FAILED_PRECONDITION (NOT_RUNNING) when there is none.
  absl::Status CancelRun(absl::string_view connector);

  absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request);
  // Runs that go on.
  std::vector<v1::ConnectorRun> OpenRuns() const;

  // Interrupts all runs and waits for their end; the next run of each connector goes on with them. Later runs are
  // UNAVAILABLE.
  void Stop();

 private:
  // A run of this process, going on or ended.
  struct ActiveRun {
    ActiveRun(std::unique_ptr<SyncRun> run, connectors::ConnectorProcessOptions options)
        : run(std::move(run)), process(std::move(options)) {}
    bool running() const { return run->Snapshot().state() == v1::RUN_STATE_RUNNING; }

    std::unique_ptr<SyncRun> run;
    connectors::ConnectorProcess process;
    std::thread thread;
  };

  Connectors(Options options, Programs& programs) : options_(std::move(options)), programs_(programs) {}

  absl::StatusOr<const ConnectorConfig*> Find(absl::string_view connector) const;
  // The plugin's file; NOT_FOUND says where it was looked for.
  absl::StatusOr<std::string> PluginFile(absl::string_view plugin) const;
  absl::StatusOr<connectors::ConnectorProcessOptions> ProcessOptions(const ConnectorConfig& config) const;
  // Whether a run of the connector may start now.
  absl::Status Admit(const ConnectorConfig& config) const PM_REQUIRES(mutex_);
  // The last run of a connector: as it goes on here, or as the state keeps it.
  absl::StatusOr<std::optional<v1::ConnectorRun>> LastRun(const ConnectorConfig& config) const;

  Options options_;
  Programs& programs_;
  std::atomic<bool> stopping_ = false;

  Mutex start_mutex_;  // one run starts at a time: each takes the next sequence of its programme
  mutable Mutex mutex_;
  std::map<std::string, std::unique_ptr<ActiveRun>, std::less<>> runs_ PM_GUARDED_BY(mutex_);  // by connector
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_CONNECTORS_H_
