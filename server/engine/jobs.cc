#include "server/engine/jobs.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "server/engine/fact_kinds.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

// Entries of an index are only counted, which is quicker than to resolve the facts that they name.
constexpr int64_t kCountedForEachSettled = 10;

log::v1::FactRange ToProto(const FactRange& range) {
  log::v1::FactRange stored;
  stored.set_prefix(range.prefix);
  stored.set_next(range.next);
  stored.set_end(range.end);
  stored.set_fact_at(static_cast<uint32_t>(range.fact_at));
  return stored;
}

FactRange FromProto(const log::v1::FactRange& stored) {
  return {stored.prefix(), stored.next(), stored.end(), stored.fact_at()};
}

bool IsDefinitions(const log::v1::JobRecord& job) {
  return job.kind() == v1::JOB_KIND_DEFINITIONS;
}

bool HasMoney(const FactSchema& schema) {
  return std::any_of(schema.fields().begin(), schema.fields().end(),
                     [](const FieldSchema& field) { return field.type == ValueType::kMoney; });
}

// Whether a job of this kind may settle facts of a kind. Parts follow their roots.
bool MaySettle(int job_kind, const FactSchema& schema) {
  if (schema.root_schema() != nullptr && MaySettle(job_kind, *schema.root_schema())) return true;
  // Partners are counted as entities, at one go with the record that changes them.
  if (schema.kind() == PartnerKind()) return false;
  if (job_kind == v1::JOB_KIND_RATE) return HasMoney(schema);
  if (job_kind == v1::JOB_KIND_CUSTOMER) return schema.inherits_from_customer();
  return schema.can_have_partner();
}

bool IsSet(const std::vector<bool>& flags, int index) {
  return static_cast<size_t>(index) < flags.size() && flags[static_cast<size_t>(index)];
}

}  // namespace

bool Incomplete::HasMeasure(int measure, bool in_business) const {
  return all || IsSet(measures, measure) || (!in_business && IsSet(of_partners, measure));
}

bool Incomplete::HasSegments(absl::string_view attribute) const {
  return std::find(attributes.begin(), attributes.end(), attribute) != attributes.end();
}

absl::StatusOr<std::shared_ptr<const Catalog>> Jobs::CompileAt(const std::string& key) const {
  ASSIGN_OR_RETURN(const auto stored, state_.Get(StateTable::kIndexes, key));
  log::v1::Definitions definitions;
  if (!stored.has_value() || !definitions.ParseFromString(*stored)) {
    return absl::FailedPreconditionError("the stored definitions are damaged");
  }
  return Catalog::Compile(definitions.program(), definitions.catalog());
}

absl::Status Jobs::Load() {
  open_.clear();
  uint64_t in_force = 0;
  bool damaged = false;
  const std::string prefix = keys_.Of(Index::kJob);
  RETURN_IF_ERROR(state_.Scan(StateTable::kIndexes, prefix, prefix, [&](absl::string_view, absl::string_view value) {
    log::v1::JobRecord job;
    damaged = damaged || !job.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (!job.finished()) {
      open_.push_back(std::move(job));
    } else if (IsDefinitions(job)) {
      in_force = job.position();
    }
    return true;
  }));
  if (damaged) return absl::FailedPreconditionError("a stored job is damaged");
  if (facts_.definitions() != in_force || facts_.is_migrating()) {
    std::shared_ptr<const Catalog> catalog = facts_.catalog();
    if (in_force == 0) {
      catalog = nullptr;
    } else if (facts_.definitions() != in_force) {
      ASSIGN_OR_RETURN(catalog, CompileAt(keys_.Of(Index::kDefinitions)));
    }
    facts_.SetDefinitions(std::move(catalog), in_force);
  }
  if (!open_.empty() && IsDefinitions(open_.front()) && open_.front().begun()) {
    RETURN_IF_ERROR(BeginDefinitions(open_.front()));
  }
  ShareRanges();
  return facts_.LoadSegmentMoves();
}

