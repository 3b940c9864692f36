// The configured connectors: what they are, whether they would work, their runs, now and by schedule, where they go on,
// and records in quarantine read again.
//
//   ASSIGN_OR_RETURN(auto connectors, Connectors::Create(options, *programs));
//   ASSIGN_OR_RETURN(v1::ConnectorRun begun, connectors->StartRun("salesforce", {.full = true}, observer));
//   …                     // the run goes on by itself
//   connectors->Stop();   // before the programmes are closed
//
// A few runs go on at a time, further ones wait in a queue; a thread starts those, and the ones that are due. Besides
// runs there are tasks of a connector, a replay or a trial, which its caller waits for: a connector has one run or one
// task at a time.
//
// Thread-safe.
#ifndef PARTNERMETRICS_SERVER_SYNC_CONNECTORS_H_
#define PARTNERMETRICS_SERVER_SYNC_CONNECTORS_H_

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <optional>
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
#include "server/sync/plugin_store.h"
#include "server/sync/replay.h"
#include "server/sync/run.h"
#include "server/sync/scheduler.h"
#include "server/sync/staged.h"
#include "server/sync/staged_file.h"
#include "storage/mutex.h"

namespace partnermetrics {

class Connectors {
 public:
  struct Options {
    std::vector<ConnectorConfig> connectors;
    std::string plugin_dir;
    PluginStore::Allowed allowed_plugins = {};
    std::string host_binary;  // partner-connector-host
    int max_runs = 2;         // at the same time; further ones wait
    connectors::ConnectorLimits limits = {};
    absl::Duration stall_timeout = absl::Minutes(2);
    absl::Duration idle_timeout = absl::Minutes(30);
    // How often it looks which connectors are due; infinite: only when RunDue is called.
    absl::Duration tick = absl::Seconds(1);
    absl::Duration cancel_grace = absl::Seconds(5);
    uint64_t max_quarantine_bytes = uint64_t{256} << 20;     // that one run may put there; 0: no limit
    uint64_t max_open_quarantine_bytes = uint64_t{1} << 30;  // of one connector, over all its runs; 0: no limit
    size_t max_replayed = 200'000;                           // records in quarantine that one run reads again
    uint64_t max_staged_bytes = uint64_t{128} << 20;         // of one staged run
    absl::Duration keep_staged = absl::Hours(24 * 7);        // until a staged run is discarded
    // Without a sign of life of a run's plugin and thread, until it counts as lost. Longer than anything that a thread
    // waits for.
    absl::Duration lease = absl::Minutes(15);
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
  // The first records as a run from the start would take them; writes nothing (preview.h).
  absl::StatusOr<v1::PreviewConnectorResponse> PreviewRecords(const v1::PreviewConnectorRequest& request);

  // Starts a run, or goes on with an interrupted one, and returns once that is durable; while as many runs go on as may
  // at a time, it waits as QUEUED, which the observer is told too. FAILED_PRECONDITION (ALREADY_RUNNING) while the
  // connector runs, waits, or has a task.
  absl::StatusOr<v1::ConnectorRun> StartRun(absl::string_view connector, RunOptions options, RunObserver observer);
  // Cancels the run of a connector, which ends within seconds, or takes it out of the queue. FAILED_PRECONDITION
  // (NOT_RUNNING) when there is none.
  absl::StatusOr<v1::ConnectorRun> CancelRun(absl::string_view connector);
  // Starts what is due by its schedule, by its folder or after a failure.
  void RunDue(absl::Time now);
  // Ends runs whose lease expired, and discards staged ones whose time is over.
  void EndExpired(absl::Time now);
  // Lets a suspended connector run by itself again.
  absl::StatusOr<v1::Connector> Resume(absl::string_view connector);

  absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request);
  // A run with the end of its log.
  absl::StatusOr<v1::ConnectorRun> GetRun(absl::string_view run_id);
  // Runs that go on, or whose end is not told to everybody yet.
  std::vector<v1::ConnectorRun> OpenRuns() const;

  // A staged run with all that it read, to be looked at. FAILED_PRECONDITION (NOT_STAGED), also below.
  struct StagedView {
    ProgramRuntime* program = nullptr;
    v1::ConnectorRun run;
    StagedRun staged;
    VanishedJudgement vanished;
    std::vector<PreparedEvent> deletes;  // of what the complete export lacks
  };
  absl::StatusOr<StagedView> ReadStaged(const std::string& run_id);
  // Each is harmless when it was done before: it shows the run as it ended.
  absl::StatusOr<v1::ConnectorRun> PublishStaged(const v1::PublishStagedRunRequest& request);
  absl::StatusOr<v1::ConnectorRun> DiscardStaged(const v1::DiscardStagedRunRequest& request);
  // Discards what is staged in a programme, and cancels what is being staged: no file has it any more afterwards. For
  // erasing personal data.
  absl::Status DropStaged(const ProgramRuntime& program);

