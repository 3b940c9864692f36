// Every partner's interventions up to today, or up to a fixed day: a view in memory that can be rebuilt at any time.
//
//   InterventionTable table(program, programs);              // follows today
//   RETURN_IF_ERROR(table.Read([&](const InterventionBook& book) {
//     for (const BookedPartner& partner : book.partners) …
//     return absl::OkStatus();
//   }));
//
// The first read replays every partner's days. From then on a read replays the partners that new facts or actions
// touched, and goes on for those for whom a day has come on which something may have changed; a rule that reads the
// business besides the partner is replayed for all when that changed. Thread-safe.
#ifndef PARTNERMETRICS_SERVER_VIEWS_INTERVENTION_TABLE_H_
#define PARTNERMETRICS_SERVER_VIEWS_INTERVENTION_TABLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/ingest/programs.h"
#include "server/queries/engine_source.h"
#include "server/reports/intervention_watch.h"
#include "storage/mutex.h"

namespace partnermetrics {

struct BookedPartner {
  std::string id;
  bool is_gone = false;            // nobody states it any more
  InterventionActions actions;     // about all its interventions
  std::vector<RuleWatch> watches;  // by rule
  uint64_t changed_at = 0;         // which of the book's changes was the last one to it
};

struct InterventionBook {
  const Catalog* catalog = nullptr;
  uint64_t position = 0;
  Day day = 0;
  absl::Span<const BookedPartner> partners;
  uint64_t changes = 0;                    // to partners, since the table was made
  uint64_t begun = 0;                      // how often all partners were read anew
  const Incomplete* incomplete = nullptr;  // cells that jobs are changing; null: none
};

// Whether jobs are changing what the rule reads: then it tells nothing of today.
bool IsChanging(const InterventionBook& book, const CompiledInterventionRule& rule);

// The actions about one rule's interventions, in order.
InterventionActions ActionsOf(const InterventionActions& all, const std::string& rule);

// What was done about the interventions of a partner.
absl::StatusOr<InterventionActions> ReadInterventionActions(const Engine::View& view, const std::string& partner_id);

class InterventionTable {
 public:
  // Without a day the table follows today.
  InterventionTable(ProgramRuntime& program, const Programs& programs, std::optional<Day> day = std::nullopt)
      : program_(program), programs_(programs), fixed_day_(day) {}

  // The day of a table with a day, from now on: the same one or a later one.
  void MoveTo(Day day);

  // Calls `use` with everything up to date. An ABORTED status of it means that definitions changed meanwhile, and is
  // followed by another call.
  absl::Status Read(absl::FunctionRef<absl::Status(const InterventionBook&)> use);

  // Replays and continuations of one partner, since the table was made: for those who measure it.
  int64_t work();

 private:
  // Takes over what changed since the last time.
  absl::Status TakeChanges(const Engine::View& view) PM_REQUIRES(mutex_);
  bool IsOfOtherTimes(const Engine::View& view) const PM_REQUIRES(mutex_);
  absl::Status Begin(const Engine::View& view) PM_REQUIRES(mutex_);
  absl::Status TakeScopes(const Engine::View& view) PM_REQUIRES(mutex_);
  absl::Status TakeBusiness(const Engine::View& view) PM_REQUIRES(mutex_);
  absl::Status TakeActions(const Engine::View& view) PM_REQUIRES(mutex_);
  size_t NumberOf(const std::string& partner_id) PM_REQUIRES(mutex_);
  void Forget(BookedPartner& partner) PM_REQUIRES(mutex_);
  absl::Status Update() PM_REQUIRES(mutex_);
  // Partners for whom something is to be done.
  std::vector<size_t> Behind() const PM_REQUIRES(mutex_);
  absl::StatusOr<EngineSource> Collect(const Engine::View& view, absl::Span<const size_t> partners) const
      PM_REQUIRES(mutex_);
  void Advance(const EngineSource& source, absl::Span<const size_t> partners) PM_REQUIRES(mutex_);

  ProgramRuntime& program_;
  const Programs& programs_;

  Mutex mutex_;
  std::optional<Day> fixed_day_ PM_GUARDED_BY(mutex_);
  std::shared_ptr<const Catalog> catalog_ PM_GUARDED_BY(mutex_);
  size_t kinds_ PM_GUARDED_BY(mutex_) = 0;  // kinds of fact that were reported
  bool facts_wait_ PM_GUARDED_BY(mutex_) = false;
  uint64_t moment_ PM_GUARDED_BY(mutex_) = 0;
  uint64_t position_ PM_GUARDED_BY(mutex_) = 0;
  Day day_ PM_GUARDED_BY(mutex_) = 0;
  std::vector<BookedPartner> partners_ PM_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, size_t> by_id_ PM_GUARDED_BY(mutex_);
  std::vector<uint64_t> prints_ PM_GUARDED_BY(mutex_);             // of the business, as each rule reads it
  std::optional<uint64_t> prints_position_ PM_GUARDED_BY(mutex_);  // at which they were taken
  std::shared_ptr<const Incomplete> incomplete_ PM_GUARDED_BY(mutex_);
  uint64_t changes_ PM_GUARDED_BY(mutex_) = 0;
  uint64_t begun_ PM_GUARDED_BY(mutex_) = 0;
  int64_t work_ PM_GUARDED_BY(mutex_) = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_VIEWS_INTERVENTION_TABLE_H_