uint64_t Jobs::OpenFor(const storage::LogRecord& record, int kind, std::string cause) {
  if (facts_.unsettled().empty()) return 0;
  log::v1::JobRecord& job = open_.emplace_back();
  job.set_position(record.position);
  job.set_kind(kind);
  job.set_cause(std::move(cause));
  job.set_opened_at_us(record.appended_at_us);
  for (const FactRange& range : facts_.unsettled()) *job.add_ranges() = *job.add_uncounted() = ToProto(range);
  facts_.unsettled().clear();
  Store(job);
  ShareRanges();
  return record.position;
}

absl::Status Jobs::OpenDefinitions(const storage::LogRecord& record, const log::v1::Definitions& definitions,
                                   const Header& header) {
  // Definitions are checked before they are logged; an engine that reads them otherwise must not guess.
  const auto catalog = Catalog::Compile(definitions.program(), definitions.catalog());
  if (!catalog.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("definitions at log position ", record.position, ": ", catalog.status().message()));
  }
  log::v1::JobRecord& job = open_.emplace_back();
  job.set_position(record.position);
  job.set_kind(v1::JOB_KIND_DEFINITIONS);
  job.set_cause(absl::StrCat("definitions ", (*catalog)->hash().substr(0, 12)));
  job.set_opened_at_us(record.appended_at_us);
  job.set_total(header.facts + header.partners);
  state_.Put(StateTable::kIndexes, keys_.JobDefinitions(record.position), record.payload);
  Store(job);
  return absl::OkStatus();
}

absl::Status Jobs::BeginDefinitions(log::v1::JobRecord& job) {
  ASSIGN_OR_RETURN(auto catalog, CompileAt(keys_.JobDefinitions(job.position())));
  facts_.BeginMigration(std::move(catalog), job.position(), {job.fact_key(), job.partner_key()});
  job.set_begun(true);
  return absl::OkStatus();
}

absl::Status Jobs::FinishDefinitions(const log::v1::JobRecord& job) {
  facts_.EndMigration();
  ASSIGN_OR_RETURN(std::optional<std::string> definitions,
                   state_.Get(StateTable::kIndexes, keys_.JobDefinitions(job.position())));
  if (!definitions.has_value()) return absl::DataLossError("the definitions of a job are gone");
  state_.Put(StateTable::kIndexes, keys_.Of(Index::kDefinitions), *std::move(definitions));
  state_.Delete(StateTable::kIndexes, keys_.JobDefinitions(job.position()));
  return absl::OkStatus();
}

