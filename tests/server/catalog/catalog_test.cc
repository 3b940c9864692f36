#include "server/catalog/catalog.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "partnermetrics/v1/serving.pb.h"
#include "server/catalog/definitions.h"
#include "tests/server/expr/row_builder.h"

namespace partnermetrics {
namespace {

using testing::HasSubstr;

const char kProgram[] = R"(id: "acme" display_name: "Acme" currency_code: "USD" time_zone: "UTC")";

template <typename T>
T Parse(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

absl::StatusOr<std::shared_ptr<const Catalog>> Compile(const std::string& definitions,
                                                       const std::string& program = kProgram) {
  return Catalog::Compile(Parse<v1::Program>(program), Parse<v1::Catalog>(definitions));
}

std::string Refusal(const std::string& definitions, const std::string& program = kProgram) {
  const auto catalog = Compile(definitions, program);
  return catalog.ok() ? "accepted" : std::string(catalog.status().message());
}

std::string FlowOf(const std::string& fields) {
  return absl::StrCat(R"(measures { id: "m" fact: "deal" kind: MEASURE_KIND_FLOW )", fields, " }");
}

// A metric "x" of this formula beside a flow "won" with a sum, a flow "made" without, a stock "open" and a metric "y".
std::string Formula(const std::string& formula) {
  const std::string rest =
      "category: METRIC_CATEGORY_REVENUE unit: METRIC_UNIT_COUNT "
      "window: WINDOW_KIND_MONTH_TO_DATE display_name: \"X\"";
  return absl::StrCat(
      R"pb(measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" }
           measures { id: "made" fact: "deal" kind: MEASURE_KIND_FLOW at: "date(created_at)" }
           measures { id: "open" fact: "deal" kind: MEASURE_KIND_STOCK from: "date(created_at)" until: "closed_on" }
           metrics { id: "y" formula: "open.count")pb",
      rest, R"pb(}
                 metrics { id: "x" formula: ')pb",
      formula, "' ", rest, " }");
}

TEST(CatalogTest, ShippedDefinitionsCompileForBothProgrammes) {
  const std::string folder = PM_SOURCE_DIR "/server/catalog/definitions";
  auto definitions = LoadDefinitions({folder});
  ASSERT_TRUE(definitions.ok()) << definitions.status().message();
  for (const char* name : {"partneros", "lightreach"}) {
    const auto program = LoadProgram(absl::StrCat(folder, "/programs/", name, ".textproto"), &definitions->sources);
    ASSERT_TRUE(program.ok()) << program.status().message();
    const auto catalog = Catalog::Compile(*program, definitions->catalog, &definitions->sources);
    ASSERT_TRUE(catalog.ok()) << catalog.status().message();
    EXPECT_GE((*catalog)->metrics().size(), 40u);
    // Every measure is there for a metric.
    std::vector<bool> used((*catalog)->measures().size());
    for (const CompiledMetric& metric : (*catalog)->metrics()) {
      EXPECT_FALSE(metric.definition.description().empty()) << metric.id();
      for (const MeasureUse& use : metric.uses) used[static_cast<size_t>(use.measure)] = true;
    }
    for (const CompiledMeasure& measure : (*catalog)->measures()) {
      EXPECT_TRUE(used[static_cast<size_t>(measure.index)]) << measure.id;
      EXPECT_EQ((*catalog)->FindMeasure(measure.id), &measure);
    }
  }
}

TEST(CatalogTest, OrderOfDefinitionsDoesNotMatter) {
  const std::string a = R"(measures { id: "a" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" })";
  const std::string b = R"(measures { id: "b" fact: "lead" kind: MEASURE_KIND_FLOW at: "converted_on" })";
  const auto first = Compile(a + b), second = Compile(b + a);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ((*first)->hash(), (*second)->hash());
  EXPECT_EQ((*first)->hash().size(), 64u);
  EXPECT_EQ((*first)->FindMeasure("b")->index, 1);
  EXPECT_NE((*first)->hash(), (*Compile(a))->hash());
  EXPECT_NE((*first)->hash(), (*Compile(a + b, absl::StrReplaceAll(kProgram, {{"UTC", "Asia/Tokyo"}})))->hash());
  const FactSchema& deal = SchemaOf("deal");
  ASSERT_EQ((*first)->measures_of(deal.kind()).size(), 1u);
  EXPECT_EQ((*first)->measures_of(deal.kind())[0]->id, "a");
  EXPECT_TRUE((*first)->measures_of(9999).empty());
}

TEST(CatalogTest, KnowsWhatMeasuresRead) {
  const auto catalog = Compile(FlowOf(R"(sum: "credited_amount" at: "closed_on" where: "role == SOURCED")") +
                               R"pb(measures {
                                      id: "n"
                                      fact: "deal_stage"
                                      kind: MEASURE_KIND_STOCK
                                      from: "date(entered_at)"
                                      until: "root.closed_on"
                                    })pb");
  ASSERT_TRUE(catalog.ok()) << catalog.status().message();
  const CompiledMeasure& m = *(*catalog)->FindMeasure("m");
  EXPECT_TRUE(m.reads_role && m.reads_credited && m.sum_is_money && !m.reads_root);
  EXPECT_TRUE((*catalog)->FindMeasure("n")->reads_root);
}

