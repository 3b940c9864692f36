#include "server/engine/engine.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "server/base/errors.h"
#include "server/engine/fact_kinds.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

constexpr uint64_t kReplayBatch = 1'000;

// What a job is about that an event of the kind opens.
v1::JobKind JobKindOf(const FactSchema& schema) {
  if (schema.kind() == PartnerKind()) return v1::JOB_KIND_PARTNER;
  return schema.kind() == RateKind() ? v1::JOB_KIND_RATE : v1::JOB_KIND_CUSTOMER;
}

bool SameCells(const Incomplete* a, const Incomplete* b) {
  return a == nullptr || b == nullptr ? a == b : *a == *b;
}

absl::Status Unusable(absl::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "STATE_UNUSABLE", why, "it is rebuilt from the log");
}

}  // namespace

std::string PartnerScope(absl::string_view partner_id) {
  return absl::StrCat("partner:", partner_id);
}

Engine::Engine(const EngineOptions& options, storage::StateStore& state, const storage::EventLog& log)
    : options_(options),
      keys_(options.program),
      store_(state),
      log_(log),
      state_(state),
      cells_(keys_, state, scopes_, measures_, options.cache_bytes),
      aliases_(keys_, state_),
      facts_(keys_, state_, cells_, aliases_, scopes_, measures_),
      jobs_(keys_, state_, facts_) {}

Engine::~Engine() {
  if (publishing_.valid()) publishing_.wait();
  if (checkpoint_.valid()) checkpoint_.wait();
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options, storage::StateStore& state,
                                                     const storage::EventLog& log) {
  auto engine = std::unique_ptr<Engine>(new Engine(options, state, log));
  ASSIGN_OR_RETURN(auto value, state.Get(StateTable::kMeta, engine->keys_.Header()));
  const std::string tzdata = TzdataVersion();
  if (value.has_value()) {
    absl::StatusOr<Header> header = DecodeHeader(*value);
    if (!header.ok()) return Unusable(header.status().message());
    if (header->tzdata_version != tzdata) {
      return Unusable(absl::StrCat("the state was made with time zones ", header->tzdata_version, ", now ", tzdata,
                                   " is installed"));
    }
    if (header->position > log.last_position()) {
      return Unusable(
          absl::StrCat("the state stands at ", header->position, ", the log ends at ", log.last_position()));
    }
    engine->header_ = *std::move(header);
  }
  engine->header_.tzdata_version = tzdata;
  engine->checkpoint_position_ = engine->header_.position;
  if (absl::Status loaded = engine->jobs_.Load(); !loaded.ok()) return Unusable(loaded.message());
  {
    WriterLock lock(&engine->mutex_);
    engine->published_ = engine->Stand();
    engine->incomplete_ = engine->published_.incomplete;
  }
  return engine;
}

absl::Status Engine::Replay(const std::function<void(uint64_t done, uint64_t total)>& progress) {
  const uint64_t first = header_.position, last = log_.last_position();
  absl::Status applied;
  RETURN_IF_ERROR(log_.Read(first, [&](const storage::LogRecord& record) {
    applied = Apply(record).status();
    header_.position = record.position;
    // A step of a job changes more than many events do.
    const bool is_step = record.type == storage::RecordType::kJobStep;
    if (applied.ok() && (is_step || (record.position - first) % kReplayBatch == 0)) {
      applied = Publish();
      progress(record.position - first, last - first);
    }
    return applied.ok();
  }));
  RETURN_IF_ERROR(applied);
  RETURN_IF_ERROR(Publish());
  if (header_.position != first) RETURN_IF_ERROR(Checkpoint());
  progress(last - first, last - first);
  return absl::OkStatus();
}

absl::StatusOr<Applied> Engine::Apply(const storage::LogRecord& record) {
  Applied applied;
  switch (record.type) {
    case storage::RecordType::kEvent: {
      ASSIGN_OR_RETURN(applied, ApplyEvent(record));
      break;
    }
    case storage::RecordType::kDefinitions:
      RETURN_IF_ERROR(ApplyDefinitions(record));
      break;
    case storage::RecordType::kAlias:
      RETURN_IF_ERROR(ApplyAlias(record, applied));
      break;
    case storage::RecordType::kJobStep: {
      log::v1::JobStep step;
      if (step.ParseFromString(record.payload)) RETURN_IF_ERROR(jobs_.Step(record, step.facts(), header_));
      break;
    }
    case storage::RecordType::kRunBegin:
    case storage::RecordType::kRunPage:
    case storage::RecordType::kRunEnd:
      RETURN_IF_ERROR(ApplyRun(record));
      break;
    case storage::RecordType::kPeriodValues:
      break;  // stay in the log alone
    case storage::RecordType::kPeriodStatement:
      RETURN_IF_ERROR(ApplyPeriod(record));
      break;
  }
  if (applied.effect != Effect::kUnchanged) header_.position = record.position;
  return applied;
}

