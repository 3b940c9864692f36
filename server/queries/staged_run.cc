#include "server/queries/staged_run.h"

#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/base/errors.h"
#include "server/ingest/scratch.h"
#include "server/queries/engine_source.h"
#include "server/reports/scorecard.h"
#include "server/scoring/evaluator.h"
#include "server/sync/connectors.h"
#include "server/sync/staged_diff.h"

namespace partnermetrics {
namespace {

constexpr int kDefaultExamples = 3, kMostExamples = 100;
constexpr int kShownRejects = 10;

absl::StatusOr<v1::Scorecard> Dashboard(Engine& engine, Day as_of) {
  ScorecardRequest wanted;
  wanted.scope_proto.set_kind(v1::SCOPE_KIND_PROGRAM);
  wanted.as_of = as_of;
  EngineSource source;
  {
    Engine::View view(engine);
    const auto metrics = ScorecardMetrics(*view.catalog(), v1::SCOPE_KIND_PROGRAM);
    ASSIGN_OR_RETURN(source, EngineSource::Collect(view, ReadsOf(*view.catalog(), metrics, {wanted.scope}), {}));
  }
  return BuildScorecard(*source.catalog(), source, wanted);
}

// By what people read and by what is exact: a change that does not show is none worth looking at, unless it is exact.
bool Moved(const v1::MetricValue& before, const v1::MetricValue& after) {
  return before.display() != after.display() || before.has_value() != after.has_value() ||
         before.exact().units() != after.exact().units() || before.exact().nanos() != after.exact().nanos();
}

void AddMetrics(const v1::Scorecard& before, const v1::Scorecard& after, v1::StagedRun& shown) {
  for (int g = 0; g < after.groups_size(); ++g) {
    for (int r = 0; r < after.groups(g).rows_size(); ++r) {
      const v1::ScorecardRow& row = after.groups(g).rows(r);
      const v1::MetricValue& was = before.groups(g).rows(r).value();
      if (!Moved(was, row.value())) {
        shown.set_metrics_unchanged(shown.metrics_unchanged() + 1);
        continue;
      }
      v1::StagedMetric& metric = *shown.add_metrics();
      metric.set_metric_id(row.metric().id());
      metric.set_display_name(row.metric().display_name());
      metric.set_before(was.display());
      metric.set_after(row.value().display());
      if (was.has_value()) metric.set_before_value(was.value());
      if (row.value().has_value()) metric.set_after_value(row.value().value());
    }
  }
}

absl::Status AddRejects(const std::vector<storage::QuarantineRow>& rows, v1::StagedRun& shown) {
  for (const storage::QuarantineRow& row : rows) {
    if (shown.rejects_size() == kShownRejects) break;
    log::v1::QuarantineEntry entry;
    if (!entry.ParseFromString(row.value)) return absl::DataLossError("a staged reject is damaged");
    v1::StagedReject& reject = *shown.add_rejects();
    *reject.mutable_origin() = entry.origin();
    reject.set_field(entry.field());
    reject.set_reason(entry.reason());
    reject.set_message(entry.message());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::StagedRun> LookAtStagedRun(Programs& programs, Connectors& connectors,
                                              const v1::GetStagedRunRequest& request) {
  if (request.examples() < 0 || request.examples() > kMostExamples) {
    return InvalidField("examples", "OUT_OF_RANGE", absl::StrCat("must lie between 0 and ", kMostExamples));
  }
  const int examples = request.examples() == 0 ? kDefaultExamples : request.examples();
  ASSIGN_OR_RETURN(Connectors::StagedView view, connectors.ReadStaged(request.run_id()));
  ASSIGN_OR_RETURN(const std::unique_ptr<Scratch> scratch, Scratch::Make(programs, *view.program));
  Day today = 0;
  {
    Engine::View now(scratch->engine());
    today = programs.Today(*now.catalog());
  }
  v1::StagedRun shown;
  ASSIGN_OR_RETURN(const v1::Scorecard before, Dashboard(scratch->engine(), today));
  std::vector<PreparedEvent> events = std::move(view.staged.content.events);
  std::move(view.deletes.begin(), view.deletes.end(), std::back_inserter(events));
  RETURN_IF_ERROR(TryStaged(std::move(events), view.staged.record.sequence(), *scratch, examples, shown));
  ASSIGN_OR_RETURN(const v1::Scorecard after, Dashboard(scratch->engine(), today));
  AddMetrics(before, after, shown);
  RETURN_IF_ERROR(AddRejects(view.staged.content.quarantine, shown));
  for (v1::ConnectorProblem& remark : view.vanished.remarks) *shown.add_warnings() = std::move(remark);
  *shown.mutable_run() = std::move(view.run);
  return shown;
}

}  // namespace partnermetrics
