// The progress of a connector run. On a terminal one line that is rewritten, elsewhere a line every two seconds, both
// on `err`; the summary at the end goes to `out`.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clients/cli/renderers/live_line.h"
#include "clients/cli/renderers/registry.h"
#include "clients/cli/renderers/schema_changes.h"
#include "clients/cli/value_type.h"
#include "partnermetrics/v1/connector_service.pb.h"

namespace partnermetrics::cli {
namespace {

constexpr int kBarWidth = 20;
constexpr absl::Duration kLineInterval = absl::Seconds(2);

std::string Bytes(double bytes) {
  constexpr absl::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1000;
  return absl::StrFormat("%.*f %s", unit == 0 ? 0 : 1, bytes, kUnits[unit]);
}

std::string Bar(double share) {
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarWidth);
  std::string bar;
  for (int i = 0; i < kBarWidth; ++i) bar += i < filled ? "█" : "░";
  return bar;
}

// "3 of 10 files".
std::string StepText(const v1::ConnectorProgress& progress) {
  const std::string total = progress.total() == 0 ? "" : absl::StrCat(" of ", progress.total());
  return absl::StrCat(progress.done(), total, " ", EscapeControls(progress.unit()));
}

// "0.04s", "1.2s", "1m5s".
std::string Elapsed(absl::Duration duration) {
  if (duration < absl::Seconds(1)) return absl::StrFormat("%.2fs", absl::ToDoubleSeconds(duration));
  return absl::FormatDuration(duration < absl::Seconds(10) ? absl::Trunc(duration, absl::Milliseconds(100))
                                                           : absl::Trunc(duration, absl::Seconds(1)));
}

absl::Time TimeOf(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

class RunProgressRenderer : public Printer {
 public:
  explicit RunProgressRenderer(const Screen& screen) : screen_(screen), live_line_(screen) {}

  absl::Status Print(const google::protobuf::Message& response) override {
    const auto* progress = google::protobuf::DynamicCastToGenerated<v1::RunConnectorResponse>(&response);
    if (progress == nullptr)
      return absl::InternalError("the renderer \"run_progress\" shows RunConnectorResponse only");
    run_ = progress->run();
    if (!screen_.quiet && run_.state() == v1::RUN_STATE_RUNNING) PrintProgress();
    if (!screen_.quiet && run_.state() == v1::RUN_STATE_QUEUED) {
      *screen_.err << EscapeControls(run_.connector()) << " waits until others have ended, "
                   << GroupDigits(run_.queue_position()) << " before it in the queue\n"
                   << std::flush;
    }
    return absl::OkStatus();
  }

  void Finish() override {
    live_line_.End();
    PrintSummary();
    *screen_.out << std::flush;
  }

 private:
  void PrintProgress() {
    const absl::Time now = screen_.now();
    if (first_at_ == absl::InfinitePast()) {
      first_at_ = now;
      first_records_ = run_.records_read();
      first_bytes_ = run_.bytes_done();
    }
    if (screen_.err_is_terminal) {
      live_line_.Show(ProgressLine(now));
    } else if (now - printed_at_ >= kLineInterval) {
      *screen_.err << ProgressLine(now) << "\n" << std::flush;
      printed_at_ = now;
    }
  }

  std::string ProgressLine(absl::Time now) const {
    const double seconds = absl::ToDoubleSeconds(now - first_at_);
    const auto bytes = static_cast<double>(run_.bytes_done());
    const auto total = static_cast<double>(run_.bytes_total());
    std::string line(run_.connector());
    if (total > 0) absl::StrAppend(&line, " ", Bar(bytes / total), " ", std::lround(100 * bytes / total), " %");
    absl::StrAppend(&line, "  ", GroupDigits(run_.records_read()), " records");
    if (seconds > 0) {
      const double rate = static_cast<double>(run_.records_read() - first_records_) / seconds;
      absl::StrAppend(&line, "  ", GroupDigits(std::lround(rate)), " rec/s");
    }
    absl::StrAppend(&line, "  ", Bytes(bytes), total > 0 ? absl::StrCat(" of ", Bytes(total)) : "");
    const double byte_rate = seconds > 0 ? (bytes - static_cast<double>(first_bytes_)) / seconds : 0;
    if (byte_rate > 0 && total > bytes) {
      absl::StrAppend(&line, "  ", Elapsed(absl::Seconds(std::ceil((total - bytes) / byte_rate))), " left");
    }
    if (run_.has_progress()) absl::StrAppend(&line, "  ", StepText(run_.progress()));
    if (run_.records_rejected() > 0) absl::StrAppend(&line, "  ", GroupDigits(run_.records_rejected()), " rejected");
    return line;
  }

  void PrintSummary() {
    std::ostream& out = *screen_.out;
    std::string state = absl::AsciiStrToUpper(ShortEnumName(
        *v1::RunState_descriptor()->FindValueByNumber(v1::RunState_IsValid(run_.state()) ? run_.state() : 0)));
    out << "Run " << EscapeControls(run_.run_id()) << " of " << EscapeControls(run_.connector()) << ": "
        << Paint(screen_, StateStyle(), state);
    if (run_.has_started_at() && run_.has_ended_at()) {
      out << " in " << Elapsed(TimeOf(run_.ended_at()) - TimeOf(run_.started_at()));
    }
    out << ", " << Bytes(static_cast<double>(run_.bytes_done())) << " read\n";
    PrintAccounting();
    PrintSchemaChanges(run_, screen_);
    for (const v1::ConnectorProblem& remark : run_.remarks()) PrintRemark(remark);
    if (!run_.error().empty()) {
      out << "  " << Paint(screen_, Style::kBad, "error:") << " " << EscapeControls(run_.error()) << "\n";
    }
    if (run_.state() == v1::RUN_STATE_STAGED) {
      out << "  " << GroupDigits(run_.events_staged()) << " events wait to be published; nothing counts yet\n"
          << "  See what would change: partnerctl connector staged show " << EscapeControls(run_.run_id()) << "\n";
    } else if (run_.records_rejected() > 0) {
      // Those that are rejected again are there under an earlier run.
      const bool of_run = run_.records_rejected_again() == 0;
      out << "  See the rejected records: partnerctl quarantine list "
          << (of_run ? absl::StrCat("--run-id ", EscapeControls(run_.run_id()))
                     : absl::StrCat("--connector ", EscapeControls(run_.connector())))
          << "\n";
    }
  }

  Style StateStyle() const {
    if (run_.state() == v1::RUN_STATE_SUCCEEDED || run_.state() == v1::RUN_STATE_STAGED) return Style::kGood;
    return run_.state() == v1::RUN_STATE_PARTIAL ? Style::kWarning : Style::kBad;
  }

  // Every record and every event with what became of it; a difference is never left to the reader to find.
  void PrintAccounting() {
    std::ostream& out = *screen_.out;
    out << "  records: " << GroupDigits(run_.records_read()) << " read = " << GroupDigits(run_.records_emitted())
        << " emitted + " << GroupDigits(run_.records_rejected()) << " rejected + "
        << GroupDigits(run_.records_skipped()) << " skipped" << SkippedText() << "\n";
    const int64_t accounted = run_.records_emitted() + run_.records_rejected() + run_.records_skipped();
    if (run_.records_read() != accounted) {
      out << "  " << Paint(screen_, Style::kBad, "does not add up:") << " "
          << GroupDigits(run_.records_read() - accounted) << " records are unaccounted for\n";
    }
    const v1::IngestCounts& events = run_.events();
    const int64_t all = events.applied() + events.unchanged() + events.superseded() + events.rejected();
    out << "  events:  " << GroupDigits(all) << " = " << GroupDigits(events.applied()) << " applied + "
        << GroupDigits(events.unchanged()) << " unchanged + " << GroupDigits(events.superseded()) << " superseded + "
        << GroupDigits(events.rejected()) << " rejected\n";
    if (events.unresolved() > 0) {
      out << "  " << GroupDigits(events.unresolved())
          << " applied events named no partner that was known by then (what is left: partnerctl partner unresolved)\n";
    }
    if (run_.records_rejected_again() > 0) {
      out << "  " << GroupDigits(run_.records_rejected_again())
          << " rejected as in a run before, and known to quarantine since then\n";
    }
    if (run_.facts_deleted() > 0) {
      out << "  " << GroupDigits(run_.facts_deleted()) << " facts deleted, which the complete export lacks\n";
    }
    if (events.parked() > 0) {
      out << "  " << GroupDigits(events.parked()) << " applied events wait for an exchange rate\n";
    }
  }

  std::string SkippedText() const {
    std::vector<std::string> rules;
    for (const v1::SkippedByRule& skipped : run_.skipped()) {
      rules.push_back(absl::StrCat(GroupDigits(skipped.records()), " ", EscapeControls(skipped.rule())));
    }
    return rules.empty() ? "" : absl::StrCat(" (", absl::StrJoin(rules, ", "), ")");
  }

  void PrintRemark(const v1::ConnectorProblem& remark) {
    const bool is_error = remark.level() == v1::PROBLEM_LEVEL_ERROR;
    const bool is_warning = remark.level() == v1::PROBLEM_LEVEL_WARNING;
    const Style style = is_error ? Style::kBad : is_warning ? Style::kWarning : Style::kDim;
    *screen_.out << "  " << Paint(screen_, style, is_error ? "error:" : is_warning ? "warning:" : "note:");
    if (!remark.where().empty()) *screen_.out << " " << EscapeControls(remark.where()) << ":";
    *screen_.out << " " << EscapeControls(remark.message());
    if (!remark.remedy().empty()) *screen_.out << "; " << EscapeControls(remark.remedy());
    *screen_.out << "\n";
  }

  Screen screen_;
  v1::ConnectorRun run_;
  absl::Time first_at_ = absl::InfinitePast();  // Rates are measured by our clock, from the first update on.
  absl::Time printed_at_ = absl::InfinitePast();
  int64_t first_records_ = 0;
  uint64_t first_bytes_ = 0;
  LiveLine live_line_;
};

}  // namespace

std::unique_ptr<Printer> NewRunProgressRenderer(const Screen& screen) {
  return std::make_unique<RunProgressRenderer>(screen);
}

}  // namespace partnermetrics::cli
