// One run of a connector: takes the pages of its plugin, turns their records into events or quarantined records, and
// writes each page with its counts and the state to go on from as one unit.
//
//   ASSIGN_OR_RETURN(auto run, SyncRun::Begin(config, {.full = true}, programs, *program, observer));   // durable now
//   run->Finish(process.Read(run->state(), run.get()), /*stopping=*/false);
//
// What a staged run reads goes into a file of its own instead (staged_file.h): its RunEnd says STAGED, and nothing
// counts until it is published (staged.h). One that was interrupted begins again where it began.
//
// In the log a run is RunBegin, RunPage …, RunEnd. A run without RunEnd was interrupted: Begin goes on with it, under
// its id and sequence, from its last RunPage. Pages without a state write no RunPage: they would be read again, and
// their counts must not stand twice. A run that meets unchanged records alone writes these run records and nothing
// else.
//
// While the writer writes a page the next ones are prepared (page_writer.h). An error of a page that is already being
// written is that of the next call.
//
// A run holds a lease that every sign of life renews: of the plugin, and of the thread that takes its pages. The plugin
// has timeouts of its own, so a lease that expires means that this thread hangs; then Abandon ends the run in its
// place.
//
// Thread-safety: Snapshot, LeaseExpired and Abandon from any thread; everything else belongs to the thread that runs
// the plugin.
#ifndef PARTNERMETRICS_SERVER_SYNC_RUN_H_
#define PARTNERMETRICS_SERVER_SYNC_RUN_H_

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/host/connector_process.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/ingest/programs.h"
#include "server/sync/connector_config.h"
#include "server/sync/known_rejects.h"
#include "server/sync/page_writer.h"
#include "server/sync/record_events.h"
#include "server/sync/run_history.h"
#include "server/sync/run_tally.h"
#include "server/sync/staged_file.h"
#include "server/sync/stream_columns.h"
#include "server/sync/vanished.h"
#include "storage/mutex.h"

namespace partnermetrics {

// Sees a run as it goes on: at most five times a second, and once more when it has ended. Called by the run's thread:
// it must not block and not call Connectors. Returns false to see no more.
using RunObserver = std::function<bool(const v1::ConnectorRun&)>;

// What was asked for.
struct RunOptions {
  bool full = false;             // read everything again
  bool allow_vanishing = false;  // delete what a complete export lacks, however much it is
  v1::RunTrigger trigger = v1::RUN_TRIGGER_CALL;
  std::string plugin_sha256 = {};
  bool staged = false;                        // keep what is read apart; an interrupted run stays what it was
  const StagedFiles* staged_files = nullptr;  // for staged runs
  absl::Duration keep_staged = absl::Hours(24 * 7);
  log::v1::RunLimits limits = {};
  uint64_t max_open_quarantine_bytes = 0;  // of the connector, over all its runs; 0: no limit
  absl::Duration lease = absl::InfiniteDuration();
};

class SyncRun : public connectors::ConnectorHandler {
 public:
  // Begins a run, or goes on with the interrupted one of this connector. A full run replaces an interrupted run that is
  // not, and a staged run one that is not, and the other way round. No other run of the connector may go on, and no two
  // runs may begin at the same time.
  static absl::StatusOr<std::unique_ptr<SyncRun>> Begin(const ConnectorConfig& config, RunOptions options,
                                                        Programs& programs, ProgramRuntime& program,
                                                        RunObserver observer);

  // Where the plugin goes on; nothing: from the start of its source.
  const std::optional<std::string>& state() const { return state_; }

  absl::Status OnPage(const connectors::Page& page) override;
  absl::Status OnComplete(const std::string& fact_kind) override;
  void OnHello(const connectors::Hello& hello) override;
  void OnAlive() override;
  void OnUse(const connectors::ProcessUse& use) override;
  void OnProgress(const connectors::Progress& progress) override;
  void OnLog(const connectors::LogLine& line) override;
  void OnProblem(const connectors::Problem& problem) override;
  void OnColumns(const connectors::Columns& columns) override;

