// The numbers of a period: as they are evaluated, and as the log states them.
//
//   ASSIGN_OR_RETURN(const PeriodSpan span, PeriodSpan::Of(v1::PERIOD_KIND_QUARTER, day, catalog));
//   RETURN_IF_ERROR(EvaluatePeriod(engine, span, [&](const PeriodScope& scope) { … }));    // as they are now
//   ASSIGN_OR_RETURN(const StatedPeriod period, StatedPeriod::Read(program, "quarter-2026-03-31"));
//   ASSIGN_OR_RETURN(const PeriodHistory history, period.HistoryOf("partner:crm:7"));      // as they were stated
//
// A metric's number is that of the period's whole month, quarter or year, as of its last day; metrics with a window of
// their own keep it. Functions are free of state; StatedPeriod is a value.
#ifndef PARTNERMETRICS_SERVER_ACTIONS_PERIOD_VALUES_H_
#define PARTNERMETRICS_SERVER_ACTIONS_PERIOD_VALUES_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "partnermetrics/v1/period_service.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

struct PeriodSpan {
  v1::PeriodKind kind = v1::PERIOD_KIND_UNSPECIFIED;
  Day first = 0, last = 0;

  // The period of this kind that contains the day.
  static absl::StatusOr<PeriodSpan> Of(v1::PeriodKind kind, Day day, const Catalog& catalog);
  std::string Id() const;
  v1::WindowKind Window() const;
};

// A number, or why there is none.
struct PeriodNumber {
  std::optional<double> value;
  std::optional<Nanos> exact;
  v1::NoDataReason no_data = v1::NO_DATA_REASON_UNSPECIFIED;
  bool gone = false;  // the scope or the metric no longer exists

  friend bool operator==(const PeriodNumber& a, const PeriodNumber& b) {
    return a.value == b.value && a.exact == b.exact && a.no_data == b.no_data && a.gone == b.gone;
  }
};
using PeriodNumbers = std::map<std::string, PeriodNumber>;  // by metric

// The numbers of one scope.
struct PeriodScope {
  v1::Scope scope;
  std::string name;  // of the scope: "partner:crm:7"
  PeriodNumbers numbers;
};

// The numbers of all scopes, in order of their names: of every metric that is defined for the scope.
absl::Status EvaluatePeriod(Engine& engine, const PeriodSpan& span,
                            absl::FunctionRef<absl::Status(const PeriodScope&)> visit);
// How many scopes that visits.
absl::StatusOr<int64_t> CountScopes(Engine& engine);
// Those of one scope; none of a partner that does not exist.
absl::StatusOr<PeriodScope> EvaluatePeriodOf(const Engine::View& view, const PeriodSpan& span, const v1::Scope& scope);

// What was stated of one number, in order: by the statement's number.
using PeriodHistory = std::map<std::string, std::vector<std::pair<int, PeriodNumber>>>;  // by metric

class StatedPeriod {
 public:
  struct Statement {
    log::v1::PeriodStatement content;
    int64_t stated_at_us = 0;
  };

  // NOT_FOUND for a period that is not closed.
  static absl::StatusOr<StatedPeriod> Read(ProgramRuntime& program, const std::string& period_id);
  // All that are closed, the latest first.
  static absl::StatusOr<std::vector<StatedPeriod>> ReadAll(ProgramRuntime& program);

  const PeriodSpan& span() const { return span_; }
  // The close, then the restatements. Never empty.
  const std::vector<Statement>& statements() const { return statements_; }
  absl::StatusOr<PeriodHistory> HistoryOf(const std::string& scope_name) const;

 private:
  friend class StatedScopes;
  explicit StatedPeriod(const storage::EventLog& log) : log_(&log) {}
  static absl::StatusOr<StatedPeriod> Read(const storage::EventLog& log, absl::string_view record);

  const storage::EventLog* log_;
  PeriodSpan span_;
  std::vector<Statement> statements_;
};

// Goes over the scopes of a period, in order of their names, with what was last stated of each.
class StatedScopes {
 public:
  // The period outlives it.
  explicit StatedScopes(const StatedPeriod& period);

  // The next scope; nothing behind the last.
  absl::StatusOr<std::optional<PeriodScope>> Next();

 private:
  struct Cursor {
    const log::v1::PeriodStatement* statement = nullptr;
    int record = 0;  // of the statement's
    int scope = 0;   // within it
    log::v1::PeriodValues values;
    std::string name;  // of the scope it stands at; empty: behind the last
  };
  absl::Status Load(Cursor& cursor) const;

  const StatedPeriod& period_;
  std::vector<Cursor> cursors_;  // of the statements, in order
  bool begun_ = false;
};

log::v1::PeriodValue ToStored(const PeriodNumber& number, uint32_t metric);
PeriodNumber FromStored(const log::v1::PeriodValue& stored);
// "business", "partner:crm:7", "segment:region=EMEA": as the engine names the scope.
std::string ScopeName(const v1::Scope& scope);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ACTIONS_PERIOD_VALUES_H_