absl::StatusOr<Applied> Engine::ApplyEvent(const storage::LogRecord& record) {
  EventView event;
  if (!event.Parse(record.payload)) {
    ++header_.without_effect;
    return Applied();
  }
  ASSIGN_OR_RETURN(Applied applied, facts_.Apply(event, {event.revision, record.sequence}, record.position,
                                                 record.appended_at_us, header_));
  if (applied.effect == Effect::kUnchanged) return applied;
  int64_t& fresh = header_.fresh_at_us[event.schema->kind()];
  fresh = std::max(fresh, record.appended_at_us);
  RETURN_IF_ERROR(Settle(record, JobKindOf(*event.schema),
                         absl::StrCat(event.schema->name(), " ", event.source, "/", event.record_id), applied));
  return applied;
}

absl::Status Engine::ApplyDefinitions(const storage::LogRecord& record) {
  log::v1::Definitions definitions;
  if (!definitions.ParseFromString(record.payload)) {
    ++header_.without_effect;
    return absl::OkStatus();
  }
  state_.Put(StateTable::kIndexes, keys_.Settings(record.position), "");
  RETURN_IF_ERROR(jobs_.OpenDefinitions(record, definitions, header_));
  if (header_.facts + header_.partners > options_.facts_at_once) return absl::OkStatus();
  return jobs_.Step(record, options_.facts_at_once, header_);
}

