// The engine: one programme's log applied to its state, exactly and incrementally, and what readers see of it.
//
//   ASSIGN_OR_RETURN(auto engine, Engine::Open(options, database.state(), *log));
//   RETURN_IF_ERROR(engine->Replay(progress));              // from the last checkpoint to the end of the log
//   ASSIGN_OR_RETURN(Applied applied, engine->Apply(record));
//   RETURN_IF_ERROR(engine->Seal());                        // later ones may be applied, this batch is not seen yet
//   RETURN_IF_ERROR(engine->Publish());                     // now readers see it; or Discard(), as if never applied
//
// Same log, same state, bit for bit: nothing here reads a clock, draws a random number or depends on hash order.
//
// Thread-safety: everything but the making of a View belongs to one thread, the applier. Checkpoints that Publish
// starts are written by a thread of their own.
#ifndef PARTNERMETRICS_SERVER_ENGINE_ENGINE_H_
#define PARTNERMETRICS_SERVER_ENGINE_ENGINE_H_

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "server/catalog/catalog.h"
#include "server/engine/alias_table.h"
#include "server/engine/cells.h"
#include "server/engine/fact_applier.h"
#include "server/engine/header.h"
#include "server/engine/interner.h"
#include "server/engine/jobs.h"
#include "server/engine/keys.h"
#include "server/engine/segments.h"
#include "server/engine/state_overlay.h"
#include "storage/event_log.h"
#include "storage/mutex.h"
#include "storage/state_store.h"

namespace partnermetrics {

struct EngineOptions {
  std::string program;
  size_t cache_bytes = size_t{256} << 20;
  // Of changes in memory, after which a checkpoint is started. Larger ones are cheaper: what changes again and again is
  // written once.
  size_t checkpoint_bytes = size_t{64} << 20;
  // Facts that a record may concern and still be applied at one go: what concerns more opens a job. Part of what a
  // replay must know: another number leaves jobs elsewhere until they are done.
  int64_t facts_at_once = 10'000;
  // Not empty: the log is only that part of one which makes this partner's numbers; those of other scopes are none.
  std::string only_partner = {};
};

class Engine {
 public:
  // Reads what the last checkpoint says. FAILED_PRECONDITION with reason STATE_UNUSABLE when the state is of another
  // format or time-zone database, or ahead of the log: discard it and open again.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const EngineOptions& options, storage::StateStore& state,
                                                      const storage::EventLog& log);

  // Applies what the log holds after the last checkpoint. `progress` is called now and then with (done, total) records.
  absl::Status Replay(const std::function<void(uint64_t done, uint64_t total)>& progress);

  ~Engine();

  // Applies the record that follows the last applied one. Total: a record that makes no sense has no effect. An event
  // that says what stands already has none either, and need not be logged. An error means that the state cannot be
  // read: what is not published is to be forgotten then, by Discard().
  absl::StatusOr<Applied> Apply(const storage::LogRecord& record);

  // Ends the batch that the next Publish shows: what is applied from now on belongs to the one after it. At most one
  // batch is sealed and not published.
  absl::Status Seal();

  // Shows readers the sealed batch, or what was applied when none is, and starts a checkpoint when much is dirty.
  absl::Status Publish();

  // The same beside the applier, who may go on with Apply and Seal at once; whatever else is called first waits for it.
  // `shown` is called, by another thread, when readers see the batch.
  absl::Status PublishBeside(std::function<void()> shown);
  // Waits until that is done.
  absl::Status FinishPublish();

  // Forgets what is not published.
  absl::Status Discard();

  const std::string& program() const { return options_.program; }

  // Whether there is a job to be worked on by records of type kJobStep.
  bool HasJobs() const { return jobs_.any(); }

  // Writes what is published to the state store as one batch.
  absl::Status Checkpoint();

  // What readers see: everything stands at one position for as long as the view lives. Keep it short: it holds the
  // applier up.
  class View;

 private:
  friend class View;
  // What readers are told beside the state itself.
  struct Standing {
    Header header;
    std::shared_ptr<const Catalog> catalog;        // null before the first definitions
    std::shared_ptr<const Incomplete> incomplete;  // null while no job is open
  };
  Engine(const EngineOptions& options, storage::StateStore& state, const storage::EventLog& log);

  absl::StatusOr<Applied> ApplyEvent(const storage::LogRecord& record);
  absl::Status ApplyDefinitions(const storage::LogRecord& record);
  absl::Status ApplyRun(const storage::LogRecord& record);
  // What a finished run of the connector found is what the next one is compared with.
  absl::Status KeepColumns(const std::string& connector, const log::v1::RunEnd& end);
  absl::Status ApplyPeriod(const storage::LogRecord& record);
  Standing Stand() const;
  absl::Status ApplyAlias(const storage::LogRecord& record, Applied& applied);
  // After a record was applied: settles what it concerns, or opens a job for it.
  absl::Status Settle(const storage::LogRecord& record, v1::JobKind kind, absl::string_view cause, Applied& applied);
  // Makes the sealed batch what readers see. `state_moved` is called when the applier may read the state again.
  void Show(Standing standing, const std::function<void()>& state_moved);
  // Starts a checkpoint when much is dirty.
  absl::Status CheckpointIfDue();
  // Hands what is published to a thread that writes it. No checkpoint may be under way.
  void StartCheckpoint();
  // Waits for the checkpoint that is under way, if there is one.
  absl::Status FinishCheckpoint();

