// Every partner's values of the metrics that are asked for, in order, as of today or of a fixed day: a view in memory
// that can be rebuilt at any time.
//
//   StandingsTable table(program, programs);                 // follows today
//   RETURN_IF_ERROR(table.Read({"partner_revenue"}, [&](const Standings& standings) {
//     for (const uint32_t partner : standings.ranking->order()) …
//     return absl::OkStatus();
//   }));
//
// A column is made when it is first asked for and kept for an hour after it was last used. Refreshing it evaluates the
// partners that new facts touched and, when a day has turned, those for whom time alone may have changed something.
// Metrics that compare a partner with others are evaluated for all when anything changed. Thread-safe.
#ifndef PARTNERMETRICS_SERVER_SERVICES_STANDINGS_TABLE_H_
#define PARTNERMETRICS_SERVER_SERVICES_STANDINGS_TABLE_H_

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
#include "server/reports/standings.h"
#include "server/services/engine_source.h"
#include "storage/mutex.h"

namespace partnermetrics {

// What a column holds.
struct StandingsKey {
  std::string metric;                                   // its id
  v1::WindowKind window = v1::WINDOW_KIND_UNSPECIFIED;  // unspecified: the metric's own
  friend bool operator<(const StandingsKey& a, const StandingsKey& b) {
    return std::tie(a.metric, a.window) < std::tie(b.metric, b.window);
  }
};

// For those who measure it.
struct StandingsWork {
  int64_t partners = 0;   // that are known
  int64_t evaluated = 0;  // values, since the table was made
};

class StandingsTable {
 public:
  // Without a day the table follows today.
  StandingsTable(ProgramRuntime& program, const Programs& programs, std::optional<Day> day = std::nullopt)
      : program_(program), programs_(programs), day_(day) {}

  // Calls `use` with the column, up to date. INVALID_ARGUMENT for a metric that is none of partners.
  absl::Status Read(const StandingsKey& key, absl::FunctionRef<absl::Status(const Standings&)> use);

  // Brings all columns up to date that were used lately, and drops the others. Does nothing without columns.
  absl::Status Refresh();

  StandingsWork work();

 private:
  struct Column {
    const CompiledMetric* metric = nullptr;
    v1::WindowKind window = v1::WINDOW_KIND_UNSPECIFIED;
    bool of_itself = true;    // a partner's value depends on nothing but the partner
    bool is_timeless = true;  // and on the calendar only through measures
    Ranking ranking;
    std::vector<char> stale = {};  // by partner
    std::vector<Day> due = {};     // by partner: the first day on which time alone may change the value
    absl::Time used = {};
    std::optional<std::pair<Day, uint64_t>> evaluated_at = {};  // as of which day and position, if not of_itself
  };
  struct Partner {
    std::optional<Day> signed_on, terminated_on;
    bool gone = false;  // nobody states it any more
  };
  using Columns = std::vector<Column*>;

  // Takes over what changed since the last time; everything when definitions or the kinds that are reported did.
  absl::Status TakeChanges(const Engine::View& view) PM_REQUIRES(mutex_);
  bool IsOfOtherTimes(const Engine::View& view) const PM_REQUIRES(mutex_);
  absl::Status Begin(const Engine::View& view) PM_REQUIRES(mutex_);
  void SetFields(uint32_t partner, const std::string& fields) PM_REQUIRES(mutex_);
  void SetAttribute(const std::string& name, uint32_t partner, std::string value) PM_REQUIRES(mutex_);
  uint32_t NumberOf(const std::string& partner_id) PM_REQUIRES(mutex_);
  // Evaluates who is stale, in blocks, each at a position of its own, until few are left for the last one.
  absl::Status EvaluateStale(const Columns& columns) PM_REQUIRES(mutex_);
  std::vector<uint32_t> StaleIn(const Columns& columns) const PM_REQUIRES(mutex_);
  absl::StatusOr<EngineSource> Collect(const Engine::View& view, const Columns& columns,
                                       absl::Span<const uint32_t> partners) const PM_REQUIRES(mutex_);
  void Evaluate(const EngineSource& source, const Columns& columns, absl::Span<const uint32_t> partners)
      PM_REQUIRES(mutex_);
  // For a column that compares partners with others.
  absl::Status EvaluateAll(Column& column) PM_REQUIRES(mutex_);
  absl::Status Update(const Columns& columns) PM_REQUIRES(mutex_);
  absl::StatusOr<Column*> ColumnOf(const StandingsKey& key) PM_REQUIRES(mutex_);
  bool IsMember(const Partner& partner) const PM_REQUIRES(mutex_);

  ProgramRuntime& program_;
  const Programs& programs_;
  const std::optional<Day> day_;

  Mutex mutex_;
  std::shared_ptr<const Catalog> catalog_ PM_GUARDED_BY(mutex_);
  size_t kinds_ PM_GUARDED_BY(mutex_) = 0;         // kinds of fact that were reported
  bool is_waiting_ PM_GUARDED_BY(mutex_) = false;  // facts wait for a rate
  uint64_t moment_ PM_GUARDED_BY(mutex_) = 0;
  uint64_t position_ PM_GUARDED_BY(mutex_) = 0;
  Day as_of_ PM_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> ids_ PM_GUARDED_BY(mutex_);
  std::vector<Partner> partners_ PM_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, uint32_t> by_id_ PM_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<std::string>> attributes_ PM_GUARDED_BY(mutex_);
  std::map<StandingsKey, std::unique_ptr<Column>> columns_ PM_GUARDED_BY(mutex_);
  int64_t evaluated_ PM_GUARDED_BY(mutex_) = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_STANDINGS_TABLE_H_
