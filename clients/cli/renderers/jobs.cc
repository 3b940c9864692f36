// Jobs: how far one is while somebody waits, and what changed definitions would bring.
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/renderers/columns.h"
#include "clients/cli/renderers/live_line.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/renderers/report_renderer.h"
#include "clients/cli/value_type.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "partnermetrics/v1/definitions_service.pb.h"

namespace partnermetrics::cli {
namespace {

constexpr int kBarWidth = 20;
constexpr int kShownMetrics = 12;

std::string Head(const v1::Job& job) {
  return absl::StrCat("Job ", job.number(), ", ", EscapeControls(job.cause()));
}

// On a terminal one line that is rewritten, elsewhere a line each time, both on `err`; jobs that are done go to `out`.
class JobProgressRenderer : public Printer {
 public:
  explicit JobProgressRenderer(const Screen& screen) : screen_(screen), live_line_(screen) {}

  absl::Status Print(const google::protobuf::Message& response) override {
    const auto* job = google::protobuf::DynamicCastToGenerated<v1::Job>(&response);
    if (job == nullptr) return absl::InternalError("the renderer \"job_progress\" shows Job only");
    if (job->state() == v1::JOB_STATE_DONE) {
      live_line_.End();
      *screen_.out << Head(*job) << ": " << Paint(screen_, Style::kGood, "DONE") << ", " << GroupDigits(job->done())
                   << " facts and partners, " << GroupDigits(job->facts_per_second()) << " a second\n"
                   << std::flush;
    } else if (!screen_.quiet) {
      PrintProgress(*job);
    }
    return absl::OkStatus();
  }

  void Finish() override { live_line_.End(); }

 private:
  void PrintProgress(const v1::Job& job) {
    const std::string line = absl::StrCat(Head(job), " ", Bar(job.percent() / 100.0, kBarWidth), " ", job.percent(),
                                          " %  ", GroupDigits(job.done()), " of ", GroupDigits(job.total()), "  ",
                                          GroupDigits(job.facts_per_second()), " facts/s");
    if (screen_.err_is_terminal) {
      live_line_.Show(line);
    } else {
      *screen_.err << line << "\n" << std::flush;
    }
  }

  Screen screen_;
  LiveLine live_line_;
};

void DrawDefinitions(const v1::CheckDefinitionsResponse& check, const Screen& screen) {
  std::ostream& out = *screen.out;
  if (check.differences().empty()) {
    out << "The files say what is in force in " << EscapeControls(check.program()) << ".\n";
    return;
  }
  Columns columns({Align::kLeft, Align::kLeft, Align::kLeft});
  columns.Add({{"DEFINITION", Style::kHeading}, {"ID", Style::kHeading}, {"WOULD BE", Style::kHeading}});
  for (const v1::DefinitionDifference& difference : check.differences()) {
    const Style style = difference.action() == v1::DEFINITION_ACTION_ADDED     ? Style::kGood
                        : difference.action() == v1::DEFINITION_ACTION_DROPPED ? Style::kBad
                                                                               : Style::kWarning;
    columns.Add({{ShortEnumName(*v1::DefinitionKind_descriptor()->FindValueByNumber(difference.kind()))},
                 {EscapeControls(difference.id())},
                 {ShortEnumName(*v1::DefinitionAction_descriptor()->FindValueByNumber(difference.action())), style}});
  }
  columns.Draw(screen);
  out << "\nA job would go over " << GroupDigits(check.facts()) << " facts and partners.\n";
  if (check.resolves_facts()) {
    out << Paint(screen, Style::kWarning, "Until it is done no metric has a value:")
        << " facts are resolved anew, too.\n";
  } else if (check.metrics_without_value_size() > 0) {
    out << "Until it is done " << GroupDigits(check.metrics_without_value_size()) << " metrics have no value:";
    for (int i = 0; i < check.metrics_without_value_size() && i < kShownMetrics; ++i) {
      out << (i == 0 ? " " : ", ") << EscapeControls(check.metrics_without_value(i));
    }
    out << (check.metrics_without_value_size() > kShownMetrics ? " …\n" : "\n");
  }
  out << "\nTo bring them into force: partnerctl definitions activate " << check.definitions_hash() << "\n";
}

}  // namespace

std::unique_ptr<Printer> NewJobProgressRenderer(const Screen& screen) {
  return std::make_unique<JobProgressRenderer>(screen);
}

std::unique_ptr<Printer> NewDefinitionsRenderer(const Screen& screen) {
  return std::make_unique<ReportRenderer<v1::CheckDefinitionsResponse>>(screen, &DrawDefinitions);
}

}  // namespace partnermetrics::cli
