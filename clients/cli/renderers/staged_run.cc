// What publishing a staged run would change: facts by kind, examples, the metrics that would move, and how to go on.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cli/renderers/columns.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/renderers/schema_changes.h"
#include "clients/cli/value_text.h"
#include "partnermetrics/v1/connector_service.pb.h"

namespace partnermetrics::cli {
namespace {

constexpr int kMaxValueWidth = 40;

class StagedRunRenderer : public Printer {
 public:
  explicit StagedRunRenderer(const Screen& screen) : screen_(screen) {}

  absl::Status Print(const google::protobuf::Message& response) override {
    const auto* staged = google::protobuf::DynamicCastToGenerated<v1::StagedRun>(&response);
    if (staged == nullptr) return absl::InternalError("the renderer \"staged_run\" shows StagedRun only");
    PrintHead(*staged);
    PrintFacts(*staged);
    for (const v1::StagedFacts& kind : staged->facts()) PrintExamples(kind);
    PrintMetrics(*staged);
    PrintRejects(*staged);
    PrintSchemaChanges(staged->run(), screen_);
    for (const v1::ConnectorProblem& warning : staged->warnings()) {
      *screen_.out << Paint(screen_, Style::kWarning, "warning:") << " "
                   << (warning.where().empty() ? "" : EscapeControls(warning.where()) + ": ")
                   << EscapeControls(warning.message()) << "; " << EscapeControls(warning.remedy()) << "\n";
    }
    PrintCommands(staged->run());
    *screen_.out << std::flush;
    return absl::OkStatus();
  }

 private:
  void PrintHead(const v1::StagedRun& staged) {
    const v1::ConnectorRun& run = staged.run();
    *screen_.out << "Staged run " << EscapeControls(run.run_id()) << " of " << EscapeControls(run.connector()) << ": "
                 << GroupDigits(run.records_read()) << " records read, " << GroupDigits(run.events_staged())
                 << " events wait; as of log position " << staged.position() << "\n\n";
  }

  void PrintFacts(const v1::StagedRun& staged) {
    Columns columns({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
    columns.Add({{"FACTS", Style::kHeading},
                 {"ADDED", Style::kHeading},
                 {"CHANGED", Style::kHeading},
                 {"DELETED", Style::kHeading},
                 {"UNCHANGED", Style::kHeading}});
    for (const v1::StagedFacts& kind : staged.facts()) {
      columns.Add({{EscapeControls(kind.kind())},
                   {GroupDigits(kind.added())},
                   {GroupDigits(kind.changed())},
                   {GroupDigits(kind.deleted()), kind.deleted() > 0 ? Style::kWarning : Style::kPlain},
                   {GroupDigits(kind.unchanged())}});
    }
    columns.Draw(screen_);
    if (staged.unresolved() > 0) {
      *screen_.out << GroupDigits(staged.unresolved()) << " of them would name no known partner\n";
    }
  }

  void PrintExamples(const v1::StagedFacts& kind) {
    for (const v1::StagedFact& fact : kind.examples()) {
      const bool added = fact.change() == v1::STAGED_CHANGE_ADDED, deleted = fact.change() == v1::STAGED_CHANGE_DELETED;
      *screen_.out << "  "
                   << Paint(screen_,
                            added     ? Style::kGood
                            : deleted ? Style::kBad
                                      : Style::kWarning,
                            added     ? "+"
                            : deleted ? "-"
                                      : "~")
                   << " " << EscapeControls(kind.kind()) << " " << EscapeControls(fact.record_id());
      if (!deleted) {
        std::string separator = "  ";
        for (const v1::StagedField& field : fact.fields()) {
          *screen_.out << separator << field.field() << ": ";
          if (!added) *screen_.out << Value(field.before()) << " → ";
          *screen_.out << Value(field.after());
          separator = ", ";
        }
      }
      *screen_.out << "\n";
    }
  }

  static std::string Value(const std::string& text) {
    return text.empty() ? "(nothing)" : Cut(EscapeControls(text), kMaxValueWidth);
  }

  void PrintMetrics(const v1::StagedRun& staged) {
    *screen_.out << "\n"
                 << Paint(screen_, Style::kHeading, "METRICS THAT WOULD MOVE") << " ("
                 << GroupDigits(staged.metrics_unchanged()) << " of the dashboard would stay)\n";
    Columns columns({Align::kLeft, Align::kRight, Align::kLeft, Align::kRight});
    for (const v1::StagedMetric& metric : staged.metrics()) {
      columns.Add({{"  " + EscapeControls(metric.display_name())},
                   {EscapeControls(metric.before())},
                   {"→"},
                   {EscapeControls(metric.after())}});
    }
    columns.Draw(screen_);
  }

  void PrintRejects(const v1::StagedRun& staged) {
    if (staged.rejects().empty()) return;
    *screen_.out << "\n"
                 << Paint(screen_, Style::kHeading, "REJECTED") << " ("
                 << GroupDigits(staged.run().records_rejected() + staged.run().events().rejected()) << ")\n";
    for (const v1::StagedReject& reject : staged.rejects()) {
      *screen_.out << "  " << EscapeControls(reject.origin().file()) << ":" << reject.origin().row() << " "
                   << EscapeControls(reject.field()) << ": " << EscapeControls(reject.reason()) << ": "
                   << EscapeControls(reject.message()) << "\n";
    }
  }

  void PrintCommands(const v1::ConnectorRun& run) {
    const std::string id = EscapeControls(run.run_id());
    *screen_.out << "\nPublish it: partnerctl connector staged publish " << id
                 << "\nDiscard it: partnerctl connector staged discard " << id << "\n";
    if (run.has_staged_until()) {
      *screen_.out << "It is discarded by itself at " << FormatMessageText(run.staged_until()) << ".\n";
    }
  }

  const Screen& screen_;
};

}  // namespace

std::unique_ptr<Printer> NewStagedRunRenderer(const Screen& screen) {
  return std::make_unique<StagedRunRenderer>(screen);
}

}  // namespace partnermetrics::cli
