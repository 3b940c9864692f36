#include "server/services/ingest_batch.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/services/call.h"

namespace partnermetrics {
namespace {

// Keeps an answer with 10,000 rejections small enough to be sent.
constexpr size_t kMaxResultText = 160;

}  // namespace

absl::StatusOr<IngestBatch> IngestBatch::Prepare(Programs& programs, const std::string& program,
                                                 const std::string& source, const Events& events) {
  if (program.empty()) return InvalidField("program", "REQUIRED", "must name the programme of the events");
  if (events.size() > kMaxBatchEvents) {
    return InvalidField("events", "TOO_MANY",
                        absl::StrCat("are ", events.size(), "; a request holds at most ", kMaxBatchEvents,
                                     ": send them in several"));
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
    std::variant<PreparedEvent, FieldError> prepared = partnermetrics::Prepare(events[i], context);
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
    v1::EventResult one;
    one.set_index(i);
    if (next_rejected < rejected_.size() && rejected_[next_rejected].first == i) {
      const FieldError& error = rejected_[next_rejected++].second;
      one.set_outcome(v1::EVENT_OUTCOME_REJECTED);
      one.set_field(Clip(error.field, kMaxResultText));
      one.set_reason(error.reason);
      one.set_message(Clip(error.description, kMaxResultText));
      counts.set_rejected(counts.rejected() + 1);
    } else {
      const EventResult& written = result.events[next_written++];
      one.set_unresolved(written.unresolved);
      one.set_parked(written.parked);
      switch (written.effect) {
        case Effect::kApplied:
          one.set_outcome(v1::EVENT_OUTCOME_APPLIED);
          counts.set_applied(counts.applied() + 1);
          counts.set_unresolved(counts.unresolved() + (written.unresolved ? 1 : 0));
          counts.set_parked(counts.parked() + (written.parked ? 1 : 0));
          break;
        case Effect::kUnchanged:
          one.set_outcome(v1::EVENT_OUTCOME_UNCHANGED);
          counts.set_unchanged(counts.unchanged() + 1);
          break;
        case Effect::kSuperseded:
          one.set_outcome(v1::EVENT_OUTCOME_SUPERSEDED);
          counts.set_superseded(counts.superseded() + 1);
          break;
        case Effect::kNone:
          one.set_outcome(v1::EVENT_OUTCOME_REJECTED);
          one.set_reason("NO_EFFECT");
          one.set_message("the event cannot be read");
          counts.set_rejected(counts.rejected() + 1);
          break;
      }
    }
    const bool plain = (one.outcome() == v1::EVENT_OUTCOME_APPLIED && !one.unresolved() && !one.parked()) ||
                       one.outcome() == v1::EVENT_OUTCOME_UNCHANGED;
    if (detail == v1::RESULT_DETAIL_ALL || (detail != v1::RESULT_DETAIL_NONE && !plain)) *results.Add() = std::move(one);
  }
}

}  // namespace partnermetrics
