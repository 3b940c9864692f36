// Every partner's values of the metrics that are asked for, in order, as of today or of other days: a view in memory
// that can be rebuilt at any time.
//
//   StandingsTable table(program, programs);                 // follows today
//   RETURN_IF_ERROR(table.Read({"partner_revenue"}, [&](const Standings& standings) {
//     for (const uint32_t partner : standings.ranking->order()) …
//     return absl::OkStatus();
//   }));
//
// A column is made when it is first asked for. One of today is kept for an hour after it was last used; of those of
// other days as many as a budget allows, the last used ones. Bringing one up to date evaluates the partners that new
// facts touched, so that corrections count in past months too, and, when a day has turned, those for whom time alone
// may have changed something. Metrics that compare a partner with others are evaluated for all when anything changed.
//
// The monthly roll-up: of metrics that are asked for, the ends of the past months are columns before anybody asks for
// them (month_ends.h). Thread-safe.
#ifndef PARTNERMETRICS_SERVER_VIEWS_STANDINGS_TABLE_H_
#define PARTNERMETRICS_SERVER_VIEWS_STANDINGS_TABLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "partnermetrics/v1/partner.pb.h"
#include "server/ingest/programs.h"
#include "server/queries/engine_source.h"
#include "server/reports/standings.h"
#include "server/scoring/partner_days.h"
#include "server/scoring/tier_memo.h"
#include "server/views/partner_set.h"
#include "storage/mutex.h"

namespace partnermetrics {

// What a column holds.
struct StandingsKey {
  std::string metric;                                   // its id
  v1::WindowKind window = v1::WINDOW_KIND_UNSPECIFIED;  // unspecified: the metric's own
  std::optional<Day> day = {};                          // nothing: the table's
  friend bool operator<(const StandingsKey& a, const StandingsKey& b) {
    return std::tie(a.metric, a.window, a.day) < std::tie(b.metric, b.window, b.day);
  }
};

// For those who measure it.
struct StandingsWork {
  int64_t partners = 0;   // that are known
  int64_t evaluated = 0;  // values, since the table was made
  int64_t columns = 0;    // that are kept
};

class StandingsTable {
 public:
  // Without a day the table follows today.
  StandingsTable(ProgramRuntime& program, const Programs& programs, std::optional<Day> day = std::nullopt)
      : program_(program), programs_(programs), day_(day) {}

  // Calls `use` with the column, up to date. INVALID_ARGUMENT for a metric that is none of partners.
  absl::Status Read(const StandingsKey& key, absl::FunctionRef<absl::Status(const Standings&)> use);

  // The same with several columns at one position, which `choose` names by the definitions in force.
  absl::Status ReadTogether(absl::FunctionRef<std::vector<StandingsKey>(const Catalog&)> choose,
                            absl::FunctionRef<absl::Status(absl::Span<const Standings>)> use);

  // The day of a table with a day, from now on: the same one or a later one.
  void MoveTo(Day day);

  // Brings the columns of today up to date that were used lately, and drops the others: about as much of it as fits
  // into the given time, so that readers need not wait for all. Gives whether much is left to do.
  absl::StatusOr<bool> Refresh(absl::Duration most = absl::InfiniteDuration());
  // The same for the roll-up: makes what is missing of it, and drops what it has no use for.
  absl::StatusOr<bool> RollUp(absl::Duration most = absl::InfiniteDuration());

  StandingsWork work();
  // Of columns of other days than today, without the roll-up; for tests. Without it the budget is one of values.
  void set_other_days_budget(size_t columns);

 private:
  struct Column {
    const CompiledMetric* metric = nullptr;
    StandingsKey key;
    bool compares = false;         // a partner's value depends on other partners
    std::vector<RowKey> business;  // what it reads besides the partner's own rows
    bool is_timeless = true;       // it depends on the calendar only through measures
    bool is_tier = false;          // it changes with reviews alone
    Ranking ranking;
    bool is_rolled_up = false;
    Members members = {};
    PartnerSet stale = {};
    std::optional<uint64_t> business_print = {};
    uint64_t business_position = 0;    // at which the print was taken
    std::vector<TierMemo> memos = {};  // by partner; of a column that follows today and reads tiers
    // Of a column that follows today, by partner: the first day on which time alone may change the value.
    std::vector<Day> due = {};
    absl::Time used = absl::InfinitePast();                     // nobody read it yet
    std::optional<std::pair<Day, uint64_t>> evaluated_at = {};  // if it compares: as of which day and position
  };
  struct Partner {
    std::vector<PartnerDays> times;  // for which it was a partner
    bool gone = false;               // nobody states it any more
  };
  using Columns = std::vector<Column*>;
  static bool IsMember(const Partner& partner, Day as_of);