TEST(CatalogTest, EachKindOfMeasureHasItsFields) {
  const auto refusal = [](const std::string& fields) {
    return Refusal("measures { id: 'm' fact: 'deal' " + fields + "}");
  };
  EXPECT_EQ(
      refusal("kind: MEASURE_KIND_COHORT at: 'closed_on'"),
      R"(measure "m", then: a measure of kind cohort needs `then`, the day on which a fact reached what the cohort )"
      "is measured by");
  EXPECT_EQ(refusal("kind: MEASURE_KIND_KEYED at: 'closed_on' key: 'customer_id'"),
            R"(measure "m", kind: a measure of kind keyed needs `reduce`, which fact of a key counts)");
  EXPECT_EQ(refusal("kind: MEASURE_KIND_KEYED from: 'closed_on' at: 'closed_on' key: 'customer_id' "
                    "reduce: KEY_REDUCTION_ANY"),
            R"(measure "m", at: a measure of kind keyed with `from` has no `at`, the day on which a fact counts)");
  EXPECT_EQ(refusal("kind: MEASURE_KIND_KEYED at: 'closed_on' key: 'customer_id' reduce: KEY_REDUCTION_ANY "
                    "sum: 'amount'"),
            R"(measure "m", sum: ANY only says whether there is a fact of a key; a sum needs KEY_REDUCTION_LAST)");
  EXPECT_EQ(refusal("kind: MEASURE_KIND_FLOW at: 'closed_on' by: 'outcom'"),
            R"(measure "m", by: "outcom" is no field of deal (did you mean "outcome"?))");
  EXPECT_EQ(refusal("kind: MEASURE_KIND_FLOW at: 'closed_on' by: 'amount'"),
            R"(measure "m", by: a measure is split by a name, an enum or a truth value; amount is a money)");
  EXPECT_EQ(refusal("kind: MEASURE_KIND_LATEST at: 'closed_on' by: 'outcome'"),
            R"(measure "m", by: a measure of kind latest has no `by`, the field that splits it)");
}

TEST(CatalogTest, RefusesBadMeasures) {
  EXPECT_EQ(Refusal(R"(measures { id: "Bad Id" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" })"),
            R"(measure "Bad Id", id: an id is written in snake_case (a-z, 0-9, _; first a letter; at most 64))");
  EXPECT_EQ(Refusal(FlowOf("at: 'closed_on'") + FlowOf("at: 'closed_on'")),
            R"(measure "m", id: this id is defined twice)");
  EXPECT_EQ(Refusal(R"(measures { id: "m" fact: "dael" kind: MEASURE_KIND_FLOW at: "closed_on" })"),
            R"(measure "m", fact: unknown kind of fact "dael" (did you mean "deal"?))");
  EXPECT_EQ(
      Refusal(R"(measures { id: "m" fact: "deal" at: "closed_on" })"),
      R"(measure "m", kind: kind must be one of FLOW, STOCK, COHORT, KEYED, LATEST, with MEASURE_KIND_ before it)");
  EXPECT_EQ(Refusal(FlowOf("")),
            R"(measure "m", at: a measure of kind flow needs `at`, the day on which a fact counts)");
  EXPECT_EQ(Refusal(FlowOf("at: 'closed_on' until: 'closed_on'")),
            R"(measure "m", until: a measure of kind flow has no `until`, the day from which a fact no longer counts)");
  EXPECT_EQ(Refusal(R"(measures { id: "m" fact: "deal" kind: MEASURE_KIND_STOCK until: "closed_on" })"),
            R"(measure "m", from: a measure of kind stock needs `from`, the first day on which a fact counts)");
  EXPECT_EQ(
      Refusal(FlowOf("at: 'amount'")),
      R"(measure "m", at: at must be date, this is money; of deal would fit: date(created_at), )"
      "date(registered_at), registered_on, expected_close_on, closed_on, date(closed_at), registration_expires_on");
  EXPECT_EQ(Refusal(FlowOf("at: 'closed_on' where: 'amount'")),
            R"(measure "m", where: where must be bool, this is money)");
  EXPECT_EQ(Refusal(FlowOf("at: 'closed_on' sum: 'stage'")),
            R"(measure "m", sum: sum must be money or decimal or int, this is a string; of deal would fit: )"
            "amount, acv, tcv, probability, credited_amount");
}

