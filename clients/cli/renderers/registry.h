// The hand-written renderers that CommandOptions.renderer names. They replace the table under -o table.
//
//   std::unique_ptr<Printer> renderer = NewRenderer("scorecard", screen);   // null for an unknown name
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_RENDERERS_REGISTRY_H_
#define PARTNERMETRICS_CLIENTS_CLI_RENDERERS_REGISTRY_H_

#include <memory>

#include "absl/strings/string_view.h"
#include "clients/cli/printers/printer.h"

namespace partnermetrics::cli {

std::unique_ptr<Printer> NewRenderer(absl::string_view name, const Screen& screen);

// The rows of an export as they are, for a file or another program.
std::unique_ptr<Printer> NewExportRenderer(const Screen& screen);

// A framed card with one block per group of metrics.
std::unique_ptr<Printer> NewScorecardRenderer(const Screen& screen);

// Reports: the table of service levels, a funnel, the pipeline by stage, the revenue by who brought it,
// a group of partners.
std::unique_ptr<Printer> NewSlaRenderer(const Screen& screen);
std::unique_ptr<Printer> NewFunnelRenderer(const Screen& screen);
std::unique_ptr<Printer> NewPeriodRenderer(const Screen& screen);
std::unique_ptr<Printer> NewPeriodCloseRenderer(const Screen& screen);
std::unique_ptr<Printer> NewPipelineRenderer(const Screen& screen);
std::unique_ptr<Printer> NewRestatementRenderer(const Screen& screen);
std::unique_ptr<Printer> NewRevenueRenderer(const Screen& screen);
std::unique_ptr<Printer> NewGroupRenderer(const Screen& screen);

// Scores with their components; a partner's tier; what both would be.
std::unique_ptr<Printer> NewScoresRenderer(const Screen& screen);
std::unique_ptr<Printer> NewTierRenderer(const Screen& screen);
std::unique_ptr<Printer> NewWhatIfRenderer(const Screen& screen);

// Interventions, and one of them.
std::unique_ptr<Printer> NewInterventionsRenderer(const Screen& screen);
std::unique_ptr<Printer> NewInterventionRenderer(const Screen& screen);

// How partners stand: a leaderboard, a distribution.
std::unique_ptr<Printer> NewLeaderboardRenderer(const Screen& screen);
std::unique_ptr<Printer> NewDistributionRenderer(const Screen& screen);

// A value with the reads that it was made of, and the facts of one of them.
std::unique_ptr<Printer> NewContributionsRenderer(const Screen& screen);
std::unique_ptr<Printer> NewExplanationRenderer(const Screen& screen);

// What changes about partners, line by line as it happens.
std::unique_ptr<Printer> NewWatchRenderer(const Screen& screen);

// What publishing a staged run would change.
std::unique_ptr<Printer> NewStagedRunRenderer(const Screen& screen);

// The progress of jobs, and what changed definitions would bring.
std::unique_ptr<Printer> NewJobProgressRenderer(const Screen& screen);
std::unique_ptr<Printer> NewDefinitionsRenderer(const Screen& screen);

// The progress of a connector run and, at its end, what became of every record.
std::unique_ptr<Printer> NewRunProgressRenderer(const Screen& screen);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_RENDERERS_REGISTRY_H_