  // Takes over what changed since the last time; everything when definitions or the kinds that are reported did.
  absl::Status TakeChanges(const Engine::View& view) PM_REQUIRES(mutex_);
  bool IsOfOtherTimes(const Engine::View& view) const PM_REQUIRES(mutex_);
  absl::Status Begin(const Engine::View& view) PM_REQUIRES(mutex_);
  void SetFields(uint32_t partner, const std::string& fields) PM_REQUIRES(mutex_);
  void SetAttribute(const std::string& name, uint32_t partner, std::string value) PM_REQUIRES(mutex_);
  uint32_t NumberOf(const std::string& partner_id) PM_REQUIRES(mutex_);
  // Evaluates who is stale, in blocks, each at a position of its own, until few are left for the last one; there also
  // all partners for the columns that compare them with others.
  absl::Status Update(const Columns& columns) PM_REQUIRES(mutex_);
  // Since when the programme has facts decides from when on tiers are reviewed: another day concerns all.
  absl::Status TakeFirstFact(const Engine::View& view) PM_REQUIRES(mutex_);
  // What they read of the business concerns all partners.
  absl::Status TakeBusiness(const Engine::View& view, const Columns& columns) PM_REQUIRES(mutex_);
  // Columns that are evaluated together: those that most days concern, and those that few do.
  std::vector<Columns> BatchesOf(const Columns& columns) const;
  // After partners were evaluated.
  static void Settle(const Columns& columns);
  // By number, each once.
  std::vector<uint32_t> StaleIn(const Columns& columns) const PM_REQUIRES(mutex_);
  Day AsOf(const Column& column) const PM_REQUIRES(mutex_) { return column.key.day ? *column.key.day : as_of_; }
  // Forgets what is kept beyond the budget of other days.
  void DropOtherDays() PM_REQUIRES(mutex_);
  // Makes the columns of the roll-up, still stale, and gives them, those of one metric together.
  absl::StatusOr<std::vector<Columns>> ChooseRollUp() PM_REQUIRES(mutex_);
  absl::StatusOr<EngineSource> Collect(const Engine::View& view, const Columns& columns,
                                       absl::Span<const uint32_t> partners) const PM_REQUIRES(mutex_);
  void Evaluate(const EngineSource& source, const Columns& columns, absl::Span<const uint32_t> partners)
      PM_REQUIRES(mutex_);
  Day DueOf(const Column& column, const Partner& partner, Day read) const PM_REQUIRES(mutex_);
  // Of one block or of all who are left, with what was read for them.
  struct Work {
    Columns columns;
    std::vector<uint32_t> partners;
    EngineSource source;
  };
  absl::StatusOr<std::vector<Work>> CollectLast(const Engine::View& view, const std::vector<Columns>& batches,
                                                const Columns& comparing) PM_REQUIRES(mutex_);
  // Until the time is up, but a block at least. Gives how many are still stale.
  absl::StatusOr<size_t> EvaluateBlocks(const Columns& columns, size_t block_size, absl::Time until)
      PM_REQUIRES(mutex_);
  absl::StatusOr<Column*> ColumnOf(const StandingsKey& key) PM_REQUIRES(mutex_);

  ProgramRuntime& program_;
  const Programs& programs_;

  Mutex mutex_;
  std::optional<Day> day_ PM_GUARDED_BY(mutex_);
  std::shared_ptr<const Catalog> catalog_ PM_GUARDED_BY(mutex_);
  size_t kinds_ PM_GUARDED_BY(mutex_) = 0;                       // kinds of fact that were reported
  std::optional<uint64_t> targets_print_ PM_GUARDED_BY(mutex_);  // of those of the business
  uint64_t targets_position_ PM_GUARDED_BY(mutex_) = 0;          // at which it was taken
  bool is_waiting_ PM_GUARDED_BY(mutex_) = false;                // facts wait for a rate
  uint64_t moment_ PM_GUARDED_BY(mutex_) = 0;
  uint64_t position_ PM_GUARDED_BY(mutex_) = 0;
  Day as_of_ PM_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> ids_ PM_GUARDED_BY(mutex_);
  std::vector<Partner> partners_ PM_GUARDED_BY(mutex_);
  std::optional<Day> first_fact_ PM_GUARDED_BY(mutex_);  // of the programme, of those that tiers read
  absl::flat_hash_map<std::string, uint32_t> by_id_ PM_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<std::string>> attributes_ PM_GUARDED_BY(mutex_);
  std::map<StandingsKey, std::unique_ptr<Column>> columns_ PM_GUARDED_BY(mutex_);
  int64_t evaluated_ PM_GUARDED_BY(mutex_) = 0;
  std::optional<size_t> other_days_budget_ PM_GUARDED_BY(mutex_);
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_VIEWS_STANDINGS_TABLE_H_