absl::Status Engine::ApplyAlias(const storage::LogRecord& record, Applied& applied) {
  log::v1::AliasChange change;
  const ReferenceKey key =
      change.ParseFromString(record.payload) ? ReadReference(change.alias().SerializeAsString()) : ReferenceKey();
  if (key.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(facts_.ChangeClaims({key}, {change.partner_id(), kAdminClaimant}, !change.removed()));
  applied.effect = Effect::kApplied;
  state_.Put(StateTable::kIndexes, keys_.Settings(record.position), "");
  std::string alias_key = keys_.Of(Index::kAdminAlias, change.partner_id());
  storage::ByteWriter(&alias_key).KeyString(key);
  if (change.removed()) {
    state_.Delete(StateTable::kIndexes, std::move(alias_key));
  } else {
    state_.Put(StateTable::kIndexes, std::move(alias_key), "");
  }
  return Settle(record, v1::JOB_KIND_ALIAS, absl::StrCat("alias ", key, " of ", change.partner_id()), applied);
}

absl::Status Engine::Settle(const storage::LogRecord& record, v1::JobKind kind, absl::string_view cause,
                            Applied& applied) {
  if (facts_.unsettled().empty()) return absl::OkStatus();
  RETURN_IF_ERROR(facts_.Settle(options_.facts_at_once, header_).status());
  applied.moved_facts = facts_.TakeMoved();
  applied.job = jobs_.OpenFor(record, kind, std::string(cause));
  return absl::OkStatus();
}

absl::Status Engine::ApplyRun(const storage::LogRecord& record) {
  std::string run_id;
  log::v1::RunBegin begin;
  log::v1::RunPage page;
  log::v1::RunEnd end;
  if (record.type == storage::RecordType::kRunBegin) {
    if (begin.ParseFromString(record.payload)) run_id = begin.run_id();
  } else if (record.type == storage::RecordType::kRunPage) {
    if (page.ParseFromString(record.payload)) run_id = page.run_id();
  } else if (end.ParseFromString(record.payload)) {
    run_id = end.run_id();
  }
  if (run_id.empty()) {
    ++header_.without_effect;
    return absl::OkStatus();
  }

  const std::string run_key = keys_.Of(Index::kRun, run_id);
  ASSIGN_OR_RETURN(auto stored, state_.Get(StateTable::kIndexes, run_key));
  log::v1::RunRecord run;
  if (stored.has_value() && !run.ParseFromString(*stored)) return absl::DataLossError("stored run is damaged");
  run.set_position(record.position);
  if (record.type == storage::RecordType::kRunBegin) {
    if (!stored.has_value()) run.set_started_at_us(record.appended_at_us);
    run.set_run_id(run_id);
    run.set_connector(begin.connector());
    run.set_sequence(begin.sequence());
    run.set_full(begin.full());
    run.set_staged(begin.staged());
    run.set_state(1);  // RUN_STATE_RUNNING
    run.set_ended_at_us(0);
    header_.last_sequence = std::max(header_.last_sequence, begin.sequence());
  } else if (record.type == storage::RecordType::kRunPage) {
    *run.mutable_counts() = page.counts();
  } else {
    *run.mutable_counts() = end.counts();
    run.set_state(end.state());
    run.set_error(end.error());
    *run.mutable_remarks() = end.remarks();
    *run.mutable_schema_changes() = end.schema_changes();
    run.set_columns_changed(end.columns_changed());
    run.set_ended_at_us(record.appended_at_us);
    // RUN_STATE_SUCCEEDED and RUN_STATE_PARTIAL: it is finished.
    if (end.state() == 2 || end.state() == 3) RETURN_IF_ERROR(KeepColumns(run.connector(), end));
  }
  state_.Put(StateTable::kIndexes, run_key, run.SerializeAsString());

  const std::string cursor_key = keys_.Of(Index::kRunState, run.connector());
  ASSIGN_OR_RETURN(auto stored_cursor, state_.Get(StateTable::kIndexes, cursor_key));
  log::v1::ConnectorCursor cursor;
  if (stored_cursor.has_value() && !cursor.ParseFromString(*stored_cursor)) {
    return absl::DataLossError("stored cursor is damaged");
  }
  cursor.set_run_id(run_id);
  if (page.has_state()) cursor.set_state(page.state());
  state_.Put(StateTable::kIndexes, cursor_key, cursor.SerializeAsString());
  return absl::OkStatus();
}

absl::Status Engine::KeepColumns(const std::string& connector, const log::v1::RunEnd& end) {
  if (end.columns().empty()) return absl::OkStatus();
  const std::string key = keys_.Of(Index::kColumns, connector);
  ASSIGN_OR_RETURN(const auto stored, state_.Get(StateTable::kIndexes, key));
  log::v1::ConnectorColumns known;
  if (stored.has_value() && !known.ParseFromString(*stored)) return absl::DataLossError("stored columns are damaged");
  std::map<std::string, log::v1::StreamColumns> streams;
  for (log::v1::StreamColumns& stream : *known.mutable_streams()) streams[stream.stream()] = std::move(stream);
  for (const log::v1::StreamColumns& stream : end.columns()) streams[stream.stream()] = stream;
  known.clear_streams();
  for (auto& [name, stream] : streams) *known.add_streams() = std::move(stream);
  state_.Put(StateTable::kIndexes, key, known.SerializeAsString());
  return absl::OkStatus();
}

absl::Status Engine::ApplyPeriod(const storage::LogRecord& record) {
  log::v1::PeriodStatement statement;
  log::v1::PeriodRecord period;
  const bool is_read = statement.ParseFromString(record.payload);
  const std::string key = keys_.Of(Index::kPeriod, statement.period_id());
  ASSIGN_OR_RETURN(const auto stored, state_.Get(StateTable::kIndexes, key));
  if (stored.has_value() && !period.ParseFromString(*stored)) return absl::DataLossError("stored period is damaged");
  if (!is_read || statement.number() != static_cast<uint32_t>(period.statements_size())) {
    ++header_.without_effect;
    return absl::OkStatus();
  }
  period.add_statements(record.position);
  state_.Put(StateTable::kIndexes, key, period.SerializeAsString());
  return absl::OkStatus();
}

Engine::Standing Engine::Stand() const {
  Standing standing{header_, facts_.catalog(), nullptr};
  if (jobs_.any()) standing.incomplete = std::make_shared<const Incomplete>(jobs_.incomplete());
  return standing;
}

absl::Status Engine::Discard() {
  if (publishing_.valid()) publishing_.get();
  state_.Discard();
  cells_.Discard();
  facts_.Discard();
  aliases_.Forget();
  sealed_.reset();
  {
    ReaderLock lock(&mutex_);
    header_ = published_.header;
    incomplete_ = published_.incomplete;
  }
  return jobs_.Load();
}

absl::Status Engine::Seal() {
  RETURN_IF_ERROR(facts_.EndBatch());
  Standing standing = Stand();
  if (!SameCells(standing.incomplete.get(), incomplete_.get())) {
    // Values come and go with it.
    for (uint32_t scope = 0; scope < scopes_.size(); ++scope) cells_.Touch(scope);
    incomplete_ = standing.incomplete;
  }
  state_.Seal();
  cells_.Seal();
  sealed_ = std::move(standing);
  return absl::OkStatus();
}

absl::Status Engine::Publish() {
  RETURN_IF_ERROR(FinishPublish());
  if (!sealed_.has_value()) RETURN_IF_ERROR(Seal());
  Show(*std::exchange(sealed_, std::nullopt), [] {});
  return CheckpointIfDue();
}

absl::Status Engine::PublishBeside(std::function<void()> shown) {
  RETURN_IF_ERROR(FinishPublish());
  if (!sealed_.has_value()) RETURN_IF_ERROR(Seal());
  std::promise<void> state_moved;
  const std::future<void> may_go_on = state_moved.get_future();
  publishing_ =
      std::async(std::launch::async, [this, standing = *std::exchange(sealed_, std::nullopt), shown = std::move(shown),
                                      state_moved = std::move(state_moved)]() mutable {
        Show(std::move(standing), [&state_moved] { state_moved.set_value(); });
        shown();
      });
  may_go_on.wait();
  return absl::OkStatus();
}

absl::Status Engine::FinishPublish() {
  if (!publishing_.valid()) return absl::OkStatus();
  publishing_.get();
  return CheckpointIfDue();
}

void Engine::Show(Standing standing, const std::function<void()>& state_moved) {
  MutexLock gate(&gate_);
  WriterLock lock(&mutex_);
  state_.Publish();
  cells_.TakeSealed();
  published_ = std::move(standing);
  state_moved();
  cells_.AddTaken();
}

absl::Status Engine::CheckpointIfDue() {
  // Changed cells need no memory of their own, but cannot leave the cache.
  const bool is_due = state_.dirty_bytes() >= options_.checkpoint_bytes || cells_.dirty_bytes() >= options_.cache_bytes;
  if (!is_due) return absl::OkStatus();
  // Changes pile up at most to twice the size: then the applier waits for the checkpoint under way.
  const bool is_free =
      !checkpoint_.valid() || checkpoint_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  if (!is_free && state_.dirty_bytes() < 2 * options_.checkpoint_bytes) return absl::OkStatus();
  RETURN_IF_ERROR(FinishCheckpoint());
  StartCheckpoint();
  return absl::OkStatus();
}

void Engine::StartCheckpoint() {
  std::string header;
  {
    MutexLock gate(&gate_);
    WriterLock lock(&mutex_);
    state_.Freeze();
    checkpoint_next_ = published_.header.position;
    header = EncodeHeader(published_.header);
  }
  checkpoint_ = std::async(std::launch::async, [this, header_key = keys_.Header(), header = std::move(header),
                                                dirty = cells_.TakeDirty()]() mutable {
    std::vector<CellChange>& cells = checkpoint_cells_;
    cells.reserve(cells.size() + dirty.size());
    for (DirtyYear& year : dirty) {
      cells.push_back(cells_.Encode(year));
      year.cells.reset();  // whoever changes a year that is shared copies it
    }
    // Of one key the later change counts.
    std::stable_sort(cells.begin(), cells.end(),
                     [](const CellChange& a, const CellChange& b) { return a.key < b.key; });
    std::vector<storage::StateChange> changes = {{StateTable::kMeta, header_key, header}};
    state_.CollectFrozen(StateTable::kFacts, changes);
    for (const CellChange& cell : cells) changes.push_back({StateTable::kCells, cell.key, cell.value});
    state_.CollectFrozen(StateTable::kIndexes, changes);
    absl::Status status = store_.WriteCheckpoint(changes);
    if (status.ok()) std::vector<CellChange>().swap(cells);
    return status;
  });
}

absl::Status Engine::FinishCheckpoint() {
  if (!checkpoint_.valid()) return absl::OkStatus();
  RETURN_IF_ERROR(checkpoint_.get());
  std::unique_ptr<StateOverlay::Layer> written;  // freed without the lock
  MutexLock gate(&gate_);
  WriterLock lock(&mutex_);
  written = state_.DropFrozen();
  cells_.Evict();
  checkpoint_position_ = checkpoint_next_;
  return absl::OkStatus();
}

absl::Status Engine::Checkpoint() {
  RETURN_IF_ERROR(FinishPublish());
  RETURN_IF_ERROR(FinishCheckpoint());
  if (header_.position == checkpoint_position_ && state_.dirty_bytes() == 0 && cells_.dirty_bytes() == 0 &&
      checkpoint_cells_.empty()) {
    return absl::OkStatus();
  }
  StartCheckpoint();
  return FinishCheckpoint();
}

}  // namespace partnermetrics
