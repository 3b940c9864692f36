#include "server/engine/engine.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/engine/money.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

constexpr uint64_t kReplayBatch = 1'000;

bool SameSourcePrecedence(const v1::Program& a, const v1::Program& b) {
  return std::equal(a.source_precedence().begin(), a.source_precedence().end(), b.source_precedence().begin(),
                    b.source_precedence().end());
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
      facts_(keys_, state_, cells_, aliases_, scopes_, measures_) {}

Engine::~Engine() {
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
  ASSIGN_OR_RETURN(auto stored, state.Get(StateTable::kIndexes, engine->keys_.Of(Index::kDefinitions)));
  if (stored.has_value()) {
    log::v1::Definitions definitions;
    if (!definitions.ParseFromString(*stored)) return Unusable("the stored definitions are damaged");
    RETURN_IF_ERROR(engine->Activate(definitions));
  }
  {
    WriterLock lock(&engine->mutex_);
    engine->published_ = engine->header_;
  }
  return engine;
}

absl::Status Engine::Replay(const std::function<void(uint64_t done, uint64_t total)>& progress) {
  const uint64_t first = header_.position, last = log_.last_position();
  absl::Status applied;
  RETURN_IF_ERROR(log_.Read(first, [&](const storage::LogRecord& record) {
    applied = Apply(record).status();
    header_.position = record.position;
    if (applied.ok() && (record.position - first) % kReplayBatch == 0) {
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
    case storage::RecordType::kAlias: {
      log::v1::AliasChange change;
      const ReferenceKey key =
          change.ParseFromString(record.payload) ? ReadReference(change.alias().SerializeAsString()) : ReferenceKey();
      if (!key.empty()) {
        ASSIGN_OR_RETURN(applied.moved_facts,
                         facts_.ChangeClaims({key}, {change.partner_id(), kAdminClaimant}, !change.removed(), header_));
        applied.effect = Effect::kApplied;
        std::string alias_key = keys_.Of(Index::kAdminAlias, change.partner_id());
        storage::ByteWriter(&alias_key).KeyString(key);
        if (change.removed()) {
          state_.Delete(StateTable::kIndexes, std::move(alias_key));
        } else {
          state_.Put(StateTable::kIndexes, std::move(alias_key), "");
        }
      }
      break;
    }
    case storage::RecordType::kRunBegin:
    case storage::RecordType::kRunPage:
    case storage::RecordType::kRunEnd:
      RETURN_IF_ERROR(ApplyRun(record));
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
  return applied;
}

absl::Status Engine::ApplyDefinitions(const storage::LogRecord& record) {
  log::v1::Definitions definitions;
  if (!definitions.ParseFromString(record.payload)) {
    ++header_.without_effect;
    return absl::OkStatus();
  }
  const std::shared_ptr<const Catalog> before = catalog_;
  // The rebuild reads facts and deletes cells in the store itself, so everything before it is written first.
  RETURN_IF_ERROR(Publish());
  RETURN_IF_ERROR(Checkpoint());
  if (const absl::Status status = Activate(definitions); !status.ok()) {
    // Definitions are checked before they are logged; an engine that reads them otherwise must not guess.
    return absl::Status(absl::StatusCode::kFailedPrecondition,
                        absl::StrCat("definitions at log position ", record.position, ": ", status.message()));
  }
  state_.Put(StateTable::kIndexes, keys_.Of(Index::kDefinitions), record.payload);
  RETURN_IF_ERROR(Rebuild(before.get()));
  RETURN_IF_ERROR(ConvertMoneyAgain(before.get()));
  RETURN_IF_ERROR(FindWonDealsAgain(before.get()));
  return ResolveSharedDomains(before.get());
}

absl::Status Engine::ConvertMoneyAgain(const Catalog* before) {
  if (before != nullptr) {
    const v1::Program &old = before->program(), &now = catalog_->program();
    const bool same = old.currency_code() == now.currency_code() && old.time_zone() == now.time_zone() &&
                      MaxRateAge(old) == MaxRateAge(now) && SameSourcePrecedence(old, now);
    if (same) return absl::OkStatus();
  }
  RETURN_IF_ERROR(facts_.ForgetMoney());
  absl::Status status;
  const auto enter = [&](absl::string_view key, absl::string_view) {
    status = facts_.EnterMoneyAgain(keys_.ReadFactKey(key), header_);
    return status.ok();
  };
  RETURN_IF_ERROR(store_.Scan(StateTable::kFacts, keys_.program(), keys_.program(), enter));
  return status;
}

absl::Status Engine::FindWonDealsAgain(const Catalog* before) {
  if (before != nullptr && before->program().time_zone() == catalog_->program().time_zone()) return absl::OkStatus();
  RETURN_IF_ERROR(facts_.ForgetWonDeals());
  absl::Status status;
  const auto each_fact = [&](const std::function<absl::Status(const FactId&)>& visit) -> absl::Status {
    RETURN_IF_ERROR(store_.Scan(StateTable::kFacts, keys_.program(), keys_.program(),
                                [&](absl::string_view key, absl::string_view) {
                                  status = visit(keys_.ReadFactKey(key));
                                  return status.ok();
                                }));
    return status;
  };
  RETURN_IF_ERROR(each_fact([this](const FactId& id) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<StoredFact> fact, facts_.Get(id));
    return facts_.EnterWonDeal(id, *fact);
  }));
  return each_fact([this](const FactId& id) { return facts_.ResolveCustomersOf(id, header_); });
}

absl::Status Engine::ResolveSharedDomains(const Catalog* before) {
  if (before == nullptr) return absl::OkStatus();
  const auto& old_domains = before->program().shared_domains();
  const auto& new_domains = catalog_->program().shared_domains();
  const std::set<std::string> old_set(old_domains.begin(), old_domains.end());
  const std::set<std::string> new_set(new_domains.begin(), new_domains.end());
  std::vector<std::string> changed;
  std::set_symmetric_difference(old_set.begin(), old_set.end(), new_set.begin(), new_set.end(),
                                std::back_inserter(changed));
  for (std::string& domain : changed) domain = absl::StrCat("domain:", domain);
  return facts_.ResolveFactsNaming(changed, header_).status();
}

absl::Status Engine::Activate(const log::v1::Definitions& definitions) {
  ASSIGN_OR_RETURN(auto catalog, Catalog::Compile(definitions.program(), definitions.catalog()));
  facts_.SetCatalog(catalog);
  aliases_.SetSharedDomains(
      {definitions.program().shared_domains().begin(), definitions.program().shared_domains().end()});
  WriterLock lock(&mutex_);
  catalog_ = std::move(catalog);
  return absl::OkStatus();
}

absl::Status Engine::Rebuild(const Catalog* before) {
  // Money and days of every fact depend on currency and zone, partners on the order of their sources; anything else
  // concerns single measures.
  const bool all = before == nullptr || before->program().currency_code() != catalog_->program().currency_code() ||
                   before->program().time_zone() != catalog_->program().time_zone() ||
                   !SameSourcePrecedence(before->program(), catalog_->program());
  absl::flat_hash_set<std::string> dropped;
  std::vector<bool> wanted(catalog_->measures().size(), true);
  if (before != nullptr) {
    for (const v1::Measure& measure : before->definitions().measures()) {
      dropped.insert(measure.id());
      dropped.insert(ParkedRowName(measure.id()));
    }
  }
  if (!all) {
    absl::flat_hash_map<std::string, std::string> old;
    for (const v1::Measure& measure : before->definitions().measures()) {
      old[measure.id()] = measure.SerializeAsString();
    }
    for (const v1::Measure& measure : catalog_->definitions().measures()) {
      const auto it = old.find(measure.id());
      if (it == old.end() || it->second != measure.SerializeAsString()) continue;
      wanted[static_cast<size_t>(catalog_->FindMeasure(measure.id())->index)] = false;
      dropped.erase(measure.id());
      dropped.erase(ParkedRowName(measure.id()));
    }
  }
  // Segments that are declared newly, or otherwise than before.
  std::vector<std::string> dropped_segments;
  std::vector<bool> new_segments(static_cast<size_t>(catalog_->program().segments_size()), true);
  if (before != nullptr) {
    const auto& now = catalog_->program().segments();
    for (const v1::SegmentAttribute& old : before->program().segments()) {
      const auto same = std::find_if(now.begin(), now.end(), [&](const v1::SegmentAttribute& segment) {
        return segment.attribute() == old.attribute() && segment.membership() == old.membership();
      });
      if (same == now.end()) {
        dropped_segments.push_back(old.attribute());
      } else {
        new_segments[static_cast<size_t>(same - now.begin())] = false;
      }
    }
  }
  RETURN_IF_ERROR(DropCells(dropped, dropped_segments));

  // New measures everywhere; the others in the new segments.
  std::vector<bool> kept(wanted);
  kept.flip();
  const CountFilter filters[] = {{&wanted, nullptr, true}, {&kept, &new_segments, false}};
  const bool any_wanted = std::find(wanted.begin(), wanted.end(), true) != wanted.end();
  const bool any_segment = std::find(new_segments.begin(), new_segments.end(), true) != new_segments.end() &&
                           std::find(kept.begin(), kept.end(), true) != kept.end();
  const auto each_filter = [&](const std::function<absl::Status(const CountFilter&)>& count) -> absl::Status {
    if (any_wanted) RETURN_IF_ERROR(count(filters[0]));
    return any_segment ? count(filters[1]) : absl::OkStatus();
  };
  const std::string prefix = keys_.program();
  absl::Status status;
  const auto count = [&](absl::string_view key, absl::string_view value) {
    absl::StatusOr<StoredFact> fact = DecodeFact(value);
    status = fact.status();
    if (!status.ok()) return false;
    const FactId id = keys_.ReadFactKey(key);
    status = each_filter([&](const CountFilter& filter) { return facts_.CountFor(id, *fact, +1, filter); });
    return status.ok();
  };
  if (!any_wanted && !any_segment) return absl::OkStatus();
  RETURN_IF_ERROR(store_.Scan(StateTable::kFacts, prefix, prefix, count));
  RETURN_IF_ERROR(status);
  const std::string partners = keys_.Of(Index::kPartner);
  RETURN_IF_ERROR(store_.Scan(StateTable::kIndexes, partners, partners, [&](absl::string_view key, absl::string_view) {
    const std::string id = storage::ByteReader(key.substr(partners.size())).KeyString();
    status = each_filter([&](const CountFilter& filter) { return facts_.CountPartner(id, +1, filter); });
    return status.ok();
  }));
  return status;
}

absl::Status Engine::DropCells(const absl::flat_hash_set<std::string>& measures,
                               const std::vector<std::string>& segments) {
  if (measures.empty() && segments.empty()) return absl::OkStatus();
  std::vector<CellChange> cells;
  if (!measures.empty()) {
    ASSIGN_OR_RETURN(cells, cells_.CollectWithout(measures));
  }
  for (const std::string& attribute : segments) {
    const std::string prefix = keys_.program() + SegmentScopePrefix(attribute);
    RETURN_IF_ERROR(store_.Scan(StateTable::kCells, prefix, prefix, [&](absl::string_view key, absl::string_view) {
      cells.push_back({std::string(key), std::nullopt});
      return true;
    }));
  }
  std::vector<storage::StateChange> changes;
  for (const CellChange& cell : cells) changes.push_back({StateTable::kCells, cell.key, cell.value});
  // A crash after this leaves these cells missing and the old definitions in force at a position before the new ones:
  // replay comes here again and counts them anew.
  RETURN_IF_ERROR(store_.WriteCheckpoint(changes));
  MutexLock gate(&gate_);
  WriterLock lock(&mutex_);
  cells_.DropAll();
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
    run.set_ended_at_us(record.appended_at_us);
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

void Engine::Discard() {
  state_.Discard();
  cells_.Discard();
  facts_.Discard();
  aliases_.Forget();
  sealed_.reset();
  ReaderLock lock(&mutex_);
  header_ = published_;
}

absl::Status Engine::Seal() {
  RETURN_IF_ERROR(facts_.EndBatch());
  state_.Seal();
  cells_.Seal();
  sealed_ = header_;
  return absl::OkStatus();
}

absl::Status Engine::Publish() {
  if (!sealed_.has_value()) RETURN_IF_ERROR(Seal());
  {
    MutexLock gate(&gate_);
    WriterLock lock(&mutex_);
    state_.Publish();
    cells_.Publish();
    published_ = *std::exchange(sealed_, std::nullopt);
  }
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
    checkpoint_next_ = published_.position;
    header = EncodeHeader(published_);
  }
  std::vector<DirtyYear> dirty = cells_.TakeDirty();
  checkpoint_cells_.insert(checkpoint_cells_.end(), std::make_move_iterator(dirty.begin()),
                           std::make_move_iterator(dirty.end()));
  // The cells are shared until it is written: who changes one of these years meanwhile copies it.
  checkpoint_ = std::async(std::launch::async, [this, header_key = keys_.Header(), header = std::move(header)] {
    // Sorted keys are quicker to insert than scattered ones. Of one key the later change counts.
    std::vector<CellChange> cells;
    cells.reserve(checkpoint_cells_.size());
    for (const DirtyYear& year : checkpoint_cells_) cells.push_back(cells_.Encode(year));
    std::stable_sort(cells.begin(), cells.end(),
                     [](const CellChange& a, const CellChange& b) { return a.key < b.key; });
    std::vector<storage::StateChange> changes = {{StateTable::kMeta, header_key, header}};
    for (const CellChange& cell : cells) changes.push_back({StateTable::kCells, cell.key, cell.value});
    state_.CollectFrozen(changes);
    absl::Status status = store_.WriteCheckpoint(changes);
    if (status.ok()) checkpoint_cells_.clear();
    return status;
  });
}

absl::Status Engine::FinishCheckpoint() {
  if (!checkpoint_.valid()) return absl::OkStatus();
  RETURN_IF_ERROR(checkpoint_.get());
  StateOverlay::Layer written;  // freed without the lock
  MutexLock gate(&gate_);
  WriterLock lock(&mutex_);
  state_.DropFrozen(written);
  cells_.Evict();
  checkpoint_position_ = checkpoint_next_;
  return absl::OkStatus();
}

absl::Status Engine::Checkpoint() {
  RETURN_IF_ERROR(FinishCheckpoint());
  if (header_.position == checkpoint_position_ && state_.dirty_bytes() == 0 && cells_.dirty_bytes() == 0 &&
      checkpoint_cells_.empty()) {
    return absl::OkStatus();
  }
  StartCheckpoint();
  return FinishCheckpoint();
}

}  // namespace partnermetrics