TEST(CatalogTest, RefusesLookAhead) {
  EXPECT_EQ(Refusal(FlowOf("at: 'registered_on' where: 'has(closed_on)'")),
            R"(measure "m", where: "closed_on" may lie after the day on which the fact counts, so that the value of a )"
            "past window would change with what happened since; test only the date of `at`, or set current_state: true "
            "to have the value shown \"as known today\"");
  EXPECT_EQ(Refusal(FlowOf("at: 'registered_on' where: 'has(closed_on)' current_state: true")), "accepted");
  EXPECT_EQ(Refusal(FlowOf("at: 'registered_on' where: 'has(registered_on)'")), "accepted");
  EXPECT_THAT(Refusal(R"pb(measures {
                             id: "m"
                             fact: "deal_stage"
                             kind: MEASURE_KIND_STOCK
                             from: "date(entered_at)"
                             where: "has(root.closed_on)"
                           })pb"),
              HasSubstr("\"root.closed_on\" may lie after"));
}

TEST(CatalogTest, RefusesBadFormulas) {
  EXPECT_EQ(Refusal(Formula("won.sum / won.count")), "accepted");
  EXPECT_EQ(Refusal(Formula("wno.sum")), R"(metric "x", formula: unknown measure "wno" (did you mean "won"?))");
  EXPECT_EQ(Refusal(Formula("won")),
            R"(metric "x", formula: "won" is a measure; write won.count, won.sum or avg(won))");
  EXPECT_EQ(Refusal(Formula("z + 1")), R"(metric "x", formula: unknown metric "z" (did you mean "x"?))");
  EXPECT_EQ(Refusal(Formula("made.sum")), R"(metric "x", formula: measure "made" has no sum; it only counts)");
  EXPECT_EQ(Refusal(Formula("won.max")), R"(metric "x", formula: a measure has .sum and .count, not .max)");
  EXPECT_EQ(Refusal(Formula("start(won.sum)")),
            R"(metric "x", formula: start() needs stocks, and "won" is a flow; prior_period() shifts a flow)");
  EXPECT_EQ(Refusal(Formula("start(y)")), "accepted");
  EXPECT_EQ(Refusal(Formula("won.count > 1")),
            R"(metric "x", formula: a formula gives a number, this is a condition; write condition ? 1 : 0)");
  EXPECT_EQ(Refusal(Formula("won.count ? 1 : 0")),
            R"(metric "x", formula: a condition is needed here, this is a number)");
  EXPECT_EQ(
      Refusal(Formula("sqrt(won.count)")),
      R"(metric "x", formula: unknown function "sqrt" (there are: start, avg, days, direct, max, meets, min, pace, )"
      "target, clamp, months, to_date, …)");
  EXPECT_EQ(Refusal(Formula("clamp(1, 2)")), R"(metric "x", formula: clamp is written clamp(value, least, most))");
  EXPECT_EQ(
      Refusal(Formula("days(30)")),
      R"(metric "x", formula: days is written days(window); a day is a number here: thirty days later is day + 30)");
  EXPECT_EQ(Refusal(Formula("at_level(PARTNER, won.sum)")),
            R"(metric "x", formula: at_level is written at_level(BUSINESS, value), with BUSINESS, PROGRAM or DIRECT)");
}

TEST(CatalogTest, RefusesCyclesWithTheirPath) {
  const std::string rest =
      "category: METRIC_CATEGORY_REVENUE unit: METRIC_UNIT_COUNT "
      "window: WINDOW_KIND_MONTH_TO_DATE display_name: \"X\"";
  EXPECT_EQ(Refusal(absl::StrCat("metrics { id: 'a' formula: '1 + b' ", rest, "} metrics { id: 'b' formula: 'c' ", rest,
                                 "} metrics { id: 'c' formula: 'prior_year(b)' ", rest, "}")),
            R"(metric "c", formula: metrics go round in a circle: b → c → b)");
}

