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

// The progress of a connector run and, at its end, what became of every record.
std::unique_ptr<Printer> NewRunProgressRenderer(const Screen& screen);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_RENDERERS_REGISTRY_H_