  const EngineOptions options_;
  const Keys keys_;
  storage::StateStore& store_;
  const storage::EventLog& log_;

  Interner scopes_, measures_;

  // The applier's own.
  StateOverlay state_;
  CellTable cells_;
  AliasTable aliases_;
  FactApplier facts_;
  Jobs jobs_;
  Header header_;                                 // after the last applied record
  std::shared_ptr<const Incomplete> incomplete_;  // after the last batch that ended
  uint64_t checkpoint_position_ = 0;
  std::optional<Standing> sealed_;            // after the last record of the sealed batch
  std::future<void> publishing_;              // a batch that is being published beside the applier
  std::future<absl::Status> checkpoint_;      // under way; its frozen changes stand at checkpoint_next_
  std::vector<CellChange> checkpoint_cells_;  // its cells, until they are written: after a failure by the next one
  uint64_t checkpoint_next_ = 0;

  // What readers see. The gate keeps readers from starving the applier: it is held while waiting for the lock.
  Mutex gate_;
  SharedMutex mutex_;
  Standing published_ PM_GUARDED_BY(mutex_);
};

class PM_THREAD_ATTRIBUTE(scoped_lockable) Engine::View {
 public:
  explicit View(Engine& engine) PM_THREAD_ATTRIBUTE(acquire_shared_capability(engine.mutex_));
  ~View() PM_THREAD_ATTRIBUTE(release_capability());
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  const Header& header() const;
  uint64_t checkpoint_position() const { return engine_.checkpoint_position_; }
  // Empty: the numbers of all scopes can be read.
  const std::string& only_partner() const { return engine_.options_.only_partner; }
  uint64_t cell_updates() const { return engine_.cells_.updates(); }
  // The definitions in force; null before the first.
  std::shared_ptr<const Catalog> catalog() const;
  // The cells that open jobs are changing; null while none is open.
  std::shared_ptr<const Incomplete> incomplete() const;
  // The jobs, oldest first: those that are open and those that were.
  absl::StatusOr<std::vector<log::v1::JobRecord>> Jobs() const;

  // Cells of a measure in a scope ("program", "partner:salesforce:001…").
  absl::StatusOr<CellRow> Row(absl::string_view scope, const CompiledMeasure& measure) const;
  // Rows of a scope: of measures, by their ids, or of the facts whose money waits for a rate and is not in a measure's
  // row, by ParkedRowName. What nothing is counted in is an empty one.
  absl::StatusOr<std::vector<CellRow>> Rows(absl::string_view scope, absl::Span<const absl::string_view> names) const;
  // The rows of a measure that is split, by value.
  absl::StatusOr<std::map<std::string, CellRow>> SplitRows(absl::string_view scope,
                                                           const CompiledMeasure& measure) const;
  // Calls `visit` with the scopes whose cells, attributes or targets changed after a moment of this process that an
  // earlier call gave (0: its start), and gives the moment of this view.
  uint64_t ChangedScopes(uint64_t since, const std::function<void(const std::string& scope)>& visit) const;
  // All rows of a scope, by name.
  absl::StatusOr<std::map<std::string, CellRow>> AllRows(absl::string_view scope) const;
  absl::StatusOr<std::optional<StoredFact>> Fact(const FactId& id) const;
  // Calls `visit` with the facts after `after` of one kind (0: all), in key order.
  absl::Status ScanFacts(int kind, const std::function<bool(const FactId&, const StoredFact&)>& visit) const;
  // The partner that a reference leads to (empty: unknown) and who claims it.
  absl::StatusOr<std::vector<AliasClaim>> Claims(const ReferenceKey& reference) const;
  // Calls `visit` with the entries of an index whose keys begin with `prefix`; keys come without the index's own part.
  absl::Status ScanIndex(Index index, absl::string_view prefix,
                         const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const;
  // Calls `visit` with every scope that has stored cells.
  absl::Status ScanCellScopes(const std::function<void(const std::string& scope)>& visit) const;
  absl::StatusOr<std::optional<std::string>> IndexValue(Index index, absl::string_view name) const;
  // The segments that a partner is in, by the programme's attributes.
  absl::StatusOr<SegmentSpans> SegmentsOf(absl::string_view partner_id) const;
  // The facts of a kind that count for a partner; not for the kind "partner".
  absl::StatusOr<std::set<FactId>> FactsOf(absl::string_view partner_id, const FactSchema& schema) const;
  const Keys& keys() const { return engine_.keys_; }

 private:
  Engine& engine_;
};

// The scope of a partner's cells.
std::string PartnerScope(absl::string_view partner_id);
inline constexpr char kBusinessName[] = "business";
inline constexpr char kDirectName[] = "direct";
inline constexpr char kProgramName[] = "program";

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_ENGINE_H_
