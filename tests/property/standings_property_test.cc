// Standings equal a brute-force evaluation: whatever facts come, are corrected or deleted, and however days pass, every
// partner's value that the table has is the one that a fresh evaluation gives, in the order that sorting gives.
//
// PM_STANDINGS_STEPS sets the number of steps (1,000 without it), PM_SEED the seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/text_format.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/catalog/definitions.h"
#include "server/ingest/programs.h"
#include "server/queries/engine_source.h"
#include "server/queries/partner_records.h"
#include "server/views/month_ends.h"
#include "server/views/standings_table.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics {
namespace {

constexpr int kPartners = 7;

// Metrics of every kind: flows and stocks, windows of the calendar and trailing ones, with a window of their own, of
// periods before, of cohorts that mature, over keys, averages, with targets, of the calendar itself, compared with
// others; scores and tiers.
constexpr const char* kMetrics[] = {"partner_revenue",
                                    "partner_revenue_ytd",
                                    "revenue_to_date",
                                    "partner_pipeline",
                                    "pipeline_stage_value",
                                    "avg_deal_size",
                                    "avg_deal_size_vs_direct",
                                    "pipeline_coverage_ratio",
                                    "partner_revenue_growth_yoy",
                                    "deal_registration_growth_mom",
                                    "registration_to_close_rate",
                                    "pipeline_velocity",
                                    "training_completion",
                                    "sales_certified_share",
                                    "days_to_first_deal",
                                    "support_backlog_age",
                                    "support_response_time",
                                    "sla_compliance",
                                    "m1_not_pto_aging_rate",
                                    "partner_tier",
                                    "engagement_score",
                                    "health_score",
                                    "homeowner_nps",
                                    "share_of_quota"};
constexpr v1::WindowKind kWindows[] = {v1::WINDOW_KIND_UNSPECIFIED,       v1::WINDOW_KIND_UNSPECIFIED,
                                       v1::WINDOW_KIND_TRAILING_30_DAYS,  v1::WINDOW_KIND_LAST_MONTH,
                                       v1::WINDOW_KIND_TRAILING_3_MONTHS, v1::WINDOW_KIND_MONTH_TO_DATE};

class StandingsPropertyTest : public testing::Test {
 protected:
  StandingsPropertyTest() : random_(Setting("PM_SEED", 1)) {
    const std::string folder = PM_SOURCE_DIR "/server/catalog/definitions";
    const auto definitions = LoadDefinitions({folder});
    const auto program = LoadProgram(absl::StrCat(folder, "/programs/partneros.textproto"));
    EXPECT_TRUE(definitions.ok() && program.ok());
    Programs::Options options;
    options.database.data_dir = folder_.path();
    options.database.memory_mb = 32;
    options.database.min_free_bytes = 0;
    options.database.sync = false;
    options.clock = [this] { return now_; };
    *options.definitions.emplace_back().mutable_program() = *program;
    v1::Catalog& catalog = *options.definitions.back().mutable_catalog();
    catalog = definitions->catalog;
    // The definitions that ship read no target of the programme for a partner.
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        "id: 'share_of_quota' display_name: 'Share of the Quota' category: METRIC_CATEGORY_REVENUE"
        " levels: SCOPE_KIND_PARTNER unit: METRIC_UNIT_PERCENT window: WINDOW_KIND_QUARTER_TO_DATE"
        " formula: 'partner_revenue / at_level(PROGRAM, target(partner_revenue))'",
        catalog.add_metrics()));
    auto programs = Programs::Open(std::move(options));
    EXPECT_TRUE(programs.ok()) << programs.status();
    programs_ = *std::move(programs);
    table_ = std::make_unique<StandingsTable>(runtime(), *programs_);
  }

  static unsigned Setting(const char* name, unsigned otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : static_cast<unsigned>(std::atoi(text));
  }
  ProgramRuntime& runtime() { return *programs_->all().front(); }
  int Below(size_t n) { return static_cast<int>(random_() % n); }
  Day Today() {
    Engine::View view(runtime().engine());
    return programs_->Today(*view.catalog());
  }

  // A day near today, mostly before it.
  std::string Date(const std::string& field, int before = 500, int after = 60) {
    const absl::CivilDay day = ToCivil(Today() - Below(before) + Below(after));
    return absl::StrCat(" ", field, " { year: ", day.year(), " month: ", day.month(), " day: ", day.day(), " } ");
  }
  std::string Instant(const std::string& field, int before = 500, int after = 30) {
    const int64_t seconds = int64_t{Today() - Below(before) + Below(after)} * 86'400 + Below(86'400);
    return absl::StrCat(" ", field, " { seconds: ", seconds, " } ");
  }
  std::string Maybe(const std::string& text) { return Below(2) == 0 ? text : ""; }
  // Small ones, and some that lead to another tier.
  std::string Amount() {
    const int least = Below(4) == 0 ? 100'000 : 10;
    return absl::StrCat(" amount { units: ", least * (1 + Below(5)), " } ");
  }
  std::string Reference() {
    return absl::StrCat("partner_refs { external { source: 'crm' id: 'P", Below(kPartners), "' } } ");
  }

  std::string AnyFact() {
    switch (Below(12)) {
      case 0:
        return absl::StrCat("partner { name: 'N", Below(3), "' tier: '", Below(2) == 0 ? "Gold" : "Silver", "' ",
                            Maybe(Date("signed_on", 900, 90)), Maybe(Date("activated_on")),
                            Below(4) == 0 ? Date("terminated_on", 60, 120) : "", "}");
      case 1:
      case 2:
      case 3: {
        const std::string attribution = absl::StrCat("attributions { role: ATTRIBUTION_ROLE_",
                                                     Below(2) == 0 ? "SOURCED " : "INFLUENCED ", Reference(), "} ");
        return absl::StrCat(
            "deal { ", Below(6) == 0 ? "" : attribution, Maybe(attribution), Amount(),
            Below(2) == 0 ? "outcome: DEAL_OUTCOME_WON" + Date("closed_on", 500, 100) : "outcome: DEAL_OUTCOME_OPEN",
            Instant("created_at", 700), Maybe(Date("registered_on", 600)), "}");
      }
      case 4:
        return absl::StrCat("deal_stage { root_id: 'r", Below(30), "' stage: 'S", Below(3), "' ", Amount(),
                            Instant("entered_at"), Maybe(Instant("left_at")), "}");
      case 5:
        return absl::StrCat("deal_registration { ", Reference(), Instant("submitted_at"), Maybe(Instant("decided_at")),
                            Maybe(Date("won_on")), "}");
      case 6:
        return absl::StrCat("training_assignment { ", Reference(), " module: 'm' ", Date("assigned_on"),
                            Maybe(Date("completed_on")), "}");
      case 7:
        return absl::StrCat("certification { ", Reference(), " track: 'sales' ", Date("certified_on"),
                            Maybe(Date("expires_on", 100, 200)), "}");
      case 8:
        return absl::StrCat("support_ticket { ", Reference(), Instant("opened_at"), Maybe(Instant("first_response_at")),
                            Maybe(Instant("resolved_at")), "}");
      case 9:
        return absl::StrCat("project { ", Reference(), Date("m1_approved_on", 200), Maybe(Date("pto_on", 200)), "}");
      case 10:
        return absl::StrCat("certification_requirement { ", Below(3) == 0 ? Reference() : "", "track: '",
                            Below(2) == 0 ? "sales" : "technical", "' people: ", Below(3), Date("effective_on"), "}");
      default: {
        const absl::CivilMonth month(ToCivil(Today() - Below(200) + Below(100)));
        const absl::CivilDay last = absl::CivilDay(month + 1) - 1;
        return absl::StrCat("target { ", Below(3) == 0 ? "" : Reference(),
                            "metric: 'partner_revenue' kind: TARGET_KIND_QUOTA value { units: ", 1 + Below(90),
                            " } period_start_on { year: ", month.year(), " month: ", month.month(),
                            " day: 1 } period_end_on { year: ", last.year(), " month: ", last.month(),
                            " day: ", last.day(), " } }");
      }
    }
  }

  void Happen() {
    const std::string record = absl::StrCat("r", Below(30)), fact = AnyFact();
    Store(absl::StartsWith(fact, "partner ") ? absl::StrCat("P", Below(kPartners)) : record,
          absl::StrCat(fact, Below(8) == 0 ? " deleted: true" : ""));
  }

  void Store(const std::string& record, const std::string& text) {
    v1::Event event;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
    event.set_record_id(record);
    event.set_revision(++revision_);
    PrepareContext context;
    context.program = "partneros";
    context.source = "crm";
    context.currency = "USD";
    context.today = Today();
    context.pseudonymiser = &programs_->pseudonymiser();
    auto prepared = Prepare(std::move(event), context);
    ASSERT_TRUE(std::holds_alternative<PreparedEvent>(prepared)) << text << std::get<FieldError>(prepared).description;
    WriteRequest request;
    request.events.push_back(std::get<PreparedEvent>(std::move(prepared)));
    const WriteResult result = runtime().writer().Write(std::move(request));
    ASSERT_TRUE(result.status.ok()) << result.status;
  }

  // A month's end not long ago, as which standings are kept too; mostly none.
  std::optional<Day> MonthEnd() {
    if (Below(3) != 0) return std::nullopt;
    return ToDay(absl::CivilDay(absl::CivilMonth(ToCivil(Today())) - Below(3)) - 1);
  }

  // "P3 120.5", best first.
  std::vector<std::string> Fresh(const StandingsKey& key) {
    const Day as_of = key.day.value_or(Today());
    std::vector<PartnerRecord> records;
    std::vector<std::string> ids;
    std::vector<ScopeIndex> scopes;
    EngineSource source;
    const CompiledMetric* metric = nullptr;
    {
      Engine::View view(runtime().engine());
      records = *ReadPartnerRecords(view);
      for (const PartnerRecord& record : records) {
        scopes.push_back(kFirstPartnerScope + static_cast<ScopeIndex>(ids.size()));
        ids.push_back(record.partner_id);
      }
      metric = view.catalog()->FindMetric(key.metric);
      auto collected = EngineSource::Collect(view, ReadsOf(*view.catalog(), {&metric, 1}, scopes), ids);
      EXPECT_TRUE(collected.ok()) << collected.status();
      source = *std::move(collected);
    }
    const Evaluator evaluator(*source.catalog(), source);
    const Period period = PeriodOf(*source.catalog(), *metric, key.window, as_of);
    std::vector<std::pair<double, std::string>> ranked;
    for (size_t i = 0; i < ids.size(); ++i) {
      v1::Partner partner;
      partner.ParseFromString(records[i].fields);
      const auto day = [](const v1::Date& d) { return ToDay(absl::CivilDay(d.year(), d.month(), d.day())); };
      if (partner.has_signed_on() && day(partner.signed_on()) > as_of) continue;
      if (partner.has_terminated_on() && day(partner.terminated_on()) <= as_of) continue;
      const Number value = evaluator.Evaluate(*metric, scopes[i], period);
      const bool down = metric->definition.direction() == v1::METRIC_DIRECTION_DOWN;
      if (value.has_value()) ranked.emplace_back(down ? value.value : -value.value, ids[i]);
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<std::string> lines;
    for (const auto& [value, id] : ranked) lines.push_back(absl::StrCat(id, " ", std::abs(value)));
    return lines;
  }

  std::vector<std::string> Kept(const StandingsKey& key) {
    std::vector<std::string> lines;
    const absl::Status read = table_->Read(key, [&](const Standings& standings) {
      EXPECT_EQ(standings.as_of, key.day.value_or(Today()));
      for (const uint32_t partner : standings.ranking->order()) {
        lines.push_back(absl::StrCat((*standings.ids)[partner], " ", std::abs(standings.ranking->value(partner))));
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return lines;
  }

  std::mt19937 random_;
  absl::Time now_ = absl::FromCivil(absl::CivilHour(2024, 1, 10, 12), absl::UTCTimeZone());
  storage::TempDir folder_;
  std::unique_ptr<Programs> programs_;
  std::unique_ptr<StandingsTable> table_;
  int revision_ = 0;
};

TEST_F(StandingsPropertyTest, EqualAFreshEvaluation) {
  const auto steps = static_cast<int>(Setting("PM_STANDINGS_STEPS", 1000));
  std::vector<StandingsKey> watched;
  for (int step = 0; step < steps; ++step) {
    // Facts come in bursts, and days pass without any.
    for (int facts = Below(4); facts > 0; --facts) Happen();
    if (Below(2) == 0) now_ += absl::Hours(24 * (1 + (Below(3) == 0 ? Below(40) : Below(3))));
    // When a month turns windows of the calendar move: on its last day, and on the first of the next.
    if (Below(5) == 0)
      now_ += absl::Hours(24 * (absl::CivilDay(absl::CivilMonth(ToCivil(Today())) + 1) - ToCivil(Today()) - Below(2)));
    if (Below(10) == 0) {
      ASSERT_TRUE(table_->Refresh().ok());
    }
    if (Below(10) == 0) {
      ASSERT_TRUE(table_->RollUp(Below(2) == 0 ? absl::ZeroDuration() : absl::InfiniteDuration()).ok());
    }
    // The same for some time, so that what is read was mostly kept.
    if (step % 40 == 0) {
      watched.clear();
      for (int i = 0; i < 5; ++i) {
        watched.push_back({kMetrics[Below(std::size(kMetrics))], kWindows[Below(std::size(kWindows))], MonthEnd()});
      }
    }
    for (const StandingsKey& key : watched) {
      SCOPED_TRACE(absl::StrCat("step ", step, ": ", key.metric, " ", v1::WindowKind_Name(key.window), " as of ",
                                DayText(key.day.value_or(Today()))));
      ASSERT_EQ(Kept(key), Fresh(key));
    }
  }
}

// What nothing can have changed is not evaluated again.
TEST_F(StandingsPropertyTest, DaysEvaluateOnlyWhatIsDue) {
  for (int i = 0; i < 200; ++i) Happen();
  const StandingsKey key = {"revenue_to_date"};
  Kept(key);
  const int64_t before = table_->work().evaluated;
  Kept(key);
  EXPECT_EQ(table_->work().evaluated, before);
  for (int day = 0; day < 300; ++day) {
    now_ += absl::Hours(24);
    ASSERT_EQ(Kept(key), Fresh(key));
  }
  // Of 300 turns of days few concern a sum over all time: first days of months, and deals yet to close.
  EXPECT_LT(table_->work().evaluated - before, 300 * table_->work().partners / 10);
}

// A past month is evaluated once; a correction evaluates the partner that it touched.
TEST_F(StandingsPropertyTest, PastMonthsAreKept) {
  for (int i = 0; i < 200; ++i) Happen();
  StandingsKey key = {"partner_revenue"};
  key.day = ToDay(absl::CivilDay(absl::CivilMonth(ToCivil(Today()))) - 1);
  Kept(key);
  const int64_t first = table_->work().evaluated;
  now_ += absl::Hours(24 * 50);
  EXPECT_EQ(Kept(key), Fresh(key));
  EXPECT_EQ(table_->work().evaluated, first);
  while (table_->work().evaluated == first) {
    Happen();
    ASSERT_EQ(Kept(key), Fresh(key));
  }
  EXPECT_LE(table_->work().evaluated - first, 3);
}

// The ends of past months are made of metrics that somebody asks for, and brought up to date, before anybody asks for
// them.
TEST_F(StandingsPropertyTest, PastMonthsAreRolledUp) {
  for (int i = 0; i < 200; ++i) Happen();
  const auto evaluated = [this] { return table_->work().evaluated; };
  ASSERT_EQ(*table_->RollUp(), false);
  EXPECT_EQ(evaluated(), 0) << "nobody asked";
  for (const char* metric : {"partner_revenue", "revenue_to_date"}) Kept({metric});

  for (int month = 0; month < 3; ++month) {
    for (int i = 0; i < 10; ++i) Happen();
    ASSERT_EQ(*table_->RollUp(), false);
    const int64_t rolled_up = evaluated();
    for (const char* metric : {"partner_revenue", "revenue_to_date"}) {
      for (const Day day : MonthEndsBefore(Today())) {
        SCOPED_TRACE(absl::StrCat(metric, " as of ", DayText(day)));
        const StandingsKey key = {metric, v1::WINDOW_KIND_UNSPECIFIED, day};
        ASSERT_EQ(Kept(key), Fresh(key));
      }
      EXPECT_EQ(evaluated(), rolled_up) << "a reader had work to do";
    }
    now_ += absl::Hours(24 * 31);
    for (const char* metric : {"partner_revenue", "revenue_to_date"}) Kept({metric});
  }
}

// An hour after anybody asked.
TEST_F(StandingsPropertyTest, TheRollUpEndsWithItsUse) {
  for (int i = 0; i < 20; ++i) Happen();
  Kept({"partner_revenue"});
  ASSERT_EQ(*table_->RollUp(), false);
  EXPECT_EQ(table_->work().columns, 1 + kRolledUpMonths);
  now_ += absl::Hours(24 * 31);
  Kept({"partner_revenue"});
  ASSERT_EQ(*table_->RollUp(), false);
  EXPECT_EQ(table_->work().columns, 1 + kRolledUpMonths) << "a month is dropped for each that is new";
  now_ += absl::Minutes(61);
  ASSERT_EQ(*table_->RollUp(), false);
  EXPECT_EQ(table_->work().columns, 1);
}

// Done in parts, it has gaps that readers fill, and goes on where it was.
TEST_F(StandingsPropertyTest, TheRollUpGoesOnInParts) {
  for (int i = 0; i < 150; ++i) Store(absl::StrCat("Q", i), "partner { name: 'of many' }");
  for (int i = 0; i < 300; ++i) Happen();
  const std::vector<Day> months = MonthEndsBefore(Today());
  for (const char* metric : {"partner_revenue", "revenue_to_date"}) Kept({metric});
  int parts = 1;
  for (; *table_->RollUp(absl::ZeroDuration()); ++parts) {
    const StandingsKey key = {"partner_revenue", v1::WINDOW_KIND_UNSPECIFIED, months[static_cast<size_t>(parts)]};
    ASSERT_EQ(Kept(key), Fresh(key));
    ASSERT_LT(parts, 10);
  }
  EXPECT_EQ(parts, 4);  // two for each metric
  const int64_t rolled_up = table_->work().evaluated;
  for (const char* metric : {"partner_revenue", "revenue_to_date"}) {
    for (const Day day : months) {
      const StandingsKey key = {metric, v1::WINDOW_KIND_UNSPECIFIED, day};
      ASSERT_EQ(Kept(key), Fresh(key));
    }
  }
  EXPECT_EQ(table_->work().evaluated, rolled_up);
}

// What is done in the background leaves a few for whoever reads, and no more.
TEST_F(StandingsPropertyTest, TodayIsRefreshedInParts) {
  for (int i = 0; i < 1'200; ++i) Store(absl::StrCat("Q", i), "partner { name: 'of many' }");
  const StandingsKey key = {"partner_onboarded"};
  Kept(key);
  const int64_t evaluated = table_->work().evaluated;
  for (int i = 0; i < 1'200; ++i) {
    Store(absl::StrCat("Q", i), "partner { name: 'of many' activated_on { year: 2023 month: 5 day: 1 } }");
  }
  EXPECT_EQ(*table_->Refresh(absl::ZeroDuration()), true);
  EXPECT_EQ(table_->work().evaluated, evaluated + 500);
  EXPECT_EQ(*table_->Refresh(absl::ZeroDuration()), false);
  EXPECT_EQ(table_->work().evaluated, evaluated + 1'000);
  EXPECT_EQ(Kept(key), Fresh(key));
  EXPECT_EQ(table_->work().evaluated, evaluated + 1'200);
}

// What concerns all partners counts in the reviews of their past, whoever of them was touched by it.
TEST_F(StandingsPropertyTest, ALateRequirementOfTheProgramChangesTiers) {
  Store("P1", "partner { name: 'Voltfang' signed_on { year: 2023 month: 1 day: 1 } }");
  Store("d1",
        "deal { amount { units: 300000 } outcome: DEAL_OUTCOME_WON created_at { seconds: 1680000000 }"
        " closed_on { year: 2023 month: 8 day: 1 } attributions { role: ATTRIBUTION_ROLE_SOURCED"
        " partner_refs { external { source: 'crm' id: 'P1' } } } }");
  for (int i = 0; i < 6; ++i) {
    Store(absl::StrCat("g", i),
          "deal_registration { submitted_at { seconds: 1694000000 }"
          " partner_refs { external { source: 'crm' id: 'P1' } } }");
  }
  Store("q0", "certification_requirement { track: 'sales' people: 0 effective_on { year: 2022 month: 2 day: 1 } }");
  Store("c1",
        "certification { track: 'sales' partner_refs { external { source: 'crm' id: 'P2' } }"
        " certified_on { year: 2023 month: 3 day: 1 } }");
  const StandingsKey tier = {"partner_tier"}, share = {"certifications_held_share"};
  EXPECT_EQ(Kept(tier), Fresh(tier));
  EXPECT_EQ(Kept(share), Fresh(share));
  const std::vector<std::string> before = Kept(tier);

  Store("q1", "certification_requirement { track: 'sales' people: 1 effective_on { year: 2023 month: 2 day: 1 } }");
  EXPECT_NE(Kept(tier), before);
  EXPECT_EQ(Kept(tier), Fresh(tier));
  EXPECT_EQ(Kept(share), Fresh(share));

  // What concerns one partner alone is evaluated for it alone.
  for (int i = 0; i < 20; ++i) Store(absl::StrCat("N", i), "partner { name: 'of many' }");
  Kept(tier);
  const int64_t evaluated = table_->work().evaluated;
  Store("P1", "partner { name: 'Voltfang AG' signed_on { year: 2023 month: 1 day: 2 } }");
  EXPECT_EQ(Kept(tier), Fresh(tier));
  EXPECT_EQ(table_->work().evaluated, evaluated + 1);
}

// Many other days are not kept all, and each is right when it is asked for again.
TEST_F(StandingsPropertyTest, OtherDaysAreForgottenBeyondABudget) {
  for (int i = 0; i < 50; ++i) Happen();
  table_->set_other_days_budget(5);
  for (int round = 0; round < 3; ++round) {
    for (int days = 0; days < 10; ++days) {
      now_ += absl::Seconds(1);
      StandingsKey key = {"revenue_to_date"};
      key.day = Today() - 30 * days;
      ASSERT_EQ(Kept(key), Fresh(key));
    }
  }
  EXPECT_LE(table_->work().columns, 5);
}

}  // namespace
}  // namespace partnermetrics