TEST(CatalogTest, RefusesBadMetrics) {
  EXPECT_EQ(Refusal("metrics { id: 'as_of' formula: '1' }"),
            "metric \"as_of\", id: this word has a meaning in formulas; take another id\n"
            "metric \"as_of\", display_name: display_name is required\n"
            "metric \"as_of\", category: category is required\n"
            "metric \"as_of\", unit: unit is required\n"
            "metric \"as_of\", window: window is required");
  EXPECT_THAT(Refusal("metrics { id: 'a' formula: '1' target { min: 2 max: 1 } }"),
              HasSubstr("target: min lies above max"));
  EXPECT_THAT(Refusal("metrics { id: 'a' formula: '1' target { } }"),
              HasSubstr("a target needs min, max or both, or a metric"));
}

TEST(CatalogTest, RefusesBadProgrammes) {
  EXPECT_EQ(
      Refusal("", R"(id: "acme" display_name: "A" currency_code: "usd" time_zone: "New York"
                           fiscal_year_start_month: 13 scorecard { metrics: "revenue" } targets { metric: "x" })"),
      "program \"acme\", currency_code: \"usd\" is no ISO 4217 currency code in upper case, such as \"USD\"\n"
      "program \"acme\", time_zone: \"New York\" is no time zone of the IANA database, such as \"America/New_York\"\n"
      "program \"acme\", fiscal_year_start_month: a month lies between 1 and 12\n"
      "program \"acme\", scorecard[0]: a section needs a title\n"
      "program \"acme\", scorecard[0].metrics[0]: unknown metric \"revenue\"\n"
      "program \"acme\", targets[0].metric: unknown metric \"x\"\n"
      "program \"acme\", targets[0].target: a target needs min, max or both, or a metric");
}

TEST(CatalogTest, RefusesSegmentsOfUnknownAttributes) {
  const auto refusal = [](const std::string& segments) { return Refusal("", absl::StrCat(kProgram, segments)); };
  EXPECT_EQ(refusal("segments { attribute: 'tier' membership: SEGMENT_MEMBERSHIP_AS_WAS } "
                    "segments { attribute: 'label.size' membership: SEGMENT_MEMBERSHIP_AS_IS }"),
            "accepted");
  EXPECT_EQ(refusal("segments { attribute: 'tiers' membership: SEGMENT_MEMBERSHIP_AS_WAS }"),
            "program \"acme\", segments[0].attribute: \"tiers\" is no attribute by which partners are grouped "
            "(did you mean \"tier\"?); labels are written label.<key>");
  EXPECT_THAT(refusal("segments { attribute: 'label.a=b' membership: SEGMENT_MEMBERSHIP_AS_IS }"),
              HasSubstr("is no attribute by which partners are grouped"));
  EXPECT_EQ(refusal("segments { attribute: 'tier' } segments { attribute: 'tier' "
                    "membership: SEGMENT_MEMBERSHIP_AS_IS }"),
            "program \"acme\", segments[0].membership: membership is SEGMENT_MEMBERSHIP_AS_WAS or "
            "SEGMENT_MEMBERSHIP_AS_IS\n"
            "program \"acme\", segments[1].attribute: this attribute is declared twice");
}

TEST(CatalogTest, RefusesRatesOfNegativeAge) {
  EXPECT_EQ(Refusal("", absl::StrCat(kProgram, " max_rate_age_days: -1")),
            "program \"acme\", max_rate_age_days: an age is 0 days or more; 0 means 7");
}

TEST(CatalogTest, KeysHaveOnePartOrSeveral) {
  const auto measure = [](const std::string& key) {
    return "measures { id: 'm' fact: 'deal' kind: MEASURE_KIND_KEYED reduce: KEY_REDUCTION_ANY at: 'closed_on' key: '" +
           key + "' }";
  };
  const auto catalog = Compile(measure("[customer_id, role, closed_on]"));
  ASSERT_TRUE(catalog.ok()) << catalog.status().message();
  const CompiledMeasure& keyed = *(*catalog)->FindMeasure("m");
  EXPECT_EQ(keyed.key.size(), 3u);
  EXPECT_TRUE(keyed.reads_role);
  EXPECT_EQ(Refusal(measure("[customer_id, custmer_id]")),
            "measure \"m\", key: unknown field \"custmer_id\" of deal (did you mean \"customer_id\"?)");
  EXPECT_EQ(Refusal(measure("[]")), "measure \"m\", key: a key has at least one part");
}

