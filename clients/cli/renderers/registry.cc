#include "clients/cli/renderers/registry.h"

namespace partnermetrics::cli {
namespace {

struct Entry {
  absl::string_view name;
  std::unique_ptr<Printer> (*make)(const Screen& screen);
};

constexpr Entry kRenderers[] = {
    {"contributions", &NewContributionsRenderer},
    {"export", &NewExportRenderer},
    {"definitions", &NewDefinitionsRenderer},
    {"distribution", &NewDistributionRenderer},
    {"explanation", &NewExplanationRenderer},
    {"funnel", &NewFunnelRenderer},
    {"group", &NewGroupRenderer},
    {"intervention", &NewInterventionRenderer},
    {"interventions", &NewInterventionsRenderer},
    {"job_progress", &NewJobProgressRenderer},
    {"leaderboard", &NewLeaderboardRenderer},
    {"period", &NewPeriodRenderer},
    {"period_close", &NewPeriodCloseRenderer},
    {"pipeline", &NewPipelineRenderer},
    {"restatement", &NewRestatementRenderer},
    {"revenue", &NewRevenueRenderer},
    {"run_progress", &NewRunProgressRenderer},
    {"scorecard", &NewScorecardRenderer},
    {"scores", &NewScoresRenderer},
    {"sla", &NewSlaRenderer},
    {"staged_run", &NewStagedRunRenderer},
    {"tier", &NewTierRenderer},
    {"watch", &NewWatchRenderer},
    {"what_if", &NewWhatIfRenderer},
};

}  // namespace

std::unique_ptr<Printer> NewRenderer(absl::string_view name, const Screen& screen) {
  for (const Entry& entry : kRenderers) {
    if (entry.name == name) return entry.make(screen);
  }
  return nullptr;
}

}  // namespace partnermetrics::cli
