#include "clients/cli/renderers/registry.h"

namespace partnermetrics::cli {
namespace {

struct Entry {
  absl::string_view name;
  std::unique_ptr<Printer> (*make)(const Screen& screen);
};

constexpr Entry kRenderers[] = {
    {"export", &NewExportRenderer},
    {"run_progress", &NewRunProgressRenderer},
    {"scorecard", &NewScorecardRenderer},
};

}  // namespace

std::unique_ptr<Printer> NewRenderer(absl::string_view name, const Screen& screen) {
  for (const Entry& entry : kRenderers) {
    if (entry.name == name) return entry.make(screen);
  }
  return nullptr;
}

}  // namespace partnermetrics::cli