class FilesTest : public testing::Test {
 protected:
  FilesTest() { std::filesystem::create_directories(folder_); }
  ~FilesTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }

  std::string folder_ =
      testing::TempDir() + "/catalog_test_" + testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(FilesTest, MessagesNameFileLineAndColumn) {
  const std::string path = Write("deals.textproto",
                                 "# Deals.\n"
                                 "measures {\n"
                                 "  id: \"m\"  fact: \"deal\"  kind: MEASURE_KIND_FLOW\n"
                                 "  at: \"closed_on\"  where: \"outcome == WON\"\n"
                                 "                           \" && amout > 1\"\n"
                                 "}\n");
  const auto definitions = LoadDefinitions({folder_});
  ASSERT_TRUE(definitions.ok()) << definitions.status();
  const auto catalog = Catalog::Compile(Parse<v1::Program>(kProgram), definitions->catalog, &definitions->sources);
  EXPECT_EQ(catalog.status().message(), path + ":5:33: unknown field \"amout\" of deal (did you mean \"amount\"?)");
}

// Also where metrics do not fit together.
TEST_F(FilesTest, MessagesAboutMetricsNameFileLineAndColumn) {
  const std::string rest =
      "  display_name: \"X\" category: METRIC_CATEGORY_REVENUE unit: METRIC_UNIT_COUNT "
      "window: WINDOW_KIND_MONTH_TO_DATE\n}\n";
  const auto refusal = [&](const std::string& a, const std::string& b) {
    const std::string path = Write("m.textproto", absl::StrCat("metrics {\n  id: \"a\" formula: \"", a, "\"\n", rest,
                                                               "metrics {\n  id: \"b\" formula: \"", b, "\"\n", rest));
    const auto definitions = LoadDefinitions({path});
    EXPECT_TRUE(definitions.ok()) << definitions.status();
    const auto catalog = Catalog::Compile(Parse<v1::Program>(kProgram), definitions->catalog, &definitions->sources);
    return std::string(catalog.status().message()).substr(folder_.size() + 1);
  };
  EXPECT_EQ(refusal("1 + b", "2 * prior_year(a)"), "m.textproto:6:36: metrics go round in a circle: a → b → a");
  EXPECT_THAT(refusal("1", "2 * at_level(DIRECT, count_partners())"),
              HasSubstr("m.textproto:6:25: the direct part of the business has no partners"));
  EXPECT_THAT(
      refusal("1", "2 + count_partners(partner.teir == 'x')"),
      HasSubstr("m.textproto:6:40: unknown field \"partner.teir\" of partner (did you mean \"partner.tier\"?)"));
  EXPECT_THAT(refusal("1", "count_partners(a)"),
              HasSubstr("m.textproto:6:36: a condition is needed here, this is a number"));
}

// The example that docs/metrics.md begins with works as it stands there.
TEST_F(FilesTest, TheDocumentedExampleWorks) {
  std::ifstream in(PM_SOURCE_DIR "/docs/metrics.md");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const size_t begin = text.find("```textproto\n"), end = text.find("```", begin + 3);
  ASSERT_NE(begin, std::string::npos);
  Write("example.textproto", text.substr(begin + 13, end - begin - 13));
  const auto definitions = LoadDefinitions({PM_SOURCE_DIR "/server/catalog/definitions", folder_});
  ASSERT_TRUE(definitions.ok()) << definitions.status();
  const auto catalog = Catalog::Compile(Parse<v1::Program>(kProgram), definitions->catalog, &definitions->sources);
  ASSERT_TRUE(catalog.ok()) << catalog.status().message();
  EXPECT_NE((*catalog)->FindMetric("large_deal_share"), nullptr);
}

TEST_F(FilesTest, RefusesSyntaxErrors) {
  const std::string path = Write("a.textproto", "measures {\n  idd: \"m\"\n}\n");
  const absl::Status status = LoadDefinitions({path}).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr(path + ":2:"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("idd"));
  EXPECT_THAT(std::string(LoadDefinitions({folder_ + "/none"}).status().message()), HasSubstr("cannot be read"));
}