  // Waits for the pages, writes the end of the run and shows it to the observer. A run that is cancelled while the
  // server is `stopping` gets no end: it counts as interrupted, and the next one goes on with it.
  void Finish(connectors::ConnectorEnd end, bool stopping);

  // Whether it goes on without a sign of life for longer than it may.
  bool LeaseExpired() const;
  // Ends it as FAILED. What its thread still does, should it come back, has no effect.
  void Abandon();
  bool abandoned() const { return abandoned_; }

  // Puts the last lines of its log into a run.
  void ShowLog(v1::ConnectorRun& run) const;

  // The run as it stands.
  v1::ConnectorRun Snapshot() const;

 private:
  SyncRun(const ConnectorConfig& config, RunOptions options, Programs& programs, ProgramRuntime& program,
          RunObserver observer);

  // Takes up where the connector stands; the records that begin the run.
  std::vector<storage::LogRecord> Start(const ConnectorPoint& point, uint64_t last_sequence);
  // Judges a record: its events go into the request, or the record into quarantine.
  void TakeRecord(const connectors::RecordView& record, WriteRequest& request);
  // Writes a page with its counts and state, or puts it into the file of a staged run.
  absl::Status Commit(const connectors::Page& page, WriteRequest request);
  absl::Status Stage(const connectors::Page& page, const WriteRequest& request);
  // Takes the counts of the pages that are written. Called by any thread.
  void Written(const RunTally& tally);
  absl::Status CheckBudget() const;
  // Before a page is written: leaves out what is in quarantine already, and sees whether there is room for the rest.
  absl::Status Quarantine(std::vector<storage::QuarantineRow>& rejects);
  log::v1::RunEnd MakeEnd(const connectors::ConnectorEnd& end) const;
  absl::StatusOr<v1::ConnectorRun> WriteEnd(log::v1::RunEnd end);
  // The deletes of what the complete export lacks; the end is PARTIAL when they were too many.
  absl::StatusOr<std::vector<PreparedEvent>> DeletesOfVanished(log::v1::RunEnd& end);
  void AddRemark(v1::ConnectorProblem remark);
  // The run as the state has it.
  absl::StatusOr<v1::ConnectorRun> Stored() const;
  // Shows the run to the observer when it is time.
  void Show();
  void TellObserver(const v1::ConnectorRun& run);
  // Puts what changes from moment to moment into a run that goes on.
  void ShowTimes(v1::ConnectorRun& run) const;

  const ConnectorConfig config_;
  RunOptions options_;
  Programs& programs_;
  ProgramRuntime& program_;
  std::unique_ptr<RecordReader> reader_;
  RunObserver observer_;
  std::chrono::steady_clock::time_point next_show_;

  std::string run_id_;
  uint64_t sequence_ = 0;
  std::optional<std::string> state_;
  RunTally prepared_;  // of every page that came
  std::vector<std::string> complete_kinds_;
  std::vector<v1::ConnectorProblem> remarks_;
  std::optional<StreamColumns> columns_;
  std::string plugin_version_;
  // What it stated, when it may delete the rest. A run that goes on does not know what it stated before.
  std::optional<SeenFacts> seen_;
  std::optional<KnownRejects> known_;     // once it rejects anything; not of a staged run
  std::unique_ptr<StagedWriter> staged_;  // of a staged run
  bool from_start_ = false;               // of its source, at one go
  std::atomic<int64_t> alive_us_ = 0;
  std::atomic<std::chrono::steady_clock::time_point> renewed_;
  std::atomic<bool> abandoned_ = false;

  mutable Mutex mutex_;
  v1::ConnectorRun snapshot_ PM_GUARDED_BY(mutex_);
  RunTally tally_ PM_GUARDED_BY(mutex_);                       // of what is written; the snapshot shows it
  std::deque<log::v1::RunLogLine> log_ PM_GUARDED_BY(mutex_);  // the last lines

  std::unique_ptr<PageWriter> pages_;  // ends first: it still tells what is written
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_RUN_H_
