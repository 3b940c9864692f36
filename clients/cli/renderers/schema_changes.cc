#include "clients/cli/renderers/schema_changes.h"

#include <string>

#include "clients/cli/text_layout.h"

namespace partnermetrics::cli {

void PrintSchemaChanges(const v1::ConnectorRun& run, const Screen& screen) {
  for (const v1::SchemaChange& change : run.schema_changes()) {
    const bool gone = change.change() == v1::COLUMN_CHANGE_GONE;
    const bool missed = gone && change.read();
    const std::string what = missed          ? "is gone, and was read: facts lack from now on what it held"
                             : gone          ? "is gone; it was not read"
                             : change.read() ? "is new, and read"
                                             : "is new; it is not read";
    *screen.out << "  " << Paint(screen, missed ? Style::kWarning : Style::kDim, missed ? "warning:" : "schema:") << " "
                << EscapeControls(change.stream()) << ": the column " << EscapeControls(change.column()) << " " << what
                << "\n";
  }
  const int more = run.columns_changed() - run.schema_changes_size();
  if (more > 0) *screen.out << "  " << GroupDigits(more) << " more columns changed\n";
}

}  // namespace partnermetrics::cli
