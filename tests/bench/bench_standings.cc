// Measures the standings and the interventions of many partners: a programme of the definitions that ship, over a
// folder of its own, in this process, with a clock that can be moved to the next day.
//
//   bench_standings --folder /var/tmp/standings --partners 100000 --deals 300000
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/queries/engine_source.h"
#include "server/queries/score_query.h"
#include "server/reports/revenue_dashboard.h"
#include "server/reports/scorecard.h"
#include "server/reports/standings.h"
#include "server/views/intervention_table.h"
#include "server/views/month_ends.h"
#include "server/views/standings_table.h"
#include "tests/bench/load.h"
#include "tests/bench/local_program.h"

namespace partnermetrics::bench {
namespace {

// Partners whose scorecards are made, each for the first time.
constexpr int kScorecards = 5'000;

double Milliseconds(absl::Time since) {
  return absl::ToDoubleMilliseconds(absl::Now() - since);
}

// CPU time of this thread.
absl::Duration CpuTime() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

class Bench {
 public:
  Bench(const std::string& folder, const LoadOptions& options)
      : options_(options),
        program_(folder, [this] { return now_; }),
        table_(runtime(), program_.programs()),
        interventions_(runtime(), program_.programs()) {}

  void Run() {
    const absl::Time started = absl::Now();
    program_.Ingest(PartnerLoad(options_));
    program_.Ingest(DealLoad(options_));
    Show("partners and deals ingested", absl::ToDoubleSeconds(absl::Now() - started), "s");

    Scorecards();
    Show("first leaderboard: one metric of all partners evaluated", Read("partner_revenue"), "ms");
    std::vector<double> reads;
    for (int i = 0; i < 200; ++i) reads.push_back(Read("partner_revenue"));
    std::sort(reads.begin(), reads.end());
    Show("leaderboard, top 10, p50", reads[100], "ms");
    Show("leaderboard, top 10, p99", reads[198], "ms");

    Parts();
    Correct("partner_revenue");
    const Day month_end = ToDay(absl::CivilDay(2025, 7, 31));
    Show("leaderboard of a past month for the first time", Read("partner_revenue", month_end), "ms");
    Show("leaderboard of a past month again", Read("partner_revenue", month_end), "ms");
    program_.Ingest(CorrectionLoad(options_, 100, 1'000));
    Show("leaderboard of a past month after 100 corrections", Read("partner_revenue", month_end), "ms");

    RollUp("partner_revenue");
    Read("partner_tier");
    RollUp("partner_tier");
    Show("engagement_score: first leaderboard", Read("engagement_score"), "ms");
    Correct("engagement_score");

    const absl::Time all = absl::Now();
    std::vector<std::string> names;
    {
      Engine::View view(runtime().engine());
      for (const CompiledMetric* metric : ScorecardMetrics(*view.catalog(), v1::SCOPE_KIND_PARTNER)) {
        names.push_back(metric->id());
      }
    }
    for (const std::string& name : names) Read(name);
    Show(absl::StrCat("all ", names.size(), " metrics of the scorecard for the first time"),
         absl::ToDoubleSeconds(absl::Now() - all), "s");
    Turn("day turn within a month", absl::CivilDay(2025, 8, 13), names);
    Turn("day turn to a new quarter", absl::CivilDay(2025, 10, 1), names);
    Interventions();
    Check(program_.programs().Close());
  }

 private:
  ProgramRuntime& runtime() { return program_.runtime(); }

  // What one costs the server's processor, without gRPC.
  void Scorecards() {
    absl::Duration reading, evaluating, encoding;
    size_t bytes = 0;
    const Day as_of = ToDay(absl::CivilDay(2025, 6, 30));
    const int cards = std::min(kScorecards, options_.partners);
    for (int i = 0; i < cards; ++i) {
      const absl::Duration begun = CpuTime();
      ScopeReading scope;
      {
        Engine::View view(runtime().engine());
        auto read = ReadScope(view, absl::StrCat(kSource, ":", PartnerId(i)), ScorecardMetrics);
        Check(read.status());
        scope = *std::move(read);
      }
      const absl::Duration read = CpuTime();
      const v1::Scorecard card = BuildScorecard(
          scope.catalog(), scope.source, {.scope = scope.scope, .scope_proto = scope.scope_proto, .as_of = as_of});
      const absl::Duration evaluated = CpuTime();
      bytes += card.SerializeAsString().size();
      reading += read - begun;
      evaluating += evaluated - read;
      encoding += CpuTime() - evaluated;
    }
    const auto show = [cards](const std::string& name, absl::Duration time) {
      Show(name, absl::ToDoubleMicroseconds(time) / cards, "us");
    };
    show("a scorecard, first look, CPU: read at one position", reading);
    show("a scorecard, first look, CPU: evaluated", evaluating);
    show("a scorecard, first look, CPU: encoded", encoding);
    Show("a scorecard, encoded", static_cast<double>(bytes) / cards, "bytes");
  }

  // Some minutes before the day everything is read, so that it is in use; then the day begins.
  void Turn(const std::string& name, absl::CivilDay day, const std::vector<std::string>& metrics) {
    const absl::Time midnight = absl::FromCivil(day, zone_);
    now_ = midnight - absl::Minutes(10);
    for (const std::string& metric : metrics) Read(metric);
    now_ = midnight + absl::Minutes(10);
    const int64_t evaluated = table_.work().evaluated;
    const absl::Time start = absl::Now();
    const absl::Duration cpu = CpuTime();
    Check(table_.Refresh().status());
    Show(absl::StrCat(name, ", these ", metrics.size(), " metrics"), absl::ToDoubleSeconds(absl::Now() - start), "s");
    Show("  of it CPU", absl::ToDoubleSeconds(CpuTime() - cpu), "s");
    Show("  values evaluated", static_cast<double>(table_.work().evaluated - evaluated), "");
  }

  // Others than the top ten of all.
  void Parts() {
    LeaderboardRequest gold, last;
    v1::Scope& segment = *gold.segments.Add();
    segment.set_kind(v1::SCOPE_KIND_SEGMENT);
    segment.mutable_segment()->set_attribute("tier");
    segment.mutable_segment()->set_value("Gold");
    const auto time = [this](absl::FunctionRef<void(const Standings&)> build) {
      const absl::Time start = absl::Now();
      Check(table_.Read({"partner_revenue"}, [&](const Standings& standings) {
        build(standings);
        return absl::OkStatus();
      }));
      return Milliseconds(start);
    };
    Show("leaderboard of a segment", time([&](const Standings& all) { BuildLeaderboard(all, gold); }), "ms");
    Show("leaderboard around a partner", time([&](const Standings& all) {
           last.around = all.ranking->order().back();
           BuildLeaderboard(all, last);
         }),
         "ms");
    Show("distribution by tier", time([&](const Standings& all) { BuildDistribution(all, {}, "tier"); }), "ms");
  }

  void Correct(const std::string& metric) {
    std::vector<double> reads;
    for (int i = 0; i < 100; ++i) {
      program_.Ingest(CorrectionLoad(options_, 1, ++corrections_));
      reads.push_back(Read(metric));
    }
    std::sort(reads.begin(), reads.end());
    Show(absl::StrCat(metric, ": leaderboard just after a correction, p50"), reads[50], "ms");
    Show(absl::StrCat(metric, ": leaderboard just after a correction, p99"), reads[99], "ms");
  }

  // The ends of the past months, made before anybody asks.
  void RollUp(const std::string& metric) {
    const absl::Duration cpu = CpuTime();
    Check(table_.RollUp().status());
    Show(absl::StrCat(metric, ": roll-up of past months, CPU"), absl::ToDoubleSeconds(CpuTime() - cpu), "s");
    double longest = 0;
    for (const Day day : MonthEndsBefore(ToDay(absl::CivilDay(2025, 8, 12)))) {
      longest = std::max(longest, Read(metric, day));
    }
    Show(absl::StrCat(metric, ": leaderboard of a past month for the first time, max"), longest, "ms");
  }

  // Some corrections are of direct business, against which a rule compares every partner.
  void Interventions() {
    Show("interventions of all partners for the first time", ReadInterventions(), "ms");
    std::vector<double> reads;
    for (int i = 0; i < 100; ++i) {
      program_.Ingest(CorrectionLoad(options_, 1, 2'000 + i));
      reads.push_back(ReadInterventions());
    }
    std::sort(reads.begin(), reads.end());
    Show("interventions just after a correction, p50", reads[50], "ms");
    Show("interventions just after a correction, max", reads[99], "ms");
    now_ = absl::FromCivil(absl::CivilDay(2025, 10, 6), zone_) + absl::Minutes(10);
    Show("interventions after a turn to a week's first day", ReadInterventions(), "ms");
  }

  double ReadInterventions() {
    const absl::Time start = absl::Now();
    Check(interventions_.Read([&](const InterventionBook& book) {
      return static_cast<int>(book.partners.size()) < options_.partners ? absl::InternalError("partners are missing")
                                                                        : absl::OkStatus();
    }));
    return Milliseconds(start);
  }

  double Read(const std::string& metric, std::optional<Day> day = std::nullopt) {
    const absl::Time start = absl::Now();
    Check(table_.Read({metric, v1::WINDOW_KIND_UNSPECIFIED, day}, [](const Standings& standings) {
      const v1::Leaderboard board = BuildLeaderboard(standings, {});
      return board.rows_size() == 0 && board.ranked() > 0 ? absl::InternalError("an empty leaderboard")
                                                          : absl::OkStatus();
    }));
    return Milliseconds(start);
  }

  const LoadOptions options_;
  const absl::TimeZone zone_ = [] {
    absl::TimeZone zone;
    absl::LoadTimeZone("America/New_York", &zone);
    return zone;
  }();
  absl::Time now_ = absl::FromCivil(absl::CivilHour(2025, 8, 12, 12), absl::UTCTimeZone());
  LocalProgram program_;
  StandingsTable table_;
  InterventionTable interventions_;
  int corrections_ = 0;
};

// Milliseconds of CPU that the programme's revenue dashboard takes over so many deals of the same partners and days.
double Dashboard(const std::string& folder, LoadOptions options, int64_t deals) {
  constexpr int kLooks = 50;
  options.partners = 2'000;
  options.deals = deals;
  LocalProgram program(folder, [] { return absl::FromCivil(absl::CivilDay(2025, 8, 12), absl::UTCTimeZone()); });
  program.Ingest(PartnerLoad(options));
  program.Ingest(DealLoad(options));
  const absl::Duration begun = CpuTime();
  for (int look = 0; look < kLooks; ++look) {
    EngineSource source;
    {
      Engine::View view(program.runtime().engine());
      auto read = EngineSource::Collect(view, RevenueReads(*view.catalog(), ""), {});
      Check(read.status());
      source = *std::move(read);
    }
    RevenueRequest request;
    request.of_program.scope_proto.set_kind(v1::SCOPE_KIND_PROGRAM);
    request.of_program.as_of = ToDay(absl::CivilDay(2025, 6, 30)) - look;
    request.of_program.comparison = v1::COMPARISON_PREVIOUS_PERIOD;
    request.partner_id = [&](ScopeIndex scope) { return source.partner_id(scope); };
    const v1::RevenueReport report = BuildRevenueDashboard(*source.catalog(), source, request);
    if (report.figures_size() == 0) Check(absl::InternalError("an empty dashboard"));
  }
  const double each = absl::ToDoubleMilliseconds(CpuTime() - begun) / kLooks;
  Check(program.programs().Close());
  return each;
}

void Dashboards(const std::string& folder, const LoadOptions& options) {
  const double few = Dashboard(folder, options, 30'000), many = Dashboard(folder, options, 300'000);
  Show("revenue dashboard over 2,000 partners and 300,000 deals, CPU", many, "ms");
  Show("  against 30,000 deals", many / few, "");
}

}  // namespace
}  // namespace partnermetrics::bench

int main(int argc, char** argv) {
  partnermetrics::bench::LoadOptions options;
  options.partners = 100'000;
  options.deals = 300'000;
  return partnermetrics::bench::RunLocal(argc, argv, "Measures the standings of many partners.", options,
                                         [](const auto& folder, const auto& load) {
                                           partnermetrics::bench::Bench(folder, load).Run();
                                           partnermetrics::bench::Dashboards(folder, load);
                                         });
}