absl::Status Jobs::CountTotal(log::v1::JobRecord& job, int64_t most, const Header& header) {
  int64_t left = most * kCountedForEachSettled;
  while (job.uncounted_size() > 0 && left > 0) {
    FactRange range = FromProto(job.uncounted(0));
    if (facts_.IsSegmentMove(range)) {
      ASSIGN_OR_RETURN(const int64_t facts, facts_.SizeOfSegmentMove(range, header));
      job.set_total(job.total() + facts);
      job.mutable_uncounted()->DeleteSubrange(0, 1);
      continue;
    }
    ASSIGN_OR_RETURN(const int64_t counted, facts_.CountEntries(range, left));
    job.set_total(job.total() + counted);
    if (counted == left) {
      *job.mutable_uncounted(0) = ToProto(range);
    } else {
      job.mutable_uncounted()->DeleteSubrange(0, 1);
    }
    left -= counted;
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Jobs::Work(log::v1::JobRecord& job, int64_t most, Header& header) {
  if (IsDefinitions(job) && !job.begun()) RETURN_IF_ERROR(BeginDefinitions(job));
  RETURN_IF_ERROR(CountTotal(job, most, header));
  std::deque<FactRange>& unsettled = facts_.unsettled();
  for (const log::v1::FactRange& range : job.ranges()) unsettled.push_back(FromProto(range));
  job.clear_ranges();
  // First what hangs on the facts of the step before, so that it does not pile up.
  ASSIGN_OR_RETURN(int64_t done, facts_.Settle(most, header));
  if (IsDefinitions(job)) {
    ASSIGN_OR_RETURN(const int64_t migrated, facts_.Migrate(most - done, header));
    done += migrated;
    job.set_fact_key(facts_.migrated().fact);
    job.set_partner_key(facts_.migrated().partner);
  }
  job.set_done(job.done() + done);
  for (const FactRange& range : unsettled) *job.add_ranges() = ToProto(range);
  unsettled.clear();
  facts_.TakeMoved();
  return done;
}

absl::Status Jobs::Step(const storage::LogRecord& record, int64_t most, Header& header) {
  int64_t left = most;
  while (!open_.empty() && left > 0) {
    log::v1::JobRecord& job = open_.front();
    ASSIGN_OR_RETURN(const int64_t done, Work(job, left, header));
    job.set_stepped_at_us(record.appended_at_us);
    job.set_finished(done < left && job.ranges_size() == 0);
    left -= done;
    if (!job.finished()) {
      Store(job);
      continue;
    }
    if (IsDefinitions(job)) RETURN_IF_ERROR(FinishDefinitions(job));
    job.clear_uncounted();
    job.clear_fact_key();
    job.clear_partner_key();
    job.set_total(job.done());
    Store(job);
    open_.erase(open_.begin());
  }
  ShareRanges();
  return absl::OkStatus();
}

Incomplete Jobs::incomplete() const {
  Incomplete incomplete;
  if (const std::optional<DefinitionsChange> change = facts_.Changing(); change.has_value()) {
    incomplete.all = change->resolves;
    incomplete.measures = change->before.measures;
    // None when these are the first definitions.
    for (size_t i = 0; i < change->before.segments.size(); ++i) {
      if (!change->before.segments[i]) continue;
      const v1::Program& program = facts_.catalog()->program();
      incomplete.attributes.push_back(program.segments(static_cast<int>(i)).attribute());
    }
  }
  for (const log::v1::JobRecord& job : open_) {
    if (!IsDefinitions(job)) AddUnsettled(job, incomplete);
  }
  return incomplete;
}

void Jobs::AddUnsettled(const log::v1::JobRecord& job, Incomplete& incomplete) const {
  if (facts_.catalog() == nullptr) return;  // nothing counts yet
  bool moves = false, settles = false;
  for (const log::v1::FactRange& range : job.ranges()) {
    (facts_.IsSegmentMove(FromProto(range)) ? moves : settles) = true;
  }
  for (int i = 0; moves && i < facts_.catalog()->program().segments_size(); ++i) {
    incomplete.attributes.push_back(facts_.catalog()->program().segments(i).attribute());
  }
  if (!settles) return;
  const absl::Span<const CompiledMeasure> measures = facts_.catalog()->measures();
  incomplete.measures.resize(measures.size());
  incomplete.of_partners.resize(measures.size());
  for (const CompiledMeasure& measure : measures) {
    if (!MaySettle(job.kind(), *measure.fact)) continue;
    // Who a fact's partners are makes no difference to the business, but for their roles and shares.
    const bool everywhere = job.kind() == v1::JOB_KIND_RATE || measure.reads_role || measure.reads_credited;
    (everywhere ? incomplete.measures : incomplete.of_partners)[static_cast<size_t>(measure.index)] = true;
  }
}

void Jobs::Store(const log::v1::JobRecord& job) {
  state_.Put(StateTable::kIndexes, keys_.Job(job.position()), job.SerializeAsString());
}

void Jobs::ShareRanges() {
  std::vector<FactRange> ranges;
  for (const log::v1::JobRecord& job : open_) {
    for (const log::v1::FactRange& range : job.ranges()) ranges.push_back(FromProto(range));
  }
  facts_.SetWaiting(std::move(ranges));
}

}  // namespace partnermetrics
