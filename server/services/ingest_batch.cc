#include "server/services/ingest_batch.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/queries/answer_size.h"

namespace partnermetrics {
namespace {

// Keeps an answer with 10,000 rejections small enough to be sent.
constexpr size_t kMaxResultText = 160;

v1::EventResult Rejected(const FieldError& error) {
  v1::EventResult result;
  result.set_outcome(v1::EVENT_OUTCOME_REJECTED);
  result.set_field(Clip(error.field, kMaxResultText));
  result.set_reason(error.reason);
  result.set_message(Clip(error.description, kMaxResultText));
  return result;
}

v1::EventResult Written(const EventResult& written) {
  if (written.effect == Effect::kNone) return Rejected({"", "NO_EFFECT", "the event cannot be read"});
  v1::EventResult result;
  result.set_outcome(written.effect == Effect::kApplied     ? v1::EVENT_OUTCOME_APPLIED
                     : written.effect == Effect::kUnchanged ? v1::EVENT_OUTCOME_UNCHANGED
                                                            : v1::EVENT_OUTCOME_SUPERSEDED);
  result.set_unresolved(written.unresolved);
  result.set_parked(written.parked);
  return result;
}

void Count(const v1::EventResult& result, v1::IngestCounts& counts) {
  const auto is = [&result](v1::EventOutcome outcome) { return result.outcome() == outcome ? 1 : 0; };
  const int applied = is(v1::EVENT_OUTCOME_APPLIED);
  counts.set_applied(counts.applied() + applied);
  counts.set_unchanged(counts.unchanged() + is(v1::EVENT_OUTCOME_UNCHANGED));
  counts.set_superseded(counts.superseded() + is(v1::EVENT_OUTCOME_SUPERSEDED));
  counts.set_rejected(counts.rejected() + is(v1::EVENT_OUTCOME_REJECTED));
  counts.set_unresolved(counts.unresolved() + (result.unresolved() ? applied : 0));
  counts.set_parked(counts.parked() + (result.parked() ? applied : 0));
}

}  // namespace

absl::StatusOr<IngestBatch> IngestBatch::Prepare(Programs& programs, const std::string& program,
                                                 const std::string& source, Events& events) {
  if (program.empty()) return InvalidField("program", "REQUIRED", "must name the programme of the events");
  if (events.size() > kMaxBatchEvents) {
    return InvalidField(
        "events", "TOO_MANY",
        absl::StrCat("are ", events.size(), "; a request holds at most ", kMaxBatchEvents, ": send them in several"));
  }
  IngestBatch batch;
  ASSIGN_OR_RETURN(batch.program_, programs.Find(program));
  std::shared_ptr<const Catalog> catalog;
  {
    Engine::View view(batch.program_->engine());
    catalog = view.catalog();
  }
  const PrepareContext context = {program, source, catalog->program().currency_code(), programs.Today(*catalog),
                                  &programs.pseudonymiser()};
  batch.size_ = events.size();
  batch.write_.actor = absl::StrCat("service:", Clip(source, 100));
  batch.write_.events.reserve(static_cast<size_t>(events.size()));
  for (int i = 0; i < events.size(); ++i) {
    std::variant<PreparedEvent, FieldError> prepared = partnermetrics::Prepare(std::move(events[i]), context);
    if (auto* error = std::get_if<FieldError>(&prepared); error != nullptr) {
      batch.rejected_.emplace_back(i, std::move(*error));
    } else {
      batch.write_.events.push_back(std::move(std::get<PreparedEvent>(prepared)));
    }
  }
  return batch;
}

void IngestBatch::FillResults(const WriteResult& result, v1::ResultDetail detail, v1::IngestCounts& counts,
                              Results& results) const {
  size_t next_rejected = 0, next_written = 0;
  for (int i = 0; i < size_; ++i) {
    const bool rejected = next_rejected < rejected_.size() && rejected_[next_rejected].first == i;
    v1::EventResult one =
        rejected ? Rejected(rejected_[next_rejected++].second) : Written(result.events[next_written++]);
    one.set_index(i);
    Count(one, counts);
    const bool plain = one.outcome() == v1::EVENT_OUTCOME_UNCHANGED ||
                       (one.outcome() == v1::EVENT_OUTCOME_APPLIED && !one.unresolved() && !one.parked());
    if (detail == v1::RESULT_DETAIL_ALL || (detail != v1::RESULT_DETAIL_NONE && !plain))
      *results.Add() = std::move(one);
  }
}

}  // namespace partnermetrics