  absl::StatusOr<v1::ConnectorCursor> GetCursor(absl::string_view connector);
  absl::StatusOr<v1::ChangeCursorResponse> SetCursor(const v1::SetCursorRequest& request);
  absl::StatusOr<v1::ChangeCursorResponse> ResetCursor(const v1::ResetCursorRequest& request);

  // Reads records in quarantine again, connector by connector.
  absl::StatusOr<v1::ReplayQuarantineResponse> ReplayQuarantine(const v1::ReplayQuarantineRequest& request);

  // Interrupts all runs and tasks and waits for their end; the next run of each connector goes on with its last. Later
  // ones are UNAVAILABLE.
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
    std::atomic<bool> done = false;  // the thread is at its end
  };

  // A connector's run that waits to be published.
  struct Waiting {
    std::string run_id;
    absl::Time until;
    bool busy = false;  // it is being published or discarded
  };

  // A run that is asked for.
  struct Request {
    const ConnectorConfig* config = nullptr;
    RunOptions options;
    RunObserver observer;
  };

  // A connector's process beside its runs; the connector is taken while it lives.
  class Task {
   public:
    Task(Connectors& connectors, const ConnectorConfig& config, connectors::ConnectorProcessOptions options);
    ~Task();
    connectors::ConnectorProcess process;

   private:
    Connectors& connectors_;
    const std::string name_;
  };

  Connectors(Options options, Programs& programs);

  absl::StatusOr<const ConnectorConfig*> Find(absl::string_view connector) const;
  ProgramRuntime& ProgramOf(const ConnectorConfig& config) const;
  // How its plugin is started; nothing is written yet.
  absl::StatusOr<connectors::ConnectorProcessOptions> ProcessOptions(const ConnectorConfig& config) const;

  // --- connectors.cc: what they are
  absl::StatusOr<v1::Connector> Show(const ConnectorConfig& config) const;
  log::v1::RunLimits RunLimits() const;
  // The last run of a connector: as it goes on here, or as the state keeps it.
  absl::StatusOr<std::optional<v1::ConnectorRun>> LastRun(const ConnectorConfig& config) const;

  // --- connectors_runs.cc
  // Whether the connector is free, and the server not stopping.
  absl::Status Admit(const ConnectorConfig& config) const PM_REQUIRES(mutex_);
  int Running() const PM_REQUIRES(mutex_);
  absl::StatusOr<v1::ConnectorRun> Begin(Request request) PM_REQUIRES(start_mutex_);
  void StartQueued();
  // Tells the schedule of a run's end before the caller's observer.
  RunObserver Observe(const std::string& connector, const std::string& plugin_sha256, RunObserver observer);
  void Loop();

  // --- connectors_history.cc
  // Ends runs that nothing will ever go on with.
  absl::Status EndOrphans();
  absl::StatusOr<Scheduler::Past> PastOf(const ConnectorConfig& config) const;
  struct FoundRun {
    ProgramRuntime* program = nullptr;
    log::v1::RunRecord record;
  };
  absl::StatusOr<FoundRun> FindRun(absl::string_view run_id) const;

  // --- connectors_staged.cc
  // Finds the staged runs at the start; discards those that nothing can be done with, and files that belong to none.
  absl::Status FindStaged();
  // Takes a staged run to end it; nothing when it is none.
  absl::StatusOr<bool> ClaimStaged(const std::string& run_id);
  void UnclaimStaged(const std::string& run_id);
  absl::Status Discard(const std::string& run_id, const std::string& why);
  // Forgets a staged run that has ended.
  void ForgetStaged(const std::string& connector, const std::string& run_id, v1::RunState state);

  // --- connectors_tasks.cc
  absl::StatusOr<std::unique_ptr<Task>> BeginTask(const ConnectorConfig& config);
  absl::StatusOr<v1::ChangeCursorResponse> ChangeCursor(const ConnectorConfig& config, const std::string& state,
                                                        bool dry_run);
  absl::StatusOr<v1::ReplayResult> ReplayEntries(const std::string& connector, ProgramRuntime& program,
                                                 const std::vector<ReplayEntry>& entries);

  Options options_;
  Programs& programs_;
  const PluginStore plugins_;
  const StagedFiles staged_files_;
  std::atomic<bool> stopping_ = false;

  // Locked in this order.
  Mutex start_mutex_;  // one run begins at a time: each takes the next sequence of its programme
  mutable Mutex mutex_;
  mutable Mutex schedule_mutex_;
  std::condition_variable_any changed_;  // a run or task ended, or one waits
  std::map<std::string, std::unique_ptr<ActiveRun>, std::less<>> runs_ PM_GUARDED_BY(mutex_);  // by connector
  std::deque<Request> queue_ PM_GUARDED_BY(mutex_);
  std::map<std::string, connectors::ConnectorProcess*, std::less<>> tasks_ PM_GUARDED_BY(mutex_);  // by connector
  std::map<std::string, Waiting, std::less<>> staged_ PM_GUARDED_BY(mutex_);                       // by connector
  Scheduler scheduler_ PM_GUARDED_BY(schedule_mutex_);
  std::thread thread_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_CONNECTORS_H_
