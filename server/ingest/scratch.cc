#include "server/ingest/scratch.h"

#include <array>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "storage/mutex.h"
#include "storage/state_store.h"

namespace partnermetrics {
namespace {

// Of what a copy holds in memory beside its changes.
constexpr size_t kCacheBytes = size_t{32} << 20;
constexpr uint64_t kPastBatch = 1'000;

// What stands below a state that is made from nothing.
class Nothing : public storage::StateSnapshot {
 public:
  absl::Status Scan(storage::StateTable, absl::string_view, absl::string_view,
                    const std::function<bool(absl::string_view key, absl::string_view value)>&) const override {
    return absl::OkStatus();
  }
};

}  // namespace

// A snapshot with changes of its own before it. Checkpoints of the copy's engine come from another thread.
class Scratch::State : public storage::StateStore {
 public:
  explicit State(std::unique_ptr<storage::StateSnapshot> below) : below_(std::move(below)) {}

  absl::StatusOr<std::optional<std::string>> Get(storage::StateTable table, absl::string_view key) const override {
    {
      MutexLock lock(&mutex_);
      const Table& changes = changes_[static_cast<size_t>(table)];
      if (const auto it = changes.find(key); it != changes.end()) return it->second;
    }
    return GetBelow(table, key);
  }

  // As it was when the snapshot was taken.
  absl::StatusOr<std::optional<std::string>> GetBelow(storage::StateTable table, absl::string_view key) const {
    std::optional<std::string> found;
    RETURN_IF_ERROR(below_->Scan(table, key, key, [&](absl::string_view first, absl::string_view value) {
      if (first == key) found = std::string(value);
      return false;
    }));
    return found;
  }