TEST_F(FilesTest, RefusesAnIdInTwoFiles) {
  const std::string text = "\nmeasures { id: \"m\" fact: \"deal\" kind: MEASURE_KIND_FLOW at: \"closed_on\" }\n";
  const std::string first = Write("a.textproto", text), second = Write("sub/b.textproto", text);
  Write("programs/p.textproto", kProgram);
  Write("notes.txt", "not a definition");
  EXPECT_EQ(LoadDefinitions({folder_}).status().message(),
            second + ":2:1: measure \"m\" is already defined at " + first + ":2:1");
}

TEST_F(FilesTest, ProgrammesNameTheirPlaces) {
  const std::string path =
      Write("p.textproto", absl::StrCat(kProgram, "\nscorecard {\n  title: \"T\"\n  metrics: [\"x\", \"y\"]\n}\n"));
  DefinitionSources sources;
  const auto program = LoadProgram(path, &sources);
  ASSERT_TRUE(program.ok()) << program.status();
  const auto catalog = Catalog::Compile(*program, v1::Catalog(), &sources);
  EXPECT_THAT(std::string(catalog.status().message()), HasSubstr(path + ":4:"));
}

class ContributionTest : public testing::Test {
 protected:
  // "day:contributions:count:sum …"
  std::string Contribute(const std::string& measure, const v1::Project& project) {
    const auto catalog = Compile(absl::StrCat("measures { id: 'm' fact: 'project' ", measure, " }"));
    EXPECT_TRUE(catalog.ok()) << catalog.status().message();
    const TestRow row(project, "project");
    const absl::TimeZone zone = absl::UTCTimeZone();
    std::string text;
    for (const Contribution& c : ContributionsOf((*catalog)->measures()[0], {&row.row(), nullptr, &zone})) {
      absl::StrAppend(&text, DayText(c.day), ":", c.contributions, ":", c.count, ":", NanosText(c.sum), " ");
    }
    return text;
  }

  const std::string aging_ =
      "kind: MEASURE_KIND_STOCK from: 'm1_approved_on + days(61)' until: 'earliest(pto_on, cancelled_on)'";
  const std::string flow_ =
      "kind: MEASURE_KIND_FLOW at: 'm1_approved_on' sum: 'days_between(ntp_approved_on, m1_approved_on)'";
};

TEST_F(ContributionTest, StockBeginsAndEnds) {
  const auto project =
      Fact<v1::Project>("m1_approved_on { year: 2024 month: 1 day: 1 } pto_on { year: 2024 month: 4 day: 1 }");
  EXPECT_EQ(Contribute(aging_, project), "2024-03-02:1:1:0 2024-04-01:1:-1:0 ");
}

// Day 61 is the first aging day: with permission on it, the project never ages.
TEST_F(ContributionTest, EmptyIntervalsGiveNothing) {
  EXPECT_EQ(
      Contribute(aging_, Fact<v1::Project>(
                             "m1_approved_on { year: 2024 month: 1 day: 1 } pto_on { year: 2024 month: 3 day: 2 }")),
      "");
  EXPECT_EQ(
      Contribute(aging_, Fact<v1::Project>(
                             "m1_approved_on { year: 2024 month: 1 day: 1 } pto_on { year: 2024 month: 3 day: 3 }")),
      "2024-03-02:1:1:0 2024-03-03:1:-1:0 ");
  EXPECT_EQ(Contribute(aging_, Fact<v1::Project>("pto_on { year: 2024 month: 3 day: 3 }")), "");
}

TEST_F(ContributionTest, OpenIntervals) {
  EXPECT_EQ(Contribute(aging_, Fact<v1::Project>("m1_approved_on { year: 2024 month: 1 day: 1 }")),
            "2024-03-02:1:1:0 ");
}

TEST_F(ContributionTest, SumsAreScaledAndUnsetOnesNotCounted) {
  EXPECT_EQ(
      Contribute(flow_,
                 Fact<v1::Project>(
                     "ntp_approved_on { year: 2024 month: 1 day: 1 } m1_approved_on { year: 2024 month: 1 day: 8 }")),
      "2024-01-08:1:1:7 ");
  EXPECT_EQ(Contribute(flow_, Fact<v1::Project>("m1_approved_on { year: 2024 month: 1 day: 8 }")), "");
}

}  // namespace
}  // namespace partnermetrics