  absl::Status Scan(storage::StateTable table, absl::string_view prefix, absl::string_view from,
                    const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const override {
    Table changes;  // of the range; a visitor may read again
    {
      MutexLock lock(&mutex_);
      const Table& all = changes_[static_cast<size_t>(table)];
      for (auto it = all.lower_bound(std::max(prefix, from)); it != all.end() && absl::StartsWith(it->first, prefix);
           ++it) {
        changes.insert(*it);
      }
    }
    auto next = changes.begin();
    bool more = true;
    // Visits the changes before `key`, and that of the key itself; true when there was one of it.
    const auto visit_changes = [&](const absl::string_view* key) {
      bool same = false;
      for (; more && next != changes.end() && (key == nullptr || next->first <= *key); ++next) {
        same = key != nullptr && next->first == *key;
        if (next->second.has_value()) more = visit(next->first, *next->second);
      }
      return same;
    };
    RETURN_IF_ERROR(below_->Scan(table, prefix, from, [&](absl::string_view key, absl::string_view value) {
      if (!visit_changes(&key) && more) more = visit(key, value);
      return more;
    }));
    visit_changes(nullptr);
    return absl::OkStatus();
  }

  std::unique_ptr<storage::StateSnapshot> Snapshot() const override { return nullptr; }  // nobody exports a copy

  absl::Status WriteCheckpoint(absl::Span<const storage::StateChange> changes) override {
    MutexLock lock(&mutex_);
    for (const storage::StateChange& change : changes) {
      std::optional<std::string> value;
      if (change.value.has_value()) value = std::string(*change.value);
      changes_[static_cast<size_t>(change.table)][std::string(change.key)] = std::move(value);
    }
    return absl::OkStatus();
  }

 private:
  using Table = std::map<std::string, std::optional<std::string>, std::less<>>;

  const std::unique_ptr<storage::StateSnapshot> below_;
  mutable Mutex mutex_;
  std::array<Table, storage::kStateTables> changes_ PM_GUARDED_BY(mutex_);
};

Scratch::Scratch() = default;
Scratch::~Scratch() = default;

absl::StatusOr<std::unique_ptr<Scratch>> Scratch::Make(Programs& programs, ProgramRuntime& program) {
  auto scratch = std::unique_ptr<Scratch>(new Scratch());
  scratch->stored_at_us_ = absl::ToUnixMicros(programs.Now());
  // Between two requests, with a checkpoint before it, the store holds exactly what readers see.
  RETURN_IF_ERROR(program.writer().Run([&]() -> absl::Status {
    RETURN_IF_ERROR(program.engine().Checkpoint());
    scratch->state_ = std::make_unique<State>(programs.database().state().Snapshot());
    return absl::OkStatus();
  }));
  EngineOptions options;
  options.program = program.id();
  options.cache_bytes = kCacheBytes;
  options.checkpoint_bytes = kCacheBytes;
  ASSIGN_OR_RETURN(scratch->engine_, Engine::Open(options, *scratch->state_, program.log()));
  Engine::View view(*scratch->engine_);
  scratch->position_ = scratch->next_ = view.header().position;
  return scratch;
}

absl::StatusOr<std::unique_ptr<Scratch>> Scratch::Past(const std::string& program, const storage::EventLog& log,
                                                       uint64_t position) {
  ASSIGN_OR_RETURN(std::unique_ptr<Scratch> scratch, MakeEmpty(program, log, ""));
  absl::Status applied;
  RETURN_IF_ERROR(log.Read(0, [&](const storage::LogRecord& record) {
    if (record.position > position) return false;
    applied = scratch->Replay(record);
    return applied.ok();
  }));
  RETURN_IF_ERROR(applied);
  RETURN_IF_ERROR(scratch->FinishReplay());
  return scratch;
}

absl::StatusOr<std::unique_ptr<Scratch>> Scratch::Of(const std::string& program, const storage::EventLog& log,
                                                     absl::Span<const storage::LogRecord> records,
                                                     const std::string& only_partner) {
  ASSIGN_OR_RETURN(std::unique_ptr<Scratch> scratch, MakeEmpty(program, log, only_partner));
  for (const storage::LogRecord& record : records) RETURN_IF_ERROR(scratch->Replay(record));
  RETURN_IF_ERROR(scratch->FinishReplay());
  return scratch;
}

absl::StatusOr<std::unique_ptr<Scratch>> Scratch::MakeEmpty(const std::string& program, const storage::EventLog& log,
                                                            const std::string& only_partner) {
  auto scratch = std::unique_ptr<Scratch>(new Scratch());
  scratch->state_ = std::make_unique<State>(std::make_unique<Nothing>());
  EngineOptions options;
  options.program = program;
  options.only_partner = only_partner;
  ASSIGN_OR_RETURN(scratch->engine_, Engine::Open(options, *scratch->state_, log));
  return scratch;
}

absl::Status Scratch::Replay(const storage::LogRecord& record) {
  RETURN_IF_ERROR(engine_->Apply(record).status());
  position_ = next_ = record.position;
  return ++replayed_ % kPastBatch == 0 ? engine_->Publish() : absl::OkStatus();
}

absl::Status Scratch::FinishReplay() {
  RETURN_IF_ERROR(FinishJobs());
  RETURN_IF_ERROR(engine_->Publish());
  if (Engine::View(*engine_).catalog() != nullptr) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_AVAILABLE", "the programme had no definitions by then",
                   "ask for a later day");
}

absl::Status Scratch::FinishJobs() {
  log::v1::JobStep step;
  step.set_facts(kPastBatch);
  while (engine_->HasJobs()) {
    storage::LogRecord record;
    record.type = storage::RecordType::kJobStep;
    record.position = ++next_;
    record.payload = step.SerializeAsString();
    RETURN_IF_ERROR(engine_->Apply(record).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<EventResult>> Scratch::Try(std::vector<PreparedEvent> events, uint64_t sequence) {
  std::vector<EventResult> results;
  results.reserve(events.size());
  for (PreparedEvent& event : events) {
    storage::LogRecord record;
    record.type = storage::RecordType::kEvent;
    record.sequence = sequence;
    record.appended_at_us = stored_at_us_;
    record.payload = std::move(event.payload);
    record.position = next_ + 1;
    ASSIGN_OR_RETURN(const Applied applied, engine_->Apply(record));
    if (applied.effect != Effect::kUnchanged) ++next_;
    results.push_back({applied.effect, applied.unresolved, applied.parked});
  }
  RETURN_IF_ERROR(engine_->Publish());
  return results;
}

absl::StatusOr<std::optional<StoredFact>> Scratch::Before(const FactId& id) const {
  Engine::View view(*engine_);
  ASSIGN_OR_RETURN(const auto value, state_->GetBelow(storage::StateTable::kFacts, view.keys().Fact(id)));
  if (!value.has_value()) return std::optional<StoredFact>();
  ASSIGN_OR_RETURN(StoredFact fact, DecodeFact(*value));
  return std::optional<StoredFact>(std::move(fact));
}

}  // namespace partnermetrics
